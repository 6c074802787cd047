"""What an estimate without the person's own baseline is worth, as far as the published blinks can tell.

They are normalised by the person, so that what one would be without is gone, and has to be put back:

* Intervals in seconds are known where the frequency column could be undone (blink_fatigue.intervals).
* Durations are known in frames up to a whole number that is the same for all blinks of a person. The detector cannot write
  less than 3 frames; in 1.txt, one person's blinks published with the code (github.com/rezaghoddoosian/
  Early-Drowsiness-Detection), the shortest takes 4. Here the shortest blink of everybody, of 300 in the median, is taken to
  last 4 frames, which makes people more alike than they are, if their shortest blinks are not.
* So the estimate is also measured with the mean duration of each person drawn anew, whatever the person's blinks are like.

It is measured with the norms that ship, and, to see what better norms could bring, with those of the people of other folds.
The published detector's blinks reach from top to top, those of facefatigue from 20 % of the fall to 80 % of the rise:
norms of durations are taken over by a factor. Norms of amplitudes and velocities there are none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize_scalar

from blink_fatigue.crops import WHOLE
from blink_fatigue.figures import Judged, figures
from blink_fatigue.nested import FOLDS
from blink_fatigue.rldd import RATE_HZ, SEQUENCE, STATES
from blink_fatigue.ship import conformal, residuals, shippable
from blink_fatigue.statistics_models import Columns, columns_of
from blink_fatigue.units import WITHIN, apart
from facefatigue.signs.blink_fatigue import AlertBlinks
from facefatigue.signs.blink_statistics import describe
from facefatigue.signs.norms import ALERT_BLINK_DURATION_S, BLINK_DURATION_VARIATION, NORMS, Norm, usual_blinks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from blink_fatigue.choice import Judge, Temperature
    from blink_fatigue.crops import Crop
    from blink_fatigue.rldd import Video
    from facefatigue.signs.norms import UsualBlinks

    Floats = NDArray[np.float64]
    Fit = Callable[[Floats], Floats]

OF_PEOPLE: tuple[Columns, ...] = ("timing", "duration")
SHORTEST = 4  # frames
SOME = (10, SEQUENCE)  # blinks, and whole videos
REDRAWN = 5  # times that mean durations are drawn anew


def mean_durations_s(videos: Sequence[Video]) -> dict[int, float]:
    """Mean duration of each person's alert blinks, if the shortest of all lasts SHORTEST frames."""
    shortest: dict[int, float] = {}
    for video in videos:
        if not video.copied:
            least_s = float(video.blinks[:, 2].min()) * video.units_s[1]
            shortest[video.person] = min(shortest.get(video.person, np.inf), least_s)
    return {person: SHORTEST / RATE_HZ - least_s for person, least_s in shortest.items()}


def norms(videos: Sequence[Video], means_s: Mapping[int, float]) -> tuple[Norm, Norm, Norm]:
    """Of blink rate, mean duration, and variation of durations, of the alert blinks of some people."""
    units = {video.person: video.units_s for video in videos if not video.copied}
    rates = np.array([60 / interval_s for interval_s, _ in units.values()])
    means = np.array([means_s[person] for person in units])
    variations = np.array([deviation_s for _, deviation_s in units.values()]) / means
    # Some people blink once a second: a normal distribution with the spread of all would reach below 0.
    rate = float(np.nanmedian(rates))
    return (
        Norm(rate, min(float(np.nanstd(rates)), rate / 2)),
        Norm(float(means.mean()), float(means.std())),
        Norm(float(variations.mean()), float(variations.std())),
    )


