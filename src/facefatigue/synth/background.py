"""What is behind a synthetic face: walls, windows, seats, rooms out of focus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from numpy.typing import NDArray


def make_background(rng: np.random.Generator, side_px: int) -> NDArray[np.float32]:
    """Draw a scenery: a slope of colour with patches at several scales, boxes such as windows and shelves, perhaps a seat.

    Args:
        rng: For everything.
        side_px: Side of the square picture.

    Returns:
        (side_px, side_px, 3) float32 light, 0 to 1.
    """
    tint = rng.uniform(0.02, 0.9) * rng.uniform(0.6, 1.0, 3) if rng.uniform() < 0.8 else rng.uniform(0.02, 0.98, 3)
    picture = np.broadcast_to(tint, (side_px, side_px, 3)).copy()
    slope = np.linspace(-0.5, 0.5, side_px)
    picture += rng.normal(0, 0.2) * slope[:, None, None] + rng.normal(0, 0.2) * slope[None, :, None]
    for coarse in (3, 8, 24):
        patches = rng.normal(0, rng.uniform(0.0, 0.14), (coarse, coarse, 3 if rng.uniform() < 0.3 else 1))
        levels = [Image.fromarray(patches[..., k].astype(np.float32)) for k in range(patches.shape[2])]
        smooth = [np.asarray(level.resize((side_px, side_px), Image.Resampling.BICUBIC)) for level in levels]
        picture += np.stack(smooth, 2)
    image = Image.fromarray((255 * np.clip(picture, 0, 1)).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(0, 9))):
        x, y = rng.uniform(-0.2, 1.0, 2) * side_px
        width, height = rng.uniform(0.05, 0.6, 2) * side_px
        bright = rng.uniform(0.7, 1.0) if rng.uniform() < 0.3 else rng.uniform(0.0, 0.8)
        fill = tuple(int(255 * level) for level in np.clip(bright * rng.uniform(0.75, 1.0, 3), 0, 1))
        draw.rectangle((x, y, x + width, y + height), fill=fill)
    if rng.uniform() < 0.3:  # a seat with its headrest, or a pillow
        half, top = rng.uniform(0.22, 0.42) * side_px, rng.uniform(0.0, 0.4) * side_px
        fill = tuple(int(255 * level) for level in rng.uniform(0.02, 0.6) * rng.uniform(0.8, 1.0, 3))
        middle = side_px / 2
        draw.rounded_rectangle((middle - half, top, middle + half, 1.4 * side_px), radius=0.4 * half, fill=fill)
    blur_px = side_px * float(rng.choice([0.0, 0.004, 0.012, 0.03]))
    return np.asarray(np.asarray(image.filter(ImageFilter.GaussianBlur(blur_px)), np.float32) / np.float32(255), np.float32)
