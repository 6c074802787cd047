"""Collecting signs frame by frame; what a series refuses; time and its gaps."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from facefatigue.signs import FrameSigns, SignCollector
from facefatigue.signs.moving import highest, noise_level, smoothed
from facefatigue.signs.series import stretches, time_shares


def frame(time_s: float, **what) -> FrameSigns:
    values = {
        "openness": (0.7, 0.6), "mouth_open": 0.1, "smile": 0.2, "squint": 0.3, "gaze_down": 0.4, "yaw_rad": 0.1,
        "pitch_rad": -0.2, "roll_rad": 0.05, "eye_visible": (True, False),
    }  # fmt: skip
    return FrameSigns(time_s=time_s, **(values | what))


def test_a_collector_gives_back_what_it_took():
    collector = SignCollector()
    times = np.arange(10_000) / 30
    for n, time_s in enumerate(times):
        collector.add(frame(float(time_s), mouth_open=n / 10_000, mouth_visible=n % 2 == 0))
    collector.watched_until(400.0)
    series = collector.series()
    assert len(collector) == len(series) == 10_000
    assert np.array_equal(series.time_s, times)
    assert series.openness[77] == pytest.approx([0.7, 0.6])
    assert series.mouth_open == pytest.approx(np.arange(10_000) / 10_000, abs=1e-6)
    assert series.mouth_open.dtype == series.openness.dtype == np.float32
    assert series.eye_visible[5].tolist() == [True, False]
    assert series.mouth_visible[:4].tolist() == [True, False, True, False]
    assert (series.start_s, series.end_s, series.watched_s) == (0.0, 400.0, 400.0)
    assert series.frame_rate_hz == pytest.approx(30.0)


def test_a_series_taken_early_does_not_change_later():
    collector = SignCollector(2.0)
    collector.add(frame(2.5))
    early = collector.series()
    collector.add(frame(2.6, mouth_open=0.9))
    assert len(early) == 1
    assert early.mouth_open.tolist() == pytest.approx([0.1])
    assert early.start_s == 2.0


def test_a_series_owns_its_arrays():
    """Nothing of the collector's memory, which grows by thousands of frames at a time, is kept or can be written through."""
    collector = SignCollector()
    for number in range(3):
        collector.add(frame(0.1 * number))
    one, other = collector.series(), collector.series()
    arrays = {name: value for name, value in vars(one).items() if isinstance(value, np.ndarray)}
    assert len(arrays) == 11
    for name, array in arrays.items():
        assert array.base is None, name
        array[:] = 0
    assert other.time_s.tolist() == pytest.approx([0.0, 0.1, 0.2])
    assert collector.series().mouth_open.tolist() == pytest.approx([0.1] * 3)


def test_an_empty_collector_gives_an_empty_series():
    collector = SignCollector()
    collector.watched_until(12.0)
    series = collector.series()
    assert len(series) == 0
    assert series.frame_rate_hz is None
    assert series.watched_s == 12.0


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([frame(1.0), frame(1.0)], "time must move forward, but 1 s follows 1 s"),
        ([frame(1.0), frame(0.5)], "time must move forward, but 0.5 s follows 1 s"),
        ([frame(-1.0)], "time must move forward"),
        ([frame(1.0, smile=float("nan"))], "the signs at 1 s hold values that are not finite"),
    ],
)
def test_a_collector_refuses(frames, message):
    collector = SignCollector()
    for one in frames[:-1]:
        collector.add(one)
    with pytest.raises(ValueError, match=message):
        collector.add(frames[-1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"smile": np.zeros(3, np.float32)}, r"smile of a series of 60 frames has the shape \(3,\), not \(60,\)"),
        ({"openness": np.zeros((60, 1), np.float32)}, r"openness of a series of 60 frames has the shape"),
        ({"yaw_rad": np.full(60, np.nan, np.float32)}, "yaw_rad of a series holds values that are not finite"),
        ({"time_s": np.zeros(60)}, "time must move forward, but 0 s follows 0 s in a series"),
        ({"end_s": 1.0}, "frames from 0 to 5.9 s lie outside what was watched, 0 to 1 s"),
        ({"start_s": 9.0, "end_s": 1.0}, "a series cannot be watched from 9 s to 1 s"),
    ],
)
def test_a_series_refuses(stage, change, message):
    series = stage.Act().film(stage.moments(6, 10))
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(series, **change)


def test_time_shares_add_up_and_leave_out_gaps():
    time_s = np.array([0.0, 0.1, 0.3, 2.0, 2.1])
    assert time_shares(time_s) == pytest.approx([0.05, 0.15, 0.1, 0.05, 0.05])
    assert time_shares(np.array([1.0])) == pytest.approx([0.0])
    assert time_shares(np.empty(0)).size == 0


def test_stretches_end_at_gaps_and_at_what_cannot_be_used():
    time_s = np.array([0.0, 0.1, 0.2, 1.0, 1.1, 1.2, 1.3])
    usable = np.array([True, True, True, True, False, True, True])
    assert stretches(time_s, usable) == [slice(0, 3), slice(3, 4), slice(5, 7)]
    assert stretches(time_s, np.zeros(7, bool)) == []


def test_smoothing_is_the_mean_of_the_line_between_frames():
    rng = np.random.default_rng(0)
    time_s = np.cumsum(rng.uniform(0.004, 0.02, 200))
    values = rng.normal(size=200)
    found = smoothed(time_s, values, 0.05)
    fine = np.linspace(-0.5, 0.5, 4001)
    for place in (50, 111, 160):
        width = 0.05 - (time_s[place + 1] - time_s[place - 1]) / 2
        line = np.interp(time_s[place] + width * fine, time_s, values)
        assert found[place] == pytest.approx(np.trapezoid(line, dx=1 / 4000), abs=1e-3)
    assert smoothed(time_s, values, 0.003) == pytest.approx(values)


def test_highest_of_windows():
    rng = np.random.default_rng(1)
    values = rng.normal(size=500)
    first = rng.integers(0, 480, 200)
    after = first + rng.integers(1, 20, 200)
    expected = [values[a:b].max() for a, b in zip(first, after, strict=True)]
    assert highest(values, first, after) == pytest.approx(expected)


def test_noise_is_that_of_quiet_times(stage):
    time_s = stage.moments(60, 30)
    rng = np.random.default_rng(2)
    act = stage.Act(blinks=stage.spontaneous(60, 1), narrow=[stage.Swell(3 + 5 * n, 0.1, 2.0, 0.1, 0.5) for n in range(11)])
    noise = noise_level(time_s, 1 - act.closure(time_s) + rng.normal(0, 0.03, len(time_s)))
    assert np.median(noise) == pytest.approx(0.03, rel=0.25)
