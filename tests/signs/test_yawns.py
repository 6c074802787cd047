"""Yawns of acted mouths: found with their times; talking, singing, laughing, surprise are none."""

from __future__ import annotations

import numpy as np
import pytest

from facefatigue.signs import measure


def yawn(stage, start_s, length_s=6.0, top=0.85):
    return stage.Swell(start_s, 0.45 * length_s, 0.25 * length_s, 0.3 * length_s, top)


@pytest.mark.parametrize("rate_hz", [5, 10, 15, 25, 30, 60, 120])
def test_yawns_are_found_on_time_at_any_rate(stage, rate_hz):
    lengths = [3.0, 6.0, 9.0]
    mouth = [yawn(stage, 5.0 + 14 * n, length_s) for n, length_s in enumerate(lengths)]
    signs = measure(stage.Act(mouth=mouth).film(stage.moments(50, rate_hz, jitter=0.2), 0.01))
    assert len(signs.yawns) == 3
    for n, (found, length_s) in enumerate(zip(signs.yawns, lengths, strict=True)):
        # The edges are at 15 % of the widest opening: a quarter of the rise, three quarters of the fall.
        assert found.start_s == pytest.approx(5.0 + 14 * n + 0.24 * 0.45 * length_s, abs=0.15)
        assert found.end_s == pytest.approx(5.0 + 14 * n + length_s * (1 - 0.24 * 0.3), abs=0.15)
        assert found.opening == pytest.approx(0.85, abs=0.04)


def test_eyes_shut_in_a_yawn_are_neither_blinks_nor_sleep(stage):
    mouth = [yawn(stage, 10.0)]
    lids = [stage.Swell(12.3, 0.4, 1.2, 0.5, 1.0)]
    act = stage.Act(blinks=[stage.Blink(1.0 + 2 * n) for n in range(4)], mouth=mouth, narrow=lids)
    signs = measure(act.film(stage.moments(40, 30), 0.01))
    assert len(signs.yawns) == 1
    assert len(signs.blinks) == 4
    assert signs.microsleeps == ()


@pytest.mark.parametrize("rate_hz", [10, 30, 60])
class TestWhatIsNoYawn:
    def yawns(self, stage, rate_hz, **what):
        return measure(stage.Act(**what).film(stage.moments(60, rate_hz, jitter=0.1), 0.01)).yawns

    @pytest.mark.parametrize("beat_hz", [3.0, 5.0, 7.0])
    def test_talking(self, stage, rate_hz, beat_hz):
        assert self.yawns(stage, rate_hz, talk_hz=beat_hz, talk_top=0.7) == ()

    def test_singing(self, stage, rate_hz):
        vowels = [stage.Swell(3 + 4 * n, 0.25, 2.2, 0.25, 0.9) for n in range(13)]
        assert self.yawns(stage, rate_hz, mouth=vowels) == ()

    def test_laughing(self, stage, rate_hz):
        laughs = [stage.Swell(3 + 6 * n, 0.8, 2.0, 0.8, 0.7) for n in range(9)]
        assert self.yawns(stage, rate_hz, mouth=laughs, smile=laughs) == ()

    def test_surprise(self, stage, rate_hz):
        assert self.yawns(stage, rate_hz, mouth=[stage.Swell(3 + 5 * n, 0.15, 0.8, 0.4, 0.8) for n in range(11)]) == ()

    def test_a_mouth_that_hangs_open(self, stage, rate_hz):
        assert self.yawns(stage, rate_hz, mouth=[stage.Swell(3, 1.0, 50.0, 1.0, 0.4)]) == ()


def test_a_yawn_cut_by_a_gap_is_not_invented(stage):
    time_s = stage.moments(40, 30)
    seen = (time_s < 11.0) | (time_s > 13.0)  # the face is lost while the mouth is open
    signs = measure(stage.Act(mouth=[yawn(stage, 9.0)]).film(time_s[seen], 0.01, end_s=40.0))
    assert signs.yawns == ()


def test_a_yawn_at_the_edge_of_the_video_is_not_counted(stage):
    act = stage.Act(mouth=[yawn(stage, -2.0), yawn(stage, 27.0)])
    assert measure(act.film(stage.moments(30, 30), 0.01)).yawns == ()


def test_yawns_per_hour_need_five_minutes(stage):
    act = stage.Act(mouth=[yawn(stage, 20.0 + 100 * n) for n in range(4)])
    signs = measure(act.film(stage.moments(400, 10), 0.01))
    assert signs.yawns_per_hour == pytest.approx(36.0, rel=0.01)
    short = measure(act.film(stage.moments(60, 10), 0.01))
    assert len(short.yawns) == 1
    assert short.yawns_per_hour is None
    assert "1.0 min" in short.not_measurable["yawns_per_hour"]


def test_a_covered_mouth_says_so(stage):
    series = stage.Act(mouth=[yawn(stage, 9.0)]).film(stage.moments(40, 30), 0.01)
    series.mouth_visible[:] = np.arange(len(series)) % 10 == 0
    signs = measure(series)
    assert signs.yawns is None
    assert "mask" in signs.not_measurable["yawns"]
