"""The timeline of a face as shapes for an inline SVG, and its words for the tooltips."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from facefatigue.report.cells import (
    abstained_spans,
    axis_end_s,
    axis_step_s,
    clock_text,
    timeline_cells,
)

if TYPE_CHECKING:
    from facefatigue.estimate.report import FaceReport, Report
    from facefatigue.report.cells import Cell

# Units of the drawing, which is stretched over the width of the page: x and y go from 0 to these.
WIDTH = 1000.0
HEIGHT = 100.0
_LABEL_WIDTH = 90.0  # a reason is written where its stretch is at least as wide


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A window, or a few: a segment at its score in the colour of its class, over a hover area of full height."""

    x: float
    width: float
    y: float
    low_y: float
    high_y: float
    kind: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Block:
    """A stretch of time without a score; ``text`` is empty where there is no room for it."""

    x: float
    width: float
    text: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A mark of the time axis, in per cent of the width; ``minor`` ones are left out on a phone."""

    percent: float
    text: str
    minor: bool


@dataclass(frozen=True, kw_only=True)
class Chart:
    """What the page draws for one face; y = 0 is the top, a score of 1."""

    bars: tuple[Bar, ...]
    blocks: tuple[Block, ...]
    risers: tuple[tuple[float, float, float], ...]  # x, y from, y to
    band: tuple[float, float, float, float] | None  # x, y, width, height
    mean_y: float | None
    ticks: tuple[Tick, ...]


def chart_of(report: Report, face: FaceReport) -> Chart:
    """Lay out the timeline of a face.

    Args:
        report: The report, for the length of the time axis.
        face: One of its faces.
    """
    end_s = axis_end_s(report)
    cells = timeline_cells(face)
    scored = [(cell, cell.score) for cell in cells if cell.score is not None]

    def x(time_s: float) -> float:
        return round(time_s / end_s * WIDTH, 2)

    band = None
    if scored and face.score_interval is not None:
        low, high = face.score_interval
        left, right = x(scored[0][0].start_s), x(scored[-1][0].end_s)
        band = (left, _y(high), round(right - left, 2), round(_y(low) - _y(high), 2))
    blocks = []
    for span in abstained_spans(cells):
        width = round(x(span.end_s) - x(span.start_s), 2)
        blocks.append(
            Block(
                x=x(span.start_s),
                width=width,
                text=span.reason if width >= _LABEL_WIDTH else "",
                title=f"{between(span.start_s, span.end_s, end_s)}: no score, {span.reason}",
            )
        )
    return Chart(
        bars=tuple(
            Bar(
                x=x(cell.start_s),
                width=round(x(cell.end_s) - x(cell.start_s), 2),
                y=_y(score),
                low_y=_y(cell.low),
                high_y=_y(cell.high),
                kind=cell.label,
                title=_title(cell, score, end_s),
            )
            for cell, score in scored
        ),
        blocks=tuple(blocks),
        risers=tuple((x(b.start_s), _y(before), _y(after)) for (_, before), (b, after) in pairwise(scored) if b.joined),
        band=band,
        mean_y=None if face.score is None else _y(face.score),
        ticks=axis_ticks(end_s),
    )


def _y(score: float) -> float:
    return round((1 - score) * HEIGHT, 2)


def axis_ticks(end_s: float) -> tuple[Tick, ...]:
    """The marks of a time axis that ends at ``end_s``."""
    step_s = axis_step_s(end_s, most_ticks=10)
    times_s = [index * step_s for index in range(int(end_s / step_s + 1e-9) + 1)]
    return tuple(
        Tick(percent=round(100 * time_s / end_s, 3), text=clock_text(time_s, end_s=end_s), minor=index % 2 == 1)
        for index, time_s in enumerate(times_s)
    )


def between(start_s: float, end_s: float, axis_s: float) -> str:
    """A stretch of time as it is written on an axis that ends at ``axis_s``."""
    unit = " s" if axis_s < 120 else ""
    return f"{clock_text(start_s, end_s=axis_s)} – {clock_text(end_s, end_s=axis_s)}{unit}"


def _title(cell: Cell, score: float, axis_s: float) -> str:
    text = f"{between(cell.start_s, cell.end_s, axis_s)}: score {score:.2f}, {cell.label}"
    if cell.windows > 1:
        text += f" (mean of {cell.windows} windows, {cell.low:.2f} – {cell.high:.2f})"
    return text
