"""The signs of a face as strips for the page: shapes of inline SVGs on one time axis, and their words for the tooltips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.report.chart import HEIGHT, WIDTH, Block, Tick, axis_ticks, between
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

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.report.face_signs import FaceSigns, SignEvent
    from facefatigue.report.lid_course import LidCourse, Line

_COLUMNS = 480  # two pixels each
_LEAST_WIDTH = 2.0
_LABEL_WIDTH = 90.0
# From top to bottom of the strip of the lids: marks, wide eyes, shut eyes.
_MARKS_BOTTOM, _WIDE_TOP, _WIDE_EYES, _SHUT_BOTTOM = 17.0, 20.0, 1.3, 97.0


@dataclass(frozen=True, kw_only=True)
class Mark:
    """An event: a bar from ``y`` down, over a hover area of full height."""

    x: float
    width: float
    y: float
    height: float
    kind: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Strip:
    """One strip on the time axis.

    Attributes:
        look: "lids", "rates", "perclos" or "lane".
        caption: What it shows, with its number.
        reason: Why there is nothing to show; empty where there is.
        areas: Outlines of filled areas, as paths; those of ``solid`` are filled like a line.
        solid: See there.
        lines: Lines, as paths.
        marks: Events.
        blocks: Stretches where nothing was measured.
        y_labels: (distance from the top in per cent, text).
    """

    look: str
    caption: str
    reason: str = ""
    areas: tuple[str, ...] = ()
    solid: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    blocks: tuple[Block, ...] = ()
    y_labels: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class SignChart:
    """What the page draws of the signs of one face, from top to bottom."""

    strips: tuple[Strip, ...]
    ticks: tuple[Tick, ...]


def sign_chart_of(face: FaceSigns, *, end_s: float) -> SignChart:
    """Lay out the signs of a face.

    Args:
        face: Its signs.
        end_s: Where the time axis ends.
    """
    strips = []
    course = lid_course(face)
    many = has_many_blinks(face)
    if course is not None:
        strips.append(_lids(face, course, end_s, marks=not many))
    if many:
        strips.append(_rates(face, end_s))
    line = perclos_line(face, end_s=end_s, columns=_COLUMNS)
    if line.pieces:
        strips.append(_perclos(face, line, end_s))
    for lane in lanes_of(face, lids=course is not None, blinks=course is not None or many, perclos=bool(line.pieces)):
        if lane.kind is None:
            strips.append(Strip(look="lane", caption=f"{lane.name} – not measurable", reason=lane.reason))
        else:
            events = face.events(lane.kind)
            marks = tuple(_mark(event, end_s, y=10, height=80) for event in events)
            strips.append(Strip(look="lane", caption=f"{lane.name} – {len(events):,}", marks=marks))
    return SignChart(strips=tuple(strips), ticks=axis_ticks(end_s))


def _lids(face: FaceSigns, course: LidCourse, end_s: float, *, marks: bool) -> Strip:
    top = _WIDE_TOP if marks else 3.0
    line = line_of(course.time_s, course.openness, end_s=end_s, columns=_COLUMNS, most_gap_s=course.most_gap_s)

    def y(openness: float) -> float:
        return _SHUT_BOTTOM - min(max(openness, -0.03), _WIDE_EYES) / _WIDE_EYES * (_SHUT_BOTTOM - top)

    outlines = _outlines(line, end_s, y) if line.shape != "frames" else ()
    gaps = drawn_gaps(course.gaps, end_s=end_s, columns=_COLUMNS)
    words = [f"{LIDS_CAPTION} (median, 10 – 90 %)" if line.shape == "quantiles" else LIDS_CAPTION]
    if marks and face.reason_against("blinks") is None:
        words.append(blink_words(face))
    if gaps:
        words.append(gap_words(gaps))
    shown = [_mark(event, end_s, y=top, height=HEIGHT - top) for event in face.events("microsleeps")]
    if marks:
        for event in face.events("blinks"):
            begin = _MARKS_BOTTOM / 2 if event.partial else 0.0
            shown.append(_mark(event, end_s, y=begin, height=_MARKS_BOTTOM - begin))
    return Strip(
        look="lids",
        caption=" – ".join(words),
        areas=outlines if line.shape == "quantiles" else (),
        solid=outlines if line.shape == "range" else (),
        lines=_paths(line, end_s, y),
        marks=tuple(shown),
        blocks=tuple(
            Block(
                x=_x(gap.start_s, end_s),
                width=_width(gap.start_s, gap.end_s, end_s),
                text=gap.reason if _width(gap.start_s, gap.end_s, end_s) >= _LABEL_WIDTH else "",
                title=f"{between(gap.start_s, gap.end_s, end_s)}: {gap.reason}",
            )
            for gap in gaps
        ),
        y_labels=((round(y(1.0), 1), "open"), (round(y(0.0), 1), "shut")),
    )


def _rates(face: FaceSigns, end_s: float) -> Strip:
    rates = [(start_s, until_s, rate) for start_s, until_s, rate in face.blink_rates() if rate is not None]
    top = nice_top(max(rate for *_, rate in rates), (20, 30, 40, 60, 80, 120))
    marks = tuple(
        Mark(
            x=_x(start_s, end_s),
            width=_width(start_s, until_s, end_s),
            y=round(HEIGHT * max(1 - rate / top, 0.0), 1),
            height=round(HEIGHT * min(rate / top, 1.0), 1),
            kind="blinks",
            title=f"{between(start_s, until_s, end_s)}: {rate:.1f} blinks a minute",
        )
        for start_s, until_s, rate in rates
    )
    return Strip(
        look="rates", caption=f"{RATES_CAPTION} – {blink_words(face)}", marks=marks, y_labels=((0, f"{top:g}"), (100, "0"))
    )


def _perclos(face: FaceSigns, line: Line, end_s: float) -> Strip:
    top = nice_top(max(float(piece.high.max()) for piece in line.pieces), (0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0))

    def y(share: float) -> float:
        return HEIGHT * (1 - share / top)

    over_all = face.number("perclos")
    paths = _paths(line, end_s, y)
    areas = tuple(
        f"M{_x(float(piece.time_s[0]), end_s):g} 100L{path[1:]}L{_x(float(piece.time_s[-1]), end_s):g} 100Z"
        for piece, path in zip(line.pieces, paths, strict=True)
    )
    caption = PERCLOS_CAPTION if over_all is None else f"{PERCLOS_CAPTION} – {100 * over_all:.1f} % over all"
    return Strip(
        look="perclos", caption=caption, areas=areas, lines=paths, y_labels=((0, f"{100 * top:g} %"), (100, "0"))
    )  # fmt: skip


def _paths(line: Line, end_s: float, y: Callable[[float], float]) -> tuple[str, ...]:
    return tuple(_path(piece.time_s, piece.middle, end_s, y) for piece in line.pieces)


def _outlines(line: Line, end_s: float, y: Callable[[float], float]) -> tuple[str, ...]:
    """The ranges around a line: along the upper edge and back along the lower one."""
    return tuple(
        _path(np.concatenate([p.time_s, p.time_s[::-1]]), np.concatenate([p.high, p.low[::-1]]), end_s, y) + "Z"
        for p in line.pieces
    )


def _path(
    time_s: np.ndarray[tuple[int], np.dtype[np.float64]],
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
    end_s: float,
    y: Callable[[float], float],
) -> str:
    points = [f"{_x(t, end_s):g} {y(value):.1f}" for t, value in zip(time_s.tolist(), values.tolist(), strict=True)]
    return "M" + "L".join(points if len(points) > 1 else points * 2)


def _mark(event: SignEvent, end_s: float, *, y: float, height: float) -> Mark:
    start_s, until_s = (event.peak_s, event.peak_s) if event.kind == "blinks" else (event.start_s, event.end_s)
    width = max(_width(start_s, until_s, end_s), _LEAST_WIDTH)
    middle = _x((start_s + until_s) / 2, end_s)
    return Mark(
        x=round(min(max(middle - width / 2, 0.0), WIDTH - width), 1),
        width=width,
        y=y,
        height=height,
        kind=event.kind,
        title=f"{between(event.start_s, event.end_s, end_s)}: {event.text}",
    )


def _x(time_s: float, end_s: float) -> float:
    return round(time_s / end_s * WIDTH, 1)


def _width(start_s: float, until_s: float, end_s: float) -> float:
    return round(_x(until_s, end_s) - _x(start_s, end_s), 1)
