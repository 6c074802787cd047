"""What the non-local block listens to: its own weights, from a place and a moment, or from all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from facefatigue.errors import ConfigurationError
from facefatigue.explain.attribution import Attribution
from facefatigue.explain.layers import find_non_local
from facefatigue.explain.places import spread, step_between

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from facefatigue.model.network import FatigueNet

_ROWS = 256  # listening positions at a time: 50 MB for the 50,000 positions of stage 1 at 224 px


@dataclass(frozen=True, kw_only=True)
class Listener:
    """The place and the moment whose attention is shown.

    Attributes:
        frame: Of the clip, from 0.
        x, y: Pixel of the clip.
        place: What it is called in pictures, e.g. "mouth".
    """

    frame: int
    x: float
    y: float
    place: str = ""


def attention_map(network: FatigueNet, clip: Tensor, *, listener: Listener | None = None) -> Attribution:
    """Which places at which times the non-local block listens to.

    These are the block's weights (:meth:`facefatigue.model.non_local.NonLocalBlock.weights`), which say where it looks, and
    not what it makes of that for the score. The fact ``change`` says how much it does at all: the norm of what the block
    adds over the norm of what it gets; a block that has learnt nothing adds 0.

    Args:
        network: In evaluation mode.
        clip: (1, 3, T, H, W) float32 in [-1, 1], RGB.
        listener: The listening place, of which the nearest position of the block counts; None: the mean over all positions.

    Returns:
        The map. Where the block stands behind the averaging over space, as in "resnet2d_cues", it differs over time alone.
        With a listener it has the facts ``from_frame``, ``from_x`` and ``from_y``, too.

    Raises:
        ConfigurationError: The network has no non-local block.
    """
    x, change = _before_block(network, clip)
    block = find_non_local(network)
    assert block is not None
    size = (clip.shape[2], clip.shape[3], clip.shape[4])
    shape = tuple(x.shape[2:])
    positions = x[0, 0].numel()
    with torch.inference_mode():
        if listener is not None:
            row = _position(listener, size, shape)
            heard = block.weights(x, slice(row, row + 1))[0, 0]  # (P,)
        else:
            heard = torch.zeros(positions)
            for first in range(0, positions, _ROWS):
                heard += block.weights(x, slice(first, first + _ROWS))[0].sum(dim=0) / positions
        values = spread(heard.reshape(shape), size)
    facts = {"change": change}
    if listener is not None:
        facts |= {"from_frame": float(listener.frame), "from_x": listener.x, "from_y": listener.y}
    return Attribution(method="attention", values=values.numpy(), facts=facts)


def attention_over_time(network: FatigueNet, clip: Tensor) -> NDArray[np.float32]:
    """How much each moment of the non-local block listens to each other one.

    Args:
        network: In evaluation mode.
        clip: (1, 3, T, H, W) float32 in [-1, 1], RGB.

    Returns:
        (t, t) float32, a row for each listening moment: summed over the places that are listened to, and the mean over those
        that listen.

    Raises:
        ConfigurationError: The network has no non-local block.
    """
    x, _ = _before_block(network, clip)
    block = find_non_local(network)
    assert block is not None
    moments, places = x.shape[2], x[0, 0, 0].numel()
    matrix = np.empty((moments, moments), np.float32)
    with torch.inference_mode():
        for moment in range(moments):
            heard = torch.zeros(moments * places)
            for first in range(0, places, _ROWS):
                rows = slice(moment * places + first, moment * places + min(first + _ROWS, places))
                heard += block.weights(x, rows)[0].sum(dim=0) / places
            matrix[moment] = heard.reshape(moments, places).sum(dim=1).numpy()
    return matrix


def _before_block(network: FatigueNet, clip: Tensor) -> tuple[Tensor, float]:
    """What the block gets, (1, C, t, h, w), and how much it adds to it."""
    block = find_non_local(network)
    if block is None:
        raise ConfigurationError(f"{network.config.name} has no non-local block, so there is no attention to show")
    seen: list[tuple[Tensor, Tensor]] = []

    def look(_: Any, arguments: tuple[Tensor], output: Tensor) -> None:
        seen.append((arguments[0], output))

    handle = block.register_forward_hook(look)
    try:
        with torch.inference_mode():
            network(clip)
    finally:
        handle.remove()
    ((before, after),) = seen
    return before, float((after - before).norm() / before.norm().clamp(min=1e-12))


def _position(listener: Listener, size: tuple[int, ...], shape: tuple[int, ...]) -> int:
    """Number of the position that is nearest to a frame and a pixel."""
    places = (listener.frame, listener.y, listener.x)
    nearest = [
        min(max(round(place / step_between(count, side)), 0), count - 1)
        for place, side, count in zip(places, size, shape, strict=True)
    ]
    return int(np.ravel_multi_index(nearest, shape))
