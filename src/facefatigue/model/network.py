"""The network: a 3D-ResNet with a non-local block, from a clip of a face to a fatigue score."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from facefatigue.model.non_local import NonLocalBlock

if TYPE_CHECKING:
    from facefatigue.model.config import ModelConfig

# Residual blocks in each stage: "Deep Residual Learning" (He et al., CVPR 2016), table 1; 10 and 200 from "Can
# Spatiotemporal 3D CNNs Retrace the History of 2D CNNs and ImageNet?" (Hara et al., CVPR 2018), table 1 and its code.
STAGE_BLOCKS = {
    10: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}
BOTTLENECK_DEPTHS = frozenset({50, 101, 152, 200})


class Stem(nn.Module):
    """The first convolution: halves height and width, keeps time, then a max pool halves all three."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, channels, kernel_size=7, stride=(1, 2, 2), padding=3, bias=False)
        self.norm = nn.BatchNorm3d(channels)
        self.pool = nn.MaxPool3d(kernel_size=3, stride=2, padding=1)

    def forward(self, clip: Tensor) -> Tensor:
        """(N, 3, T, H, W) → (N, channels, T/2, H/4, W/4), each rounded up."""
        x = torch.relu(self.norm(self.conv(clip)))  # (N, channels, T, H/2, W/2)
        return cast("Tensor", self.pool(x))  # (N, channels, T/2, H/4, W/4)


class Shortcut(nn.Module):
    """The 1×1×1 projection beside a residual block that changes the shape (option B of He et al. 2016)."""

    def __init__(self, channels_in: int, channels_out: int, *, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(channels_in, channels_out, kernel_size=1, stride=stride, bias=False)
        self.norm = nn.BatchNorm3d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, T, H, W) → (N, channels_out, T/stride, H/stride, W/stride)."""
        return cast("Tensor", self.norm(self.conv(x)))


class BasicBlock(nn.Module):
    """Two 3×3×3 convolutions and a shortcut (He et al. 2016, figure 5 left, in 3D)."""

    expansion = 1

    def __init__(self, channels_in: int, channels: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(channels_in, channels, kernel_size=3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm3d(channels)
        self.conv2 = nn.Conv3d(channels, channels, kernel_size=3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm3d(channels)
        self.shortcut = _shortcut(channels_in, channels, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, T, H, W) → (N, channels, T/stride, H/stride, W/stride)."""
        y = torch.relu(self.norm1(self.conv1(x)))  # (N, channels, T/stride, H/stride, W/stride)
        y = self.norm2(self.conv2(y))  # (N, channels, T/stride, H/stride, W/stride)
        return torch.relu(y + self.shortcut(x))


