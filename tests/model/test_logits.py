"""What logits mean: scores within their bounds, probability mass above one half."""

from __future__ import annotations

import numpy as np
import pytest

from facefatigue.errors import ConfigurationError
from facefatigue.model.logits import bin_centres, fatigue_probability, score_from_logits


def test_bin_centres():
    np.testing.assert_allclose(bin_centres(10), np.arange(0.05, 1, 0.1), atol=1e-7)
    np.testing.assert_allclose(bin_centres(2), [0.25, 0.75])
    with pytest.raises(ConfigurationError):
        bin_centres(1)


def test_scores_are_expected_bin_centres_within_their_bounds():
    logits = np.array([[0.0] * 10, [1e4] + [0] * 9, [0] * 9 + [1e4]], np.float32)
    score = score_from_logits(logits)
    assert score.dtype == np.float32
    np.testing.assert_allclose(score, [0.5, 0.05, 0.95], atol=1e-6)


def test_fatigue_probability_is_the_mass_above_one_half():
    logits = np.log(np.array([[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]]))
    np.testing.assert_allclose(fatigue_probability(logits), [0.7, 0.3], atol=1e-6)


def test_the_middle_of_an_odd_number_of_bins_counts_half():
    np.testing.assert_allclose(fatigue_probability(np.log([[0.2, 0.5, 0.3]])), [0.55], atol=1e-6)


def test_the_sigmoid_head_is_its_own_probability():
    logits = np.array([[0.0], [1000.0], [-1000.0], [1.0]])
    np.testing.assert_allclose(fatigue_probability(logits), [0.5, 1, 0, 1 / (1 + np.exp(-1))], atol=1e-6)
    np.testing.assert_array_equal(score_from_logits(logits), fatigue_probability(logits))


def test_logits_need_two_dimensions():
    with pytest.raises(ConfigurationError, match=r"\(10,\)"):
        score_from_logits(np.zeros(10))
