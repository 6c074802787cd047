"""Nods of heads that fall asleep, not of agreement; gaze that is turned down."""

from __future__ import annotations

import pytest

from facefatigue.signs import measure


@pytest.mark.parametrize("rate_hz", [10, 15, 30, 60, 120])
def test_a_head_that_sinks_and_is_jerked_up_nods(stage, rate_hz):
    act = stage.Act(pitch=[stage.Swell(5 + 10 * n, 1.6, 0.2, 0.3, 0.3) for n in range(4)])
    nods = measure(act.film(stage.moments(45, rate_hz, jitter=0.2), 0.01)).nods
    assert [round(nod.lowest_s) for nod in nods] == [pytest.approx(7 + 10 * n, abs=1) for n in range(4)]
    for nod in nods:
        assert nod.depth_rad == pytest.approx(0.3, abs=0.04)
        assert nod.sinking_s > 2 * nod.return_s


@pytest.mark.parametrize("rate_hz", [10, 30, 60])
class TestWhatIsNoNod:
    def nods(self, stage, rate_hz, **what):
        return measure(stage.Act(**what).film(stage.moments(60, rate_hz, jitter=0.1), 0.01)).nods

    def test_agreement(self, stage, rate_hz):
        quick = [stage.Swell(5 + 8 * n + 0.6 * beat, 0.25, 0.05, 0.25, 0.2) for n in range(6) for beat in range(3)]
        assert self.nods(stage, rate_hz, pitch=quick) == ()

    def test_a_look_at_a_phone(self, stage, rate_hz):
        assert self.nods(stage, rate_hz, pitch=[stage.Swell(5 + 9 * n, 0.5, 3.0, 0.5, 0.4) for n in range(6)]) == ()

    def test_turning_the_head(self, stage, rate_hz):
        assert self.nods(stage, rate_hz, yaw=[stage.Swell(5 + 9 * n, 1.5, 0.5, 0.3, 0.7) for n in range(6)]) == ()

    def test_coming_forward_after_leaning_back(self, stage, rate_hz):
        back = [stage.Swell(5 + 9 * n, 0.3, 0.2, 1.6, -0.3) for n in range(6)]
        assert self.nods(stage, rate_hz, pitch=back) == ()


def test_nods_are_not_joined_over_a_gap(stage):
    act = stage.Act(pitch=[stage.Swell(8, 1.6, 0.2, 0.3, 0.3)])
    time_s = stage.moments(30, 30)
    seen = (time_s < 8.6) | (time_s > 9.7)
    assert measure(act.film(time_s[seen], 0.01, end_s=30.0)).nods == ()


def test_share_of_gaze_down(stage):
    looks = [stage.Swell(4 + 10 * n, 0.12, 2.76, 0.12, 0.5) for n in range(6)]
    lids = [stage.Swell(look.start_s, 0.12, 2.76, 0.12, 0.35) for look in looks]
    act = stage.Act(blinks=[stage.Blink(2 + 10 * n) for n in range(6)], gaze_down=looks, narrow=lids)
    signs = measure(act.film(stage.moments(62, 30), 0.01))
    assert signs.gaze_down_share == pytest.approx(6 * 2.9 / 62, rel=0.1)


def test_blinks_do_not_look_down(stage):
    act = stage.Act(blinks=stage.spontaneous(60, seed=7, rate_per_min=30))
    assert measure(act.film(stage.moments(60, 30), 0.01)).gaze_down_share < 0.01


def test_usual_pose(stage):
    act = stage.Act(yaw=[stage.Swell(-5, 1, 100, 1, 0.25)], pitch=[stage.Swell(-5, 1, 100, 1, -0.1)])
    pose = measure(act.film(stage.moments(30, 30), 0.01)).head_pose
    assert (pose.yaw_rad, pose.pitch_rad, pose.roll_rad) == pytest.approx((0.25, -0.1, 0.0), abs=0.01)
    assert pose.yaw_spread_rad < 0.02
