"""The look that all pictures of an evaluation share."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette, told apart with any colour vision and in grey.
BLUE = "#0072B2"
ORANGE = "#D55E00"
INK = "#222222"
FAINT = "#6b6b6b"
GREY = "#8a8a8a"

_LEFT_IN, _RIGHT_IN = 0.62, 0.14
_TOP_IN, _BOTTOM_IN = 0.64, 0.72


class Canvas:
    """A figure with room for a title above, a line of provenance below, and axes between, all placed in inches.

    Args:
        width_in: Width in inches.
        height_in: Height in inches.

    Attributes:
        figure: The matplotlib figure.
        second_line: Written under the title, after what :meth:`write_above` is given; may be empty.
    """

    def __init__(self, *, width_in: float, height_in: float) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # slow to import
        from matplotlib.figure import Figure

        self._width_in, self._height_in = width_in, height_in
        self.figure = Figure(figsize=(width_in, height_in), facecolor="white")
        FigureCanvasAgg(self.figure)
        self.second_line = ""

    def square(self, title: str) -> Axes:
        """Axes that are as wide as the picture allows and as high as wide."""
        self._title(title)
        side_in = self._width_in - _LEFT_IN - _RIGHT_IN
        return self._axes(_BOTTOM_IN, side_in)

    def square_over_strip(self, title: str) -> tuple[Axes, Axes]:
        """Axes above, and flat ones below on the same x axis."""
        self._title(title)
        strip_in, gap_in = 0.5, 0.1
        high_in = self._height_in - _TOP_IN - _BOTTOM_IN - strip_in - gap_in
        return self._axes(_BOTTOM_IN + strip_in + gap_in, high_in), self._axes(_BOTTOM_IN, strip_in)

    def wide(self, title: str) -> Axes:
        """Axes that fill the picture, with room for names below."""
        self._title(title)
        bottom_in = _BOTTOM_IN + 0.27
        return self._axes(bottom_in, self._height_in - _TOP_IN - bottom_in)

    def write_above(self, text: str) -> None:
        """Write what the picture shows under its title."""
        for line, words in enumerate(words for words in (text, self.second_line) if words):
            self._write(words, y_in=self._height_in - 0.33 - 0.14 * line, size=6.8)

    def write_below(self, text: str) -> None:
        """Write how it was measured at the bottom, in at most two lines."""
        room = int((self._width_in - 0.24) * 72 / 2.6)
        lines = textwrap.wrap(text, room, max_lines=2, placeholder=" …")
        for line, words in enumerate(lines):
            self._write(words, y_in=0.08 + 0.09 * (len(lines) - 1 - line), size=5)

    def drawable(self, text: str) -> str:
        """The text with a box in place of every character that the font has not."""
        from matplotlib import font_manager

        known = font_manager.get_font(
            font_manager.findfont(font_manager.FontProperties(family=["DejaVu Sans"]))
        ).get_charmap()
        return "".join(char if ord(char) in known else "□" for char in text)

    def _axes(self, bottom_in: float, height_in: float) -> Axes:
        width_in = self._width_in - _LEFT_IN - _RIGHT_IN
        axes = self.figure.add_axes(
            (
                _LEFT_IN / self._width_in,
                bottom_in / self._height_in,
                width_in / self._width_in,
                height_in / self._height_in,
            )
        )
        axes.tick_params(labelsize=7, length=3, width=0.6, color=FAINT, labelcolor=INK)
        for side, spine in axes.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_linewidth(0.6)
            spine.set_color(FAINT)
        return axes

    def _title(self, text: str) -> None:
        self.figure.text(
            0.12 / self._width_in,
            1 - 0.15 / self._height_in,
            text,
            fontsize=9,
            fontweight="bold",
            family="DejaVu Sans",
            color=INK,
            va="center",
        )

    def _write(self, text: str, *, y_in: float, size: float) -> None:
        self.figure.text(
            0.12 / self._width_in,
            y_in / self._height_in,
            self.drawable(text),
            fontsize=size,
            family="DejaVu Sans",
            color=FAINT,
            va="center",
            parse_math=False,
        )
