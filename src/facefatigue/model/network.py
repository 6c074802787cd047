"""The network: a ResNet over a clip, with a non-local block, from a clip of a face to a fatigue score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from facefatigue.model.blocks import BasicBlock, BottleneckBlock, Stem
from facefatigue.model.frame_attention import FrameAttention
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


def depth_of(blocks: tuple[int, ...], *, bottleneck: bool) -> int | None:
    """The depth with so many residual blocks in its stages; None where there is no such depth.

    Args:
        blocks: Residual blocks of stages 1 to 4.
        bottleneck: Whether they are bottlenecks.
    """
    for depth, counts in STAGE_BLOCKS.items():
        if counts == blocks and (depth in BOTTLENECK_DEPTHS) == bottleneck:
            return depth
    return None


class FatigueNet(nn.Module):
    """A ResNet over a clip, with a non-local block and a head for the fatigue score.

    By default the network of "Machine vision to human facial fatigue with nonlocal 3D attention network"
    (arXiv:2104.10420): a 3D-ResNet as in Hara et al. (CVPR 2018) with the non-local block of Wang et al. (CVPR 2018). The
    other backbones are baselines for it, of the same depths and widths and with the same head:

    - ``resnet3d``: k×k×k kernels; stem and stages 2 to 4 halve time as well as space;
    - ``r2plus1d``: each of these kernels split into one over space and one over time (Tran et al., CVPR 2018);
    - ``resnet2d``: each frame by itself, and the mean of all;
    - ``resnet2d_attention``: each frame by itself, combined by frame attention (Meng et al., ICIP 2019).

    The non-local block is all that joins the frames of the last two before they are combined; ``resnet2d`` proper has none.

    A new network has random weights from torch's global generator: Kaiming normal (fan out, Hara et al.) for the
    convolutions without bias, torch's own initialisation for the rest.

    Args:
        config: The configuration; its name, licence and metrics are not used.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        block = _block(config)
        self.stem = Stem(config.first_channel, backbone=config.backbone)
        self.stage1 = _stage(config, 1)
        self.stage2 = _stage(config, 2)
        self.stage3 = _stage(config, 3)
        self.stage4 = _stage(config, 4)
        channels = 8 * block.expansion * config.first_channel
        self.attention = FrameAttention(channels) if config.backbone == "resnet2d_attention" else None
        self.features = nn.Linear(channels if self.attention is None else 2 * channels, config.feature_dim)
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
        """Score clips.

        In the shapes below, w is the first width, e is 4 for bottleneck depths and 1 otherwise, and sizes are rounded up;
        the 2D backbones keep T where the others halve it.

        Args:
            clip: (N, 3, T, H, W) float32 in [-1, 1], RGB.

        Returns:
            logits (N, classes) float32, and score (N,) float32 in [0, 1].
        """
        logits = self.classify(self.pooled(clip))  # (N, classes)
        return logits, self.score(logits)  # (N, classes), (N,)

    def pooled(self, clip: Tensor) -> Tensor:
        """The features of clips: their mean over space, and over time their mean or what frame attention makes of them.

        Args:
            clip: (N, 3, T, H, W) float32 in [-1, 1], RGB.

        Returns:
            (N, ``features.in_features``) float32: 8e·w features, or 16e·w with frame attention.
        """
        x = self.stem(clip)  # (N, w, T/2, H/4, W/4)
        x = self.stage1(x)  # (N, e·w, T/2, H/4, W/4)
        x = self.stage2(x)  # (N, 2e·w, T/4, H/8, W/8)
        x = self.stage3(x)  # (N, 4e·w, T/8, H/16, W/16)
        x = self.stage4(x)  # (N, 8e·w, T/16, H/32, W/32)
        pooled: Tensor
        if self.attention is None:
            pooled = x.mean(dim=(2, 3, 4))  # (N, 8e·w)
        else:
            frames = x.mean(dim=(3, 4)).transpose(1, 2)  # (N, T, 8e·w)
            pooled = self.attention(frames)  # (N, 16e·w)
        return pooled

    def classify(self, pooled: Tensor) -> Tensor:
        """The logits of pooled features.

        Args:
            pooled: (N, ``features.in_features``) float32.

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
        stride = 2 if number > 1 and index == 0 else 1
        layers.append(block(channels_in, channels, stride=stride, backbone=config.backbone))
        channels_in = block.expansion * channels
    if placement == "after":
        layers.append(NonLocalBlock(channels=channels_in, mode=config.non_local_mode))
    return nn.Sequential(*layers)
