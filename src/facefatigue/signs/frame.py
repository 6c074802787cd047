"""The signs of one frame: how far eyes and mouth are open, where the head is turned, where the eyes look."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.landmarks import BLENDSHAPES, head_pose
from facefatigue.signs.cover import find_cover

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefatigue.landmarks import FaceReading

# Points of the face mesh, eye at the left of the image first: corners, and three pairs along the lids (upper, lower) around
# the middle of the eye, as in the eye aspect ratio of Soukupová & Čech (2016), which has two.
_CORNERS = np.array([(33, 133), (263, 362)])
_UPPER = np.array([(160, 159, 158), (387, 386, 385)])
_LOWER = np.array([(144, 145, 153), (373, 374, 380)])
# Aspect ratio of the widest eyes: the published blink detector of UTA-RLDD cuts off here (Ghoddoosian et al. 2019).
_WIDEST = 0.45

# Beyond these turns the lids of an eye are not seen well enough. Chosen on synthetic heads; docs/signs.md has the figures.
MOST_YAW_RAD = math.radians(50)
MOST_FAR_EYE_YAW_RAD = math.radians(40)
MOST_PITCH_RAD = math.radians(40)


@dataclass(frozen=True, kw_only=True)
class FrameSigns:
    """What one face shows in one frame. Left and right are those of the image.

    Attributes:
        time_s: When, in seconds.
        openness: Of the left and the right eye, 0 (shut) to 1 (as wide as eyes get), as read from the picture; not personal.
        mouth_open: Opening of the jaw with the lips apart, 0 to 1.
        smile, squint, gaze_down: 0 to 1.
        yaw_rad, pitch_rad, roll_rad: Turn of the head as in :class:`facefatigue.landmarks.HeadPose`: right of the image,
            chin down, and clockwise are above 0.
        eye_visible: Whether the lids of the left and of the right eye can be seen.
        mouth_visible: Whether the mouth can be seen.
    """

    time_s: float
    openness: tuple[float, float]
    mouth_open: float
    smile: float
    squint: float
    gaze_down: float
    yaw_rad: float
    pitch_rad: float
    roll_rad: float
    eye_visible: tuple[bool, bool]
    mouth_visible: bool = True


def observe(reading: FaceReading, time_s: float, rgb: NDArray[np.uint8] | None = None) -> FrameSigns:
    """The signs of one frame.

    Openness of an eye is the mean of two readings of its lids. One is the eye aspect ratio (Soukupová & Čech 2016) of the
    contour in three dimensions, over 0.45: the mean gap of three pairs of lid points over the distance of the corners. In
    three dimensions, since a turned head shortens the eye in the picture but not the gap (plain ratios rise by a fifth to a
    half for each radian of yaw). The other is 1 minus the blendshape eyeBlink, which was learnt for the same thing; it is
    steadier, but falls less far when an eye shuts. The errors of the two are partly independent.

    Args:
        reading: Of the landmark nets.
        time_s: When, in seconds.
        rgb: (H, W, 3) uint8 RGB, upright: the frame. With it dark glasses and masks are looked for; without it only turns of
            the head hide an eye, since the nets place eyes and mouths also where they cannot see them.

    Raises:
        ValueError: The time is not a finite number.
    """
    if not math.isfinite(time_s):
        raise ValueError(f"the time of a frame must be a finite number of seconds, not {time_s}")
    pose = head_pose(reading.points)
    ratio = aspect_ratios(reading.points)
    shapes = reading.blendshapes
    left_seen, right_seen = _turned_to(pose.yaw_rad, pose.pitch_rad)
    mouth_seen = True
    if rgb is not None:
        cover = find_cover(rgb, reading.points)
        left_seen, right_seen = left_seen and not cover.eyes[0], right_seen and not cover.eyes[1]
        mouth_seen = not cover.mouth
    # eyeBlinkRight is the person's right eye, at the left of the image.
    blink = (_mean(shapes, "eyeBlinkRight"), _mean(shapes, "eyeBlinkLeft"))
    left, right = (
        min(max(0.5 * min(float(own) / _WIDEST, 1.0) + 0.5 * (1.0 - shut), 0.0), 1.0)
        for own, shut in zip(ratio, blink, strict=True)
    )
    return FrameSigns(
        time_s=float(time_s),
        openness=(left, right),
        mouth_open=_mean(shapes, "jawOpen"),
        smile=_mean(shapes, "mouthSmileLeft", "mouthSmileRight"),
        squint=_mean(shapes, "eyeSquintLeft", "eyeSquintRight"),
        gaze_down=_mean(shapes, "eyeLookDownLeft", "eyeLookDownRight"),
        yaw_rad=pose.yaw_rad,
        pitch_rad=pose.pitch_rad,
        roll_rad=pose.roll_rad,
        eye_visible=(left_seen, right_seen),
        mouth_visible=mouth_seen,
    )


def aspect_ratios(points: NDArray[np.float32]) -> NDArray[np.float64]:
    """(2,) float64 eye aspect ratio of the left and the right eye of the image.

    Args:
        points: (478, 3) as in :class:`facefatigue.landmarks.FaceReading`.
    """
    xyz = np.asarray(points, np.float64)
    gap = np.linalg.norm(xyz[_UPPER] - xyz[_LOWER], axis=2).mean(axis=1)
    width = np.linalg.norm(xyz[_CORNERS[:, 0]] - xyz[_CORNERS[:, 1]], axis=1)
    return np.asarray(gap / np.maximum(width, 1e-6))


def _turned_to(yaw_rad: float, pitch_rad: float) -> tuple[bool, bool]:
    """Whether the left and the right eye are turned to the camera: a head turned to the right hides the right one."""
    level = abs(pitch_rad) <= MOST_PITCH_RAD
    return (
        level and -MOST_FAR_EYE_YAW_RAD <= yaw_rad <= MOST_YAW_RAD,
        level and -MOST_YAW_RAD <= yaw_rad <= MOST_FAR_EYE_YAW_RAD,
    )


_PLACES = {name: place for place, name in enumerate(BLENDSHAPES)}


def _mean(shapes: NDArray[np.float32], *names: str) -> float:
    return sum(float(shapes[_PLACES[name]]) for name in names) / len(names)
