from __future__ import annotations

import numpy as np
import pytest

from facefatigue.train.metrics import area_under_roc, pearson, score_figures


def test_auc_with_ties_by_hand() -> None:
    score = np.array([0.1, 0.4, 0.4, 0.8, 0.4])
    positive = np.array([False, False, True, True, True])
    # Pairs (positive, negative): 0.4 beats 0.1, ties 0.4; 0.8 beats both; 0.4 beats 0.1, ties 0.4: 1.5 + 2 + 1.5 of 6.
    assert area_under_roc(score, positive) == pytest.approx(5 / 6)


def test_auc_equals_the_count_over_all_pairs() -> None:
    random = np.random.default_rng(0)
    score, positive = random.integers(0, 5, 60) / 4, random.random(60) < 0.4
    differences = score[positive][:, np.newaxis] - score[~positive]
    assert area_under_roc(score, positive) == pytest.approx(np.mean((np.sign(differences) + 1) / 2))


def test_what_cannot_be_measured_is_none() -> None:
    assert area_under_roc(np.array([0.1, 0.2]), np.array([True, True])) is None
    assert pearson(np.array([0.3, 0.3]), np.array([0.1, 0.9])) is None


def test_figures_by_hand() -> None:
    figures = score_figures(np.array([0.2, 0.6, 0.5]), np.array([0.0, 0.4, 1.0]))
    assert figures.mse == pytest.approx((0.04 + 0.04 + 0.25) / 3)
    assert figures.mae == pytest.approx(0.3)
    assert figures.accuracy == pytest.approx(2 / 3)
    assert figures.auc == pytest.approx(0.5)
    assert figures.pearson == pytest.approx(np.corrcoef([0.2, 0.6, 0.5], [0.0, 0.4, 1.0])[0, 1])
