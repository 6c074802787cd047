from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn import metrics

from facefatigue.errors import ConfigurationError
from facefatigue.evaluate import MEASURES, Predictions, draw_subjects, estimates, figures, measure, roc_band, score_figures
from facefatigue.evaluate.bootstrap import estimate_of

if TYPE_CHECKING:
    from collections.abc import Callable


def test_every_figure_of_a_draw_is_that_of_the_repeated_items(predictions: Predictions) -> None:
    """What the sums give for a draw is what comes out when the items of the drawn people are really repeated."""
    draws = draw_subjects(12, draws=3, seed=4)
    found = measure(predictions, draws)
    names = predictions.subjects
    for row, times in enumerate(draws):
        rows = np.concatenate(
            [np.tile(np.flatnonzero(predictions.subject == name), int(n)) for name, n in zip(names, times, strict=True)]
        ).astype(int)
        repeated = dataclasses.replace(
            predictions.select(rows[:1]),
            item=np.array([f"{n}" for n in range(len(rows))]),
            **{
                name: getattr(predictions, name)[rows]
                for name in ("subject", "target", "score", "fatigue_probability", "called_fatigue", "logits", "kss", "video")
            },
            fold=None,
            groups={},
        )
        whole = figures(repeated)
        for key, values in found.items():
            assert values[row] == pytest.approx(whole[key], abs=1e-12), key
        assert whole["auc"] == pytest.approx(metrics.roc_auc_score(repeated.is_fatigue, repeated.fatigue_probability))
        assert whole["icc"] == pytest.approx(score_figures(repeated.score, repeated.target)["icc"])
    assert set(found) == {one.key for one in MEASURES}


def test_equal_seeds_draw_equally(predictions: Predictions) -> None:
    assert estimates(predictions, draws=50, seed=1) == estimates(predictions, draws=50, seed=1)
    assert estimates(predictions, draws=50, seed=1)["auc"] != estimates(predictions, draws=50, seed=2)["auc"]
    assert draw_subjects(5, draws=7).sum(axis=1).tolist() == [5] * 7


def test_the_order_of_the_items_does_not_matter(predictions: Predictions) -> None:
    shuffled = predictions.select(np.random.default_rng(0).permutation(len(predictions)))
    one, other = estimates(predictions, draws=50), estimates(shuffled, draws=50)
    for key, estimate in one.items():
        assert (estimate.value, estimate.low) == pytest.approx((other[key].value, other[key].low)), key


def test_intervals_hold_the_figure(predictions: Predictions) -> None:
    for key, estimate in estimates(predictions, draws=400).items():
        assert estimate.value is not None, key
        assert estimate.low is not None, key
        assert estimate.high is not None, key
        assert estimate.low < estimate.high, key
        if key != "ece":  # resampling adds calibration error
            assert estimate.low <= estimate.value <= estimate.high, key


def test_drawing_people_gives_wider_intervals_than_drawing_clips(make_predictions: Callable[..., Predictions]) -> None:
    clustered = make_predictions(400, 20, bias=0.3)
    alone = dataclasses.replace(clustered, subject=clustered.item)  # every clip its own person
    for key, times in {"bias": 2.0, "mae": 1.5, "auc": 1.1}.items():
        people, clips = estimates(clustered, draws=400)[key], estimates(alone, draws=400)[key]
        assert people.low is not None
        assert people.high is not None
        assert clips.low is not None
        assert clips.high is not None
        assert people.high - people.low > times * (clips.high - clips.low), key


def test_nineteen_of_twenty_intervals_hold_the_truth(make_predictions: Callable[..., Predictions]) -> None:
    """The mean error is zero by construction; few draws and 30 people make the share a little smaller than 0.95."""
    holds = []
    for seed in range(100):
        predictions = make_predictions(90, 30, seed=seed, bias=0.15)
        error = np.random.default_rng(1000 + seed).normal(0, 0.1, 30)[np.arange(90) % 30]
        predictions = dataclasses.replace(
            predictions, target=np.full(90, 0.5), score=np.clip(0.5 + error + 0.01 * (np.arange(90) % 2 - 0.5), 0, 1)
        )
        found = estimates(predictions, draws=200, seed=seed)["bias"]
        assert found.low is not None
        assert found.high is not None
        holds.append(found.low <= 0 <= found.high)
    assert 0.86 <= np.mean(holds) <= 1


def test_one_subject_has_no_interval(make_predictions: Callable[..., Predictions]) -> None:
    alone = make_predictions(20, 1)
    assert all(estimate.low is None and estimate.high is None for estimate in estimates(alone, draws=10).values())
    assert roc_band(alone, draws=10) is None


def test_draws_without_a_figure_are_left_out_and_counted() -> None:
    # One of two people has all the fatigue: a quarter of the draws holds no alert, a quarter no fatigue.
    predictions = Predictions.of(
        item=list("abcd"),
        subject=["p", "p", "q", "q"],
        target=[0.9, 0.8, 0.1, 0.2],
        score=[0.8, 0.4, 0.3, 0.1],
        fatigue_probability=[0.8, 0.4, 0.6, 0.1],
    )
    found = estimates(predictions, draws=400)
    assert found["auc"].value == 0.75
    assert found["auc"].undefined_share == pytest.approx(0.5, abs=0.08)
    assert "undefined_share" in found["auc"].to_dict()
    assert found["mae"].undefined_share == 0
    assert found["mae"].to_dict().keys() == {"value", "low", "high"}


def test_an_estimate_needs_a_value_and_two_draws() -> None:
    assert estimate_of(np.nan, np.array([0.1, 0.2])).to_dict() == {"value": None, "low": None, "high": None}
    assert estimate_of(0.5, np.array([np.nan, 0.5])).low is None
    assert estimate_of(0.5, np.linspace(0, 1, 1001)).low == pytest.approx(0.025)


def test_the_band_is_around_the_curve(predictions: Predictions) -> None:
    band = roc_band(predictions, draws=200)
    assert band is not None
    assert band.false_positive_rate[[0, -1]].tolist() == [0, 1]
    assert np.all(band.low <= band.high)
    assert np.all(np.diff(band.low) >= 0)
    assert band.high[-1] == 1


def test_no_draws_are_refused(predictions: Predictions) -> None:
    with pytest.raises(ConfigurationError, match="0 draws"):
        estimates(predictions, draws=0)


def test_a_large_test_set_takes_seconds(make_predictions: Callable[..., Predictions]) -> None:
    large = make_predictions(6000, 150)
    start = time.perf_counter()
    estimates(large)
    assert time.perf_counter() - start < 20  # 1 s on an idle core
