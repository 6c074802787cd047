"""Where a head is turned, from its landmarks.

Orthogonal Procrustes: the rotation that takes points of a fixed canonical face to the points read, up to scale and shift,
with the least sum of squares (Kabsch, "A solution for the best rotation to relate two sets of vectors", Acta
Crystallographica A32, 1976). The landmark net gives depth in the scale of the picture, as under weak perspective, so that
no camera has to be known; the turn is against the line of sight to the face. On synthetic people the mean error of yaw and
pitch is about 3 degrees, much of it a constant of each face; docs/landmarks.md has the figures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.landmarks.reading import POINTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Number and place (x right, y up, z towards the camera, in cm) of points in MediaPipe's canonical face (Apache-2.0), as
# tools/convert_landmarker.py --rigid-points prints them out of the bundle: those by which MediaPipe finds how a head is
# turned, but for eight at cheeks and jaw (132, 136, 147, 205, 361, 365, 376, 425), which a mouth moves in yawns and smiles.
RIGID_POINTS = (
    (4, (0, -0.46317, 7.58658)),
    (6, (0, 2.47325, 5.78863)),
    (10, (0, 8.26178, 4.48153)),
    (33, (-4.44586, 2.66399, 3.17342)),
    (54, (-6.27933, 6.61543, 1.42585)),
    (67, (-3.52396, 8.00598, 3.72916)),
    (117, (-5.25866, 0.945811, 2.97431)),
    (119, (-3.30068, 0.861641, 3.87278)),
    (121, (-1.82073, 1.46795, 4.22412)),
    (127, (-7.74309, 2.365, -2.00517)),
    (129, (-1.78579, -0.978284, 4.85047)),
    (133, (-1.85643, 2.58524, 3.7579)),
    (143, (-6.40757, 2.23602, 1.56084)),
    (198, (-1.24681, 0.230297, 5.68104)),
    (263, (4.44586, 2.66399, 3.17342)),
    (284, (6.27933, 6.61543, 1.42585)),
    (297, (3.52396, 8.00598, 3.72916)),
    (346, (5.25866, 0.945811, 2.97431)),
    (348, (3.30068, 0.861641, 3.87278)),
    (350, (1.82073, 1.46795, 4.22412)),
    (356, (7.74309, 2.365, -2.00517)),
    (358, (1.78579, -0.978284, 4.85047)),
    (362, (1.85643, 2.58524, 3.7579)),
    (372, (6.40757, 2.23602, 1.56084)),
    (420, (1.24681, 0.230297, 5.68104)),
)


@dataclass(frozen=True)
class HeadPose:
    """Turn of a head in radians; all 0 when it looks into the camera, upright.

    The head first nods by the pitch, then turns by the yaw, then tilts by the roll in the plane of the image: the roll is
    the slope of the line through the eyes, whatever the other two are.

    Attributes:
        yaw_rad: Above 0: turned to the right of the image; -pi/2 to pi/2.
        pitch_rad: Above 0: chin down; -pi to pi.
        roll_rad: Above 0: clockwise in the image; -pi to pi.
    """

    yaw_rad: float
    pitch_rad: float
    roll_rad: float


def head_pose(points: NDArray[np.floating]) -> HeadPose:
    """Turn of the head that the points of a reading belong to.

    Args:
        points: (478, 3), x right, y down, z away from the camera, as in :class:`facefatigue.landmarks.FaceReading`.

    Raises:
        ValueError: The points have another shape, are not finite, or lie on one line.
    """
    if np.shape(points) != (POINTS, 3):
        raise ValueError(f"points are ({POINTS}, 3), not {np.shape(points)}")
    numbers, places = zip(*RIGID_POINTS, strict=True)
    seen = np.asarray(points, np.float64)[list(numbers)]
    if not np.isfinite(seen).all():
        raise ValueError("points are not finite")
    canonical = np.array(places) * (1, -1, -1)  # to y down, z away from the camera
    left, sizes, right = np.linalg.svd((seen - seen.mean(axis=0)).T @ (canonical - canonical.mean(axis=0)))
    if not sizes[1] > 1e-9 * sizes[0]:
        raise ValueError("points lie on one line")
    mirror = np.diag([1, 1, np.sign(np.linalg.det(left @ right))])
    return _angles(left @ mirror @ right)


def _angles(rotation: NDArray[np.float64]) -> HeadPose:
    """Split a rotation into roll @ yaw @ pitch."""
    ear, down, back = rotation.T  # where the axes to the right, down and back of the head come to lie
    roll = math.atan2(ear[1], ear[0])
    yaw = math.atan2(ear[2], math.hypot(ear[0], ear[1]))
    level = np.array([-math.sin(roll), math.cos(roll), 0])  # down in the image, once the roll is undone
    return HeadPose(yaw, math.atan2(-float(level @ back), float(level @ down)), roll)
