"""The rows of what is measured on synthetic (rendered) people whom the model has never seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from default_model.table import BY_KEY, Row
from facefatigue.data.clip_list import check_rate, read_clips
from facefatigue.engine import open_engine
from facefatigue.errors import FaceFatigueError
from facefatigue.evaluate import by_group, estimates
from facefatigue.evaluate.predict import predict_clips
from facefatigue.evaluate.ranking import area_under_roc
from facefatigue.evaluate.seen import people_notes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from default_model.scoring import Scorer
    from default_model.table import State
    from facefatigue.data.clip_list import ClipList
    from facefatigue.evaluate import Estimate, Predictions

MEASURED = ("mae", "ccc", "accuracy", "auc")
# Of groups also which way the score errs.
_OF_GROUPS = ("bias", *MEASURED)
_NAMES = {"bias": "mean error", "mae": "MAE", "ccc": "CCC", "accuracy": "accuracy", "auc": "AUC at 0.5"}
GROUPS = ("eye_opening", "skin_tone", "glasses", "infrared")
_TITLES = {
    "eye_opening": "how wide eyes open by nature (1 average; thirds)",
    "skin_tone": "skin tone (0 very light, 1 very dark; thirds)",
    "glasses": "glasses",
    "infrared": "infrared",
}


def synthetic_rows(clips: Path, scorer: Scorer, *, say: Callable[[str], None], draws: int = 2000) -> list[Row]:
    """The rows of part f for one model.

    Args:
        clips: Folder or list of rendered clips of people who were used neither for training nor for choosing anything.
        scorer: The model.
        say: Called with a line now and then.
        draws: Resamples of the identities for the 95 % intervals.

    Raises:
        ConfigurationError: The list cannot be read, has clips of another form than the model's, or holds somebody on whom
            the model is known to have been trained.
    """
    config = scorer.artefact.config
    listed = read_clips(clips, shape=(config.frames, config.size_px, config.size_px, 3))
    check_rate(clips, config.clip_spec)
    notes = [*people_notes(scorer.artefact, listed.subjects)]
    by = [name for name in GROUPS if name in listed.columns]
    say(f"{config.name}: {len(listed)} synthetic clips")
    found = predict_clips(listed, scorer.engine, by=by)
    say(f"{config.name}: the same in bf16")
    return [*rows_of(found, by, note=" ".join(notes), draws=draws), bf16_row(found, listed, scorer)]


def bf16_row(found: Predictions, clips: ClipList, scorer: Scorer) -> Row:
    """What is lost where `predict` computes in bf16, as it does by default on CPUs that can.

    Args:
        found: Predictions in f32.
        clips: Of the same clips.
        scorer: The model.
    """
    planned = BY_KEY["bf16_auc_loss"]
    try:
        engine = open_engine(scorer.artefact, engine="openvino", precision="bf16", threads=scorer.threads)
    except FaceFatigueError as error:
        return planned.missing(str(error))
    coarse = predict_clips(clips, engine)
    return bf16_row_of(found, coarse)


def bf16_row_of(found: Predictions, coarse: Predictions) -> Row:
    """The row of predictions in f32 and in bf16 for the same clips."""
    whole, less = (area_under_roc(some.fatigue_probability, some.is_fatigue) for some in (found, coarse))
    note = f"scores differ by {np.abs(found.score - coarse.score).max():.4f} at most"
    value = None if whole is None or less is None else whole - less
    state: State = "not given" if value is None else "measured"
    return BY_KEY["bf16_auc_loss"].row(value=value, n=f"{len(found)} clips", note=note, state=state)


def rows_of(found: Predictions, by: list[str], *, note: str = "", draws: int = 2000) -> list[Row]:
    """Figures of predictions for synthetic clips: all of them, and each value of some groups.

    Args:
        found: Predictions.
        by: Their groups.
        note: Goes to the first row.
        draws: Resamples of the subjects.
    """
    whole = estimates(found, draws=draws)
    blind = without_looking(found)
    n = f"{len(found)} clips of {len(found.subjects)} identities"
    rows = []
    for number, key in enumerate(MEASURED):
        texts = (f"without looking: {blind[key]:.3f}" if key in blind else "", note if not number else "")
        fields = _fields(whole, key)
        rows.append(BY_KEY[f"synthetic_{key}"].row(n=n, note="; ".join(text for text in texts if text), **fields))
    for group in by:
        for part in by_group(found, group, draws=draws):
            n = f"{part.items} clips of {part.subjects} identities"
            rows += [
                Row(
                    part="f", key=f"synthetic_{key}/{group}/{part.value}",
                    name=f"Synthetic, {_TITLES.get(group, group)}: {part.value}, {_NAMES[key]}",
                    n=n, **_fields(part.figures, key),
                )
                for key in _OF_GROUPS
            ]  # fmt: skip
    return rows


def without_looking(found: Predictions) -> dict[str, float]:
    """What constant answers give: the mean score, the larger class; CCC and AUC are 0 and 0.5 by definition."""
    fatigue = float(found.is_fatigue.mean())
    error = float(np.abs(found.target - found.target.mean()).mean())
    return {"mae": error, "ccc": 0.0, "accuracy": max(fatigue, 1 - fatigue), "auc": 0.5}


def _fields(figures: Mapping[str, Estimate], key: str) -> dict[str, Any]:
    estimate = figures[key]
    state = "not given" if estimate.value is None else "measured"
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "state": state}
