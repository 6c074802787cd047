"""One window in a picture: a contact sheet for print."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from facefatigue.atomic import atomic_path
from facefatigue.explain.drawing import Key, blend, drawn_face, gradient_picture, on_drawn_face
from facefatigue.explain.places import step_between
from facefatigue.explain.regions import REGIONS
from facefatigue.report.style import FAINT, INK, NOT_A_DEVICE, drawable, font

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from facefatigue.explain.attention import Listener
    from facefatigue.explain.attribution import Attribution
    from facefatigue.explain.explainer import Explanation
    from facefatigue.explain.regions import RegionShares

# Okabe and Ito's palette, told apart with any colour vision; the background is grey.
REGION_COLOURS = ("#0072B2", "#56B4E9", "#F0E442", "#D55E00", "#009E73", "#CC79A7", "#b5b5b5")
TARGET_WORDS = {"fatigue": "fatigue", "alert": "alert", "score": "a higher score"}
_UNITS = {"fatigue": "log-odds", "alert": "log-odds", "score": "score"}
_COLUMNS = 8
_DPI = 200
_CELL_IN = 0.86
_LEFT_IN, _RIGHT_IN, _TOP_IN, _PANEL_IN, _FOOT_IN = 0.95, 0.75, 0.62, 1.5, 0.75


@dataclass(frozen=True, kw_only=True, eq=False)
class ExplainedWindow:
    """A window, why it was scored as it was, and what its pictures may show.

    Attributes:
        title: What the source is called in pictures.
        model: Name of the model.
        start_s, end_s: Of the window.
        crops: (T, S, S, 3) uint8 RGB.
        frame_rate_hz: Of the crops.
        explanation: Of these crops.
        hide_identity: Whether a drawn face stands in for the person.
    """

    title: str
    model: str
    start_s: float
    end_s: float
    crops: NDArray[np.uint8]
    frame_rate_hz: float
    explanation: Explanation
    hide_identity: bool = False

    @property
    def time_s(self) -> NDArray[np.float64]:
        """(T,) time of each frame."""
        return np.asarray(self.start_s + np.arange(len(self.crops)) / self.frame_rate_hz)

    def base(self, index: int) -> NDArray[np.uint8]:
        """(S, S, 3) uint8: what heat is laid over."""
        return drawn_face(self.crops.shape[1]) if self.hide_identity else self.crops[index]

    def picture(self, attribution: Attribution, index: int) -> NDArray[np.uint8]:
        """(S, S, 3) uint8: a frame with the heat of an attribution."""
        heat = attribution.heat[index]
        if self.hide_identity:
            heat = on_drawn_face(heat, self.explanation.points[index])
        return blend(self.base(index), heat)

    @property
    def verdict(self) -> str:
        """Score, class and the largest shares, in a line."""
        found = self.explanation
        return f"score {found.score:.2f}, {found.label}; {shares_sentence(found)}"


def shares_sentence(explanation: Explanation) -> str:
    """Which regions speak for the target by the first method, in words."""
    if not explanation.has_target:
        return "attention alone"
    shares = explanation.shares[0]
    what = TARGET_WORDS[explanation.target]
    if not shares.share.any():
        return f"nothing speaks for {what}"
    return f"for {what}: {shares.sentence()}"


def write_sheet(window: ExplainedWindow, path: Path) -> None:
    """Write the contact sheet of a window: frames, a row of heat for each method, shares over time, attention.

    Of each eighth of the window it shows the frame with the highest value by the first method. Every map is shown from 0 to
    its own largest value in the window, which stands beside its row.

    Args:
        window: The window.
        path: A PNG file, written whole or not at all; 200 dpi.

    Raises:
        OutputError: The file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # slow to import
    from matplotlib.figure import Figure

    found = window.explanation
    rows = [entry for entry in found.attributions if _differs_over_space(entry)]
    listener = found.listener if any(entry.method == "attention" for entry in rows) else None
    columns = _telling_frames(found.attributions[0], listener)
    width_in = _LEFT_IN + _RIGHT_IN + _CELL_IN * _COLUMNS
    height_in = _TOP_IN + _CELL_IN * (1 + len(rows)) + _FOOT_IN + _PANEL_IN + 0.35
    figure = Figure(figsize=(width_in, height_in), facecolor="white")
    FigureCanvasAgg(figure)
    grid = _Grid(figure, width_in, height_in)
    for column, index in enumerate(columns):
        axes = grid.cell(0, column, window.base(index))
        axes.set_title(f"{window.time_s[index]:.1f} s", fontsize=7, color=INK, pad=2)
    for row, attribution in enumerate(rows, start=1):
        pictures = None if attribution.colour is None else gradient_picture(attribution.colour)
        for column, index in enumerate(columns):
            axes = grid.cell(row, column, window.picture(attribution, index) if pictures is None else pictures[index])
            if attribution.method == "attention":
                _mark_listener(axes, window, index)
        grid.name(row, _row_name(window, attribution))
        grid.key(row, Key.of(attribution))
    _draw_panels(grid, window)
    _write_words(figure, window, width_in, height_in)
    with atomic_path(path) as partial:
        figure.savefig(partial, dpi=_DPI, metadata={"Software": "facefatigue"})


