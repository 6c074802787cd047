"""Following one face with the landmarker from frame to frame.

The tracker of faces/ says whose face is meant; the nets look where that face's own points were a frame before, as in
MediaPipe's graphs, which keeps readings steady. Points that are no longer those of the tracked face, or of no face, are
thrown away and looked for anew from the tracker's box.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facefatigue.landmarks.region import Region, region_of_face, region_of_points

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefatigue.faces import Face
    from facefatigue.landmarks.landmarker import Landmarker
    from facefatigue.landmarks.reading import FaceReading

# Probability of a face from which a reading counts; MediaPipe's default (min_face_presence_confidence).
LEAST_PRESENCE = 0.5
# The tracker's five landmarks as means of points: eyes from their corners, tip of the nose, corners of the mouth.
FIVE_POINTS = ((33, 133), (362, 263), (4, 4), (61, 61), (291, 291))
# Mean distance between both sets of five, in sizes of the face, up to which they are of one face. Over 268 rendered faces,
# turned up to 54 degrees, it was 0.22 at most and 0.03 in the middle; two faces side by side lie 0.7 apart or more.
FARTHEST = 0.25


class LandmarkFollower:
    """Reads one tracked face, frame after frame; one follower for each track.

    Both nets run once a frame; where a face begins, or was lost, once for the tracker's box, whose square differs from one
    around the points, and once more for the reading itself, which alone has to show a face.

    Args:
        landmarker: The nets; may be shared by followers.
    """

    def __init__(self, landmarker: Landmarker) -> None:
        self._landmarker = landmarker
        self._last: FaceReading | None = None

    def read(self, rgb: NDArray[np.uint8], face: Face | None) -> FaceReading | None:
        """Take the next frame.

        Args:
            rgb: (H, W, 3) uint8 RGB, upright, of any size.
            face: The tracker's face of this track in this frame; None where it is not seen, after which the nets start anew.

        Returns:
            The reading, or None where no face is found that is surely this one.
        """
        reading = None
        if face is not None:
            if self._last is not None:
                reading = self._look(rgb, region_of_points(self._last.points), face)
            if reading is None:
                first = self._look(rgb, region_of_face(face), face, least_presence=0.0)
                if first is not None:
                    reading = self._look(rgb, region_of_points(first.points), face)
        self._last = reading
        return reading

    def _look(
        self, rgb: NDArray[np.uint8], region: Region, face: Face, least_presence: float = LEAST_PRESENCE
    ) -> FaceReading | None:
        try:
            reading = self._landmarker.read(rgb, region)
        except ValueError:  # a square without size, or wholly outside the frame
            return None
        return reading if reading.presence >= least_presence and is_of(reading, face) else None


def is_of(reading: FaceReading, face: Face) -> bool:
    """Whether the points of a reading are those of a tracked face, by the five landmarks that both have."""
    five = reading.points[np.array(FIVE_POINTS), :2].mean(axis=1)
    apart_px = float(np.hypot(*(five - face.landmarks).T).mean())
    return apart_px <= FARTHEST * face.size_px
