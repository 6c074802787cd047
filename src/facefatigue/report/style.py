"""The look that all pictures of a report share: colours that anybody can tell apart, fonts, axes, hatched stretches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefatigue.report.cells import axis_step_s, clock_text, clock_unit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes
    from matplotlib.font_manager import FontProperties

    from facefatigue.report.cells import Span

# Okabe and Ito's palette, told apart with any colour vision and in grey. Every sign has a row or a shape of its own besides.
COLOURS = {"alert": "#0072B2", "fatigue": "#D55E00", "abstain": "#8a8a8a"}
SIGN_COLOURS = {"blinks": "#009E73", "microsleeps": "#CC79A7", "yawns": "#E69F00", "nods": "#56B4E9"}
INK = "#222222"
FAINT = "#6b6b6b"
BAND = "#d9dde2"
NOT_A_DEVICE = "not a medical or safety device"

WIDTH_IN = 7.2  # two columns of most journals
LEFT, RIGHT = 0.085, 0.96  # of the width: where axes begin and end

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


def style_axes(axes: Axes, end_s: float, *, last: bool) -> None:
    """Give axes the time axis of the picture; the last ones below each other carry its numbers.

    Args:
        axes: What to style.
        end_s: Where time ends.
        last: Whether it is written below them.
    """
    step_s = axis_step_s(end_s)
    ticks = [index * step_s for index in range(int(end_s / step_s + 1e-9) + 1)]
    axes.set_xlim(0, end_s)
    axes.set_xticks(ticks, [clock_text(tick, end_s=end_s) for tick in ticks] if last else [""] * len(ticks))
    axes.tick_params(labelsize=7.5, length=3, width=0.6, color=FAINT, labelcolor=INK, direction="out")
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_linewidth(0.6)
        spine.set_color(FAINT)
    if last:
        axes.set_xlabel(f"time ({clock_unit(end_s)})", fontsize=8, color=INK)


def hatch(axes: Axes, spans: Iterable[Span], end_s: float, *, y: float = 0.5) -> None:
    """Hatch stretches without a measurement over the full height, each with its reason where there is room for it.

    Args:
        axes: With the time axis of :func:`style_axes`.
        spans: The stretches.
        end_s: Where time ends.
        y: Middle of the words, as a share of the height.
    """
    size = axes.get_window_extent()
    dpi = axes.get_figure(root=True).dpi  # type: ignore[union-attr]
    points_a_second = size.width / dpi * 72 / end_s
    for span in spans:
        axes.axvspan(span.start_s, span.end_s, facecolor="#f1f1f1", edgecolor="#c9c9c9", hatch="////", linewidth=0, zorder=1)
        room = (span.end_s - span.start_s) * points_a_second
        if room < 4 * len(span.reason) + 4 and (room < 9 or size.height / dpi * 72 < 4 * len(span.reason) + 6):
            continue
        axes.text(
            (span.start_s + span.end_s) / 2,
            y,
            span.reason,
            transform=axes.get_xaxis_transform(),
            rotation=0 if room >= 4 * len(span.reason) + 4 else 90,
            fontsize=6.5,
            color="#4a4a4a",
            ha="center",
            va="center",
            zorder=4,
            bbox={"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
        )


def say(axes: Axes, text: str) -> None:
    """Write a sentence into axes that have nothing to show."""
    axes.text(0.5, 0.72, text, transform=axes.transAxes, fontsize=8.5, color=INK, ha="center", va="center", parse_math=False)


def clipped(text: str, most: int) -> str:
    """The text, its middle left out where it has more characters than ``most``."""
    return text if len(text) <= most else f"{text[: most - 12]}…{text[-11:]}"


def font(*, size: float, weight: str = "normal") -> FontProperties:
    """The font of names from outside, with all families at hand that may hold their characters."""
    from matplotlib import font_manager

    there = set(font_manager.get_font_names())
    return font_manager.FontProperties(family=[name for name in _FAMILIES if name in there], size=size, weight=weight)


def drawable(text: str, properties: FontProperties) -> str:
    """The text with a box in place of every character that no font at hand can draw."""
    from matplotlib import font_manager

    known: set[int] = set()
    for family in properties.get_family():
        one = font_manager.FontProperties(family=[family], weight=properties.get_weight())
        known |= set(font_manager.get_font(font_manager.findfont(one)).get_charmap())
    return "".join(char if ord(char) in known else "□" for char in text)
