"""What is said when something cannot be measured; JSON; resampled and long videos."""

from __future__ import annotations

import dataclasses
import json
import re
import time

import numpy as np
import pytest

from facefatigue.signs import SignSeries, measure

LIDS = {"blinks", "blink_rate_per_min", "perclos", "microsleeps", "openness"}


@pytest.fixture(scope="module")
def lively(stage):
    """Two minutes with everything in it."""
    return stage.Act(
        blinks=[*stage.spontaneous(100, seed=4), stage.Blink(105.0, 0.3, 2.0, 0.4)],
        mouth=[stage.Swell(50, 2.7, 1.5, 1.8, 0.8)],
        pitch=[stage.Swell(110, 1.6, 0.2, 0.3, 0.3)],
        gaze_down=[stage.Swell(70, 0.12, 4.0, 0.12, 0.5)],
        narrow=[stage.Swell(70, 0.12, 4.0, 0.12, 0.3)],
    )


@pytest.mark.parametrize("rate_hz", [10, 15, 24, 30, 60, 120])
@pytest.mark.parametrize("jitter", [0.0, 0.35])
def test_a_resampled_video_has_the_same_signs(stage, lively, rate_hz, jitter):
    reference = measure(lively.film(stage.moments(120, 50), 0.008))
    signs = measure(lively.film(stage.moments(120, rate_hz, jitter=jitter, phase=0.2, seed=8), 0.008, seed=9))
    assert signs.blink_rate_per_min == pytest.approx(reference.blink_rate_per_min, rel=0.1)
    assert signs.perclos == pytest.approx(reference.perclos, rel=0.1)
    assert signs.openness == pytest.approx(reference.openness, rel=0.02)
    assert [len(signs.yawns), len(signs.microsleeps), len(signs.nods)] == [1, 1, 1]
    assert signs.yawns[0].duration_s == pytest.approx(reference.yawns[0].duration_s, rel=0.1)
    assert signs.microsleeps[0].duration_s == pytest.approx(reference.microsleeps[0].duration_s, rel=0.1)
    assert signs.nods[0].depth_rad == pytest.approx(reference.nods[0].depth_rad, rel=0.1)
    assert signs.gaze_down_share == pytest.approx(reference.gaze_down_share, rel=0.1)
    if rate_hz >= 24:
        assert signs.blink_duration_s == pytest.approx(reference.blink_duration_s, rel=0.1)


def test_a_rate_that_changes_in_the_middle(stage, lively):
    time_s = stage.moments(120, 60)
    keep = np.where(time_s < 60, np.arange(len(time_s)) % 5 == 0, np.arange(len(time_s)) % 2 == 0)
    signs = measure(lively.film(time_s[keep], 0.008))
    reference = measure(lively.film(time_s, 0.008))
    assert signs.blink_rate_per_min == pytest.approx(reference.blink_rate_per_min, rel=0.05)
    early = [blink for blink in signs.blinks if blink.peak_s < 59]
    assert all(blink.duration_s is None for blink in early)
    assert all(blink.duration_s is not None for blink in signs.blinks if blink.peak_s > 61)


def test_where_the_rate_is_too_low_nothing_is_counted(stage, lively):
    time_s = stage.moments(120, 60)
    keep = np.where(time_s < 60, np.arange(len(time_s)) % 12 == 0, np.arange(len(time_s)) % 2 == 0)
    signs = measure(lively.film(time_s[keep], 0.008))
    blinks = [blink for blink in lively.blinks if 60 < blink.start_s < 100]
    assert all(blink.peak_s > 59 for blink in signs.blinks)
    assert len(signs.blinks) == len(blinks)
    assert signs.blink_rate_per_min == pytest.approx(len(blinks), rel=0.05)  # in one minute


def test_5_frames_a_second(stage, lively):
    signs = measure(lively.film(stage.moments(120, 5), 0.008))
    assert signs.blinks is None
    assert signs.blink_rate_per_min is None
    assert signs.not_measurable["blinks"] == "the face was read 5.0 times a second; blinks need 8"
    assert signs.nods is None
    assert signs.perclos is not None
    assert len(signs.yawns) == 1


