"""People for the watching of signs: a dot each in an otherwise black frame, and nets that see the dot nearest to where they look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.faces import Face, TrackedFace
from facefatigue.landmarks import BLENDSHAPES, FaceReading
from facefatigue.landmarks.head_pose import RIGID_POINTS

if TYPE_CHECKING:
    from facefatigue.landmarks.region import Region

HEIGHT_PX, WIDTH_PX = 240, 640
_CM_PX = 5.0
_EYES, _NOSE, _MOUTH = ((33, 133), (362, 263)), 4, (61, 291)


def points_at(x_px: float, y_px: float) -> np.ndarray:
    """(478, 3) points of a face that looks into the camera, around this place."""
    points = np.random.default_rng(0).normal(0, 20, (478, 3))
    for number, (right, up, towards) in RIGID_POINTS:
        points[number] = (_CM_PX * right, -_CM_PX * up, -_CM_PX * towards)
    points[_MOUTH[0]], points[_MOUTH[1]] = (-13, 20, -20), (13, 20, -20)
    return (points + (x_px, y_px, 0)).astype(np.float32)


def face_at(x_px: float, y_px: float) -> Face:
    """The tracker's face for the same place."""
    points = points_at(x_px, y_px)[:, :2].astype(np.float64)
    five = [points[list(pair)].mean(axis=0) for pair in _EYES] + [points[number] for number in (_NOSE, *_MOUTH)]
    box = np.array([x_px - 40, y_px - 50, x_px + 40, y_px + 50], np.float64)
    return Face(box=box, probability=0.99, landmarks=np.array(five))


class Scene:
    """Frames in which people, numbered from 1, are where they are told to be; a person's mark is what the nets read of it."""

    @staticmethod
    def mark(person: int) -> float:
        """What the mouth of this person always shows."""
        return person / 10

    @staticmethod
    def frame(places: dict[int, tuple[int, int]]) -> np.ndarray:
        """(H, W, 3) uint8."""
        rgb = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
        for person, (x_px, y_px) in places.items():
            rgb[y_px, x_px, 0] = person
        return rgb

    @staticmethod
    def faces(tracks: dict[int, tuple[int, int]]) -> tuple[TrackedFace, ...]:
        """What a tracker gives, by track."""
        return tuple(TrackedFace(track, face_at(*place)) for track, place in sorted(tracks.items()))


class DotLandmarker:
    """Reads the person whose dot is nearest to the middle of the square, up to a face's size away."""

    def __init__(self) -> None:
        self.readings = 0

    def read(self, rgb: np.ndarray, region: Region) -> FaceReading:
        self.readings += 1
        rows, columns = np.nonzero(rgb[..., 0])
        blendshapes = np.zeros(52, np.float32)
        far = np.hypot(columns - region.centre_x_px, rows - region.centre_y_px)
        if not len(rows) or far.min() > 80:
            return FaceReading(0.0, points_at(region.centre_x_px, region.centre_y_px), blendshapes)
        nearest = int(far.argmin())
        x_px, y_px = int(columns[nearest]), int(rows[nearest])
        blendshapes[BLENDSHAPES.index("jawOpen")] = Scene.mark(int(rgb[y_px, x_px, 0]))
        return FaceReading(1.0, points_at(x_px, y_px), blendshapes)


@pytest.fixture
def scene() -> type[Scene]:
    return Scene


@pytest.fixture
def landmarker() -> DotLandmarker:
    return DotLandmarker()
