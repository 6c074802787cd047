"""Convolutions in the form of each backbone: shapes, reach over time, and the channels of R(2+1)D."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from facefatigue.model.blocks import FRAMEWISE, BasicBlock, BottleneckBlock, SpaceThenTime, Stem, convolution
from facefatigue.model.config import BACKBONES


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("size", [1, 3, 7])
@pytest.mark.parametrize(("stride", "time_stride"), [(1, 1), (2, 1), (2, 2)])
def test_strides_round_up_and_2d_ones_keep_time(backbone, size, stride, time_stride):
    with torch.device("meta"):
        layer = convolution(3, 4, size=size, stride=stride, time_stride=time_stride, backbone=backbone)
        shape = tuple(layer(torch.empty(2, 3, 5, 9, 11)).shape)
    frames = 5 if backbone in FRAMEWISE or time_stride == 1 else 3
    assert shape == (2, 4, frames, *((9, 11) if stride == 1 else (5, 6)))


@pytest.mark.parametrize(
    ("backbone", "frames"),
    [("resnet3d", [2, 3, 4]), ("r2plus1d", [2, 3, 4]), ("resnet2d", [3]), ("resnet2d_attention", [3])],
)
def test_how_far_a_kernel_reaches_over_time(backbone, frames):
    torch.manual_seed(0)
    layer = convolution(2, 2, size=3, backbone=backbone).eval()
    x = torch.rand(1, 2, 7, 5, 5)
    changed = x.clone()
    changed[:, :, 3] += 1
    with torch.inference_mode():
        difference = (layer(changed) - layer(x)).abs().amax((0, 1, 3, 4))
    assert [frame for frame, value in enumerate(difference) if value > 0] == frames


@pytest.mark.parametrize(
    ("channels_in", "channels_out", "size", "between"), [(64, 64, 3, 144), (64, 128, 3, 230), (3, 64, 7, 110), (8, 8, 3, 18)]
)
def test_the_channels_between_space_and_time_follow_the_paper(channels_in, channels_out, size, between):
    layer = convolution(channels_in, channels_out, size=size, backbone="r2plus1d")
    assert isinstance(layer, SpaceThenTime)
    assert layer.space.weight.shape == (between, channels_in, 1, size, size)
    assert layer.time.weight.shape == (channels_out, between, size, 1, 1)
    weights = layer.space.weight.numel() + layer.time.weight.numel()
    assert 0.97 < weights / (size**3 * channels_in * channels_out) <= 1


def test_space_then_time_is_its_parts():
    torch.manual_seed(0)
    layer = SpaceThenTime(3, 4, size=3, stride=2, time_stride=2).eval()
    nn.init.normal_(layer.norm.bias)
    x = torch.rand(2, 3, 5, 8, 8)
    with torch.inference_mode():
        frames = [
            nn.functional.conv2d(x[:, :, t], layer.space.weight[:, :, 0], stride=2, padding=1) / (1 + layer.norm.eps) ** 0.5
            + layer.norm.bias[:, None, None]
            for t in range(5)
        ]
        y = torch.stack(frames, dim=2).relu()
        expected = nn.functional.conv3d(y, layer.time.weight, stride=(2, 1, 1), padding=(1, 0, 0))
        torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("block", [BasicBlock, BottleneckBlock])
def test_blocks_have_a_projection_only_where_the_shape_changes(backbone, block):
    with torch.device("meta"):
        same = block(8 * block.expansion, 8, stride=1, backbone=backbone)
        other = block(8, 8, stride=2, backbone=backbone)
        x = torch.empty(1, 8, 4, 6, 6)
        assert tuple(other(x).shape) == (1, 8 * block.expansion, 4 if backbone in FRAMEWISE else 2, 3, 3)
    assert isinstance(same.shortcut, nn.Identity)
    assert not isinstance(other.shortcut, nn.Identity)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_stem_pools_over_time_only_where_time_is_seen(backbone):
    with torch.device("meta"):
        shape = tuple(Stem(8, backbone=backbone)(torch.empty(1, 3, 8, 33, 33)).shape)
    assert shape == (1, 8, 8 if backbone in FRAMEWISE else 4, 9, 9)
