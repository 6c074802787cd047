from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from facefatigue.report.cells import Span
from facefatigue.report.face_signs import FaceSigns
from facefatigue.report.lid_course import drawn_gaps, lid_course, line_of
from facefatigue.signs import measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.signs import SignSeries


def face_of(series: SignSeries, **changed: Any) -> FaceSigns:
    return FaceSigns(track=0, signs={**measure(series).to_dict(), **changed}, series=series)


def test_the_course_is_what_was_measured(make_series: Callable[..., SignSeries]) -> None:
    face = face_of(make_series(duration_s=40, away=[(10, 14)], aside=[(20, 22)], shut=[(30, 32)]))
    course = lid_course(face)
    assert course is not None
    assert course.openness.shape == course.time_s.shape
    assert course.eyes.shape == (len(course.time_s), 2)
    assert np.nanmedian(course.openness) == pytest.approx(1, abs=0.05)
    assert np.nanmax(course.openness[(course.time_s > 30.2) & (course.time_s < 31.8)]) < 0.2
    assert [(round(gap.start_s), round(gap.end_s), gap.reason) for gap in course.gaps] == [
        (10, 14, "face not read"),
        (20, 22, "eyes not seen"),
    ]
    assert np.isnan(course.openness[(course.time_s >= 20) & (course.time_s < 22)]).all()


def test_a_face_that_comes_late_and_leaves_early_is_a_gap_at_both_ends(make_series: Callable[..., SignSeries]) -> None:
    course = lid_course(face_of(make_series(duration_s=40, away=[(0, 5), (33, 41)])))
    assert course is not None
    assert [(round(gap.start_s), round(gap.end_s)) for gap in course.gaps] == [(0, 5), (33, 40)]


def test_nothing_is_drawn_of_what_was_not_measured_or_not_kept(make_series: Callable[..., SignSeries]) -> None:
    series = make_series(duration_s=40)
    assert lid_course(face_of(series, openness=None)) is None
    assert lid_course(face_of(series, lid_levels=None)) is None
    assert lid_course(FaceSigns(track=0, signs=measure(series).to_dict())) is None
    assert lid_course(face_of(make_series(duration_s=3, blinks_s=[]))) is None
    assert lid_course(face_of(make_series(duration_s=40, away=[(0, 40)]))) is None


def test_few_values_are_drawn_one_by_one_and_not_over_gaps() -> None:
    time_s = np.array([0, 0.1, 0.2, 1.0, 1.1, 1.2, 1.3])
    values = np.array([1, 0.9, 0.8, 1.0, np.nan, 0.2, 0.1])
    line = line_of(time_s, values, end_s=2, columns=100, most_gap_s=0.25)
    assert line.shape == "frames"
    assert [piece.time_s.tolist() for piece in line.pieces] == [[0, 0.1, 0.2], [1.0], [1.2, 1.3]]
    assert line.pieces[0].low is line.pieces[0].middle is line.pieces[0].high


def test_no_blink_is_lost_in_short_columns() -> None:
    time_s = np.arange(0, 200, 0.04)
    values = np.ones(len(time_s))
    shut = np.arange(30, len(time_s), 100)
    values[shut] = 0.0  # for one frame
    line = line_of(time_s, values, end_s=200, columns=1000, most_gap_s=0.25)
    assert line.shape == "range"
    (piece,) = line.pieces
    assert len(piece.time_s) == 1000
    assert (piece.low == 0).sum() == len(shut)
    assert piece.time_s[piece.low == 0] == pytest.approx(time_s[shut], abs=0.2)
    assert (piece.middle == 1).all()
    assert (piece.high == 1).all()


def test_long_columns_show_quantiles_and_gaps() -> None:
    time_s = np.arange(0, 10_800, 0.1)
    time_s = time_s[(time_s < 3000) | (time_s > 3300)]
    values = 0.5 + 0.5 * np.sin(40 * time_s)
    line = line_of(time_s, values, end_s=10_800, columns=500, most_gap_s=0.25)
    assert line.shape == "quantiles"
    before, after = line.pieces
    assert before.time_s[-1] < 3000
    assert after.time_s[0] > 3300 - 22  # the middle of its column
    assert len(before.time_s) + len(after.time_s) <= 500
    assert np.median(after.low) == pytest.approx(0.025, abs=0.02)  # the 10 % quantile of a sine
    assert np.median(after.middle) == pytest.approx(0.5, abs=0.1)


def test_no_values() -> None:
    assert line_of(np.empty(0), np.empty(0), end_s=1, columns=10, most_gap_s=1).pieces == ()
    assert line_of(np.arange(100.0), np.full(100, np.nan), end_s=100, columns=5, most_gap_s=1).pieces == ()


def test_gaps_that_cannot_be_told_apart_are_one() -> None:
    gaps = tuple(
        Span(start_s=start_s, end_s=end_s, reason=reason)
        for start_s, end_s, reason in [(0, 3, "a"), (4, 20, "b"), (50, 50.3, "c"), (80, 90, "d")]
    )
    assert drawn_gaps(gaps, end_s=100, columns=100) == [
        Span(start_s=0, end_s=20, reason="b"),
        Span(start_s=80, end_s=90, reason="d"),
    ]
