"""The registry of layouts, and what is the same for all of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from facefatigue.data import layouts
from facefatigue.data.layouts import LAYOUTS, read_layout
from facefatigue.data.layouts.reading import bare_name
from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

DATA_SETS = [name for name in LAYOUTS if name != "published"]


def test_public_names() -> None:
    assert list(LAYOUTS) == ["uta-rldd", "nthu-ddd", "yawdd", "drozy", "daisee", "published"]
    assert (
        sorted(layouts.__all__)
        == layouts.__all__
        == [
            "LAYOUTS",
            "Layout",
            "Reading",
            "Skipped",
            "read_daisee",
            "read_drozy",
            "read_layout",
            "read_nthu_ddd",
            "read_published_list",
            "read_uta_rldd",
            "read_yawdd",
        ]
    )


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_layout_explains_itself(name: str) -> None:
    layout = LAYOUTS[name]
    assert layout.name == name
    assert layout.describes.endswith(".")
    assert layout.describes.count(".") == 1
    assert "\n" not in layout.tree


@pytest.mark.parametrize("name", DATA_SETS)
def test_wrong_roots_say_what_is_expected(name: str, root: Path, touch: Callable[..., None]) -> None:
    with pytest.raises(ConfigurationError, match="no such folder; .* is expected as ROOT/"):
        read_layout(name, root / "missing")
    touch("notes.txt")
    with pytest.raises(ConfigurationError, match="there is no video below it; .* is expected as ROOT/"):
        read_layout(name, root)
    touch("holiday/beach.mp4", "KSS.txt", "TrainLabels.csv")
    (root / "KSS.txt").write_text("1 2 3\n" * 14)
    (root / "TrainLabels.csv").write_text("ClipID,Boredom,Engagement,Confusion,Frustration\n")
    with pytest.raises(ConfigurationError, match=r"none of its videos can be used \(1 × .*\); .* is expected as ROOT/"):
        read_layout(name, root)


def test_unknown_names_and_options(root: Path) -> None:
    with pytest.raises(ConfigurationError, match="no layout 'uta'; it must be one of uta-rldd, nthu-ddd, "):
        read_layout("uta", root)
    with pytest.raises(ConfigurationError, match="uta-rldd has no option min_s; its options: none"):
        read_layout("uta-rldd", root, min_s=2.0)
    with pytest.raises(ConfigurationError, match="nthu-ddd has no option target; its options: min_s"):
        read_layout("nthu-ddd", root, target="boredom")
    with pytest.raises(ConfigurationError, match="the target is 'joy'"):
        read_layout("daisee", root, target="joy")


def test_options_are_named_as_the_readers_name_them() -> None:
    import inspect

    for layout in LAYOUTS.values():
        _, *options = inspect.signature(layout.reader).parameters
        assert options == list(layout.options)


@pytest.mark.parametrize(("name", "bare"), [("a.AVI", "a"), ("a.avi.avi", "a"), ("a .avi", "a"), ("a.b.mp4", "a.b")])
def test_bare_name(name: str, bare: str) -> None:
    assert bare_name(Path("folder", name)) == bare


def test_links_are_followed_once_and_side_files_of_macos_are_no_videos(
    root: Path, tmp_path: Path, touch: Callable[..., None], reasons: Callable[..., dict[str, str]]
) -> None:
    touch("Fold1_part1/01/0.mov", "Fold1_part1/01/._0.mov")
    other = tmp_path / "disk"
    (other / "13").mkdir(parents=True)
    (other / "13" / "5.mov").write_bytes(b"video")
    (root / "Fold2_part1").symlink_to(other)
    (other / "loop").symlink_to(root)
    reading = read_layout("uta-rldd", root)
    assert [(one.subject, one.further["fold"]) for one in reading.recordings] == [("01", "1"), ("13", "2")]
    assert reasons(reading) == {"Fold1_part1/01/._0.mov": "it is a side file of macOS, not a video"}


def test_importing_loads_no_decoder() -> None:
    code = "import sys, facefatigue.data.layouts; sys.exit(bool({'av', 'torch', 'numpy'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True)
