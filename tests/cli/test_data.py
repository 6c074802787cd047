"""``facefatigue data``: from the command line to the exit code."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes lines as manifest.csv beside twelve empty videos 0.mp4 to 11.mp4."""
    for number in range(12):
        (tmp_path / f"{number}.mp4").touch()

    def write(*lines: str) -> Path:
        (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return tmp_path

    return write


def test_check_names_every_fault(manifest: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    folder = manifest("video,subject,score", *(f"{n}.mp4,,{n}" for n in range(12)), "none.mp4,a,0.5")
    assert main(["data", "check", str(folder)]) == 6
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 12 + 10 + 1 + 1, "twelve without subject, ten with a wrong score, one missing, and the sum"
    assert lines[-1].endswith("23 faults")
    folder = manifest("video,subject,score", "0.mp4,a,0.5")
    assert main(["data", "check", str(folder)]) == 6
    assert "the file is empty" in capsys.readouterr().err
    assert main(["data", "check", str(folder), "--no-open"]) == 0
    assert "1 recording of 1 subject, no faults" in capsys.readouterr().out


def test_check_says_what_there_is(manifest: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    folder = manifest("video,subject,rater_1,rater_2,scenario", "0.mp4,a,1,2,work", "1.mp4,b,4,5,home")
    assert main(["data", "check", str(folder), "--no-open"]) == 0
    printed = capsys.readouterr().out
    assert "1 of at least 0.5 (fatigue)" in printed
    assert "labels: mean of 2 raters" in printed
    assert "scenarios: home, work" in printed


def test_import_of_the_published_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("ann_1.mp4", "ann_2.MOV", "bob_1.mp4", "extra.mp4"):
        (tmp_path / name).touch()
    (tmp_path / "list.txt").write_text("ann_1 1\nann_2 3.5\nbob_1 5\n")
    out = tmp_path / "out.csv"
    command = ["data", "import", "published", str(tmp_path / "list.txt"), str(out)]
    assert main(command) == 6
    assert main([*command, "--subject-pattern", r"(\w+)_\d"]) == 0
    assert "3 recordings of 2 subjects" in capsys.readouterr().out
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["video"], row["subject"], float(row["score"])) for row in rows] == [
        ("ann_1.mp4", "ann", 0), ("ann_2.MOV", "ann", 0.625), ("bob_1.mp4", "bob", 1),
    ]  # fmt: skip
    with (tmp_path / "out.skipped.csv").open(newline="") as file:
        assert [row["path"].endswith("extra.mp4") for row in csv.DictReader(file)] == [True]
    assert main(["data", "import", "nothing", str(tmp_path), str(tmp_path / "b.csv")]) == 6
    assert "uta-rldd" in capsys.readouterr().err
    for other in (out, tmp_path / "list.txt", tmp_path / "new.parquet"):
        assert main(["data", "import", "published", str(tmp_path / "list.txt"), str(other)]) == 2
    assert (tmp_path / "list.txt").read_text().startswith("ann_1 1")


def test_agreement_of_raters(manifest: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pingouin")
    ratings = [(1, 1.5, 2), (2, 2, 3), (3, 3.5, 4), (4, 4, 5), (5, 4.5, 5), (2, 1, 2.5), (3, 3, 3)]
    folder = manifest(
        "video,subject,rater_a,rater_b,rater_c", *(f"{n}.mp4,s,{a},{b},{c}" for n, (a, b, c) in enumerate(ratings))
    )
    assert main(["data", "agreement", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "7 recordings with two ratings or more, 7 rated by all 3 raters" in printed
    assert "ICC(2,3), of the mean of all raters: 0.9" in printed
    assert "rater_c: +0.6" in printed
    folder = manifest("video,subject,score", "0.mp4,a,0.5")
    assert main(["data", "agreement", str(folder)]) == 6


def test_split_of_recordings_and_of_clips(
    manifest: Callable[..., Path], write_clips: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = manifest("video,subject,score", *(f"{n}.mp4,s{n % 6},{n / 11}" for n in range(12)))
    assert main(["data", "split", str(folder), "--folds", "3", "--out", str(tmp_path / "a.json")]) == 0
    assert "fold 3: train 2 people, 4 items" in capsys.readouterr().out
    clips = write_clips(tmp_path / "clips", np.random.default_rng(0).random(24), subjects=6)
    assert main(["data", "split", str(clips), "--out", str(tmp_path / "b.json")]) == 0
    assert json.loads((tmp_path / "b.json").read_text())["scheme"] == "parts"
    assert main(["data", "split", str(clips), "--leave-one-out", "--out", str(tmp_path / "c.json")]) == 0
    assert len(json.loads((tmp_path / "c.json").read_text())["folds"]) == 6
    assert main(["data", "split", str(clips), "--folds", "7", "--out", str(tmp_path / "d.json")]) == 6
    assert "6 people are too few for 7 folds" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["data", "split", str(clips), "--shares", "1,2", "--out", str(tmp_path / "d.json")])
    assert not (tmp_path / "d.json").exists()
