"""A face with something painted before it: what cannot be seen is not measured, and the rest is as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw

import facefatigue
from facefatigue.faces import FaceTracker, Mtcnn
from facefatigue.landmarks import Landmarker, LandmarkFollower
from facefatigue.video import open_video

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    Paint = Callable[[ImageDraw.ImageDraw, np.ndarray], None]

DURATION_S = 8.0
RATE_HZ = 25
EYES = ((33, 133), (362, 263))  # corners, of the eye at the left of the image first
MASK = (234, 117, 195, 346, 454, 365, 152, 136)  # from ear to ear over the nose, and along the jaw
BLACK, BLUE = (12, 12, 14), (120, 170, 215)
LIDS = ("blinks", "blink_rate_per_min", "perclos", "microsleeps", "openness")


@pytest.fixture(scope="module")
def watched(sample: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Frames of the sample, a rendered person, with the points of the face."""
    tracker, follower = FaceTracker(Mtcnn(), largest_only=True), LandmarkFollower(Landmarker())
    found = []
    with open_video(sample) as video:
        for frame in video:
            if frame.time_s >= DURATION_S:
                break
            reading = follower.read(frame.rgb, tracker.step(frame.rgb, frame.time_s)[0].face)
            assert reading is not None
            found.append((frame.rgb, reading.points[:, :2]))
    return found


@pytest.fixture
def signs_with(
    watched: list[tuple[np.ndarray, np.ndarray]], write_video: Callable[..., Path]
) -> Callable[[Paint], dict[str, Any]]:
    """The signs of the face with something painted on every frame."""

    def signs(paint: Paint) -> dict[str, Any]:
        frames = []
        for rgb, points in watched:
            picture = Image.fromarray(rgb)
            paint(ImageDraw.Draw(picture), points)
            frames.append(np.asarray(picture))
        (face,) = facefatigue.measure_signs(write_video("painted.mp4", frames, rate=RATE_HZ)).faces
        return dict(face.signs)

    return signs


def nothing(_draw: ImageDraw.ImageDraw, _points: np.ndarray) -> None:
    pass


def lens(draw: ImageDraw.ImageDraw, points: np.ndarray, eye: int) -> None:
    """Black over one eye and the skin around it."""
    middle = points[list(EYES[eye])].mean(axis=0)
    radius = 0.42 * np.hypot(*(points[list(EYES[0])].mean(axis=0) - points[list(EYES[1])].mean(axis=0)))
    draw.ellipse([*(middle - radius), *(middle + radius)], fill=BLACK)


def glasses(draw: ImageDraw.ImageDraw, points: np.ndarray) -> None:
    for eye in (0, 1):
        lens(draw, points, eye)


def mask(draw: ImageDraw.ImageDraw, points: np.ndarray) -> None:
    draw.polygon([tuple(points[number]) for number in MASK], fill=BLUE)


def times(signs: dict[str, Any]) -> list[float]:
    return [blink["peak_s"] for blink in signs["blinks"]]


def test_behind_dark_glasses_no_lids_are_measured(signs_with: Callable[[Paint], dict[str, Any]]) -> None:
    signs = signs_with(glasses)
    assert [signs[name] for name in LIDS] == [None] * len(LIDS)
    for name in LIDS:
        assert signs["not_measurable"][name].endswith("they are covered (dark glasses?)")
    assert signs["head_pose"] is not None


def test_with_one_eye_hidden_the_other_is_measured(signs_with: Callable[[Paint], dict[str, Any]]) -> None:
    bare = signs_with(nothing)
    hidden = signs_with(lambda draw, points: lens(draw, points, 0))
    assert len(times(bare)) >= 2
    assert times(hidden) == pytest.approx(times(bare), abs=0.08)
    assert hidden["microsleeps"] == []


def test_behind_a_mask_no_yawns_are_measured(signs_with: Callable[[Paint], dict[str, Any]]) -> None:
    signs = signs_with(mask)
    assert signs["yawns"] is signs["yawns_per_hour"] is None
    assert signs["not_measurable"]["yawns"].startswith("the mouth is covered (a mask?)")
    assert len(times(signs)) >= 2
