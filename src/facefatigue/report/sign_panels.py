"""The signs of a face as panels of the timeline picture, on one time axis: lids with blinks, PERCLOS, lanes of events."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.report.lid_course import drawn_gaps, lid_course, line_of
from facefatigue.report.sign_lanes import (
    LIDS_CAPTION,
    PERCLOS_CAPTION,
    RATES_CAPTION,
    blink_words,
    gap_words,
    has_many_blinks,
    lanes_of,
    nice_top,
    perclos_line,
)
from facefatigue.report.style import BAND, FAINT, INK, LEFT, RIGHT, SIGN_COLOURS, WIDTH_IN, clipped, drawable, font, hatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from facefatigue.report.face_signs import FaceSigns
    from facefatigue.report.lid_course import LidCourse, Line
    from facefatigue.report.sign_lanes import Lane

_COLUMNS = 1000  # less than half a point each: finer than a printed line
_WIDE_EYES = 1.3
_MARKS_FROM, _MARKS_TO = 1.4, 1.72
_MOST_CHARACTERS = 120
_LINE = "#4a5560"
_LABEL_X = -0.063


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel: its height, the room above it, who draws it, and whether its axes have the time axis of the picture."""

    height_in: float
    above_in: float
    draw: Callable[[Axes], None]
    timed: bool = True


def sign_panels(face: FaceSigns, end_s: float, *, compact: bool) -> list[Panel]:
    """The panels of one face, from top to bottom; there is always at least one.

    Args:
        face: Its signs.
        end_s: Where the time axis ends.
        compact: Whether they share the picture with other faces.
    """
    panels = []
    course = lid_course(face)
    many = has_many_blinks(face)
    if course is not None:
        draw = partial(_draw_lids, face, course, end_s, not many)
        panels.append(Panel(height_in=0.55 if compact else 0.85, above_in=0.24, draw=draw))
    if many:
        panels.append(Panel(height_in=0.3 if compact else 0.42, above_in=0.24, draw=partial(_draw_rates, face)))
    line = perclos_line(face, end_s=end_s, columns=_COLUMNS)
    if line.pieces:
        draw = partial(_draw_perclos, face, line)
        panels.append(Panel(height_in=0.32 if compact else 0.5, above_in=0.24, draw=draw))
    lanes = lanes_of(face, lids=course is not None, blinks=course is not None or many, perclos=bool(line.pieces))
    if lanes:
        panels.append(Panel(height_in=0.15 * len(lanes), above_in=0.14, draw=partial(_draw_lanes, face, lanes, end_s)))
    return panels


def _draw_lids(face: FaceSigns, course: LidCourse, end_s: float, marks: bool, axes: Axes) -> None:
    gaps = drawn_gaps(course.gaps, end_s=end_s, columns=_COLUMNS)
    axes.set_ylim(-0.06, _MARKS_TO if marks else _WIDE_EYES)
    axes.set_yticks([0, 1], ["shut", "open"])
    axes.set_ylabel("eyes", fontsize=8, color=INK)
    axes.yaxis.set_label_coords(_LABEL_X, 0.5)
    hatch(axes, gaps, end_s, y=0.4)
    for event in face.events("microsleeps"):
        axes.axvspan(event.start_s, event.end_s, color=SIGN_COLOURS["microsleeps"], alpha=0.35, linewidth=0, zorder=1.2)
    axes.axhline(1, color="#b9bfc6", linewidth=0.5, zorder=1.3)
    line = line_of(course.time_s, course.openness, end_s=end_s, columns=_COLUMNS, most_gap_s=course.most_gap_s)
    _draw_line(axes, line)
    words = [f"{LIDS_CAPTION} (median, 10 – 90 %)" if line.shape == "quantiles" else LIDS_CAPTION]
    if marks and face.reason_against("blinks") is None:
        _draw_blinks(axes, face)
        words.append(blink_words(face))
    if gaps:
        words.append(gap_words(gaps))
    _caption(axes, *words)


