"""How far a person's lids are open, by this person's own measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.signs.series import time_shares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefatigue.signs.series import SignSeries

    Track = NDArray[np.float64]

Pair = tuple[float | None, float | None]

# The open level is what the eyes exceed for a quarter of the time: above what they show while blinking, looking down or
# laughing, and not moved by the few frames of wide eyes.
_OPEN_QUANTILE = 0.75
# Shut eyes are read as this share of open ones before any were seen shut: the median of synthetic people (docs/signs.md).
SHUT_SHARE = 0.4
# The shut level of a person: the quarter of the blinks that goes deepest. About half of all blinks are complete (Sforza et
# al. 2008; Ousler et al. 2014), so the deepest quarter is. Between these shares of the open level, from so many blinks on.
_SHUT_QUANTILE = 0.25
_LEAST_SHUT_SHARE, _MOST_SHUT_SHARE = 0.1, 0.6
_LEAST_BLINKS = 5


@dataclass(frozen=True, kw_only=True)
class LidLevels:
    """What is read from one person's open and shut eyes.

    Attributes:
        open: Of the left and the right eye of the image, as read from the picture; None for an eye that was never seen.
        shut: The same of shut eyes.
    """

    open: Pair
    shut: Pair


def find_levels(series: SignSeries) -> LidLevels:
    """The open levels of a series; its shut levels are those of an average person."""
    shares = time_shares(series.time_s)
    found = [
        weighted_quantile(series.openness[:, eye], shares * series.eye_visible[:, eye], _OPEN_QUANTILE) for eye in (0, 1)
    ]
    shut = [None if level is None else SHUT_SHARE * level for level in found]
    return LidLevels(open=(found[0], found[1]), shut=(shut[0], shut[1]))


def with_shut_eyes(levels: LidLevels, series: SignSeries, peaks: Sequence[int]) -> LidLevels:
    """The same levels, the shut ones learnt from the frames in which blinks are deepest."""
    shut: list[float | None] = []
    for eye in (0, 1):
        level, default = levels.open[eye], levels.shut[eye]
        own = series.openness[peaks, eye][series.eye_visible[peaks, eye]] if len(peaks) else np.empty(0)
        if level is None or len(own) < _LEAST_BLINKS:
            shut.append(default)
        else:
            learnt = float(np.quantile(own, _SHUT_QUANTILE))
            shut.append(min(max(learnt, _LEAST_SHUT_SHARE * level), _MOST_SHUT_SHARE * level))
    return LidLevels(open=levels.open, shut=(shut[0], shut[1]))


def relative_openness(series: SignSeries, levels: LidLevels) -> tuple[NDArray[np.float64], Track]:
    """Openness in the person's own measure: 0 shut, 1 open; above 1 for wide eyes.

    Returns:
        (T, 2) float64 of both eyes, NaN where one is not seen, and (T,) float64, their mean; NaN where neither is seen.
    """
    eyes = np.full((len(series), 2), np.nan)
    for eye in (0, 1):
        level, shut = levels.open[eye], levels.shut[eye]
        if level is not None and shut is not None and level > shut:
            seen = series.eye_visible[:, eye]
            eyes[seen, eye] = (series.openness[seen, eye].astype(np.float64) - shut) / (level - shut)
    seen = ~np.isnan(eyes)
    count = seen.sum(axis=1)
    mean = np.where(seen, eyes, 0.0).sum(axis=1) / np.maximum(count, 1)
    return eyes, np.where(count > 0, mean, np.nan)


def weighted_quantile(values: NDArray[np.floating], weights: Track, share: float) -> float | None:
    """The value that ``share`` of the weight does not exceed; None where all weights are 0."""
    total = float(weights.sum())
    if total <= 0:
        return None
    order = np.argsort(values, kind="stable")
    passed = np.cumsum(weights[order]) / total
    return float(values[order][min(int(np.searchsorted(passed, share)), len(values) - 1)])
