"""Checkpoints in the published format: what network is in them, and their weights under our names.

The published code saves ``{"state_dict": ..., "epoch": ..., ...}`` of a data-parallel module: a ``visual_encoder`` (the
3D-ResNet, with the non-local block as one more layer of its stage) and a ``liner`` (ReLU, dropout, linear). Loading is
limited to tensors and plain containers, so that an untrusted file cannot run code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from facefatigue.errors import ModelError
from facefatigue.model.config import WIDTHS, Head, ModelConfig, NonLocalMode, NonLocalPlacement
from facefatigue.model.network import FatigueNet, depth_of
from facefatigue.model.weights import build_network, listed, mismatches, read_torch_file, state_dict_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

_ENCODER, _HEAD = "visual_encoder.", "liner.2."
# Published name to ours, in this order, on names without "module.".
_RENAMINGS = tuple(
    (re.compile(pattern), ours)
    for pattern, ours in (
        (r"^visual_encoder\.layer([1-4])\.", r"stage\1."),
        (r"^visual_encoder\.conv1\.", "stem.conv."),
        (r"^visual_encoder\.bn1\.", "stem.norm."),
        (r"^visual_encoder\.fc\.", "features."),
        (r"^liner\.2\.", "head."),
        (r"\.bn([1-3])\.", r".norm\1."),
        (r"\.downsample\.0\.", ".shortcut.conv."),
        (r"\.downsample\.1\.", ".shortcut.norm."),
        (r"\.W_z\.0\.", ".output."),
        (r"\.W_z\.1\.", ".norm."),
        (r"\.W_f\.0\.", ".relation."),
    )
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Architecture:
    """The network that a checkpoint's weights belong to; the fields are those of :class:`ModelConfig`."""

    depth: int
    first_channel: int
    non_local_position: int
    non_local_mode: NonLocalMode
    non_local_placement: NonLocalPlacement
    head: Head
    classes: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """A published checkpoint, read and understood.

    Attributes:
        path: The file.
        architecture: The network its weights belong to.
        weights: float32 tensors under the names of :class:`FatigueNet`.
        recorded: The numbers that were saved with the weights (epoch, losses, accuracy), unverified.
    """

    path: Path
    architecture: Architecture
    weights: Mapping[str, Tensor]
    recorded: Mapping[str, float]


def read_checkpoint(path: str | Path, *, non_local_mode: NonLocalMode | None = None) -> Checkpoint:
    """Read a checkpoint in the published format without running anything in it.

    Depth, width, non-local position and placement, head and classes follow from the weights' names and shapes. The
    non-local mode does for "concatenate" (an extra layer) and "gaussian" (no θ and φ); the other two have the same weights,
    and "embedded_gaussian", the published default, is assumed.

    Args:
        path: The file.
        non_local_mode: The mode, where you know better ("dot").

    Returns:
        The architecture, the weights under our names and the recorded numbers.

    Raises:
        ModelError: The file cannot be read safely, or it is not a network of this family; tensors at fault are named.
    """
    path = Path(path)
    loaded = read_torch_file(path)
    named = state_dict_of(loaded, where=str(path))
    try:
        architecture = _infer(named, non_local_mode)
    except _UnknownArchitectureError as error:
        raise ModelError(f"{path} is not a published checkpoint: {error}") from None
    return Checkpoint(
        path=path,
        architecture=architecture,
        weights=_translated(named, architecture, path),
        recorded={
            str(key): float(value)
            for key, value in loaded.items()
            if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < float("inf")
        },
    )


def import_checkpoint(checkpoint: Checkpoint, config: ModelConfig) -> FatigueNet:
    """The network of a checkpoint, on the CPU in evaluation mode.

    Args:
        checkpoint: The checkpoint.
        config: A configuration with the checkpoint's architecture.

    Raises:
        ModelError: The weights do not fit the configuration.
    """
    return build_network(config, checkpoint.weights, where=str(checkpoint.path))


class _UnknownArchitectureError(Exception):
    """The weights are not those of a network of this family; the text says why."""


