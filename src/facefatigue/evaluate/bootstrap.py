"""How sure a figure is: intervals by drawing people, not items, with replacement.

Clips of one person resemble each other, so that intervals over clips are too narrow. Whole people are drawn, and all their
items come along ("An introduction to the bootstrap", Efron and Tibshirani 1993, chapters 8 and 13; for clustered data
"Bootstrapping clustered data", Field and Welsh, Journal of the Royal Statistical Society B 2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from facefatigue.errors import ConfigurationError
from facefatigue.evaluate.measures import measure, weights_in_chunks
from facefatigue.evaluate.ranking import Ranking, counts_above, rates_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefatigue.evaluate.predictions import Predictions

DRAWS = 2000
# The middle 95 % of the draws.
QUANTILES = (0.025, 0.975)
# A larger share of draws in which a figure is undefined is worth a word.
WORTH_SAYING = 0.05


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure with its 95 % interval over subjects.

    Attributes:
        value: The figure, or None where it is undefined.
        low, high: The interval; None with fewer than two subjects, or where the figure is undefined.
        undefined_share: The share of draws in which the figure was undefined; they are left out of the interval.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    undefined_share: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """For JSON; the share of undefined draws only where it is above 5 %."""
        values: dict[str, Any] = {"value": self.value, "low": self.low, "high": self.high}
        if self.undefined_share > WORTH_SAYING:
            values["undefined_share"] = self.undefined_share
        return values


def draw_subjects(subjects: int, *, draws: int = DRAWS, seed: int = 0) -> NDArray[np.float64]:
    """How often each subject is drawn when as many as there are are drawn with replacement.

    Args:
        subjects: S, at least 1.
        draws: B, at least 1.
        seed: Equal seeds draw equally.

    Returns:
        (B, S) float64; each row sums to S.

    Raises:
        ConfigurationError: There are no draws or no subjects.
    """
    if draws < 1 or subjects < 1:
        raise ConfigurationError(f"{draws} draws of {subjects} subjects give no interval; both must be at least 1")
    counts = np.random.default_rng(seed).multinomial(subjects, np.full(subjects, 1 / subjects), size=draws)
    return counts.astype(np.float64)


def estimates(predictions: Predictions, *, draws: int = DRAWS, seed: int = 0) -> dict[str, Estimate]:
    """Every figure with its interval, all from the same resamples.

    Args:
        predictions: Of any number of subjects; one alone gives no interval.
        draws: Resamples.
        seed: Equal seeds give equal intervals.

    Returns:
        For each key of :data:`facefatigue.evaluate.measures.MEASURES`.

    Raises:
        ConfigurationError: There are no draws.
    """
    whole = measure(predictions)
    subjects = len(predictions.subjects)
    if subjects < 2:
        return {key: estimate_of(value.item(), None) for key, value in whole.items()}
    drawn = measure(predictions, draw_subjects(subjects, draws=draws, seed=seed))
    return {key: estimate_of(value.item(), drawn[key]) for key, value in whole.items()}


def estimate_of(value: float, drawn: NDArray[np.float64] | None) -> Estimate:
    """A figure and the middle 95 % of its values in the draws.

    Args:
        value: The figure; NaN: undefined.
        drawn: (B,) the figure in each draw, NaN where undefined; None: nothing was drawn.
    """
    if np.isnan(value):
        return Estimate(value=None)
    if drawn is None:
        return Estimate(value=value)
    defined = drawn[~np.isnan(drawn)]
    missing = 1 - len(defined) / len(drawn)
    if len(defined) < 2:
        return Estimate(value=value, undefined_share=missing)
    low, high = np.quantile(defined, QUANTILES)
    return Estimate(value=value, low=float(low), high=float(high), undefined_share=missing)


@dataclass(frozen=True, kw_only=True, eq=False)
class RocBand:
    """Where the ROC curve is in the middle 95 % of the draws, at each false positive rate by itself.

    Attributes:
        false_positive_rate: (K,) float64, ascending from 0 to 1.
        low, high: (K,) float64, true positive rates.
    """

    false_positive_rate: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def roc_band(predictions: Predictions, *, draws: int = DRAWS, seed: int = 0, points: int = 101) -> RocBand | None:
    """The band of the ROC curve of the probability of fatigue, from the draws of :func:`estimates` with the same seed.

    Args:
        predictions: Of any number of subjects.
        draws: Resamples.
        seed: Equal seeds give equal bands.
        points: K.

    Returns:
        None with fewer than two subjects, or when fewer than two draws hold both classes.
    """
    subjects, person = np.unique(predictions.subject, return_inverse=True)
    if len(subjects) < 2:
        return None
    counts = draw_subjects(len(subjects), draws=draws, seed=seed)
    ranking, grid = Ranking.of(predictions.fatigue_probability), np.linspace(0, 1, points)
    rates = np.empty((draws, points))
    for part, weights in weights_in_chunks(counts, person):
        rates[part] = rates_at(*counts_above(ranking, weights, predictions.is_fatigue), grid)
    rates = rates[~np.isnan(rates[:, 0])]
    if len(rates) < 2:
        return None
    low, high = np.quantile(rates, QUANTILES, axis=0)
    return RocBand(false_positive_rate=grid, low=low, high=high)
