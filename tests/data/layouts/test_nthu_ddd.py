from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.data.layouts import read_nthu_ddd
from facefatigue.data.rows import FaultsError
from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FRAMES = 100


@pytest.fixture
def place(root: Path, write_video: Callable[..., Path]) -> Callable[..., Path]:
    """Put a real video of 100 frames somewhere below the root; each rate is encoded once."""
    made: dict[int, Path] = {}

    def put(name: str, *, rate: int = 25) -> Path:
        if rate not in made:
            made[rate] = write_video(f"{rate}.avi", [np.zeros((16, 16, 3), np.uint8)] * FRAMES, rate=rate, codec="mpeg4")
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(made[rate], path)
        return path

    return put


def label(root: Path, name: str, digits: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(digits)


def test_runs_become_recordings(root: Path, place: Callable[..., Path], settle: Callable) -> None:
    place("Training/001/glasses/sleepyCombination.avi")
    label(
        root, "Training/001/glasses/001_sleepyCombination_drowsiness.txt", "0" * 30 + "1" * 10 + "0" * 25 + "1" * 35 + "\n"
    )
    label(root, "Training/001/glasses/001_sleepyCombination_eye.txt", "x")
    place("Training/001/night_noglasses/yawning.avi", rate=15)
    label(root, "Training/001/night_noglasses/001_yawning_drowsiness.txt", "1" * 60 + "0" * 40)
    reading = read_nthu_ddd(root)
    settle(reading)
    assert [(one.score, one.start_s, one.end_s) for one in reading.recordings] == [
        (0.0, 0.0, pytest.approx(1.2)),
        (0.0, pytest.approx(1.6), pytest.approx(2.6)),  # one second exactly
        (1.0, pytest.approx(2.6), pytest.approx(4.0)),
        (1.0, 0.0, pytest.approx(4.0)),  # 15 frames a second at night
        (0.0, pytest.approx(4.0), pytest.approx(100 / 15)),
    ]
    (short,) = reading.skipped
    assert (short.reason, short.start_s, short.end_s) == (
        "a run of labels shorter than 1 s",
        pytest.approx(1.2),
        pytest.approx(1.6),
    )
    day, night = reading.recordings[0], reading.recordings[-1]
    assert (day.subject, day.session, day.scenario) == ("001", "001-glasses-sleepyCombination", "glasses")
    assert dict(day.further) == {"glasses": "glasses", "light": "infrared day", "behaviour": "sleepyCombination"}
    assert (night.session, night.scenario) == ("001-night_noglasses-yawning", "night_noglasses")
    assert dict(night.further) == {"glasses": "none", "light": "infrared night", "behaviour": "yawning"}
    assert {one.label_source for one in reading.recordings} == {"NTHU-DDD frame annotation (acted)"}


def test_min_s(root: Path, place: Callable[..., Path], settle: Callable, reasons: Callable) -> None:
    video = place("004_glasses_mix.mp4")
    label(root, "004_glasses_mixing_drowsiness.txt", "0" * 30 + "1" * 10 + "0" * 60)
    assert len(settle(read_nthu_ddd(root, min_s=0.0))) == 1
    assert len(read_nthu_ddd(root, min_s=0.0).recordings) == 3
    assert [one.start_s for one in read_nthu_ddd(root, min_s=2.0).recordings] == pytest.approx([1.6])
    with pytest.raises(ConfigurationError, match="1 × none of its runs of labels is as long as 5 s"):
        read_nthu_ddd(root, min_s=5.0)
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigurationError, match="min_s is"):
            read_nthu_ddd(video, min_s=wrong)


def test_evaluation_and_test_parts(
    root: Path, place: Callable[..., Path], touch: Callable[..., None], settle: Callable, reasons: Callable
) -> None:
    place("Evaluation/004/004_nightglasses_mix.mp4")
    label(root, "Evaluation/004/004_nightglasses_mixing_drowsiness.txt", "1" * FRAMES)
    place("Testing/003_nightnoglasses_mix.MP4")
    label(root, "Testing/test_label_txt/wh/003_night_noglasses_mixing_drowsiness.txt", "0" * FRAMES)
    touch("Testing/010_sunglasses_mix.mp4")
    reading = read_nthu_ddd(root)
    found = settle(reading)
    assert {path: (one.subject, one.score, one.session) for path, one in found.items()} == {
        "Evaluation/004/004_nightglasses_mix.mp4": ("004", 1.0, "004-night_glasses-mix"),
        "Testing/003_nightnoglasses_mix.MP4": ("003", 0.0, "003-night_noglasses-mix"),
    }
    assert reasons(reading) == {
        "Testing/010_sunglasses_mix.mp4": "there is no annotation …_drowsiness.txt of it, and the test part came without"
    }