def _telling_frames(first: Attribution, listener: Listener | None) -> list[int]:
    """Of each eighth of the window the frame with the highest value, or the one that listens."""
    peaks = first.values.max(axis=(1, 2))
    bounds = np.linspace(0, len(peaks), _COLUMNS + 1).round().astype(int)
    frames = []
    for begin, end in pairwise(bounds.tolist()):
        if listener is not None and begin <= listener.frame < end:
            frames.append(listener.frame)
        elif begin < end:
            frames.append(begin + int(peaks[begin:end].argmax()))
    return frames


def _row_name(window: ExplainedWindow, attribution: Attribution) -> str:
    listener = window.explanation.listener
    if attribution.method != "attention" or listener is None:
        return attribution.method.replace("@", "\n@ ").replace("integrated-", "integrated-\n")
    place = listener.place or f"x {listener.x:.0f}, y {listener.y:.0f}"
    return f"attention\nfrom {place}\nat {window.time_s[listener.frame]:.1f} s"


def _mark_listener(axes: Axes, window: ExplainedWindow, index: int) -> None:
    """A ring around the place that listens; on the drawn face its name has to do."""
    listener = window.explanation.listener
    if listener is not None and listener.frame == index and not window.hide_identity:
        axes.autoscale(enable=False)
        for colour, width in ((INK, 2.0), ("white", 1.0)):
            axes.plot(listener.x, listener.y, "o", markersize=7, fillstyle="none", color=colour, markeredgewidth=width)


class _Grid:
    """Places axes in inches from the top left."""

    def __init__(self, figure: Figure, width_in: float, height_in: float) -> None:
        self.figure, self._width_in, self._height_in = figure, width_in, height_in

    def place(self, left_in: float, top_in: float, wide_in: float, high_in: float) -> Axes:
        """Axes there."""
        return self.figure.add_axes(
            (
                left_in / self._width_in,
                1 - (top_in + high_in) / self._height_in,
                wide_in / self._width_in,
                high_in / self._height_in,
            )
        )

    def cell(self, row: int, column: int, picture: NDArray[np.uint8]) -> Axes:
        """A picture in the grid."""
        gap = 0.02
        axes = self.place(_LEFT_IN + column * _CELL_IN, _TOP_IN + row * _CELL_IN, _CELL_IN - gap, _CELL_IN - gap)
        axes.imshow(picture, interpolation="nearest")
        axes.set_axis_off()
        return axes

    def name(self, row: int, text: str) -> None:
        """What a row shows."""
        y = 1 - (_TOP_IN + (row + 0.5) * _CELL_IN) / self._height_in
        self.figure.text(0.08 / self._width_in, y, text, fontsize=6.5, color=INK, va="center", parse_math=False)

    def key(self, row: int, key: Key) -> None:
        """The colours of a row, with the values that they stand for."""
        left_in = self._width_in - _RIGHT_IN + 0.08
        axes = self.place(left_in, _TOP_IN + row * _CELL_IN + 0.08, 0.09, _CELL_IN - 0.2)
        axes.imshow(key.colours[::-1, None], aspect="auto", extent=(0, 1, 0, 1))
        axes.set_xticks([])
        axes.yaxis.tick_right()
        places, texts = zip(*key.values(), strict=True)
        axes.set_yticks(places, texts)
        axes.tick_params(labelsize=5.5, length=1.5, width=0.4, pad=1, labelcolor=INK)


