"""Predictions in, everything that can be said about them out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from facefatigue.evaluate.bootstrap import DRAWS, WORTH_SAYING, Estimate, RocBand, estimates, roc_band
from facefatigue.evaluate.calibration import ReliabilityBin, reliability
from facefatigue.evaluate.classification import Confusion
from facefatigue.evaluate.drowsiness import DrowsinessCount, count_drowsiness
from facefatigue.evaluate.groups import GroupFigures, by_group, by_subject
from facefatigue.evaluate.measures import NAMES
from facefatigue.evaluate.ranking import Curves, curves

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from facefatigue.evaluate.predictions import Predictions
    from facefatigue.evaluate.provenance import Provenance
    from facefatigue.evaluate.recalibration import Calibration

SCHEMA = "facefatigue.evaluation/1"
DISCLAIMER = (
    "These are figures of a statistical model that estimates visible signs of fatigue, on the data named here and on no "
    "other. It is not a medical or safety device: do not diagnose anyone with it, and do not rely on it to keep anyone safe."
)
# A curve in the JSON has no more points than this; predictions.csv holds what is needed for all.
_CURVE_POINTS = 512
# Figures that say how good a probability is, which calibration changes.
_OF_PROBABILITY = ("ece", "brier", "accuracy", "balanced_accuracy")


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """What a calibration, fitted on other people, changes.

    Attributes:
        method: ``to_dict`` of the calibration: its kind, its parameters and what it was fitted on.
        description: The same in words.
        figures: ``ece``, ``brier``, ``accuracy`` and ``balanced_accuracy`` after it.
        reliability: The bins after it.
    """

    method: Mapping[str, Any]
    description: str
    figures: Mapping[str, Estimate]
    reliability: tuple[ReliabilityBin, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """All results of one set of predictions.

    Attributes:
        provenance: How it was measured.
        fingerprint: SHA-256 over items, subjects and true scores.
        items, subjects: How many there are.
        prevalence: The share of items that is fatigue, in [0, 1].
        draws, seed: Of the bootstrap.
        confusion: The confusion matrix in counts.
        figures: Each figure of :data:`facefatigue.evaluate.measures.MEASURES` with its interval.
        curves: ROC and precision–recall; None with one class.
        roc_band: Of the ROC curve; None with one class or one subject.
        reliability: Bins of the probability of fatigue as the model gives it.
        calibrated: After calibration, where one was given.
        groups: For each group that was asked for, each of its values.
        per_subject: Each person.
        drowsiness: Where there are KSS ratings.
        notes: What could not be measured, and why; what else to know.
    """

    provenance: Provenance
    fingerprint: str
    items: int
    subjects: int
    prevalence: float
    draws: int
    seed: int
    confusion: Confusion
    figures: Mapping[str, Estimate]
    curves: Curves | None
    roc_band: RocBand | None
    reliability: tuple[ReliabilityBin, ...]
    calibrated: Calibrated | None
    groups: Mapping[str, tuple[GroupFigures, ...]]
    per_subject: tuple[GroupFigures, ...]
    drowsiness: DrowsinessCount | None
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON, schema ``facefatigue.evaluation/1``; what is undefined is None, never NaN."""
        calibrated = self.calibrated
        return {
            "schema": SCHEMA,
            "provenance": self.provenance.to_dict(),
            "fingerprint": self.fingerprint,
            "items": self.items,
            "subjects": self.subjects,
            "prevalence": self.prevalence,
            "bootstrap": {"draws": self.draws, "seed": self.seed, "unit": "subject", "level": 0.95},
            "confusion": self.confusion.to_dict(),
            "figures": _estimates(self.figures),
            "roc": _roc(self.curves, self.roc_band),
            "precision_recall": _precision_recall(self.curves),
            "reliability": [asdict(one) for one in self.reliability],
            "calibrated": None
            if calibrated is None
            else {
                "method": dict(calibrated.method),
                "figures": _estimates(calibrated.figures),
                "reliability": [asdict(one) for one in calibrated.reliability],
            },
            "groups": {name: [part.to_dict() for part in parts] for name, parts in self.groups.items()},
            "per_subject": [
                {**part.to_dict(), "figures": {key: one.value for key, one in part.figures.items()}}
                for part in self.per_subject
            ],
            "drowsiness": None if self.drowsiness is None else self.drowsiness.to_dict(),
            "notes": list(self.notes),
            "disclaimer": DISCLAIMER,
        }


