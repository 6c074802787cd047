from __future__ import annotations

from typing import Any

from facefatigue.estimate.report import SourceInfo
from facefatigue.estimate.sign_report import FaceSignReport, SignReport
from facefatigue.report.sign_summary import signs_line, signs_table

EVENT = {"start_s": 1.0, "end_s": 2.5}
MEASURED: dict[str, Any] = {
    "coverage": 0.99, "lid_coverage": 0.97, "openness": 0.96, "perclos": 0.031, "blinks": [EVENT] * 28,
    "blink_rate_per_min": 14.2, "blink_duration_s": 0.21, "incomplete_blink_share": 0.4, "microsleeps": [],
    "yawns": [EVENT], "yawns_per_hour": None, "nods": [EVENT, EVENT], "gaze_down_share": 0.02,
    "head_pose": {"yaw_rad": 0.1, "pitch_rad": -0.1, "roll_rad": 0.0}, "fatigue": None,
    "not_measurable": {"yawns_per_hour": "2.0 min of the face were read; a rate needs 5 min", "fatigue": "there is no baseline"},
}  # fmt: skip
SHORT = "3.0 s of the face were read; lids need at least 5 s"


def test_a_line_for_what_was_measured() -> None:
    assert signs_line(MEASURED) == "14 blinks a minute, PERCLOS 3 %, no microsleeps, 1 yawn, 2 nods"


def test_without_a_rate_blinks_are_counted() -> None:
    signs = {**MEASURED, "blink_rate_per_min": None, "perclos": None, "not_measurable": {"perclos": "PERCLOS needs 30 s"}}
    assert signs_line(signs) == ("28 blinks, no microsleeps, 1 yawn, 2 nods; PERCLOS not measurable: PERCLOS needs 30 s")


def test_what_could_not_be_measured_has_its_reason_once() -> None:
    nothing = dict.fromkeys(("blinks", "perclos", "microsleeps", "yawns", "nods"))
    reasons = {"blinks": SHORT, "perclos": SHORT, "microsleeps": SHORT, "yawns": "slow", "nods": "slow"}
    assert signs_line({**nothing, "not_measurable": reasons}) == (
        f"blinks, PERCLOS and microsleeps not measurable: {SHORT}; yawns and nods not measurable: slow"
    )
    assert signs_line({}) == "blinks, PERCLOS, microsleeps, yawns and nods not measurable: not measured"


def report(*signs: dict[str, Any]) -> SignReport:
    source = SourceInfo(
        path="clips/driver 07.mp4",
        duration_s=125.0,
        frames=3000,
        width=64,
        height=48,
        rotation_deg=0,
        variable_frame_rate=False,
    )
    faces = [FaceSignReport(track=track, frames=2970, coverage=0.99, signs=own) for track, own in enumerate(signs)]
    return SignReport(source=source, faces=tuple(faces))


def test_a_table_a_face() -> None:
    table = signs_table(report(MEASURED, {"not_measurable": {"blinks": SHORT}}))
    first, second = table.split("\n\n")
    lines = first.splitlines()
    assert lines[0] == "driver 07.mp4, 2 min 05 s, face 0 (followed in 99 % of the frames)"
    assert any(line.startswith("  PERCLOS ") and "3.1 % of the time  [usual: " in line for line in lines)
    assert "  not measurable          yawn rate: 2.0 min of the face were read; a rate needs 5 min" in lines
    assert "  not measurable          fatigue from blinks: there is no baseline" in lines
    assert "driver 07.mp4, 2 min 05 s, face 1" in second
    assert f"blinks: {SHORT}" in second


def test_a_reason_is_given_once() -> None:
    names = ("perclos", "blinks", "microsleeps", "openness")
    table = signs_table(report({"not_measurable": dict.fromkeys(names, SHORT)}))
    assert table.count(SHORT) == 1
    assert "not measurable          PERCLOS, microsleeps, blinks" in table


def test_a_source_without_a_face() -> None:
    assert signs_table(report()) == "driver 07.mp4, 2 min 05 s: no face was found"
