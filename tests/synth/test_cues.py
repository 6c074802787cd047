"""What fatigue does to a performed face, on average over many people and moments."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from facefatigue.synth.clips import STATE_SHARE, score_of
from facefatigue.synth.cues import Performance, Temperament, make_temperament, perform

if TYPE_CHECKING:
    from facefatigue.synth.rig import Rig

WINDOW = np.arange(32) / 12.5
LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)


def _temperament(**changes: float) -> Temperament:
    values: dict[str, Any] = {
        "droop": 1.0, "blinks": 1.0, "yawns": 1.0, "nods": 1.0, "stillness": 1.0, "rest_closure": 0.0, "blink_rate_hz": 0.3
    }  # fmt: skip
    return Temperament(**{**values, **changes})


def _many(fatigue: float, count: int = 250, *, time_s: np.ndarray = WINDOW, **options: Any) -> list[Performance]:
    rngs = [np.random.default_rng([11, number]) for number in range(count)]
    return [perform(fatigue, make_temperament(rng), time_s, rng, **options) for rng in rngs]


def _mean(performances: list[Performance], what: str) -> float:
    values = [getattr(performance, what) for performance in performances]
    return float(np.mean([np.mean(value) for value in values]))


def _blink_lengths_s(fatigue: float) -> list[float]:
    """Times between crossing half closure down and up, of a person whose lids do not hang."""
    time_s = np.arange(0, 120, 0.01)
    lengths = []
    for seed in range(3):
        acted = perform(fatigue, _temperament(droop=0.0), time_s, np.random.default_rng(seed), yawns=[], distract=False)
        shut = np.concatenate([[False], acted.closure > 0.5, [False]])
        edges = np.flatnonzero(shut[1:] != shut[:-1])
        lengths += list((edges[1::2] - edges[::2]) * 0.01)
    return lengths


@pytest.fixture(scope="module")
def by_level() -> dict[float, list[Performance]]:
    return {level: _many(level) for level in LEVELS}


@pytest.mark.parametrize("what", ["closure", "perclos", "heaviness", "yawning", "nodding", "expressed"])
def test_more_fatigue_shows_more(by_level: dict[float, list[Performance]], what: str) -> None:
    means = [_mean(by_level[level], what) for level in LEVELS]
    assert all(low <= high + 0.005 for low, high in pairwise(means)), means
    assert means[-1] > means[0] + 0.01  # nodding in radians, the others as shares


def test_the_head_and_face_move_less(by_level: dict[float, list[Performance]]) -> None:
    def turning(level: float) -> float:
        return float(np.mean([np.abs(np.diff(p.turn[:, 1])).mean() for p in by_level[level]]))

    assert turning(1.0) < 0.9 * turning(0.0)


def test_blinks_grow_longer_and_alert_ones_are_in_the_published_range() -> None:
    alert, weary = _blink_lengths_s(0.0), _blink_lengths_s(1.0)
    assert 0.08 < np.mean(alert) < 0.25  # Caffier et al. 2003
    assert np.mean(weary) > 1.8 * np.mean(alert)
    assert len(alert) / 6 == pytest.approx(18, abs=7)  # 0.3 Hz is 18 a minute


def test_same_randomness_same_performance() -> None:
    one, other = (perform(0.6, _temperament(), WINDOW, np.random.default_rng(3)) for _ in range(2))
    assert one.expressions.keys() == other.expressions.keys()
    assert all(np.array_equal(one.expressions[name], other.expressions[name]) for name in one.expressions)
    assert np.array_equal(one.turn, other.turn)
    assert one.expressed == other.expressed


@pytest.mark.parametrize("fatigue", [0.1, 0.9])
def test_the_frame_rate_changes_nothing_but_the_sampling(fatigue: float) -> None:
    slow = np.arange(33) / 12.5
    fast = np.linspace(0, slow[-1], 2 * 32 + 1)
    acted = [perform(fatigue, _temperament(), time_s, np.random.default_rng(8)) for time_s in (slow, fast)]
    assert acted[0].closure == pytest.approx(acted[1].closure[::2], abs=1e-6)
    assert acted[0].yawning.tolist() == acted[1].yawning[::2].tolist()
    assert acted[0].turn == pytest.approx(acted[1].turn[::2], abs=0.02)  # smoothing sees more samples


def test_a_yawn_that_is_asked_for_opens_the_mouth_in_its_time() -> None:
    time_s = np.arange(0, 12, 0.04)
    acted = perform(0.2, _temperament(), time_s, np.random.default_rng(1), yawns=[(4.0, 5.0)], distract=False)
    during = (time_s > 4) & (time_s < 9)
    assert acted.mouth[during].max() > 0.6
    assert acted.mouth[~during].max() < 0.3
    assert acted.yawning[during].mean() > 0.5
    assert not acted.yawning[~during].any()
    calm = perform(0.2, _temperament(), time_s, np.random.default_rng(1), yawns=[], distract=False)
    assert not calm.yawning.any()


def test_open_mouths_and_narrow_eyes_of_other_causes_are_no_fatigue() -> None:
    """Over alert people, distractions move the mouth and the lids but not what counts as fatigue."""
    plain, busy = (_many(0.0, yawns=[], distract=distract) for distract in (False, True))
    assert _mean(busy, "mouth") > 1.5 * _mean(plain, "mouth")
    assert _mean(busy, "closure") > _mean(plain, "closure")
    assert _mean(busy, "expressed") == pytest.approx(_mean(plain, "expressed"), abs=0.005)
    assert _mean(busy, "expressed") < 0.05


def test_values_stay_in_range(by_level: dict[float, list[Performance]]) -> None:
    for level, performances in by_level.items():
        for acted in performances:
            assert 0 <= acted.expressed <= 1
            assert 0 <= acted.perclos <= 1
            assert level * STATE_SHARE <= score_of(level, acted) <= 1
            weights = np.stack(list(acted.expressions.values()))
            assert weights.shape[1] == 32
            assert np.isfinite(weights).all()
            assert weights.min() >= 0
            assert weights.max() <= 1.1
            assert acted.closure.min() >= 0
            assert acted.closure.max() <= 1


def test_the_label_is_the_state_and_what_is_seen_of_it() -> None:
    acted = perform(0.5, _temperament(), WINDOW, np.random.default_rng(2))
    assert score_of(0.5, acted) == pytest.approx(0.4 * 0.5 + 0.6 * acted.expressed)


def test_fatigue_may_change_over_time() -> None:
    time_s = np.arange(0, 40, 0.08)
    rising = np.linspace(0, 1, len(time_s))
    acted = [perform(rising, _temperament(), time_s, np.random.default_rng(s), yawns=[], distract=False) for s in range(5)]
    closure = np.mean([one.closure for one in acted], axis=0)
    assert closure[-125:].mean() > closure[:125].mean() + 0.2


def test_every_expression_is_one_of_the_rig(rig: Rig, by_level: dict[float, list[Performance]]) -> None:
    used = {name for performances in by_level.values() for acted in performances for name in acted.expressions}
    assert used <= rig.expressions.keys()
    assert {"eyeBlink_L", "eyeBlink_R", "jawOpen"} <= used
