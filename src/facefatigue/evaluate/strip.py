"""The picture of each person's errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facefatigue.evaluate.style import BLUE, GREY, INK, ORANGE

if TYPE_CHECKING:
    from facefatigue.evaluate.predictions import Predictions
    from facefatigue.evaluate.style import Canvas

# More people than this are not named below the axis.
_MOST_NAMED = 60
_LONGEST_NAME = 10


def draw_subject_errors(canvas: Canvas, predictions: Predictions) -> None:
    """A column a person: the error of each item, and the mean error; people in order of it.

    Args:
        canvas: An empty one, wide.
        predictions: What to draw.
    """
    from matplotlib.ticker import NullLocator

    axes = canvas.wide("Error of the score, person by person")
    error = predictions.score - predictions.target
    names, person = np.unique(predictions.subject, return_inverse=True)
    mean = np.bincount(person, weights=error) / np.bincount(person)
    order = np.argsort(mean, kind="stable")
    place = np.empty(len(names))
    place[order] = np.arange(len(names))
    # Items lie beside each other inside their column, always in the same way.
    nudge = (np.arange(len(error)) * 0.618034 % 1 - 0.5) * 0.6
    size = 7 if len(error) <= 1000 else 3
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=1)
    for kind, colour, marker in (("alert", BLUE, "o"), ("fatigue", ORANGE, "^")):
        inside = predictions.is_fatigue == (kind == "fatigue")
        if inside.any():
            axes.scatter(
                (place[person] + nudge)[inside],
                error[inside],
                s=size,
                color=colour,
                marker=marker,
                alpha=0.45,
                linewidths=0,
                label=f"truly {kind}",
                zorder=2,
            )
    half = np.full(len(names), 0.38)
    axes.hlines(
        mean[order], np.arange(len(names)) - half, np.arange(len(names)) + half, color=INK, linewidth=1.4, label="mean"
    )
    limit = min(max(float(np.abs(error).max()) * 1.12, 0.1), 1.05)
    axes.set_ylim(-limit, limit)
    axes.set_xlim(-0.8, len(names) - 0.2)
    axes.set_ylabel("predicted − true score", fontsize=8)
    if len(names) <= _MOST_NAMED:
        labels = [canvas.drawable(_short(str(names[index]))) for index in order]
        axes.set_xticks(np.arange(len(names)), labels, rotation=90, fontsize=5.5, parse_math=False)
        axes.set_xlabel("subject, in order of mean error", fontsize=8)
    else:
        axes.xaxis.set_major_locator(NullLocator())
        axes.set_xlabel(f"{len(names):,} subjects, in order of mean error", fontsize=8)
    legend = axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=3,
        fontsize=6.8,
        frameon=False,
        labelcolor=INK,
        borderaxespad=0.1,
        borderpad=0.2,
        markerscale=1.5,
    )
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set_alpha(1)


def _short(name: str) -> str:
    # The end of a name tells people apart (a number), so both ends are kept.
    return name if len(name) <= _LONGEST_NAME else f"{name[:4]}…{name[5 - _LONGEST_NAME :]}"
