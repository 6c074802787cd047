"""Fatigue formed over time from what is read of each frame: the cues of a frame, and the layers that look over time."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from facefatigue.data.frame_targets import channels_of
from facefatigue.faces.align import EYE_X, EYE_Y
from facefatigue.model.blocks import BasicBlock, convolution
from facefatigue.model.non_local import NonLocalBlock

if TYPE_CHECKING:
    from facefatigue.model.config import ModelConfig

TEMPORAL_WIDTH = 32
TEMPORAL_KERNEL = 5
DILATIONS = (1, 2, 4)  # with two convolutions each, a moment sees 57 frames
_STEPS = (8, 16, 32)  # a frame's side is divided by these in the maps behind stages 2, 3 and 4
_KEPT = (8, 16)  # channels that are kept of the first two, which have many places
_EYE_WIDTH, _EYE_HEIGHT = 0.36, 0.28  # of the crop's side: an eye with its brow, whatever alignment leaves of a shift
_EYE_STEP = 8  # the picture of an eye is divided by this in the last of its maps


class FrameReader(nn.Module):
    """What is read of each frame from the maps of its 2D ResNet: features, and from them the cues.

    The maps are not averaged over space: faces are aligned, so a place in them is a part of the face. The finer maps behind
    stages 2 and 3 and a look of their own at the eyes (:class:`EyeReader`) are there because lids move by a pixel or two,
    and the last map has one place for 32 pixels.

    The cues are read in standard deviations from their mean; both are buffers, so that a network carries its own. The mean
    and the spread of a new one are 0 and 1.

    Args:
        config: The network's configuration.
        channels: Channels of the maps behind stages 2, 3 and 4.
    """

    cue_mean: Tensor
    cue_spread: Tensor

    def __init__(self, config: ModelConfig, *, channels: tuple[int, int, int]) -> None:
        super().__init__()
        self.fine = _narrowed(channels[0], _KEPT[0])
        self.middle = _narrowed(channels[1], _KEPT[1])
        kept = (*_KEPT, channels[2])
        places = sum(count * (-(-config.size_px // step)) ** 2 for count, step in zip(kept, _STEPS, strict=True))
        self.eyes = EyeReader(config)
        places += self.eyes.count
        count = channels_of(config.cues)
        self.features = nn.Linear(places, config.feature_dim)
        self.cues = nn.Linear(config.feature_dim, count) if count else None
        self.register_buffer("cue_mean", torch.zeros(count))
        self.register_buffer("cue_spread", torch.ones(count))

    def forward(self, clip: Tensor, fine: Tensor, middle: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        """Read all frames.

        Args:
            clip: (N, 3, T, H, W) float32 in [-1, 1], RGB.
            fine: (N, 2e·w, T, H/8, W/8) float32.
            middle: (N, 4e·w, T, H/16, W/16) float32.
            last: (N, 8e·w, T, H/32, W/32) float32.

        Returns:
            Features (N, T, 4w), at least 0, and standardised cues (N, T, K).
        """
        maps = (self.fine(fine), self.middle(middle), last, *self.eyes(clip))
        flat = torch.cat([part.transpose(1, 2).flatten(2) for part in maps], dim=2)  # (N, T, places)
        features = torch.relu(self.features(flat))  # (N, T, 4w)
        if self.cues is None:
            return features, features[:, :, :0]
        return features, self.cues(features)  # (N, T, 4w), (N, T, K)

    def in_units(self, cues: Tensor) -> Tensor:
        """Standardised cues (N, T, K) in the units of :data:`facefatigue.data.frame_targets.FRAME_TARGETS`."""
        return cues * self.cue_spread + self.cue_mean


class EyeReader(nn.Module):
    """A look at each eye at the full resolution of the clip, by the same layers; the eye at the image's right is mirrored.

    Where the eyes are is known, since faces are aligned by them. The stem of the ResNet divides the picture by 4 before its
    first block, where an open eye is two pixels high. Here it is divided by 2, three residual blocks follow.

    Args:
        config: The network's configuration.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size, width, backbone = config.size_px, config.first_channel, config.backbone
        self.height, self.width = (_EYE_STEP * max(round(part * size / _EYE_STEP), 1) for part in (_EYE_HEIGHT, _EYE_WIDTH))
        self.top = max(round(EYE_Y * size) - self.height // 2, 0)
        self.left, self.right = (min(max(round(x * size) - self.width // 2, 0), size - self.width) for x in EYE_X)
        self.channels = 2 * width
        self.conv = convolution(3, width, size=5, stride=2, backbone=backbone)
        self.norm = nn.BatchNorm3d(width)
        self.blocks = nn.Sequential(
            BasicBlock(width, width, stride=1, backbone=backbone),
            BasicBlock(width, self.channels, stride=2, backbone=backbone),
            BasicBlock(self.channels, self.channels, stride=2, backbone=backbone),
        )

    @property
    def count(self) -> int:
        """Numbers that are read of the two eyes of one frame."""
        return 2 * self.channels * (self.height // _EYE_STEP) * (self.width // _EYE_STEP)

    def forward(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        """Read both eyes of all frames.

        Args:
            clip: (N, 3, T, H, W) float32 in [-1, 1], RGB.

        Returns:
            The maps of the eye at the image's left and of the one at its right, (N, 2w, T, h/8, w/8) float32 each.
        """
        rows = clip[:, :, :, self.top : self.top + self.height]  # (N, 3, T, h, W)
        left = rows[..., self.left : self.left + self.width]  # (N, 3, T, h, w)
        right = rows[..., self.right : self.right + self.width].flip(-1)  # (N, 3, T, h, w)
        x = torch.cat([left, right], dim=2)  # (N, 3, 2T, h, w)
        x = torch.relu(self.norm(self.conv(x)))  # (N, c, 2T, h/2, w/2)
        x = self.blocks(x)  # (N, 2c, 2T, h/8, w/8)
        return x[:, :, : clip.shape[2]], x[:, :, clip.shape[2] :]


def _narrowed(channels: int, kept: int) -> nn.Sequential:
    layers = OrderedDict(
        conv=nn.Conv3d(channels, kept, kernel_size=1, bias=False), norm=nn.BatchNorm3d(kept), relu=nn.ReLU()
    )
    return nn.Sequential(layers)


class TemporalPart(nn.Module):
    """From what was read of each frame to one vector for the clip; any number of frames will do.

    A 1×1 convolution to 32 channels, three residual blocks over time with dilations 1, 2 and 4 ("Multi-scale context
    aggregation by dilated convolutions", Yu and Koltun, ICLR 2016), a non-local block over time where the configuration has
    one, and mean and maximum over time. The convolutions are three-dimensional with a kernel of k×1×1, as elsewhere here.

    Args:
        config: The network's configuration.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.takes = config.temporal_input
        count = 0 if self.takes == "features" else channels_of(config.cues)
        count += 0 if self.takes == "cues" else config.feature_dim
        self.conv = nn.Conv3d(count, TEMPORAL_WIDTH, kernel_size=1, bias=False)
        self.norm = nn.BatchNorm3d(TEMPORAL_WIDTH)
        self.blocks = nn.Sequential(*(TemporalBlock(TEMPORAL_WIDTH, dilation=dilation) for dilation in DILATIONS))
        present = config.non_local_position != 0
        self.non_local = NonLocalBlock(channels=TEMPORAL_WIDTH, mode=config.non_local_mode) if present else nn.Identity()

    @property
    def channels(self) -> int:
        """Length of the vector."""
        return 2 * TEMPORAL_WIDTH

    def forward(self, features: Tensor, cues: Tensor) -> Tensor:
        """Combine the frames of clips.

        Args:
            features: (N, T, 4w) float32.
            cues: (N, T, K) float32, standardised.

        Returns:
            (N, 64) float32.
        """
        parts = {"cues": [cues], "features": [features], "both": [features, cues]}[self.takes]
        x = torch.cat(parts, dim=2).transpose(1, 2)[..., None, None]  # (N, I, T, 1, 1)
        x = torch.relu(self.norm(self.conv(x)))  # (N, 32, T, 1, 1)
        x = self.non_local(self.blocks(x))  # (N, 32, T, 1, 1)
        x = x.flatten(2)  # (N, 32, T)
        return torch.cat([x.mean(dim=2), x.amax(dim=2)], dim=1)  # (N, 64)


class TemporalBlock(nn.Module):
    """Two k×1×1 convolutions with the same dilation, and a shortcut."""

    def __init__(self, channels: int, *, dilation: int) -> None:
        super().__init__()
        self.conv1 = _over_time(channels, dilation)
        self.norm1 = nn.BatchNorm3d(channels)
        self.conv2 = _over_time(channels, dilation)
        self.norm2 = nn.BatchNorm3d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T, 1, 1) → (N, C, T, 1, 1)."""
        y = torch.relu(self.norm1(self.conv1(x)))  # (N, C, T, 1, 1)
        y = cast("Tensor", self.norm2(self.conv2(y)))  # (N, C, T, 1, 1)
        return torch.relu(x + y)


def _over_time(channels: int, dilation: int) -> nn.Conv3d:
    return nn.Conv3d(
        channels,
        channels,
        kernel_size=(TEMPORAL_KERNEL, 1, 1),
        padding=(dilation * (TEMPORAL_KERNEL // 2), 0, 0),
        dilation=(dilation, 1, 1),
        bias=False,
    )
