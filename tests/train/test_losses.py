from __future__ import annotations

import math

import pytest
import torch

from facefatigue.train.losses import fatigue_loss, score_bin


def test_bin_of_a_score() -> None:
    scores = torch.tensor([0.0, 0.09, 0.1, 0.5, 0.99, 1.0])
    assert score_bin(scores, 10).tolist() == [0, 0, 1, 5, 9, 9]
    assert score_bin(scores, 2).tolist() == [0, 0, 0, 1, 1, 1]


def test_loss_is_the_one_computed_by_hand() -> None:
    # Two classes, centres 0.25 and 0.75. Clip 1: softmax (1/4, 3/4), score 5/8, true 1, bin 1.
    # Clip 2: softmax (1/2, 1/2), score 1/2, true 0.25, bin 0.
    logits = torch.tensor([[0.0, math.log(3)], [1.0, 1.0]])
    loss = fatigue_loss(logits, torch.tensor([0.625, 0.5]), torch.tensor([1.0, 0.25]), alpha=0.1)
    cross_entropy = (math.log(4 / 3) + math.log(2)) / 2
    mse = (0.375**2 + 0.25**2) / 2
    assert float(loss.cross_entropy) == pytest.approx(cross_entropy, abs=1e-6)
    assert float(loss.mse) == pytest.approx(mse, abs=1e-7)
    assert float(loss.total) == pytest.approx(0.1 * cross_entropy + mse, abs=1e-6)
    assert float(loss.total) == pytest.approx(0.1506040, abs=1e-6)


def test_sigmoid_head_has_mse_alone() -> None:
    logits = torch.tensor([[0.0], [2.0]])
    loss = fatigue_loss(logits, torch.sigmoid(logits)[:, 0], torch.tensor([1.0, 0.0]), alpha=0.1)
    expected = (0.25 + (1 / (1 + math.exp(-2))) ** 2) / 2
    assert float(loss.total) == pytest.approx(expected, abs=1e-6)
    assert float(loss.cross_entropy) == 0


def test_gradient_reaches_the_logits_through_both_parts() -> None:
    logits = torch.zeros(1, 10, requires_grad=True)
    score = torch.softmax(logits, dim=1) @ ((torch.arange(10) + 0.5) / 10)
    fatigue_loss(logits, score, torch.tensor([0.95]), alpha=0.1).total.backward()
    # d/dz_c of 0.1 CE is 0.1 (1/10 - [c = 9]); of (s - t)²: 2 (s - t) (1/10) (centre_c - s), with s = 0.5.
    centres = (torch.arange(10) + 0.5) / 10
    expected = 0.1 * (0.1 - torch.eye(10)[9]) + 2 * (0.5 - 0.95) * 0.1 * (centres - 0.5)
    assert torch.allclose(logits.grad[0], expected, atol=1e-6)
