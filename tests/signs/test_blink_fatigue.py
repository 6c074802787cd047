"""What blinks tell: the model that ships, in its own measure and in that of people at large."""

from __future__ import annotations

import json

import numpy as np
import pytest

from facefatigue.errors import ConfigurationError, ModelError
from facefatigue.signs import blink_fatigue
from facefatigue.signs.blink_fatigue import (
    COLUMNS,
    LEAST_ALERT_BLINKS,
    SCORES,
    AlertBlinks,
    BlinkEstimate,
    BlinkFatigue,
    NoBlinkEstimate,
    blink_table,
)
from facefatigue.signs.blink_statistics import STATISTICS, describe
from facefatigue.signs.blinks import Blink
from facefatigue.signs.norms import ALERT_BLINK_DURATION_S, BLINK_DURATION_VARIATION, NORMS, usual_blinks

SHIPPED = blink_fatigue.resources.files("facefatigue.signs") / "weights" / "blink_fatigue.npz"


def blinks_of(count: int, seed: int = 0, *, interval_s: float = 4.0, slower: float = 1.0) -> np.ndarray:
    """Blinks in real units, as an ordinary person has them; slower ones take longer to open."""
    rng = np.random.default_rng(seed)
    amplitude = rng.normal(0.9, 0.08, count).clip(0.4)
    duration_s = 0.16 * rng.lognormal(0, 0.2, count) * slower
    opening_s = duration_s * rng.normal(0.5, 0.05, count).clip(0.3)
    interval = rng.exponential(interval_s - 0.4, count) + 0.4
    interval[0] = np.nan
    return np.column_stack([interval, amplitude, duration_s, amplitude / opening_s])


ALERT = AlertBlinks.of(blinks_of(60, seed=9))


@pytest.fixture(scope="module")
def model() -> BlinkFatigue:
    return BlinkFatigue()


def estimate(model: BlinkFatigue, table: np.ndarray, alert: AlertBlinks | None = ALERT) -> BlinkEstimate:
    found = model.estimate(table, alert)
    assert isinstance(found, BlinkEstimate)
    return found


def width(found: BlinkEstimate) -> float:
    return found.interval[1] - found.interval[0]


# --- the person's own alert blinks


def test_slow_blinks_are_tired_and_usual_ones_are_not(model) -> None:
    usual = [estimate(model, blinks_of(30, seed)) for seed in range(8)]
    slow = [estimate(model, blinks_of(30, seed, slower=1.8)) for seed in range(8)]
    assert np.mean([own.score for own in usual]) < 0.35
    assert np.mean([own.score for own in slow]) > np.mean([own.score for own in usual]) + 0.3
    assert all(own.state == "alert" for own in usual)
    assert all(own.reference == "own" and own.columns == COLUMNS for own in usual + slow)


def test_the_numbers_of_an_estimate_hang_together(model) -> None:
    found = estimate(model, blinks_of(30, 3, slower=1.3))
    assert sum(found.probabilities) == pytest.approx(1)
    assert found.score == pytest.approx(np.dot(found.probabilities, SCORES))
    assert 0 <= found.interval[0] <= found.score <= found.interval[1] <= 1
    assert found.blinks == 30
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert list(plain) == ["state", "probabilities", "score", "score_interval", "blinks", "columns", "reference"]
    assert plain["state"] == max(plain["probabilities"], key=plain["probabilities"].get)


def test_the_order_of_blinks_does_not_matter(model) -> None:
    table = blinks_of(40, 4, slower=1.2)
    for alert in (ALERT, None):
        mixed = estimate(model, np.random.default_rng(0).permutation(table), alert)
        assert mixed.probabilities == pytest.approx(estimate(model, table, alert).probabilities)


