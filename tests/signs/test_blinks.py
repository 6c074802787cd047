"""Blinks of acted lids: counted, timed and measured; nothing else is a blink."""

from __future__ import annotations

import numpy as np
import pytest

from facefatigue.signs import blink_features, measure

RATES = [10, 15, 25, 30, 60, 120]
NOISE = 0.01  # of readings of 0.28 (shut) to 0.75 (open)


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("jitter", [0.0, 0.3])
def test_every_blink_is_found_once_at_any_rate(stage, rate_hz, jitter):
    act = stage.Act(blinks=stage.spontaneous(120, seed=3))
    signs = measure(act.film(stage.moments(120, rate_hz, jitter=jitter, phase=0.4), NOISE))
    true_s = np.array([blink.start_s + blink.closing_s + blink.closed_s / 2 for blink in act.blinks])
    found_s = np.array([blink.peak_s for blink in signs.blinks])
    assert len(found_s) == len(true_s)
    assert np.abs(found_s - true_s).max() < max(0.06, 0.8 / rate_hz)
    assert signs.blink_rate_per_min == pytest.approx(len(true_s) / 2, rel=0.02)


@pytest.mark.parametrize("rate_hz", [24, 30, 60, 120])
def test_phases_amplitude_and_velocity_do_not_depend_on_the_rate(stage, rate_hz):
    act = stage.Act(blinks=stage.spontaneous(200, seed=1))
    blinks = measure(act.film(stage.moments(200, rate_hz, jitter=0.2, phase=0.37), 0.005)).blinks
    true = np.mean([blink.phases_s() for blink in act.blinks], axis=0)
    found = np.mean([(blink.closing_s, blink.closed_s, blink.opening_s) for blink in blinks], axis=0)
    assert found == pytest.approx(true, rel=0.1)
    assert np.mean([blink.duration_s for blink in blinks]) == pytest.approx(true.sum(), rel=0.05)
    assert np.mean([b.amplitude for b in blinks]) == pytest.approx(np.mean([b.depth for b in act.blinks]), rel=0.03)
    fastest = np.mean([_fastest(blink) for blink in act.blinks], axis=0)
    closing = np.mean([blink.closing_velocity_per_s for blink in blinks])
    opening = np.mean([blink.opening_velocity_per_s for blink in blinks])
    assert closing == pytest.approx(fastest[0], rel=0.1)
    assert opening == pytest.approx(fastest[1], rel=0.1)


def _fastest(blink, over_s=0.05):
    time_s = np.arange(blink.start_s - 0.1, blink.end_s + 0.1, 0.001)
    closure = blink.closure(time_s)
    step = round(over_s / 0.001)
    change = (closure[step:] - closure[:-step]) / over_s
    return change.max(), -change.min()


def test_phases_are_not_measured_at_low_rates(stage):
    act = stage.Act(blinks=stage.spontaneous(60, seed=2))
    signs = measure(act.film(stage.moments(60, 12), NOISE))
    assert len(signs.blinks) == len(act.blinks)
    assert all(blink.duration_s is None and blink.closing_s is None and blink.complete is None for blink in signs.blinks)
    assert signs.blink_duration_s is None
    assert "12.0 times a second" in signs.not_measurable["blink_duration_s"]
    assert blink_features(signs.blinks).shape == (0, 4)


def test_whole_and_partial_blinks_are_told_apart(stage):
    depths = [1.0, 0.5, 0.95, 0.6, 1.0, 0.55, 1.0, 1.0, 0.5, 1.0]
    act = stage.Act(blinks=[stage.Blink(2 + 3 * n, depth=depth) for n, depth in enumerate(depths)])
    blinks = measure(act.film(stage.moments(34, 60), 0.005)).blinks
    assert [blink.complete for blink in blinks] == [depth > 0.8 for depth in depths]
    assert [blink.closure for blink in blinks] == pytest.approx(depths, abs=0.08)


def test_slow_blinks_of_drowsy_people_are_blinks(stage):
    act = stage.Act(blinks=[stage.Blink(2 + 4 * n, 0.18, 0.15, 0.4) for n in range(8)])
    signs = measure(act.film(stage.moments(36, 30), NOISE))
    assert len(signs.blinks) == 8
    assert signs.blink_duration_s == pytest.approx(sum(act.blinks[0].phases_s()), rel=0.05)
    assert signs.microsleeps == ()


def test_two_blinks_in_quick_succession_are_two(stage):
    pairs = [stage.Blink(2 + 4 * n + shift, 0.07, 0.02, 0.13) for n in range(5) for shift in (0.0, 0.35)]
    assert len(measure(stage.Act(blinks=pairs).film(stage.moments(24, 30), NOISE)).blinks) == 10


