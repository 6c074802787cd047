"""The timeline as a picture one would put in a paper: 300 dpi PNG, or PDF or SVG, by suffix."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.atomic import atomic_path
from facefatigue.errors import UsageError
from facefatigue.report.cells import abstained_spans, axis_end_s, duration_text, nobody, timeline_cells, why_nothing
from facefatigue.report.estimates import estimate_rows
from facefatigue.report.face_signs import FaceSigns
from facefatigue.report.names import display_name
from facefatigue.report.sign_panels import Panel, sign_panels
from facefatigue.report.style import (
    BAND,
    COLOURS,
    FAINT,
    INK,
    LEFT,
    NOT_A_DEVICE,
    RIGHT,
    WIDTH_IN,
    clipped,
    drawable,
    font,
    hatch,
    say,
    style_axes,
)
from facefatigue.report.usual_panel import usual_panel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from facefatigue.estimate.report import FaceReport, Report, SourceInfo
    from facefatigue.signs import SignSeries

_MAX_FACES = 12
_MAX_FACES_WITH_SIGNS = 6
_TOP_IN, _BOTTOM_IN = 0.76, 0.72
_TOP_WITHOUT_LEGEND_IN = 0.5
_BETWEEN_FACES_IN = 0.34


def draw_timeline(report: Report, path: Path, *, sign_series: Mapping[int, SignSeries] | None = None) -> None:
    """Draw the score of each face over time, with the 95 % interval of its mean, its signs below it, and save the picture.

    Windows are segments in the colour of their class, connected only where they touch; stretches that abstain are
    hatched and named; a gap stays empty. With more than a few hundred windows neighbours are drawn as their mean and
    range. Of a face whose signs were measured there follow, on the same time axis, the opening of the eyes with a mark a
    blink, PERCLOS, and lanes of microsleeps, yawns and nods; of a sign that could not be measured, a grey line says why.
    Below the time axis of a single face stand the two estimates and the signs beside what is usual. Up to 12 faces are drawn
    (6 with signs), one below the other, those with most windows.

    Args:
        report: What to draw; no face or no window gives a picture that says why.
        path: Where to, ending in .png, .pdf or .svg.
        sign_series: By track, what signs were measured from; without it the course of the lids is left out.

    Raises:
        UsageError: Another suffix.
        OutputError: The picture cannot be written.
    """
    _check(path)
    with_signs = any(face.signs is not None for face in report.faces)
    most = _MAX_FACES_WITH_SIGNS if with_signs else _MAX_FACES
    busiest = sorted(report.faces, key=lambda face: len(face.windows), reverse=True)[:most]
    faces = sorted(busiest, key=lambda face: face.track)
    end_s = axis_end_s(report)
    compact = len(faces) > 3
    height_in = {0: 2.2, 1: 2.2, 2: 1.6, 3: 1.3}.get(len(faces), 0.95)
    blocks: list[list[Panel]] = []
    for face in faces:
        draw = partial(_draw_face, report, face, end_s, compact)
        blocks.append([Panel(height_in=height_in, above_in=0, draw=draw)])
        if face.signs is not None:
            signs = FaceSigns(track=face.track, signs=face.signs, series=(sign_series or {}).get(face.track))
            blocks[-1] += sign_panels(signs, end_s, compact=len(faces) > 1)
        if len(faces) == 1 and (panel := usual_panel(face.fusion, face.comparison)) is not None:
            blocks[-1].append(panel)
    nothing = partial(_draw_nothing, why_nothing(report))
    figure = _lay_out(blocks or [[Panel(height_in=height_in, above_in=0, draw=nothing)]], end_s)
    model = f"{report.model.name} {report.model.version} ({report.model.engine})"
    _write_around(figure, report.source, model, hidden=len(report.faces) - len(faces), handles=_handles(report))
    _save(figure, path)


def draw_signs(source: SourceInfo, faces: Sequence[FaceSigns], path: Path) -> None:
    """Draw the signs of each face over time, without scores, and save the picture.

    Args:
        source: What was read.
        faces: The signs; up to 6 are drawn, those that were read longest. None give a picture that says so.
        path: Where to, ending in .png, .pdf or .svg.

    Raises:
        UsageError: Another suffix.
        OutputError: The picture cannot be written.
    """
    _check(path)
    longest = sorted(faces, key=lambda face: face.number("coverage") or 0.0, reverse=True)[:_MAX_FACES_WITH_SIGNS]
    shown = sorted(longest, key=lambda face: face.track)
    end_s = max([source.duration_s, 0.001, *(face.number("end_s") or 0.0 for face in shown)])
    blocks = [sign_panels(face, end_s, compact=len(shown) > 1) for face in shown]
    if len(shown) == 1 and (panel := usual_panel(None, shown[0].comparison)) is not None:
        blocks[0].append(panel)
    if len(faces) > 1:
        blocks = [[_titled(first, f"face {face.track}"), *rest] for face, (first, *rest) in zip(shown, blocks, strict=True)]
    nothing = partial(_draw_nothing, nobody(source))
    figure = _lay_out(blocks or [[Panel(height_in=1.0, above_in=0.2, draw=nothing)]], end_s, top_in=_TOP_WITHOUT_LEGEND_IN)
    _write_around(figure, source, "signs of fatigue", hidden=len(faces) - len(shown), handles=[])
    _save(figure, path)


def _check(path: Path) -> None:
    if path.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise UsageError(f"{path}: a timeline is written as .png, .pdf or .svg")


def _save(figure: Figure, path: Path) -> None:
    with atomic_path(path) as partly:
        figure.savefig(partly, dpi=300)


def _lay_out(blocks: Sequence[Sequence[Panel]], end_s: float, *, top_in: float = _TOP_IN) -> Figure:
    """A figure as high as its panels need, with all of them drawn."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # slow to import
    from matplotlib.figure import Figure

    height_in = top_in + _BOTTOM_IN + (len(blocks) - 1) * _BETWEEN_FACES_IN
    height_in += sum(panel.above_in + panel.height_in for block in blocks for panel in block)
    figure = Figure(figsize=(WIDTH_IN, height_in), dpi=300, facecolor="white")
    FigureCanvasAgg(figure)
    y_in = height_in - top_in + _BETWEEN_FACES_IN
    last = [panel for panel in blocks[-1] if panel.timed][-1]
    for block in blocks:
        y_in -= _BETWEEN_FACES_IN
        for panel in block:
            y_in -= panel.above_in + panel.height_in
            axes = figure.add_axes((LEFT, y_in / height_in, RIGHT - LEFT, panel.height_in / height_in))
            if panel.timed:
                style_axes(axes, end_s, last=panel is last)
            panel.draw(axes)
    return figure


