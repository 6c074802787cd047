"""The timeline as a picture one would put in a paper: 300 dpi PNG, or PDF or SVG, by suffix."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.atomic import atomic_path
from facefatigue.errors import UsageError
from facefatigue.report.cells import (
    abstained_spans,
    axis_end_s,
    axis_step_s,
    clock_text,
    clock_unit,
    duration_text,
    timeline_cells,
    why_nothing,
)
from facefatigue.report.names import display_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

    from facefatigue.estimate.report import FaceReport, Report
    from facefatigue.report.cells import Cell

# Okabe and Ito's palette, told apart with any colour vision and in grey.
COLOURS = {"alert": "#0072B2", "fatigue": "#D55E00", "abstain": "#8a8a8a"}
NOT_A_DEVICE = "not a medical or safety device"

_MAX_FACES = 12
_WIDTH_IN = 7.2  # two columns of most journals
_INK = "#222222"
_FAINT = "#6b6b6b"
_BAND = "#d9dde2"
# Fonts with Chinese, Japanese or Korean, or symbols, that systems ship; DejaVu comes with matplotlib.
_FAMILIES = (
    "DejaVu Sans",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Source Han Sans",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "IPAGothic",
    "Hiragino Sans",
    "PingFang SC",
    "Apple SD Gothic Neo",
    "Yu Gothic",
    "Microsoft YaHei",
    "Malgun Gothic",
    "Arial Unicode MS",
)


def draw_timeline(report: Report, path: Path) -> None:
    """Draw the score of each face over time, with the 95 % interval of its mean, and save it.

    Windows are segments in the colour of their class, connected only where they touch; stretches that abstain are
    hatched and named; a gap stays empty. With more than a few hundred windows neighbours are drawn as their mean and
    range. Up to 12 faces are drawn, one below the other, those with most windows.

    Args:
        report: What to draw; no face or no window gives a picture that says why.
        path: Where to, ending in .png, .pdf or .svg.

    Raises:
        UsageError: Another suffix.
        OutputError: The picture cannot be written.
    """
    if path.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise UsageError(f"{path}: a timeline is written as .png, .pdf or .svg")
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # slow to import
    from matplotlib.figure import Figure

    most = sorted(report.faces, key=lambda face: len(face.windows), reverse=True)[:_MAX_FACES]
    faces = sorted(most, key=lambda face: face.track)
    panels = max(len(faces), 1)
    panel_in = {1: 2.2, 2: 1.6, 3: 1.3}.get(panels, 0.95)
    spacing_in = 0.34
    top_in, bottom_in = 0.76, 0.72
    height_in = top_in + bottom_in + panels * panel_in + (panels - 1) * spacing_in
    figure = Figure(figsize=(_WIDTH_IN, height_in), dpi=300, facecolor="white")
    FigureCanvasAgg(figure)
    end_s = axis_end_s(report)
    for index in range(panels):
        bottom = bottom_in + (panels - 1 - index) * (panel_in + spacing_in)
        axes = figure.add_axes((0.085, bottom / height_in, 0.875, panel_in / height_in))
        _style(axes, end_s, last=index == panels - 1, compact=panels > 3)
        if faces:
            _draw_face(axes, report, faces[index], end_s)
        else:
            _say(axes, why_nothing(report))
    _write_around(figure, report, height_in, hidden=len(report.faces) - len(faces))
    with atomic_path(path) as partial:
        figure.savefig(partial, dpi=300)


def _style(axes: Axes, end_s: float, *, last: bool, compact: bool) -> None:
    step_s = axis_step_s(end_s)
    ticks = [index * step_s for index in range(int(end_s / step_s + 1e-9) + 1)]
    axes.set_xlim(0, end_s)
    axes.set_ylim(0, 1)
    axes.set_xticks(ticks, [clock_text(tick, end_s=end_s) for tick in ticks] if last else [""] * len(ticks))
    axes.set_yticks([0, 0.5, 1] if compact else [0, 0.25, 0.5, 0.75, 1], ["0", "0.5", "1"] if compact else None)
    axes.tick_params(labelsize=7.5, length=3, width=0.6, color=_FAINT, labelcolor=_INK, direction="out")
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_linewidth(0.6)
        spine.set_color(_FAINT)
    axes.axhline(0.5, color=_INK, linewidth=0.7, linestyle=(0, (5, 4)), zorder=1.5)
    axes.set_ylabel("score" if compact else "fatigue score", fontsize=8, color=_INK)
    if last:
        axes.set_xlabel(f"time ({clock_unit(end_s)})", fontsize=8, color=_INK)


def _draw_face(axes: Axes, report: Report, face: FaceReport, end_s: float) -> None:
    from matplotlib.collections import LineCollection

    title = [f"face {face.track}"] if len(report.faces) > 1 or face.track else []
    scored = sum(window.score is not None for window in face.windows)
    if face.score is None:
        title.append("abstain")
    else:
        low, high = face.score_interval or (face.score, face.score)
        title.append(f"{face.label}  ·  mean {face.score:.2f} (95 % interval {low:.2f} – {high:.2f})")
    if face.windows:
        title.append(f"{scored:,} of {len(face.windows):,} windows scored")
    axes.set_title("  ·  ".join(title), fontsize=7.5, color=_INK, loc="left", pad=4)
    cells = timeline_cells(face)
    shown = [(cell, cell.score) for cell in cells if cell.score is not None]
    if shown and face.score is not None and face.score_interval is not None:
        low, high = face.score_interval
        extent_s = [shown[0][0].start_s, shown[-1][0].end_s]
        axes.fill_between(extent_s, low, high, color=_BAND, linewidth=0, zorder=0.8)
        axes.plot(extent_s, [face.score] * 2, color="#8d96a1", linewidth=0.9, zorder=1.6)
    _hatch(axes, cells, end_s)
    for cell, _ in shown:
        if cell.high > cell.low:
            colour = COLOURS[cell.label]
            axes.fill_between(
                [cell.start_s, cell.end_s], cell.low, cell.high, color=colour, alpha=0.3, linewidth=0, zorder=2
            )
    heavy = 1.1 if len(cells) > 120 else 2.2
    lines = [np.array([(cell.start_s, score), (cell.end_s, score)]) for cell, score in shown]
    colours = [COLOURS[cell.label] for cell, _ in shown]
    axes.add_collection(LineCollection(lines, colors=colours, linewidths=heavy, capstyle="butt", zorder=3))
    risers = [
        np.array([(cell.start_s, before), (cell.start_s, score)])
        for (_, before), (cell, score) in pairwise(shown)
        if cell.joined
    ]
    axes.add_collection(LineCollection(risers, colors="#9a9a9a", linewidths=0.6, zorder=2.5))
    if not shown and not any(window.score is None for window in face.windows):
        _say(axes, why_nothing(report, face))


def _hatch(axes: Axes, cells: Sequence[Cell], end_s: float) -> None:
    size = axes.get_window_extent()
    points_a_second = size.width / axes.figure.dpi * 72 / end_s
    for span in abstained_spans(cells):
        axes.axvspan(span.start_s, span.end_s, facecolor="#f1f1f1", edgecolor="#c9c9c9", hatch="////", linewidth=0, zorder=1)
        room = (span.end_s - span.start_s) * points_a_second
        if room < 4 * len(span.reason) + 4 and (room < 9 or size.height / axes.figure.dpi * 72 < 4 * len(span.reason) + 6):
            continue
        axes.text(
            (span.start_s + span.end_s) / 2,
            0.5,
            span.reason,
            rotation=0 if room >= 4 * len(span.reason) + 4 else 90,
            fontsize=6.5,
            color="#4a4a4a",
            ha="center",
            va="center",
            zorder=4,
            bbox={"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
        )


def _say(axes: Axes, text: str) -> None:
    axes.text(
        0.5, 0.72, text, transform=axes.transAxes, fontsize=8.5, color=_INK, ha="center", va="center", parse_math=False
    )


def _write_around(figure: Figure, report: Report, height_in: float, *, hidden: int) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    def y(from_top_in: float) -> float:
        return 1 - from_top_in / height_in

    name = display_name(report.source.path)
    bold = _font(weight="bold", size=9.5)
    figure.text(
        0.02, y(0.17), _drawable(_clipped(name, 84), bold), fontproperties=bold, va="center", parse_math=False, color=_INK
    )
    plain = _font(size=7.5)
    model = f"{report.model.name} {report.model.version} ({report.model.engine})"
    facts = f"{model}  ·  {duration_text(report.source.duration_s)}, {report.source.frames:,} frames"
    if hidden > 0:
        facts += f"  ·  {hidden} more faces not drawn"
    figure.text(0.02, y(0.36), _drawable(facts, plain), fontproperties=plain, va="center", color=_FAINT, parse_math=False)
    labels = {window.label for face in report.faces for window in face.windows}
    handles: list[Artist] = [
        Line2D([], [], color=COLOURS[label], linewidth=2.2, label=label) for label in ("alert", "fatigue") if label in labels
    ]
    if "abstain" in labels:
        handles.append(Patch(facecolor="#f1f1f1", edgecolor="#b5b5b5", hatch="////", linewidth=0, label="abstain"))
    if any(face.score_interval for face in report.faces):
        handles.append(Patch(facecolor=_BAND, linewidth=0, label="95 % interval of the mean"))
    figure.legend(
        handles=handles,
        loc="center right",
        bbox_to_anchor=(0.975, y(0.36)),
        ncols=4,
        frameon=False,
        fontsize=7,
        labelcolor=_INK,
        handlelength=1.6,
        columnspacing=1.2,
        borderpad=0,
        borderaxespad=0,
    )
    figure.text(0.96, 0.11 / height_in, f"facefatigue  ·  {NOT_A_DEVICE}", fontsize=6, color=_FAINT, ha="right", va="center")


def _clipped(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 12]}…{text[-11:]}"


def _font(*, size: float, weight: str = "normal") -> FontProperties:
    from matplotlib import font_manager

    there = set(font_manager.get_font_names())
    return font_manager.FontProperties(family=[name for name in _FAMILIES if name in there], size=size, weight=weight)


def _drawable(text: str, font: FontProperties) -> str:
    """The text with a box in place of every character that no font at hand can draw."""
    from matplotlib import font_manager

    known: set[int] = set()
    for family in font.get_family():
        one = font_manager.FontProperties(family=[family], weight=font.get_weight())
        known |= set(font_manager.get_font(font_manager.findfont(one)).get_charmap())
    return "".join(char if ord(char) in known else "□" for char in text)
