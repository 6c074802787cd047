"""Eyes that stay closed: PERCLOS and microsleeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.signs.series import MOST_GAP_S, stretches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Track = NDArray[np.float64]
    Flags = NDArray[np.bool_]

# P80: an eye counts as closed from 80 % closure on, over one minute (Wierwille et al. 1994; FHWA tech brief, 1998, "PERCLOS:
# A Valid Psychophysiological Measure of Alertness As Assessed by Psychomotor Vigilance").
OPEN_AT_MOST = 0.2
WINDOW_S = 60.0
# Half of the minute has to be measured; less says too little (a single microsleep would be most of it).
LEAST_MEASURED_S = 30.0
# Longer closures are no blinks (Harrison & Horne 1996; Stern et al. 1984: endogenous blinks take at most 0.5 s).
MICROSLEEP_S = 0.5
# Lids follow the eyes down within the time of a saccade (Becker & Fuchs 1988, "Lid-eye coordination during vertical gaze
# changes in man and monkey"), as quickly as in a blink (0.066 s of search coils, see blinks.py); seen between frames and
# smoothed, neither takes more than this from four fifths open to four fifths closed. Our own limit.
QUICK_S = 0.15
# Lids that flutter up for a moment, no further than half, do not end a closure.
_FLUTTER_S, _FLUTTER_OPEN = 0.1, 0.5


@dataclass(frozen=True, kw_only=True)
class Microsleep:
    """Eyes at least 80 % closed for more than half a second.

    Attributes:
        start_s, end_s: From when to when.
        closure: Mean closure in between, 0 to 1.
        closing_s: From the last moment with eyes four fifths open to the first with eyes four fifths closed; None where that
            was not seen. Lids that sink take their time; those that follow a gaze far down are as quick as in a blink (less
            than 0.15 s), and look the same afterwards. Lids that fall shut at once and stay shut are as quick, too.
    """

    start_s: float
    end_s: float
    closure: float
    closing_s: float | None = None

    @property
    def duration_s(self) -> float:
        """Its length."""
        return self.end_s - self.start_s


def perclos(openness: Track, usable: Flags, shares_s: Track) -> tuple[float | None, float]:
    """Share of the measured time with eyes at least 80 % closed (P80), and the measured time in seconds.

    Each frame counts for the time around it, which estimates the share without bias at any frame rate. Blinks are part of
    it, as they were then; those of alert people add 1 to 3 %.

    Args:
        openness: (T,) in the person's own measure, 0 shut to 1 open.
        usable: (T,) which frames count.
        shares_s: (T,) the time each frame stands for.

    Returns:
        The share, None if less than 30 s were measured, and the seconds.
    """
    weights = np.where(usable, shares_s, 0.0)
    measured_s = float(weights.sum())
    if measured_s < LEAST_MEASURED_S:
        return None, measured_s
    return float(weights[usable & (openness <= OPEN_AT_MOST)].sum() / measured_s), measured_s


def quick_closures(time_s: Track, openness: Track, found: Sequence[Microsleep]) -> Flags:
    """(T,) frames with eyes at least 80 % closed in closures of more than half a second that began as quickly as a glance.

    Args:
        time_s: (T,) strictly increasing.
        openness: (T,) in the person's own measure.
        found: The closures.
    """
    quick = np.zeros(len(time_s), np.bool_)
    for closure in found:
        if closure.closing_s is not None and closure.closing_s < QUICK_S:
            first, after = np.searchsorted(time_s, (closure.start_s, closure.end_s))
            quick[first:after] = openness[first:after] <= OPEN_AT_MOST
    return quick


def perclos_at(moments_s: Track, time_s: Track, openness: Track, usable: Flags, shares_s: Track) -> Track:
    """PERCLOS over the minute before each moment.

    Args:
        moments_s: (N,) when.
        time_s: (T,) strictly increasing.
        openness: (T,) as in :func:`perclos`.
        usable: (T,) as there.
        shares_s: (T,) as there.

    Returns:
        (N,) float64; NaN where less than half of the minute was measured.
    """
    weights = np.where(usable, shares_s, 0.0)
    closed = np.where(usable & (openness <= OPEN_AT_MOST), weights, 0.0)
    sums = [np.concatenate([[0.0], np.cumsum(track)]) for track in (weights, closed)]
    begin = np.searchsorted(time_s, moments_s - WINDOW_S, side="right")
    end = np.searchsorted(time_s, moments_s, side="right")
    measured, shut = (track[end] - track[begin] for track in sums)
    return np.where(measured >= LEAST_MEASURED_S - 1e-6, shut / np.maximum(measured, 1e-9), np.nan)


def find_microsleeps(time_s: Track, openness: Track, usable: Flags, excused: Flags) -> list[Microsleep]:
    """Closures of more than half a second.

    Args:
        time_s: (T,) strictly increasing.
        openness: (T,) in the person's own measure.
        usable: (T,) frames in which the lids are read.
        excused: (T,) frames in which eyes close for another reason: a yawn, a laugh.
    """
    found = []
    for part in stretches(time_s, usable, MOST_GAP_S):
        seconds, values = time_s[part], openness[part]
        if len(seconds) < 2:
            continue
        edges = np.concatenate([[seconds[0]], (seconds[1:] + seconds[:-1]) / 2, [seconds[-1]]])
        for first, after in _closures(values, edges):
            start_s, end_s = float(edges[first]), float(edges[after])
            if end_s - start_s > MICROSLEEP_S and not excused[part][first:after].any():
                closure = float(np.clip(1 - values[first:after], 0, 1).mean())
                closing_s = _closing_s(seconds[: first + 1], values[: first + 1])
                found.append(Microsleep(start_s=start_s, end_s=end_s, closure=closure, closing_s=closing_s))
    return found


def _closing_s(time_s: Track, values: Track) -> float | None:
    """How long the lids took to the last frame, the first with eyes four fifths closed; along lines between frames."""
    open_before = np.flatnonzero(values >= 1 - OPEN_AT_MOST)
    if not len(open_before):
        return None
    last = int(open_before[-1])
    begin, end = ((values[last], values[last + 1], time_s[last : last + 2]), (values[-2], values[-1], time_s[-2:]))
    left_s, shut_s = (
        float(moments[0] + (high - level) / (high - low) * (moments[1] - moments[0]))
        for (high, low, moments), level in ((begin, 1 - OPEN_AT_MOST), (end, OPEN_AT_MOST))
    )
    return shut_s - left_s


def _closures(values: Track, edges: Track) -> list[tuple[int, int]]:
    """Runs of closed frames as [first, after), flutters bridged."""
    closed = np.concatenate([[False], values <= OPEN_AT_MOST, [False]])
    firsts, afters = np.flatnonzero(closed[1:] & ~closed[:-1]), np.flatnonzero(~closed[1:] & closed[:-1])
    runs: list[tuple[int, int]] = []
    for first, after in zip(firsts.tolist(), afters.tolist(), strict=True):
        if runs:
            begun, ended = runs[-1]
            if edges[first] - edges[ended] <= _FLUTTER_S and values[ended:first].max() <= _FLUTTER_OPEN:
                runs[-1] = (begun, after)
                continue
        runs.append((first, after))
    return runs
