"""Falls of a signal with the rise that follows: where they begin and end, how deep and how fast they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.signs.moving import highest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Track = NDArray[np.float64]

# A fall is measured from 20 to 80 % of its depth, as rise times of signals are; the first and the last fifth drown in noise.
NEAR, FAR = 0.2, 0.8
# From the bottom to the top beside it: at least this share of the way to the highest value in reach; then the top is where
# nothing higher follows for a while, or where the signal falls back by this share.
_MAIN_SHARE = 0.6
_FALLS_BACK = 0.3
_MORE = 0.05  # what comes later than that is a top only if it is higher by this share of the height
# Two bottoms are of one dip unless the signal rises between them by this share of the depth.
_PARTING = 0.4


@dataclass(frozen=True, kw_only=True)
class Dip:
    """A fall and the rise after it.

    Attributes:
        start_s: When a fifth of the fall is done; ``low_from_s``: when four fifths are.
        bottom_s: When it is lowest.
        low_to_s: When a fifth of the rise is done; ``end_s``: when four fifths are.
        half_width_s: Between half of the fall and half of the rise.
        before, after, bottom: Values at the tops beside it and at its bottom.
        first, place, last: Frames of the top before, the bottom and the top after.
    """

    start_s: float
    low_from_s: float
    bottom_s: float
    low_to_s: float
    end_s: float
    half_width_s: float
    before: float
    after: float
    bottom: float
    first: int
    place: int
    last: int

    @property
    def fall(self) -> float:
        """How far the signal falls."""
        return self.before - self.bottom

    @property
    def rise(self) -> float:
        """How far it rises again."""
        return self.after - self.bottom


def find_dips(time_s: Track, values: Track, least: Track, reach_s: float, rest_s: float = 0.1) -> list[Dip]:
    """Every dip from whose bottom the signal rises far enough in either direction.

    Args:
        time_s: (T,) strictly increasing, without gaps.
        values: (T,) float64.
        least: (T,) how far it has to rise, around each frame.
        reach_s: Within this time.
        rest_s: A top is where nothing higher follows for so long.

    Returns:
        In order of time; their fronts and backs may lie on each other, their bottoms do not.
    """
    if len(values) < 3:
        return []
    lows = np.flatnonzero((values[1:-1] <= values[:-2]) & (values[1:-1] < values[2:])) + 1
    first = np.searchsorted(time_s, time_s[lows] - reach_s)
    after = np.searchsorted(time_s, time_s[lows] + reach_s, side="right")
    rise = np.minimum(highest(values, first, lows + 1), highest(values, lows, after)) - values[lows]
    signal = _Signal(time_s, values, least, reach_s, rest_s)
    bottoms: list[int] = []
    for place in lows[rise >= least[lows]].tolist():
        if bottoms and not signal.apart(bottoms[-1], place):
            if values[place] < values[bottoms[-1]]:
                bottoms[-1] = place
        else:
            bottoms.append(place)
    return [signal.dip(place) for place in bottoms]


@dataclass(frozen=True, eq=False)
class _Signal:
    time_s: Track
    values: Track
    least: Track
    reach_s: float
    rest_s: float

    def apart(self, one: int, other: int) -> bool:
        """Whether two bottoms are of two dips."""
        if self.time_s[other] - self.time_s[one] > self.reach_s:
            return True
        top = float(self.values[one : other + 1].max())
        low, high = sorted((float(self.values[one]), float(self.values[other])))
        return top - high >= max(float(self.least[other]), _PARTING * (top - low))

    def dip(self, place: int) -> Dip:
        """The dip around a bottom."""
        first, last = self._top(place, -1), self._top(place, 1)
        before, after, bottom = (float(self.values[frame]) for frame in (first, last, place))
        fall, rise = before - bottom, after - bottom

        def back(share: float) -> float:
            return self._passes(place, first, before - share * fall)

        def forth(share: float) -> float:
            return self._passes(place, last, after - share * rise)

        return Dip(
            start_s=back(NEAR),
            low_from_s=back(FAR),
            bottom_s=float(self.time_s[place]),
            low_to_s=forth(FAR),
            end_s=forth(NEAR),
            half_width_s=forth(0.5) - back(0.5),
            before=before,
            after=after,
            bottom=bottom,
            first=first,
            place=place,
            last=last,
        )

    def _top(self, place: int, step: int) -> int:
        """The frame of the top beside a bottom, backwards (step -1) or forwards (1)."""
        time_s, values = self.time_s, self.values
        if step < 0:
            end = int(np.searchsorted(time_s, time_s[place] - self.reach_s))
        else:
            end = int(np.searchsorted(time_s, time_s[place] + self.reach_s, side="right")) - 1
        inside = values[min(place, end) : max(place, end) + 1]
        enough = max(float(self.least[place]), _MAIN_SHARE * float(inside.max() - values[place]))
        top = here = place
        while here != end:
            here += step
            height = values[top] - values[place]
            still = abs(time_s[here] - time_s[top]) > self.rest_s
            if values[here] > values[top] and (not still or values[here] - values[top] > _MORE * height):
                top = here
            elif height >= enough and (still or values[here] < values[top] - _FALLS_BACK * height):
                break
        return top

    def _passes(self, place: int, top: int, level: float) -> float:
        """When the signal, on the way from a bottom to a top, first reaches a level."""
        step = 1 if top > place else -1
        here = place
        while here != top and self.values[here] < level:
            here += step
        if here == place:
            return float(self.time_s[place])
        low, high = float(self.values[here - step]), float(self.values[here])
        share = min(max((level - low) / (high - low), 0.0), 1.0) if high > low else 1.0
        return float(self.time_s[here - step] + share * (self.time_s[here] - self.time_s[here - step]))
