"""What the pictures of signs have in common: which signs have a row of their own, and how the rows are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.report.lid_course import line_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facefatigue.report.cells import Span
    from facefatigue.report.face_signs import EventKind, FaceSigns
    from facefatigue.report.lid_course import Line

# More marks than this run into each other; then the rate of each minute tells more.
MOST_MARKS = 160
LIDS_CAPTION = "opening of the eyes, 1 = this person's open eyes"
RATES_CAPTION = "blinks a minute, minute by minute"
PERCLOS_CAPTION = "PERCLOS: time with the eyes at least 80 % closed, over the minute before"

_PERCLOS_STEP_S = 5.0  # PERCLOS_STEP_S of signs/measure.py, without loading it
_NAMES = {"openness": "eyes", "perclos": "PERCLOS"}
_NO_MINUTE = "in no minute half of the time was measured"
_EVENT_LANES: tuple[EventKind, ...] = ("blinks", "microsleeps", "yawns", "nods")


@dataclass(frozen=True, kw_only=True)
class Lane:
    """A row of events of one kind, or, of signs that were not measured, the reason.

    Attributes:
        name: Of the sign, or of the signs.
        kind: Of the events; None where there is a reason.
        reason: Why nothing was measured; empty where it was.
    """

    name: str
    kind: EventKind | None
    reason: str


def lanes_of(face: FaceSigns, *, lids: bool, blinks: bool, perclos: bool) -> list[Lane]:
    """The rows below the panels; signs that were not measured for one reason share a row.

    Args:
        face: The signs.
        lids: Whether the opening of the eyes has a panel already.
        blinks: Whether the blinks, if they were measured, are shown in one.
        perclos: Whether the course of PERCLOS has one.
    """
    lanes: list[Lane] = []
    reasons: dict[str, list[str]] = {}
    shown = {"openness": lids, "blinks": blinks, "perclos": perclos}
    for sign in ("openness", "blinks", "perclos", *_EVENT_LANES[1:]):
        reason = face.reason_against(sign)
        if reason is not None and not (shown.get(sign) and sign != "blinks"):
            reasons.setdefault(reason, []).append(_NAMES.get(sign, sign))
    if not perclos and face.reason_against("perclos") is None:
        reasons[_NO_MINUTE] = ["PERCLOS over time"]
    lanes += [Lane(name=", ".join(names), kind=None, reason=reason) for reason, names in reasons.items()]
    lanes += [
        Lane(name=kind, kind=kind, reason="")
        for kind in _EVENT_LANES
        if face.reason_against(kind) is None and not shown.get(kind)
    ]
    return lanes


def has_many_blinks(face: FaceSigns) -> bool:
    """Whether the blinks of each minute are drawn instead of a mark a blink."""
    return len(face.events("blinks")) > MOST_MARKS and any(rate is not None for *_, rate in face.blink_rates())


def perclos_line(face: FaceSigns, *, end_s: float, columns: int) -> Line:
    """PERCLOS over time, 0 to 1; no pieces where it was not measured."""
    pairs = face.perclos_over_time()
    time_s = np.array([time_s for time_s, _ in pairs], np.float64)
    values = np.array([np.nan if value is None else value for _, value in pairs], np.float64)
    return line_of(time_s, values, end_s=end_s, columns=columns, most_gap_s=1.5 * _PERCLOS_STEP_S)


def blink_words(face: FaceSigns) -> str:
    """How many blinks were measured, and how often."""
    count = len(face.events("blinks"))
    words = f"{count:,} {'blink' if count == 1 else 'blinks'}"
    rate = face.number("blink_rate_per_min")
    return words if rate is None else f"{words}, {rate:.1f} a minute"


def gap_words(gaps: Sequence[Span]) -> str:
    """What hatched stretches mean, which may be too narrow for words of their own."""
    return f"hatched: {' or '.join(sorted({gap.reason for gap in gaps}))}"


def nice_top(value: float, steps: Sequence[float]) -> float:
    """The first of these axis ends that holds a value; the last one if none does."""
    return next((step for step in steps if value <= step), steps[-1])
