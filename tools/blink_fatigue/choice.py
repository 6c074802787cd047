"""Calibrated predictions of every candidate, and which one inner validation chooses for each fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from blink_fatigue.crops import ANOTHER_DAY
from blink_fatigue.figures import Judged
from blink_fatigue.nested import FOLDS, Candidate, Study, candidates
from blink_fatigue.rldd import SEQUENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

_THREE = ("ordinal 0.01", "logistic 0.01", "hidden layer")
_NETS = ("tcn", "gru", "transformer")


def _together(members: tuple[str, ...], ending: str) -> tuple[str, ...]:
    return tuple(member + ending for member in members)


AVERAGES: dict[str, tuple[str, ...]] = {
    f"average of statistics{ending}": _together(_THREE, f"{columns}{day}")
    for day in ("", ", another day")
    for columns in ("", ", timing", ", duration", ", shape", ", timing in seconds", ", seconds")
    for ending in (f"{columns}{day}",)
} | {
    "average of statistics and boosting": (*_THREE, "boosting"),
    "average of statistics and boosting, seconds": _together((*_THREE, "boosting"), ", seconds"),
    "average of statistics and boosting, frequency": _together((*_THREE, "boosting"), ", frequency"),
    "average of networks": _NETS,
    "average of networks, frequency": _together(_NETS, ", frequency"),
    "average of all": (*_THREE, "boosting", *_NETS),
    "average of all, seconds": (*_together((*_THREE, "boosting"), ", seconds"), *_NETS),
    "average of all, frequency": _together((*_THREE, "boosting", *_NETS), ", frequency"),
}


@dataclass(frozen=True)
class Temperature:
    """By how much log probabilities are divided, for stretches of n blinks: exp(offset + slope × ln(n / 30)).

    "On calibration of modern neural networks", Guo et al., ICML 2017, made to depend on how much there was to see.
    """

    offset: float
    slope: float

    def __call__(self, log_probability: Floats, blinks: Floats) -> Floats:
        """(N, 3) calibrated probabilities."""
        logits = log_probability / np.exp(self.offset + self.slope * np.log(blinks / SEQUENCE))[:, np.newaxis]
        logits -= logits.max(axis=1, keepdims=True)
        return np.asarray(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))


class Judge:
    """What the candidates said of every crop, in the order of the study's."""

    def __init__(self, study: Study, chosen: Sequence[Candidate] | None = None) -> None:
        self.study = study
        crops = study.judged
        self.length = np.array([crop.length for crop in crops])
        self.moved = np.array([crop.moved for crop in crops])
        self.copied = np.array([crop.video.copied for crop in crops])
        self.state = np.array([crop.video.state for crop in crops])
        self.person = np.array([crop.video.person for crop in crops])
        number = {id(video): place for place, video in enumerate([*study.videos, *study.moved])}
        self.video = np.array([number[id(crop.video)] for crop in crops])
        self.blinks = np.array([crop.place.stop - crop.place.start for crop in crops], np.float64)
        self.fold = study.fold
        self.candidates = {candidate.name: candidate for candidate in (chosen or candidates())}
        present = set(self.candidates)
        self.averages = {name: members for name, members in AVERAGES.items() if present >= set(members)}
        same = np.unique(1000 * self.video + self.length, return_inverse=True)[1]
        self.share = 1 / np.bincount(same)[same]  # every video counts as much at each length, however many sequences it has
        self._temperatures: dict[tuple[str, int | None], Temperature] = {}
        self._kept: dict[tuple[str, tuple[int, ...]], Floats] = {}

    @property
    def names(self) -> list[str]:
        """Of candidates and averages."""
        return [*self.candidates, *self.averages]

    def raw(self, name: str, excluded: tuple[int, ...]) -> Floats:
        """(N, 3) log probabilities for the crops of the excluded folds."""
        key = (name, excluded)
        if key not in self._kept:
            if name in self.averages:
                parts = [np.exp(self.raw(member, excluded)) for member in self.averages[name]]
                self._kept[key] = np.log(np.mean(parts, axis=0))
            else:
                self._kept[key] = self.study.predictions(self.candidates[name], excluded)
        return self._kept[key]

    def inner(self, name: str, fold: int) -> Floats:
        """(N, 3) for the crops of all folds but one, none of which any fit used has seen."""
        found = np.full((len(self.fold), 3), np.nan)
        for other in FOLDS:
            if other != fold:
                excluded = (min(fold, other), max(fold, other))
                found[self.fold == other] = self.raw(name, excluded)[self.fold == other]
        return found

    def temperature(self, name: str, fold: int | None) -> Temperature:
        """Of a candidate, from predictions for the other folds at all lengths; None: from all folds."""
        if (name, fold) in self._temperatures:
            return self._temperatures[name, fold]
        predictions = self.outer_raw(name) if fold is None else self.inner(name, fold)
        weight = self.weights(name, fold)
        use = weight > 0
        raw, state, share = predictions[use], self.state[use], weight[use] / weight[use].sum()
        # Relative to the true state, so that its own log probability is minus the log of the sum of exponentials.
        apart = raw - raw[np.arange(len(raw)), state][:, np.newaxis]
        logs = np.log(self.blinks[use] / SEQUENCE)

        def loss(values: Floats) -> float:
            sharpness = np.exp(-(values[0] + values[1] * logs))[:, np.newaxis]
            return float(share @ np.log(np.exp(np.minimum(apart * sharpness, 700)).sum(axis=1)))

        found = minimize(loss, (0.0, 0.0), method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-6})
        self._temperatures[name, fold] = Temperature(*map(float, found.x))
        return self._temperatures[name, fold]

    def weights(self, name: str, fold: int | None) -> Floats:
        """(N,) what each crop counts in calibration and choice; copied videos and the fold to leave out count nothing.

        For a candidate that learns from moved alert videos, half of a person's alert weight is theirs.
        """
        left_out = np.zeros(len(self.fold), np.bool_) if fold is None else self.fold == fold
        weight = np.where(self.copied | left_out, 0.0, self.share)
        if name.endswith("another day"):
            alert = np.where(self.moved, 1 / 2 / ANOTHER_DAY, 1 / 2)
            return np.where(self.state == 0, weight * alert, weight)
        return np.where(self.moved, 0.0, weight)

    def outer_raw(self, name: str) -> Floats:
        """(N, 3) for every crop by the fit that did not see its fold."""
        found = np.empty((len(self.fold), 3))
        for fold in FOLDS:
            found[self.fold == fold] = self.raw(name, (fold,))[self.fold == fold]
        return found

    def outer(self, name: str) -> Floats:
        """(N, 3) calibrated probabilities; calibration of a fold is from the others."""
        raw, found = self.outer_raw(name), np.empty((len(self.fold), 3))
        for fold in FOLDS:
            own = self.fold == fold
            found[own] = self.temperature(name, fold)(raw[own], self.blinks[own])
        return found

    def inner_loss(self, name: str, fold: int | None) -> float:
        """What candidates are chosen by: calibrated log loss of sequences of 30 blinks, each video the same.

        Args:
            name: Of a candidate.
            fold: Which to leave out; None: of all five, to choose what ships.
        """
        raw = self.outer_raw(name) if fold is None else self.inner(name, fold)
        weight = self.weights(name, fold) * (self.length == SEQUENCE)
        use = weight > 0
        probability = self.temperature(name, fold)(raw[use], self.blinks[use])
        own = -np.log(np.maximum(probability[np.arange(use.sum()), self.state[use]], 1e-9))
        return float((weight[use] * own).sum() / weight[use].sum())

    def choose(self, names: Sequence[str], fold: int | None) -> str:
        """The candidate with the least inner loss."""
        return min(names, key=lambda name: self.inner_loss(name, fold))

    def nested(self, names: Sequence[str]) -> tuple[Floats, dict[int, str]]:
        """(N, 3) calibrated probabilities of what was chosen for each fold without it, and the choices."""
        chosen = {fold: self.choose(names, fold) for fold in FOLDS}
        found = np.empty((len(self.fold), 3))
        for fold, name in chosen.items():
            found[self.fold == fold] = self.outer(name)[self.fold == fold]
        return found, chosen

    def judged(
        self, probability: Floats, *, length: int = SEQUENCE, clean: bool = False, another_day: bool = False
    ) -> Judged:
        """Predictions of one length, to be measured.

        Args:
            probability: (N, 3).
            length: Of the crops.
            clean: Without copied videos.
            another_day: Alert videos are replaced by their moved copies.
        """
        use = (self.length == length) & ~(self.copied & clean)
        use &= (self.moved | (self.state > 0)) if another_day else ~self.moved
        return Judged(probability=probability[use], state=self.state[use], video=self.video[use], person=self.person[use])
