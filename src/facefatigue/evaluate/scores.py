"""How close predicted scores come to true ones: errors, correlation and agreement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facefatigue.evaluate.classification import as_numbers, ratio
from facefatigue.evaluate.ranking import Ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Values whose standard deviation is below this share of the largest of them count as constant.
_CONSTANT = 1e-7


def score_sums(predicted: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each item adds to the sums from which :func:`figures_of_sums` computes.

    Args:
        predicted: (N,) float64; best near 0, so that sums of squares lose no digits.
        target: (N,) float64.

    Returns:
        (N, 8): 1, x, y, x², y², xy, |x − y|, (x − y)².
    """
    error = predicted - target
    columns = (np.ones_like(error), predicted, target, predicted**2, target**2, predicted * target, np.abs(error), error**2)
    return np.stack(columns, axis=1)


def figures_of_sums(sums: NDArray[np.float64], *, scale: float = 1.0) -> dict[str, NDArray[np.float64]]:
    """Errors, correlation and agreement from sums over items.

    ``mae``, ``rmse``, ``bias`` (mean of predicted − true), ``pearson``, ``ccc``: the concordance correlation coefficient
    2 s_xy / (s_x² + s_y² + (x̄ − ȳ)²) with variances over n (Lin, Biometrics 1989), and ``icc``: ICC(2,1) of predicted and
    true score as two raters, absolute agreement (Shrout and Fleiss, Psychological Bulletin 1979; ICC(A,1) of McGraw and
    Wong, Psychological Methods 1996), (MSR − MSE) / (MSR + MSE + 2 (MSC − MSE) / n).

    Args:
        sums: (B, 8), sums of the rows of :func:`score_sums`.
        scale: The largest absolute value; what varies by less than 1e-7 of it is constant.

    Returns:
        (B,) each, with NaN where a figure is undefined: Pearson's correlation when one side is constant, the two others when
        both are and agree, or when there are fewer than two items.
    """
    n, x, y, xx, yy, xy, absolute, squared = sums.T
    mean_x, mean_y = ratio(x, n), ratio(y, n)
    least = (_CONSTANT * scale) ** 2
    var_x, var_y = ratio(xx, n) - mean_x**2, ratio(yy, n) - mean_y**2
    cov = ratio(xy, n) - mean_x * mean_y
    varies = (var_x > least) & (var_y > least)
    product = np.sqrt(np.where(varies, var_x * var_y, np.nan))
    disagreement = var_x + var_y + (mean_x - mean_y) ** 2
    per_item = np.where(n > 1, n, np.nan) / np.where(n > 1, n - 1, np.nan)
    between = per_item * (var_x + var_y + 2 * cov) / 2  # MSR, between items
    rest = per_item * (var_x + var_y - 2 * cov) / 2  # MSE
    whole = between + rest + (mean_x - mean_y) ** 2 - 2 * rest / np.where(n > 0, n, np.nan)  # MSC is n/2 times the square
    return {
        "mae": ratio(absolute, n),
        "rmse": np.sqrt(ratio(squared, n)),
        "bias": mean_x - mean_y,
        "pearson": np.clip(cov / product, -1.0, 1.0),
        "ccc": ratio(2 * cov, np.where(disagreement > least, disagreement, 0.0)),
        "icc": ratio(between - rest, np.where(whole > least, whole, 0.0)),
    }


def rank_correlation(first: Ranking, second: Ranking, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spearman's correlation in samples that hold item n ``weights[b, n]`` times: Pearson's of the mid-ranks.

    Args:
        first: Ranking of N items.
        second: Another ranking of them.
        weights: (B, N) whole numbers of at least 0.

    Returns:
        (B,) in [−1, 1], with NaN where one side is constant.
    """
    total = weights.sum(axis=1, keepdims=True)
    a = first.mid_ranks(weights) - (total + 1) / 2
    b = second.mid_ranks(weights) - (total + 1) / 2
    weighted_a = weights * a
    product = np.einsum("bn,bn->b", weighted_a, a) * np.einsum("bn,bn->b", weights * b, b)
    return np.clip(ratio(np.einsum("bn,bn->b", weighted_a, b), np.sqrt(product)), -1.0, 1.0)


def score_figures(predicted: NDArray[np.floating], target: NDArray[np.floating]) -> dict[str, float | None]:
    """Compare predicted with true scores.

    Args:
        predicted: (N,) finite, N at least 1.
        target: (N,) finite.

    Returns:
        ``mae``, ``rmse``, ``bias``, ``pearson``, ``spearman``, ``ccc`` and ``icc`` as :func:`figures_of_sums`; None where a
        figure is undefined.
    """
    x, y, scale = centred(predicted, target)
    figures = figures_of_sums(score_sums(x, y).sum(axis=0, keepdims=True), scale=scale)
    figures["spearman"] = rank_correlation(Ranking.of(predicted), Ranking.of(target), np.ones((1, len(x))))
    return as_numbers(figures)


def pearson(first: NDArray[np.floating], second: NDArray[np.floating]) -> float | None:
    """Pearson's correlation of two (N,) arrays of any scale; None when either is constant or empty."""
    if not len(first):
        return None
    x, y = _scaled(first), _scaled(second)
    return as_numbers(figures_of_sums(score_sums(x, y).sum(axis=0, keepdims=True)))["pearson"]


def spearman(first: NDArray[np.floating], second: NDArray[np.floating]) -> float | None:
    """Spearman's rank correlation of two (N,) arrays; None when either is constant or empty."""
    if not len(first):
        return None
    found = rank_correlation(Ranking.of(first), Ranking.of(second), np.ones((1, len(first))))
    return as_numbers({"spearman": found})["spearman"]


def centred(
    predicted: NDArray[np.floating], target: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Both scores minus the mean true score, so that sums of squares lose no digits, and the largest absolute score.

    Args:
        predicted: (N,) finite, N at least 1.
        target: (N,) finite.
    """
    x, y = predicted.astype(np.float64), target.astype(np.float64)
    middle = y.mean()
    return x - middle, y - middle, float(max(np.abs(x).max(), np.abs(y).max()))


def _scaled(values: NDArray[np.floating]) -> NDArray[np.float64]:
    largest = float(np.abs(values).max())
    return np.asarray((values - values.mean(dtype=np.float64)) / (largest or 1.0), np.float64)