def _titled(panel: Panel, title: str) -> Panel:
    def draw(axes: Axes) -> None:
        panel.draw(axes)
        axes.annotate(
            title, (0, 1), xycoords="axes fraction", xytext=(0, 72 * panel.above_in - 3), textcoords="offset points",
            fontsize=7.5, color=INK,
        )  # fmt: skip

    return replace(panel, above_in=panel.above_in + 0.12, draw=draw)


def _draw_nothing(why: str, axes: Axes) -> None:
    _style_score(axes, compact=False)
    say(axes, why)


def _style_score(axes: Axes, *, compact: bool) -> None:
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1] if compact else [0, 0.25, 0.5, 0.75, 1], ["0", "0.5", "1"] if compact else None)
    axes.axhline(0.5, color=INK, linewidth=0.7, linestyle=(0, (5, 4)), zorder=1.5)
    axes.set_ylabel("score" if compact else "fatigue score", fontsize=8, color=INK)


def _draw_face(report: Report, face: FaceReport, end_s: float, compact: bool, axes: Axes) -> None:
    from matplotlib.collections import LineCollection

    _style_score(axes, compact=compact)
    axes.set_title(_title(report, face), fontsize=7.5, color=INK, loc="left", pad=4)
    cells = timeline_cells(face)
    shown = [(cell, cell.score) for cell in cells if cell.score is not None]
    if shown and face.score is not None and face.score_interval is not None:
        low, high = face.score_interval
        extent_s = [shown[0][0].start_s, shown[-1][0].end_s]
        axes.fill_between(extent_s, low, high, color=BAND, linewidth=0, zorder=0.8)
        axes.plot(extent_s, [face.score] * 2, color="#8d96a1", linewidth=0.9, zorder=1.6)
    hatch(axes, abstained_spans(cells), end_s)
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
        say(axes, why_nothing(report, face))


def _title(report: Report, face: FaceReport) -> str:
    words = [f"face {face.track}"] if len(report.faces) > 1 or face.track else []
    if face.score is None:
        words.append("abstain")
    else:
        low, high = face.score_interval or (face.score, face.score)
        words.append(f"{face.label}  ·  mean {face.score:.2f} (95 % interval {low:.2f} – {high:.2f})")
    if face.windows:
        scored = sum(window.score is not None for window in face.windows)
        words.append(f"{scored:,} of {len(face.windows):,} windows scored")
    if len(report.faces) > 1 and face.fusion is not None and face.fusion.get("signs") is not None:
        words.append(f"with blinks {estimate_rows(face.fusion)[-1].text}")
    return "  ·  ".join(words)


def _handles(report: Report) -> list[Artist]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    labels = {window.label for face in report.faces for window in face.windows}
    handles: list[Artist] = [
        Line2D([], [], color=COLOURS[label], linewidth=2.2, label=label) for label in ("alert", "fatigue") if label in labels
    ]
    if "abstain" in labels:
        handles.append(Patch(facecolor="#f1f1f1", edgecolor="#b5b5b5", hatch="////", linewidth=0, label="abstain"))
    if any(face.score_interval for face in report.faces):
        handles.append(Patch(facecolor=BAND, linewidth=0, label="95 % interval of the mean"))
    return handles


def _write_around(figure: Figure, source: SourceInfo, what: str, *, hidden: int, handles: Sequence[Artist]) -> None:
    height_in = figure.get_figheight()

    def y(from_top_in: float) -> float:
        return 1 - from_top_in / height_in

    name = display_name(source.path)
    bold = font(weight="bold", size=9.5)
    figure.text(
        0.02, y(0.17), drawable(clipped(name, 84), bold), fontproperties=bold, va="center", parse_math=False, color=INK
    )
    plain = font(size=7.5)
    facts = f"{what}  ·  {duration_text(source.duration_s)}, {source.frames:,} frames"
    if hidden > 0:
        facts += f"  ·  {hidden} more faces not drawn"
    figure.text(0.02, y(0.36), drawable(facts, plain), fontproperties=plain, va="center", color=FAINT, parse_math=False)
    figure.legend(
        handles=list(handles),
        loc="center right",
        bbox_to_anchor=(0.975, y(0.36)),
        ncols=4,
        frameon=False,
        fontsize=7,
        labelcolor=INK,
        handlelength=1.6,
        columnspacing=1.2,
        borderpad=0,
        borderaxespad=0,
    )
    figure.text(0.96, 0.11 / height_in, f"facefatigue  ·  {NOT_A_DEVICE}", fontsize=6, color=FAINT, ha="right", va="center")