def test_2_frames_a_second(stage, lively):
    signs = measure(lively.film(stage.moments(120, 2), 0.008))
    assert (signs.blinks, signs.perclos, signs.microsleeps, signs.yawns, signs.nods) == (None,) * 5
    assert all("2.0 times a second" in signs.not_measurable[sign] for sign in LIDS | {"yawns", "nods"})


def test_3_seconds_of_video(stage):
    signs = measure(stage.Act(blinks=[stage.Blink(1.0)]).film(stage.moments(3, 30), 0.008))
    assert (signs.blinks, signs.blink_rate_per_min, signs.perclos, signs.yawns, signs.nods, signs.head_pose) == (None,) * 6
    assert "3.0 s of the face were read" in signs.not_measurable["blinks"]


def test_20_seconds_of_video_have_blinks_but_no_rate(stage):
    signs = measure(stage.Act(blinks=[stage.Blink(3.0), stage.Blink(9.0)]).film(stage.moments(20, 30), 0.008))
    assert len(signs.blinks) == 2
    assert signs.blink_rate_per_min is None
    assert "a rate needs 30 s" in signs.not_measurable["blink_rate_per_min"]
    assert "PERCLOS needs 30 s" in signs.not_measurable["perclos"]


def test_what_is_left_out_for_yawns_and_smiles_is_told(stage):
    act = stage.Act(
        blinks=stage.spontaneous(36, seed=2),
        mouth=[stage.Swell(12, 2.7, 3.0, 1.8, 0.8)],
        smile=[stage.Swell(28, 0.3, 2.0, 0.3, 0.9)],
    )
    signs = measure(act.film(stage.moments(36, 30), 0.008))
    assert len(signs.yawns) == 1
    assert signs.perclos is None
    reason = signs.not_measurable["perclos"]
    found = re.fullmatch(
        r"PERCLOS needs 30 s with the lids read, ([\d.]+) s were measured: ([\d.]+) s of yawns and ([\d.]+) s of broad smiles"
        r" left out",
        reason,
    )
    assert found, reason
    measured_s, yawned_s, laughed_s = (float(text) for text in found.groups())
    assert measured_s + yawned_s + laughed_s == pytest.approx(36, abs=0.2)
    assert yawned_s == pytest.approx(signs.yawns[0].duration_s, abs=0.1)
    assert laughed_s == pytest.approx(2.3, abs=0.2)  # smiling by more than a half


def test_blinks_in_yawns_count_neither_as_blinks_nor_as_time(stage):
    blinks = [stage.Blink(1.0 + 2 * number) for number in range(30)]
    yawn = stage.Swell(20, 3.0, 4.0, 2.0, 0.8)
    signs = measure(stage.Act(blinks=blinks, mouth=[yawn]).film(stage.moments(60, 30), 0.008))
    assert len(signs.yawns) == 1
    assert 24 <= len(signs.blinks) <= 26
    assert signs.blink_rate_per_min == pytest.approx(30, rel=0.03)
    assert signs.minutes[0].blink_rate_per_min == pytest.approx(30, rel=0.03)
    assert signs.blinks[-1].rate_so_far_per_min == pytest.approx(30, rel=0.06)
    short = measure(stage.Act(blinks=blinks, mouth=[yawn]).film(stage.moments(34, 30), 0.008))
    assert re.fullmatch(
        r"a rate needs 30 s in which blinks can be seen, 26\.\d s were measured: 7\.\d s of yawns left out",
        short.not_measurable["blink_rate_per_min"],
    )


