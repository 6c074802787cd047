"""How bright a surface of known direction is, and what is in the shadow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.synth.light import find_visibility, make_light, shade

if TYPE_CHECKING:
    from facefatigue.synth.light import Visibility
    from facefatigue.synth.rig import Rig

FRONT, RIGHT, BACK = (np.array([way], np.float32) for way in ((0, 0, 1), (1, 0, 0), (0, 0, -1)))
SKIN = np.array([[0.8, 0.6, 0.4]], np.float32)
LAMP = np.array([[0.5, 0.6, 0.7]], np.float32)
DARK = np.zeros(3, np.float32)


def _shade(normal: np.ndarray, **changes: object) -> np.ndarray:
    """Light from one vertex: a lamp from the front and no other light, unless told otherwise."""
    values = {
        "gloss": np.zeros(1, np.float32), "sharpness": np.full(1, 14, np.float32), "openness": np.ones(1, np.float32),
        "reached": np.ones((1, 1), np.float32), "lamps": FRONT, "colours": LAMP, "ambient": DARK,
        "gradient": np.zeros((3, 3), np.float32),
    }  # fmt: skip
    return np.asarray(shade(normal, SKIN, *{**values, **changes}.values())[0])


def test_a_surface_that_faces_the_lamp_has_all_its_light() -> None:
    assert _shade(FRONT) == pytest.approx(SKIN[0] * LAMP[0], rel=1e-5)


def test_light_wanders_around_the_edge_most_for_red() -> None:
    wrap = np.array([0.28, 0.16, 0.12])
    assert _shade(RIGHT) == pytest.approx(SKIN[0] * LAMP[0] * wrap / (1 + wrap), rel=1e-5)
    assert _shade(BACK) == pytest.approx(0, abs=1e-7)


def test_light_from_everywhere_and_more_of_it_from_above() -> None:
    ambient = np.array([0.3, 0.2, 0.1], np.float32)
    gradient = np.array([[0, 0, 0], [0.1, 0.1, 0.1], [0, 0, 0]], np.float32)
    none = {"colours": np.zeros((1, 3), np.float32), "ambient": ambient, "gradient": gradient}
    assert _shade(FRONT, **none) == pytest.approx(SKIN[0] * ambient, rel=1e-5)
    up = np.array([[0, 1, 0]], np.float32)
    assert _shade(up, **none) == pytest.approx(SKIN[0] * (ambient + 0.1), rel=1e-5)
    assert _shade(-up, **none) == pytest.approx(SKIN[0] * (ambient - 0.1), abs=1e-6)
    half = {**none, "openness": np.full(1, 0.5, np.float32)}
    assert _shade(FRONT, **half) == pytest.approx(SKIN[0] * ambient / 2, rel=1e-5)


def test_a_highlight_has_the_colour_of_the_lamp_and_needs_its_light() -> None:
    glossy = {"gloss": np.full(1, 0.2, np.float32)}
    assert _shade(FRONT, **glossy) - _shade(FRONT) == pytest.approx(0.2 * LAMP[0], rel=1e-4)
    slanted = np.array([[0, 0.6, 0.8]], np.float32)
    assert _shade(slanted, **glossy) - _shade(slanted) == pytest.approx(0.2 * 0.8**14 * LAMP[0], rel=1e-3)
    shadow = {"reached": np.zeros((1, 1), np.float32), **glossy}
    assert _shade(FRONT, **shadow) == pytest.approx(0, abs=1e-7)


def _wall() -> tuple[np.ndarray, np.ndarray]:
    """A wall of 6 cm before a spot of 1 cm, 5 cm behind its middle."""
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float32)
    wall = np.column_stack([3 * corners, np.full(4, 5)])
    spot = np.column_stack([0.5 * corners, np.zeros(4)])
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    return np.concatenate([wall, spot]).astype(np.float32), np.concatenate([triangles, triangles + 4])


@pytest.fixture(scope="module")
def behind_a_wall() -> Visibility:
    vertices, triangles = _wall()
    return find_visibility([vertices], triangles)


def test_what_is_behind_something_is_not_seen_from_there(behind_a_wall: Visibility) -> None:
    directions, seen = behind_a_wall.directions, behind_a_wall.seen
    assert np.linalg.norm(directions, axis=1) == pytest.approx(1, abs=1e-5)
    front = directions[:, 2] > 0.95
    aside = (directions[:, 2] > 0.45) & (directions[:, 2] < 0.6)
    assert front.sum() >= 2
    assert not seen[4:, front].any()
    assert seen[4:, aside].all()
    assert seen[:4, directions[:, 2] > 0.35].all()
    assert behind_a_wall.openness[:4] == pytest.approx(1, abs=0.01)
    assert (behind_a_wall.openness[4:] < 0.7).all()


def test_what_is_hidden_in_one_pose_counts_if_it_is_seen_in_another() -> None:
    vertices, triangles = _wall()
    aside = vertices.copy()
    aside[:4, 0] += 10
    both = find_visibility([vertices, aside], triangles)
    assert both.seen[4:, both.directions[:, 2] > 0.95].all()


def test_shadows_have_soft_edges(behind_a_wall: Visibility) -> None:
    angles = np.radians(np.arange(0, 75, 3))
    lamps = np.stack([np.sin(angles), 0 * angles, np.cos(angles)], 1).astype(np.float32)
    reached = behind_a_wall.towards(lamps)
    assert reached.shape == (8, len(lamps))
    assert reached.min() >= 0
    assert reached.max() <= 1 + 1e-5
    assert reached[:4, :15] == pytest.approx(1, abs=1e-3)
    spot = reached[4]
    assert spot[0] < 0.15
    assert spot[-1] > 0.9
    assert np.diff(spot).max() < 0.25
    assert ((spot > 0.15) & (spot < 0.85)).sum() >= 4


def test_a_face_shades_its_own_eyes(stage: tuple[Rig, Visibility]) -> None:
    rig, visibility = stage
    assert visibility.seen.shape == (len(rig.neutral), len(visibility.directions))
    assert set(np.unique(visibility.seen)) == {0.0, 1.0}
    back = rig.neutral[:, 2] < -5
    assert not visibility.seen[back][:, visibility.directions[:, 2] > 0.9].any()


def test_drawn_lights_are_plausible_and_repeatable() -> None:
    for seed in range(100):
        light = make_light(np.random.default_rng(seed), infrared=seed % 2 == 0)
        again = make_light(np.random.default_rng(seed), infrared=seed % 2 == 0)
        assert np.array_equal(light.lamps, again.lamps)
        assert 1 <= len(light.lamps) == len(light.colours) <= 3
        assert np.linalg.norm(light.lamps, axis=1) == pytest.approx(1, abs=1e-5)
        assert light.colours.min() >= 0
        assert light.ambient.min() > 0
        assert light.colours.max() < 3
        if seed % 2 == 0:
            assert light.lamps[0, 2] > 0.5  # beside the lens
            assert light.colours[0].max() > 0.3
