"""What statistics in seconds are worth when seconds are not those that they were learned in.

Published blinks reach from top to top as a detector sees them; those of facefatigue from 20 % of the fall to 80 % of the
rise. What is normalised by the person does not mind. Seconds do: a blink that is drawn out is longer by less in facefatigue,
down to the share of a blink between these points; one in which the lids stay shut is longer by as much.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from blink_fatigue.nested import FOLDS
from blink_fatigue.rldd import SEQUENCE, STEP
from blink_fatigue.statistics_models import columns_of
from facefatigue.signs.blink_statistics import describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from blink_fatigue.choice import Judge

COMPARED = ("hidden layer", "hidden layer, seconds", "hidden layer, timing", "hidden layer, timing in seconds")
WITHIN = 0.64  # of a blink lies between 20 % of its fall and 80 % of its rise (facefatigue.signs.norms)
FACTORS = (1.0, 0.8, WITHIN)


def measure_units(judge: Judge) -> dict[str, dict[str, float]]:
    """Calibrated log loss of sequences of people unseen, by candidate and factor of their seconds.

    Args:
        judge: With predictions of all candidates.
    """
    return {
        name: {f"{factor:g}": _loss(judge, name, factor) for factor in (FACTORS if "seconds" in name else FACTORS[:1])}
        for name in (f"{kind}, another day" for kind in COMPARED)
    }


def _loss(judge: Judge, name: str, factor: float) -> float:
    weight = judge.weights(name, None) * (judge.length == SEQUENCE)
    probability = judge.outer(name) if factor == 1 else _with_other_seconds(judge, name, factor, weight > 0)
    own = -np.log(np.maximum(probability[np.arange(len(weight)), judge.state], 1e-9))
    return float((weight * own)[weight > 0].sum() / weight.sum())


def _with_other_seconds(judge: Judge, name: str, factor: float, use: NDArray[np.bool_]) -> NDArray[np.float64]:
    candidate = judge.candidates[name]
    wanted = columns_of(candidate.columns)
    found = np.full((len(use), 3), np.nan)
    for fold in FOLDS:
        places = np.flatnonzero(use & (judge.fold == fold))
        statistics = []
        for place in places:
            crop = judge.study.judged[place]
            interval_s, deviation_s = crop.video.units_s
            statistics.append(describe(crop.blinks("interval"), (interval_s, factor * deviation_s))[wanted])
        raw = judge.study.train_statistics(candidate, (fold,))(np.array(statistics))
        found[places] = judge.temperature(name, fold)(raw, judge.blinks[places])
    return found


def apart(judge: Judge, lengths: Sequence[int]) -> NDArray[np.intp]:
    """Places of crops that share no blinks: of the sequences of each video the first, and every fifteenth after it.

    Args:
        judge: With predictions.
        lengths: Of the crops; copied and moved videos have none.
    """
    seen: Counter[tuple[int, int]] = Counter()
    found = []
    for place, crop in enumerate(judge.study.judged):
        if crop.length in lengths and not (crop.video.copied or crop.moved):
            key = (id(crop.video), crop.length)
            if seen[key] % (SEQUENCE // STEP) == 0:
                found.append(place)
            seen[key] += 1
    return np.array(found)
