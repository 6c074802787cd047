from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from facefatigue.evaluate import brier_score, expected_calibration_error, reliability
from facefatigue.evaluate.calibration import bin_of


def test_bins_are_closed_above() -> None:
    edges = np.array([0, 1e-9, 1 / 15, np.nextafter(1 / 15, 1), 0.5, 14 / 15, 1])
    assert bin_of(edges).tolist() == [0, 0, 0, 1, 7, 13, 14]
    assert bin_of(np.array([0.1, 0.2, 0.3, 0.6, 0.7]), 10).tolist() == [0, 1, 2, 5, 6]


def test_ece_by_hand() -> None:
    probability, truth = np.array([0.1, 0.1, 0.9, 0.9]), np.array([True, False, True, True])
    # Two bins: |0.1 − 0.5| and |0.9 − 1|, with half of the items each.
    assert expected_calibration_error(probability, truth) == pytest.approx(0.25)
    assert expected_calibration_error(np.array([0.0, 1.0]), np.array([False, True])) == 0


def test_ece_equals_the_sum_over_bins() -> None:
    random = np.random.default_rng(0)
    probability = random.random(500)
    truth = random.random(500) < probability**2
    bins = reliability(probability, truth)
    total = sum(
        one.items * abs(one.mean_probability - one.fatigue_share)
        for one in bins
        if one.mean_probability is not None and one.fatigue_share is not None
    )
    assert expected_calibration_error(probability, truth) == pytest.approx(total / 500)
    assert sum(one.items for one in bins) == 500
    assert (bins[0].low, bins[-1].high) == (0, 1)


def test_empty_bins_have_no_means() -> None:
    bins = reliability(np.array([0.5]), np.array([True]))
    assert [one.items for one in bins] == [0] * 7 + [1] + [0] * 7
    assert bins[0].mean_probability is None
    assert bins[7].fatigue_share == 1


def test_brier_score_equals_that_of_sklearn() -> None:
    random = np.random.default_rng(1)
    probability, truth = random.random(50), random.random(50) < 0.5
    assert brier_score(probability, truth) == pytest.approx(brier_score_loss(truth, probability))