def test_a_yawn_that_leaves_too_little_for_blinks(stage):
    act = stage.Act(blinks=[stage.Blink(0.5)], mouth=[stage.Swell(1.5, 2.7, 1.5, 1.8, 0.8)])
    signs = measure(act.film(stage.moments(9, 30), 0.008))
    assert len(signs.yawns) == 1
    assert signs.blinks is None
    assert re.fullmatch(
        r"blinks need at least 5 s in which they can be seen, 4\.\d s were measured: 4\.\d s of yawns left out",
        signs.not_measurable["blinks"],
    )
    assert signs.not_measurable["blink_rate_per_min"] == signs.not_measurable["blinks"]


def test_too_little_never_looks_like_enough(stage):
    signs = measure(stage.Act().film(stage.moments(5, 30), 0.008))  # 4.967 s between the first and the last frame
    assert signs.not_measurable["yawns"] == "4.96 s of the face were read; yawns need at least 5 s"
    signs = measure(stage.Act(blinks=stage.spontaneous(30, seed=1)).film(stage.moments(30, 30), 0.008))
    assert signs.not_measurable["perclos"] == "PERCLOS needs 30 s with the lids read, 29.96 s were measured"


def test_no_face(stage):
    empty = {
        name: np.empty(0, np.float32)
        for name in ("mouth_open", "smile", "squint", "gaze_down", "yaw_rad", "pitch_rad", "roll_rad")
    }
    signs = measure(
        SignSeries(
            time_s=np.empty(0), openness=np.empty((0, 2), np.float32), eye_visible=np.empty((0, 2), bool), start_s=0.0,
            end_s=60.0, **empty,
        )
    )  # fmt: skip
    assert signs.coverage == 0
    assert all(signs.not_measurable[sign] == "no face was read" for sign in LIDS | {"yawns", "nods", "head_pose"})
    assert json.loads(json.dumps(signs.to_dict(), allow_nan=False))["blinks"] is None


def test_a_face_that_is_read_here_and_there(stage):
    time_s = stage.moments(60, 30)[[30, 36, 50, 58, 400, 409, 900]]
    signs = measure(stage.Act().film(time_s, 0.008, end_s=60.0))
    assert signs.blinks is signs.perclos is signs.yawns is None
    assert signs.not_measurable["yawns"] == "the face was read in 7 frames; yawns need at least 5 s"
    assert signs.not_measurable["perclos"] == "the face was read in 7 frames; lids need at least 5 s"


def test_one_frame(stage):
    signs = measure(stage.Act().film(np.array([1.0]), end_s=10.0))
    assert signs.blinks is None
    assert signs.yawns is None


def test_profile(stage, lively):
    series = lively.film(stage.moments(120, 30), 0.008)
    turned = dataclasses.replace(
        series, yaw_rad=series.yaw_rad + np.float32(1.3), eye_visible=np.zeros((len(series), 2), bool)
    )
    signs = measure(turned)
    assert signs.blinks is None
    assert "the head is turned away" in signs.not_measurable["blinks"]
    assert signs.head_pose.yaw_rad == pytest.approx(1.3, abs=0.02)


def test_covered_eyes(stage, lively):
    series = lively.film(stage.moments(120, 30), 0.008)
    series.eye_visible[:] = False
    assert "dark glasses" in measure(series).not_measurable["perclos"]


def test_lids_that_never_move_are_not_seen(stage):
    signs = measure(stage.Act().film(stage.moments(90, 30), 0.008))
    assert (signs.blinks, signs.blink_rate_per_min, signs.perclos, signs.microsleeps) == (None,) * 4
    assert "never seen to close in 90 s" in signs.not_measurable["blinks"]


def test_readings_that_jump_about_are_not_measured(stage, lively):
    signs = measure(lively.film(stage.moments(120, 30), 0.12))
    assert signs.blinks is None
    assert "steadily" in signs.not_measurable["blinks"]


