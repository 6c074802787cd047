"""What a camera makes of the light: exposure, colour, blur, noise, compression."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LUMA = (0.35, 0.50, 0.15)
_SHARPENED_PX = 1.2


@dataclass(frozen=True, kw_only=True, eq=False)
class Camera:
    """One camera, with the settings of one clip.

    Attributes:
        gain: Factor of the light, and ``balance``, (3,), of each colour.
        gamma: Exponent of the tone curve.
        contrast: How much of an S-curve is mixed in, 0 to 1.
        vignette: Share of the light that is lost in the corners.
        grey: Whether it sees no colour, as in infrared light.
        blur_px: Standard deviation of the lens's blur.
        sharpen: Strength of the edges that the camera adds.
        shutter: Part of the time between frames that the shutter is open, which blurs what moves.
        grain: (H, W, 3) float32 noise, larger than the picture, of which every frame shows another piece.
        shot_noise: How much of the noise grows with the light, 0 to 1.
        flicker: Standard deviation of the exposure from frame to frame.
        jpeg_quality: Of the compression; None for none.
    """

    gain: float = 1.0
    balance: NDArray[np.float32]
    gamma: float = 1.0
    contrast: float = 0.0
    vignette: float = 0.0
    grey: bool = False
    blur_px: float = 0.0
    sharpen: float = 0.0
    shutter: float = 0.0
    grain: NDArray[np.float32] | None = None
    shot_noise: float = 0.0
    flicker: float = 0.0
    jpeg_quality: int | None = None


def make_camera(rng: np.random.Generator, side_px: int, *, infrared: bool, most_blur_px: float = 1.8) -> Camera:
    """Draw a camera for square pictures of a given side, whose lens blurs by no more than ``most_blur_px``."""
    noise = float(rng.choice([0.0, 0.006, 0.015, 0.03, 0.05], p=[0.25, 0.3, 0.25, 0.15, 0.05]))
    grain = None
    if noise:
        fine = rng.standard_normal((side_px + 48, side_px + 48, 1 if infrared else 3), dtype=np.float32)
        tile: NDArray[np.floating] = fine
        if rng.uniform() < 0.5:  # sensors interpolate colours, which makes noise coarser
            tile = (fine + np.roll(fine, 1, 0) + np.roll(fine, 1, 1) + np.roll(fine, (1, 1), (0, 1))) / 2
        grain = np.ascontiguousarray(np.broadcast_to(noise * tile, (*tile.shape[:2], 3)), np.float32)
    return Camera(
        gain=float(np.exp(rng.normal(0.0, 0.15))),
        balance=np.exp(rng.normal(0, [0.05, 0.015, 0.06])).astype(np.float32),
        gamma=float(np.exp(rng.normal(-0.25, 0.25))),
        contrast=float(rng.uniform(0, 1) * (rng.uniform() < 0.5)),
        vignette=float(rng.uniform(0, 0.4) * (rng.uniform() < 0.4)),
        grey=infrared or bool(rng.uniform() < 0.06),
        blur_px=min(float(rng.choice([0.0, 0.4, 0.8, 1.3, 1.8], p=[0.3, 0.25, 0.25, 0.12, 0.08])), most_blur_px),
        sharpen=float(rng.uniform(0.3, 1.5) * (rng.uniform() < 0.25)),
        shutter=float(rng.uniform(0, 1)),
        grain=grain,
        shot_noise=float(rng.uniform(0, 1)),
        flicker=float(rng.choice([0.0, 0.01, 0.03], p=[0.6, 0.3, 0.1])),
        jpeg_quality=None if rng.uniform() < 0.25 else int(rng.integers(20, 92)),
    )


def develop(
    light: NDArray[np.float32], camera: Camera, rng: np.random.Generator, *, motion_px: tuple[float, float] = (0.0, 0.0)
) -> NDArray[np.uint8]:
    """The picture that a camera takes.

    Args:
        light: (H, W, 3) float32, 1 for white.
        camera: The camera.
        rng: For the noise.
        motion_px: How far (right, down) the picture moves from one frame to the next.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    moved = tuple(camera.shutter * step for step in motion_px)
    if max(abs(step) for step in moved) > 0.7:
        light = _smear(light, np.float32(moved[0]), np.float32(moved[1]))
    if camera.blur_px > 0.2:
        light = _blur(light, _taps(camera.blur_px))
    exposure = camera.gain * float(np.exp(camera.flicker * rng.normal()))
    tone = _expose(
        light, np.float32(exposure), camera.balance, np.float32(camera.gamma), np.float32(camera.contrast),
        np.float32(camera.vignette), camera.grey,
    )  # fmt: skip
    if camera.grain is not None:
        height, width = light.shape[:2]
        free = camera.grain.shape[0] - height, camera.grain.shape[1] - width
        top, left = (int(rng.integers(space + 1)) for space in free)
        tone = _add_noise(tone, camera.grain, top, left, np.float32(camera.shot_noise))
    if camera.sharpen:
        levels = tone.astype(np.float32)
        sharp = levels + np.float32(camera.sharpen) * (levels - _blur(levels, _taps(_SHARPENED_PX)))
        tone = np.clip(sharp + np.float32(0.5), 0, 255).astype(np.uint8)
    if camera.jpeg_quality is None:
        return np.asarray(tone)
    buffer = io.BytesIO()
    Image.fromarray(tone).save(buffer, "JPEG", quality=camera.jpeg_quality)
    return np.asarray(Image.open(buffer))


