"""The signs of a face as pictures need them: events with words, and why something was not measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

    from facefatigue.signs import SignSeries

EventKind = Literal["blinks", "microsleeps", "yawns", "nods"]
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)

# A sign that has no reason of its own shares that of another.
_RESTS_ON = {
    "blink_rate_per_min": "blinks",
    "blink_duration_s": "blinks",
    "incomplete_blink_share": "blink_duration_s",
    "yawns_per_hour": "yawns",
}


@dataclass(frozen=True, kw_only=True)
class SignEvent:
    """Something that happened: where it lies on the time axis, and in words."""

    kind: EventKind
    start_s: float
    peak_s: float
    end_s: float
    text: str
    partial: bool = False  # a blink that does not close the eyes

    @property
    def duration_s(self) -> float:
        """Its length."""
        return self.end_s - self.start_s


@dataclass(frozen=True, kw_only=True, eq=False)
class FaceSigns:
    """The signs of one face, and what they were measured from.

    Attributes:
        track: Number of the track.
        signs: As :meth:`facefatigue.signs.Signs.to_dict` gives them; a name that is missing counts as not measured.
        series: What was read, frame by frame; None where it was not kept.
        comparison: The signs beside what is usual, as the report holds it; None where nobody compared them.
    """

    track: int
    signs: Mapping[str, Any]
    series: SignSeries | None = None
    comparison: Mapping[str, Any] | None = None

    def reason_against(self, sign: str) -> str | None:
        """Why a sign was not measured; None where it was."""
        if self.signs.get(sign) is not None:
            return None
        reasons = self.signs.get("not_measurable") or {}
        if sign in reasons:
            return str(reasons[sign])
        if sign not in _RESTS_ON:
            return "not measured"
        if self.signs.get(_RESTS_ON[sign]) == []:
            return f"there were no {_RESTS_ON[sign]}"
        return self.reason_against(_RESTS_ON[sign]) or "not measured"

    def number(self, sign: str) -> float | None:
        """A sign that is one number."""
        value = self.signs.get(sign)
        return float(value) if isinstance(value, int | float) and math.isfinite(value) else None

    def events(self, kind: EventKind) -> list[SignEvent]:
        """All events of a kind, in order of time; empty as well where they were not measured."""
        return [_event(kind, entry) for entry in self.signs.get(kind) or ()]

    def perclos_over_time(self) -> tuple[tuple[float, float | None], ...]:
        """(time in s, PERCLOS over the minute before); None where too little was measured."""
        return tuple((float(time_s), value) for time_s, value in self.signs.get("perclos_over_time") or ())

    def blink_rates(self) -> list[tuple[float, float, float | None]]:
        """(start in s, end in s, blinks a minute) of each minute; None where they could not be counted."""
        return [
            (float(minute["start_s"]), float(minute["end_s"]), minute.get("blink_rate_per_min"))
            for minute in self.signs.get("minutes") or ()
        ]


def _event(kind: EventKind, entry: Mapping[str, Any]) -> SignEvent:
    start_s, end_s = float(entry["start_s"]), float(entry["end_s"])
    return SignEvent(
        kind=kind,
        start_s=start_s,
        peak_s=float(entry.get("peak_s", (start_s + end_s) / 2)),
        end_s=end_s,
        text=_WORDS[kind](entry),
        partial=entry.get("complete") is False,
    )


def _blink(entry: Mapping[str, Any]) -> str:
    duration_s, complete = entry.get("duration_s"), entry.get("complete")
    words = "blink" if duration_s is None else f"blink of {duration_s:.2f} s"
    return words if complete is None else f"{words}, {'complete' if complete else 'partial'}"


def _nod(entry: Mapping[str, Any]) -> str:
    return f"nod, {math.degrees(entry['depth_rad']):.0f}° deep" if "depth_rad" in entry else "nod"


_WORDS = {
    "blinks": _blink,
    "microsleeps": lambda entry: f"eyes shut for {entry['end_s'] - entry['start_s']:.1f} s",
    "yawns": lambda entry: f"yawn of {entry['end_s'] - entry['start_s']:.1f} s",
    "nods": _nod,
}