def test_units_of_amplitude_and_velocity_cancel(model) -> None:
    """Openness is measured in another way than in the published work, up to a factor."""
    factors = np.array([1.0, 7.0, 1.0, 0.2])
    table, usual = blinks_of(30, 5), blinks_of(60, 9)
    other = estimate(model, table * factors, AlertBlinks.of(usual * factors))
    assert other.probabilities == pytest.approx(estimate(model, table).probabilities)


@pytest.mark.parametrize(
    ("lost", "columns"),
    [
        ((), COLUMNS),
        ((0,), ("amplitude", "duration", "velocity")),
        ((1,), ("interval", "duration")),
        ((3,), ("interval", "duration")),
        ((0, 1), ("duration",)),
    ],
)
def test_what_was_measured_decides_on_the_model(model, lost, columns) -> None:
    table = blinks_of(30, 6, slower=1.6)
    table[1:, list(lost)] = np.nan
    assert estimate(model, table).columns == columns
    assert columns in model.variants.values()


def test_a_blink_without_a_duration_is_left_out(model) -> None:
    table = blinks_of(12, 7)
    table[3, 1:] = np.nan
    assert estimate(model, table).blinks == 11
    np.testing.assert_allclose(
        estimate(model, table).probabilities, estimate(model, np.delete(table, 3, axis=0)).probabilities
    )


# --- people at large


@pytest.mark.parametrize("slower", [1.0, 1.5, 3.0])
def test_people_at_large_make_the_interval_wider(model, slower) -> None:
    for seed in range(5):
        table = blinks_of(30, seed, slower=slower)
        own, people = estimate(model, table), estimate(model, table, None)
        assert people.reference == "population"
        assert people.to_dict()["reference"] == "population"
        assert people.columns == ("interval", "duration")
        assert width(people) > width(own)
        assert estimate(model, table, None) == people  # nothing is left to chance


def test_without_a_baseline_usual_blinks_tell_little_and_very_long_ones_something(model) -> None:
    usual = estimate(model, blinks_of(40, 1), None)
    assert usual.interval[0] <= 0.1
    assert usual.interval[1] >= 0.6
    assert max(usual.probabilities) < 0.75
    assert estimate(model, blinks_of(40, 1, slower=3.0), None).score > usual.score + 0.2


def test_without_intervals_durations_remain(model) -> None:
    table = blinks_of(20, 2)
    table[:, 0] = np.nan
    assert estimate(model, table, None).columns == ("duration",)


def test_people_at_large_have_the_spread_of_the_norms() -> None:
    people = usual_blinks()
    rates = np.array([60 / own.interval_s for own in people])
    means = np.array([own.duration_s[0] for own in people])
    variations = np.array([own.duration_s[1] / own.duration_s[0] for own in people])
    for values, norm in (
        (rates, NORMS["blink_rate_per_min"]), (means, ALERT_BLINK_DURATION_S), (variations, BLINK_DURATION_VARIATION),
    ):  # fmt: skip
        assert (values > 0).all()
        assert values.mean() == pytest.approx(norm.usual)
        assert values.std() == pytest.approx(norm.spread)


# --- too little, and bad input


@pytest.mark.parametrize(("count", "lost", "reason", "text"), [
    (0, 0, "too_few_blinks", "0 blinks are too few: at least 5 are needed"),
    (1, 0, "too_few_blinks", "1 blink is too few: at least 5 are needed"),
    (4, 0, "too_few_blinks", "4 blinks are too few"),
    (30, 26, "no_durations", "only 4 of 30 blinks have a duration, 5 must"),
])  # fmt: skip
def test_too_little_is_said(model, count, lost, reason, text) -> None:
    table = blinks_of(max(count, 1))[:count]
    table[:lost, 1:] = np.nan
    for alert in (ALERT, None):
        found = model.estimate(table, alert)
        assert isinstance(found, NoBlinkEstimate)
        assert found.reason == reason
        assert found.text.startswith(text)


