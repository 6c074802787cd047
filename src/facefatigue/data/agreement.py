"""How far raters agree, and who rates high or low; the statistics are pingouin's and krippendorff's."""

from __future__ import annotations

import itertools
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Coefficient:
    """A measure of agreement with its 95 % interval, where there is one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class RaterBias:
    """How one rater differs from the others on the same recordings, in points of the 1 to 5 scale.

    Attributes:
        rater: The rater's column.
        ratings: Recordings rated together with at least one other rater.
        bias: Mean of own rating − mean of the others' ratings: above 0 sees more fatigue than they do.
        low, high: 95 % interval of the bias, by resampling recordings (2000 draws); None for fewer than two.
        spread: Standard deviation of that difference; None for fewer than two.
    """

    rater: str
    ratings: int
    bias: float
    low: float | None
    high: float | None
    spread: float | None


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far raters agree.

    Attributes:
        recordings: Recordings with at least two ratings.
        complete: Recordings that every rater rated, on which the ICC rests.
        raters: The raters' columns.
        icc_single: ICC(2,1), absolute agreement of one rater (Shrout and Fleiss, Psychological Bulletin 1979); None when too
            few recordings are complete.
        icc_mean: ICC(2,k), that of the mean of all raters.
        alpha: Krippendorff's alpha for interval data, on all recordings with two ratings or more; None when all ratings are
            equal.
        bias: One entry for each rater.
    """

    recordings: int
    complete: int
    raters: tuple[str, ...]
    icc_single: Coefficient | None
    icc_mean: Coefficient | None
    alpha: Coefficient | None
    bias: tuple[RaterBias, ...]


_DRAWS = 2000
_FEWEST_COMPLETE = 5  # pingouin's own limit


def agreement(ratings: Sequence[Mapping[str, float]]) -> Agreement:
    """Measure agreement.

    Args:
        ratings: For each recording its ratings (1 to 5) by rater; missing ones are left out.

    Raises:
        ConfigurationError: Fewer than two raters have rated the same recording.
        MissingExtraError: pingouin or krippendorff is not installed.
    """
    raters = tuple(sorted({rater for own in ratings for rater in own}))
    table = np.array([[own.get(rater, np.nan) for rater in raters] for own in ratings if len(own) >= 2])  # (R, raters)
    if not len(table):
        raise ConfigurationError("no recording has the ratings of two raters, so their agreement cannot be measured")
    complete = table[~np.isnan(table).any(axis=1)]
    single, mean = _icc(complete)
    return Agreement(
        recordings=len(table),
        complete=len(complete),
        raters=raters,
        icc_single=single,
        icc_mean=mean,
        alpha=_alpha(table),
        bias=tuple(_bias(table, column, rater) for column, rater in enumerate(raters)),
    )


def _icc(table: NDArray[np.float64]) -> tuple[Coefficient | None, Coefficient | None]:
    if len(table) < _FEWEST_COMPLETE or table.shape[1] < 2 or not table.var():
        return None, None
    try:
        import pandas as pd
        import pingouin
    except ImportError:
        raise MissingExtraError("the statistics of rater agreement", "data") from None
    rows = [(row, column, table[row, column]) for row, column in itertools.product(*map(range, table.shape))]
    long = pd.DataFrame(rows, columns=["recording", "rater", "rating"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pingouin uses what pandas is about to drop, and divides by 0 at full agreement
        result = pingouin.intraclass_corr(data=long, targets="recording", raters="rater", ratings="rating")
    by_type = result.set_index("Type")
    return tuple(  # type: ignore[return-value]
        Coefficient(value=float(row["ICC"]), low=float(row["CI95"][0]), high=float(row["CI95"][1]))
        for row in (by_type.loc["ICC(A,1)"], by_type.loc["ICC(A,k)"])
    )


def _alpha(table: NDArray[np.float64]) -> Coefficient | None:
    try:
        import krippendorff
    except ImportError:
        raise MissingExtraError("the statistics of rater agreement", "data") from None
    if len(np.unique(table[~np.isnan(table)])) < 2:
        return None
    return Coefficient(value=float(krippendorff.alpha(reliability_data=table.T, level_of_measurement="interval")))


def _bias(table: NDArray[np.float64], column: int, rater: str) -> RaterBias:
    others = np.delete(table, column, axis=1)
    shared = ~np.isnan(table[:, column]) & ~np.isnan(others).all(axis=1)
    difference = table[shared, column] - np.nanmean(others[shared], axis=1)  # (shared,)
    count = len(difference)
    if not count:
        return RaterBias(rater=rater, ratings=0, bias=0.0, low=None, high=None, spread=None)
    low = high = spread = None
    if count >= 2:
        random = np.random.default_rng(0)
        means = difference[random.integers(count, size=(_DRAWS, count))].mean(axis=1)
        low, high = (float(value) for value in np.quantile(means, [0.025, 0.975]))
        spread = float(difference.std(ddof=1))
    return RaterBias(rater=rater, ratings=count, bias=float(difference.mean()), low=low, high=high, spread=spread)
