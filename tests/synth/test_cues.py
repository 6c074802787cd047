"""What fatigue does to a performed face, on average over many people and moments, and how tired it is said to look."""

from __future__ import annotations

import dataclasses
import importlib.util
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facefatigue.synth import cues
from facefatigue.synth.cues import Performance, Temperament, make_temperament, perform
from facefatigue.synth.performance import MICROSLEEP_S

WINDOW = np.arange(32) / 10
LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
SIDED = (
    "browDown browInnerUp browOuterUp cheekPuff cheekRaiser cheekSquint eyeBlink eyeLookDown eyeLookIn eyeLookOut eyeLookUp"
    " eyeSquint eyeWide mouthDimple mouthFrown mouthLowerDown mouthPress mouthSmile mouthStretch mouthUpperUp noseSneer"
)
WHOLE = "jawForward jawLeft jawOpen jawRight mouthClose mouthFunnel mouthLeft mouthPucker mouthRight"
RIG_NAMES = {name + side for name in SIDED.split() for side in ("_L", "_R")} | set(WHOLE.split())


def _temperament(**changes: Any) -> Temperament:
    values: dict[str, Any] = {
        "droop": 1.0, "blinks": 1.0, "yawns": 1.0, "nods": 1.0, "stillness": 1.0, "rest_closure": 0.0, "blink_rate_hz": 0.3
    }  # fmt: skip
    return Temperament(**{**values, **changes})


def _many(fatigue: float, count: int = 250, *, time_s: np.ndarray = WINDOW, **options: Any) -> list[Performance]:
    rngs = [np.random.default_rng([11, number]) for number in range(count)]
    return [perform(fatigue, make_temperament(rng), time_s, rng, **options) for rng in rngs]


def _mean(performances: list[Performance], what: str) -> float:
    return float(np.mean([np.mean(getattr(performance, what)) for performance in performances]))


