"""What is explained is what the report says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facefatigue.explain.target import log_odds, target_of
from facefatigue.model.logits import fatigue_probability


@pytest.mark.parametrize("classes", [1, 2, 3, 9, 10])
def test_log_odds_are_those_of_the_reported_probability(classes):
    logits = torch.randn(5, classes, generator=torch.Generator().manual_seed(classes))
    probability = fatigue_probability(logits.numpy()).astype(np.float64)
    np.testing.assert_allclose(log_odds(logits).numpy(), np.log(probability / (1 - probability)), rtol=1e-4, atol=1e-5)


def test_the_opposite_class_is_the_negative(network_of, clip):
    network = network_of()
    fatigue, alert, score = (target_of(network, clip, target) for target in ("fatigue", "alert", "score"))
    assert torch.equal(alert, -fatigue)
    assert torch.equal(score, network(clip)[1])
