"""The file that ships: maps of statistics of blinks for each set of columns, fitted on all folds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from blink_fatigue.statistics_models import FARTHEST, Columns, Fitted, columns_of
from facefatigue.signs.blink_fatigue import COLUMNS, SCORES
from facefatigue.signs.blink_statistics import STATISTICS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from blink_fatigue.choice import Judge

    Floats = NDArray[np.float64]

# The most telling first; what can be measured decides. Statistics in seconds are not among them, although a baseline knows
# the seconds: they gain little, and can lose as much where seconds are not the published ones (blink_fatigue.units).
VARIANTS: dict[Columns, tuple[str, ...]] = {
    "all": COLUMNS,
    "shape": ("amplitude", "duration", "velocity"),
    "timing": ("interval", "duration"),
    "duration": ("duration",),
}
KINDS = ("ordinal 0.01", "logistic 0.01", "hidden layer", "average of statistics")
COVERED = 0.8


def shippable(variant: Columns) -> tuple[str, ...]:
    """The candidates that the runtime can work out, for a set of columns, learned with alert videos of another day."""
    middle = "" if variant == "all" else f", {variant}"
    return tuple(f"{name}{middle}, another day" for name in KINDS)


def write_model(judge: Judge, path: Path, of_people: Mapping[Columns, tuple[float, float]]) -> dict[str, Any]:
    """Choose, fit on all folds, calibrate on predictions for people unseen, and write.

    Args:
        judge: With predictions of all candidates.
        path: The npz file; its folder must exist.
        of_people: Temperature and reach by variant where people at large are the measure (blink_fatigue.population).

    Returns:
        What is in it, for the card.
    """
    arrays: dict[str, Any] = {}
    config: dict[str, Any] = {
        "version": "1",
        "licence": "Apache-2.0, learned from UTA-RLDD blink features (MIT)",
        "variants": {},
    }
    for variant, measured in VARIANTS.items():
        name = judge.choose(shippable(variant), None)
        members = [judge.candidates[member] for member in judge.averages.get(name, (name,))]
        fits = [judge.study.train_statistics(member) for member in members]
        temperature = judge.temperature(name, None)
        part: dict[str, Any] = {
            "candidate": name, "columns": measured,
            "statistics": [STATISTICS[place] for place in columns_of(variant)],
            "temperature": [temperature.offset, temperature.slope], "farthest": FARTHEST,
            "reach": reach(judge, name), "layers": [], "shares": [], "half_steps": [],
        }  # fmt: skip
        if variant in of_people:
            temperature_of_people, reach_of_people = of_people[variant]
            # To know less never makes an interval narrower.
            part["people"] = [temperature_of_people, max(reach_of_people, part["reach"])]
        for fit in fits:
            assert isinstance(fit, Fitted)
            _add(part, arrays, variant, fit, 1 / len(fits))
        config["variants"][variant] = part
    np.savez_compressed(path, config=np.array(json.dumps(config)), **arrays)
    return config


def reach(judge: Judge, name: str, without: int | None = None) -> float:
    """How many standard deviations of the score hold the label of 80 % of the crops of people unseen.

    Args:
        judge: With predictions.
        name: Of the candidate.
        without: A fold that is left out.
    """
    return conformal(judge.outer(name), judge.state, judge.weights(name, without))


def conformal(probability: Floats, state: NDArray[np.intp], weight: Floats) -> float:
    """How many standard deviations of the score hold the label of 80 % of the weight.

    That is conformal prediction with normalised residuals ("Distribution-free predictive inference for regression", Lei et
    al., JASA 2018), where each video counts the same at each length.

    Args:
        probability: (N, 3)
        state: (N,) 0 to 2.
        weight: (N,)
    """
    use = weight > 0
    residual, spread = residuals(probability[use], state[use])
    residual /= np.maximum(spread, 1e-9)
    order = np.argsort(residual)
    total = np.cumsum(weight[use][order])
    return float(residual[order][np.searchsorted(total, COVERED * total[-1])])


def residuals(probability: Floats, state: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """(N,) distances of the score from the label, and (N,) standard deviations of the score."""
    scores = np.array(SCORES)
    score = probability @ scores
    spread = np.sqrt((probability * (scores - score[:, np.newaxis]) ** 2).sum(axis=1))
    return np.abs(score - scores[state]), np.asarray(spread)


def _add(part: dict[str, Any], arrays: dict[str, Any], variant: str, fit: Fitted, share: float) -> None:
    arrays[f"{variant}/mean"], arrays[f"{variant}/spread"] = fit.scale.mean, fit.scale.spread
    for head in fit.heads:
        number = len(part["layers"])
        for place, layer in enumerate(head.layers):
            weight, bias = (parameter.detach().numpy() for parameter in layer.parameters())
            arrays[f"{variant}/{number}/{place}/weight"] = weight.T.astype(np.float32)
            arrays[f"{variant}/{number}/{place}/bias"] = bias.astype(np.float32)
        part["layers"].append(len(head.layers))
        part["shares"].append(share / len(fit.heads))
        part["half_steps"].append(float(head.border.exp().item()) if head.kind == "ordinal" else None)
