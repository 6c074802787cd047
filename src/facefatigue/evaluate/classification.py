"""Two classes, alert and fatigue: the confusion matrix and the figures that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

PositiveClass = Literal["fatigue", "alert", "average"]
POSITIVE_CLASSES: tuple[PositiveClass, ...] = ("fatigue", "alert", "average")

# Two rates of wrong calls that are computed from rounded figures may differ by this share.
_ROUNDING = 0.02


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """How many items of each true class were called what; fatigue is the positive class.

    Attributes:
        tp: Fatigue, called fatigue.
        fp: Alert, called fatigue.
        fn: Fatigue, called alert.
        tn: Alert, called alert. Shares instead of counts give the same figures.
    """

    tp: float
    fp: float
    fn: float
    tn: float

    @classmethod
    def of(cls, is_fatigue: NDArray[np.bool_], called_fatigue: NDArray[np.bool_]) -> Confusion:
        """Count.

        Args:
            is_fatigue: (N,) bool, the true class.
            called_fatigue: (N,) bool, the predicted class.
        """
        return cls(
            tp=int(np.sum(is_fatigue & called_fatigue)),
            fp=int(np.sum(~is_fatigue & called_fatigue)),
            fn=int(np.sum(is_fatigue & ~called_fatigue)),
            tn=int(np.sum(~is_fatigue & ~called_fatigue)),
        )

    @property
    def figures(self) -> dict[str, float | None]:
        """As :func:`classification_figures`, with None for what is undefined."""
        counts = (np.array(count, np.float64) for count in (self.tp, self.fp, self.fn, self.tn))
        return as_numbers(classification_figures(*counts))

    def to_dict(self) -> dict[str, float]:
        """The four counts."""
        return {"tp": self.tp, "fp": self.fp, "fn": self.fn, "tn": self.tn}


def classification_figures(
    tp: NDArray[np.float64], fp: NDArray[np.float64], fn: NDArray[np.float64], tn: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """All figures of confusion matrices.

    For each positive class P: ``precision`` TP / (TP + FP), ``recall`` TP / (TP + FN), ``f1`` 2 TP / (2 TP + FP + FN) and
    ``jaccard`` TP / (TP + FP + FN), named ``precision_fatigue`` and so on. ``…_average`` is the mean of the two classes.
    ``f1_of_averages`` is the harmonic mean of the average precision and the average recall, which the published table of the
    method (arXiv:2104.10420) calls F1; it is never below ``f1_average`` ("Macro F1 and Macro F1", Opitz and Burst, 2019).
    Further ``accuracy``, ``balanced_accuracy`` (the mean of both recalls) and ``mcc`` (Matthews, Biochimica et Biophysica
    Acta 1975).

    Args:
        tp: True positives with fatigue as the positive class, counts or shares, float64 of any one shape.
        fp: False positives.
        fn: False negatives.
        tn: True negatives.

    Returns:
        Arrays of that shape, with NaN where a figure is undefined: nothing of the class, nothing called so, or for ``mcc``
        an empty row or column.
    """
    figures = {
        **_one_class("fatigue", tp, fp, fn),
        **_one_class("alert", tn, fn, fp),
    }
    for name in ("precision", "recall", "f1", "jaccard"):
        figures[f"{name}_average"] = (figures[f"{name}_fatigue"] + figures[f"{name}_alert"]) / 2
    precision, recall = figures["precision_average"], figures["recall_average"]
    figures["f1_of_averages"] = ratio(2 * precision * recall, precision + recall)
    figures["accuracy"] = ratio(tp + tn, tp + fp + fn + tn)
    figures["balanced_accuracy"] = figures["recall_average"]
    figures["mcc"] = ratio(tp * tn - fp * fn, np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)))
    return figures


def _one_class(
    name: str, tp: NDArray[np.float64], fp: NDArray[np.float64], fn: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    return {
        f"precision_{name}": ratio(tp, tp + fp),
        f"recall_{name}": ratio(tp, tp + fn),
        f"f1_{name}": ratio(2 * tp, 2 * tp + fp + fn),
        f"jaccard_{name}": ratio(tp, tp + fp + fn),
    }


def ratio(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    """The quotient, NaN where the denominator is not above zero.

    Args:
        numerator: float64 of any shape.
        denominator: float64 of that shape.
    """
    out = np.full(np.broadcast(numerator, denominator).shape, np.nan)
    np.divide(numerator, denominator, out=out, where=np.asarray(denominator > 0))
    return out


def as_numbers(figures: Mapping[str, NDArray[np.float64]]) -> dict[str, float | None]:
    """Single values as numbers: None in place of NaN.

    Args:
        figures: Arrays of one element each.
    """
    values = {name: float(value.item()) for name, value in figures.items()}
    return {name: None if np.isnan(value) else value for name, value in values.items()}


def implied_by(*, precision_fatigue: float, recall_fatigue: float, precision_alert: float, recall_alert: float) -> Confusion:
    """The confusion matrix, in shares of all items, that published precisions and recalls imply.

    Two precisions and two recalls say one thing more than is needed: with TP as the unit, TN follows from FN by the
    precision of alert and from FP by its recall. The geometric mean of the two is taken; from correctly rounded figures they
    differ little.

    Args:
        precision_fatigue: Of fatigue as the positive class, in (0, 1).
        recall_fatigue: The same.
        precision_alert: Of alert as the positive class, in (0, 1).
        recall_alert: The same.

    Returns:
        Shares that sum to 1.

    Raises:
        ConfigurationError: A figure is not in (0, 1), or the four cannot belong to one matrix.
    """
    given = {
        "precision_fatigue": precision_fatigue,
        "recall_fatigue": recall_fatigue,
        "precision_alert": precision_alert,
        "recall_alert": recall_alert,
    }
    wrong = [f"{name} is {value!r}" for name, value in given.items() if not 0 < value < 1]
    if wrong:
        raise ConfigurationError(f"no confusion matrix can be rebuilt: {', '.join(wrong)}; all must be between 0 and 1")
    fp, fn = 1 / precision_fatigue - 1, 1 / recall_fatigue - 1
    from_fn, from_fp = fn / (1 / precision_alert - 1), fp / (1 / recall_alert - 1)
    if abs(from_fn - from_fp) > _ROUNDING * max(from_fn, from_fp):
        raise ConfigurationError(
            "these precisions and recalls cannot belong to one confusion matrix: for each fatigue item that was found, "
            f"precision and recall of alert imply {from_fn:.3f} and {from_fp:.3f} alert items that were found"
        )
    tn = float(np.sqrt(from_fn * from_fp))
    total = 1 + fp + fn + tn
    return Confusion(tp=1 / total, fp=fp / total, fn=fn / total, tn=tn / total)
