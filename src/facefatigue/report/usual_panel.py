"""Below the timeline of one face: the two estimates on an axis of the score, and the signs beside what is usual."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from facefatigue.report.comparison_rows import MOST_SHOWN, USUAL, compared_with, comparison_rows
from facefatigue.report.estimates import estimate_rows
from facefatigue.report.sign_panels import Panel
from facefatigue.report.style import BAND, COLOURS, FAINT, INK, SIGN_COLOURS, clipped, drawable, font

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from facefatigue.report.comparison_rows import ComparisonRow
    from facefatigue.report.estimates import EstimateRow

_LOOKS = {"network": ("s", "#4a5560"), "blinks": ("o", SIGN_COLOURS["blinks"]), "together": ("D", INK)}
_NOTHING = {"network": "no score", "blinks": "not measurable", "together": "abstains"}
# There is room for two short words below each sign.
_SHORT = {
    "blink_rate_per_min": "blink rate",
    "blink_duration_s": "blink time",
    "incomplete_blink_share": "partial",
    "openness": "eyes open",
    "yawns_per_hour": "yawns",
    "pitch_rad": "head pitch",
    "score": "score",
}
_UNITS = {" a minute": "/min", " an hour": "/h"}
_MOST_CHARACTERS = 74


def usual_panel(fusion: Mapping[str, Any] | None, comparison: Mapping[str, Any] | None) -> Panel | None:
    """The panel of one face; None where there is neither.

    Args:
        fusion: As the report holds it.
        comparison: As the report holds it.
    """
    estimates = [] if fusion is None else estimate_rows(fusion)
    rows = comparison_rows(comparison)
    if not estimates and not rows:
        return None
    whose = "" if comparison is None else compared_with(comparison)
    # Above it stand the numbers of the time axis.
    return Panel(height_in=0.62, above_in=0.66, draw=partial(_draw, estimates, rows, whose), timed=False)


def _draw(estimates: list[EstimateRow], rows: list[ComparisonRow], whose: str, axes: Axes) -> None:
    axes.set_axis_off()
    if estimates:
        _draw_estimates(estimates, axes.inset_axes((0, 0, 0.22, 1)))
    if rows:
        width = min(0.075 * len(rows) + 0.05, 0.55)
        left = 0.42 if estimates else 0.0
        _draw_deviations(rows, whose, axes.inset_axes((left, 0, width, 1)))


def _draw_estimates(estimates: list[EstimateRow], axes: Axes) -> None:
    _style(axes)
    axes.set_xlim(0, 1)
    axes.set_ylim(2.6, -0.6)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.set_yticks(range(len(estimates)), [row.name for row in estimates])
    axes.tick_params(axis="y", length=0)
    axes.axvline(0.5, color=INK, linewidth=0.5, linestyle=(0, (5, 4)), zorder=1)
    for place, row in enumerate(estimates):
        marker, colour = _LOOKS[row.part]
        if row.score is not None and row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [place] * 2, color=colour, linewidth=1.1, solid_capstyle="butt", zorder=2)
            axes.plot(row.score, place, marker=marker, markersize=3.4, color=colour, clip_on=False, zorder=3)
        text = _NOTHING[row.part] if row.score is None else row.text
        axes.text(
            1.05, place, text, transform=axes.get_yaxis_transform(), fontsize=6.5, va="center",
            color=INK if row.score is not None else FAINT,
        )  # fmt: skip
    _caption(axes, "fatigue, two estimates (95 %, own error included)")


def _draw_deviations(rows: list[ComparisonRow], whose: str, axes: Axes) -> None:
    _style(axes)
    axes.set_xlim(-0.5, len(rows) - 0.5)
    axes.set_ylim(-MOST_SHOWN - 0.6, MOST_SHOWN + 0.6)
    axes.axhspan(-USUAL, USUAL, color=BAND, linewidth=0, zorder=0.5)
    axes.axhline(0, color="#b9bfc6", linewidth=0.5, zorder=1)
    axes.set_yticks([-MOST_SHOWN, 0, MOST_SHOWN], [f"\N{MINUS SIGN}{MOST_SHOWN:g}", "usual", f"{MOST_SHOWN:g}"])
    for place, row in enumerate(rows):
        colour = COLOURS["fatigue"] if row.unusual else INK
        axes.vlines(place, 0, row.shown, color=colour, linewidth=0.9, zorder=2)
        marker = "o" if row.shown == row.deviation else "^" if row.deviation > 0 else "v"  # a triangle leads off the scale
        axes.plot(place, row.shown, marker=marker, markersize=3.2, color=colour, zorder=3)
    axes.set_xticks(range(len(rows)), [f"{_SHORT.get(row.key, row.name)}\n{_compact(row.value)}" for row in rows])
    axes.tick_params(axis="x", length=0, labelsize=6)
    _caption(axes, f"compared with {whose}, in robust standard deviations")


def _compact(value: str) -> str:
    for unit, short in _UNITS.items():
        value = value.replace(unit, short)
    return value


def _style(axes: Axes) -> None:
    axes.set_facecolor("none")
    axes.tick_params(labelsize=6.5, length=2.5, width=0.6, color=FAINT, labelcolor=INK)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_linewidth(0.6)
        spine.set_color(FAINT)


def _caption(axes: Axes, text: str) -> None:
    plain = font(size=6.5)
    shown = drawable(clipped(text, _MOST_CHARACTERS), plain)
    axes.set_title(shown, fontproperties=plain, color=FAINT, loc="left", pad=4, parse_math=False)
