"""Whether a probability of fatigue means what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.evaluate.classification import ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 15


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """The items whose probability is in (low, high]; the first bin holds 0, too.

    Attributes:
        low, high: Its edges.
        items: How many there are.
        mean_probability: Their mean probability of fatigue, or None in an empty bin.
        fatigue_share: The share of them that is fatigue, or None in an empty bin.
    """

    low: float
    high: float
    items: int
    mean_probability: float | None
    fatigue_share: float | None


def brier_score(probability: NDArray[np.floating], is_fatigue: NDArray[np.bool_]) -> float:
    """Mean of (probability − truth)², with truth 0 or 1 (Brier, Monthly Weather Review 1950, over two, as is usual).

    Args:
        probability: (N,) in [0, 1], of fatigue; N at least 1.
        is_fatigue: (N,) bool.
    """
    return float(np.mean((probability.astype(np.float64) - is_fatigue) ** 2))


def expected_calibration_error(
    probability: NDArray[np.floating], is_fatigue: NDArray[np.bool_], *, bins: int = BINS
) -> float:
    """Mean distance between the probability of fatigue and its frequency, over equal bins weighted by their items.

    The ECE of "On calibration of modern neural networks" (Guo et al., ICML 2017, equation 3) with 15 bins, but of the
    probability of fatigue rather than of the called class.

    Args:
        probability: (N,) in [0, 1], of fatigue; N at least 1.
        is_fatigue: (N,) bool.
        bins: Number of bins.
    """
    sums = calibration_sums(probability, is_fatigue, bins=bins).sum(axis=0, keepdims=True)
    return float(ece_of_sums(sums, np.array([float(len(probability))]))[0])


def calibration_sums(
    probability: NDArray[np.floating], is_fatigue: NDArray[np.bool_], *, bins: int = BINS
) -> NDArray[np.float64]:
    """What each item adds to the sums from which :func:`ece_of_sums` computes.

    Args:
        probability: (N,) in [0, 1].
        is_fatigue: (N,) bool.
        bins: Number of bins.

    Returns:
        (N, bins): probability − truth in the column of the item's bin, else 0.
    """
    table = np.zeros((len(probability), bins))
    table[np.arange(len(probability)), bin_of(probability, bins)] = probability - is_fatigue.astype(np.float64)
    return table


def ece_of_sums(sums: NDArray[np.float64], items: NDArray[np.float64]) -> NDArray[np.float64]:
    """Σ over bins |Σ over items (probability − truth)| / items.

    Args:
        sums: (B, bins), sums of the rows of :func:`calibration_sums`.
        items: (B,)

    Returns:
        (B,)
    """
    return ratio(np.abs(sums).sum(axis=1), items)


def reliability(
    probability: NDArray[np.floating], is_fatigue: NDArray[np.bool_], *, bins: int = BINS
) -> tuple[ReliabilityBin, ...]:
    """The bins of a reliability diagram.

    Args:
        probability: (N,) in [0, 1], of fatigue.
        is_fatigue: (N,) bool.
        bins: Number of equal bins of [0, 1].
    """
    place = bin_of(probability, bins)
    found = []
    for number in range(bins):
        inside = place == number
        some = bool(inside.any())
        found.append(
            ReliabilityBin(
                low=number / bins,
                high=(number + 1) / bins,
                items=int(inside.sum()),
                mean_probability=float(probability[inside].mean()) if some else None,
                fatigue_share=float(is_fatigue[inside].mean()) if some else None,
            )
        )
    return tuple(found)


def bin_of(probability: NDArray[np.floating], bins: int = BINS) -> NDArray[np.intp]:
    """The equal bin ((m − 1)/M, m/M] of [0, 1] that each value is in, from 0; the value 0 is in the first.

    Args:
        probability: (N,) in [0, 1].
        bins: M.

    Returns:
        (N,) int.
    """
    edges = np.arange(1, bins) / bins
    return np.asarray(np.searchsorted(edges, probability, side="left"), np.intp)
