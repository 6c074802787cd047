"""Guided backpropagation and integrated gradients against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from facefatigue.explain import activation_map, guided_activation_map, guided_backpropagation, integrated_gradients
from facefatigue.explain.gradients import _Guided


@pytest.mark.parametrize("relu", [torch.relu, functional.relu, nn.ReLU(), torch.Tensor.relu, lambda x: x.clone().relu_()])
def test_a_gradient_passes_where_it_and_the_input_are_above_0(relu):
    x = torch.tensor([-1.0, 2.0, 3.0], requires_grad=True)
    weights = torch.tensor([5.0, -7.0, 11.0])
    with _Guided():
        value = (relu(x) * weights).sum()
    assert torch.autograd.grad(value, x)[0].tolist() == [0, 0, 11]
    assert torch.autograd.grad((relu(x) * weights).sum(), x)[0].tolist() == [0, -7, 11]


@pytest.mark.parametrize("backbone", ["resnet3d", "resnet2d_cues"])
def test_guided_backpropagation_differs_from_the_gradient_and_leaves_the_network_alone(network_of, clip, backbone):
    network = network_of(backbone=backbone)
    logits = network(clip)[0]
    found = guided_backpropagation(network, clip)
    assert found.colour.shape == (8, 32, 32, 3)
    np.testing.assert_array_equal(found.values, abs(found.colour).max(axis=3))
    pixels = clip.clone().requires_grad_()
    (plain,) = torch.autograd.grad(network(pixels)[1].sum(), pixels)
    assert np.corrcoef(plain[0].permute(1, 2, 3, 0).numpy().ravel(), found.colour.ravel())[0, 1] < 0.9
    assert torch.equal(network(clip)[0], logits)


def test_guided_grad_cam_is_dark_where_the_map_is_cold(network_of, clip):
    network = network_of()
    activation = activation_map(network, clip, layer="stage3")
    found = guided_activation_map(guided_backpropagation(network, clip), activation)
    assert found.method == "guided-grad-cam@stage3"
    cold = activation.heat == 0
    assert not found.values[cold].any()
    assert not found.colour[cold].any()


def test_integrated_gradients_sum_to_the_difference(watcher, clip):
    baseline = torch.zeros_like(clip)
    exact = integrated_gradients(watcher, clip, baseline, steps=1)  # its log-odds are linear
    assert exact.facts["gap"] < 1e-4
    assert float(exact.values.sum()) == pytest.approx(exact.facts["difference"], rel=1e-3)
    assert not exact.values[~watcher.seen.numpy()].any()
    np.testing.assert_allclose(exact.colour.sum(axis=3), exact.values, atol=1e-6)


@pytest.mark.parametrize("steps", [1, 2, 8])
def test_the_gap_is_that_of_the_midpoint_rule(steps):
    class Cube(nn.Module):
        def forward(self, clip: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            odds = (clip**3).sum(dim=(1, 2, 3, 4))
            return odds[:, None], torch.sigmoid(odds)

    found = integrated_gradients(Cube(), torch.ones(1, 3, 2, 4, 4), torch.zeros(1, 3, 2, 4, 4), steps=steps)
    assert found.facts["difference"] == pytest.approx(96)
    assert found.facts["gap"] == pytest.approx(1 / (4 * steps**2), rel=1e-3)  # of the integral of 3 a², from 0 to 1


def test_what_speaks_for_one_class_speaks_against_the_other(watcher, clip):
    baseline = torch.zeros_like(clip)
    fatigue, alert = (
        integrated_gradients(watcher, clip, baseline, target=target, steps=1) for target in ("fatigue", "alert")
    )
    np.testing.assert_allclose(alert.values, -fatigue.values, atol=1e-7)
    assert not (fatigue.heat * alert.heat).any()
