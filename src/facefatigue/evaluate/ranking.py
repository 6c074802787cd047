"""How well a number tells two classes apart, whatever the threshold: ROC, precision and recall, and ranks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.evaluate.classification import ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranking:
    """N values in ascending order, equal ones in one group of G.

    Attributes:
        order: (N,) int, the places of the values in ascending order.
        starts: (G,) int, where each group starts in that order.
        group: (N,) int, the group of each value.
    """

    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    group: NDArray[np.intp]

    @classmethod
    def of(cls, values: NDArray[np.floating]) -> Ranking:
        """Rank.

        Args:
            values: (N,) finite numbers, N at least 1.
        """
        _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        return cls(order=np.argsort(values, kind="stable"), starts=starts, group=group)

    def totals(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of the weights of each group.

        Args:
            weights: (B, N) in ascending order of the values, as ``order`` gives it.

        Returns:
            (B, G).
        """
        if len(self.starts) == weights.shape[1]:
            return weights
        return np.asarray(np.add.reduceat(weights, self.starts, axis=1), np.float64)

    def mid_ranks(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Ranks in samples that hold value n ``weights[b, n]`` times; equal values share their mean rank.

        Args:
            weights: (B, N) whole numbers of at least 0, in the order of the values.

        Returns:
            (B, N), from 1; that of a value which is not in the sample means nothing.
        """
        totals = self.totals(weights[:, self.order])
        return (np.cumsum(totals, axis=1) - (totals - 1) / 2)[:, self.group]


def counts_above(
    ranking: Ranking, weights: NDArray[np.float64], positive: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """True and false positives at every threshold, the highest first.

    Args:
        ranking: Of the values.
        weights: (B, N), how often each item is in each of B samples.
        positive: (N,) bool.

    Returns:
        Two (B, G) arrays: positives and negatives with at least the g-th highest value.
    """
    ordered = weights[:, ranking.order]
    everything = ranking.totals(ordered)[:, ::-1]
    positives = ranking.totals(ordered * positive[ranking.order])[:, ::-1]
    tp = np.cumsum(positives, axis=1)
    return tp, np.cumsum(everything, axis=1) - tp


def areas(tp: NDArray[np.float64], fp: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Area under the ROC curve, and average precision.

    The first is the probability that a positive has a higher value than a negative, where a tie counts half, which is the
    area by trapezoids ("The meaning and use of the area under a ROC curve", Hanley and McNeil, Radiology 1982). The second
    is Σ (recall(g) − recall(g − 1)) × precision(g) over the thresholds, without interpolation.

    Args:
        tp: (B, G), true positives as of :func:`counts_above`.
        fp: (B, G), false positives.

    Returns:
        Two (B,) arrays in [0, 1], with NaN where positives or negatives are missing.
    """
    gained = np.diff(tp, axis=1, prepend=0.0)
    lost = np.diff(fp, axis=1, prepend=0.0)
    positives, negatives = tp[:, -1], fp[:, -1]
    auc = ratio(np.sum(lost * (tp - gained / 2), axis=1), positives * negatives)
    precision = np.divide(tp, tp + fp, out=np.zeros_like(tp), where=tp + fp > 0)
    average_precision = ratio(np.sum(gained * precision, axis=1), positives)
    return auc, np.where(negatives > 0, average_precision, np.nan)


def area_under_roc(score: NDArray[np.floating], positive: NDArray[np.bool_]) -> float | None:
    """The probability that a positive scores above a negative; a tie counts half (Hanley and McNeil 1982).

    Args:
        score: (N,) any finite numbers.
        positive: (N,) bool.

    Returns:
        In [0, 1], or None when one of the two kinds is missing.
    """
    return _first(areas(*_counts(score, positive))[0])


def average_precision(score: NDArray[np.floating], positive: NDArray[np.bool_]) -> float | None:
    """Mean precision over the recalls that the thresholds reach, as :func:`areas`.

    Args:
        score: (N,) any finite numbers.
        positive: (N,) bool.

    Returns:
        In [0, 1], or None when one of the two kinds is missing.
    """
    return _first(areas(*_counts(score, positive))[1])


@dataclass(frozen=True, kw_only=True, eq=False)
class Curves:
    """What every threshold would give, the highest first; an item is positive from its threshold on.

    Attributes:
        threshold: (G,) float64, descending.
        true_positive_rate: (G,) the same as recall.
        false_positive_rate: (G,)
        precision: (G,)
    """

    threshold: NDArray[np.float64]
    true_positive_rate: NDArray[np.float64]
    false_positive_rate: NDArray[np.float64]
    precision: NDArray[np.float64]


def curves(score: NDArray[np.floating], positive: NDArray[np.bool_]) -> Curves | None:
    """The ROC curve and the precision–recall curve.

    Args:
        score: (N,) any finite numbers.
        positive: (N,) bool.

    Returns:
        None when positives or negatives are missing.
    """
    tp, fp = (counts[0] for counts in _counts(score, positive))
    if not tp.size or not tp[-1] or not fp[-1]:
        return None
    return Curves(
        threshold=np.unique(score)[::-1].astype(np.float64),
        true_positive_rate=tp / tp[-1],
        false_positive_rate=fp / fp[-1],
        precision=tp / (tp + fp),
    )


def rates_at(
    tp: NDArray[np.float64], fp: NDArray[np.float64], false_positive_rate: NDArray[np.float64]
) -> NDArray[np.float64]:
    """True positive rates of ROC curves at given false positive rates, on straight lines between thresholds.

    Args:
        tp: (B, G), true positives as of :func:`counts_above`.
        fp: (B, G), false positives.
        false_positive_rate: (K,) ascending in [0, 1].

    Returns:
        (B, K), with NaN where positives or negatives are missing.
    """
    rates = np.full((len(tp), len(false_positive_rate)), np.nan)
    for row, (hits, alarms) in enumerate(zip(tp, fp, strict=True)):
        if hits[-1] and alarms[-1]:
            x, y = np.append(0.0, alarms / alarms[-1]), np.append(0.0, hits / hits[-1])
            rates[row] = np.interp(false_positive_rate, x, y)
    return rates


def _counts(score: NDArray[np.floating], positive: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if not len(score):
        return np.zeros((1, 1)), np.zeros((1, 1))
    return counts_above(Ranking.of(score), np.ones((1, len(score))), positive)


def _first(values: NDArray[np.float64]) -> float | None:
    return None if np.isnan(values[0]) else float(values[0])
