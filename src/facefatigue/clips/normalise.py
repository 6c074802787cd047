"""From crops to what the network takes; training and prediction both come through here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def clip_from_crops(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Normalise a window as published: (x / 255 - 0.5) / 0.5, channels first.

    Args:
        crops: (T, H, W, 3) uint8 RGB.

    Returns:
        (3, T, H, W) float32 in [-1, 1], C-contiguous.
    """
    clip = np.ascontiguousarray(crops.transpose(3, 0, 1, 2), dtype=np.float32)
    clip *= np.float32(1 / 127.5)
    clip -= np.float32(1)
    return clip
