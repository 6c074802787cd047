"""The layers the networks are made of: stem and residual blocks, whose convolutions a backbone makes in its own form."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from facefatigue.model.config import Backbone

# Backbones that look at one frame at a time: no kernel, stride or pool of theirs reaches over time.
FRAMEWISE: frozenset[Backbone] = frozenset({"resnet2d", "resnet2d_attention", "resnet2d_cues"})


def convolution(
    channels_in: int, channels_out: int, *, size: int, stride: int = 1, time_stride: int = 1, backbone: Backbone
) -> nn.Module:
    """A convolution without bias that keeps time and space but for its strides, in the form a backbone gives it.

    Args:
        channels_in: Channels of the input.
        channels_out: Channels of the output.
        size: Odd size k of the kernel: k×k×k, split in two for "r2plus1d", 1×k×k for a framewise backbone.
        stride: Stride in height and width.
        time_stride: Stride in time; a framewise backbone has none.
        backbone: The network that the convolution is for.

    Returns:
        A module from (N, channels_in, T, H, W) to (N, channels_out, T/time_stride, H/stride, W/stride), rounded up.
    """
    if backbone in FRAMEWISE:
        kernel, strides, padding = (1, size, size), (1, stride, stride), (0, size // 2, size // 2)
    elif backbone == "r2plus1d" and size > 1:
        return SpaceThenTime(channels_in, channels_out, size=size, stride=stride, time_stride=time_stride)
    else:
        kernel, strides, padding = (size, size, size), (time_stride, stride, stride), (size // 2, size // 2, size // 2)
    return nn.Conv3d(channels_in, channels_out, kernel_size=kernel, stride=strides, padding=padding, bias=False)


class SpaceThenTime(nn.Module):
    """A 1×k×k convolution, batch norm, ReLU and a k×1×1 convolution in place of a k×k×k one.

    From "A Closer Look at Spatiotemporal Convolutions for Action Recognition" (Tran et al., CVPR 2018), section 3.5, with
    its M = ⌊k³·C_in·C_out / (k²·C_in + k·C_out)⌋ channels in between: as many weights as the convolution replaced.
    """

    def __init__(self, channels_in: int, channels_out: int, *, size: int, stride: int, time_stride: int) -> None:
        super().__init__()
        between = size**3 * channels_in * channels_out // (size**2 * channels_in + size * channels_out)
        self.space = nn.Conv3d(
            channels_in,
            between,
            kernel_size=(1, size, size),
            stride=(1, stride, stride),
            padding=(0, size // 2, size // 2),
            bias=False,
        )
        self.norm = nn.BatchNorm3d(between)
        self.time = nn.Conv3d(
            between,
            channels_out,
            kernel_size=(size, 1, 1),
            stride=(time_stride, 1, 1),
            padding=(size // 2, 0, 0),
            bias=False,
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, T, H, W) → (N, channels_out, T/time_stride, H/stride, W/stride), rounded up."""
        x = torch.relu(self.norm(self.space(x)))  # (N, M, T, H/stride, W/stride)
        return cast("Tensor", self.time(x))  # (N, channels_out, T/time_stride, H/stride, W/stride)


class Stem(nn.Module):
    """The first convolution: halves height and width, keeps time, then a max pool halves all three."""

    def __init__(self, channels: int, *, backbone: Backbone) -> None:
        super().__init__()
        self.conv = convolution(3, channels, size=7, stride=2, backbone=backbone)
        self.norm = nn.BatchNorm3d(channels)
        if backbone in FRAMEWISE:
            self.pool = nn.MaxPool3d(kernel_size=(1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))
        else:
            self.pool = nn.MaxPool3d(kernel_size=3, stride=2, padding=1)

    def forward(self, clip: Tensor) -> Tensor:
        """(N, 3, T, H, W) → (N, channels, T/2, H/4, W/4), each rounded up; framewise backbones keep T."""
        x = torch.relu(self.norm(self.conv(clip)))  # (N, channels, T, H/2, W/2)
        return cast("Tensor", self.pool(x))  # (N, channels, T/2, H/4, W/4)


class Shortcut(nn.Module):
    """The 1×1×1 projection beside a residual block that changes the shape (option B of He et al. 2016)."""

    def __init__(self, channels_in: int, channels_out: int, *, stride: int, backbone: Backbone) -> None:
        super().__init__()
        self.conv = convolution(channels_in, channels_out, size=1, stride=stride, time_stride=stride, backbone=backbone)
        self.norm = nn.BatchNorm3d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, T, H, W) → (N, channels_out, T/stride, H/stride, W/stride); framewise backbones keep T."""
        return cast("Tensor", self.norm(self.conv(x)))


class BasicBlock(nn.Module):
    """Two 3×3×3 convolutions and a shortcut (He et al. 2016, figure 5 left, in 3D)."""

    expansion = 1

    def __init__(self, channels_in: int, channels: int, *, stride: int, backbone: Backbone) -> None:
        super().__init__()
        self.conv1 = convolution(channels_in, channels, size=3, stride=stride, time_stride=stride, backbone=backbone)
        self.norm1 = nn.BatchNorm3d(channels)
        self.conv2 = convolution(channels, channels, size=3, backbone=backbone)
        self.norm2 = nn.BatchNorm3d(channels)
        self.shortcut = _shortcut(channels_in, channels, stride=stride, backbone=backbone)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, T, H, W) → (N, channels, T/stride, H/stride, W/stride); framewise backbones keep T."""
        y = torch.relu(self.norm1(self.conv1(x)))  # (N, channels, T/stride, H/stride, W/stride)
        y = self.norm2(self.conv2(y))  # (N, channels, T/stride, H/stride, W/stride)
        return torch.relu(y + self.shortcut(x))


class BottleneckBlock(nn.Module):
    """1×1×1, 3×3×3 (with the stride) and 1×1×1 convolutions and a shortcut (He et al. 2016, figure 5 right, in 3D)."""

    expansion = 4

    def __init__(self, channels_in: int, channels: int, *, stride: int, backbone: Backbone) -> None:
        super().__init__()
        channels_out = self.expansion * channels
        self.conv1 = convolution(channels_in, channels, size=1, backbone=backbone)
        self.norm1 = nn.BatchNorm3d(channels)
        self.conv2 = convolution(channels, channels, size=3, stride=stride, time_stride=stride, backbone=backbone)
        self.norm2 = nn.BatchNorm3d(channels)
        self.conv3 = convolution(channels, channels_out, size=1, backbone=backbone)
        self.norm3 = nn.BatchNorm3d(channels_out)
        self.shortcut = _shortcut(channels_in, channels_out, stride=stride, backbone=backbone)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, T, H, W) → (N, 4 × channels, T/stride, H/stride, W/stride); framewise backbones keep T."""
        y = torch.relu(self.norm1(self.conv1(x)))  # (N, channels, T, H, W)
        y = torch.relu(self.norm2(self.conv2(y)))  # (N, channels, T/stride, H/stride, W/stride)
        y = self.norm3(self.conv3(y))  # (N, 4 × channels, T/stride, H/stride, W/stride)
        return torch.relu(y + self.shortcut(x))


def _shortcut(channels_in: int, channels_out: int, *, stride: int, backbone: Backbone) -> nn.Module:
    if stride == 1 and channels_in == channels_out:
        return nn.Identity()
    return Shortcut(channels_in, channels_out, stride=stride, backbone=backbone)
