"""Baselines on the terminal: one as a table, or a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefatigue.report.cells import duration_text
from facefatigue.report.comparison_rows import sign_name, usual_text
from facefatigue.signs.baseline import least_spread
from facefatigue.signs.blink_fatigue import LEAST_ALERT_BLINKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from facefatigue.signs import Baseline

# What a statistic was made of; see facefatigue.signs.baseline.Baseline.
_MADE_OF = {"blink_duration_s": "blink", "incomplete_blink_share": "video", "yawns_per_hour": "video", "score": "window"}
_HEADER = ("sign", "usual", "spread", "from")


def baseline_table(baseline: Baseline) -> str:
    """What is usual for one person: conditions, a line a sign with the spread to reckon with, and what blinks are judged by.

    Returns:
        Lines, without a newline at the end.
    """
    conditions = baseline.conditions
    light = "" if conditions.brightness is None else f", brightness {conditions.brightness:.2f}"
    read = f"{_counted(baseline.recordings, 'recording')}, {duration_text(baseline.read_s)} of the face read"
    rows = [_HEADER]
    for key, own in baseline.statistics.items():
        spread = usual_text(key, least_spread(key, own)).removesuffix(" down")
        rows.append(
            (sign_name(key), usual_text(key, own.median), f"± {spread}", _counted(own.n, _MADE_OF.get(key, "minute")))
        )
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(
        [
            f"baseline {baseline.name}: {read}; glasses: {conditions.glasses}{light}",
            *lines,
            f"  {_blinks(baseline)}",
        ]
    )


def baseline_lines(baselines: Mapping[str, Baseline]) -> str:
    """A line each: name, recordings, time, conditions."""
    width = max(len(name) for name in baselines)
    return "\n".join(
        f"{name:<{width}}  {_counted(own.recordings, 'recording')}, {duration_text(own.read_s)}, glasses: "
        f"{own.conditions.glasses}"
        for name, own in baselines.items()
    )


def _blinks(baseline: Baseline) -> str:
    own = baseline.blinks
    if own is None:
        return f"less than {LEAST_ALERT_BLINKS} whole blinks: fatigue from blinks will be told by those of people at large"
    return f"fatigue from blinks will be told by {own.blinks} alert blinks, one every {own.interval_s:.1f} s"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
