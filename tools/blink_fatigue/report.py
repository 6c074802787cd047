"""What was measured, as tables and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from blink_fatigue.crops import LENGTHS, WHOLE
from blink_fatigue.figures import bucket, confusion, figures
from blink_fatigue.nested import FOLDS
from blink_fatigue.population import OF_PEOPLE
from blink_fatigue.ship import COVERED, VARIANTS, reach, residuals, shippable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from blink_fatigue.choice import Judge
    from facefatigue.evaluate.bootstrap import Estimate

    Floats = NDArray[np.float64]
    Figures = Mapping[str, Estimate]

DRAWS = 2000
SUBSETS = ("timing", "duration", "shape", "timing in seconds")
COLUMNS = {
    "sequence_accuracy": "BSA", "video_accuracy": "VA", "video_accuracy_published": "VA, p // 3.34",
    "sequence_error": "BSRE", "video_error": "VRE", "sequence_auc": "AUC, sequences", "video_auc": "AUC, videos",
    "video_auc_low_drowsy": "AUC low/drowsy, videos",
}  # fmt: skip


def measure(judge: Judge) -> dict[str, Any]:
    """Everything: of each candidate, of the nested choices, of less evidence, of another day, and of what ships."""
    published = [name for name in judge.names if "another day" not in name and not _subset(name)]
    interval = [name for name in published if "frequency" not in name and "quick" not in name]
    rows: dict[str, Any] = {"candidates": {}, "nested": {}, "lengths": {}, "columns": {}, "another_day": {}, "videos": {}}
    for name in judge.names:
        found = judge.judged(judge.outer(name))
        inner = float(np.mean([judge.inner_loss(name, fold) for fold in FOLDS]))
        rows["candidates"][name] = {"inner_loss": inner, **_plain(figures(found, draws=1))}
    for title, names in (
        ("all candidates", published),
        ("intervals instead of the frequency column", interval),
        *(
            (columns, [name for name in judge.names if f", {columns}" in name and "another" not in name])
            for columns in SUBSETS
        ),
        *((f"shipped kind, {variant}", list(shippable(variant))) for variant in VARIANTS),
    ):
        probability, chosen = judge.nested(names)
        rows["nested"][title] = {"chosen": chosen, **_of(judge, probability)}
        for length in (*LENGTHS, WHOLE):
            whole = figures(judge.judged(probability, length=length), draws=DRAWS)
            rows["lengths"].setdefault(title, {})[str(length)] = _kept(whole)
        moved = figures(judge.judged(probability, another_day=True, clean=True), draws=DRAWS)
        if title != "all candidates":  # the published frequency column of another day cannot be made
            rows["another_day"][title] = _kept(moved)
    for variant in VARIANTS:
        name = judge.choose(shippable(variant), None)
        rows["videos"][variant] = {"name": name, "reach": reach(judge, name), "coverage": _coverage(judge, name)}
    return rows


def _of(judge: Judge, probability: Floats) -> dict[str, Any]:
    found = judge.judged(probability)
    videos = found.of_videos()
    clean = figures(judge.judged(probability, clean=True), draws=DRAWS)
    return {
        **_kept(figures(found, draws=DRAWS)),
        "clean_video_accuracy": clean["video_accuracy"].to_dict(),
        "clean_sequence_accuracy": clean["sequence_accuracy"].to_dict(),
        "confusion": confusion(videos.state, videos.probability.argmax(axis=1)).tolist(),
        "confusion_published": confusion(videos.state, bucket(videos.prediction)).tolist(),
    }


def _coverage(judge: Judge, name: str) -> dict[str, float]:
    """Share of labels inside the interval for each length, when its reach comes from the other folds."""
    weight = judge.weights(name, None)
    residual, spread = residuals(judge.outer(name), judge.state)
    inside = np.zeros(len(residual), np.bool_)
    for fold in FOLDS:
        own = judge.fold == fold
        inside[own] = residual[own] <= reach(judge, name, without=fold) * spread[own] + 1e-12
    return {
        str(length): float((weight * inside)[judge.length == length].sum() / weight[judge.length == length].sum())
        for length in (*LENGTHS, WHOLE)
    }


def _kept(found: Figures) -> dict[str, Any]:
    return {key: estimate.to_dict() for key, estimate in found.items()}


def _plain(found: Figures) -> dict[str, float | None]:
    return {key: estimate.value for key, estimate in found.items()}


def _subset(name: str) -> bool:
    return any(name.endswith(f", {columns}") for columns in SUBSETS)


def tables(rows: Mapping[str, Any]) -> str:
    """All of it as Markdown."""
    keys = list(COLUMNS)
    text = [_head("Candidate", ("inner log loss", *COLUMNS.values()))]
    ordered = sorted(rows["candidates"].items(), key=lambda item: item[1]["inner_loss"])
    text += [_row(name, [f"{own['inner_loss']:.3f}", *(_number(key, own[key]) for key in keys)]) for name, own in ordered]
    text += ["", _head("Nested choice", (*COLUMNS.values(), "VA without copies"))]
    text += [
        _row(name, [*(_cell(key, own[key]) for key in keys), _cell("accuracy", own["clean_video_accuracy"])])
        for name, own in rows["nested"].items()
    ]
    short = ("sequence_accuracy", "sequence_mae", "sequence_auc", "sequence_auc_low_drowsy")
    text += ["", _head("Blinks", ("nested choice", "accuracy", "mean absolute error", "AUC", "AUC low/drowsy"))]
    for title, lengths in rows["lengths"].items():
        for length, own in lengths.items():
            text.append(_row(length if length != "0" else "whole video", [title, *(_cell(key, own[key]) for key in short)]))
    text += ["", _head("Alert videos of another day (stress test)", tuple(COLUMNS.values()))]
    text += [_row(name, [_cell(key, own[key]) for key in keys]) for name, own in rows["another_day"].items()]
    text += ["", _head("People at large instead of a baseline", ("norms", "blinks", *COLUMNS.values()))]
    for variant in OF_PEOPLE:
        own = rows["population"][variant]
        for kind, lengths in own["lengths"].items():
            for length, found in lengths.items():
                blinks = length if length != "0" else "whole video"
                text.append(_row(variant, [kind, blinks, *(_cell(key, found[key]) for key in keys)]))
        redrawn = [np.mean([found[key] for found in own["redrawn"]]) for key in keys]
        text.append(_row(variant, ["shipped", "whole video, mean durations drawn", *map(_number, keys, redrawn)]))
    text += ["", "Log loss by the factor of seconds: "]
    text += [f"- {name}: {own}" for name, own in rows["units"].items()]
    text += ["", f"Blinks over 1 s: {rows['population']['long']}"]
    text += ["", f"Norms (rate a minute, mean duration in s, variation): {rows['population']['norms']}"]
    text += ["", f"Coverage of the {COVERED:.0%} interval, cross-validated: "]
    text += [f"- {variant}: {own['name']}, {own['coverage']}" for variant, own in rows["videos"].items()]
    text += [f"- {variant}, people at large: {rows['population'][variant]['coverage']:.3f}" for variant in OF_PEOPLE]
    text += ["", "Confusion of videos (truth down: alert, low vigilance, drowsy): "]
    text += [f"- {name}: {own['confusion']}, chosen {own['chosen']}" for name, own in rows["nested"].items()]
    return "\n".join(text) + "\n"


def _head(first: str, names: Iterable[str]) -> str:
    names = list(names)
    return f"| {first} | {' | '.join(names)} |\n| :--- |{' ---: |' * len(names)}"


def _row(first: str, cells: Iterable[str]) -> str:
    return f"| {first} | {' | '.join(cells)} |"


def _number(key: str, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{100 * value:.1f} %" if "accuracy" in key else f"{value:.3f}"


def _cell(key: str, value: Mapping[str, float | None]) -> str:
    if value["low"] is None:
        return _number(key, value["value"])
    low, high = (_number(key, value[end]).removesuffix(" %") for end in ("low", "high"))
    return f"{_number(key, value['value'])} [{low}, {high}]"
