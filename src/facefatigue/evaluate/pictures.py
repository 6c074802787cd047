"""Pictures of an evaluation that one would put in a paper: 200 dpi PNG, told apart with any colour vision."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Literal

import numpy as np

from facefatigue.evaluate.strip import draw_subject_errors
from facefatigue.evaluate.style import BLUE, FAINT, GREY, INK, ORANGE, Canvas
from facefatigue.evaluate.tables import cell, counted, number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from facefatigue.evaluate.calibration import ReliabilityBin
    from facefatigue.evaluate.classification import Confusion
    from facefatigue.evaluate.evaluation import Evaluation
    from facefatigue.evaluate.predictions import Predictions

DPI = 200
_ONE_CLASS = "Not measurable:\nall items are of one class."


def draw_pictures(evaluation: Evaluation, predictions: Predictions) -> dict[str, bytes]:
    """Draw all pictures.

    A picture that needs both classes says so where there is one. The provenance is in each file's metadata, in short below
    each picture, and synthetic faces are named under the title.

    Args:
        evaluation: The results.
        predictions: What they were measured on.

    Returns:
        PNG files by name: ``confusion``, ``roc``, ``precision_recall``, ``reliability``, ``scores`` and ``subjects``.
    """
    drawings: dict[str, Callable[[Canvas], None]] = {
        "confusion": lambda canvas: _confusion(canvas, evaluation.confusion),
        "roc": lambda canvas: _roc(canvas, evaluation),
        "precision_recall": lambda canvas: _precision_recall(canvas, evaluation),
        "reliability": lambda canvas: _reliability(canvas, evaluation),
        "scores": lambda canvas: _scores(canvas, evaluation, predictions),
        "subjects": lambda canvas: draw_subject_errors(canvas, predictions),
    }
    kind = " · synthetic faces" if evaluation.provenance.synthetic else ""
    pictures = {}
    for name, draw in drawings.items():
        wide = name == "subjects"
        canvas = Canvas(width_in=7.2 if wide else 3.5, height_in=3.4 if wide else 4.1)
        draw(canvas)
        canvas.write_below(evaluation.provenance.line)
        canvas.write_above(f"{counted(evaluation)}{kind}")
        pictures[name] = _png(canvas, evaluation)
    return pictures


def _png(canvas: Canvas, evaluation: Evaluation) -> bytes:
    facts = "; ".join(f"{what}: {how}" for what, how in evaluation.provenance.facts)
    file = BytesIO()
    canvas.figure.savefig(
        file, format="png", dpi=DPI, metadata={"Description": facts.encode("latin-1", "replace").decode("latin-1")}
    )
    return file.getvalue()


def _confusion(canvas: Canvas, confusion: Confusion) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    axes = canvas.square("Confusion matrix")
    counts = np.array([[confusion.tn, confusion.fp], [confusion.fn, confusion.tp]], np.float64)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    axes.imshow(shares, cmap=LinearSegmentedColormap.from_list("share", ["#ffffff", BLUE]), vmin=0, vmax=1)
    for row in range(2):
        for column in range(2):
            colour = "white" if shares[row, column] > 0.55 else INK
            share = f"{100 * shares[row, column]:.1f} %" if totals[row, 0] else "–"
            axes.text(column, row - 0.07, f"{counts[row, column]:,.0f}", ha="center", va="center", fontsize=13, color=colour)
            axes.text(column, row + 0.17, share, ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks([0, 1], ["alert", "fatigue"])
    axes.set_yticks([0, 1], ["alert", "fatigue"], rotation=90, va="center")
    axes.set_xlabel("called", fontsize=8)
    axes.set_ylabel("true (shares of each row)", fontsize=8)
    axes.tick_params(length=0)
    axes.set_xticks([0.5], minor=True)
    axes.set_yticks([0.5], minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="minor", length=0)


def _roc(canvas: Canvas, evaluation: Evaluation) -> None:
    axes = canvas.square("ROC curve, fatigue against alert")
    _unit_square(axes, "false positive rate (alert called fatigue)", "true positive rate (fatigue found)")
    found, band = evaluation.curves, evaluation.roc_band
    if found is None:
        _say(axes, _ONE_CLASS)
        return
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=(0, (5, 4)), label="chance")
    if band is not None:
        axes.fill_between(
            band.false_positive_rate,
            band.low,
            band.high,
            color=BLUE,
            alpha=0.18,
            linewidth=0,
            label="95 % band over subjects",
        )
    x, y = np.append(0.0, found.false_positive_rate), np.append(0.0, found.true_positive_rate)
    axes.plot(x, y, color=BLUE, linewidth=1.5, label=f"AUC {cell(evaluation.figures['auc'])}")
    alarms, hits = evaluation.confusion.fp, evaluation.confusion.tp
    _mark(axes, alarms / (alarms + evaluation.confusion.tn), hits / (hits + evaluation.confusion.fn))
    auc = evaluation.figures["auc"].value
    _legend(axes, "upper left" if auc is not None and auc < 0.5 else "lower right")


def _precision_recall(canvas: Canvas, evaluation: Evaluation) -> None:
    axes = canvas.square("Precision and recall of fatigue")
    _unit_square(axes, "recall (fatigue found)", "precision (calls of fatigue that are right)")
    found, confusion = evaluation.curves, evaluation.confusion
    if found is None:
        _say(axes, _ONE_CLASS)
        return
    axes.axhline(
        evaluation.prevalence,
        color=GREY,
        linewidth=0.8,
        linestyle=(0, (5, 4)),
        label=f"prevalence {evaluation.prevalence:.3f}",
    )
    x = np.append(0.0, found.true_positive_rate)
    y = np.append(found.precision[0], found.precision)
    text = f"average precision {cell(evaluation.figures['average_precision'])}"
    axes.plot(x, y, color=BLUE, linewidth=1.5, drawstyle="steps-pre", label=text)
    if confusion.tp + confusion.fp:
        _mark(axes, confusion.tp / (confusion.tp + confusion.fn), confusion.tp / (confusion.tp + confusion.fp))
    _legend(axes, "best")


def _reliability(canvas: Canvas, evaluation: Evaluation) -> None:
    axes, below = canvas.square_over_strip("Reliability of the probability of fatigue")
    _unit_square(axes, "", "share that is fatigue")
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=(0, (5, 4)), label="perfect")
    series: list[tuple[Sequence[ReliabilityBin], str, str, str]] = []
    after = evaluation.calibrated
    before_text = "before" if after is not None else "model"
    ece = evaluation.figures["ece"]
    series.append((evaluation.reliability, BLUE, "o", f"{before_text}, ECE {cell(ece)}"))
    if after is not None:
        series.append((after.reliability, ORANGE, "s", f"calibrated, ECE {cell(after.figures['ece'])}"))
    width = 0.8 / len(series)
    for number_, (bins, colour, marker, text) in enumerate(series):
        shown = [(one.mean_probability, one.fatigue_share) for one in bins if one.items]
        x, y = zip(*shown, strict=True)
        axes.plot(x, y, color=colour, linewidth=1.1, marker=marker, markersize=3.6, label=text)
        centres = [one.low + (one.high - one.low) * (0.1 + width * (number_ + 0.5)) for one in bins]
        below.bar(centres, [one.items for one in bins], width=width / len(bins), color=colour, linewidth=0)
    axes.set_xticklabels([])
    below.set_xlim(-0.02, 1.02)
    below.set_xticks(np.linspace(0, 1, 6))
    below.set_xlabel(f"probability of fatigue ({len(evaluation.reliability)} equal bins)", fontsize=8)
    below.set_ylabel(evaluation.provenance.unit, fontsize=8)
    below.locator_params(axis="y", nbins=3, integer=True)
    _legend(axes, "best")


def _scores(canvas: Canvas, evaluation: Evaluation, predictions: Predictions) -> None:
    axes = canvas.square("Predicted and true score")
    _unit_square(axes, "true fatigue score", "predicted fatigue score")
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=(0, (5, 4)), zorder=1)
    for draw_line in (axes.axhline, axes.axvline):
        draw_line(0.5, color=GREY, linewidth=0.5, linestyle=":", zorder=1)
    size, alpha = (9, 0.5) if len(predictions) <= 600 else (4, 0.3) if len(predictions) <= 4000 else (2, 0.15)
    axes.scatter(predictions.target, predictions.score, s=size, color=BLUE, alpha=alpha, linewidths=0, zorder=2)
    found = evaluation.figures
    canvas.second_line = (
        f"MAE {number(found['mae'].value)}, Pearson {number(found['pearson'].value)}, CCC {number(found['ccc'].value)}, "
        f"ICC(2,1) {number(found['icc'].value)}"
    )


def _unit_square(axes: Axes, x: str, y: str) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.set_xlabel(x, fontsize=8)
    axes.set_ylabel(y, fontsize=8)


def _mark(axes: Axes, x: float, y: float) -> None:
    axes.plot(
        [x], [y], marker="D", markersize=5, color=ORANGE, markeredgecolor="white", linestyle="none", label="called class"
    )


def _legend(axes: Axes, place: Literal["best", "lower right", "upper left"]) -> None:
    axes.legend(
        loc=place,
        fontsize=6.5,
        frameon=True,
        framealpha=0.85,
        edgecolor="none",
        borderpad=0.3,
        handlelength=1.8,
        labelcolor=INK,
    )


def _say(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, fontsize=8, color=FAINT, ha="center", va="center", transform=axes.transAxes)
