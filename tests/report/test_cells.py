from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from facefatigue.report.cells import (
    abstained_spans,
    axis_step_s,
    clock_text,
    clock_unit,
    duration_text,
    timeline_cells,
    why_nothing,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.estimate.report import Report


def test_a_window_is_a_cell_and_a_gap_is_not_joined(make_report: Callable[..., Report]) -> None:
    face = make_report(windows=12).faces[0]
    cells = timeline_cells(face)
    assert [(cell.start_s, cell.end_s, cell.score) for cell in cells] == [
        (window.start_s, window.end_s, window.score) for window in face.windows
    ]
    gap = next(index for index, cell in enumerate(cells) if cell.start_s == 14)
    assert cells[gap - 1].end_s == 12
    assert [cell.joined for cell in cells[gap - 1 : gap + 2]] == [True, False, True]
    dark = next(index for index, cell in enumerate(cells) if cell.score is None)
    assert not cells[dark].joined
    assert not cells[dark + 1].joined
    assert [(span.start_s, span.end_s, span.reason) for span in abstained_spans(cells)] == [(18.0, 20.0, "too dark")]


def test_overlapping_windows_are_cut_in_the_middle(make_report: Callable[..., Report]) -> None:
    face = make_report(windows=4).faces[0]
    windows = tuple(dataclasses.replace(w, start_s=1.0 * i, end_s=1.0 * i + 2) for i, w in enumerate(face.windows))
    cells = timeline_cells(dataclasses.replace(face, windows=windows))
    assert [(cell.start_s, cell.end_s) for cell in cells] == [(0, 1.5), (1.5, 2.5), (2.5, 3.5), (3.5, 5)]
    assert [cell.joined for cell in cells] == [False, True, True, True]


def test_many_windows_become_few_cells_with_the_same_content(make_report: Callable[..., Report]) -> None:
    face = make_report(windows=2000).faces[0]
    cells = timeline_cells(face, most=200)
    assert 190 <= len(cells) <= 210
    assert sum(cell.windows for cell in cells) == len(face.windows) == 1999
    weighted = sum(cell.score * cell.windows for cell in cells if cell.score is not None)
    assert weighted / sum(cell.windows for cell in cells if cell.score is not None) == pytest.approx(face.score)
    assert all(cell.low <= cell.score <= cell.high for cell in cells if cell.score is not None)
    assert all(before.end_s <= after.start_s for before, after in pairwise(cells))
    # The missing window stays a gap.
    assert any(after.start_s - before.end_s == 2.0 for before, after in pairwise(cells))
    assert len(abstained_spans(cells)) == 1


def test_nothing_gives_no_cells_and_a_reason(make_report: Callable[..., Report]) -> None:
    report = make_report(windows=0, duration_s=1.2)
    assert timeline_cells(report.faces[0]) == []
    assert "too short" in why_nothing(report, report.faces[0])
    assert why_nothing(make_report(faces=0)) == "No face was found in 25.0 s of video (600 frames)."
    no_frames = dataclasses.replace(report, source=dataclasses.replace(report.source, frames=0), faces=())
    assert why_nothing(no_frames) == "No frame could be read."


def test_times_as_they_are_written() -> None:
    assert [clock_text(time_s, end_s=60) for time_s in (0, 0.25, 30)] == ["0", "0.2", "30"]
    assert clock_text(125, end_s=600) == "2:05"
    assert clock_text(3725, end_s=7200) == "1:02:05"
    assert [clock_unit(end_s) for end_s in (60, 600, 7200)] == ["s", "min:s", "h:min:s"]
    assert [duration_text(value) for value in (1.24, 200, 3599.9, 7500)] == [
        "1.2 s",
        "3 min 20 s",
        "1 h 00 min",
        "2 h 05 min",
    ]
    assert [axis_step_s(end_s) for end_s in (0.001, 1.2, 25, 3600, 10800)] == [0.1, 0.2, 5, 600, 1800]