def _draw_panels(grid: _Grid, window: ExplainedWindow) -> None:
    """Shares over the time of the window, and beside them who listens to whom."""
    found = window.explanation
    top_in = _TOP_IN + _CELL_IN * (1 + sum(_differs_over_space(entry) for entry in found.attributions)) + 0.35
    room_in = _CELL_IN * _COLUMNS
    square_in = 0.0 if found.listening is None else _PANEL_IN + 0.9
    axes = grid.place(_LEFT_IN, top_in, room_in - square_in - 0.95, _PANEL_IN)
    stacked_shares(axes, window.time_s, found.shares[0], (window.start_s, window.end_s))
    axes.set_title(f"shares over time ({found.attributions[0].method})", fontsize=7, color=INK, loc="left", pad=3)
    if found.listening is None:
        return
    axes = grid.place(_LEFT_IN + room_in - _PANEL_IN, top_in, _PANEL_IN, _PANEL_IN)
    # A moment of the block is centred at a frame, as its places are at pixels.
    moments = len(found.listening)
    step_s = step_between(moments, len(window.crops)) / window.frame_rate_hz
    begin_s, end_s = window.start_s - step_s / 2, window.start_s + (moments - 0.5) * step_s
    extent = (begin_s, end_s, end_s, begin_s)
    axes.imshow(found.listening, cmap="inferno", vmin=0, extent=extent, interpolation="nearest", aspect="auto")
    _style(axes)
    if found.listener is not None:
        time_s = window.time_s[found.listener.frame]
        text = f"{time_s:.1f} s\n{found.listener.place}".strip()
        beside = axes.get_yaxis_transform()
        axes.autoscale(enable=False)
        axes.plot(1.04, time_s, "<", markersize=3.5, color=INK, transform=beside, clip_on=False)
        axes.text(1.08, time_s, text, fontsize=6.5, color=INK, va="center", transform=beside)
    change = next(entry.facts["change"] for entry in found.attributions if entry.method == "attention")
    title = f"attention (the block changes its input by {100 * change:.0f} %)"
    axes.set_title(title, fontsize=6.5, color=INK, loc="right", pad=3)
    axes.set_ylabel("from (s)", fontsize=6.5, color=INK, labelpad=2)
    axes.set_xlabel(f"to (s); lightest {found.listening.max():.2f}", fontsize=6.5, color=INK, labelpad=2)


def stacked_shares(axes: Axes, time_s: NDArray[np.float64], shares: RegionShares, ends_s: tuple[float, float]) -> None:
    """Draw the shares of the regions over time, stacked, with their names and totals at the right.

    Args:
        axes: Where to.
        time_s: (T,) seconds.
        shares: Over these times.
        ends_s: Where the axis begins and ends.
    """
    per_frame = shares.over_time * len(time_s)
    lasting = np.vstack([per_frame, per_frame[-1]])  # a step ends where the next one begins, the last one with the window
    axes.stackplot(np.append(time_s, ends_s[1]), lasting.T, colors=REGION_COLOURS, linewidth=0, step="post")
    axes.set_xlim(*ends_s)
    axes.set_ylim(0, max(float(per_frame.sum(axis=1).max()) * 1.05, 1e-6))
    _style(axes)
    axes.set_xlabel("time (s)", fontsize=6.5, color=INK, labelpad=2)
    axes.set_ylabel("attribution / mean", fontsize=6.5, color=INK, labelpad=2)
    for number, name in enumerate(REGIONS):
        y = 1 - (number + 0.5) / len(REGIONS)
        axes.text(1.02, y, "■", transform=axes.transAxes, fontsize=8, color=REGION_COLOURS[number], va="center")
        text = f"{100 * shares.share[number]:.0f} % {name}"
        axes.text(1.055, y, text, transform=axes.transAxes, fontsize=6.5, color=INK, va="center")


def _style(axes: Axes) -> None:
    axes.tick_params(labelsize=6, length=2, width=0.5, color=FAINT, labelcolor=INK, pad=1.5)
    for spine in axes.spines.values():
        spine.set_linewidth(0.5)
        spine.set_color(FAINT)


def _write_words(figure: Figure, window: ExplainedWindow, width_in: float, height_in: float) -> None:
    bold, plain = font(size=9, weight="bold"), font(size=8)
    lines: list[tuple[str, float, Any]] = [
        (f"{window.title}, {window.start_s:.1f} to {window.end_s:.1f} s", 0.14, bold),
        (window.verdict, 0.31, plain),
    ]
    for text, top_in, properties in lines:
        figure.text(
            0.08 / width_in, 1 - top_in / height_in, drawable(text, properties), fontproperties=properties,
            color=INK, va="center", parse_math=False,
        )  # fmt: skip
    found = window.explanation
    unit = f"{_UNITS[found.target]} for a pixel of a frame"
    notes = f"light: speaks for {TARGET_WORDS[found.target]}; each row to its own largest value, in {unit}"
    notes += "; of each eighth of the window the frame with the highest value"
    below = [window.model, NOT_A_DEVICE]
    if found.has_target and found.shares[0].beside_the_face:
        below.append("warning: no more on the face than chance")
    elif found.has_target and found.shares[0].background_leads:
        below.append("warning: the background has the largest share")
    for text, bottom_in in ((notes, 0.23), (" · ".join(below), 0.1)):
        figure.text(0.08 / width_in, bottom_in / height_in, text, fontsize=6, color=FAINT, va="center", parse_math=False)


def _differs_over_space(attribution: Attribution) -> bool:
    spans = np.ptp(attribution.values, axis=(1, 2))
    return bool((spans > 1e-4 * np.abs(attribution.values).max()).any())  # beyond rounding