def evaluate_predictions(
    predictions: Predictions,
    *,
    provenance: Provenance,
    by: Sequence[str] = (),
    calibration: Calibration | None = None,
    drowsiness: bool = True,
    missed: Sequence[str] = (),
    draws: int = DRAWS,
    seed: int = 0,
) -> Evaluation:
    """Measure everything.

    All figures are of the predictions as they are; a calibration adds what it would change.

    Args:
        predictions: Of test people.
        provenance: How they came about.
        by: Groups to measure apart; "fold" for the folds of a cross-validation.
        calibration: Fitted on validation people.
        drowsiness: Whether to count the sensitivity at KSS 8 and above, where there is KSS; one drowsy recording is one
            event, so it is better counted on recordings than on their clips.
        missed: The subject of each item with a KSS of at least 8 that could not be scored.
        draws: Resamples of the bootstrap.
        seed: Equal seeds give equal intervals.

    Raises:
        ConfigurationError: There is no such group, the calibration saw one of the subjects, or there are no draws.
        MissingExtraError: There are KSS ratings and scipy is not installed.
    """
    truth, probability = predictions.is_fatigue, predictions.fatigue_probability
    found = estimates(predictions, draws=draws, seed=seed)
    groups = {name: by_group(predictions, name, draws=draws, seed=seed) for name in by}
    return Evaluation(
        provenance=provenance,
        fingerprint=predictions.fingerprint,
        items=len(predictions),
        subjects=len(predictions.subjects),
        prevalence=float(truth.mean()),
        draws=draws,
        seed=seed,
        confusion=Confusion.of(truth, predictions.called_fatigue),
        figures={key: found[key] for key in NAMES},
        curves=curves(probability, truth),
        roc_band=roc_band(predictions, draws=draws, seed=seed),
        reliability=reliability(probability, truth),
        calibrated=None if calibration is None else _calibrated(calibration, predictions, draws, seed),
        groups=groups,
        per_subject=by_subject(predictions),
        drowsiness=count_drowsiness(predictions, missed=missed, draws=draws, seed=seed) if drowsiness else None,
        notes=_notes(predictions, found, groups, calibration),
    )


def _calibrated(calibration: Calibration, predictions: Predictions, draws: int, seed: int) -> Calibrated:
    after = calibration.apply(predictions)
    found = estimates(after, draws=draws, seed=seed)
    return Calibrated(
        method=calibration.to_dict(),
        description=calibration.description,
        figures={key: found[key] for key in _OF_PROBABILITY},
        reliability=reliability(after.fatigue_probability, after.is_fatigue),
    )


def _notes(
    predictions: Predictions,
    found: Mapping[str, Estimate],
    groups: Mapping[str, tuple[GroupFigures, ...]],
    calibration: Calibration | None,
) -> tuple[str, ...]:
    notes = _undefined(predictions, [key for key in NAMES if found[key].value is None])
    people = len(predictions.subjects)
    if people < 2:
        notes.append("There is one subject, so there are no intervals: they are over subjects, and need at least two.")
    elif people < 10:
        notes.append(f"There are {people} subjects; intervals over so few are too narrow.")
    for key, estimate in found.items():
        if estimate.undefined_share > WORTH_SAYING:
            notes.append(
                f"{NAMES[key]} is undefined in {estimate.undefined_share:.1%} of the draws".replace("%", " %")
                + ", which are left out of its interval."
            )
    alone = [f"{name} = {part.value}" for name, parts in groups.items() for part in parts if part.subjects < 2 <= people]
    if alone:
        notes.append(f"One subject alone, so no interval: {', '.join(alone)}.")
    if calibration is not None:
        notes.append(f"Calibration: {calibration.description}. All other figures are of the uncalibrated predictions.")
    return tuple(notes)


def _undefined(predictions: Predictions, missing: Sequence[str]) -> list[str]:
    """Why figures are undefined, a sentence for each cause; a figure is named once."""
    left, notes = list(missing), []
    for cause, concerned in _causes(predictions):
        named = [key for key in left if key in concerned]
        left = [key for key in left if key not in concerned]
        if named:
            notes.append(f"{cause}, so these are undefined: {', '.join(NAMES[key] for key in named)}.")
    if left:
        notes.append(f"Undefined: {', '.join(NAMES[key] for key in left)}.")
    return notes


def _causes(predictions: Predictions) -> Iterator[tuple[str, set[str]]]:
    for of_kind, called_kind, kind in (
        (predictions.is_fatigue, predictions.called_fatigue, "fatigue"),
        (~predictions.is_fatigue, ~predictions.called_fatigue, "alert"),
    ):
        of_both = {"mcc", "f1_of_averages"} | {key for key in NAMES if key.endswith((f"_{kind}", "_average"))}
        if not of_kind.any():
            yield f"No item is {kind} in truth", of_both | {"auc", "average_precision", "balanced_accuracy"}
        if not called_kind.any():
            yield f"No item was called {kind}", of_both
    yield "Predicted or true scores are constant", {"pearson", "spearman", "ccc", "icc"}


def _estimates(figures: Mapping[str, Estimate]) -> dict[str, Any]:
    return {key: estimate.to_dict() for key, estimate in figures.items()}


def _roc(found: Curves | None, band: RocBand | None) -> dict[str, Any] | None:
    if found is None:
        return None
    x, y = np.append(0.0, found.false_positive_rate), np.append(0.0, found.true_positive_rate)
    kept = _thinned(len(x))
    return {
        "false_positive_rate": x[kept].tolist(),
        "true_positive_rate": y[kept].tolist(),
        "band": None
        if band is None
        else {
            "false_positive_rate": band.false_positive_rate.tolist(),
            "low": band.low.tolist(),
            "high": band.high.tolist(),
        },
    }


def _precision_recall(found: Curves | None) -> dict[str, Any] | None:
    if found is None:
        return None
    kept = _thinned(len(found.threshold))
    return {
        "threshold": found.threshold[kept].tolist(),
        "recall": found.true_positive_rate[kept].tolist(),
        "precision": found.precision[kept].tolist(),
    }


def _thinned(count: int) -> NDArray[np.intp]:
    return np.unique(np.linspace(0, count - 1, min(count, _CURVE_POINTS)).round().astype(np.intp))
