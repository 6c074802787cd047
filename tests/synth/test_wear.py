"""Glasses and hands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.synth.parts import join_parts
from facefatigue.synth.raster import vertex_normals
from facefatigue.synth.rig import EYES
from facefatigue.synth.wear import draw_glasses, draw_hand

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.synth.parts import Part
    from facefatigue.synth.rig import Rig

SKIN = np.array([0.7, 0.5, 0.4])


@pytest.fixture(scope="module")
def marks(rig: Rig) -> np.ndarray:
    return rig.neutral[rig.marks]


def test_glasses_sit_before_both_eyes(marks: np.ndarray, check_part: Callable[[Part], None]) -> None:
    for seed in range(50):
        parts = draw_glasses(marks, np.random.default_rng(seed))
        for part in parts:
            check_part(part)
        whole = join_parts(parts)
        assert len(whole.films) >= 2 * 28  # a lens is a fan of 28
        lenses = whole.vertices[np.unique(whole.films)]
        for eye in EYES:
            centre = marks[eye].mean(axis=0)
            near = lenses[np.sign(lenses[:, 0]) == np.sign(centre[0])]
            assert (near.min(axis=0)[:2] < centre[:2]).all()
            assert (near.max(axis=0)[:2] > centre[:2]).all()
            assert near[:, 2].min() > marks[eye, 2].max()
        normals = vertex_normals(whole.vertices.astype(np.float32), whole.triangles)
        assert np.linalg.norm(normals[np.unique(whole.triangles)], axis=1).min() > 0.99


def test_some_lenses_are_dark_and_most_clear(marks: np.ndarray) -> None:
    darkest = [draw_glasses(marks, np.random.default_rng(seed)) for seed in range(150)]
    glass = np.array([max(part.alpha.min() for part in parts if len(part.films) == 28) for parts in darkest])
    assert 0.01 < (glass > 0.3).mean() < 0.2
    assert (glass < 0.1).mean() > 0.8


@pytest.mark.parametrize(("place", "mark"), [("mouth", 57), ("eye", 37), ("cheek", 3), ("chin", 8)])
def test_a_hand_is_at_its_place(marks: np.ndarray, check_part: Callable[[Part], None], place: str, mark: int) -> None:
    sides = set()
    for seed in range(50):
        hand = draw_hand(place, marks, SKIN, np.random.default_rng(seed))
        check_part(hand)
        assert np.abs(hand.albedo / SKIN - 1).max() < 0.2
        spots = [marks[mark] * (side, 1, 1) for side in (-1, 1)]
        gaps = [np.linalg.norm(hand.vertices[:, :2] - spot[:2], axis=1).min() for spot in spots]
        assert min(gaps) < 3
        sides.add(int(np.sign(hand.vertices[:, 0].mean())))
        # Seen from outside everywhere: the volume that its triangles enclose is positive.
        a, b, c = (hand.vertices[hand.triangles[:, corner]] for corner in range(3))
        assert np.einsum("ij,ij->", a, np.cross(b, c)) / 6 > 50
    assert sides == {-1, 1}
