"""How well a face can be seen: size, light, sharpness, pose."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefatigue.faces import Face

# Rec. 601 luma.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_SHARPNESS_PX = 112


@dataclass(frozen=True)
class CropQuality:
    """Quality of one aligned crop, or medians over several.

    Attributes:
        eye_distance_px: Distance between the eye centres in the source frame, in pixels.
        brightness: Mean luma of the crop, 0 (black) to 1 (white).
        sharpness: Variance of the Laplacian of the luma, in grey levels squared (Pech-Pacheco et al. 2000), of the crop at
            112 px, so that it means the same for every model.
        yaw: Where the nose stands between the eyes along the eye line: 0 halfway, -1 and 1 below an eye.
        roll_deg: Turn of the eye line against the horizontal, clockwise, in degrees.
    """

    eye_distance_px: float
    brightness: float
    sharpness: float
    yaw: float
    roll_deg: float


def crop_quality(crop: NDArray[np.uint8], face: Face) -> CropQuality:
    """Measure one aligned crop.

    Args:
        crop: (S, S, 3) uint8 RGB.
        face: The face it was cut from, in the source frame.
    """
    luma = crop.astype(np.float32) @ _LUMA
    fine = luma if len(luma) == _SHARPNESS_PX else _resized(luma, _SHARPNESS_PX)
    middle = fine[1:-1, 1:-1]
    laplacian = fine[:-2, 1:-1] + fine[2:, 1:-1] + fine[1:-1, :-2] + fine[1:-1, 2:] - 4 * middle
    left, right, nose = face.landmarks[:3]
    eye_line = right - left
    distance_px = float(np.hypot(*eye_line))
    along = float((nose - left) @ eye_line) / max(distance_px**2, 1e-9)
    return CropQuality(
        eye_distance_px=distance_px,
        brightness=float(luma.mean()) / 255,
        sharpness=float(laplacian.var()),
        yaw=2 * along - 1,
        roll_deg=math.degrees(math.atan2(eye_line[1], eye_line[0])),
    )


def _resized(luma: NDArray[np.float32], side_px: int) -> NDArray[np.float32]:
    resample = Image.Resampling.BOX if len(luma) > side_px else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(luma).resize((side_px, side_px), resample))


def median_quality(qualities: Sequence[CropQuality]) -> CropQuality:
    """Median of each measure; at least one is needed."""
    return CropQuality(*(float(value) for value in np.median([astuple(q) for q in qualities], axis=0)))
