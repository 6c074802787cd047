from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from facefatigue.evaluate import area_under_roc, average_precision, curves
from facefatigue.evaluate.ranking import Ranking, areas, counts_above, rates_at


def test_auc_with_ties_by_hand() -> None:
    score = np.array([0.1, 0.4, 0.4, 0.8, 0.4])
    positive = np.array([False, False, True, True, True])
    # Pairs (positive, negative): 0.4 beats 0.1, ties 0.4; 0.8 beats both; 0.4 beats 0.1, ties 0.4: 1.5 + 2 + 1.5 of 6.
    assert area_under_roc(score, positive) == pytest.approx(5 / 6)
    # Thresholds 0.8 (recall 1/3, precision 1), 0.4 (recall 1, precision 3/4).
    assert average_precision(score, positive) == pytest.approx(1 / 3 + 2 / 3 * 3 / 4)


@pytest.mark.parametrize("levels", [4, 10**9])
def test_areas_and_curves_equal_those_of_sklearn(levels: int) -> None:
    random = np.random.default_rng(0)
    score, positive = random.integers(0, levels, 300) / levels, random.random(300) < 0.3
    assert area_under_roc(score, positive) == pytest.approx(metrics.roc_auc_score(positive, score))
    assert average_precision(score, positive) == pytest.approx(metrics.average_precision_score(positive, score))
    found = curves(score, positive)
    assert found is not None
    x, y, thresholds = metrics.roc_curve(positive, score, drop_intermediate=False)
    assert np.append(0, found.false_positive_rate) == pytest.approx(x)
    assert np.append(0, found.true_positive_rate) == pytest.approx(y)
    assert found.threshold == pytest.approx(thresholds[1:])
    precision, recall, _ = metrics.precision_recall_curve(positive, score)
    assert found.precision == pytest.approx(precision[:-1][::-1])
    assert found.true_positive_rate == pytest.approx(recall[:-1][::-1])


def test_weights_are_repetitions() -> None:
    random = np.random.default_rng(1)
    score = random.integers(0, 6, 40) / 6
    positive, weights = random.random(40) < 0.5, random.integers(0, 4, (3, 40)).astype(float)
    ranking = Ranking.of(score)
    auc, precision = areas(*counts_above(ranking, weights, positive))
    ranks = ranking.mid_ranks(weights)
    for row, times in enumerate(weights.astype(int)):
        repeated, kinds = np.repeat(score, times), np.repeat(positive, times)
        assert auc[row] == pytest.approx(metrics.roc_auc_score(kinds, repeated))
        assert precision[row] == pytest.approx(metrics.average_precision_score(kinds, repeated))
        assert np.repeat(ranks[row], times) == pytest.approx(stats.rankdata(repeated))


def test_one_class_has_no_area() -> None:
    score = np.array([0.1, 0.2])
    for positive in (np.array([True, True]), np.array([False, False])):
        assert area_under_roc(score, positive) is None
        assert average_precision(score, positive) is None
        assert curves(score, positive) is None
    assert area_under_roc(np.array([]), np.array([], bool)) is None
    assert np.isnan(rates_at(np.array([[1.0, 2.0]]), np.zeros((1, 2)), np.array([0.0, 1.0]))).all()


def test_a_constant_score_tells_nothing() -> None:
    score, positive = np.full(5, 0.3), np.array([True, False, False, True, False])
    assert area_under_roc(score, positive) == 0.5
    assert average_precision(score, positive) == pytest.approx(0.4)


def test_rates_lie_on_lines_between_thresholds() -> None:
    tp, fp = np.array([[1.0, 1.0, 2.0]]), np.array([[0.0, 1.0, 2.0]])
    assert rates_at(tp, fp, np.array([0, 0.25, 0.5, 0.75, 1])) == pytest.approx(np.array([[0.5, 0.5, 0.5, 0.75, 1]]))
