"""All figures of a set of predictions at once, for the whole and for any number of resamples of its subjects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.evaluate.calibration import calibration_sums, ece_of_sums
from facefatigue.evaluate.classification import as_numbers, classification_figures, ratio
from facefatigue.evaluate.ranking import Ranking, areas, counts_above
from facefatigue.evaluate.scores import centred, figures_of_sums, rank_correlation, score_sums

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from facefatigue.evaluate.predictions import Predictions

# Weights of this many items and draws are held at a time.
_CHUNK = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A figure: its key in results, and what it is called in tables."""

    key: str
    name: str


MEASURES: tuple[Measure, ...] = (
    Measure(key="accuracy", name="Accuracy"),
    Measure(key="balanced_accuracy", name="Balanced accuracy"),
    Measure(key="mcc", name="Matthews correlation"),
    Measure(key="auc", name="Area under the ROC curve"),
    Measure(key="average_precision", name="Average precision (fatigue)"),
    *(
        Measure(key=f"{key}_{positive}", name=f"{name} ({where})")
        for positive, where in (("fatigue", "fatigue"), ("alert", "alert"), ("average", "average of both"))
        for key, name in (("precision", "Precision"), ("recall", "Recall"), ("f1", "F1"), ("jaccard", "Jaccard index"))
    ),
    Measure(key="f1_of_averages", name="F1 of average precision and recall"),
    Measure(key="mae", name="Mean absolute error of the score"),
    Measure(key="rmse", name="Root mean squared error of the score"),
    Measure(key="bias", name="Mean error of the score (predicted − true)"),
    Measure(key="pearson", name="Pearson correlation of the score"),
    Measure(key="spearman", name="Spearman correlation of the score"),
    Measure(key="ccc", name="Concordance correlation of the score"),
    Measure(key="icc", name="ICC(2,1) of predicted and true score"),
    Measure(key="brier", name="Brier score"),
    Measure(key="ece", name="Expected calibration error (15 bins)"),
)
NAMES = {measure.key: measure.name for measure in MEASURES}


def measure(predictions: Predictions, draws: NDArray[np.float64] | None = None) -> dict[str, NDArray[np.float64]]:
    """Every figure of :data:`MEASURES`.

    Classes are the called ones; ROC, precision–recall and calibration are of the probability of fatigue; errors, correlation
    and agreement are of the score.

    Args:
        predictions: N items of S subjects.
        draws: (B, S) float64 whole numbers, how often each subject, in sorted order, is in each of B resamples; None: the
            predictions as they are, B = 1.

    Returns:
        (B,) each, with NaN where a figure is undefined.
    """
    subjects, person = np.unique(predictions.subject, return_inverse=True)
    draws = np.ones((1, len(subjects))) if draws is None else draws
    truth, called = predictions.is_fatigue, predictions.called_fatigue
    probability = predictions.fatigue_probability
    x, y, scale = centred(predictions.score, predictions.target)
    cells = np.stack([truth & called, ~truth & called, truth & ~called, ~truth & ~called], axis=1).astype(np.float64)
    squares = (probability - truth)[:, np.newaxis] ** 2
    table = np.concatenate([cells, score_sums(x, y), squares, calibration_sums(probability, truth)], axis=1)
    per_subject = np.zeros((len(subjects), table.shape[1]))
    np.add.at(per_subject, person, table)
    sums = draws @ per_subject
    items = sums[:, :4].sum(axis=1)
    return {
        **classification_figures(*sums[:, :4].T),
        **figures_of_sums(sums[:, 4:12], scale=scale),
        "brier": ratio(sums[:, 12], items),
        "ece": ece_of_sums(sums[:, 13:], items),
        **_by_rank(predictions, draws, person),
    }


def figures(predictions: Predictions) -> dict[str, float | None]:
    """Every figure of :data:`MEASURES` as a number; None where it is undefined."""
    return as_numbers(measure(predictions))


def weights_in_chunks(draws: NDArray[np.float64], person: NDArray[np.intp]) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """How often each item is in each resample, for a few resamples at a time so that memory stays bounded.

    Args:
        draws: (B, S), how often each subject is drawn.
        person: (N,) int, the subject of each item.

    Yields:
        Which b resamples, and (b, N).
    """
    rows = max(_CHUNK // len(person), 1)
    for start in range(0, len(draws), rows):
        part = slice(start, min(start + rows, len(draws)))
        yield part, draws[part][:, person]


def _by_rank(
    predictions: Predictions, draws: NDArray[np.float64], person: NDArray[np.intp]
) -> dict[str, NDArray[np.float64]]:
    by_probability, truth = Ranking.of(predictions.fatigue_probability), predictions.is_fatigue
    by_score, by_target = Ranking.of(predictions.score), Ranking.of(predictions.target)
    found = {key: np.full(len(draws), np.nan) for key in ("auc", "average_precision", "spearman")}
    for part, weights in weights_in_chunks(draws, person):
        found["auc"][part], found["average_precision"][part] = areas(*counts_above(by_probability, weights, truth))
        found["spearman"][part] = rank_correlation(by_score, by_target, weights)
    return found
