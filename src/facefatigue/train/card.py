"""What a trained model says about itself: the figures in its config.json and its card."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from facefatigue.model.config import BACKBONE_TITLES
from facefatigue.train.log import deciding_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facefatigue.data.clip_list import ClipList
    from facefatigue.train.checkpoint import LogRow
    from facefatigue.train.settings import TrainSettings

_DIGITS = 4
_UNTRAINED = "the score was not trained and means nothing; the frame targets were"


def card_metrics(best: LogRow) -> dict[str, float | str]:
    """The validation figures of the best epoch, for config.json; one that is not defined is left out.

    Args:
        best: Its row of the log.
    """
    figures: dict[str, float | str] = {
        name: round(value, _DIGITS) for name, value in best.items() if name.startswith("validation_") and value is not None
    }
    notes = {"validation_note": "these figures chose the checkpoint"}
    if deciding_loss(best) == "validation_frame_loss":
        notes["score_note"] = _UNTRAINED
    return {**figures, **notes}


def card_text(
    settings: TrainSettings, lists: tuple[ClipList, ClipList], rows: Sequence[LogRow], best: LogRow, *, origin: str
) -> str:
    """The model card, Markdown: what it was trained on and how, and what was measured.

    Args:
        settings: Of the run.
        lists: The training and the validation list.
        rows: The log.
        best: The row whose weights were kept.
        origin: Where the first weights came from.
    """
    train, validation = lists
    head = "sigmoid output" if settings.classes == 1 else f"{settings.classes} classes"
    lines = [
        f"# {settings.name}",
        "",
        f"A network that scores fatigue in clips of {settings.frames} frames at {settings.frame_rate_hz:g} Hz,",
        (
            f"{settings.size_px} × {settings.size_px} px: {BACKBONE_TITLES[settings.backbone].format(settings.depth)}, "
            f"first stage {settings.first_channel} channels, non-local position {settings.non_local_position}, {head}."
        ),
        *([] if settings.score_weight else ["", f"Not for use as it is: {_UNTRAINED}."]),
        *(
            ["", f"Read from every frame: {', '.join(settings.cues)}; over time: {settings.temporal_input}."]
            if settings.cues
            else []
        ),
        "",
        f"- Version: {settings.version}",
        f"- Licence: {settings.licence}",
        f"- Training data: {settings.training_data}",
        f"- First weights: {origin}",
        "",
        "## Data",
        "",
        "| | clips | subjects | mean score |",
        "|---|---|---|---|",
        *(
            f"| {name} | {len(clips)} | {len(clips.subjects)} | {float(clips.scores.mean()):.3f} |"
            for name, clips in (("training", train), ("validation", validation))
        ),
        "",
        f"No subject is in both. Labels: {_labels(train)}.",
        "",
        "## Figures",
        "",
        *_choice(settings, rows, best),
        "",
        *(
            f"- {name.replace('_', ' ')}: {'not defined' if value is None else f'{value:.4f}'}"
            for name, value in best.items()
            if name.startswith("validation_")
        ),
        "",
        "Of single clips. A true score of at least 0.5 is fatigue; accuracy is the share of clips that are called what they",
        "are, AUC how well the probability of fatigue ranks them.",
        "",
        "## Settings",
        "",
        *(f"- {key}: {value}" for key, value in _settings(settings).items()),
        f"- training list: {train.part or 'the whole list'}, sha256 {train.fingerprint}",
        f"- validation list: {validation.part or 'the whole list'}, sha256 {validation.fingerprint}",
        "",
        "This is not a medical or safety device.",
        "",
    ]
    return "\n".join(lines)


def _labels(clips: ClipList) -> str:
    return "; ".join(sorted({source for source in clips.column("label_source") if source})) or "source not stated"


def _settings(settings: TrainSettings) -> dict[str, object]:
    """All of them; of a path only its end, since cards are published and folders of a machine are nobody's business."""
    shown = dataclasses.asdict(settings)
    return {**shown, "init": "/".join(Path(settings.init).parts[-2:])}


def _choice(settings: TrainSettings, rows: Sequence[LogRow], best: LogRow) -> list[str]:
    if not settings.validate:
        return [f"The weights are those after epoch {best['epoch']}, the last; nothing was validated."]
    what = "lowest validation loss" if settings.keep_best == "loss" else "lowest validation loss and MSE"
    what += "" if settings.score_weight else " of the frame targets"
    return [
        f"Epoch {best['epoch']} of {len(rows)} was kept, the one with the {what}. The validation figures",
        "chose the checkpoint, so they flatter it; only a test on other people measures it.",
    ]