class People:
    """Predictions for crops of people unseen, compared with people at large.

    Args:
        judge: With predictions of all candidates.
    """

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        videos = judge.study.videos
        self.means_s = mean_durations_s(videos)
        self.all = norms(videos, self.means_s)
        whole = ALERT_BLINK_DURATION_S.usual / WITHIN, ALERT_BLINK_DURATION_S.spread / WITHIN
        shipped = NORMS["blink_rate_per_min"], Norm(*whole), BLINK_DURATION_VARIATION
        self.norms = {
            "shipped": dict.fromkeys(FOLDS, shipped),
            "fitted": {fold: norms([video for video in videos if video.fold != fold], self.means_s) for fold in FOLDS},
        }
        self.places = apart(judge, (*SOME, WHOLE))
        self.crops = [judge.study.judged[place] for place in self.places]
        self.length, self.fold, self.state = (all_[self.places] for all_ in (judge.length, judge.fold, judge.state))
        same = np.unique(1000 * judge.video[self.places] + self.length, return_inverse=True)[1]
        self.weight = 1 / np.bincount(same)[same]
        self._fits: dict[tuple[Columns, int], tuple[list[Fit], NDArray[np.intp], Temperature]] = {}

    def predictions(self, variant: Columns, norms: str, means_s: Mapping[int, float], rows: NDArray[np.intp]) -> Floats:
        """(N, 3) probabilities of some crops by fits on the other folds.

        Args:
            variant: Of the model.
            norms: "shipped" or "fitted", to the people of the other folds.
            means_s: How long the alert blinks of each person are.
            rows: (N,) which crops.
        """
        found = np.empty((len(rows), 3))
        for number, row in enumerate(rows):
            crop = self.crops[row]
            fits, places, temperature = self._fitted(variant, crop.video.fold)
            table = _seconds(crop, means_s[crop.video.person])
            usual = [_alert(own) for own in usual_blinks(*self.norms[norms][crop.video.fold])]
            statistics = np.array([describe(own.normalise(table), own.units_s)[places] for own in usual])
            raw = np.log(np.mean([np.exp(fit(statistics)) for fit in fits], axis=0))
            found[number] = temperature(raw, np.full(len(raw), float(len(table)))).mean(axis=0)
        return found

    def judged(self, probability: Floats, rows: NDArray[np.intp]) -> Judged:
        """Predictions of some crops, to be measured."""
        judge, places = self.judge, self.places[rows]
        return Judged(
            probability=probability, state=judge.state[places], video=judge.video[places], person=judge.person[places]
        )

    def calibrated(self, probability: Floats) -> Floats:
        """Predictions for all crops at the temperature of the other folds."""
        found = np.empty_like(probability)
        for one in FOLDS:
            own = self.fold == one
            found[own] = _at(self.temperature(probability, one), probability[own])
        return found

    def temperature(self, probability: Floats, without: int | None = None) -> float:
        """What makes predictions likeliest, from 1 on: to compare with many people never makes surer.

        Args:
            probability: (N, 3) for all crops.
            without: A fold that is left out.
        """
        use = self.fold != without if without else np.ones(len(self.fold), np.bool_)
        place = np.arange(use.sum())

        def loss(log_temperature: float) -> float:
            own = _at(float(np.exp(log_temperature)), probability[use])[place, self.state[use]]
            return float(-(self.weight[use] * np.log(own)).sum())

        return float(np.exp(minimize_scalar(loss, bounds=(0.0, np.log(20.0)), method="bounded").x))

    def coverage(self, probability: Floats) -> float:
        """Share of labels inside the interval when its reach is from the other folds."""
        residual, spread = residuals(probability, self.state)
        inside = np.zeros(len(self.state), np.bool_)
        for one in FOLDS:
            own = self.fold == one
            reach = conformal(probability, self.state, np.where(own, 0.0, self.weight))
            inside[own] = residual[own] <= reach * spread[own] + 1e-12
        return float((self.weight * inside).sum() / self.weight.sum())

    def _fitted(self, variant: Columns, fold: int) -> tuple[list[Fit], NDArray[np.intp], Temperature]:
        if (variant, fold) not in self._fits:
            judge = self.judge
            name = judge.choose(shippable(variant), None)
            members = [judge.candidates[member] for member in judge.averages.get(name, (name,))]
            fits = [judge.study.train_statistics(member, (fold,)) for member in members]
            self._fits[variant, fold] = fits, columns_of(variant), judge.temperature(name, fold)
        return self._fits[variant, fold]


def measure_people(judge: Judge, *, draws: int) -> dict[str, Any]:
    """Figures of both variants, and the reach of their intervals.

    Args:
        judge: With predictions of all candidates.
        draws: Resamples of people for the intervals of the figures.
    """
    people = People(judge)
    rng = np.random.default_rng(0)
    duration_s = people.all[1]
    lengths = {length: np.flatnonzero(people.length == length) for length in (*SOME, WHOLE)}
    rows: dict[str, Any] = {"norms": [vars(norm) for norm in people.all], "long": long_blinks(judge.study.videos)}
    for variant in OF_PEOPLE:
        rows[variant] = {"lengths": {}, "redrawn": []}
        for kind in people.norms:
            mixed = people.predictions(variant, kind, people.means_s, np.arange(len(people.crops)))
            probability = people.calibrated(mixed)
            rows[variant]["lengths"][kind] = {}
            for length, places in lengths.items():
                found = figures(people.judged(probability[places], places), draws=draws)
                rows[variant]["lengths"][kind][str(length)] = {key: estimate.to_dict() for key, estimate in found.items()}
            if kind == "shipped":
                temperature = people.temperature(mixed)
                reach = conformal(_at(temperature, mixed), people.state, people.weight)
                rows[variant] |= {"temperature": temperature, "reach": reach, "coverage": people.coverage(probability)}
        places = lengths[WHOLE]
        for _ in range(REDRAWN):
            drawn = {person: float(rng.normal(duration_s.usual, duration_s.spread)) for person in people.means_s}
            probability = _at(temperature, people.predictions(variant, "shipped", drawn, places))
            found = figures(people.judged(probability, places), draws=1)
            rows[variant]["redrawn"].append({key: estimate.value for key, estimate in found.items()})
    return rows


def long_blinks(videos: Sequence[Video], longer_than_s: float = 1.0) -> dict[str, dict[str, int]]:
    """By state: blinks and videos, how many blinks last longer, and in how many videos there is such a blink."""
    means_s = mean_durations_s(videos)
    found = {state: dict.fromkeys(("blinks", "long", "videos", "videos_with_long"), 0) for state in STATES}
    for video in videos:
        if video.copied:
            continue
        long = int((means_s[video.person] + video.blinks[:, 2] * video.units_s[1] > longer_than_s).sum())
        counted = {"blinks": len(video.blinks), "long": long, "videos": 1, "videos_with_long": int(long > 0)}
        own = found[STATES[video.state]]
        own.update({key: own[key] + count for key, count in counted.items()})
    return found


def _at(temperature: float, probability: Floats) -> Floats:
    found = probability ** (1 / temperature)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def _alert(usual: UsualBlinks) -> AlertBlinks:
    unknown = (float("nan"), float("nan"))
    return AlertBlinks(
        blinks=0, interval_s=usual.interval_s, amplitude=unknown, duration_s=usual.duration_s, velocity=unknown
    )


def _seconds(crop: Crop, mean_s: float) -> Floats:
    interval_s, deviation_s = crop.video.units_s
    blinks = crop.blinks("interval")
    unknown = np.full(len(blinks), np.nan)
    return np.column_stack([blinks[:, 0] * interval_s, unknown, mean_s + blinks[:, 2] * deviation_s, unknown])
