"""The published figures of three classes of tiredness, with intervals over people.

As in Training.py of the published code: predictions p from 0 to 10 fall into three classes by p // 3.34; a video's class is
that of most of its sequences (with a tie, that of the mean prediction); the regression error is 0 for a prediction in the
right class, else the squared distance to the border of the class (3.3 or 6.6), for each sequence (BSRE) and for the mean
prediction of each video (VRE). Accuracies (BSA, VA) count sequences and videos.

Here a sequence's class can also be its most probable one ("probable"), which is what this project's accuracies are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.evaluate.bootstrap import Estimate, draw_subjects, estimate_of
from facefatigue.evaluate.measures import weights_in_chunks
from facefatigue.evaluate.ranking import Ranking, areas, counts_above

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.intp]

LABELS = np.array([0.0, 5.0, 10.0])
BORDERS = (3.3, 6.6)
STEP = 3.34


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """Predictions for sequences.

    Attributes:
        probability: (N, 3) of the three classes.
        state: (N,) 0 to 2, the truth.
        video, person: (N,) int.
    """

    probability: Floats
    state: Whole
    video: Whole
    person: Whole

    @property
    def prediction(self) -> Floats:
        """(N,) 0 to 10."""
        return np.asarray(self.probability @ LABELS)

    def of_videos(self) -> Judged:
        """One row a video: the mean probability of its sequences."""
        videos, first, row = np.unique(self.video, return_index=True, return_inverse=True)
        sums = np.zeros((len(videos), 3))
        np.add.at(sums, row, self.probability)
        mean = sums / np.bincount(row)[:, np.newaxis]
        return Judged(probability=mean, state=self.state[first], video=videos, person=self.person[first])


def bucket(prediction: Floats) -> Whole:
    """The class of predictions from 0 to 10, as published."""
    return np.asarray(np.clip(prediction, 0, 10) // STEP, np.intp)


def error(prediction: Floats, state: Whole) -> Floats:
    """The published regression error of each prediction."""
    called = bucket(prediction)
    low, high = (prediction - BORDERS[0]) ** 2, (prediction - BORDERS[1]) ** 2
    wrong = np.where(state == 0, low, np.where(state == 2, high, np.where(prediction < 5, low, high)))
    return np.where(called == state, 0.0, wrong)


def vote(called: Whole, tie: Whole, video: Whole) -> Whole:
    """The class of most sequences of each video; with a tie, that of the video as a whole.

    Args:
        called: (N,) classes of sequences.
        tie: (V,) class of each video.
        video: (N,) row of its video.
    """
    votes = np.zeros((len(tie), 3))
    np.add.at(votes, (video, called), 1)
    most = votes == votes.max(axis=1, keepdims=True)
    return np.where(most.sum(axis=1) == 1, votes.argmax(axis=1), tie)


def figures(judged: Judged, *, draws: int = 2000, seed: int = 0) -> dict[str, Estimate]:
    """All figures with 95 % intervals by drawing people with replacement.

    Args:
        judged: Predictions for sequences.
        draws: Resamples.
        seed: Equal seeds give equal intervals.
    """
    videos = judged.of_videos()
    row = np.searchsorted(videos.video, judged.video)
    probable = judged.probability.argmax(axis=1)
    called = vote(probable, videos.probability.argmax(axis=1), row)
    published = vote(bucket(judged.prediction), bucket(videos.prediction), row)
    people, person = np.unique(judged.person, return_inverse=True)
    of_video = np.searchsorted(people, videos.person)
    weights = draw_subjects(len(people), draws=draws, seed=seed)
    ones = np.ones((1, len(people)))

    def both(measure: Callable[[Floats], Floats]) -> Estimate:
        return estimate_of(measure(ones).item(), measure(weights))

    def mean(values: Floats, place: Whole) -> Estimate:
        sums, counts = np.zeros(len(people)), np.zeros(len(people))
        np.add.at(sums, place, values)
        np.add.at(counts, place, 1)
        return both(lambda w: (w @ sums) / (w @ counts))

    return {
        "sequence_accuracy": mean((probable == judged.state).astype(float), person),
        "video_accuracy": mean((called == videos.state).astype(float), of_video),
        "sequence_accuracy_published": mean((bucket(judged.prediction) == judged.state).astype(float), person),
        "video_accuracy_published": mean((published == videos.state).astype(float), of_video),
        "sequence_error": mean(error(judged.prediction, judged.state), person),
        "video_error": mean(error(videos.prediction, videos.state), of_video),
        "sequence_mae": mean(np.abs(judged.prediction - LABELS[judged.state]), person),
        "video_mae": mean(np.abs(videos.prediction - LABELS[videos.state]), of_video),
        "sequence_auc": both(_auc(judged, person, (0, 2))),
        "video_auc": both(_auc(videos, of_video, (0, 2))),
        "sequence_auc_low_drowsy": both(_auc(judged, person, (1, 2))),
        "video_auc_low_drowsy": both(_auc(videos, of_video, (1, 2))),
        "video_auc_alert_low": both(_auc(videos, of_video, (0, 1))),
        "sequence_log_loss": mean(-np.log(np.maximum(_own(judged), 1e-9)), person),
        "video_log_loss": mean(-np.log(np.maximum(_own(videos), 1e-9)), of_video),
    }


def confusion(state: Whole, called: Whole) -> Whole:
    """(3, 3) counts, the truth down, the call across."""
    table = np.zeros((3, 3), np.intp)
    np.add.at(table, (state, called), 1)
    return table


def _own(judged: Judged) -> Floats:
    return np.asarray(judged.probability[np.arange(len(judged.state)), judged.state])


def _auc(judged: Judged, person: Whole, pair: tuple[int, int]) -> Callable[[Floats], Floats]:
    use = np.isin(judged.state, pair)
    ranking, positive, whose = Ranking.of(judged.prediction[use]), judged.state[use] == pair[1], person[use]

    def measure(draws: Floats) -> Floats:
        found = np.empty(len(draws))
        for part, weights in weights_in_chunks(draws, whose):
            found[part] = areas(*counts_above(ranking, weights, positive))[0]
        return found

    return measure