def _ranked(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's correlation of values without ties that matter."""
    return float(np.corrcoef(np.argsort(np.argsort(one)), np.argsort(np.argsort(other)))[0, 1])


@pytest.fixture(scope="module")
def by_level() -> dict[float, list[Performance]]:
    return {level: _many(level) for level in LEVELS}


@pytest.fixture(scope="module")
def drawn() -> list[Performance]:
    """Windows as clips draw them: any state, any person."""
    rngs = [np.random.default_rng([12, number]) for number in range(1000)]
    return [perform(rng.uniform(), make_temperament(rng), WINDOW, rng) for rng in rngs]


@pytest.mark.parametrize("what", ["closure", "perclos", "heaviness", "yawning", "nodding", "rated"])
def test_more_fatigue_shows_more(by_level: dict[float, list[Performance]], what: str) -> None:
    means = [_mean(by_level[level], what) for level in LEVELS]
    assert all(low <= high + 0.015 for low, high in pairwise(means)), means
    assert means[-1] > means[0] + 0.03  # nodding in radians, the others as shares


def test_the_head_and_face_move_less_and_the_mouth_hangs(by_level: dict[float, list[Performance]]) -> None:
    def turning(level: float) -> float:
        quiet = [p for p in _many(level, distract=False, yawns=[]) if not p.nodding.any()]
        return float(np.mean([np.abs(np.diff(p.turn[:, 1])).mean() for p in quiet]))

    def hanging(level: float) -> float:
        return float(np.mean([p.expressions["mouthFrown_L"].mean() for p in by_level[level]]))

    assert turning(1.0) < 0.8 * turning(0.0)
    assert hanging(1.0) > hanging(0.0) + 0.1


@pytest.mark.parametrize("state", ["redness", "paleness", "dark_circles", "swelling"])
def test_the_skin_tells_of_fatigue_but_does_not_decide(by_level: dict[float, list[Performance]], state: str) -> None:
    rested, tired = (np.array([getattr(p.skin, state) for p in by_level[level]]) for level in (0.0, 1.0))
    told = float((tired[:, None] > rested).mean())  # the chance that a tired face shows more of it than a rested one
    assert 0.65 < told < 0.92
    assert rested.min() >= 0
    assert tired.max() <= 1


def _blinks(level: float, count: int = 25) -> list[Performance]:
    return _many(level, count, time_s=np.arange(0, 120, 1 / 30), yawns=[], distract=False)


def test_alert_blinks_are_in_the_published_ranges() -> None:
    acts = _blinks(0.0)
    lengths_s = np.array([blink.duration_s for act in acts for blink in act.blinks])
    assert 0.10 < np.median(lengths_s) < 0.25  # Caffier et al. 2003
    assert (lengths_s >= MICROSLEEP_S).mean() < 0.01
    rates = np.array([len(act.blinks) / 2 for act in acts])
    assert 8 < np.median(rates) < 21  # a minute, in silent primary gaze: Doughty 2001
    assert np.quantile(rates, 0.9) > 1.5 * np.quantile(rates, 0.1)
    complete = np.mean([blink.depth > 0.9 for act in acts for blink in act.blinks])
    assert 0.35 < complete < 0.6  # Sforza et al. 2008, Ousler et al. 2014


def test_tired_blinks_are_longer_and_only_some_people_blink_more() -> None:
    alert, tired = _blinks(0.125, 40), _blinks(0.94, 40)
    slow = [np.mean([b.duration_s > 0.3 for act in acts for b in act.blinks]) for acts in (alert, tired)]
    assert slow[1] > 2 * slow[0]
    more = np.mean([len(after.blinks) > len(before.blinks) for before, after in zip(alert, tired, strict=True)])
    assert 0.5 < more < 0.9  # 66 % in UTA-RLDD


def test_flags_and_lists_tell_of_the_same_blinks() -> None:
    act = _many(0.97, 1, time_s=np.arange(0, 300, 1 / 30), yawns=[], distract=False)[0]
    short, long = np.zeros(len(act.time_s), bool), np.zeros(len(act.time_s), bool)
    for blink in act.blinks:
        inside = (act.time_s >= blink.start_s) & (act.time_s <= blink.end_s)
        (long if blink.duration_s >= MICROSLEEP_S else short)[inside] = True
    assert np.array_equal(act.microsleep, long)
    assert np.array_equal(act.blinking, short & ~long)
    assert long.any()
    assert act.closure[long].mean() > 0.7
    assert act.closure[short].mean() > act.closure[~(short | long)].mean() + 0.2


def test_same_randomness_same_performance() -> None:
    one, other = (perform(0.6, _temperament(), WINDOW, np.random.default_rng(3)) for _ in range(2))
    assert one.expressions.keys() == other.expressions.keys()
    assert all(np.array_equal(one.expressions[name], other.expressions[name]) for name in one.expressions)
    assert np.array_equal(one.turn, other.turn)
    assert one.rated == other.rated
    assert one.skin == other.skin


@pytest.mark.parametrize("fatigue", [0.1, 0.9])
def test_the_frame_rate_changes_nothing_but_the_sampling(fatigue: float) -> None:
    slow = np.arange(33) / 10
    fast = np.linspace(0, slow[-1], 2 * 32 + 1)
    acted = [perform(fatigue, _temperament(), time_s, np.random.default_rng(8), distract=False) for time_s in (slow, fast)]
    assert acted[0].closure == pytest.approx(acted[1].closure[::2], abs=1e-9)
    assert acted[0].yawning.tolist() == acted[1].yawning[::2].tolist()
    assert acted[0].turn == pytest.approx(acted[1].turn[::2], abs=1e-9)
    assert acted[0].rated == pytest.approx(acted[1].rated, abs=0.05)


def test_moments_seconds_apart_are_rated_by_what_happens_between_them() -> None:
    sparse = np.arange(32) * 2.0
    acted = perform(0.9, _temperament(), sparse, np.random.default_rng(5))
    assert acted.dense is not None
    assert len(acted.time_s) == len(acted.closure) == len(acted.turn) == len(acted.expressions["jawOpen"]) == 32
    at = np.searchsorted(acted.dense.time_s, sparse)
    assert np.array_equal(acted.closure, acted.dense.closure[at])
    assert np.diff(acted.dense.time_s).max() <= 0.1 + 1e-9
    assert acted.rated == acted.dense.rated
    assert acted.perclos == pytest.approx((acted.dense.closure >= 0.8).mean(), abs=0.01)
    assert perform(0.9, _temperament(), np.array([3.0]), np.random.default_rng(5)).rated > 0.2  # a single moment


def test_a_yawn_that_is_asked_for_opens_the_mouth_in_its_time() -> None:
    time_s = np.arange(0, 12, 0.04)
    acts = [
        perform(0.2, _temperament(), time_s, np.random.default_rng(n), yawns=[(4.0, 5.0)], distract=False) for n in range(40)
    ]
    during = (time_s > 4) & (time_s < 9)
    for acted in acts:
        assert acted.yawns == ((4.0, 9.0),)
        assert acted.mouth[~during].max() < 0.3
        assert 0.4 < acted.yawning[during].mean() < 0.95
        assert not acted.yawning[~during].any()
    widest = np.array([acted.mouth[during].max() for acted in acts])
    assert np.mean(widest > 0.58) > 0.7
    suppressed = [acted for acted in acts if "mouthClose" in acted.expressions]
    assert 1 <= len(suppressed) <= 15
    assert all(acted.yawn.max() < 0.5 and acted.expressions["noseSneer_L"].max() > 0.2 for acted in suppressed)
    hands = [acted for acted in acts if acted.hand_place == "mouth"]
    assert 4 <= len(hands) <= 22
    assert all(acted.hand[during].max() > 0.9 for acted in hands)
    closed = np.array([acted.closure[acted.yawn > 0.9 * acted.yawn.max()].max() for acted in acts])
    assert 0.2 < np.mean(closed > 0.85) < 0.8  # some yawn with open, some with closed eyes
    assert not perform(0.2, _temperament(), time_s, np.random.default_rng(1), yawns=[], distract=False).yawning.any()


def test_a_window_inside_a_yawn_is_rated_as_tired() -> None:
    rated = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        acted = perform(0.1, make_temperament(rng), WINDOW, rng, yawns=[(-1.2, 5.4)], distract=False)
        if "mouthClose" not in acted.expressions:  # not a suppressed one
            rated.append(acted.rated)
    assert min(rated) > 0.5
    assert np.mean(rated) == pytest.approx(0.75, abs=0.06)


def test_open_mouths_and_narrow_eyes_of_other_causes_are_hardly_rated() -> None:
    plain, busy = (_many(0.0, yawns=[], distract=distract) for distract in (False, True))
    assert _mean(busy, "mouth") > 1.5 * _mean(plain, "mouth")
    assert _mean(busy, "closure") > _mean(plain, "closure") + 0.04
    assert _mean(busy, "rated") < _mean(plain, "rated") + 0.06
    average = [acted for acted in plain if abs(acted.rest) < 0.04]  # narrow eyes look tired to who does not know them
    assert _mean(average, "rated") < 0.12
    assert np.quantile([acted.rated for acted in average], 0.95) < 0.25
    assert np.quantile([acted.rated for acted in plain], 0.98) < 0.5


def test_mouths_as_wide_as_a_yawn_are_often_none(drawn: list[Performance]) -> None:
    wide = [acted for acted in drawn if acted.mouth.max() > 0.5]
    yawning = np.mean([acted.yawn.max() > 0.5 for acted in wide])
    assert 0.25 < yawning < 0.65
    narrow = [acted for acted in drawn if acted.gaze_down.max() > 0.4 or acted.squint.max() > 0.4]
    assert len(narrow) > 0.2 * len(drawn)


def test_the_rating_spreads_over_its_range_and_follows_the_state(drawn: list[Performance]) -> None:
    rated, state = np.array([acted.rated for acted in drawn]), np.array([acted.fatigue[0] for acted in drawn])
    low, high = np.quantile(rated, (0.02, 0.98))
    assert low < 0.08
    assert high > 0.95
    assert 0.28 < (rated > 0.5).mean() < 0.38  # neither kind is rare
    assert np.histogram(rated, bins=10, range=(0, 1))[0].min() > 0.03 * len(rated)  # nor is any grade
    assert 0.65 < _ranked(state, rated) < 0.95


def test_no_single_cue_decides(drawn: list[Performance]) -> None:
    state = np.array([acted.fatigue[0] for acted in drawn])
    for name in ("closure", "yawn", "nodding", "mouth"):
        cue = np.array([float(getattr(acted, name).mean()) for acted in drawn])
        assert _ranked(state, cue) < 0.7, name


def _still(**tracks: float) -> Performance:
    """A face without any movement, of which some tracks are set."""
    quiet = perform(0.0, _temperament(corners=0.0), WINDOW, np.random.default_rng(0), yawns=[], distract=False)
    flat = {
        name: np.zeros(32) for name in ("closure", "heaviness", "yawn", "nodding", "gaze_down", "smile", "squint", "hand")
    }
    return dataclasses.replace(quiet, **{**flat, **{name: np.full(32, value) for name, value in tracks.items()}}, blinks=())


def test_the_rating_rises_with_closure_from_the_first_bit() -> None:
    steps = [_still(closure=share, heaviness=share).rated for share in np.linspace(0, 0.9, 19)]
    assert all(high > low for low, high in pairwise(steps))
    assert all(high > low + 0.03 for low, high in pairwise(steps[:6]))
    assert all(high > low + 0.08 for low, high in pairwise(steps[1:6]))
    assert steps[0] < 0.1
    assert steps[6] > 0.6
    assert _still(closure=0.6, heaviness=0.6).rated > 0.9
    assert [_still(nodding=turn).rated for turn in (0.0, 0.1, 0.3)] == sorted(
        _still(nodding=turn).rated for turn in (0, 0.1, 0.3)
    )


def test_the_rating_excuses_what_is_seen_to_have_another_cause() -> None:
    bare = _still().rated
    assert _still(closure=0.4, gaze_down=1.0).rated < bare + 0.09
    assert _still(closure=0.4, squint=0.9).rated < bare + 0.12
    assert _still(closure=0.4, heaviness=0.4).rated > bare + 0.7


def test_eyes_that_are_narrow_by_nature_count_little() -> None:
    assert _still().by(0.9).rated < _still().rated + 0.15
    assert _still().by(0.7).rated > _still().rated + 0.5  # nobody can tell them from heavy ones
    assert _still().rated - 0.001 < _still().by(1.2).rated <= _still().rated
    dense = perform(0.5, _temperament(), np.array([0.0, 2.0]), np.random.default_rng(0)).by(0.8)
    assert dense.dense.opening == dense.opening == 0.8
    assert (_still(closure=1.0).by(0.6).lid == 1).all()


def test_the_rating_knows_nothing_that_is_not_seen(drawn: list[Performance]) -> None:
    acted = drawn[7]
    assert dataclasses.replace(acted, fatigue=1 - acted.fatigue).rated == acted.rated


def test_values_stay_in_range(by_level: dict[float, list[Performance]]) -> None:
    for acted in (acted for performances in by_level.values() for acted in performances):
        assert 0 <= acted.rated <= 1
        assert 0 <= acted.perclos <= 1
        assert acted.hand_place in {"", "mouth", "eye", "cheek", "chin"}
        assert set(acted.expressions) <= RIG_NAMES
        assert {"eyeBlink_L", "eyeBlink_R", "jawOpen", "mouthFrown_L"} <= set(acted.expressions)
        weights = np.stack(list(acted.expressions.values()))
        assert weights.shape[1] == 32
        assert np.isfinite(weights).all()
        assert weights.min() >= 0
        assert weights.max() <= 1.1
        for track in (acted.closure, acted.heaviness, acted.gaze_down, acted.smile, acted.squint, acted.hand, acted.yawn):
            assert track.shape == (32,)
            assert 0 <= track.min() <= track.max() <= 1
        assert (acted.closure >= acted.heaviness - 1e-9).all()
        assert np.abs(acted.turn).max() < 1.6


def test_fatigue_may_change_over_time() -> None:
    time_s = np.arange(0, 40, 0.08)
    rising = np.linspace(0, 1, len(time_s))
    acted = [perform(rising, _temperament(), time_s, np.random.default_rng(s), yawns=[], distract=False) for s in range(5)]
    closure = np.mean([one.closure for one in acted], axis=0)
    assert closure[-125:].mean() > closure[:125].mean() + 0.2
    assert np.array_equal(acted[0].fatigue, rising)


def test_lids_hang_lower_on_the_weaker_side() -> None:
    acted = perform(0.8, _temperament(asymmetry=0.3), WINDOW, np.random.default_rng(4), yawns=[], distract=False)
    assert acted.expressions["eyeBlink_L"].mean() > acted.expressions["eyeBlink_R"].mean() + 0.05


def test_the_constants_are_those_of_the_data(shared: Path) -> None:
    folder = shared / "data" / "uta_rldd_blinks"
    if not folder.is_dir():
        pytest.skip("no UTA-RLDD blinks beside the project")
    spec = importlib.util.spec_from_file_location("fit_blinks", Path(__file__).parents[2] / "tools" / "fit_blinks.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    people = tool.read_people(folder)
    assert len(people) == 58
    assert min(len(video) for person in people for video in person) >= 5
    assert np.median(tool.rates(people), axis=0) == pytest.approx(cues.RATE_LOG, abs=0.006)
    slow = [tool.slow_share(people, state).mean() for state in range(3)]
    assert np.subtract(slow[1:], slow[0]) == pytest.approx(cues.SLOW_SHARE, abs=0.006)
    assert tool.correlations(people, 0)[0, 1] == pytest.approx(cues.AMPLITUDE_DURATION, abs=0.006)