def _infer(named: Mapping[str, Tensor], mode: NonLocalMode | None) -> Architecture:
    first, last = _matrix(named, f"{_ENCODER}conv1.weight", 5), _matrix(named, f"{_HEAD}weight", 2)
    if first.shape[0] not in WIDTHS:
        raise _UnknownArchitectureError(f"its first layer has {first.shape[0]} channels, expected one of {WIDTHS}")
    position, index, found_mode = _non_local(named, mode)
    blocks = tuple(len(_indices(named, stage, "conv1.weight")) for stage in (1, 2, 3, 4))
    bottleneck = any(name.endswith(".conv3.weight") for name in named)
    depth = depth_of(blocks, bottleneck=bottleneck)
    if depth is None:
        kind = "bottleneck" if bottleneck else "basic"
        raise _UnknownArchitectureError(f"its stages have {blocks} {kind} blocks, which is no depth of this family")
    inside = {0: None, **dict(enumerate(blocks, start=1))}[position]
    if position and index not in (inside, inside - 1 if inside else None):
        raise _UnknownArchitectureError(f"its non-local block is layer {index} of stage {position}, not at the stage's end")
    classes = last.shape[0]
    return Architecture(
        depth=depth,
        first_channel=first.shape[0],
        non_local_position=position,
        non_local_mode=found_mode,
        non_local_placement="after" if position and index == inside else "inside",
        head="sigmoid" if classes == 1 else "classes",
        classes=classes,
    )


def _non_local(named: Mapping[str, Tensor], mode: NonLocalMode | None) -> tuple[int, int, NonLocalMode]:
    """Stage (0: none), index in its stage and mode of the non-local block."""
    places = [(stage, index) for stage in (1, 2, 3, 4) for index in _indices(named, stage, "g.weight")]
    if len(places) > 1:
        raise _UnknownArchitectureError(f"it has {len(places)} non-local blocks; one is supported")
    if not places:
        return 0, 0, mode or "embedded_gaussian"
    stage, index = places[0]
    prefix = f"{_ENCODER}layer{stage}.{index}."
    possible: tuple[NonLocalMode, ...] = ("embedded_gaussian", "dot")
    if any(name.startswith(f"{prefix}W_f.") for name in named):
        possible = ("concatenate",)
    elif not any(name.startswith((f"{prefix}theta.", f"{prefix}phi.")) for name in named):
        possible = ("gaussian",)
    if mode is not None and mode not in possible:
        raise _UnknownArchitectureError(f"its non-local block has the weights of {' or '.join(possible)}, not of {mode}")
    return stage, index, mode or possible[0]


def _indices(named: Mapping[str, Tensor], stage: int, leaf: str) -> list[int]:
    """Which layers of a stage have a tensor of that name, ascending."""
    pattern = re.compile(rf"{re.escape(_ENCODER)}layer{stage}\.(\d{{1,4}})\.{re.escape(leaf)}")
    return sorted(int(match[1]) for match in map(pattern.fullmatch, named) if match)


def _matrix(named: Mapping[str, Tensor], name: str, dimensions: int) -> Tensor:
    tensor = named.get(name)
    if tensor is None:
        raise _UnknownArchitectureError(f"{name} is missing")
    if tensor.ndim != dimensions or tensor.shape[0] < 1:
        raise _UnknownArchitectureError(f"{name} has shape {tuple(tensor.shape)}, expected {dimensions} dimensions")
    return tensor


def _translated(named: Mapping[str, Tensor], architecture: Architecture, path: Path) -> dict[str, Tensor]:
    """The weights under our names, after every one has been found, in the right shape, and none is left over."""
    config = ModelConfig(
        name="checkpoint", version="0", licence="unknown", training_data="unknown", metrics={}, **vars(architecture)
    )
    with torch.device("meta"):
        expected = FatigueNet(config).state_dict()
    published = {_ours(name): name for name in named}
    found = {_ours(name): _flat_relation(name, tensor) for name, tensor in named.items()}
    for name, wanted in expected.items():
        if name.endswith("num_batches_tracked") and name not in found:  # written since torch 0.4.1, never used here
            found[name] = torch.zeros((), dtype=wanted.dtype)
    faults = mismatches(expected, found)
    if faults:
        renamed = [_in_published_words(fault, published) for fault in faults]
        raise ModelError(f"{path} does not fit a depth-{config.depth} network: {listed(renamed)}")
    return {name: tensor.to(expected[name].dtype).contiguous() for name, tensor in found.items()}


def _ours(name: str) -> str:
    for pattern, replacement in _RENAMINGS:
        name = pattern.sub(replacement, name)
    return name


def _flat_relation(name: str, tensor: Tensor) -> Tensor:
    """The weight of "concatenate" is a 1×1 convolution there and a linear layer here."""
    return tensor.flatten(1) if name.endswith(".W_f.0.weight") and tensor.ndim > 2 else tensor


def _in_published_words(fault: str, published: Mapping[str, str]) -> str:
    name, _, rest = fault.partition(" ")
    return f"{published[name]} {rest}" if name in published else fault
