"""Sensitivity to self-rated sleepiness, counted as the European regulation on drowsiness warnings counts it.

Commission Delegated Regulation (EU) 2021/1341 sets out how a driver drowsiness and attention warning is tested with people
who rate themselves on the Karolinska Sleepiness Scale (KSS; Åkerstedt and Gillberg, International Journal of Neuroscience
1990).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from facefatigue.errors import MissingExtraError
from facefatigue.evaluate.bootstrap import DRAWS, QUANTILES, draw_subjects

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from facefatigue.evaluate.predictions import Predictions

# Of the regulation's annex.
DROWSY_KSS = 8.0
LEAST_MEAN = 0.40
LEAST_LOWER_BOUND = 0.20
LEAST_PARTICIPANTS = 10
LEAST_EVENTS = 10

STATEMENT = (
    "This is the counting rule of Commission Delegated Regulation (EU) 2021/1341 alone, applied to the items of this data. "
    "The regulation's test drive (five-minute windows, driving by day and by night, and warnings at KSS 7 within five "
    "minutes, which also count there) was not done. It is not a type-approval, nor evidence for one."
)

Verdict = Literal["met", "not met", "not measurable"]


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One condition of the rule.

    Attributes:
        name: What is asked for.
        limit: The limit, as text.
        value: What was found, or None where it cannot be measured.
        verdict: "met", "not met" or "not measurable".
        counts: Whether it is a number of people or items rather than a share.
    """

    name: str
    limit: str
    value: float | None
    verdict: Verdict
    counts: bool = False


@dataclass(frozen=True, kw_only=True)
class DrowsinessCount:
    """The rule applied to predictions with KSS.

    Attributes:
        events: Items with a KSS of at least 8, those that could not be scored included.
        missed: How many of them could not be scored, and count as not called.
        participants: People who have one.
        sensitivity: For each of them, the share of these items that was called fatigue.
        mean: Mean over people, each counting once; None without any.
        lower_bound: mean − t · s / √n, the lower end of the two-sided 95 % interval over people, with s over n − 1 and
            Student's t for n − 1 degrees of freedom, cut at 0; None with fewer than two people.
        bootstrap_lower_bound: The same end, by drawing people; None with fewer than two.
        requirements: The four conditions.
        statement: What this is not.
    """

    events: int
    missed: int
    participants: int
    sensitivity: Mapping[str, float]
    mean: float | None
    lower_bound: float | None
    bootstrap_lower_bound: float | None
    requirements: tuple[Requirement, ...]
    statement: str = STATEMENT

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "events": self.events,
            "missed": self.missed,
            "participants": self.participants,
            "sensitivity": dict(self.sensitivity),
            "mean": self.mean,
            "lower_bound": self.lower_bound,
            "bootstrap_lower_bound": self.bootstrap_lower_bound,
            "requirements": [
                {"name": one.name, "limit": one.limit, "value": one.value, "verdict": one.verdict}
                for one in self.requirements
            ],
            "statement": self.statement,
        }


def count_drowsiness(
    predictions: Predictions, *, missed: Sequence[str] = (), draws: int = DRAWS, seed: int = 0
) -> DrowsinessCount | None:
    """Apply the rule.

    Args:
        predictions: With KSS for some items at least.
        missed: The subject of each item with a KSS of at least 8 that could not be scored: no warning came, so it counts as
            one that was not called fatigue.
        draws: Resamples of people.
        seed: Equal seeds give equal bounds.

    Returns:
        None when no item has a KSS, and none was missed.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    kss = predictions.kss
    if (kss is None or np.isnan(kss).all()) and not missed:
        return None
    drowsy = np.zeros(len(predictions), np.bool_) if kss is None else np.nan_to_num(kss, nan=0.0) >= DROWSY_KSS
    subjects = np.concatenate([predictions.subject[drowsy], np.asarray(missed, np.str_)])
    called = np.concatenate([predictions.called_fatigue[drowsy], np.zeros(len(missed), np.bool_)])
    names, person = np.unique(subjects, return_inverse=True)
    people, events = len(names), len(subjects)
    shares = np.zeros(0)
    if events:
        shares = np.bincount(person, weights=called) / np.bincount(person)
    mean = float(shares.mean()) if people else None
    lower = bootstrapped = None
    if people >= 2 and mean is not None:
        lower = max(mean - _t_quantile(people - 1) * float(shares.std(ddof=1)) / people**0.5, 0.0)
        drawn = draw_subjects(people, draws=draws, seed=seed) @ shares / people
        bootstrapped = float(np.quantile(drawn, QUANTILES[0]))
    return DrowsinessCount(
        events=events,
        missed=len(missed),
        participants=people,
        sensitivity=dict(zip(names.tolist(), shares.tolist(), strict=True)),
        mean=mean,
        lower_bound=lower,
        bootstrap_lower_bound=bootstrapped,
        requirements=(
            _above("Mean sensitivity over people", LEAST_MEAN, mean),
            _above("Lower end of its 95 % interval, Student's t", LEAST_LOWER_BOUND, lower),
            _at_least("People with an item of KSS 8 or more", LEAST_PARTICIPANTS, people),
            _at_least("Items of KSS 8 or more", LEAST_EVENTS, events),
        ),
    )


def _above(name: str, limit: float, value: float | None) -> Requirement:
    verdict: Verdict = "not measurable" if value is None else "met" if value > limit else "not met"
    return Requirement(name=name, limit=f"> {limit:.0%}".replace("%", " %"), value=value, verdict=verdict)


def _at_least(name: str, limit: int, value: int) -> Requirement:
    verdict: Verdict = "met" if value >= limit else "not met"
    return Requirement(name=name, limit=f"≥ {limit}", value=float(value), verdict=verdict, counts=True)


def _t_quantile(freedom: int) -> float:
    try:
        from scipy import stats  # slow to import
    except ImportError:
        raise MissingExtraError("scipy, which the interval of the drowsiness count needs,", "train") from None
    return float(stats.t.ppf(QUANTILES[1], freedom))
