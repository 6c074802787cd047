"""Where baselines are kept: names that cannot lead out of the folder, and what is said where there is none."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

from facefatigue.errors import ConfigurationError, OutputError, UsageError
from facefatigue.signs import Baseline, LidLevels, Statistic, read_baseline, write_baseline
from facefatigue.signs.baseline_store import (
    baseline_names,
    baseline_path,
    baselines_folder,
    check_name,
    find_baseline,
    remove_baseline,
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's data folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path


def baseline(name: str = "me") -> Baseline:
    return Baseline(
        name=name,
        recordings=1,
        read_s=90.0,
        lid_levels=LidLevels(open=(0.8, 0.8), shut=(0.2, 0.2)),
        statistics={"score": Statistic(median=0.2, spread=0.05, n=30)},
        model="some-model 1.0.0",
    )


def store(name: str) -> Path:
    path = baseline_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_baseline(baseline(name), path)
    return path


def test_the_folder_is_the_users_own(home: Path) -> None:
    assert baselines_folder() == home / "facefatigue" / "baselines"
    if sys.platform != "win32":
        for given in ({}, {"XDG_DATA_HOME": ""}, {"XDG_DATA_HOME": "not/absolute"}):
            assert baselines_folder(given) == Path.home() / ".local" / "share" / "facefatigue" / "baselines"


@pytest.mark.parametrize("name", ["me", "Anna B", "driver-07", "_x", "İpek", "学生1", "हिंदी", "a@b.c", "v1.0", "Zoé"])
def test_names(name: str, home: Path) -> None:
    path = store(name)
    assert path.parent == home / "facefatigue" / "baselines"
    assert find_baseline(name).name == name
    assert baseline_names() == [path.stem]


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "..", "../me", "a/b", "a\\b", "/etc/passwd", "C:me", ".me", "-me", "me.", "me ", " me", "me.json", "ME.JSON",
     "con", "NUL", "com1.x", "a\nb", "a\x00b", "a\u202eb", "\udcff", "~", "$HOME", "a*", "a" * 201, "é" * 101],
)  # fmt: skip
def test_what_could_be_a_path_is_no_name(name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a baseline") as caught:
        check_name(name)
    assert "\n" not in str(caught.value)


def test_the_same_name_in_another_composition_is_the_same_file() -> None:
    assert baseline_path("Zoe\u0301") == baseline_path("Zo\u00e9")


def test_a_name_a_file_or_the_baseline_itself(tmp_path: Path) -> None:
    own = baseline()
    assert find_baseline(own) is own
    write_baseline(own, tmp_path / "x.json")
    assert find_baseline(str(tmp_path / "x.json")) == find_baseline(tmp_path / "x.json") == own
    store("other")
    assert find_baseline("other").name == "other"


def test_a_missing_one_is_answered_with_those_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no baseline 'me'; there is none yet .*baseline VIDEO"):
        find_baseline("me")
    store("Zoe")
    store("anna")
    for search in (find_baseline, remove_baseline):
        with pytest.raises(ConfigurationError, match="there is no baseline 'me'; there are: anna, Zoe"):
            search("me")
    with pytest.raises(ConfigurationError, match=r"none.json: the baseline cannot be read \(No such file"):
        find_baseline(str(tmp_path / "none.json"))


def test_only_baselines_are_listed(home: Path) -> None:
    assert baseline_names() == []
    folder = store("me").parent
    (folder / "notes.txt").touch()
    (folder / ".1234.part.json").touch()
    assert baseline_names() == ["me"]


def test_a_removed_one_is_gone() -> None:
    path = store("me")
    assert remove_baseline("me") == path
    assert baseline_names() == []
    with pytest.raises(UsageError):
        remove_baseline("../me")


def test_what_cannot_be_removed_or_listed_is_said(home: Path) -> None:
    folder = home / "facefatigue" / "baselines"
    (folder / "me.json").mkdir(parents=True)
    with pytest.raises(OutputError, match="me.json"):
        remove_baseline("me")
    folder.rename(home / "old")
    folder.touch()
    with pytest.raises(ConfigurationError, match="the folder of baselines cannot be read"):
        baseline_names()


def test_the_network_is_noted_and_older_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_baseline(baseline(), path)
    assert read_baseline(path).model == "some-model 1.0.0"
    path.write_text(path.read_text().replace('  "model": "some-model 1.0.0",\n', ""))
    assert read_baseline(path) == dataclasses.replace(baseline(), model=None)
    path.write_text(path.read_text().replace('"read_s"', '"model": 7, "read_s"'))
    with pytest.raises(ConfigurationError, match="not a baseline: model should be a text of one line, not 7"):
        read_baseline(path)


def test_levels_are_used_where_an_eye_has_both() -> None:
    own = baseline()
    assert own.levels == own.lid_levels
    half = dataclasses.replace(own, lid_levels=LidLevels(open=(None, 0.8), shut=(None, 0.2)))
    assert half.levels == half.lid_levels
    none = dataclasses.replace(own, lid_levels=LidLevels(open=(0.8, None), shut=(None, 0.2)))
    assert none.levels is None
