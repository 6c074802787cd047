"""What a run says of its epochs: rows of the log, TensorBoard, and which epoch is the best."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from facefatigue.data.labels import BORDER
from facefatigue.errors import MissingExtraError
from facefatigue.evaluate import area_under_roc, pearson
from facefatigue.train.checkpoint import BOARD_FOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from facefatigue.train.checkpoint import LogRow
    from facefatigue.train.epoch import Sums
    from facefatigue.train.frames import FrameFigures
    from facefatigue.train.settings import KeepBest, TrainSettings

FIGURES = ("mse", "mae", "pearson", "accuracy", "auc")
# Columns of the correlation between what was read and what is true, before the name of a frame target.
CORRELATION = "validation_r_"


def validation_figures(
    score: NDArray[np.floating], fatigue_probability: NDArray[np.floating], target: NDArray[np.floating]
) -> dict[str, float | None]:
    """What the log says of single validation clips; `facefatigue evaluate` says more, with intervals.

    Args:
        score: (N,) in [0, 1], predicted.
        fatigue_probability: (N,) in [0, 1], predicted; above 0.5 is called fatigue.
        target: (N,) in [0, 1], the true scores; at least 0.5 is fatigue.

    Returns:
        MSE, MAE and Pearson's correlation of the score, accuracy and area under the ROC curve of the class; None where
        undefined.
    """
    error, is_fatigue = score.astype(np.float64) - target, target >= BORDER
    return {
        "mse": float(np.mean(error**2)),
        "mae": float(np.mean(np.abs(error))),
        "pearson": pearson(score.astype(np.float64), target.astype(np.float64)),
        "accuracy": float(np.mean((fatigue_probability > BORDER) == is_fatigue)),
        "auc": area_under_roc(fatigue_probability.astype(np.float64), is_fatigue),
    }


def log_row(
    *,
    epoch: int,
    settings: TrainSettings,
    sums: Sums,
    loss: float | None,
    figures: dict[str, float | None] | None,
    frames: FrameFigures | None = None,
    seconds: float,
) -> LogRow:
    """One epoch as a row of the log.

    Args:
        epoch: From 1.
        settings: Gives the learning rate, and which frame targets there are.
        sums: Of the training batches.
        loss: Validation loss; None without validation, and where the score is not trained.
        figures: Validation figures; None likewise.
        frames: How well the frame targets of the validation list were read; None without validation.
        seconds: Time it took.
    """
    scored = settings.score_weight > 0
    of_frames: LogRow = {}
    if settings.frame_targets:
        of_frames = {
            "train_frame_loss": sums.frames / sums.clips,
            "validation_frame_loss": None if frames is None else frames.loss,
            **{
                f"{CORRELATION}{name}": None if frames is None else frames.correlations[name]
                for name in settings.frame_targets
            },
        }
    return {
        "epoch": epoch,
        "learning_rate": settings.rate(epoch - 1),
        "train_loss": sums.loss / sums.clips if scored else None,
        "train_mse": sums.mse / sums.clips if scored else None,
        "train_accuracy": sums.right / sums.clips if scored else None,
        "validation_loss": loss,
        **{f"validation_{name}": None if figures is None else figures[name] for name in FIGURES},
        **of_frames,
        "seconds": round(seconds, 1),
        "clips_per_s": round(sums.clips / seconds, 2) if seconds > 0 else None,
    }


def deciding_loss(row: LogRow) -> str:
    """The column by which a run chooses: the validation loss of the score, or of the frames where no score is trained."""
    is_frames = row.get("validation_loss") is None and row.get("validation_frame_loss") is not None
    return "validation_frame_loss" if is_frames else "validation_loss"


def best_row(rows: Sequence[LogRow], keep_best: KeepBest = "loss") -> LogRow:
    """The row whose weights are kept; the last one of a run without validation.

    Args:
        rows: At least one.
        keep_best: "loss": the lowest validation loss, the first of equals. "loss_and_mse": a later row takes over only when
            loss and MSE are both lower than those of the kept one, as in the published code.
    """
    best, loss = rows[0], deciding_loss(rows[0])
    if _value(best, loss) == math.inf:
        return rows[-1]
    for row in rows[1:]:
        better = _value(row, loss) < _value(best, loss)
        if better and (keep_best == "loss" or _value(row, "validation_mse") < _value(best, "validation_mse")):
            best = row
    return best


def out_of_patience(rows: Sequence[LogRow], patience: int) -> bool:
    """Whether the validation loss has not got lower for ``patience`` epochs in a row."""
    if not rows or _value(rows[0], deciding_loss(rows[0])) == math.inf:
        return False
    best = list(rows).index(best_row(rows))
    return len(rows) - 1 - best >= patience


def _value(row: LogRow, name: str) -> float:
    value = row[name]
    return math.inf if value is None else float(value)


class Board:
    """TensorBoard's event files, in the run's folder.

    Args:
        folder: The run's folder.
        epochs: Finished epochs; what an interrupted run wrote after them is taken back.

    Raises:
        MissingExtraError: tensorboardX is not installed.
    """

    def __init__(self, folder: Path, *, epochs: int) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            raise MissingExtraError("TensorBoard's log (tensorboardX)", "train") from None
        self._writer: Any = SummaryWriter(str(folder / BOARD_FOLDER), purge_step=epochs + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def add(self, row: LogRow) -> None:
        """Add the figures of an epoch, training and validation side by side."""
        for name, value in row.items():
            if name == "epoch" or value is None:
                continue
            side, _, figure = name.partition("_")
            tag = f"{figure}/{side}" if side in {"train", "validation"} else name
            self._writer.add_scalar(tag, value, row["epoch"])
        self._writer.flush()
