from __future__ import annotations

from typing import TYPE_CHECKING

from facefatigue.report.sign_rows import REFERENCES, sign_rows
from facefatigue.signs import measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.signs import SignSeries


def test_what_was_measured_has_a_number_and_a_unit(make_series: Callable[..., SignSeries]) -> None:
    series = make_series(duration_s=72, shut=[(30, 31.5)], yawns=[(10, 16.5)])
    signs = {
        **measure(series).to_dict(),
        "fatigue": {"state": "low_vigilance", "score": 0.62, "score_interval": [0.31, 0.9], "reference": "own"},
        "head_pose": {"yaw_rad": -0.2, "pitch_rad": 0.1, "roll_rad": 0.0},
    }
    rows = {row.key: row for row in sign_rows(signs)}
    assert (rows["fatigue"].value, rows["fatigue"].unit) == (
        "0.62",
        "(0.31 – 0.90), low vigilance, by the alert blinks of this person",
    )
    assert (rows["perclos"].value, rows["perclos"].unit) == (f"{100 * signs['perclos']:.1f}", "% of the time")
    assert (rows["microsleeps"].value, rows["microsleeps"].unit) == ("1", "of 1.5 s")
    assert rows["yawns"].value == "1"
    assert (rows["nods"].value, rows["nods"].unit) == ("0", "")
    assert rows["blinks"].value == str(len(signs["blinks"]))
    assert (rows["blink_rate_per_min"].value, rows["blink_rate_per_min"].unit) == (
        f"{signs['blink_rate_per_min']:.1f}", "a minute",
    )  # fmt: skip
    assert rows["head_pose"].value == "yaw 11° left, pitch 6° down, roll 0°"
    assert rows["yawns_per_hour"].value == ""
    assert rows["yawns_per_hour"].reason == signs["not_measurable"]["yawns_per_hour"]
    assert all(bool(row.value) != bool(row.reason) for row in rows.values())


def test_the_rows_are_always_the_same(make_series: Callable[..., SignSeries]) -> None:
    nothing = sign_rows({})
    assert {row.reason for row in nothing} == {"not measured"}
    assert [row.key for row in nothing] == [row.key for row in sign_rows(measure(make_series()).to_dict())]


def test_every_usual_value_names_a_source_that_is_listed() -> None:
    rows = sign_rows({})
    named = {source for row in rows for source in row.source.split("; ") if source}
    assert named == set(REFERENCES)
    assert all(row.usual and row.meaning for row in rows)
    without = {row.key for row in rows if not row.source}
    assert not any(
        char.isdigit() for row in rows if row.key in without - {"openness", "coverage", "lid_coverage"} for char in row.usual
    )
