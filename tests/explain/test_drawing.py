"""Heat lies where it belongs."""

from __future__ import annotations

import numpy as np
import pytest

from facefatigue.explain import Attribution
from facefatigue.explain.drawing import (
    Key,
    blend,
    drawn_face,
    gradient_picture,
    heat_colours,
    heat_in_frame,
    on_drawn_face,
)
from facefatigue.explain.overlay import with_band
from facefatigue.explain.regions import average_face
from facefatigue.faces.align import eye_transform

LANDMARKS = np.array([[200.0, 150.0], [260.0, 170.0], [225.0, 190.0], [200.0, 215.0], [245.0, 228.0]])


def spot(x: int, y: int, size_px: int = 112) -> np.ndarray:
    heat = np.zeros((size_px, size_px), np.float32)
    heat[y - 2 : y + 3, x - 2 : x + 3] = 0.5
    heat[y, x] = 1
    return heat


def test_no_heat_changes_nothing_and_full_heat_is_light():
    rgb = np.random.default_rng(0).integers(0, 255, (4, 6, 3), np.uint8)
    np.testing.assert_array_equal(blend(rgb, np.zeros((4, 6), np.float32)), rgb)
    hot = blend(np.zeros((4, 6, 3), np.uint8), np.ones((4, 6), np.float32))
    assert hot.min(axis=(0, 1)).tolist() == pytest.approx([202, 204, 131], abs=3)  # 0.8 of inferno's last colour


def test_grey_means_nothing_and_the_strongest_do_not_hide_the_rest():
    colour = np.zeros((1, 40, 40, 3), np.float32)
    colour[0, 5, :, 0] = 1
    colour[0, 20, 20] = -1000
    picture = gradient_picture(colour)
    assert picture[0, 0, 0].tolist() == [127, 127, 127]
    assert picture[0, 5, 0].tolist() == [255, 127, 127]
    assert picture[0, 20, 20].tolist() == [0, 0, 0]


@pytest.mark.parametrize("place", [(40, 39), (73, 39), (56, 90)])
def test_heat_is_laid_back_to_where_the_crop_was_cut_out(place):
    placed = heat_in_frame(spot(*place), LANDMARKS, 480, 360)
    assert placed is not None
    heat, (x0, y0, x1, y1) = placed
    assert heat.shape == (y1 - y0, x1 - x0)
    expected = eye_transform(LANDMARKS, 112) @ (*place, 1)
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    np.testing.assert_allclose((column + x0, row + y0), expected, atol=1.5)
    assert heat.max() > 0.6


def test_a_crop_that_reaches_beyond_the_frame_is_cut_and_one_outside_is_left_out():
    at_the_edge = LANDMARKS - LANDMARKS.mean(axis=0) + (10, 10)
    placed = heat_in_frame(np.ones((112, 112), np.float32), at_the_edge, 480, 360)
    assert placed is not None
    assert placed[1][:2] == (0, 0)
    assert heat_in_frame(np.ones((112, 112), np.float32), at_the_edge - 4000, 480, 360) is None
    assert heat_in_frame(np.ones((112, 112), np.float32), np.zeros((5, 2)), 480, 360) is None


def test_on_the_drawn_face_eyes_and_mouth_lie_at_its_own():
    average = average_face() * np.float32(112) - np.float32(0.5)
    theirs = average * np.float32((1.0, 1.2)) + np.float32((3, -8))  # a longer face, aligned a little off
    for number in (468, 473, 13):
        x, y = (round(float(value)) for value in theirs[number])
        moved = on_drawn_face(spot(x, y), theirs)
        row, column = np.unravel_index(moved.argmax(), moved.shape)
        np.testing.assert_allclose((column, row), average[number], atol=1.5)


def test_the_drawn_face_is_aligned_and_dark_at_its_lids():
    face = drawn_face(112).astype(int)
    assert face.shape == (112, 112, 3)
    assert face[39, 34:45].min() < 180
    assert face[60, 30].min() > 220
    with pytest.raises(ValueError, match="read-only"):
        drawn_face(112)[0, 0] = 0


def test_a_band_of_text_is_cut_at_a_comma():
    rgb = np.full((200, 300, 3), 90, np.uint8)
    short, long = (with_band(rgb, text, "fatigue", 1.0) for text in ("first part, 2", "first part, 2, " + 40 * "third "))
    np.testing.assert_array_equal(short, long)
    np.testing.assert_array_equal(short[:150], rgb[:150])
    assert short[-3:].mean() < 90


def test_a_band_has_the_colours_of_heat_where_there_is_room():
    wide, other, narrow = (
        with_band(np.full((200, width, 3), 90, np.uint8), "first part, 2", "fatigue", scale)
        for width, scale in ((300, 1.5e-4), (300, 2.5e-4), (90, 1.5e-4))
    )
    lightest = heat_colours(np.ones(1, np.float32))[0]
    near = [np.abs(band.astype(int) - lightest).sum(axis=2).min() for band in (wide, narrow)]
    assert near[0] < 6 < near[1]
    assert (wide != other).any()  # the number beside them
    assert (wide[:, :100] == other[:, :100]).all()


def test_a_key_tells_what_its_colours_stand_for():
    values = np.zeros((2, 8, 8), np.float32)
    values[1, 2, 3] = 0.02
    key = Key.of(Attribution(method="m", values=values))
    assert key.values() == [(0.0, "0"), (1.0, "2.0e-02")]
    np.testing.assert_array_equal(key.colours[[0, -1]], heat_colours(np.array([0, 1], np.float32)).astype(np.uint8))
    colour = np.full((2, 8, 8, 3), -0.5, np.float32)
    key = Key.of(Attribution(method="m", values=values, colour=colour))
    assert key.values() == [(0.0, "-5.0e-01"), (0.5, "0"), (1.0, "5.0e-01")]
    assert key.colours[[0, -1]].tolist() == [[0, 0, 0], [255, 255, 255]]