def test_without_annotations_the_class_counts_where_it_can(
    root: Path, touch: Callable[..., None], settle: Callable, reasons: Callable
) -> None:
    touch(
        "002/noglasses/nonsleepyCombination.AVI",
        "002/noglasses/sleepyCombination.avi",
        "002/noglasses/yawning.avi",
        "002/noglasses/slowBlinkWithNodding.avi",
        "flat/005_sunglasses_nonsleepycombination.avi",
        "002/noglasses/other.avi",
        "yawning.avi",
    )
    reading = read_nthu_ddd(root)
    found = settle(reading)
    assert {path: (one.subject, one.score, one.start_s) for path, one in found.items()} == {
        "002/noglasses/nonsleepyCombination.AVI": ("002", 0.0, None),
        "002/noglasses/sleepyCombination.avi": ("002", 1.0, None),
        "flat/005_sunglasses_nonsleepycombination.avi": ("005", 0.0, None),
    }
    assert {one.label_source for one in found.values()} == {"NTHU-DDD class of the whole video (acted)"}
    why = reasons(reading)
    assert why["002/noglasses/yawning.avi"] == why["002/noglasses/slowBlinkWithNodding.avi"]
    assert why["002/noglasses/yawning.avi"].endswith("and its class shows both states")
    assert (
        why["002/noglasses/other.avi"]
        == why["yawning.avi"]
        == "its folders and name give no subject, scenario and behaviour"
    )


def test_an_annotation_beside_its_video_comes_first_and_copies_count_once(
    root: Path, place: Callable[..., Path], settle: Callable, reasons: Callable
) -> None:
    place("a/001/glasses/yawning.avi")
    place("b/001/glasses/yawning.avi")
    label(root, "a/001_glasses_yawning_drowsiness.txt", "0" * FRAMES)
    label(root, "a/001/glasses/001_yawning_drowsiness.txt", "1" * FRAMES)
    reading = read_nthu_ddd(root)
    assert {path: one.score for path, one in settle(reading).items()} == {"a/001/glasses/yawning.avi": 1.0}
    assert reasons(reading) == {"b/001/glasses/yawning.avi": f"it is a second copy of {root / 'a/001/glasses/yawning.avi'}"}


def test_annotations_longer_or_shorter_than_the_video(
    root: Path, place: Callable[..., Path], settle: Callable, reasons: Callable
) -> None:
    place("001/glasses/yawning.avi")
    label(root, "001/glasses/001_yawning_drowsiness.txt", "1" * (FRAMES + 9))
    place("002/glasses/yawning.avi", rate=5)
    label(root, "002/glasses/002_yawning_drowsiness.txt", "1" * (FRAMES - 5))
    place("003/glasses/yawning.avi")
    label(root, "003/glasses/003_yawning_drowsiness.txt", "1" * (FRAMES * 2))
    reading = read_nthu_ddd(root)
    found = settle(reading)
    assert {path: one.end_s for path, one in found.items()} == {
        "001/glasses/yawning.avi": pytest.approx(4.0),
        "002/glasses/yawning.avi": pytest.approx(19.0),
    }
    (unlabelled,) = (one for one in reading.skipped if one.start_s is not None)
    assert (unlabelled.reason, unlabelled.start_s, unlabelled.end_s) == (
        "no label",
        pytest.approx(19.0),
        pytest.approx(20.0),
    )
    assert reasons(reading) == {
        "003/glasses/yawning.avi": "it has 100 frames, but its annotation 200 labels; they do not belong together"
    }


def test_a_broken_video_is_skipped(
    root: Path, place: Callable[..., Path], touch: Callable[..., None], reasons: Callable
) -> None:
    place("001/glasses/yawning.avi")
    label(root, "001/glasses/001_yawning_drowsiness.txt", "1" * FRAMES)
    touch("002/glasses/yawning.avi")
    label(root, "002/glasses/002_yawning_drowsiness.txt", "1" * FRAMES)
    why = reasons(read_nthu_ddd(root))
    assert why["002/glasses/yawning.avi"].startswith("it cannot be read: ")


def test_damaged_annotations_name_every_line(root: Path, touch: Callable[..., None]) -> None:
    touch("001/glasses/yawning.avi", "002/glasses/yawning.avi", "003/glasses/yawning.avi", "004_glasses_mix.mp4")
    label(root, "001/glasses/001_yawning_drowsiness.txt", "0101\n01 21x\n0000\n/0101\n")
    label(root, "002/glasses/002_yawning_drowsiness.txt", "\n")
    (root / "003/glasses/003_yawning_drowsiness.txt").write_bytes(b"\xff\xff")
    label(root, "004_glasses_mixing_drowsiness.txt", "3" * 5000)
    with pytest.raises(FaultsError) as caught:
        read_nthu_ddd(root)
    first, second, third, fourth, fifth = caught.value.faults
    assert first == "001/glasses/001_yawning_drowsiness.txt line 2 has '2x', not only 0 and 1"
    assert second == "001/glasses/001_yawning_drowsiness.txt line 4 has '/', not only 0 and 1"
    assert third == "002/glasses/002_yawning_drowsiness.txt is empty"
    assert fourth.startswith("003/glasses/003_yawning_drowsiness.txt cannot be read: ")
    assert fifth == "004_glasses_mixing_drowsiness.txt line 1 has '3', not only 0 and 1"
