"""A small grid over folds: resumed, compared, written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.ablate.grid import SUITES, make_grid, read_grid, suite
from facefatigue.ablate.results import compare, write_results
from facefatigue.ablate.run import run_grid
from facefatigue.cli import main
from facefatigue.data.clip_list import read_clips
from facefatigue.data.split import labelled, split_folds, write_split
from facefatigue.errors import ConfigurationError
from facefatigue.evaluate import Provenance

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TINY = {
    "depth": 10, "first_channel": 8, "frames": 8, "size_px": 32, "threads": 1, "epochs": 1, "batch_size": 8, "dropout": 0.0,
}  # fmt: skip


@pytest.fixture
def clips_file(tmp_path: Path, write_clips: Callable[..., Path]) -> Path:
    """36 clips of 9 subjects."""
    return write_clips(tmp_path / "clips", np.random.default_rng(2).random(36), subjects=9)


def test_suites_are_valid_and_name_their_variants() -> None:
    for name in SUITES:
        grid = suite([name], {})
        assert grid.reference == grid.variants[0].name
        assert len({json.dumps(variant.settings.decisive()) for variant in grid.variants}) == len(grid.variants)
    both = suite(["baselines", "head"], {"epochs": 3})
    assert both.reference == "non-local-3d"
    assert all(variant.settings.epochs == 3 for variant in both.variants)
    thin = {variant.name: variant for variant in suite(["frame-rate"], {}).variants}["every-4th"]
    assert (thin.every, thin.settings.frames, thin.settings.frame_rate_hz) == (4, 8, 3.125)
    half = {variant.name: variant for variant in suite(["length"], {}).variants}["half"]
    assert (half.middle, half.settings.frames, half.settings.frame_rate_hz) == (16, 16, 12.5)
    with pytest.raises(ConfigurationError, match="there is no suite others"):
        suite(["others"], {})


def test_a_file_with_variants_and_combinations(tmp_path: Path) -> None:
    path = tmp_path / "grid.toml"
    path.write_text(
        'reference = "paper"\n[base]\nepochs = 2\nsize_px = 64\n[variants.paper]\npreset = "paper"\nsize_px = 48\n'
        "[grid]\nclasses = [2, 10]\ndropout = [0.1, 0.2]\n"
    )
    grid = read_grid(path, {"seed": 7})
    assert [variant.name for variant in grid.variants] == [
        "paper", "classes=2+dropout=0.1", "classes=2+dropout=0.2", "classes=10+dropout=0.1", "classes=10+dropout=0.2",
    ]  # fmt: skip
    paper, two = grid.variants[0].settings, grid.variants[1].settings
    assert (paper.learning_rate, paper.epochs, paper.size_px, paper.seed) == (1e-5, 2, 48, 7)
    assert (two.classes, two.dropout, two.size_px) == (2, 0.1, 64)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no variant"),
        ("[variant.a]\nepochs = 1", "variant is not known"),
        ("[variants.a]\nepoch = 1\n[variants.b]\nepochs = 0", r"a: a: there is no setting epoch.*b: .*epochs is 0"),
        ("[grid]\nepochs = 3", "grid.epochs is not what it should be"),
        ('reference = "x"\n[variants.a]\n', "the reference is 'x'"),
        ('[variants."../a"]\n', "is not made of letters"),
        ("[variants.a]\nevery_nth_frame = 5", "does not divide the 32 frames"),
        ("[variants.a]\nmiddle_part = 0.33", "not a whole number of the 32 frames"),
        ("[variants.a]\nmiddle_part = 1.5", r"must be a number in \(0, 1\]"),
        ("[variants.a]\nmiddle_part = 0.25\nevery_nth_frame = 16", "does not divide the 8 frames"),
        ('[variants.a]\npreset = "best"', "no preset 'best'"),
    ],
)
def test_wrong_grids(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "grid.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=words):
        read_grid(tmp_path / "grid.toml", {})


@pytest.mark.slow
def test_a_stopped_grid_goes_on_and_everyone_is_tested_once(clips_file: Path, tmp_path: Path) -> None:
    clips = read_clips(clips_file, auxiliary=("blinks",))
    split = split_folds(labelled(clips), 3, seed=0, source="here")
    grid = make_grid({"a": {}, "thin": {"every_nth_frame": 2}, "bad": {"learning_rate": 1e30}}, TINY)
    seen: list[tuple[str, int, bool]] = []

    def stop_after_four(name: str, fold: int, done: bool) -> None:
        seen.append((name, fold, done))
        if len(seen) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_grid(grid, clips, split, tmp_path / "out", on_fold=stop_after_four)
    first = list(seen)
    tested = run_grid(grid, clips, split, tmp_path / "out", on_fold=lambda *entry: seen.append(entry))
    again = seen[len(first) :]
    assert [entry[:2] for entry in again] == [("a", 0), ("thin", 0), ("a", 1), ("thin", 1), ("a", 2), ("thin", 2)]
    assert [entry[2] for entry in again] == [True, True, True, True, False, False]
    a, thin, bad = tested
    assert a.predictions is not None
    assert sorted(a.predictions.item.tolist()) == sorted(clip.cells["clip"] for clip in clips.clips)
    assert {len(set(a.predictions.subject[a.predictions.fold == fold].tolist())) for fold in (1, 2, 3)} == {3}
    assert thin.variant.settings.frames == 4
    assert bad.predictions is None
    assert "training stopped" in str(bad.failure)

    compared = compare(tested, "a", draws=200, seed=0)
    assert compared[0].difference is None
    assert compared[1].adjusted_p is not None
    provenance = Provenance(
        model_name="ablation", model_version="", model_sha256="", list_path="x", list_fingerprint="0", split="three folds",
        label_source="synthetic", synthetic=True, unit="clips",
    )  # fmt: skip
    write_results(compared, "a", tmp_path / "out", provenance, draws=200)
    table = (tmp_path / "out" / "table.md").read_text()
    assert "a (reference)" in table
    assert "bad failed" in table
    found = json.loads((tmp_path / "out" / "ablation.json").read_text())
    assert [entry["name"] for entry in found["variants"]] == ["a", "thin", "bad"]
    assert (tmp_path / "out" / "ablation.png").stat().st_size > 1000

    other = make_grid({"a": {"dropout": 0.5}}, TINY)
    with pytest.raises(ConfigurationError, match="another ablation \\(variant a differ"):
        run_grid(other, clips, split, tmp_path / "out")
    with pytest.raises(ConfigurationError, match="no fold 4"):
        run_grid(grid, clips, split, tmp_path / "new", folds=[3])
    wrong = make_grid({"a": {"size_px": 48}, "b": {"auxiliary": ("yawns",)}}, TINY)
    with pytest.raises(ConfigurationError, match=r"a: the clips are \(8, 32, 32, 3\).*b: .* has no column yawns"):
        run_grid(wrong, clips, split, tmp_path / "new")
    seen = make_grid({"a": {"init": str(tmp_path / "out" / "runs" / "a" / "fold-1" / "model")}}, TINY)
    with pytest.raises(ConfigurationError, match="its first weights were shaped by 'clips-1'"):
        run_grid(seen, clips, split, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_from_the_command_line(clips_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clips = read_clips(clips_file)
    write_split(split_folds(labelled(clips), 3, seed=0, source="here"), tmp_path / "split.json")
    command = ["ablate", "--clips", str(clips_file), "--split", str(tmp_path / "split.json"), "--out", str(tmp_path / "out")]
    settings = [f"{key}={value}" for key, value in TINY.items()]
    assert main([*command, "--suite", "presets", "--grid", "x", *settings]) == 2
    assert main([*command, "--suite", "head", "--folds", "2", "--draws", "50", "classes=4", *settings]) == 0
    printed = capsys.readouterr()
    assert "Faces: recorded" in printed.out
    assert "12 clips of 3 people" in printed.out
    assert "run 6 of 6: bootstrapped, fold 2 done" in printed.err
    assert main([*command, "--suite", "head", "--folds", "2", "--draws", "50", "classes=4", *settings]) == 0
    assert "run 6 of 6: bootstrapped, fold 2 was done before" in capsys.readouterr().err
