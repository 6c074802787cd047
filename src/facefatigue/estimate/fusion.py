"""Two estimates of one face's fatigue, the network's and the blinks', beside each other and together.

Neither is the truth, and they do not err independently: both see the same lids in the same minutes. So the joint score is a
random-effects mean whose interval widens with every disagreement, and never gets narrower because two agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from facefatigue.estimate.aggregate import label_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from facefatigue.estimate.report import Label

Part = Literal["network", "signs"]

# Quantiles of the normal distribution, for intervals that hold 95 % and 80 % of it.
NORMAL_95, NORMAL_80 = 1.9600, 1.2816
# Standard deviation of a number that may be anything between 0 and 1: the error of a score of which nothing was measured.
ANYTHING = 1 / math.sqrt(12)
# People rated themselves in three steps, 0.5 apart: what lies within a step cannot be told (Sheppard 1898).
STEP_ERROR = 0.5 / math.sqrt(12)

_SAME, _OTHER = 1.0, NORMAL_95
_NAMES: dict[Part, str] = {"network": "the network", "signs": "the blinks"}


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One estimate.

    Attributes:
        score: 0 alert, 1 fatigued.
        score_interval: As its own method gives it: of the network, 95 % from the spread of the windows; of the blinks, what
            holds people's own rating in 80 % of the cases.
        standard_error: That of the estimate, with the error of the method itself.
        reference: Of the blinks, whose alert blinks they were compared with: "own" or "population"; None for the network.
    """

    score: float
    score_interval: tuple[float, float]
    standard_error: float
    reference: str | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """What holds 95 %, the method's own error included, cut to [0, 1]: the interval that can be compared."""
        return _interval(self.score, self.standard_error)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        plain: dict[str, Any] = {
            "score": self.score,
            "score_interval": list(self.score_interval),
            "standard_error": self.standard_error,
            "interval_with_own_error": list(self.interval),
        }
        return plain if self.reference is None else {**plain, "reference": self.reference}


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How two estimates agree.

    Attributes:
        difference: The blinks' score less the network's.
        standard_errors: The same in standard errors of a difference of independent estimates; 2 is rare by chance.
        words: In plain words.
    """

    difference: float
    standard_errors: float

    @property
    def words(self) -> str:
        """Up to one standard error is chance; beyond 1.96 they disagree (95 %)."""
        apart = abs(self.standard_errors)
        if apart < _SAME:
            return "they agree"
        higher = "the blinks say more fatigue" if self.difference > 0 else "the blinks say less fatigue"
        return f"they differ somewhat: {higher}" if apart < _OTHER else f"they disagree: {higher}"


@dataclass(frozen=True, kw_only=True)
class Fusion:
    """Both estimates, and what they come to.

    Attributes:
        network, signs: None where there is none, with the reason in ``left_out``.
        left_out: By part, why it says nothing.
        agreement: None unless there are both.
        score: The joint score; that of one estimate where there is one only; None where this abstains.
        standard_error: Of it.
        abstain_reason: As a sentence; None where there is a score.
    """

    network: Estimate | None
    signs: Estimate | None
    left_out: Mapping[Part, str]
    agreement: Agreement | None
    score: float | None
    standard_error: float | None
    abstain_reason: str | None = None

    @property
    def score_interval(self) -> tuple[float, float] | None:
        """What holds 95 %, cut to [0, 1]."""
        if self.score is None or self.standard_error is None:
            return None
        return _interval(self.score, self.standard_error)

    @property
    def label(self) -> Label:
        """The class on whose side the score is; exactly one half counts as alert."""
        return "abstain" if self.score is None else label_of(self.score)

    @property
    def words(self) -> str:
        """What it rests on, and whether the class is certain."""
        if self.abstain_reason is not None:
            return self.abstain_reason if self.agreement is None else f"{self.agreement.words}; {self.abstain_reason}"
        if self.agreement is not None:
            about = self.agreement.words
        else:
            missing: Part = "signs" if self.signs is None else "network"
            there: Part = "network" if self.signs is None else "signs"
            about = f"{_NAMES[there]} alone, since {self.left_out[missing]}"
        low, high = self.score_interval or (0.0, 1.0)
        return f"{about}; the interval has 0.5 in it: the class is not certain" if low < 0.5 <= high else about

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        interval = self.score_interval
        return {
            "score": self.score,
            "score_interval": None if interval is None else list(interval),
            "standard_error": self.standard_error,
            "label": self.label,
            "words": self.words,
            "abstain_reason": self.abstain_reason,
            "network": None if self.network is None else self.network.to_dict(),
            "signs": None if self.signs is None else self.signs.to_dict(),
            "left_out": dict(self.left_out),
            "agreement": None
            if self.agreement is None
            else {
                "difference": self.agreement.difference,
                "standard_errors": self.agreement.standard_errors,
                "words": self.agreement.words,
            },
        }


def fuse(
    *,
    score: float | None,
    score_interval: tuple[float, float] | None,
    blinks: Mapping[str, Any] | None,
    network_error: float,
    no_score: str = "no window could be scored",
    no_blinks: str = "blinks were not measured",
) -> Fusion:
    """Put the network's score and the blinks' together.

    Standard errors come from the intervals: half of one, as it was before it was cut to [0, 1], over the normal quantile of
    what it holds (1.96 for 95 %, 1.28 for 80 %). The network's own error is added in squares; that of the blinks' model is
    in its interval already. An estimate whose own interval is the whole of [0, 1] says nothing and is left out.

    Of two, with standard errors s₁, s₂ and a difference d, the variance between methods is that of Hartung and Makambi
    ("Reducing the number of unjustified significant results in meta-analysis", Communications in Statistics 2003), which is
    above 0 for every difference: Q = d² / (s₁² + s₂²), τ² = (s₁² + s₂²) / 2 · Q² / (2 + Q). (That of DerSimonian and Laird
    1986 is 0 until d exceeds what chance makes of it.) The joint score is the mean with the weights 1 / (sᵢ² + τ²), and its
    standard error that for fully correlated errors, Σ aᵢ √(sᵢ² + τ²) with aᵢ the shares of the weights (Borenstein, Hedges,
    Higgins and Rothstein, Introduction to Meta-Analysis, 2009, chapter 24): it is never below the smaller of both. Where the
    interval is the whole of [0, 1] in the end, this abstains.

    Args:
        score: Of the network; None where the face abstains.
        score_interval: Of that score, 95 % from the spread of the windows.
        blinks: ``signs.fatigue`` of the report; None where there is none.
        network_error: The network's own standard error, see :func:`network_error`.
        no_score: Why there is no score.
        no_blinks: Why there is no estimate from blinks.
    """
    left_out: dict[Part, str] = {}
    network = signs = None
    if score is None or score_interval is None:
        left_out["network"] = no_score
    elif _whole(score_interval):
        left_out["network"] = "the windows are too few to tell how much they stray"
    else:
        error = math.hypot(_reach(score, score_interval) / NORMAL_95, network_error)
        network = Estimate(score=score, score_interval=score_interval, standard_error=error)
    if blinks is None:
        left_out["signs"] = no_blinks
    else:
        low, high = (float(end) for end in blinks["score_interval"])
        if _whole((low, high)):
            left_out["signs"] = f"{blinks['blinks']} blinks leave everything between 0 and 1 open"
        else:
            own = float(blinks["score"])
            error = max(_reach(own, (low, high)) / NORMAL_80, STEP_ERROR)
            reference = str(blinks["reference"])
            signs = Estimate(score=own, score_interval=(low, high), standard_error=error, reference=reference)
    return _joined(network, signs, left_out)


def network_error(metrics: Mapping[str, float | str]) -> float:
    """The network's own error: the root of the mean squared error on the people whom it was validated on.

    The spread of windows cannot show it, since it is the same in all of them. It was measured on single windows; that of a
    mean over windows is not smaller as far as it comes from the person. Of a model that was validated on synthetic people,
    as the shipped one, it says nothing sure about real ones, and is rather too small.

    Args:
        metrics: Of the model's config; without a ``validation_mse``, the error of a score that knows nothing is taken.
    """
    squared = metrics.get("validation_mse")
    if isinstance(squared, int | float) and math.isfinite(squared) and squared >= 0:
        return math.sqrt(squared)
    return ANYTHING


def _joined(network: Estimate | None, signs: Estimate | None, left_out: Mapping[Part, str]) -> Fusion:
    agreement = None
    if network is not None and signs is not None:
        agreement, score, error = _mean(network, signs)
        whose = "together they leave"
    elif (only := network or signs) is not None:
        score, error = only.score, only.standard_error
        whose = f"{_NAMES['network' if signs is None else 'signs']} alone leave{'s' if signs is None else ''}"
    else:
        reasons = "; ".join(left_out[part] for part in _NAMES)
        return _abstaining(network, signs, left_out, agreement, reasons)
    if _whole(_interval(score, error)):
        return _abstaining(network, signs, left_out, agreement, f"{whose} everything between 0 and 1 open")
    return Fusion(
        network=network, signs=signs, left_out=left_out, agreement=agreement, score=score, standard_error=error,
        abstain_reason=None,
    )  # fmt: skip


def _mean(network: Estimate, signs: Estimate) -> tuple[Agreement, float, float]:
    """How both agree, the joint score, and its standard error."""
    difference = signs.score - network.score
    variances = network.standard_error**2, signs.standard_error**2
    both = sum(variances)
    q = difference**2 / both
    between = both / 2 * q**2 / (2 + q)
    weights = [1 / (variance + between) for variance in variances]
    shares = [weight / sum(weights) for weight in weights]
    score = shares[0] * network.score + shares[1] * signs.score
    error = sum(share * math.sqrt(variance + between) for share, variance in zip(shares, variances, strict=True))
    return Agreement(difference=difference, standard_errors=difference / math.sqrt(both)), score, error


def _abstaining(
    network: Estimate | None,
    signs: Estimate | None,
    left_out: Mapping[Part, str],
    agreement: Agreement | None,
    reason: str,
) -> Fusion:
    return Fusion(
        network=network, signs=signs, left_out=left_out, agreement=agreement, score=None, standard_error=None,
        abstain_reason=reason,
    )  # fmt: skip


def _interval(score: float, error: float) -> tuple[float, float]:
    return max(score - NORMAL_95 * error, 0.0), min(score + NORMAL_95 * error, 1.0)


def _whole(interval: tuple[float, float]) -> bool:
    return interval[0] <= 0 and interval[1] >= 1


def _reach(score: float, interval: tuple[float, float]) -> float:
    """Half the interval before it was cut to [0, 1]: the longer side."""
    return max(score - interval[0], interval[1] - score)