def _draw_line(axes: Axes, line: Line) -> None:
    from matplotlib.collections import LineCollection

    def inside(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.clip(values, -0.05, _WIDE_EYES)

    for piece in line.pieces:
        if line.shape == "range":
            axes.fill_between(piece.time_s, inside(piece.low), inside(piece.high), color=_LINE, linewidth=0.5, zorder=3)
        elif line.shape == "quantiles":
            axes.fill_between(
                piece.time_s, inside(piece.low), inside(piece.high), color=_LINE, alpha=0.28, linewidth=0, zorder=2.5
            )
    points = [np.column_stack([piece.time_s, inside(piece.middle)]) for piece in line.pieces]
    axes.add_collection(LineCollection(points, colors=_LINE, linewidths=0.7, zorder=3))


def _draw_blinks(axes: Axes, face: FaceSigns) -> None:
    """A mark a blink, above the lids; one that does not close the eyes is half as long."""
    for event in face.events("blinks"):
        bottom = (_MARKS_FROM + _MARKS_TO) / 2 if event.partial else _MARKS_FROM
        axes.vlines(event.peak_s, bottom, _MARKS_TO - 0.02, color=SIGN_COLOURS["blinks"], linewidth=1.1, zorder=3.2)


def _draw_rates(face: FaceSigns, axes: Axes) -> None:
    rates = [(start_s, end_s, rate) for start_s, end_s, rate in face.blink_rates() if rate is not None]
    _scale(axes, nice_top(max(rate for *_, rate in rates), (20, 30, 40, 60, 80, 120)))
    for start_s, end_s, rate in rates:
        axes.fill_between([start_s, end_s], 0, rate, color=SIGN_COLOURS["blinks"], alpha=0.4, linewidth=0, zorder=2)
        axes.plot([start_s, end_s], [rate, rate], color=SIGN_COLOURS["blinks"], linewidth=0.9, zorder=3)
    axes.set_ylabel("blinks", fontsize=8, color=INK)
    _caption(axes, RATES_CAPTION, blink_words(face))


def _draw_perclos(face: FaceSigns, line: Line, axes: Axes) -> None:
    _scale(axes, nice_top(100 * max(float(piece.high.max()) for piece in line.pieces), (10, 20, 30, 40, 60, 80, 100)))
    for piece in line.pieces:
        percent = 100 * piece.middle
        axes.fill_between(piece.time_s, 0, percent, color=BAND, linewidth=0, zorder=2)
        marker = "o" if len(percent) == 1 else ""
        axes.plot(piece.time_s, percent, color=_LINE, linewidth=1.1, marker=marker, markersize=2, zorder=3)
    axes.set_ylabel("%", fontsize=8, color=INK)
    over_all = face.number("perclos")
    _caption(axes, PERCLOS_CAPTION, "" if over_all is None else f"{100 * over_all:.1f} % over all")


def _draw_lanes(face: FaceSigns, lanes: Sequence[Lane], end_s: float, axes: Axes) -> None:
    from matplotlib.patches import Rectangle

    axes.set_ylim(len(lanes), 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    across = axes.get_yaxis_transform()
    least_s = 1.2 / (72 * WIDTH_IN * (RIGHT - LEFT)) * end_s  # 1.2 points
    for row, lane in enumerate(lanes):
        middle = row + 0.45
        if lane.kind is None:
            axes.plot([0, end_s], [middle] * 2, color="#b0b0b0", linewidth=0.9, zorder=1)
            plain = font(size=6.5)
            text = drawable(clipped(f"{lane.name}: not measurable, {lane.reason}", _MOST_CHARACTERS), plain)
            box = {"boxstyle": "square,pad=0.15", "facecolor": "white", "edgecolor": "none"}
            axes.text(
                0.012,
                middle,
                text,
                transform=across,
                fontproperties=plain,
                color=FAINT,
                va="center",
                bbox=box,
                parse_math=False,
            )
            continue
        events = face.events(lane.kind)
        axes.plot([0, end_s], [middle] * 2, color="#d5d9de", linewidth=0.6, zorder=1)
        for event in events:
            width_s = max(event.duration_s, least_s)
            left_s = (event.start_s + event.end_s - width_s) / 2
            axes.add_patch(
                Rectangle((left_s, row + 0.1), width_s, 0.7, facecolor=SIGN_COLOURS[lane.kind], edgecolor="none", zorder=3)
            )
        axes.text(-0.007, middle, lane.name, transform=across, fontsize=6.2, color=INK, ha="right", va="center")
        axes.text(
            1.008, middle, f"{len(events):,}", transform=across, fontsize=6.5, color=INK if events else FAINT, va="center"
        )


def _scale(axes: Axes, top: float) -> None:
    axes.set_ylim(0, top)
    axes.set_yticks([0, top / 2, top], ["0", f"{top / 2:g}", f"{top:g}"])
    axes.yaxis.set_label_coords(_LABEL_X, 0.5)


def _caption(axes: Axes, *words: str) -> None:
    text = clipped("  ·  ".join(word for word in words if word), _MOST_CHARACTERS)
    axes.set_title(text, fontsize=6.5, color=FAINT, loc="left", pad=3, parse_math=False)
