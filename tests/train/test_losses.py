from __future__ import annotations

import math

import pytest
import torch

from facefatigue.errors import ConfigurationError
from facefatigue.train import TrainSettings
from facefatigue.train.losses import (
    LossForm,
    bootstrapped_cross_entropy,
    fatigue_loss,
    score_bin,
    squared_earth_movers_distance,
)


def test_bin_of_a_score() -> None:
    scores = torch.tensor([0.0, 0.09, 0.1, 0.5, 0.99, 1.0])
    assert score_bin(scores, 10).tolist() == [0, 0, 1, 5, 9, 9]
    assert score_bin(scores, 2).tolist() == [0, 0, 0, 1, 1, 1]


def test_loss_is_the_one_computed_by_hand() -> None:
    # Two classes, centres 0.25 and 0.75. Clip 1: softmax (1/4, 3/4), score 5/8, true 1, bin 1.
    # Clip 2: softmax (1/2, 1/2), score 1/2, true 0.25, bin 0.
    logits = torch.tensor([[0.0, math.log(3)], [1.0, 1.0]])
    loss = fatigue_loss(logits, torch.tensor([0.625, 0.5]), torch.tensor([1.0, 0.25]), LossForm())
    cross_entropy = (math.log(4 / 3) + math.log(2)) / 2
    mse = (0.375**2 + 0.25**2) / 2
    assert float(loss.class_loss) == pytest.approx(cross_entropy, abs=1e-6)
    assert float(loss.mse) == pytest.approx(mse, abs=1e-7)
    assert float(loss.total) == pytest.approx(0.1 * cross_entropy + mse, abs=1e-6)
    assert float(loss.total) == pytest.approx(0.1506040, abs=1e-6)


def test_sigmoid_head_has_mse_alone() -> None:
    logits = torch.tensor([[0.0], [2.0]])
    loss = fatigue_loss(logits, torch.sigmoid(logits)[:, 0], torch.tensor([1.0, 0.0]), LossForm())
    expected = (0.25 + (1 / (1 + math.exp(-2))) ** 2) / 2
    assert float(loss.total) == pytest.approx(expected, abs=1e-6)
    assert float(loss.class_loss) == 0


def test_gradient_reaches_the_logits_through_both_parts() -> None:
    logits = torch.zeros(1, 10, requires_grad=True)
    score = torch.softmax(logits, dim=1) @ ((torch.arange(10) + 0.5) / 10)
    fatigue_loss(logits, score, torch.tensor([0.95]), LossForm()).total.backward()
    # d/dz_c of 0.1 CE is 0.1 (1/10 - [c = 9]); of (s - t)²: 2 (s - t) (1/10) (centre_c - s), with s = 0.5.
    centres = (torch.arange(10) + 0.5) / 10
    expected = 0.1 * (0.1 - torch.eye(10)[9]) + 2 * (0.5 - 0.95) * 0.1 * (centres - 0.5)
    assert torch.allclose(logits.grad[0], expected, atol=1e-6)


def test_bootstrapping_mixes_the_target_with_what_the_network_says() -> None:
    logits = torch.tensor([[0.0, math.log(3)]])  # (1/4, 3/4)
    bins = torch.tensor([0])
    entropy = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    for weight in (1.0, 0.7, 0.0):
        expected = weight * -math.log(0.25) + (1 - weight) * entropy
        assert float(bootstrapped_cross_entropy(logits, bins, target_weight=weight)) == pytest.approx(expected, abs=1e-6)
    with pytest.raises(ConfigurationError, match="target's weight is 1.5"):
        bootstrapped_cross_entropy(logits, bins, target_weight=1.5)


def test_the_targets_weight_falls_over_the_epochs() -> None:
    settings = TrainSettings(epochs=4, bootstrap=0.5)
    weights = [LossForm.of(settings, epoch).target_weight for epoch in range(4)]
    assert weights == pytest.approx([1, math.sqrt(0.75), math.sqrt(0.5), 0.5])
    assert LossForm.of(TrainSettings(epochs=4), 3).target_weight == 1


def test_label_smoothing_is_torchs() -> None:
    logits, bins = torch.tensor([[2.0, 0.0, -1.0]]), torch.tensor([2])
    probabilities = torch.softmax(logits, dim=1)[0].log()
    expected = -(0.9 * probabilities[2] + 0.1 * probabilities.mean())
    smoothed = bootstrapped_cross_entropy(logits, bins, target_weight=1.0, label_smoothing=0.1)
    assert float(smoothed) == pytest.approx(float(expected), abs=1e-6)


def test_ordinal_loss_counts_how_far_off_a_class_is() -> None:
    sure = torch.eye(5) * 60
    for wrong in range(5):
        distance = squared_earth_movers_distance(sure[wrong : wrong + 1], torch.tensor([1]))
        assert float(distance) == pytest.approx(abs(wrong - 1), abs=1e-4)
    loss = fatigue_loss(sure[:1], torch.tensor([0.1]), torch.tensor([0.5]), LossForm(class_loss="ordinal"))
    assert float(loss.total) == pytest.approx(0.1 * 2 + 0.16, abs=1e-4)