def _taps(sigma_px: float) -> NDArray[np.float32]:
    """(2r + 1,) float32 weights of a Gaussian, up to 2.5 standard deviations."""
    radius = int(np.ceil(2.5 * sigma_px))
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma_px) ** 2)
    return np.asarray(weights / weights.sum(), np.float32)


@numba.njit(cache=True, fastmath=True, nogil=True)
def _blur(light, taps):  # type: ignore[no-untyped-def]
    """(H, W, 3) float32 weighted means along rows and columns, edges repeated."""
    height, width, _ = light.shape
    radius = taps.shape[0] // 2
    along = np.zeros((height, width * 3), np.float32)
    row = np.empty((width + 2 * radius) * 3, np.float32)
    for y in range(height):
        for x in range(width + 2 * radius):
            from_x = min(max(x - radius, 0), width - 1)
            for k in range(3):
                row[3 * x + k] = light[y, from_x, k]
        for t in range(taps.shape[0]):
            for x in range(3 * width):
                along[y, x] += taps[t] * row[x + 3 * t]
    blurred = np.zeros((height, width * 3), np.float32)
    for y in range(height):
        for t in range(taps.shape[0]):
            from_y = min(max(y + t - radius, 0), height - 1)
            for x in range(3 * width):
                blurred[y, x] += taps[t] * along[from_y, x]
    return blurred.reshape(height, width, 3)


@numba.njit(cache=True, fastmath=True, nogil=True)
def _smear(light, right, down):  # type: ignore[no-untyped-def]
    """(H, W, 3) mean of the light over a movement by (right, down) pixels."""
    height, width, _ = light.shape
    steps = int(np.ceil(max(abs(right), abs(down)))) + 1
    blurred = np.zeros_like(light)
    part = np.float32(1.0 / steps)
    for s in range(steps):
        share = s / (steps - 1) - 0.5
        dx, dy = int(np.rint(share * right)), int(np.rint(share * down))
        for y in range(height):
            from_y = min(max(y + dy, 0), height - 1)
            for x in range(width):
                from_x = min(max(x + dx, 0), width - 1)
                for k in range(3):
                    blurred[y, x, k] += part * light[from_y, from_x, k]
    return blurred


_CURVE_STEPS = 1024


@numba.njit(cache=True, fastmath=True, nogil=True)
def _expose(light, exposure, balance, gamma, contrast, vignette, grey):  # type: ignore[no-untyped-def]  # noqa: PLR0917
    """(H, W, 3) uint8: light through the tone curve of a camera."""
    height, width, _ = light.shape
    curve = np.empty(_CURVE_STEPS + 1, np.uint8)
    for i in range(_CURVE_STEPS + 1):
        level = (i / _CURVE_STEPS) ** gamma
        level = level + contrast * (level * level * (3 - 2 * level) - level)
        curve[i] = np.uint8(255 * level + 0.5)
    picture = np.empty((height, width, 3), np.uint8)
    for y in range(height):
        for x in range(width):
            away = ((2 * x / width - 1) ** 2 + (2 * y / height - 1) ** 2) / 2
            factor = exposure * (1 - vignette * away)
            red, green, blue = light[y, x, 0], light[y, x, 1], light[y, x, 2]
            if grey:
                red = green = blue = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
            else:
                red, green, blue = red * balance[0], green * balance[1], blue * balance[2]
            picture[y, x, 0] = curve[int(_CURVE_STEPS * min(max(factor * red, 0.0), 1.0))]
            picture[y, x, 1] = curve[int(_CURVE_STEPS * min(max(factor * green, 0.0), 1.0))]
            picture[y, x, 2] = curve[int(_CURVE_STEPS * min(max(factor * blue, 0.0), 1.0))]
    return picture


@numba.njit(cache=True, fastmath=True, nogil=True)
def _add_noise(picture, grain, top, left, shot):  # type: ignore[no-untyped-def]
    """(H, W, 3) uint8 with a piece of the noise added, partly in proportion to the root of the light."""
    height, width, _ = picture.shape
    noisy = np.empty_like(picture)
    for y in range(height):
        for x in range(width):
            for k in range(3):
                level = np.float32(picture[y, x, k])
                strength = 255 * (1 - shot) + 255 * shot * np.sqrt(level / 255)
                noisy[y, x, k] = np.uint8(min(max(level + strength * grain[top + y, left + x, k] + 0.5, 0.0), 255.0))
    return noisy
