"""The network: a ResNet over a clip, with a non-local block, from a clip of a face to a fatigue score."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from facefatigue.errors import ConfigurationError
from facefatigue.model.blocks import FRAMEWISE, BasicBlock, BottleneckBlock, Stem
from facefatigue.model.cues import FrameReader, TemporalPart
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
_TIME_STRIDE = 16  # of stem and stages together


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

    ``resnet2d_cues`` is no baseline: it reads named cues (how far the lids are closed, how wide the mouth is open) from each
    frame by itself and forms fatigue from them over time (:mod:`facefatigue.model.cues`).

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
        if config.backbone == "resnet2d_cues":
            self.reader: FrameReader | None = FrameReader(config, channels=(channels // 4, channels // 2, channels))
        else:
            self.reader = None
        self.attention = FrameAttention(channels) if config.backbone == "resnet2d_attention" else None
        self.temporal = None if self.reader is None else TemporalPart(config)
        pooled = channels if self.attention is None else 2 * channels
        self.features = nn.Linear(pooled if self.temporal is None else self.temporal.channels, config.feature_dim)
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

        With cues, what is made over time of that which was read of each frame.

        Args:
            clip: (N, 3, T, H, W) float32 in [-1, 1], RGB.

        Returns:
            (N, ``features.in_features``) float32: 8e·w features, 16e·w with frame attention, or 64 with cues.
        """
        maps = self.maps(clip)
        return self.combined(maps, *self.read(clip, maps)) if self.temporal is not None else self.combined(maps)

    def maps(self, clip: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The maps of clips behind stages 2, 3 and 4.

        Args:
            clip: (N, 3, T, H, W) float32 in [-1, 1], RGB.

        Returns:
            (N, 2e·w, T/4, H/8, W/8), (N, 4e·w, T/8, H/16, W/16) and (N, 8e·w, T/16, H/32, W/32) float32.
        """
        x = self.stem(clip)  # (N, w, T/2, H/4, W/4)
        x = self.stage1(x)  # (N, e·w, T/2, H/4, W/4)
        fine: Tensor = self.stage2(x)  # (N, 2e·w, T/4, H/8, W/8)
        middle: Tensor = self.stage3(fine)  # (N, 4e·w, T/8, H/16, W/16)
        last: Tensor = self.stage4(middle)  # (N, 8e·w, T/16, H/32, W/32)
        return fine, middle, last

    def read(self, clip: Tensor, maps: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """The features of each moment that is left of clips, and the standardised cues where there are any.

        Args:
            clip: (N, 3, T, H, W) float32 in [-1, 1], RGB.
            maps: As :meth:`maps` gives them for it.

        Returns:
            (N, T/16, 8e·w) and (N, T/16, 0) float32; with cues (N, T, 4w) and (N, T, K).
        """
        if self.reader is not None:
            features, cues = self.reader(clip, *maps)
            return features, cues
        moments = maps[-1].mean(dim=(3, 4)).transpose(1, 2)  # (N, T/16, 8e·w)
        return moments, moments[:, :, :0]

    def moments_of(self, frames: int) -> tuple[int, int]:
        """How many moments are left of so many frames, and how many features each has.

        Args:
            frames: Frames T of a clip.
        """
        if self.reader is not None:
            return frames, self.config.feature_dim
        left = frames if self.config.backbone in FRAMEWISE else -(-frames // _TIME_STRIDE)
        return left, 8 * _block(self.config).expansion * self.config.first_channel

    def combined(
        self, maps: tuple[Tensor, Tensor, Tensor] | None, moments: Tensor | None = None, cues: Tensor | None = None
    ) -> Tensor:
        """The features of clips from their maps, as :meth:`pooled` gives them.

        Args:
            maps: As :meth:`maps` gives them; not needed with cues.
            moments: As :meth:`read` gives them; needed with cues only.
            cues: Likewise.
        """
        pooled: Tensor
        if self.temporal is not None:
            return cast("Tensor", self.temporal(moments, cues))  # (N, 64)
        assert maps is not None
        if self.attention is None:
            pooled = maps[-1].mean(dim=(2, 3, 4))  # (N, 8e·w)
        else:
            frames = maps[-1].mean(dim=(3, 4)).transpose(1, 2)  # (N, T, 8e·w)
            pooled = self.attention(frames)  # (N, 16e·w)
        return pooled

    def cues(self, clip: Tensor) -> Tensor:
        """The cues of every frame, in their units.

        Args:
            clip: (N, 3, T, H, W) float32 in [-1, 1], RGB.

        Returns:
            (N, T, K) float32, the channels of ``config.cues`` behind one another.

        Raises:
            ConfigurationError: The network reads no cues.
        """
        return self.forward_with_cues(clip)[2]

    def forward_with_cues(self, clip: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Score clips as :meth:`forward` does, and say what was read of each frame.

        Args:
            clip: (N, 3, T, H, W) float32 in [-1, 1], RGB.

        Returns:
            logits (N, classes), score (N,) and cues (N, T, K), float32.

        Raises:
            ConfigurationError: The network reads no cues.
        """
        if self.reader is None or not self.config.cues:
            raise ConfigurationError(f"the network {self.config.name} reads no cues")
        maps = self.maps(clip)
        moments, cues = self.read(clip, maps)  # (N, T, 4w), (N, T, K)
        logits = self.classify(self.combined(maps, moments, cues))  # (N, classes)
        return logits, self.score(logits), self.reader.in_units(cues)  # (N, classes), (N,), (N, T, K)

    def set_cue_statistics(self, mean: Tensor, spread: Tensor) -> None:
        """Tell the network the mean and the spread of its cues, in which it then reads them.

        Args:
            mean: (K,) float32.
            spread: (K,) float32, above 0.

        Raises:
            ConfigurationError: The network reads no cues.
        """
        if self.reader is None:
            raise ConfigurationError(f"the network {self.config.name} reads no cues")
        self.reader.cue_mean.copy_(mean)
        self.reader.cue_spread.copy_(spread)

    def frame_part(self) -> list[nn.Module]:
        """The modules that look at each frame by itself, where there are others behind them that look over time."""
        if self.reader is None:
            return []
        return [self.stem, self.stage1, self.stage2, self.stage3, self.stage4, self.reader]

    def score_part(self) -> list[nn.Module]:
        """The modules that serve the score alone, and nothing that is read of frames."""
        parts = [self.attention, self.temporal, self.features, self.head]
        return [part for part in parts if part is not None]

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
    here = number == config.non_local_position and config.backbone != "resnet2d_cues"
    placement = config.non_local_placement if here else None
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
