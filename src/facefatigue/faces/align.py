"""Eye alignment: from a frame and five landmarks to the square crop that the network sees.

The published pipeline turns and scales the frame so that the two eye centres land at x = 0.35 and 0.65, y = 0.35 of the
crop, with bicubic interpolation. It first rounds the midpoint of the eyes down to whole pixels, pads the frame with 200 px
of black and inpaints what stays black (Telea, radius 3). Here the midpoint is not rounded unless asked for, and what lies
outside the frame repeats the nearest edge pixel, which costs nothing when the face is inside.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

EYE_X = (0.35, 0.65)
EYE_Y = 0.35
# Bicubic point sampling aliases when it shrinks; from this factor on the frame is first averaged over whole pixels.
_REDUCE_FROM = 2.0
_MIN_EYE_DISTANCE_PX = 1.0


def eye_transform(landmarks: NDArray[np.floating], size_px: int, *, round_eye_centre: bool = False) -> NDArray[np.float64]:
    """The similarity that takes crop pixels to frame pixels.

    Args:
        landmarks: (5, 2) pixel coordinates (pixel centres are whole numbers): left eye, right eye (image left first), nose,
            mouth left, mouth right. Only the eyes are used.
        size_px: Side of the square crop.
        round_eye_centre: Round the midpoint of the eyes down to whole pixels first, as the published pipeline does.

    Returns:
        (2, 3) float64 matrix M: frame = M @ (x, y, 1) for a crop pixel (x, y).

    Raises:
        ValueError: The eyes are less than a pixel apart or not finite.
    """
    eyes = np.asarray(landmarks, dtype=np.float64)[:2]
    dx, dy = eyes[1] - eyes[0]
    distance_px = math.hypot(dx, dy)
    if not (math.isfinite(distance_px) and np.isfinite(eyes).all() and distance_px >= _MIN_EYE_DISTANCE_PX):
        raise ValueError(f"the eyes are {distance_px:.3g} px apart; at least {_MIN_EYE_DISTANCE_PX:g} px is needed")
    centre = (eyes[0] + eyes[1]) / 2
    if round_eye_centre:
        centre = np.floor(centre)
    # Frame pixels for one crop pixel along the eye line (a, b), and at a right angle to it (-b, a).
    span_px = (EYE_X[1] - EYE_X[0]) * size_px
    a, b = dx / span_px, dy / span_px
    mid_x, mid_y = 0.5 * size_px, EYE_Y * size_px
    return np.array(
        [
            [a, -b, centre[0] - a * mid_x + b * mid_y],
            [b, a, centre[1] - b * mid_x - a * mid_y],
        ]
    )


def align_face(
    rgb: NDArray[np.uint8], landmarks: NDArray[np.floating], size_px: int, *, round_eye_centre: bool = False
) -> NDArray[np.uint8]:
    """Cut the eye-aligned square crop out of a frame.

    Args:
        rgb: (H, W, 3) uint8 RGB, upright.
        landmarks: (5, 2) pixel coordinates in ``rgb``; see :func:`eye_transform`.
        size_px: Side of the crop.
        round_eye_centre: See :func:`eye_transform`.

    Returns:
        (size_px, size_px, 3) uint8 RGB. Outside the frame the nearest edge pixel is repeated.

    Raises:
        ValueError: The eyes are less than a pixel apart or not finite, or the crop lies wholly outside the frame.
    """
    matrix = eye_transform(landmarks, size_px, round_eye_centre=round_eye_centre)
    return warp(rgb, matrix, size_px)


def warp(
    rgb: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    size_px: int,
    *,
    resampling: Image.Resampling = Image.Resampling.BICUBIC,
) -> NDArray[np.uint8]:
    """Sample ``rgb`` at ``matrix @ (x, y, 1)`` for every pixel of a size_px square, edges repeated.

    Raises:
        ValueError: The square lies wholly outside the frame.
    """
    height, width = rgb.shape[:2]
    corners = matrix @ np.array([[0, size_px, 0, size_px], [0, 0, size_px, size_px], [1, 1, 1, 1]], dtype=np.float64)
    step = math.hypot(matrix[0, 0], matrix[1, 0])
    reach = math.ceil(2 * max(step, 1))  # bicubic looks two pixels around
    x0, y0 = np.floor(corners.min(axis=1)).astype(int) - reach
    x1, y1 = np.ceil(corners.max(axis=1)).astype(int) + reach
    if x1 <= 0 or y1 <= 0 or x0 >= width or y0 >= height:
        raise ValueError(f"the crop ({x0}, {y0}, {x1}, {y1}) lies outside the {width}x{height} frame")
    inside = rgb[max(y0, 0) : min(y1, height), max(x0, 0) : min(x1, width)]
    image = Image.fromarray(np.ascontiguousarray(inside))
    shift = np.array([matrix[0, 2] - max(x0, 0), matrix[1, 2] - max(y0, 0)])
    linear = matrix[:, :2]
    if step >= _REDUCE_FROM:
        factor = int(step)
        image = image.reduce(factor)
        # A reduced pixel's centre stands at factor * index + (factor - 1) / 2 of the pixels it averages.
        linear, shift = linear / factor, (shift - (factor - 1) / 2) / factor
    if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
        image, margin = _repeat_edges(image, linear, shift, size_px)
        shift = shift + margin
    # Pillow maps pixel corners: output (x + 0.5, y + 0.5) reads input at M(x + 0.5, y + 0.5).
    offset = shift + 0.5 - linear @ np.array([0.5, 0.5])
    data = (linear[0, 0], linear[0, 1], offset[0], linear[1, 0], linear[1, 1], offset[1])
    crop = image.transform((size_px, size_px), Image.Transform.AFFINE, data, resampling)
    return np.asarray(crop)


def _repeat_edges(
    image: Image.Image, linear: NDArray[np.float64], shift: NDArray[np.float64], size_px: int
) -> tuple[Image.Image, NDArray[np.float64]]:
    corners = linear @ np.array([[0, size_px, 0, size_px], [0, 0, size_px, size_px]]) + shift[:, None]
    low = np.maximum(np.ceil(-corners.min(axis=1)) + 3, 0).astype(int)
    high = np.maximum(np.ceil(corners.max(axis=1)) + 3 - np.array(image.size), 0).astype(int)
    padded = np.pad(np.asarray(image), ((low[1], high[1]), (low[0], high[0]), (0, 0)), mode="edge")
    return Image.fromarray(padded), low.astype(np.float64)
