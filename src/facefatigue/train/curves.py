"""The picture of a run: loss and accuracy by epoch, as the paper's figure draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefatigue.atomic import atomic_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from facefatigue.train.checkpoint import LogRow

_TRAIN = {"color": "#d95f02", "linestyle": "-", "linewidth": 1.5}
_VALIDATION = {"color": "#1f78b4", "linestyle": "--", "linewidth": 1.5}
_REFERENCE = 0.9  # the accuracy that the paper's figure marks
_DPI = 150


def draw_curves(rows: Sequence[LogRow], path: Path, *, title: str) -> None:
    """Draw training curves as solid and validation curves as dashed lines, with the kept epoch marked.

    Args:
        rows: The log; nothing is drawn for an empty one.
        path: The PNG to write.
        title: What was trained on what.

    Raises:
        OutputError: It cannot be written.
    """
    if not rows:
        return
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from facefatigue.train.log import best_row, deciding_loss

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    loss, accuracy = figure.subplots(1, 2)
    decides = deciding_loss(rows[0])
    shown = decides.removeprefix("validation_")
    for axes, name, label in (
        (loss, shown, shown.replace("_", " ").capitalize()),
        (accuracy, "accuracy", "Accuracy of single clips"),
    ):
        _curve(axes, rows, f"train_{name}", "training (augmented)", _TRAIN)
        _curve(axes, rows, f"validation_{name}", "validation", _VALIDATION)
        axes.set_xlabel("Epoch")
        axes.set_ylabel(label)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
        axes.xaxis.get_major_locator().set_params(integer=True)
    if rows[0].get(decides) is not None:
        best = best_row(list(rows))["epoch"]
        for axes in (loss, accuracy):
            axes.axvline(float(best or 0), color="#888888", linewidth=0.8, linestyle=":", label="kept")
    accuracy.set_ylim(0, 1.02)
    accuracy.axhline(_REFERENCE, color="#33a02c", linewidth=0.9, label=f"{_REFERENCE} (marked in the paper)")
    loss.set_ylim(bottom=0)
    loss.legend(facecolor="white", edgecolor="none", framealpha=0.9, fontsize=8)
    accuracy.legend(facecolor="white", edgecolor="none", framealpha=0.9, fontsize=8, loc="lower right")
    figure.suptitle(title, fontsize=10)
    with atomic_path(path) as partial:
        figure.savefig(partial, dpi=_DPI)


def _curve(axes: Axes, rows: Sequence[LogRow], column: str, label: str, style: dict[str, object]) -> None:
    points = [(row["epoch"], row[column]) for row in rows if row.get(column) is not None]
    if points:
        epochs, values = zip(*points, strict=True)
        axes.plot(epochs, values, label=label, marker="o" if len(points) == 1 else None, **style)  # type: ignore[arg-type]
