"""The square of a frame that the landmark net looks at.

As in MediaPipe's face landmarker graphs (mediapipe/tasks/cc/vision/face_landmarker/face_landmarks_detector_graph.cc,
Apache-2.0): 1.5 times the longer side of the upright box around the face, around the middle of that box, turned so that the
outer corners of the eyes are level. The box is that of the last frame's points; only the first one is the detector's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefatigue.faces import Face

GROWTH = 1.5
# Outer corners of the eye at the left and of the eye at the right of the image.
OUTER_CORNERS = (33, 263)


@dataclass(frozen=True)
class Region:
    """A square of a frame, perhaps turned.

    Attributes:
        centre_x_px, centre_y_px: Its centre in pixels of the frame.
        side_px: Length of a side.
        turn_rad: Clockwise turn of its upper side against the horizontal.
    """

    centre_x_px: float
    centre_y_px: float
    side_px: float
    turn_rad: float

    def matrix(self, size_px: int) -> NDArray[np.float64]:
        """(2, 3) float64 M: frame = M @ (x, y, 1) for a pixel (x, y) of the square cut out at size_px x size_px."""
        scale = self.side_px / size_px
        along, across = scale * math.cos(self.turn_rad), scale * math.sin(self.turn_rad)
        linear = np.array([[along, -across], [across, along]])
        shift = np.array([self.centre_x_px, self.centre_y_px]) - linear @ np.full(2, size_px / 2)
        return np.concatenate([linear, shift[:, None]], axis=1)


def region_of_face(face: Face) -> Region:
    """Where to look for a face that a detector has found."""
    return _region(np.asarray(face.box, np.float64).reshape(2, 2), np.asarray(face.landmarks[:2], np.float64))


def region_of_points(points: NDArray[np.floating]) -> Region:
    """Where to look in the next frame for a face whose points were here in this one.

    Args:
        points: (478, 2) or (478, 3), x and y in pixels of the frame.
    """
    places = np.asarray(points, np.float64)[:, :2]
    return _region(np.stack([places.min(axis=0), places.max(axis=0)]), places[list(OUTER_CORNERS)])


def _region(corners: NDArray[np.float64], eyes: NDArray[np.float64]) -> Region:
    x, y = corners.mean(axis=0)
    right, down = eyes[1] - eyes[0]
    return Region(float(x), float(y), GROWTH * float((corners[1] - corners[0]).max()), math.atan2(down, right))
