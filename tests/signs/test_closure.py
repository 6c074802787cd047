"""PERCLOS, exact on a constructed series; microsleeps."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from facefatigue.signs import measure
from facefatigue.signs.closure import find_microsleeps, perclos, perclos_at
from facefatigue.signs.series import time_shares


def test_perclos_of_a_constructed_series_is_exact():
    time_s = np.arange(0, 120.05, 0.1)
    closed = (time_s % 10) < 1.95  # 20 frames of every 100
    openness = np.where(closed, 0.1, 0.9)
    shares = time_shares(time_s)
    value, measured_s = perclos(openness, np.ones(len(time_s), bool), shares)
    assert measured_s == pytest.approx(120.0)
    assert value == pytest.approx(shares[closed].sum() / 120.0)
    assert value == pytest.approx(0.2, abs=0.001)


def test_80_percent_closed_counts_and_79_does_not():
    time_s = np.arange(0, 60, 0.1)
    everywhere, shares = np.ones(len(time_s), bool), time_shares(time_s)
    assert perclos(np.full(len(time_s), 0.2), everywhere, shares)[0] == 1.0
    assert perclos(np.full(len(time_s), 0.21), everywhere, shares)[0] == 0.0


def test_perclos_slides_over_a_minute():
    time_s = np.arange(0, 180, 0.1)
    openness = np.where((time_s >= 60) & (time_s < 90), 0.0, 1.0)
    usable, shares = np.ones(len(time_s), bool), time_shares(time_s)
    moments = np.array([20.0, 45.0, 60.0, 75.0, 90.0, 120.0, 135.0, 160.0])
    found = perclos_at(moments, time_s, openness, usable, shares)
    assert np.isnan(found[0])  # less than half a minute
    assert found[1:] == pytest.approx([0, 0, 0.25, 0.5, 0.5, 0.25, 0.0], abs=0.005)


def test_time_that_is_not_measured_counts_neither_way():
    time_s = np.arange(0, 100, 0.1)
    openness = np.where(time_s < 20, 0.0, 1.0)
    usable = (time_s < 10) | (time_s > 30)
    value, measured_s = perclos(openness, usable, time_shares(time_s))
    assert measured_s == pytest.approx(80, abs=0.2)
    assert value == pytest.approx(10 / 80, abs=0.002)


@pytest.mark.parametrize("rate_hz", [5, 10, 15, 30, 60, 120])
def test_perclos_does_not_depend_on_the_rate(stage, rate_hz):
    closures = [stage.Blink(2 + 5.13 * n, 0.3, 0.9, 0.5) for n in range(38)]  # never in step with frames
    act = stage.Act(blinks=closures)
    time_s = np.arange(0, 200, 0.001)
    true = float((act.closure(time_s) >= 0.8).mean())
    levels = measure(act.film(stage.moments(200, 30), 0.005)).lid_levels
    exact = dataclasses.replace(levels, open=(act.open, act.open), shut=(act.shut, act.shut))
    signs = measure(act.film(stage.moments(200, rate_hz, jitter=0.2, phase=0.3), 0.005), exact)
    assert signs.perclos == pytest.approx(true, rel=0.05)


def test_a_persons_own_open_level_is_the_measure(stage):
    """Narrow and wide eyes that close for as long have the same PERCLOS."""
    found = []
    for width in (0.45, 0.6, 0.9):
        act = stage.Act(blinks=[stage.Blink(2 + 4 * n, 0.1, 0.3, 0.2) for n in range(24)], open=width, shut=0.4 * width)
        found.append(measure(act.film(stage.moments(100, 30), 0.005)).perclos)
    assert found == pytest.approx([found[1]] * 3, rel=0.05)


@pytest.mark.parametrize("rate_hz", [10, 30, 120])
def test_microsleeps_begin_and_end_on_time(stage, rate_hz):
    blinks = [stage.Blink(2 + 3 * n) for n in range(10)]
    naps = [stage.Blink(35.0, 0.4, 1.5, 0.4), stage.Blink(42.0, 0.5, 4.0, 0.3)]
    act = stage.Act(blinks=blinks + naps)
    signs = measure(act.film(stage.moments(55, rate_hz, jitter=0.1), 0.005))
    assert len(signs.microsleeps) == 2
    for nap, found in zip(naps, signs.microsleeps, strict=True):
        inside = np.arange(nap.start_s, nap.end_s, 0.001)
        inside = inside[nap.closure(inside) >= 0.8]
        assert (found.start_s, found.end_s) == pytest.approx((inside[0], inside[-1]), abs=0.06 + 0.5 / rate_hz)
        assert found.duration_s > 0.5
        assert found.closing_s == pytest.approx(nap.phases_s()[0], abs=0.02 + 1 / rate_hz)
    assert len(signs.blinks) == 10  # a microsleep is no blink


def test_closures_that_begin_like_a_glance_are_told_apart(stage):
    blinks = [stage.Blink(2 + 3 * n) for n in range(10)]
    quick, slow = stage.Blink(35.0, 0.09, 3.0, 0.2), stage.Blink(45.0, 0.5, 2.0, 0.3)
    act = stage.Act(blinks=[*blinks, quick, slow])
    signs = measure(act.film(stage.moments(60, 30, jitter=0.1), 0.005))
    assert [found.closing_s < 0.15 for found in signs.microsleeps] == [True, False]
    assert signs.perclos_quick == pytest.approx(signs.microsleeps[0].duration_s / 60, abs=0.001)
    assert signs.perclos_quick < signs.perclos - signs.microsleeps[1].duration_s / 60
    alone = measure(stage.Act(blinks=[*blinks, slow]).film(stage.moments(60, 30), 0.005))
    assert alone.perclos_quick == 0.0
    seldom = measure(act.film(stage.moments(60, 15), 0.005))
    assert seldom.perclos is not None
    assert seldom.perclos_quick is None
    assert seldom.not_measurable["perclos_quick"] == "the face was read 15.0 times a second; how fast lids fall needs 22"
    short = measure(act.film(stage.moments(20, 30), 0.005))
    assert short.not_measurable["perclos_quick"] == short.not_measurable["perclos"]


def test_half_a_second_is_no_microsleep_yet():
    time_s = np.arange(0, 10, 0.02)
    usable, excused = np.ones(len(time_s), bool), np.zeros(len(time_s), bool)
    for length_s, count in ((0.46, 0), (0.6, 1)):
        openness = np.where((time_s >= 5) & (time_s < 5 + length_s), 0.05, 1.0)
        assert len(find_microsleeps(time_s, openness, usable, excused)) == count


def test_a_flutter_does_not_end_a_microsleep():
    time_s = np.arange(0, 10, 0.02)
    openness = np.where((time_s >= 4) & (time_s < 6), 0.05, 1.0)
    openness[(time_s >= 5) & (time_s < 5.06)] = 0.3
    found = find_microsleeps(time_s, openness, np.ones(len(time_s), bool), np.zeros(len(time_s), bool))
    assert [(round(one.start_s, 1), round(one.end_s, 1)) for one in found] == [(4.0, 6.0)]


def test_a_lost_face_does_not_join_two_closures():
    time_s = np.concatenate([np.arange(0, 5, 0.02), np.arange(6, 10, 0.02)])
    openness = np.where((time_s >= 4.7) & (time_s < 6.3), 0.05, 1.0)
    assert find_microsleeps(time_s, openness, np.ones(len(time_s), bool), np.zeros(len(time_s), bool)) == []


def test_eyes_shut_in_a_laugh_do_not_sleep(stage):
    laughs = [stage.Swell(5 + 10 * n, 0.3, 1.2, 0.5, 0.95) for n in range(4)]
    act = stage.Act(blinks=[stage.Blink(2 + 10 * n) for n in range(5)], narrow=laughs, smile=laughs)
    signs = measure(act.film(stage.moments(50, 30), 0.01))
    assert signs.microsleeps == ()
    assert signs.perclos < 0.02
