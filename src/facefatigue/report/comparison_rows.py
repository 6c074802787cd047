"""What is usual beside what was measured, as rows of a table and as one line for the terminal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# The deviations that a scale shows; what lies beyond is drawn at its end.
MOST_SHOWN = 5.0
# Between these lies what is usual: UNUSUAL of signs/compare.py, without loading it.
USUAL = 2.0


@dataclass(frozen=True, kw_only=True)
class ComparisonRow:
    """One sign beside what is usual, in words.

    Attributes:
        key: Its name in the JSON.
        name: Its name for people.
        value, usual: With their unit.
        deviation: In robust standard deviations.
        words: What that means.
        own: Whether usual is what is usual for this very person.
        source: Where a norm of people at large comes from; empty for a person's own.
    """

    key: str
    name: str
    value: str
    usual: str
    deviation: float
    words: str
    own: bool
    source: str

    @property
    def unusual(self) -> bool:
        """Whether it is beyond what is usual."""
        return abs(self.deviation) >= USUAL

    @property
    def shown(self) -> float:
        """The deviation, held within the scale."""
        return min(max(self.deviation, -MOST_SHOWN), MOST_SHOWN)

    @property
    def deviation_text(self) -> str:
        """The deviation with its sign, e.g. ``+2.4``."""
        return signed(self.deviation)


def comparison_rows(comparison: Mapping[str, Any] | None) -> list[ComparisonRow]:
    """One row a sign that has a usual value, in the order of the report.

    Args:
        comparison: As the report holds it; None gives no row.
    """
    return [_row(entry) for entry in (comparison or {}).get("deviations") or ()]


def compared_with(comparison: Mapping[str, Any]) -> str:
    """Whose usual it is."""
    name = comparison.get("name")
    return "people at large" if name is None else f"what is usual for {name}"


def comparison_line(comparison: Mapping[str, Any]) -> str:
    """The comparison in one line: what is unusual with its numbers, then what is as usual.

    Returns:
        For example ``compared with what is usual for me: lids hang lower, beyond usual for you (82 %, usually 99 %); as
        usual: blink rate, PERCLOS``.
    """
    rows = comparison_rows(comparison)
    far = [f"{row.words} ({row.value}, usually {row.usual})" for row in rows if row.unusual]
    near = [row.name for row in rows if not row.unusual]
    if near:
        far.append(f"as usual: {', '.join(near)}")
    return (
        f"compared with {compared_with(comparison)}: {'; '.join(far) or 'nothing could be measured that has a usual value'}"
    )


def signed(value: float) -> str:
    """A number with its sign and one decimal."""
    return f"{value:+.1f}".replace("-", "\N{MINUS SIGN}") if round(value, 1) else "0.0"


def usual_text(key: str, value: float) -> str:
    """A value of a sign with its unit."""
    return _SIGNS[key][1](value)


def sign_name(key: str) -> str:
    """The name of a sign for people."""
    return _SIGNS[key][0]


def _row(entry: Mapping[str, Any]) -> ComparisonRow:
    key = str(entry["sign"])
    name, write = _SIGNS.get(key, (key.replace("_", " "), lambda value: f"{value:.3g}"))
    return ComparisonRow(
        key=key, name=name, value=write(entry["value"]), usual=write(entry["usual"]), deviation=float(entry["deviation"]),
        words=str(entry["words"]), own=entry["reference"] == "own", source=str(entry.get("source") or ""),
    )  # fmt: skip


def _percent(value: float, digits: int = 0) -> str:
    return f"{100 * value:.{digits}f} %"


def _degrees(value: float) -> str:
    degrees = round(math.degrees(value))
    return f"{abs(degrees)}°{'' if not degrees else ' down' if degrees > 0 else ' up'}"


# As in facefatigue.signs.baseline.SIGNS: the name, and how a value is written.
_SIGNS: dict[str, tuple[str, Callable[[float], str]]] = {
    "blink_rate_per_min": ("blink rate", lambda value: f"{value:.1f} a minute"),
    "blink_duration_s": ("blink duration", lambda value: f"{value:.2f} s"),
    "incomplete_blink_share": ("partial blinks", _percent),
    "perclos": ("PERCLOS", lambda value: _percent(value, 1)),
    "openness": ("opening of the eyes", _percent),
    "yawns_per_hour": ("yawn rate", lambda value: f"{value:.1f} an hour"),
    "pitch_rad": ("pitch of the head", _degrees),
    "score": ("score of the network", lambda value: f"{value:.2f}"),
}
