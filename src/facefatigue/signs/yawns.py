"""Yawns: a slow, wide, steady opening of the mouth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.signs.moving import smoothed
from facefatigue.signs.series import stretches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Track = NDArray[np.float64]

# A yawn takes 6.5 s on average (Gallup et al. 2016): a long opening with the breath, a climax, a shorter closing (Provine &
# Hamernik 1986). Speech moves the mouth 3 to 8 times a second (Ghazanfar & Takahashi 2014), a laugh 5 times (Provine & Yong
# 1991); sung vowels are as wide and as long as short yawns, but opened faster. The limits were set on synthetic people.
LEAST_OPEN = 0.5
_LEAST_WIDE_S = 1.2
_MOST_S = 15.0
_LEAST_OPENING_S = 0.35
_MOST_ROUGHNESS_PER_S = 0.35
_MOST_SMILE = 0.5
_SMOOTHING_S = 0.25
# A yawn begins and ends at this share of the way from the resting mouth, which need not be shut, to the widest opening. The
# mouth rests where it closes no further (by the second share) for so long, or opens again (by the third).
_EDGE, _NEAR, _FAR = 0.15, 0.3, 0.8
_REST_S, _FURTHER, _OPENS_AGAIN = 0.4, 0.02, 0.15
# Slower than blinks by far: still seen at 4 frames/s, and over a face that is away for half a second.
MOST_GAP_S = 0.5
MOST_STEP_S = 0.25


@dataclass(frozen=True, kw_only=True)
class Yawn:
    """One yawn.

    Attributes:
        start_s, end_s: When 15 % of the opening is done, and all but 15 % of the closing, from and to a mouth at rest.
        peak_s: When it is widest.
        opening: The widest opening, 0 to 1.
        opening_s: From 30 to 80 % of the opening.
    """

    start_s: float
    end_s: float
    peak_s: float
    opening: float
    opening_s: float

    @property
    def duration_s(self) -> float:
        """Its length."""
        return self.end_s - self.start_s


def find_yawns(time_s: Track, mouth_open: Track, smile: Track) -> list[Yawn]:
    """Every yawn that begins and ends while the face is seen.

    Args:
        time_s: (T,) strictly increasing.
        mouth_open: (T,) 0 to 1.
        smile: (T,) 0 to 1.
    """
    found: list[Yawn] = []
    for part in stretches(time_s, np.ones(len(time_s), np.bool_), MOST_GAP_S):
        if part.stop - part.start >= 5:
            wide = smoothed(time_s[part], mouth_open[part], _SMOOTHING_S)
            found += _Mouth(time_s[part], wide, smile[part]).yawns()
    return found


@dataclass(frozen=True, eq=False)
class _Mouth:
    """Opening of a mouth over a time without gaps."""

    time_s: Track
    wide: Track
    smile: Track

    def yawns(self) -> list[Yawn]:
        """Try the widest opening, then what lies on either side of it."""
        found: list[Yawn] = []
        waiting = [(0, len(self.wide))]
        while waiting:
            first, after = waiting.pop()
            if after - first < 3:
                continue
            peak = first + int(self.wide[first:after].argmax())
            if self.wide[peak] < LEAST_OPEN:
                continue
            begin, end = self._edges(peak, (first, after), _EDGE)
            yawn = self._yawn(peak, begin, end) if first < begin and end < after - 1 else None
            if yawn is not None:
                found.append(yawn)
            else:
                begin, end = self._edges(peak, (first, after), 0.5)
            waiting += [(first, begin), (end + 1, after)]
        return sorted(found, key=lambda yawn: yawn.start_s)

    def _yawn(self, peak: int, begin: int, end: int) -> Yawn | None:
        """A yawn, if the opening around this peak is one."""
        top, within = float(self.wide[peak]), (begin, end + 1)
        half_from, half_to = self._edges(peak, within, 0.5)
        near, _ = self._edges(peak, within, _NEAR)
        far = near + int(np.argmax(self.wide[near : peak + 1] >= _FAR * top))
        opening_s = self._crossing_s(far, _FAR * top) - self._crossing_s(near + 1, _NEAR * top)
        wide_s = float(self.time_s[half_to] - self.time_s[half_from])
        inside = self.wide[half_from : half_to + 1]
        detours = float(np.abs(np.diff(inside)).sum() - (2 * top - inside[0] - inside[-1]))
        if (
            wide_s < _LEAST_WIDE_S
            or self.time_s[end] - self.time_s[begin] > _MOST_S
            or opening_s < _LEAST_OPENING_S
            or detours > _MOST_ROUGHNESS_PER_S * top * wide_s
            or float(self.smile[half_from : half_to + 1].mean()) > _MOST_SMILE
        ):
            return None
        return Yawn(
            start_s=self._rest_s(half_from, 0, top),
            end_s=self._rest_s(half_to, len(self.wide) - 1, top),
            peak_s=float(self.time_s[peak]),
            opening=min(top, 1.0),
            opening_s=opening_s,
        )

    def _rest_s(self, half: int, last: int, top: float) -> float:
        """When the mouth leaves its rest, or is back there, on the way from the frame where it is half open to ``last``."""
        step = 1 if last > half else -1
        foot = self._foot(half, last, step)
        level = float(self.wide[foot]) + _EDGE * (top - float(self.wide[foot]))
        here = half
        while here != foot and self.wide[here] > level:
            here += step
        return self._crossing_s(max(here, here - step), level)

    def _edges(self, peak: int, within: tuple[int, int], share: float) -> tuple[int, int]:
        """The frames either side of a peak where the opening first lies below a share of it, or the ends of ``within``."""
        first, after = within
        level = share * self.wide[peak]
        before = np.flatnonzero(self.wide[first:peak] < level)
        behind = np.flatnonzero(self.wide[peak:after] < level)
        return (first + int(before[-1]) if len(before) else first), (peak + int(behind[0]) if len(behind) else after - 1)

    def _foot(self, place: int, last: int, step: int) -> int:
        """The frame from which the mouth, on the way out of a yawn to ``last``, closes no further."""
        foot = here = place
        top = 2 * float(self.wide[place])
        while here != last:
            here += step
            if self.wide[here] < self.wide[foot] - _FURTHER * top:
                foot = here
            elif (
                abs(self.time_s[here] - self.time_s[foot]) > _REST_S
                or self.wide[here] > self.wide[foot] + _OPENS_AGAIN * top
            ):  # fmt: skip
                break
        return foot

    def _crossing_s(self, place: int, level: float) -> float:
        """When the level is passed between the frame before ``place`` and it."""
        if place == 0:
            return float(self.time_s[0])
        low, high = float(self.wide[place - 1]), float(self.wide[place])
        share = min(max((level - low) / (high - low), 0.0), 1.0) if high != low else 1.0
        return float(self.time_s[place - 1] + share * (self.time_s[place] - self.time_s[place - 1]))
