"""The table that the command line prints: a line a face, a few words a column."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from facefatigue.report.cells import duration_text, reason_text
from facefatigue.report.names import display_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facefatigue.estimate.report import FaceReport, Report

_HEADER = ("source", "length", "face", "score (95 % interval)", "class", "windows", "reason")
_RIGHT = {1, 2, 5}
_WIDTH = 100
_GAP = 2
_LEAST_NAME = 12


def summary_table(reports: Sequence[Report]) -> str:
    """A plain-text table of reports: source, length, face, score with interval, class, windows scored, reason.

    Columns are aligned also where names hold wide characters (Chinese, Japanese, Korean, emoji). Names are shortened in
    the middle so that the table fits 100 columns.

    Args:
        reports: One entry a source; a source without a face has one line that says so.

    Returns:
        The header and the lines, without a newline at the end; the header alone when there are no reports.
    """
    rows = [row for report in reports for row in _rows(report)]
    widths = [max(text_width(text) for text in column) for column in zip(_HEADER, *rows, strict=True)]
    others = sum(widths[1:]) + _GAP * (len(widths) - 1)
    widths[0] = min(widths[0], max(_WIDTH - others, _LEAST_NAME))
    return "\n".join(_line(row, widths) for row in [_HEADER, *rows])


def text_width(text: str) -> int:
    """Columns that a text takes in a terminal: wide characters take two, combining and invisible ones none."""
    return sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _rows(report: Report) -> list[tuple[str, ...]]:
    name = display_name(report.source.path)
    length = duration_text(report.source.duration_s)
    if not report.faces:
        return [(name, length, "-", "-", "abstain", "0/0", reason_text("no_face"))]
    return [(name, length, *_face_cells(face)) for face in report.faces]


def _face_cells(face: FaceReport) -> tuple[str, ...]:
    scored = sum(window.score is not None for window in face.windows)
    score = "-"
    if face.score is not None:
        score = f"{face.score:.2f}"
        if face.score_interval is not None:
            score += f" ({face.score_interval[0]:.2f}-{face.score_interval[1]:.2f})"
    reason = reason_text(face.abstain_reason) if face.score is None else ""
    return (str(face.track), score, face.label, f"{scored}/{len(face.windows)}", reason)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = []
    for index, (text, width) in enumerate(zip(row, widths, strict=True)):
        shown = _shortened(text, width)
        space = " " * (width - text_width(shown))
        cells.append(space + shown if index in _RIGHT else shown + space)
    return (" " * _GAP).join(cells).rstrip()


def _shortened(text: str, width: int) -> str:
    if text_width(text) <= width:
        return text
    # The end of a name tells recordings apart (a number, a date), so both ends are kept.
    tail = ""
    for char in reversed(text):
        if text_width(char + tail) > (width - 1) // 2:
            break
        tail = char + tail
    head = ""
    for char in text:
        if text_width(head + char + "…" + tail) > width:
            break
        head += char
    return f"{head}…{tail}"
