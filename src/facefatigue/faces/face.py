"""A face in one frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Face:
    """One detected face.

    Attributes:
        box: (4,) float64, x0 y0 x1 y1 in pixels of the frame; may reach beyond it.
        probability: The detector's confidence, 0 to 1.
        landmarks: (5, 2) float64 pixels: left eye, right eye (image left first), nose, mouth left, mouth right.
    """

    box: NDArray[np.float64]
    probability: float
    landmarks: NDArray[np.float64]

    @property
    def size_px(self) -> float:
        """Geometric mean of the box's sides, in pixels."""
        width, height = self.box[2:] - self.box[:2]
        return float(np.sqrt(max(width, 0) * max(height, 0)))

    @property
    def eye_distance_px(self) -> float:
        """Distance between the eye centres, in pixels."""
        return float(np.hypot(*(self.landmarks[1] - self.landmarks[0])))