@pytest.mark.parametrize(("change", "message"), [
    (lambda table: table[:, :3], r"blinks are an \(n, 4\) array of interval, amplitude, duration, velocity, not \(20, 3\)"),
    (lambda table: table[0], r"not \(4,\)"),
    (lambda table: np.where(np.arange(4) == 2, np.inf, table), "a blink has an infinite value; write NaN"),
    (lambda table: np.where(np.arange(4) == 0, -table, table), "a blink's interval is below 0"),
    (lambda table: np.where(np.arange(4) == 2, table - 1, table), "a blink's duration is below 0"),
])  # fmt: skip
def test_bad_blinks_are_refused(model, change, message) -> None:
    for alert in (ALERT, None):
        with pytest.raises(ConfigurationError, match=message):
            model.estimate(change(blinks_of(20)), alert)


def test_a_baseline_needs_blinks_that_vary() -> None:
    with pytest.raises(ConfigurationError, match=f"14 blinks make no baseline; at least {LEAST_ALERT_BLINKS} are needed"):
        AlertBlinks.of(blinks_of(14))
    with pytest.raises(ConfigurationError, match="blinks that do not vary at all make no baseline"):
        AlertBlinks.of(np.tile((4.0, 0.875, 0.125, 8.0), (20, 1)))


def test_normalised_blinks_of_the_baseline_itself_are_0_and_1() -> None:
    table = blinks_of(60, seed=9)
    found = AlertBlinks.of(table).normalise(table)
    np.testing.assert_allclose(found[:, 1:].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(found[:, 1:].std(axis=0), 1)
    assert np.nanmean(found[:, 0]) == pytest.approx(1)


def test_statistics_are_what_their_names_say() -> None:
    table = blinks_of(40, 8, slower=1.5)
    found = dict(zip(STATISTICS, describe(ALERT.normalise(table), ALERT.units_s), strict=True))
    z = (table[:, 2] - ALERT.duration_s[0]) / ALERT.duration_s[1]
    assert found["duration mean"] == pytest.approx(np.arcsinh(z).mean())
    assert found["duration p90"] == pytest.approx(np.quantile(np.arcsinh(z), 0.9))
    assert found["slow"] == pytest.approx((z > 2).mean())
    assert found["0.1 s longer"] == pytest.approx((table[:, 2] > ALERT.duration_s[0] + 0.1).mean())
    assert found["rate"] == pytest.approx(np.log(ALERT.interval_s / np.nanmean(table[:, 0])))
    assert found["blinks a minute"] == pytest.approx(np.log(60 / np.nanmean(table[:, 0])))


def test_a_table_tells_when_and_how_the_lids_moved() -> None:
    def blink(start_s: float, rate: float, opening_s: float | None) -> Blink:
        return Blink(
            start_s=start_s, peak_s=start_s + 0.1, end_s=start_s + 0.2, amplitude=0.8, closure=0.8, complete=True,
            closing_s=0.05, closed_s=0.05, opening_s=opening_s, duration_s=None if opening_s is None else 0.2,
            closing_velocity_per_s=10.0, opening_velocity_per_s=8.0, rate_so_far_per_min=rate,
        )  # fmt: skip

    table = blink_table([blink(3, 20.0, 0.1), blink(9, 60 * 2 / 9, 0.2), blink(11, 60 * 3 / 11, None)])
    np.testing.assert_allclose(table[:, 0], (np.nan, 6, 2))
    np.testing.assert_allclose(table[:, 1], 0.8)
    np.testing.assert_allclose(table[:, 2], (0.2, 0.2, np.nan))
    np.testing.assert_allclose(table[:, 3], (8, 4, np.nan))
    assert blink_table([]).shape == (0, 4)


# --- the file


def test_the_shipped_file_says_what_is_in_it(model) -> None:
    with SHIPPED.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        config = json.loads(str(arrays["config"]))
        assert all(np.isfinite(arrays[name]).all() for name in arrays.files if name != "config")
    assert config["version"] == "1"
    assert "UTA-RLDD" in config["licence"]
    assert list(model.variants.values()) == [
        COLUMNS, ("amplitude", "duration", "velocity"), ("interval", "duration"), ("duration",),
    ]  # fmt: skip
    for part in config["variants"].values():
        assert set(part["statistics"]) <= set(STATISTICS)
        assert sum(part["shares"]) == pytest.approx(1)
        assert part["candidate"].endswith("another day")
        assert part["reach"] > 0.5
    for name in ("timing", "duration"):
        temperature, reach = config["variants"][name]["people"]
        assert temperature >= 1
        assert reach >= config["variants"][name]["reach"]
    assert len(SHIPPED.read_bytes()) < 200_000
    assert SHIPPED.with_name("blink_fatigue.md").is_file()


def test_the_file_is_read_once(monkeypatch) -> None:
    BlinkFatigue()
    monkeypatch.setattr(blink_fatigue.np, "load", lambda *_, **__: pytest.fail("read again"))
    assert BlinkFatigue().estimate(blinks_of(20), ALERT)


def spoil(content: bytes, how: str) -> bytes:
    return {"cut": content[: len(content) // 2], "empty": b"", "text": b"weights\n"}[how]


@pytest.mark.parametrize("how", ["cut", "empty", "text"])
def test_a_damaged_file_is_named(tmp_path, how) -> None:
    path = tmp_path / "own.npz"
    path.write_bytes(spoil(SHIPPED.read_bytes(), how))
    with pytest.raises(ModelError, match=r"own.npz: no model of blinks \(.*\); install facefatigue again") as caught:
        BlinkFatigue(path)
    assert "\n" not in str(caught.value)


def test_a_file_of_another_kind_is_refused(tmp_path) -> None:
    path = tmp_path / "own.npz"
    np.savez(path, config=np.array(json.dumps({"variants": {"all": {"layers": [1]}}})))
    with pytest.raises(ModelError, match="no model of blinks"):
        BlinkFatigue(path)
    with pytest.raises(ModelError, match="none.npz: no model of blinks"):
        BlinkFatigue(tmp_path / "none.npz")


# --- real people


def test_published_blinks_are_told_as_the_card_says(shared, model) -> None:
    """In the sample: the model saw them. Without intervals, which cost minutes to find."""
    folder = shared / "data" / "uta_rldd_blinks"
    if not folder.is_dir():
        pytest.skip("needs the published blink features of UTA-RLDD")
    starts = json.loads((folder / "video_starts.json").read_text(encoding="utf-8"))["fold"]
    # The published blinks are normalised already. So far from 0, none is below it.
    alert = AlertBlinks(blinks=0, interval_s=1.0, amplitude=(1e3, 1.0), duration_s=(1e3, 1.0), velocity=(1e3, 1.0))
    scores, states, labels = [], [], []
    for fold, firsts in starts.items():
        sequences = np.load(folder / f"BlinksTest_30_Fold{fold}.npy")
        label = np.load(folder / f"LabelsTest_30_Fold{fold}.npy")[:, 0]
        for first, last in zip(firsts, [*firsts[1:], len(sequences)], strict=True):
            blinks = np.concatenate([sequences[first], *sequences[first + 1 : last, -2:]])
            blinks = blinks[(blinks != 0).any(axis=1)] + 1e3
            blinks[:, 0] = np.nan
            found = estimate(model, blinks, alert)
            assert found.columns == ("amplitude", "duration", "velocity")
            scores.append(found.score)
            states.append(blink_fatigue.STATES.index(found.state))
            labels.append(int(label[first]) // 5)
    scores, labels = np.array(scores), np.array(labels)
    assert len(labels) == 174
    above = scores[labels == 2][:, None] - scores[labels == 0]
    assert 0.9 < (above > 0).mean() + (above == 0).mean() / 2 <= 1
    assert 0.5 < (np.array(states) == labels).mean() < 0.85
    means = [scores[labels == label].mean() for label in range(3)]
    assert means[0] + 0.1 < means[1] < means[2] - 0.05
