from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from facefatigue.report.drawing import FrameArtist
from facefatigue.report.face_signs import FaceSigns
from facefatigue.report.sign_marks import SIGN_COLOURS, SignMarks
from facefatigue.signs import measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.estimate.report import Analysis
    from facefatigue.signs import SignSeries


@pytest.fixture
def marks(make_series: Callable[..., SignSeries]) -> SignMarks:
    series = make_series(duration_s=70, shut=[(40, 42)], yawns=[(20, 26.5)], nods_s=[55.0], away=[(60, 63)])
    return SignMarks(FaceSigns(track=0, signs=measure(series).to_dict(), series=series))


def test_labels_come_and_go(marks: SignMarks) -> None:
    assert marks.labels_at(1.5) == []
    assert marks.labels_at(2.0) == [("blinks", "blink")]  # a blink at 2 s
    assert marks.labels_at(2.35) == [("blinks", "blink")]  # over, but to be seen
    assert marks.labels_at(3.0) == []
    assert ("yawns", "yawn") in marks.labels_at(23.0)
    assert marks.labels_at(41.0) == [("microsleeps", "eyes shut 1.0 s")]
    assert ("nods", "nod") in marks.labels_at(56.5)


def test_eyes_are_those_of_the_nearest_frame(marks: SignMarks) -> None:
    awake, shut = marks.eyes_at(10.01), marks.eyes_at(41.0)
    assert awake is not None
    assert shut is not None
    assert awake == pytest.approx([1, 1], abs=0.1)
    assert shut.max() < 0.2
    assert marks.eyes_at(61.5) is None
    assert marks.eyes_at(80.0) is None
    assert SignMarks(FaceSigns(track=0, signs={})).eyes_at(1.0) is None


def test_words_count_what_has_happened(marks: SignMarks) -> None:
    assert marks.words_at(1.0) == "0 blinks"
    assert marks.words_at(3.0) == "1 blink"
    later = marks.words_at(50.0)
    assert later.split(" ")[1] == "blinks,"
    assert later.endswith("% shut")
    assert SignMarks(FaceSigns(track=0, signs={})).words_at(5.0) == "blinks not measurable"


def coloured(frame: np.ndarray[Any, Any], colour: tuple[int, int, int]) -> bool:
    return bool((frame == np.array(colour)).all(axis=2).any())


def test_what_happens_is_drawn_at_the_face(
    make_analysis: Callable[..., Analysis], with_signs: Callable[..., Analysis], make_series: Callable[..., SignSeries]
) -> None:
    series = make_series(duration_s=40, yawns=[(20, 26.5)], shut=[(30, 32)])
    artist = FrameArtist(with_signs(make_analysis(windows=20, duration_s=40), {0: series}), 480, 360)
    frame = np.full((360, 480, 3), 128, np.uint8)
    above = slice(0, 300)
    assert not coloured(artist.draw(frame, 4.0)[above], SIGN_COLOURS["blinks"])
    assert coloured(artist.draw(frame, 2.05)[above], SIGN_COLOURS["blinks"])
    assert coloured(artist.draw(frame, 23.0)[above], SIGN_COLOURS["yawns"])
    assert coloured(artist.draw(frame, 31.0)[above], SIGN_COLOURS["microsleeps"])

    def bars(time_s: float) -> int:
        left = round(10 + 40 + 5 * time_s)  # the right edge of the box
        beside = artist.draw(frame, time_s)[20:50, left : left + 40]
        return int((beside == (225, 228, 232)).all(axis=2).sum())

    assert bars(28.0) > 100 > bars(31.0)
    # Both strips of the panel are there: one with the scores, one with the yawn.
    assert coloured(artist.draw(frame, 4.0)[300:], SIGN_COLOURS["yawns"])
    assert coloured(artist.draw(frame, 4.0)[300:], (255, 150, 70))


@pytest.mark.parametrize("size", [(16, 16), (176, 144), (480, 640), (3840, 2160)])
@pytest.mark.parametrize("faces", [1, 12])
def test_any_size_and_any_number_of_faces(
    make_analysis: Callable[..., Analysis],
    with_signs: Callable[..., Analysis],
    make_series: Callable[..., SignSeries],
    size: tuple[int, int],
    faces: int,
) -> None:
    series = make_series(duration_s=30, shut=[(10, 11)])
    analysis = with_signs(make_analysis(faces=faces, duration_s=30), dict.fromkeys(range(faces), series))
    artist = FrameArtist(analysis, *size)
    frame = np.full((size[1], size[0], 3), 128, np.uint8)
    for time_s in (0.0, 2.0, 10.5, 29.9, 40.0):
        drawn = artist.draw(frame, time_s)
        assert drawn.shape == frame.shape
        assert (drawn != frame).any()
    assert (frame == 128).all()


def test_signs_without_anything_measured_are_no_obstacle(
    make_analysis: Callable[..., Analysis], with_signs: Callable[..., Analysis], make_series: Callable[..., SignSeries]
) -> None:
    analysis = with_signs(make_analysis(windows=2, duration_s=3), {0: make_series(duration_s=3, blinks_s=[])})
    frame = np.zeros((240, 320, 3), np.uint8)
    FrameArtist(analysis, 320, 240).draw(frame, 1.0)
    FrameArtist(dataclasses.replace(analysis, sign_series={}), 320, 240).draw(frame, 1.0)
