"""The network: shapes, size, the identity of a new non-local block, gradients, and its score."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facefatigue.model.artefact import DEFAULT_MODEL, ZOO
from facefatigue.model.config import (
    BACKBONES,
    DEPTHS,
    NON_LOCAL_MODES,
    NON_LOCAL_PLACEMENTS,
    NON_LOCAL_POSITIONS,
    ModelConfig,
)
from facefatigue.model.logits import score_from_logits
from facefatigue.model.network import FatigueNet
from facefatigue.model.non_local import NonLocalBlock
from facefatigue.model.weights import load_network

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


def test_the_shipped_weights_still_fit():
    config = ModelConfig.read(ZOO / DEFAULT_MODEL / "config.json")
    assert load_network(config, ZOO / DEFAULT_MODEL / "model.safetensors").config == config


@pytest.mark.parametrize("backbone", [name for name in BACKBONES if name != "resnet2d_cues"])
@pytest.mark.parametrize("depth", [10, 18, 50])
@pytest.mark.parametrize(("position", "placement"), [(0, "inside"), (1, "after"), (3, "inside")])
def test_every_backbone_gives_logits_and_score(small_config, backbone, depth, position, placement):
    config = small_config(backbone=backbone, depth=depth, non_local_position=position, non_local_placement=placement)
    with torch.device("meta"):
        network = FatigueNet(config)
        pooled = network.pooled(torch.empty(2, 3, 7, 33, 33))
        logits, score = network(torch.empty(2, 3, 7, 33, 33))
    features = (4 if depth == 50 else 1) * 8 * 8 * (2 if backbone == "resnet2d_attention" else 1)
    assert (pooled.shape, network.features.in_features) == ((2, features), features)
    assert (logits.shape, score.shape) == ((2, 10), (2,))


@pytest.mark.parametrize(("backbone", "frames"), [("r2plus1d", [16, 16, 8, 4, 2]), ("resnet2d", [32] * 5)])
def test_baselines_have_the_published_strides_but_2d_ones_keep_every_frame(small_config, backbone, frames):
    with torch.device("meta"):
        network = FatigueNet(small_config(backbone=backbone))
        x = network.stem(torch.empty(1, 3, 32, 224, 224))
        shapes = [tuple(x.shape[1:])]
        for stage in (network.stage1, network.stage2, network.stage3, network.stage4):
            x = stage(x)
            shapes.append(tuple(x.shape[1:]))
    assert [shape[1] for shape in shapes] == frames
    assert [shape[:1] + shape[2:] for shape in shapes] == [(8, 56, 56), (8, 56, 56), (16, 28, 28), (32, 14, 14), (64, 7, 7)]


def test_2d_features_are_the_mean_over_frames_seen_alone(small_config, random_network):
    network = random_network(small_config(backbone="resnet2d", non_local_position=0))
    clip = torch.rand(2, 3, 5, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        alone = torch.stack([network.pooled(clip[:, :, t : t + 1]) for t in range(5)])
        torch.testing.assert_close(network.pooled(clip), alone.mean(dim=0), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("backbone", "ignores"), [("resnet2d", True), ("resnet2d_attention", True), ("resnet3d", False), ("r2plus1d", False)]
)
@pytest.mark.parametrize("position", [0, 3])
def test_only_2d_backbones_ignore_the_order_of_frames(small_config, random_network, backbone, ignores, position):
    network = random_network(small_config(backbone=backbone, non_local_position=position))
    clip = torch.rand(2, 3, 8, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        before, after = network.pooled(clip), network.pooled(clip[:, :, [3, 0, 7, 1, 6, 2, 5, 4]])
    assert torch.allclose(before, after, atol=1e-4) == ignores


@pytest.mark.parametrize("backbone", ["resnet2d", "resnet2d_attention"])
def test_frames_that_are_all_the_same_count_as_one(small_config, random_network, backbone):
    network = random_network(small_config(backbone=backbone))
    image = torch.rand(2, 3, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        one = network.pooled(image)
        for frames in (2, 7):
            torch.testing.assert_close(network.pooled(image.expand(-1, -1, frames, -1, -1)), one, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("width", [8, 64])
def test_r2plus1d_has_the_size_of_resnet3d(small_config, depth, width):
    with torch.device("meta"):
        sizes = [
            count(FatigueNet(small_config(backbone=backbone, depth=depth, first_channel=width)))
            for backbone in ("r2plus1d", "resnet3d")
        ]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.01)


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


@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_weight_gets_a_gradient(small_config, random_network, backbone):
    network = random_network(small_config(backbone=backbone)).train()
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
