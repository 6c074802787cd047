from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from facefatigue.errors import ConfigurationError
from facefatigue.evaluate import Predictions, figures, holm, paired_difference

if TYPE_CHECKING:
    from collections.abc import Callable


def worse(predictions: Predictions, amount: float) -> Predictions:
    noise = np.random.default_rng(9).normal(0, amount, len(predictions))
    return dataclasses.replace(predictions, score=np.clip(predictions.score + noise, 0, 1))


def test_a_better_model_is_found_better(predictions: Predictions) -> None:
    other = worse(predictions, 0.3).select(np.arange(len(predictions))[::-1])
    found = paired_difference(predictions, other, "mae", draws=500)
    assert found.a == figures(predictions)["mae"]
    assert found.b == pytest.approx(figures(other)["mae"])
    assert found.difference.value == pytest.approx(found.a - found.b)  # type: ignore[operator]
    assert found.difference.high is not None
    assert found.difference.high < 0
    assert found.p_value == pytest.approx(2 / 501)
    errors = np.abs(predictions.score - predictions.target) - np.abs(worse(predictions, 0.3).score - predictions.target)
    per_subject = [errors[predictions.subject == name].mean() for name in predictions.subjects]
    assert found.wilcoxon_p_value == pytest.approx(stats.wilcoxon(per_subject).pvalue)
    assert found.to_dict()["difference"]["value"] == found.difference.value


def test_a_model_does_not_differ_from_itself(predictions: Predictions) -> None:
    found = paired_difference(predictions, predictions, "auc", draws=50)
    assert found.difference.value == 0
    assert found.p_value == 1
    assert found.wilcoxon_p_value == 1


def test_noise_alone_is_seldom_significant(make_predictions: Callable[..., Predictions]) -> None:
    p_values = []
    for seed in range(60):
        base = make_predictions(60, 20, seed=seed)
        random = np.random.default_rng(seed)
        a, b = (dataclasses.replace(base, score=np.clip(base.target + random.normal(0, 0.1, 60), 0, 1)) for _ in range(2))
        p_values.append(paired_difference(a, b, "mae", draws=200).p_value or 0)
    assert np.mean(np.array(p_values) < 0.05) < 0.15
    assert 0.3 < np.mean(p_values) < 0.7


def test_one_subject_is_not_tested(make_predictions: Callable[..., Predictions]) -> None:
    alone = make_predictions(20, 1)
    found = paired_difference(alone, worse(alone, 0.2), "mae", draws=50)
    assert found.difference.value is not None
    assert found.difference.low is None
    assert found.p_value is None
    assert found.wilcoxon_p_value is None


@pytest.mark.parametrize("subjects", [2, 3, 5])
def test_few_subjects_are_tested_without_warnings(make_predictions: Callable[..., Predictions], subjects: int) -> None:
    few = make_predictions(30, subjects)
    found = paired_difference(few, worse(few, 0.2), "pearson", draws=50)
    assert found.wilcoxon_p_value is not None
    assert 0 < found.wilcoxon_p_value <= 1


def test_an_undefined_figure_gives_no_test(predictions: Predictions) -> None:
    tired = predictions.select(predictions.is_fatigue)
    found = paired_difference(tired, tired, "auc", draws=20)
    assert (found.a, found.difference.value, found.p_value) == (None, None, None)


def test_only_the_same_items_are_compared(predictions: Predictions) -> None:
    with pytest.raises(ConfigurationError, match="20 are in one of both, such as 's-clip-100'"):
        paired_difference(predictions, predictions.select(np.arange(100)), "mae")
    with pytest.raises(ConfigurationError, match="two different values of target"):
        paired_difference(predictions, dataclasses.replace(predictions, target=1 - predictions.target), "mae")
    with pytest.raises(ConfigurationError, match="there is no figure 'magic'; choose one of accuracy"):
        paired_difference(predictions, predictions, "magic")


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.5, 0.9]) == (1.0, 1.0)
    assert holm([]) == ()
    random = np.random.default_rng(0).random(20) ** 3
    statsmodels = pytest.importorskip("statsmodels.stats.multitest")
    assert holm(random.tolist()) == pytest.approx(statsmodels.multipletests(random, method="holm")[1])
