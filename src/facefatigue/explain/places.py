"""From places of a map inside the network to the pixels and frames that they look at.

A place is not a tile of the picture. All layers pad by half their kernel, so place i behind a total stride s is centred at
pixel s·i, in time as in space: 4 places behind stride 32 of 112 px stand at pixels 0, 32, 64 and 96, where a map that is
simply resized would show them at 13.5, 41.5, 69.5 and 97.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def spread(values: Tensor, size: tuple[int, int, int], *, steps: tuple[int, int, int] | None = None) -> Tensor:
    """Spread what a map holds over the pixels and frames of a clip, keeping its sum.

    Each place gives what it has to the pixels around its centre, falling linearly to 0 at the centres of its neighbours; the
    outermost ones also to what lies beyond them, and further inwards.

    Args:
        values: (t, h, w), any unit.
        size: (T, H, W) of the clip, or of the part of it that the map covers.
        steps: Total strides over time, height and width; None: those of layers that halve, rounding up
            (:func:`step_between`).

    Returns:
        (T, H, W), with the sum of ``values``.
    """
    for axis, (places, pixels) in enumerate(zip(values.shape, size, strict=True)):
        step = step_between(places, pixels) if steps is None else steps[axis]
        values = torch.tensordot(values, _hats(places, pixels, step), dims=([0], [0]))  # the axes turn once around
    return values


def step_between(places: int, pixels: int) -> int:
    """The least power of two by which so many pixels become so many places, rounded up.

    Raises:
        ValueError: There is none.
    """
    step = 1
    while -(-pixels // step) > places:
        step *= 2
    if -(-pixels // step) != places:
        raise ValueError(f"no halving makes {places} places out of {pixels} pixels")
    return step


def _hats(places: int, pixels: int, step: int) -> Tensor:
    """(places, pixels) share of each place that each pixel gets; rows sum to 1."""
    pixel = torch.arange(pixels, dtype=torch.float32)
    before = torch.full((places, 1), float(step))  # how far a place reaches to either side
    behind = before.clone()
    if step > 1:
        # Half of what the outermost places look at is padding. They reach further inwards, so that what they have covers as
        # many pixels as elsewhere, and does not glow at the edge.
        behind[0] = 2.0 * step
        before[-1] = max(step, 2.0 * (step - (pixels - 1 - step * (places - 1))))
    distance = pixel - step * torch.arange(places, dtype=torch.float32)[:, None]
    distance[0].clamp_(min=0)
    distance[-1].clamp_(max=0)
    hats = (1 - torch.where(distance < 0, -distance / before, distance / behind)).clamp(min=0)
    return hats / hats.sum(dim=1, keepdim=True)
