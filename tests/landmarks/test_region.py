"""The square that the landmark net looks at."""

from __future__ import annotations

import math

import numpy as np
import pytest

from facefatigue.faces import Face
from facefatigue.landmarks.region import Region, region_of_face, region_of_points


def test_the_square_is_one_and_a_half_times_the_longer_side_and_turned_with_the_eyes() -> None:
    points = np.full((478, 3), (100, 50, 0), np.float32)
    points[0, :2], points[1, :2] = (60, 20), (140, 120)  # 80 wide, 100 high, centre (100, 70)
    points[33, :2], points[263, :2] = (90, 50), (110, 70)
    region = region_of_points(points)
    assert (region.centre_x_px, region.centre_y_px) == pytest.approx((100, 70))
    assert region.side_px == pytest.approx(150)
    assert region.turn_rad == pytest.approx(math.radians(45))


def test_the_first_square_is_the_detectors() -> None:
    marks = np.array([[40.0, 45], [60, 45], [50, 55], [43, 62], [57, 62]])
    region = region_of_face(Face(np.array([30.0, 20, 70, 80]), 0.9, marks))
    assert region == Region(50, 50, 90, 0)


def test_the_matrix_maps_the_middle_to_the_centre_and_turns_clockwise() -> None:
    matrix = Region(30, 40, 512, math.radians(90)).matrix(256)
    assert matrix @ [128, 128, 1] == pytest.approx([30, 40])
    # Right of the middle in the crop is below the centre in the frame; one input pixel is two of the frame.
    assert matrix @ [138, 128, 1] == pytest.approx([30, 60])