class BottleneckBlock(nn.Module):
    """1×1×1, 3×3×3 (with the stride) and 1×1×1 convolutions and a shortcut (He et al. 2016, figure 5 right, in 3D)."""

    expansion = 4

    def __init__(self, channels_in: int, channels: int, *, stride: int) -> None:
        super().__init__()
        channels_out = self.expansion * channels
        self.conv1 = nn.Conv3d(channels_in, channels, kernel_size=1, bias=False)
        self.norm1 = nn.BatchNorm3d(channels)
        self.conv2 = nn.Conv3d(channels, channels, kernel_size=3, stride=stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm3d(channels)
        self.conv3 = nn.Conv3d(channels, channels_out, kernel_size=1, bias=False)
        self.norm3 = nn.BatchNorm3d(channels_out)
        self.shortcut = _shortcut(channels_in, channels_out, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, T, H, W) → (N, 4 × channels, T/stride, H/stride, W/stride)."""
        y = torch.relu(self.norm1(self.conv1(x)))  # (N, channels, T, H, W)
        y = torch.relu(self.norm2(self.conv2(y)))  # (N, channels, T/stride, H/stride, W/stride)
        y = self.norm3(self.conv3(y))  # (N, 4 × channels, T/stride, H/stride, W/stride)
        return torch.relu(y + self.shortcut(x))


class FatigueNet(nn.Module):
    """A 3D-ResNet with a non-local block and a head for the fatigue score.

    The network of "Machine vision to human facial fatigue with nonlocal 3D attention network" (arXiv:2104.10420): a
    3D-ResNet as in Hara et al. (CVPR 2018) with the non-local block of Wang et al. (CVPR 2018). A new network has random
    weights from torch's global generator: Kaiming normal (fan out, Hara et al.) for the convolutions without bias, torch's
    own initialisation for the rest.

    Args:
        config: The configuration; its name, licence and metrics are not used.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        block = _block(config)
        self.stem = Stem(config.first_channel)
        self.stage1 = _stage(config, 1)
        self.stage2 = _stage(config, 2)
        self.stage3 = _stage(config, 3)
        self.stage4 = _stage(config, 4)
        channels = 8 * block.expansion * config.first_channel
        self.features = nn.Linear(channels, config.feature_dim)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.feature_dim, config.classes)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights for the convolutions; every non-local block becomes the identity."""
        for module in self.modules():
            if isinstance(module, nn.Conv3d) and module.bias is None:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, NonLocalBlock):
                module.reset_parameters()

    def forward(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        """Score clips; w is the first width, e is 4 for bottleneck depths and 1 otherwise, sizes are rounded up.

        Args:
            clip: (N, 3, T, H, W) float32 in [-1, 1], RGB.

        Returns:
            logits (N, classes) float32, and score (N,) float32 in [0, 1].
        """
        logits = self.classify(self.pooled(clip))  # (N, classes)
        return logits, self.score(logits)  # (N, classes), (N,)

    def pooled(self, clip: Tensor) -> Tensor:
        """The features of clips, averaged over time and space.

        Args:
            clip: (N, 3, T, H, W) float32 in [-1, 1], RGB.

        Returns:
            (N, 8e·w) float32.
        """
        x = self.stem(clip)  # (N, w, T/2, H/4, W/4)
        x = self.stage1(x)  # (N, e·w, T/2, H/4, W/4)
        x = self.stage2(x)  # (N, 2e·w, T/4, H/8, W/8)
        x = self.stage3(x)  # (N, 4e·w, T/8, H/16, W/16)
        x = self.stage4(x)  # (N, 8e·w, T/16, H/32, W/32)
        pooled: Tensor = x.mean(dim=(2, 3, 4))  # (N, 8e·w)
        return pooled

    def classify(self, pooled: Tensor) -> Tensor:
        """The logits of pooled features.

        Args:
            pooled: (N, 8e·w) float32.

        Returns:
            (N, classes) float32.
        """
        x = self.dropout(torch.relu(self.features(pooled)))  # (N, 4w)
        logits: Tensor = self.head(x)  # (N, classes)
        return logits

    def score(self, logits: Tensor) -> Tensor:
        """The score of logits: Σ softmax(class) × bin centre, or the sigmoid of the single logit.

        Args:
            logits: (N, classes) float32.

        Returns:
            (N,) float32 in [0, 1].
        """
        if self.config.head == "sigmoid":
            return torch.sigmoid(logits).squeeze(1)  # (N,)
        bins = torch.arange(self.config.classes, dtype=logits.dtype, device=logits.device)  # (classes,)
        centres = (bins + 0.5) / self.config.classes  # (classes,)
        return torch.matmul(torch.softmax(logits, dim=1), centres)  # (N,)


def _block(config: ModelConfig) -> type[BasicBlock | BottleneckBlock]:
    return BottleneckBlock if config.depth in BOTTLENECK_DEPTHS else BasicBlock


def _stage(config: ModelConfig, number: int) -> nn.Sequential:
    block = _block(config)
    channels = config.first_channel << (number - 1)
    channels_in = config.first_channel if number == 1 else block.expansion * channels // 2
    blocks = STAGE_BLOCKS[config.depth][number - 1]
    placement = config.non_local_placement if number == config.non_local_position else None
    layers: list[nn.Module] = []
    for index in range(blocks):
        if placement == "inside" and index == blocks - 1:
            layers.append(NonLocalBlock(channels=channels_in, mode=config.non_local_mode))
        layers.append(block(channels_in, channels, stride=2 if number > 1 and index == 0 else 1))
        channels_in = block.expansion * channels
    if placement == "after":
        layers.append(NonLocalBlock(channels=channels_in, mode=config.non_local_mode))
    return nn.Sequential(*layers)


def _shortcut(channels_in: int, channels_out: int, *, stride: int) -> nn.Module:
    if stride == 1 and channels_in == channels_out:
        return nn.Identity()
    return Shortcut(channels_in, channels_out, stride=stride)
