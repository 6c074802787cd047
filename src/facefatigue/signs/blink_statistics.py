"""What a stretch of blinks is described by before fatigue is told from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

STATISTICS = (
    "rate", "irregularity", "long intervals", "short intervals",
    "amplitude mean", "amplitude p10", "amplitude p50", "amplitude p90",
    "duration mean", "duration p10", "duration p50", "duration p90", "slow", "very slow",
    "velocity mean", "velocity p10", "velocity p50", "velocity p90",
    "amplitude with duration", "amplitude with velocity", "duration with velocity",
    "longer by", "0.1 s longer", "0.2 s longer", "0.5 s longer", "seconds p50", "seconds p90",
    "closed longer", "closed much longer", "blinks a minute",
)  # fmt: skip

_LEAST_INTERVAL = 0.02
_LONG, _SHORT = 2.0, 1 / 3
_SLOW, _VERY_SLOW = 2.0, 4.0


def describe(blinks: NDArray[np.floating], units_s: tuple[float, float] = (np.nan, np.nan)) -> Floats:
    """Statistics of blinks, whatever their order.

    Args:
        blinks: (n, 4) in the measure of the person, n at least 1, as ``AlertBlinks.normalise`` gives them.
        units_s: Mean interval and standard deviation of the duration of the person's alert blinks; NaN: unknown.

    Returns:
        (30,) in the order of STATISTICS. NaN where a column has a gap, or a unit is unknown; intervals may be missing for
        some blinks.
    """
    blinks = np.asarray(blinks, np.float64)
    found = np.full(len(STATISTICS), np.nan)
    interval = blinks[np.isfinite(blinks[:, 0]), 0]
    if len(interval) > 1:
        logs = np.log(np.maximum(interval, _LEAST_INTERVAL))
        rate = -np.log(max(interval.mean(), _LEAST_INTERVAL))
        found[:4] = (rate, logs.std(), (interval > _LONG).mean(), (interval < _SHORT).mean())
    # Some blinks lie 100 standard deviations out: asinh is linear near 0 and logarithmic far from it.
    soft = np.arcsinh(blinks[:, 1:])
    mean = soft.mean(axis=0)
    known = np.isfinite(mean)
    quantiles = _quantiles(soft)
    for column, place in ((0, 4), (1, 8), (2, 14)):
        if known[column]:
            found[place], found[place + 1 : place + 4] = mean[column], quantiles[:, column]
    if known[1]:
        found[12:14] = (blinks[:, 2] > _SLOW).mean(), (blinks[:, 2] > _VERY_SLOW).mean()
    centred = soft - mean
    together = centred.T @ centred / len(blinks)
    found[18:21] = together[0, 1], together[0, 2], together[1, 2]
    longer_s = blinks[:, 2] * units_s[1]
    if known[1] and np.isfinite(units_s[1]):
        more_s = np.maximum(longer_s, 0.0)
        found[21] = np.log(0.01 + more_s.mean())
        found[22:25] = [(longer_s > least_s).mean() for least_s in (0.1, 0.2, 0.5)]
        found[25:27] = _quantiles(np.arcsinh(longer_s[:, np.newaxis] / 0.05))[1:, 0]
        if len(interval) > 1 and np.isfinite(units_s[0]):
            # Shares of the time: PERCLOS, as far as blinks that are longer than usual make it.
            mean_s = max(interval.mean() * units_s[0], 0.1)
            found[27] = np.log(0.001 + more_s.mean() / mean_s)
            found[28] = np.log(0.001 + (more_s * (more_s > 0.2)).mean() / mean_s)
            found[29] = np.log(60 / mean_s)
    return found


def _quantiles(values: Floats) -> Floats:
    """(3, C) deciles 1, 5 and 9 of each column, between neighbours in proportion, as NumPy has them, but faster."""
    ordered = np.sort(values, axis=0)
    place = np.array((0.1, 0.5, 0.9)) * (len(values) - 1)
    low = place.astype(np.intp)
    share = (place - low)[:, np.newaxis]
    return np.asarray(ordered[low] * (1 - share) + ordered[np.minimum(low + 1, len(values) - 1)] * share)
