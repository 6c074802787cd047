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
    places = apart(judge, (SEQUENCE,), moved=True)
    crops = [judge.study.judged[place] for place in places]
    fold, state, blinks = judge.fold[places], judge.state[places], judge.blinks[places]
    rows: dict[str, dict[str, float]] = {}
    for kind in COMPARED:
        name = f"{kind}, another day"
        candidate = judge.candidates[name]
        wanted = columns_of(candidate.columns)
        fits = {one: judge.study.train_statistics(candidate, (one,)) for one in FOLDS}
        weight = judge.weights(name, None)[places]
        rows[name] = {}
        for factor in FACTORS if "seconds" in name else FACTORS[:1]:
            found = np.empty((len(crops), 3))
            for one in FOLDS:
                own = [
                    describe(crop.blinks("interval"), (crop.video.units_s[0], factor * crop.video.units_s[1]))[wanted]
                    for crop in crops
                    if crop.video.fold == one
                ]
                found[fold == one] = judge.temperature(name, one)(fits[one](np.array(own)), blinks[fold == one])
            loss = -np.log(np.maximum(found[np.arange(len(found)), state], 1e-9))
            rows[name][f"{factor:g}"] = float((weight * loss).sum() / weight.sum())
    return rows


def apart(judge: Judge, lengths: Sequence[int], *, moved: bool) -> NDArray[np.intp]:
    """Places of crops that share no blinks: of the sequences of each video the first, and every fifteenth after it.

    Args:
        judge: With predictions.
        lengths: Of the crops.
        moved: Whether alert videos of another day are among them; copied videos never are.
    """
    seen: Counter[tuple[int, int]] = Counter()
    found = []
    for place, crop in enumerate(judge.study.judged):
        if crop.length in lengths and not crop.video.copied and (moved or not crop.moved):
            key = (id(crop.video), crop.length)
            if seen[key] % (SEQUENCE // STEP) == 0:
                found.append(place)
            seen[key] += 1
    return np.array(found)
