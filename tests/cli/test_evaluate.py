"""``facefatigue evaluate``: on clips and videos, on the right people only."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.cli import main
from facefatigue.data.clip_list import read_clips
from facefatigue.data.split import labelled, read_split, split_folds, write_split
from facefatigue.model.artefact import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TINY = ["depth=10", "first_channel=8", "frames=8", "size_px=32", "threads=1", "epochs=1", "batch_size=8"]


@pytest.fixture
def run_folder(tmp_path: Path, write_clips: Callable[..., Path]) -> Path:
    """A folder with clips of 9 people in 12 recordings, a split of three folds, and a run on its first fold."""
    manifest = write_clips(tmp_path / "clips", np.linspace(0.02, 0.98, 36), subjects=9)
    lines = manifest.read_text().splitlines()
    # Clips of one recording are of one person and one score, as they come from prepare.
    rows = [line.split(",") for line in lines[1:]]
    with manifest.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*lines[0].split(","), "recording", "scenario", "kss", "label_source"])
        for number, (clip, _, _, blinks) in enumerate(rows):
            recording = number // 3
            score = (recording % 4) / 3
            kss = round(1 + 8 * score)
            writer.writerow(
                [
                    clip,
                    f"s{recording % 9}-{recording // 9}",
                    score,
                    blinks,
                    f"r{recording}",
                    f"at-{recording % 2}",
                    kss,
                    "synthetic: test",
                ]
            )
    clips = read_clips(manifest)
    write_split(split_folds(labelled(clips), 3, seed=0, source="test"), tmp_path / "split.json")
    train = ["train", "--clips", str(manifest), "--split", str(tmp_path / "split.json"), "--out", str(tmp_path / "run")]
    assert main([*train, *TINY]) == 0
    return tmp_path


def command(folder: Path, *more: str) -> list[str]:
    return ["evaluate", str(folder / "run" / "model"), "--clips", str(folder / "clips"), "--draws", "50", *more]


@pytest.mark.slow
def test_the_test_part_clip_by_clip_and_recording_by_recording(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    split = run_folder / "split.json"
    out = run_folder / "result"
    capsys.readouterr()
    assert main(command(run_folder, "--split", str(split), "--calibrate", "temperature", "--out", str(out))) == 0
    printed = capsys.readouterr().out
    assert "clips of 4 people (synthetic)" in printed
    found = json.loads((out / "clips" / "evaluation.json").read_text())
    test = set(read_split(split).folds[0]["test"])
    assert {entry["value"] for entry in found["per_subject"]} == test
    assert read_split(split).sha256[:12] in found["provenance"]["split"]
    assert found["provenance"]["synthetic"] is True
    assert found["calibrated"]["method"]["method"] == "temperature"
    assert set(found["groups"]) == {"scenario"}
    assert found["drowsiness"] is None, "one recording is one event"
    videos = json.loads((out / "videos" / "evaluation.json").read_text())
    assert videos["items"] == found["items"] / 3
    assert videos["provenance"]["unit"] == "videos"
    assert videos["drowsiness"]["events"] > 0
    assert (out / "clips" / "index.html").is_file()


@pytest.mark.slow
def test_people_of_the_training_are_refused(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    split = str(run_folder / "split.json")
    out = str(run_folder / "result")
    capsys.readouterr()
    for more in ((), ("--split", split, "--part", "train"), ("--split", split, "--fold", "3", "--part", "test")):
        assert main(command(run_folder, *more, "--out", out)) == 6
        assert "was trained on" in capsys.readouterr().err
    assert not (run_folder / "result").exists()
    assert main(command(run_folder, "--people-seen", "--out", out)) == 0
    notes = json.loads((run_folder / "result" / "clips" / "evaluation.json").read_text())["notes"]
    assert notes[0].startswith("NOT A TEST: the model was trained on")
    assert main(command(run_folder, "--split", split, "--part", "validation", "--out", out)) == 6  # other items there
    assert "holds the results of another model or split" in capsys.readouterr().err
    others = ["--split", split, "--calibrate", "isotonic", "--calibrate-on", str(run_folder / "clips"), "--out", out + "2"]
    assert main(command(run_folder, *others)) == 6
    assert "calibrate it on other people" in capsys.readouterr().err
    later = ["--split", split, "--fold", "2", "--calibrate", "isotonic", "--out", out + "3"]  # its validation is trained on
    assert main(command(run_folder, *later)) == 6
    assert "calibrate it on other people" in capsys.readouterr().err
    assert main(["evaluate", DEFAULT_MODEL, "--clips", "a", "--out", out]) == 6
    assert "holds the results of another model" in capsys.readouterr().err


@pytest.mark.slow
def test_the_runs_own_validation(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = [
        "train",
        "--clips",
        str(run_folder / "clips"),
        "--split",
        str(run_folder / "split.json"),
        "--out",
        str(run_folder / "run"),
    ]
    assert main([*train, "-e", *TINY]) == 0
    found = json.loads((run_folder / "run" / "validation" / "clips" / "evaluation.json").read_text())
    assert "chose the checkpoint" in found["notes"][0]


@pytest.mark.slow
def test_recordings_are_scored_as_predict_scores_them(
    sample: Path, write_video: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import facefatigue

    blank = write_video("blank.mp4", [np.full((64, 96, 3), 90, np.uint8)] * 30)
    lines = ["video,subject,score,scenario", f"{sample},ann,0.9,desk", f"{blank},bob,0.1,desk"]
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "out"
    assert main(["evaluate", DEFAULT_MODEL, "--videos", str(tmp_path), "--engine", "onnxruntime", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "1 videos of 1 people" in printed
    with facefatigue.Estimator(engine="onnxruntime") as estimator:
        face = estimator.analyze(sample).report.faces[0]
    with (out / "videos" / "predictions.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["score"]) == pytest.approx(face.score, abs=1e-6)
    assert (row["called_fatigue"].lower() in {"1", "true"}) == (face.label == "fatigue")
    assert "no face was found" in (out / "unscored.csv").read_text()
    notes = json.loads((out / "videos" / "evaluation.json").read_text())["notes"]
    assert any("1 of 2 recordings could not be scored" in note for note in notes)
    (tmp_path / "manifest.csv").write_text("\n".join([lines[0], lines[2]]) + "\n")
    assert main(["evaluate", DEFAULT_MODEL, "--videos", str(tmp_path), "--out", str(out)]) == 6
    assert "none of the 1 recordings could be scored" in capsys.readouterr().err


def test_calls_that_make_no_sense(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = ["evaluate", DEFAULT_MODEL, "--out", str(tmp_path / "out")]
    for more, code, words in (
        ([], 2, "either --clips or --videos"),
        (["--clips", "a", "--calibrate", "isotonic"], 2, "needs other people"),
        (["--clips", "a", "--calibrate-on", "b"], 2, "needs --calibrate"),
        (["--clips", "a", "--split", "b", "--part", "validation", "--calibrate", "isotonic"], 2, "use --part test"),
        (["--clips", "a", "--draws", "0"], 2, "at least 1 draw"),
        (["--clips", "a", "--seed", "-1"], 2, "the seed at least 0"),
        (["--clips", str(tmp_path / "none")], 6, "No such file"),
        (["--clips", "a", "--split", str(tmp_path / "none.json")], 6, "No such file"),
    ):
        assert main([*base, *more]) == code
        assert words in capsys.readouterr().err
    assert main(["evaluate", "no-such-model", "--clips", "a", "--out", str(tmp_path / "out")]) == 5
    assert not list((tmp_path / "out").glob("*"))
