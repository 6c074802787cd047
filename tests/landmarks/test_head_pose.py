"""The turn of a head, from turned canonical points and from rendered heads whose turn is known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.landmarks import head_pose
from facefatigue.landmarks.head_pose import RIGID_POINTS

if TYPE_CHECKING:
    from pathlib import Path


def turned(yaw_rad: float, pitch_rad: float, roll_rad: float, *, scale: float = 1.0, noise: float = 0.0) -> np.ndarray:
    """(478, 3) points with the canonical ones nodded, then turned, then tilted; the others far from any face."""
    (cp, cy, cr), (sp, sy, sr) = np.cos([pitch_rad, yaw_rad, roll_rad]), np.sin([pitch_rad, yaw_rad, roll_rad])
    # x right, y down, z away: the chin goes down and back, the nose to the right, the right eye down.
    nod = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    turn = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    tilt = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    points = np.full((478, 3), 1e4)
    for number, place in RIGID_POINTS:
        points[number] = scale * (tilt @ turn @ nod @ (np.array(place) * (1, -1, -1))) + (320, 240, 5)
    return points + np.random.default_rng(0).normal(0, max(noise, 1e-12), points.shape)


@pytest.mark.parametrize("pose", [(0, 0, 0), (0.6, 0, 0), (0, 0.4, 0), (0, 0, 0.5), (-1.2, 0.5, -0.9), (0.3, -0.8, 3.0)])
def test_the_turn_is_found_at_any_size_and_place(pose: tuple[float, float, float]) -> None:
    for scale in (0.5, 40.0):
        found = head_pose(turned(*pose, scale=scale))
        assert (found.yaw_rad, found.pitch_rad, found.roll_rad) == pytest.approx(pose, abs=1e-6)


def test_the_signs_are_those_of_the_image() -> None:
    nose, brow = RIGID_POINTS[0][0], RIGID_POINTS[2][0]
    right = turned(0.5, 0, 0)
    assert right[nose, 0] > right[brow, 0] + 1
    down = turned(0, 0.5, 0)
    assert down[nose, 1] > turned(0, 0, 0)[nose, 1] + 1
    clockwise = turned(0, 0, 0.5)
    assert clockwise[263, 1] > clockwise[33, 1] + 1


def test_noise_hardly_matters() -> None:
    found = head_pose(turned(0.4, 0.2, -0.1, scale=10, noise=1.0))  # a hundredth of the face's width
    assert (found.yaw_rad, found.pitch_rad, found.roll_rad) == pytest.approx((0.4, 0.2, -0.1), abs=math.radians(1))


def test_points_that_show_no_turn_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(478, 3\)"):
        head_pose(np.zeros((468, 3)))
    with pytest.raises(ValueError, match="not finite"):
        head_pose(np.full((478, 3), np.nan))
    with pytest.raises(ValueError, match="one line"):
        head_pose(np.zeros((478, 3)))
    with pytest.raises(ValueError, match="one line"):
        head_pose(np.arange(478.0)[:, None] * [1, 2, 3])


def test_rendered_heads_are_turned_as_they_were_rendered(shared: Path) -> None:
    """A few of the synthetic people of tools/measure_head_pose.py; over many the mean error is about 3 degrees."""
    pytest.importorskip("numba")
    from facefatigue.synth.clips import rig_at
    from measure_head_pose import Reader, turned_people

    rig, visibility = rig_at(shared / "data" / "ict_face" / "ict_face.npz")
    reader = Reader()
    people = turned_people(rig, visibility, seed=1, people=3, frames=4, wide=True)
    errors = [error for turned in people if abs(turned.pose.yaw_rad) < 0.6 and (error := reader.error(turned)) is not None]
    assert len(errors) >= 6
    assert np.degrees(np.abs(errors).mean(axis=0)).max() < 6
