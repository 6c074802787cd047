"""Whether one model is better than another on the same items, and many such questions at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from facefatigue.errors import ConfigurationError, MissingExtraError
from facefatigue.evaluate.bootstrap import DRAWS, draw_subjects, estimate_of
from facefatigue.evaluate.measures import NAMES, measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefatigue.evaluate.bootstrap import Estimate
    from facefatigue.evaluate.predictions import Predictions


@dataclass(frozen=True, kw_only=True)
class PairedDifference:
    """Figure of a − figure of b.

    Attributes:
        figure: Key of the figure.
        a, b: The figure of each; None where it is undefined.
        difference: a − b with its 95 % interval over subjects.
        p_value: Two-sided, by the bootstrap over subjects; None with fewer than two subjects or where undefined.
        wilcoxon_p_value: Two-sided, of Wilcoxon's signed-rank test of the mean absolute errors of the score of each subject,
            whatever the figure; None with fewer than two subjects.
        subjects: How many there are.
        draws: Resamples.
    """

    figure: str
    a: float | None
    b: float | None
    difference: Estimate
    p_value: float | None
    wilcoxon_p_value: float | None
    subjects: int
    draws: int

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "figure": self.figure,
            "a": self.a,
            "b": self.b,
            "difference": self.difference.to_dict(),
            "p_value": self.p_value,
            "wilcoxon_p_value": self.wilcoxon_p_value,
            "subjects": self.subjects,
            "draws": self.draws,
        }


def paired_difference(a: Predictions, b: Predictions, figure: str, *, draws: int = DRAWS, seed: int = 0) -> PairedDifference:
    """Compare two models on the same items.

    Both are resampled with the same people. The p-value is twice the smaller share of draws on either side of zero, with one
    draw added to each (Davison and Hinkley, "Bootstrap methods and their application", 1997, chapter 4); it asks the
    question that the interval answers.

    Args:
        a: Predictions of one model.
        b: Predictions of the other, of the same items in any order.
        figure: A key of :data:`facefatigue.evaluate.measures.MEASURES`.
        draws: Resamples.
        seed: Equal seeds give equal results.

    Raises:
        ConfigurationError: No such figure, or the items, their subjects or their true scores differ.
        MissingExtraError: scipy is not installed.
    """
    if figure not in NAMES:
        raise ConfigurationError(f"there is no figure {figure!r}; choose one of {', '.join(NAMES)}")
    a, b = _aligned(a, b)
    whole = measure(a)[figure].item(), measure(b)[figure].item()
    subjects = len(a.subjects)
    drawn = None
    if subjects >= 2:
        counts = draw_subjects(subjects, draws=draws, seed=seed)
        drawn = measure(a, counts)[figure] - measure(b, counts)[figure]
    difference = estimate_of(whole[0] - whole[1], drawn)
    return PairedDifference(
        figure=figure,
        a=None if np.isnan(whole[0]) else whole[0],
        b=None if np.isnan(whole[1]) else whole[1],
        difference=difference,
        p_value=None if drawn is None or difference.low is None else _p_value(drawn[~np.isnan(drawn)]),
        wilcoxon_p_value=_wilcoxon(a, b) if subjects >= 2 else None,
        subjects=subjects,
        draws=draws,
    )


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """P-values adjusted for their number (Holm, "A simple sequentially rejective multiple test procedure", 1979).

    Args:
        p_values: In [0, 1].

    Returns:
        Adjusted ones in the same order: each times the number of those that are not smaller, not falling, at most 1.
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    adjusted = np.minimum(np.maximum.accumulate(np.asarray(p_values, np.float64)[order] * factors), 1.0)
    result = np.empty(len(p_values))
    result[order] = adjusted
    return tuple(result.tolist())


def _aligned(a: Predictions, b: Predictions) -> tuple[Predictions, Predictions]:
    a, b = a.select(np.argsort(a.item)), b.select(np.argsort(b.item))
    if not np.array_equal(a.item, b.item):
        only = sorted(set(a.item.tolist()) ^ set(b.item.tolist()))
        raise ConfigurationError(f"only the same items can be compared; {len(only)} are in one of both, such as {only[0]!r}")
    for what in ("subject", "target"):
        differs = getattr(a, what) != getattr(b, what)
        if differs.any():
            raise ConfigurationError(f"item {str(a.item[differs][0])!r} has two different values of {what}")
    return a, replace(b, subject=a.subject)


def _p_value(drawn: NDArray[np.float64]) -> float:
    below, above = int(np.sum(drawn <= 0)), int(np.sum(drawn >= 0))
    return float(min(2 * (min(below, above) + 1) / (len(drawn) + 1), 1.0))


def _wilcoxon(a: Predictions, b: Predictions) -> float:
    try:
        from scipy import stats  # slow to import
    except ImportError:
        raise MissingExtraError("scipy, which tests whether two models differ,", "train") from None
    _, person = np.unique(a.subject, return_inverse=True)
    errors = np.abs(a.score - a.target) - np.abs(b.score - b.target)
    differences = np.bincount(person, weights=errors) / np.bincount(person)
    if np.all(np.abs(differences) < 1e-12):
        return 1.0
    return float(stats.wilcoxon(differences).pvalue)
