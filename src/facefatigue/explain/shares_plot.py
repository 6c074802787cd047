"""Shares of face regions over the windows of a video, in a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facefatigue.atomic import atomic_path
from facefatigue.explain.regions import REGIONS
from facefatigue.explain.sheet import REGION_COLOURS, TARGET_WORDS
from facefatigue.report.style import COLOURS, FAINT, INK, LEFT, NOT_A_DEVICE, WIDTH_IN, drawable, font, style_axes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from facefatigue.explain.summary import WindowSummary

_HEIGHT_IN = 3.2
_RIGHT = 0.82
_DPI = 200
_SAME_S = 1e-6


def draw_shares(title: str, windows: Sequence[WindowSummary], path: Path) -> None:
    """Draw the score of every window above, and below which regions speak for the target, each window's shares to 100 %.

    Args:
        title: Of the source.
        windows: At least one, in order of time; the first method's shares are drawn.
        path: A PNG file, written whole or not at all; 200 dpi.

    Raises:
        OutputError: The file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # slow to import
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_IN, _HEIGHT_IN), facecolor="white")
    FigureCanvasAgg(figure)
    end_s = windows[-1].end_s
    edges, numbers = _steps(windows)
    above = figure.add_axes((LEFT, 0.68, _RIGHT - LEFT, 0.18))
    for label in dict.fromkeys(window.label for window in windows):
        scores = np.array([window.score if window.label == label else 0.0 for window in windows])
        above.stairs(np.where(numbers < 0, 0, scores[numbers]), edges, fill=True, color=COLOURS[label], linewidth=0)
    above.axhline(0.5, color=FAINT, linewidth=0.5, linestyle=(0, (3, 3)))
    above.set_ylim(0, 1)
    above.set_ylabel("score", fontsize=8, color=INK)
    style_axes(above, end_s, last=False)
    below = figure.add_axes((LEFT, 0.19, _RIGHT - LEFT, 0.44))
    bottom = np.zeros(len(windows))
    for number, name in enumerate(REGIONS):
        shares = np.array([100 * window.methods[0].shares[name] for window in windows])
        heights, under = (np.where(numbers < 0, 0, values[numbers]) for values in (shares, bottom))
        below.stairs(under + heights, edges, baseline=under, fill=True, color=REGION_COLOURS[number], linewidth=0)
        bottom += shares
        y = 0.19 + 0.44 * (1 - (number + 0.5) / len(REGIONS))
        figure.text(_RIGHT + 0.012, y, "■", fontsize=9, color=REGION_COLOURS[number], va="center")
        figure.text(_RIGHT + 0.032, y, f"{np.mean(shares):.0f} % {name}", fontsize=7.5, color=INK, va="center")
    below.set_ylim(0, 100)
    below.set_ylabel("share (%)", fontsize=8, color=INK)
    style_axes(below, end_s, last=True)
    bold = font(size=10, weight="bold")
    figure.text(LEFT, 0.93, drawable(title, bold), fontproperties=bold, color=INK, va="center", parse_math=False)
    method = windows[0].methods[0].method
    targets = " or ".join(dict.fromkeys(TARGET_WORDS[window.target] for window in windows))
    note = f"what speaks for {targets} ({method}); means over the windows at the right · {NOT_A_DEVICE}"
    figure.text(LEFT, 0.025, note, fontsize=6.5, color=FAINT, va="center")
    with atomic_path(path) as partial:
        figure.savefig(partial, dpi=_DPI, metadata={"Software": "facefatigue"})


def _steps(windows: Sequence[WindowSummary]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Edges (N + 1,) of steps over time, and (N,) which window fills each, -1 for none.

    Drawn as steps, a region is one shape however many windows there are; a bar for each would take memory without bounds.
    """
    edges, numbers = [windows[0].start_s], list[int]()
    for number, window in enumerate(windows):
        if window.start_s > edges[-1] + _SAME_S:
            edges.append(window.start_s)
            numbers.append(-1)
        edges.append(window.end_s)
        numbers.append(number)
    return np.array(edges, np.float64), np.array(numbers, np.int64)