def test_levels_of_a_baseline_tell_heavy_lids(stage):
    alert = measure(stage.Act(blinks=stage.spontaneous(60, seed=1)).film(stage.moments(60, 30), 0.008))
    heavy = stage.Act(blinks=stage.spontaneous(60, seed=1), narrow=[stage.Swell(-5, 1, 100, 1, 0.45)])
    series = heavy.film(stage.moments(60, 30), 0.008)
    assert measure(series).openness == pytest.approx(0.99, abs=0.04)  # it is all that was seen of this person
    assert measure(series, alert.lid_levels).openness == pytest.approx(0.55, abs=0.04)


def test_lost_faces_never_create_signs(stage):
    """A calm face that is lost for a while again and again shows nothing but its blinks."""
    act = stage.Act(blinks=[stage.Blink(1.0 + 3 * n) for n in range(40)])
    time_s = stage.moments(120, 30)
    seen = (time_s % 3) < 2.2
    series = act.film(time_s[seen], 0.008, end_s=120.0)
    jumped = np.searchsorted(series.time_s, np.arange(3, 120, 3))
    for first in jumped[::2]:  # each time the face is back it lies otherwise
        series.pitch_rad[first : first + 66] += 0.3
        series.mouth_open[first : first + 66] = 0.8
        series.openness[first : first + 66] -= 0.15
    signs = measure(series)
    assert len(signs.blinks) <= 40
    assert (signs.yawns, signs.nods, signs.microsleeps) == ((), (), ())
    assert signs.coverage == pytest.approx(2.2 / 3, abs=0.03)


def test_minutes_side_by_side(stage, lively):
    signs = measure(lively.film(stage.moments(120, 30), 0.008))
    assert [(minute.start_s, minute.end_s) for minute in signs.minutes] == [(0.0, 60.0), (60.0, pytest.approx(120, abs=0.1))]
    counts = [sum(60 * n <= blink.peak_s < 60 * (n + 1) for blink in signs.blinks) for n in (0, 1)]
    rates = [minute.blink_rate_per_min for minute in signs.minutes]
    yawned_s = signs.yawns[0].duration_s  # in the first minute; blinks are not looked for meanwhile
    assert rates[0] == pytest.approx(60 * counts[0] / (60 - yawned_s), rel=0.02)
    assert rates[1] == pytest.approx(counts[1], rel=0.03)
    assert signs.minutes[0].coverage == pytest.approx(1.0, abs=0.01)


def test_the_dictionary_is_json_with_the_names_of_the_report(stage, lively):
    signs = measure(lively.film(stage.moments(120, 30), 0.008))
    data = json.loads(json.dumps(signs.to_dict(), allow_nan=False))
    assert {"blinks", "yawns", "blink_rate_per_min", "perclos", "microsleeps", "nods", "not_measurable"} <= data.keys()
    assert data["blinks"][0].keys() >= {"start_s", "end_s", "peak_s", "amplitude", "complete"}
    assert data["yawns"][0].keys() >= {"start_s", "end_s"}
    assert data["perclos"] == pytest.approx(signs.perclos, abs=1e-4)
    assert data["perclos_over_time"][0][0] == 30.0
    assert data["not_measurable"] == {"yawns_per_hour": signs.not_measurable["yawns_per_hour"]}


def test_3_hours_take_seconds(stage):
    act = stage.Act(blinks=stage.spontaneous(600, seed=6), mouth=[stage.Swell(300, 2.7, 1.5, 1.8, 0.8)])
    part = act.film(stage.moments(600, 30), 0.01)
    count, hours = len(part), 18
    tracks = {
        field.name: np.concatenate([getattr(part, field.name)] * hours)
        for field in dataclasses.fields(part)
        if isinstance(getattr(part, field.name), np.ndarray) and field.name != "time_s"
    }
    time_s = np.concatenate([part.time_s + 600 * n for n in range(hours)])
    series = SignSeries(time_s=time_s, start_s=0.0, end_s=10_800.0, **tracks)
    began = time.process_time()
    signs = measure(series)
    assert time.process_time() - began < 10
    assert len(series) == count * hours == 324_000
    assert len(signs.blinks) == pytest.approx(hours * len(act.blinks), abs=hours)
    assert len(signs.yawns) == hours
