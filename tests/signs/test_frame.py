"""Signs of one frame, from landmarks that are put where they belong; dark lenses and masks in painted pictures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from facefatigue.landmarks import BLENDSHAPES, FaceReading
from facefatigue.landmarks.head_pose import RIGID_POINTS
from facefatigue.signs import observe
from facefatigue.signs.cover import _ABOVE_MASK, _AROUND_MOUTH, _BARE_SKIN, _LIPS, _UNDER_EYES, find_cover
from facefatigue.signs.frame import _CORNERS, _LOWER, _UPPER, aspect_ratios

WIDTH = 2.6  # of an eye, in the units of the canonical face
EYES = ((-3.15, 2.62), (3.15, 2.62))  # their middles


def face(gaps=(0.9, 0.9), yaw=0.0, pitch=0.0, scale=12.0) -> np.ndarray:
    """(478, 3) points of a face with so wide gaps between the lids, turned."""
    points = np.zeros((478, 3))
    for number, place in RIGID_POINTS:
        points[number] = place
    for eye, (gap, (x, y)) in enumerate(zip(gaps, EYES, strict=True)):
        points[_CORNERS[eye]] = [(x - WIDTH / 2, y, 3.5), (x + WIDTH / 2, y, 3.5)]
        for number, (upper, lower) in enumerate(zip(_UPPER[eye], _LOWER[eye], strict=True)):
            points[upper] = (x + 0.5 * (number - 1), y + gap / 2, 3.6)
            points[lower] = (x + 0.5 * (number - 1), y - gap / 2, 3.6)
    (cy, sy), (cx, sx) = ((math.cos(a), math.sin(a)) for a in (yaw, pitch))
    turn_yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    turn_pitch = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    turned = points @ (turn_yaw @ turn_pitch).T
    return (turned * (scale, -scale, -scale) + (200, 200, 0)).astype(np.float32)


def reading(points=None, **shapes) -> FaceReading:
    values = np.zeros(52, np.float32)
    for name, value in shapes.items():
        values[BLENDSHAPES.index(name)] = value
    return FaceReading(presence=1.0, points=face() if points is None else points, blendshapes=values)


def test_aspect_ratio_is_gap_over_width():
    assert aspect_ratios(face(gaps=(0.9, 0.5))) == pytest.approx([0.9 / WIDTH, 0.5 / WIDTH], rel=0.01)


@pytest.mark.parametrize("yaw_deg", [-30, 0, 30])
@pytest.mark.parametrize("pitch_deg", [-20, 0, 20])
def test_a_turned_head_has_eyes_as_open_as_before(yaw_deg, pitch_deg):
    points = face(gaps=(0.9, 0.9), yaw=math.radians(yaw_deg), pitch=math.radians(pitch_deg))
    assert aspect_ratios(points) == pytest.approx([0.9 / WIDTH] * 2, rel=0.01)


def test_openness_falls_from_open_to_shut_and_stays_in_its_range():
    gaps, shut = np.linspace(1.4, 0.0, 15), np.linspace(0.0, 1.0, 15)
    found = [
        observe(reading(face(gaps=(gap, gap)), eyeBlinkLeft=blink, eyeBlinkRight=blink), 0.0).openness[0]
        for gap, blink in zip(gaps, shut, strict=True)
    ]
    assert found[0] == 1.0
    assert found[-1] == pytest.approx(0.0, abs=0.01)
    assert (np.diff(found) < 0).all()


def test_left_is_left_in_the_image():
    signs = observe(reading(face(gaps=(0.9, 0.3)), eyeBlinkLeft=0.8, eyeBlinkRight=0.1), 1.5)
    assert signs.time_s == 1.5
    assert signs.openness[0] > signs.openness[1] + 0.3


def test_mouth_smile_squint_and_gaze():
    signs = observe(
        reading(
            jawOpen=0.7,
            mouthSmileLeft=0.4,
            mouthSmileRight=0.6,
            eyeSquintLeft=0.2,
            eyeLookDownLeft=0.5,
            eyeLookDownRight=0.7,
        ),
        0.0,
    )
    assert signs.mouth_open == pytest.approx(0.7)
    assert signs.smile == pytest.approx(0.5)
    assert signs.squint == pytest.approx(0.1)
    assert signs.gaze_down == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("yaw_deg", "visible"),
    [
        (0, (True, True)),
        (35, (True, True)),
        (45, (True, False)),
        (-45, (False, True)),
        (60, (False, False)),
        (-60, (False, False)),
    ],
)
def test_a_turned_head_hides_the_far_eye_and_then_both(yaw_deg, visible):
    signs = observe(reading(face(yaw=math.radians(yaw_deg))), 0.0)
    assert signs.yaw_rad == pytest.approx(math.radians(yaw_deg), abs=0.01)
    assert signs.eye_visible == visible


def test_a_bent_head_hides_both_eyes():
    assert observe(reading(face(pitch=math.radians(50))), 0.0).eye_visible == (False, False)
    assert observe(reading(face(pitch=math.radians(30))), 0.0).pitch_rad == pytest.approx(math.radians(30), abs=0.01)


def test_a_time_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="finite number of seconds, not nan"):
        observe(reading(), math.nan)


SKIN, LIP_RED, SHADE = (200, 150, 125), (170, 90, 90), (40, 38, 36)


def painted(places: dict[int, tuple[int, int, int]], skin=SKIN) -> tuple[np.ndarray, np.ndarray]:
    """A picture in which each point of the face has a spot of its own colour, and the points."""
    points = np.zeros((478, 3), np.float32)
    numbers = sorted({*_ABOVE_MASK, *_AROUND_MOUTH, *_BARE_SKIN, *_LIPS, *(n for eye in _UNDER_EYES for n in eye), 33, 263})
    picture = np.zeros((40, 20 * len(numbers), 3), np.uint8)
    for slot, number in enumerate(numbers):
        points[number, :2] = (20 * slot + 10, 20)
        picture[:, 20 * slot : 20 * slot + 20] = places.get(number, LIP_RED if number in _LIPS else skin)
    points[263, :2] = points[33, :2] + (100, 0)  # eyes 100 px apart: spots of 2 px
    return picture, points


def test_a_bare_face_is_not_covered():
    for skin in (SKIN, (90, 60, 45), (235, 205, 190)):
        lips = dict.fromkeys(_LIPS, tuple(int(c * f) for c, f in zip(skin, (0.9, 0.6, 0.7), strict=True)))
        cover = find_cover(*painted(lips, skin))
        assert (cover.eyes, cover.mouth) == ((False, False), False)


def test_a_beard_is_no_mask():
    assert not find_cover(*painted(dict.fromkeys(_AROUND_MOUTH, (60, 45, 38)))).mouth


def test_dark_lenses_hide_the_eyes():
    behind = {number: SHADE for eye in _UNDER_EYES for number in eye}
    picture, points = painted(behind)
    assert find_cover(picture, points).eyes == (True, True)
    assert find_cover(*painted(dict.fromkeys(_UNDER_EYES[0], SHADE))).eyes == (True, False)


@pytest.mark.parametrize("colour", [(140, 185, 225), (225, 235, 240), (40, 120, 60)])
def test_a_mask_hides_the_mouth(colour):
    assert find_cover(*painted(dict.fromkeys((*_AROUND_MOUTH, *_LIPS), colour))).mouth


def test_points_beyond_the_picture_are_borne():
    picture, points = painted({})
    points[:, :2] += 10_000
    assert not find_cover(picture, points).mouth


def test_the_picture_tells_what_the_nets_do_not():
    points = face()
    rgb = np.full((400, 400, 3), SKIN, np.uint8)
    assert observe(reading(points), 0.0, rgb).eye_visible == (True, True)
    assert observe(reading(points), 0.0).mouth_visible
