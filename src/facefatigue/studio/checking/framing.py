"""Where the face is in one small picture, so that a volunteer is guided before anything is recorded."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Literal

import numpy as np

from facefatigue.faces import Mtcnn
from facefatigue.faces.track import START_PROBABILITY
from facefatigue.studio.checking.examine import OTHER_FACE, is_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefatigue.faces import Face

Framing = Literal["none", "many", "middle", "closer", "back", "good"]

# Sides in pixels that are looked at: P-Net, whose cost goes with the area, finds faces from 20 px on.
SMALLEST_PX, LARGEST_PX = 64, 320
# Shares of the picture's shorter side, for the guide alone: the check has its own limits. A smaller face leaves little room
# for a bad lens, a larger one leaves none to move, and one farther off the middle none to one side.
_SMALL, _LARGE, _OFF = 0.25, 0.95, 0.3
# Where many volunteers are guided at once, who waits longer than this is left with the drawn oval.
_PATIENCE_S = 0.5


class FramingGuide:
    """Looks at one picture at a time, whoever asks; the detector is loaded when somebody asks first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._detector: Mtcnn | None = None

    def look(self, rgb: NDArray[np.uint8]) -> Framing | None:
        """How the face is placed.

        Args:
            rgb: (H, W, 3) uint8 RGB, upright, each side `SMALLEST_PX` to `LARGEST_PX`.

        Returns:
            What there is to better; None: too many ask at this moment.

        Raises:
            ModelError: The detector's weights are missing or damaged.
        """
        if not self._lock.acquire(timeout=_PATIENCE_S):
            return None
        try:
            self._detector = self._detector or Mtcnn()
            faces = self._detector.detect(rgb)
        finally:
            self._lock.release()
        return framing([face for face in faces if face.probability >= START_PROBABILITY], rgb)


def framing(faces: list[Face], rgb: NDArray[np.uint8]) -> Framing:
    """How the nearest of some faces is placed in its picture, by the check's own measure of "alone" and "whole"."""
    if not faces:
        return "none"
    nearest, *others = sorted(faces, key=lambda face: -face.size_px)
    if any(face.size_px >= OTHER_FACE * nearest.size_px for face in others):
        return "many"
    height, width = rgb.shape[:2]
    side = min(height, width)
    off = np.abs((nearest.box[:2] + nearest.box[2:]) / 2 - np.array([width, height]) / 2)
    if nearest.size_px > _LARGE * side:
        return "back"
    if not is_whole(nearest, rgb) or off.max() > _OFF * side:
        return "middle"
    return "closer" if nearest.size_px < _SMALL * side else "good"
