"""The published augmentation: one draw for a whole clip, so that all its frames change alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROBABILITY = 0.5
BLUR_SIGMA_PX = (0.1, 0.6)
DARKEN_LEVELS = (-50.0, -30.0)
BRIGHTEN_LEVELS = (30.0, 50.0)
FACTOR = (0.8, 1.2)

_BLUR_RADIUS_PX = 2  # at the largest sigma, 0.6 px, less than 1e-5 of a Gaussian lies further out
_LUMA = np.array([77, 150, 29], np.uint16)  # of 256: 0.299, 0.587, 0.114 (ITU-R BT.601)


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What is done to every frame of one clip; nothing by default.

    The choices and ranges are those of the published training code (arXiv:2104.10420), with each strength drawn anew for
    every clip.

    Attributes:
        flip: Whether left and right are exchanged.
        blur_sigma_px: Standard deviation of a Gaussian blur in pixels; None for no blur.
        brightness_levels: Grey levels added; 0 for none.
        colour: Factor of the saturation; 1 leaves it.
        contrast: Factor of the contrast about the clip's mean luma; 1 leaves it.
    """

    flip: bool = False
    blur_sigma_px: float | None = None
    brightness_levels: float = 0.0
    colour: float = 1.0
    contrast: float = 1.0


def draw_augmentation(random: np.random.Generator) -> Augmentation:
    """Draw what happens to one clip, each part with probability 0.5.

    A coin chooses one of two pairs: darkening with colour, or brightening with contrast; then each half of the pair is
    drawn by itself.

    Args:
        random: The source of the draw.
    """
    flip, blur, darker, brightness, factor = random.random(5) < PROBABILITY
    sigma = random.uniform(*BLUR_SIGMA_PX)
    levels = random.uniform(*(DARKEN_LEVELS if darker else BRIGHTEN_LEVELS))
    strength = random.uniform(*FACTOR) if factor else 1.0
    return Augmentation(
        flip=bool(flip),
        blur_sigma_px=float(sigma) if blur else None,
        brightness_levels=float(levels) if brightness else 0.0,
        colour=float(strength) if darker else 1.0,
        contrast=1.0 if darker else float(strength),
    )


def augment_crops(crops: NDArray[np.uint8], augmentation: Augmentation) -> NDArray[np.uint8]:
    """Apply one augmentation to all frames of a clip, in the order flip, blur, brightness, colour, contrast.

    Args:
        crops: (T, H, W, 3) uint8 RGB; not changed.
        augmentation: What to do.

    Returns:
        (T, H, W, 3) uint8 RGB, values clipped to [0, 255].
    """
    if augmentation.flip:
        crops = crops[:, :, ::-1]
    if augmentation.blur_sigma_px is not None:
        crops = _blurred(crops, augmentation.blur_sigma_px)
    if augmentation.brightness_levels:
        crops = _mapped(crops, np.arange(256) + augmentation.brightness_levels)
    if augmentation.colour != 1:
        crops = _coloured(crops, augmentation.colour)
    if augmentation.contrast != 1:
        mean = float(_luma(crops).mean())
        crops = _mapped(crops, mean + augmentation.contrast * (np.arange(256) - mean))
    return np.ascontiguousarray(crops)


def _mapped(crops: NDArray[np.uint8], levels: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.take(np.clip(np.rint(levels), 0, 255).astype(np.uint8), crops)


def _coloured(crops: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    luma = _luma(crops).astype(np.float32)[..., np.newaxis]
    coloured = (crops - luma) * np.float32(factor) + luma
    return np.asarray(np.clip(np.rint(coloured), 0, 255), dtype=np.uint8)


def _luma(crops: NDArray[np.uint8]) -> NDArray[np.uint16]:
    wide = crops.astype(np.uint16)
    luma: NDArray[np.uint16] = wide[..., 0] * _LUMA[0] + wide[..., 1] * _LUMA[1] + wide[..., 2] * _LUMA[2]
    return (luma + np.uint16(128)) >> np.uint16(8)


def _blurred(crops: NDArray[np.uint8], sigma_px: float) -> NDArray[np.uint8]:
    weights = _fixed_point_kernel(sigma_px)
    result = np.empty(crops.shape, np.uint8)
    for source, target in zip(crops, result, strict=True):  # frame by frame, which stays in the cache
        target[:] = _blurred_along(_blurred_along(source, weights, axis=0), weights, axis=1)
    return result


def _blurred_along(frame: NDArray[np.uint8], weights: NDArray[np.uint16], *, axis: int) -> NDArray[np.uint8]:
    padding = [(0, 0)] * 3
    padding[axis] = (_BLUR_RADIUS_PX, _BLUR_RADIUS_PX)
    wide = np.pad(frame.astype(np.uint16), padding, mode="edge")

    def shifted(offset: int) -> NDArray[np.uint16]:
        start = _BLUR_RADIUS_PX + offset
        length = frame.shape[axis]
        return wide[start : start + length] if axis == 0 else wide[:, start : start + length]

    total = shifted(0) * weights[0]
    for offset in range(1, _BLUR_RADIUS_PX + 1):
        if weights[offset]:
            total += (shifted(-offset) + shifted(offset)) * weights[offset]
    total += np.uint16(128)
    total >>= np.uint16(8)
    return np.asarray(total, dtype=np.uint8)


def _fixed_point_kernel(sigma_px: float) -> NDArray[np.uint16]:
    """The middle and right half of a Gaussian, in 256ths that sum to 256 with the left half: sums stay below 65536."""
    density = np.exp(-0.5 * (np.arange(_BLUR_RADIUS_PX + 1) / sigma_px) ** 2)
    weights = np.rint(256 * density / (density[0] + 2 * density[1:].sum()))
    weights[0] = 256 - 2 * weights[1:].sum()
    return np.asarray(weights, dtype=np.uint16)