@pytest.mark.parametrize("rate_hz", [10, 30, 60])
class TestWhatIsNoBlink:
    """Each act also holds ten blinks, which have to be found, and nothing else."""

    def count(self, stage, rate_hz, **what):
        act = stage.Act(blinks=[stage.Blink(1.7 + 4 * n) for n in range(10)], **what)
        signs = measure(act.film(stage.moments(42, rate_hz, jitter=0.1), NOISE))
        assert len(signs.blinks) <= 10, [round(blink.peak_s, 2) for blink in signs.blinks]
        return len(signs.blinks)

    def test_looking_down(self, stage, rate_hz):
        looks = [stage.Swell(3.4 + 4 * n, 0.12, 1.0, 0.14, 0.5) for n in range(9)]
        gaze = [stage.Swell(3.4 + 4 * n, 0.12, 1.0, 0.14, 0.7) for n in range(9)]
        assert self.count(stage, rate_hz, narrow=looks, gaze_down=gaze) == 10

    def test_looking_down_slowly(self, stage, rate_hz):
        assert self.count(stage, rate_hz, narrow=[stage.Swell(3 + 8 * n, 1.0, 2.0, 1.0, 0.6) for n in range(4)]) == 10

    def test_laughing_with_narrow_eyes(self, stage, rate_hz):
        laughs = [stage.Swell(3.0 + 8 * n, 0.3, 1.5, 0.6, 0.65) for n in range(4)]
        joy = [stage.Swell(3.0 + 8 * n, 0.3, 1.5, 0.6, 0.9) for n in range(4)]
        assert self.count(stage, rate_hz, narrow=laughs, smile=joy, squint=joy) == 10

    def test_squinting(self, stage, rate_hz):
        squint = [stage.Swell(3.0 + 8 * n, 0.4, 3.0, 0.4, 0.4) for n in range(4)]
        assert self.count(stage, rate_hz, narrow=squint, squint=squint) == 10

    def test_talking(self, stage, rate_hz):
        assert self.count(stage, rate_hz, talk_hz=5.0) == 10

    def test_turning_the_head(self, stage, rate_hz):
        turns = [stage.Swell(3.0 + 8 * n, 0.3, 1.0, 0.3, 0.6) for n in range(4)]
        lids = [stage.Swell(3.0 + 8 * n, 0.3, 1.0, 0.3, 0.2) for n in range(4)]
        assert self.count(stage, rate_hz, yaw=turns, narrow=lids) == 10


def test_a_glint_of_one_frame_is_no_blink(stage):
    act = stage.Act(blinks=[stage.Blink(1.7 + 4 * n) for n in range(10)])
    series = act.film(stage.moments(42, 30), NOISE)
    for second in range(3, 41, 4):
        series.openness[np.searchsorted(series.time_s, second + 0.8)] = 0.3
    assert len(measure(series).blinks) == 10


def test_a_wink_or_a_glint_of_one_eye_is_no_blink(stage):
    act = stage.Act(blinks=[stage.Blink(1.7 + 4 * n) for n in range(10)])
    winking = stage.Act(blinks=[stage.Blink(3.7 + 4 * n) for n in range(9)])
    time_s = stage.moments(42, 30)
    series, other = act.film(time_s, NOISE), winking.film(time_s, NOISE)
    series.openness[:, 0] = np.minimum(series.openness[:, 0], other.openness[:, 0])
    assert len(measure(series).blinks) == 10


def test_one_visible_eye_is_enough(stage):
    act = stage.Act(blinks=stage.spontaneous(60, seed=5))
    series = act.film(stage.moments(60, 30), NOISE)
    series.eye_visible[:, 1] = False
    series.openness[:, 1] = 0.4
    assert len(measure(series).blinks) == len(act.blinks)


def test_rate_counts_only_the_time_in_which_blinks_can_be_seen(stage):
    act = stage.Act(blinks=[stage.Blink(1.0 + 2 * n) for n in range(60)])
    series = act.film(stage.moments(120, 30), NOISE)
    series.eye_visible[series.time_s >= 60] = False
    signs = measure(series)
    assert len(signs.blinks) == 30
    assert signs.blink_rate_per_min == pytest.approx(30, abs=0.5)
    assert signs.lid_coverage == pytest.approx(0.5, abs=0.01)


def test_a_gap_in_the_middle_of_blinks_makes_none(stage):
    act = stage.Act(blinks=[stage.Blink(2.0 + 2 * n) for n in range(20)])
    time_s = stage.moments(44, 30)
    phase = (time_s - 2.0) % 2.0
    away = (phase > 0.05) & (phase < 0.45) & (time_s > 2) & (time_s < 42)  # the face is lost in every single blink
    signs = measure(act.film(time_s[~away], NOISE, end_s=44.0))
    assert signs.blinks == ()
    assert "not one blink" in signs.not_measurable["blink_rate_per_min"]


def test_features_are_those_of_the_published_work(stage):
    act = stage.Act(blinks=[stage.Blink(2 + 3 * n, 0.08, 0.04, 0.16) for n in range(20)])
    signs = measure(act.film(stage.moments(62, 60), 0.002))
    features = blink_features(signs.blinks)
    assert features.shape == (20, 4)
    frequency, amplitude, duration_s, velocity = features.T
    # The n-th blink is over at about 2.3 + 3 n seconds.
    assert frequency == pytest.approx(60 * np.arange(1, 21) / (2.3 + 3 * np.arange(20)), rel=0.05)
    assert amplitude == pytest.approx(np.ones(20), rel=0.03)
    closing, closed, opening = act.blinks[0].phases_s()
    assert duration_s == pytest.approx(np.full(20, closing + closed + opening), rel=0.05)
    assert velocity == pytest.approx(np.full(20, 0.6 / opening), rel=0.1)
