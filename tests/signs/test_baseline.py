"""What is usual for a person: made from alert videos, kept in a file that is checked, held against other videos."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from facefatigue.errors import ConfigurationError
from facefatigue.signs import Conditions, Statistic, compare, make_baseline, measure, read_baseline, write_baseline
from facefatigue.signs.baseline import SIGNS
from facefatigue.signs.norms import NORMS


def video(stage, seed, seconds=300.0, rate_per_min=17.0, slower=1.0, droop=0.0, levels=None):
    blinks = [
        stage.Blink(b.start_s, b.closing_s * slower, b.closed_s * slower, b.opening_s * slower, b.depth)
        for b in stage.spontaneous(seconds, seed, rate_per_min)
    ]
    narrow = [stage.Swell(-9, 1, 1e4, 1, droop)] if droop else []
    return measure(stage.Act(blinks=blinks, narrow=narrow).film(stage.moments(seconds, 30), 0.008, seed=seed), levels)


@pytest.fixture(scope="module")
def alert(stage):
    return [video(stage, 1), video(stage, 2)]


@pytest.fixture(scope="module")
def baseline(alert):
    scores = np.random.default_rng(0).normal(0.2, 0.05, 90).clip(0, 1).tolist()
    return make_baseline("me", alert, scores, conditions=Conditions(glasses="no", brightness=0.5))


def test_statistics_are_medians_and_robust_spreads(alert, baseline):
    durations = [blink.duration_s for signs in alert for blink in signs.blinks]
    own = baseline.statistics["blink_duration_s"]
    assert own.median == pytest.approx(np.median(durations))
    assert own.spread == pytest.approx(1.4826 * np.median(np.abs(durations - np.median(durations))))
    assert own.n == len(durations)
    assert baseline.statistics["blink_rate_per_min"].n == 10  # minutes
    assert baseline.statistics["score"].median == pytest.approx(0.2, abs=0.02)
    assert baseline.recordings == 2
    assert baseline.read_s == pytest.approx(600, abs=1)
    assert baseline.lid_levels.open == pytest.approx((0.75, 0.75), abs=0.02)
    assert baseline.blinks.blinks == len(durations)
    assert baseline.blinks.duration_s[0] == pytest.approx(np.mean(durations), rel=0.02)


def test_another_alert_video_is_as_usual(stage, baseline):
    found = compare(video(stage, 3, levels=baseline.lid_levels), baseline, score=0.22)
    assert [own.sign for own in found.deviations] == [sign for sign in SIGNS if sign in baseline.statistics]
    assert all(abs(own.deviation) < 2 for own in found.deviations), found.deviations
    assert all("usual for you" in own.words and own.reference == "own" for own in found.deviations)
    assert found.cautions == ()


def test_a_tired_video_is_not(stage, baseline):
    tired = video(stage, 4, rate_per_min=40, slower=2.5, droop=0.4, levels=baseline.lid_levels)
    found = {own.sign: own for own in compare(tired, baseline, score=0.6).deviations}
    assert found["blink_duration_s"].deviation > 3
    assert found["blink_duration_s"].words == "blinks take longer, much beyond usual for you"
    assert found["blink_rate_per_min"].deviation > 2
    assert found["openness"].deviation < -3
    assert found["openness"].words.startswith("lids hang lower")
    assert found["perclos"].deviation > 3
    assert found["score"].deviation > 3


def test_without_a_baseline_norms_are_wider_and_say_so(stage, alert, baseline):
    found = compare(alert[0])
    assert found.name is None
    assert {own.sign for own in found.deviations} == set(NORMS)
    assert all(own.reference == "population" and own.source for own in found.deviations)
    assert all("usual in people at large" in own.words for own in found.deviations)
    assert "no baseline" in found.cautions[0]
    own = {one.sign: one for one in compare(alert[0], baseline).deviations}
    for norm in found.deviations:
        assert norm.spread > own[norm.sign].spread


def test_the_spread_is_never_that_of_chance(stage):
    """One minute that happens to repeat itself does not make everything else unusual."""
    once = video(stage, 5, seconds=70)
    alone = make_baseline("me", [once])
    other = compare(video(stage, 6, seconds=70, levels=alone.lid_levels), alone)
    assert all(abs(own.deviation) < 3 for own in other.deviations), other.deviations
    assert "1.2 min only" in other.cautions[0]


def test_other_glasses_and_other_light_are_cautions(alert, baseline):
    cautions = compare(alert[0], baseline, conditions=Conditions(glasses="yes", brightness=0.2)).cautions
    assert cautions == (
        "glasses: yes now, no in the baseline",
        "the light differs by more than a factor of two from the baseline's",
    )
    assert compare(alert[0], baseline, conditions=Conditions(glasses="unknown", brightness=0.4)).cautions == ()


def test_few_events_are_chance(alert, baseline):
    """One partial blink, or one yawn, is not beyond what is usual."""
    plain = alert[0].to_dict()
    partial = {**plain["blinks"][0], "complete": False}

    seldom = {**baseline.statistics, "yawns_per_hour": Statistic(median=0.0, spread=0.0, n=2)}
    own = dataclasses.replace(baseline, statistics=seldom)

    def found(**changed):
        return {one.sign: one for one in compare({**plain, **changed}, own).deviations}

    few = found(blinks=[partial] * 4, incomplete_blink_share=1.0)
    assert "incomplete_blink_share" not in few
    assert "blink_duration_s" not in few
    usual = baseline.statistics["incomplete_blink_share"].median
    some = found(blinks=[partial] * 5, incomplete_blink_share=1.0)["incomplete_blink_share"]
    chance = np.sqrt(usual * (1 - usual) / 5)
    assert some.spread == pytest.approx(np.hypot(0.1 * np.sqrt(1.5), chance), rel=0.01)
    one_yawn = found(end_s=600.0, coverage=1.0, yawns=[{}], yawns_per_hour=6.0)["yawns_per_hour"]
    assert 0 < one_yawn.deviation < 2
    many = found(end_s=600.0, coverage=1.0, yawns=[{}] * 8, yawns_per_hour=48.0)["yawns_per_hour"]
    assert many.deviation > 2
    half_a_minute = found(blinks=plain["blinks"][:13], blink_rate_per_min=26.0)["blink_rate_per_min"]
    hours = found(blinks=plain["blinks"] * 20, blink_rate_per_min=26.0)["blink_rate_per_min"]
    assert half_a_minute.deviation < hours.deviation


def test_signs_from_a_report_compare_alike(alert, baseline):
    found = compare(json.loads(json.dumps(alert[0].to_dict())), baseline, score=0.2)
    assert [own.deviation for own in found.deviations] == pytest.approx(
        [own.deviation for own in compare(alert[0], baseline, score=0.2).deviations], abs=1e-3
    )


def test_scores_of_another_network_are_not_compared(alert):
    noted = make_baseline("me", alert, [0.2, 0.3, 0.25], model="one 1.0")
    same = compare(alert[0], noted, score=0.6, model="one 1.0")
    assert same.deviations[-1].sign == "score"
    other = compare(alert[0], noted, score=0.6, model="two 1.0")
    assert other.deviations == same.deviations[:-1]
    assert other.cautions == ("scores are not compared: this one is of two 1.0, those of the baseline of one 1.0",)
    assert make_baseline("me", alert, model="one 1.0").model is None  # no scores, no network


def test_comparisons_are_json(alert, baseline):
    data = json.loads(json.dumps(compare(alert[0], baseline).to_dict(), allow_nan=False))
    assert data["name"] == "me"
    assert data["deviations"][0].keys() >= {"sign", "value", "usual", "deviation", "words", "reference"}


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"name": " "}, "a baseline needs a name"),
        ({"scores": [0.2, 1.5]}, "a score lies between 0 and 1, not at 1.5"),
        ({"signs": []}, "0.0 s of the face were read; a baseline needs 60 s"),
    ],
)
def test_a_baseline_refuses(alert, what, message):
    with pytest.raises(ConfigurationError, match=message):
        make_baseline(**({"name": "me", "signs": alert} | what))


def test_a_short_video_is_too_little(stage):
    with pytest.raises(ConfigurationError, match=r"40.0 s of the face were read"):
        make_baseline("me", [video(stage, 1, seconds=40)])


def test_a_file_gives_the_same_baseline(tmp_path, baseline):
    path = tmp_path / "me.json"
    write_baseline(baseline, path)
    assert read_baseline(path) == baseline
    data = json.loads(path.read_text(encoding="utf-8"))
    assert data["schema"] == "facefatigue.baseline/1"
    assert path.stat().st_size < 3000  # numbers only


def changed(data, place, value):
    *way, last = place
    inner = data
    for step in way:
        inner = inner[step]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return data


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (["schema"], "facefatigue.baseline/2", "its schema is 'facefatigue.baseline/2', not 'facefatigue.baseline/1'"),
        (["name"], "", "name should be a text of one line"),
        (["name"], "a\x1b[2Jb", "name should be a text of one line"),
        (["recordings"], 0, "recordings should be a whole number from 1 on, not 0"),
        (["read_s"], True, "read_s should be a number, not True"),
        (["conditions", "glasses"], "maybe", "conditions.glasses should be one of unknown, yes, no"),
        (["conditions", "brightness"], 7, "conditions.brightness should lie between 0 and 1, not at 7"),
        (["lid_levels", "open"], [0.7], "lid_levels.open should be a list of two"),
        (["lid_levels", "shut"], [0.7, "x"], r"lid_levels.shut\[1\] should be a number, not 'x'"),
        (["statistics", "perclos", "spread"], -1, "statistics.perclos.spread should lie between 0 and inf, not at -1"),
        (["statistics", "perclos", "n"], ..., "statistics.perclos.n is missing"),
        (["statistics"], [], "statistics should be an object"),
        (["blinks", "velocity"], [1.0, 0.0], r"blinks.velocity\[1\] should be above 0"),
        (["blinks", "interval_s"], None, "blinks.interval_s should be a number, not None"),
        (["blinks"], ..., "blinks is missing"),
    ],
)
def test_a_damaged_file_is_named_with_the_field(tmp_path, baseline, place, value, message):
    path = tmp_path / "me.json"
    write_baseline(baseline, path)
    data = changed(json.loads(path.read_text(encoding="utf-8")), place, value)
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=message) as caught:
        read_baseline(path)
    assert str(caught.value).startswith(f"{path}: not a baseline: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not JSON"),
        (b"[1]", "it should be an object"),
        (b"\xff\xfe\x00", "not a text file"),
        (b'{"schema": NaN}', "its schema is nan"),
    ],
)
def test_what_is_no_baseline_at_all(tmp_path, content, message):
    path = tmp_path / "me.json"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        read_baseline(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"none.json: the baseline cannot be read \(No such file"):
        read_baseline(tmp_path / "none.json")


def test_fields_of_later_versions_are_passed_over(tmp_path, baseline):
    path = tmp_path / "me.json"
    write_baseline(baseline, path)
    data = json.loads(path.read_text(encoding="utf-8"))
    data["more"] = data["statistics"]["more"] = {"median": 1, "spread": 1, "n": 1}
    path.write_text(json.dumps(data), encoding="utf-8")
    assert read_baseline(path) == baseline
