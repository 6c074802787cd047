"""First weights from a trained 2D ResNet, whose kernels are inflated to look over time as well.

The published network starts from a 2D ResNet-18 that was trained on faces. Such a file has torchvision's names, either bare
or, like those of the MS-Celeb-1M and FER+ networks, behind ``module.`` and under "state_dict".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import torch

from facefatigue.errors import ConfigurationError, ModelError
from facefatigue.model.config import WIDTHS, ModelConfig
from facefatigue.model.network import FatigueNet, depth_of
from facefatigue.model.non_local import NonLocalBlock
from facefatigue.model.weights import listed, mismatches, read_safetensors, read_torch_file, state_dict_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

Inflation = Literal["centre", "mean"]

INFLATIONS: tuple[Inflation, ...] = get_args(Inflation)

# What stands behind the last stage, for the classes or the people that the 2D network told apart.
_HEADS = ("fc.", "feature.")
_IN_A_BLOCK = re.compile(r"layer([1-4])\.(\d+)\.")
# Our name of a layer in the stem or in a residual block to torchvision's, where they differ.
_RENAMINGS = {
    "conv": "conv1",
    "norm": "bn1",
    "norm1": "bn1",
    "norm2": "bn2",
    "norm3": "bn3",
    "shortcut.conv": "downsample.0",
    "shortcut.norm": "downsample.1",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint2d:
    """A trained 2D ResNet without its head, read and understood.

    Attributes:
        path: The file.
        depth: Its layers, one of :data:`facefatigue.model.config.DEPTHS`.
        first_channel: Channels of its first stage, one of :data:`facefatigue.model.config.WIDTHS`.
        weights: Tensors by torchvision's names; kernels are (C_out, C_in, k, k) float32.
    """

    path: Path
    depth: int
    first_channel: int
    weights: Mapping[str, Tensor]


def read_2d_checkpoint(path: str | Path) -> Checkpoint2d:
    """Read a 2D ResNet in torchvision's naming without running anything in it.

    Depth and width follow from the names and shapes. The layers ``fc`` and ``feature`` are ignored, every other tensor has
    to be one of the network. For bottleneck depths the stride is taken to be in the 3×3 convolution, as in torchvision; a
    file does not say.

    Args:
        path: A safetensors file, if it is called ``*.safetensors``; else a file of ``torch.save`` with the state dict itself
            or under "state_dict". Names may have ``module.`` in front.

    Returns:
        Depth, width and the weights without the head.

    Raises:
        ModelError: The file cannot be read safely, or is not a 2D ResNet of this family; tensors at fault are named.
        MissingExtraError: It is a safetensors file and safetensors is not installed.
    """
    path = Path(path)
    loaded = read_safetensors(path) if path.suffix == ".safetensors" else read_torch_file(path)
    named = {name: tensor for name, tensor in state_dict_of(loaded, where=str(path)).items() if not name.startswith(_HEADS)}
    depth, first_channel = _inferred(named, path)
    expected = _expected(depth, first_channel)
    faults = mismatches(
        {name: wanted for name, wanted in expected.items() if name in named or not name.endswith("num_batches_tracked")},
        named,
    )
    if faults:
        raise ModelError(f"{path} is not a 2D ResNet-{depth} of width {first_channel}: {listed(faults)}")
    weights = {name: tensor.to(expected[name].dtype) for name, tensor in named.items()}
    return Checkpoint2d(path=path, depth=depth, first_channel=first_channel, weights=weights)


def inflate_into(network: FatigueNet, checkpoint: Checkpoint2d, *, inflation: Inflation = "centre") -> list[str]:
    """Put the weights of a 2D ResNet into the stem and the stages of a network, in place.

    Kernels are inflated, batch norms are copied with their statistics. The non-local block, frame attention and the two
    linear layers stay as they are; with a new network's non-local block, which is the identity, and "centre", the features
    of a clip that stands still are those of the 2D network.

    The features are those of the 2D network for the same input, RGB in [-1, 1]. One that was trained on another range, such
    as [0, 1], brings batch norm statistics of that range, which training has to move.

    Args:
        network: The network; any backbone but "r2plus1d", which has no kernels to inflate.
        checkpoint: The weights, of the network's depth and width.
        inflation: How a kernel of T taps over time is made of a 2D one: "centre" puts it into the middle tap and zeros
            elsewhere; "mean" puts 1/T of it into every tap ("Quo Vadis, Action Recognition?", Carreira and Zisserman, CVPR
            2017, section 2.4), which is exact away from the ends of a clip, where time is padded with zeros. A 2D
            backbone has one tap: both are a copy.

    Returns:
        The names of the network's tensors that were set.

    Raises:
        ConfigurationError: The backbone cannot be inflated into, depth or width differ, or there is no such inflation. The
            network is then as it was.
    """
    config = network.config
    if inflation not in INFLATIONS:
        raise ConfigurationError(f"inflation is {inflation!r} but must be one of {', '.join(INFLATIONS)}")
    if config.backbone == "r2plus1d":
        raise ConfigurationError("a 2D network cannot be inflated into r2plus1d, whose kernels are split in space and time")
    faults = [
        f"{key} is {wanted} but {checkpoint.path} has {found}"
        for key, wanted, found in (
            ("depth", config.depth, checkpoint.depth),
            ("first_channel", config.first_channel, checkpoint.first_channel),
        )
        if wanted != found
    ]
    if faults:
        raise ConfigurationError("the 2D network does not fit: " + "; ".join(faults))
    state = network.state_dict()
    names = {ours: theirs for ours, theirs in _names(network).items() if theirs in checkpoint.weights}
    with torch.no_grad():
        for ours, theirs in names.items():
            weight = checkpoint.weights[theirs]
            state[ours].copy_(_inflated(weight, taps=state[ours].shape[2], how=inflation) if weight.ndim == 4 else weight)
    return list(names)


def _inflated(kernel: Tensor, *, taps: int, how: Inflation) -> Tensor:
    """(C_out, C_in, k, k) → (C_out, C_in, taps, k, k)."""
    if how == "mean":
        return (kernel / taps).unsqueeze(2).expand(-1, -1, taps, -1, -1)  # (C_out, C_in, taps, k, k)
    inflated = kernel.new_zeros(*kernel.shape[:2], taps, *kernel.shape[2:])  # (C_out, C_in, taps, k, k)
    inflated[:, :, taps // 2] = kernel
    return inflated


def _inferred(named: Mapping[str, Tensor], path: Path) -> tuple[int, int]:
    """Depth and first width of the network that the weights are of."""
    first = named.get("conv1.weight")
    if first is None:
        raise ModelError(f"{path} is not a 2D ResNet in torchvision's naming: conv1.weight is missing")
    if first.ndim != 4:
        raise ModelError(f"{path} is not a 2D ResNet: conv1.weight has shape {tuple(first.shape)}, expected 4 dimensions")
    if first.shape[0] not in WIDTHS:
        raise ModelError(f"{path} has {first.shape[0]} channels in its first layer, expected one of {WIDTHS}")
    numbered = {(match[1], match[2]) for match in map(_IN_A_BLOCK.match, named) if match}
    blocks = tuple(sum(stage == number for number, _ in numbered) for stage in "1234")
    bottleneck = any(name.endswith(".conv3.weight") for name in named)
    depth = depth_of(blocks, bottleneck=bottleneck)
    if depth is None:
        kind = "bottleneck" if bottleneck else "basic"
        raise ModelError(f"{path} has {blocks} {kind} blocks in its stages, which is no depth of this family")
    return depth, first.shape[0]


def _expected(depth: int, first_channel: int) -> dict[str, Tensor]:
    """The tensors of a 2D ResNet without its head by torchvision's names, without values."""
    config = ModelConfig(
        name="2d",
        version="0",
        licence="unknown",
        training_data="unknown",
        metrics={},
        backbone="resnet2d",
        depth=depth,
        first_channel=first_channel,
        non_local_position=0,
    )
    with torch.device("meta"):
        network = FatigueNet(config)
    state = network.state_dict()
    return {
        theirs: state[ours].squeeze(2) if state[ours].ndim == 5 else state[ours] for ours, theirs in _names(network).items()
    }


def _names(network: FatigueNet) -> dict[str, str]:
    """Our name to torchvision's for every tensor that a 2D ResNet has too, in the network's order."""
    names = {f"stem.{name}": _theirs(name) for name in network.stem.state_dict()}
    for stage, layers in enumerate((network.stage1, network.stage2, network.stage3, network.stage4), start=1):
        block = 0
        for index, layer in enumerate(layers):
            if isinstance(layer, NonLocalBlock):  # stands between the blocks, which have other numbers without it
                continue
            for name in layer.state_dict():
                names[f"stage{stage}.{index}.{name}"] = f"layer{stage}.{block}.{_theirs(name)}"
            block += 1
    return names


def _theirs(name: str) -> str:
    layer, _, tensor = name.rpartition(".")
    return f"{_RENAMINGS.get(layer, layer)}.{tensor}"
