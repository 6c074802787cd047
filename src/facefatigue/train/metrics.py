"""Figures of predicted against true scores, in plain numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BORDER = 0.5


@dataclass(frozen=True, kw_only=True)
class ScoreFigures:
    """How well scores are predicted.

    Attributes:
        mse: Mean squared error.
        mae: Mean absolute error.
        pearson: Pearson's correlation; None when either side is constant.
        accuracy: Share of clips on the right side of 0.5 (fatigue: at least 0.5).
        auc: Area under the ROC curve for true scores of at least 0.5; None when all are on one side.
    """

    mse: float
    mae: float
    pearson: float | None
    accuracy: float
    auc: float | None


def score_figures(predicted: NDArray[np.floating], target: NDArray[np.floating]) -> ScoreFigures:
    """Compare scores.

    Args:
        predicted: (N,) in [0, 1], N at least 1.
        target: (N,) in [0, 1], the true scores.
    """
    predicted, target = predicted.astype(np.float64), target.astype(np.float64)
    fatigued = target >= BORDER
    return ScoreFigures(
        mse=float(np.mean((predicted - target) ** 2)),
        mae=float(np.mean(np.abs(predicted - target))),
        pearson=pearson(predicted, target),
        accuracy=float(np.mean((predicted >= BORDER) == fatigued)),
        auc=area_under_roc(predicted, fatigued),
    )


def pearson(first: NDArray[np.floating], second: NDArray[np.floating]) -> float | None:
    """Pearson's correlation of two (N,) arrays; None when either is constant."""
    first, second = first - first.mean(), second - second.mean()
    scale = float(np.sqrt(np.sum(first**2) * np.sum(second**2)))
    return float(np.sum(first * second)) / scale if scale > 1e-12 * len(first) else None


def area_under_roc(score: NDArray[np.floating], positive: NDArray[np.bool_]) -> float | None:
    """The probability that a positive scores above a negative; a tie counts half.

    It is Mann and Whitney's U over the number of pairs ("The meaning and use of the area under a ROC curve", Hanley and
    McNeil, Radiology 1982), with the mean rank for equal scores.

    Args:
        score: (N,) any finite numbers.
        positive: (N,) bool.

    Returns:
        In [0, 1], or None when one of the two kinds is missing.
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return None
    _, group, sizes = np.unique(score, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(sizes) - (sizes - 1) / 2  # from 1, in ascending order
    rank_sum = float(mean_rank[group][positive].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)
