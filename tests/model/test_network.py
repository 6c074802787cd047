"""The network: shapes, size, the identity of a new non-local block, gradients, and its score."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facefatigue.model.config import (
    DEPTHS,
    NON_LOCAL_MODES,
    NON_LOCAL_PLACEMENTS,
    NON_LOCAL_POSITIONS,
    ModelConfig,
)
from facefatigue.model.logits import score_from_logits
from facefatigue.model.network import FatigueNet
from facefatigue.model.non_local import NonLocalBlock

PUBLISHED = ModelConfig(name="m", version="1", licence="x", training_data="x", metrics={})


def count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("width", [8, 64])
def test_every_depth_gives_logits_and_score(small_config, depth, width):
    with torch.device("meta"):
        logits, score = FatigueNet(small_config(depth=depth, first_channel=width)).eval()(torch.empty(2, 3, 32, 112, 112))
    assert (logits.shape, score.shape) == ((2, 10), (2,))


def test_the_published_network_has_its_size():
    with torch.device("meta"):
        assert count(FatigueNet(PUBLISHED)) == 33_470_026


def test_stages_have_the_published_strides(small_config):
    with torch.device("meta"):
        network = FatigueNet(small_config())
        x = network.stem(torch.empty(1, 3, 32, 224, 224))
        shapes = [tuple(x.shape[1:])]
        for stage in (network.stage1, network.stage2, network.stage3, network.stage4):
            x = stage(x)
            shapes.append(tuple(x.shape[1:]))
    assert shapes == [(8, 16, 56, 56), (8, 16, 56, 56), (16, 8, 28, 28), (32, 4, 14, 14), (64, 2, 7, 7)]


@pytest.mark.parametrize("position", NON_LOCAL_POSITIONS)
@pytest.mark.parametrize(("placement", "place"), [("inside", -2), ("after", -1)])
def test_the_non_local_block_stands_where_it_should(small_config, position, placement, place):
    with torch.device("meta"):
        network = FatigueNet(small_config(non_local_position=position, non_local_placement=placement))
    for number in (1, 2, 3, 4):
        found = [isinstance(layer, NonLocalBlock) for layer in network.get_submodule(f"stage{number}")]
        assert sum(found) == (number == position)
        if number == position:
            assert found[place]


@pytest.mark.parametrize("placement", NON_LOCAL_PLACEMENTS)
@pytest.mark.parametrize("depth", [10, 50])
def test_stages_of_one_block_and_bottlenecks_take_the_block_too(small_config, depth, placement):
    with torch.device("meta"):
        for position in (1, 2, 3, 4):
            config = small_config(depth=depth, non_local_position=position, non_local_placement=placement)
            assert FatigueNet(config)(torch.empty(2, 3, 8, 32, 32))[1].shape == (2,)


@pytest.mark.parametrize("mode", NON_LOCAL_MODES)
def test_a_new_block_is_the_identity(mode):
    torch.manual_seed(0)
    block = NonLocalBlock(channels=8, mode=mode)
    x = torch.randn(2, 8, 3, 4, 5)
    for training in (True, False):
        assert torch.equal(block.train(training)(x), x)


def explicit(block: NonLocalBlock, x: torch.Tensor) -> torch.Tensor:
    """The block, position by position, as the paper writes it."""
    n, c, *size = x.shape
    flat = x.flatten(2)
    y = torch.zeros(n, c // 2, flat.shape[2])
    g = block.g(x).flatten(2)
    theta, phi = (flat, flat) if block.mode == "gaussian" else (block.theta(x).flatten(2), block.phi(x).flatten(2))
    for b in range(n):
        for i in range(flat.shape[2]):
            if block.mode == "concatenate":
                pairs = torch.stack([torch.cat([theta[b, :, i], phi[b, :, j]]) for j in range(flat.shape[2])])
                weight = torch.relu(block.relation(pairs))[:, 0] / flat.shape[2]
            else:
                f = torch.stack([theta[b, :, i] @ phi[b, :, j] for j in range(flat.shape[2])])
                weight = f / flat.shape[2] if block.mode == "dot" else f.exp() / f.exp().sum()
            y[b, :, i] = g[b] @ weight
    return x + block.norm(block.output(y.reshape(n, c // 2, *size)))


@pytest.mark.parametrize("mode", NON_LOCAL_MODES)
def test_a_block_computes_the_papers_sum(mode):
    torch.manual_seed(1)
    block = NonLocalBlock(channels=6, mode=mode).eval()
    torch.nn.init.normal_(block.norm.weight)
    torch.nn.init.normal_(block.norm.bias)
    x = torch.randn(2, 6, 2, 3, 2)
    with torch.inference_mode():
        assert not torch.equal(block(x), x)
        torch.testing.assert_close(block(x), explicit(block, x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("mode", NON_LOCAL_MODES)
def test_block_gradients(mode):
    torch.manual_seed(2)
    block = NonLocalBlock(channels=4, mode=mode).double().eval()
    torch.nn.init.ones_(block.norm.weight)
    x = torch.randn(1, 4, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(block, (x,))


def test_every_weight_gets_a_gradient(small_config, random_network):
    network = random_network(small_config()).train()
    logits, score = network(torch.rand(2, 3, 8, 32, 32) * 2 - 1)
    (score.sum() + logits.square().sum()).backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize(("head", "classes"), [("classes", 10), ("classes", 2), ("classes", 3), ("sigmoid", 1)])
def test_score_is_that_of_the_logits(small_config, random_network, head, classes):
    network = random_network(small_config(head=head, classes=classes))
    with torch.inference_mode():
        logits, score = network(torch.rand(2, 3, 8, 32, 32) * 2 - 1)
    assert logits.shape == (2, classes)
    np.testing.assert_allclose(score.numpy(), score_from_logits(logits.numpy()), atol=1e-6)


def test_dropout_acts_in_training_only(small_config, random_network):
    network = random_network(small_config(dropout=0.9))
    clip = torch.rand(2, 3, 8, 32, 32)
    with torch.inference_mode():
        assert torch.equal(network(clip)[0], network(clip)[0])
        network.dropout.train()
        assert not torch.equal(network(clip)[0], network(clip)[0])
