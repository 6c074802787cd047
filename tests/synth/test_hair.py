"""Hair, caps and scarves of fifty heads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.synth.hair import HAIR, Head, draw_hair
from facefatigue.synth.parts import join_parts
from facefatigue.synth.raster import vertex_normals

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.synth.parts import Part
    from facefatigue.synth.rig import Rig

SKIN = 0.7


@pytest.fixture(scope="module")
def head(rig: Rig) -> Head:
    return Head(rig, rig.neutral, vertex_normals(rig.neutral, rig.triangles), rig.neutral[rig.marks])


def _drawn(head: Head, seed: int) -> tuple[list[Part], np.ndarray]:
    albedo = np.full(head.face.shape, SKIN)
    return draw_hair(head, HAIR[1], albedo, np.random.default_rng([2, seed])), albedo


def test_every_piece_is_whole(head: Head, check_part: Callable[[Part], None]) -> None:
    kinds = set()
    for seed in range(50):
        parts, albedo = _drawn(head, seed)
        for part in parts:
            check_part(part)
            assert not len(part.films)
            assert part.albedo.max() <= 1
        assert 0 <= albedo.min() <= albedo.max() <= 1
        kinds.add(min(len(parts), 2))
    assert kinds == {0, 1, 2}  # bald heads, shells alone, shells with locks or a brim


def test_hair_lies_outside_the_head(head: Head) -> None:
    upper = head.face[:, 1] > 9  # of the egg, whose middle is at (0, 1, 0.5)
    for seed in range(50):
        parts, _ = _drawn(head, seed)
        if parts:
            shell = (parts[0].vertices - (0, 1, 0.5)) / (7.5, 11, 10)
            assert np.linalg.norm(shell, axis=1).min() > 1
            assert np.linalg.norm(shell, axis=1).max() < 1.7
    assert upper.any()


def test_everything_has_a_side_that_light_falls_on(head: Head) -> None:
    for seed in range(50):
        parts, _ = _drawn(head, seed)
        if parts:
            whole = join_parts(parts)
            normals = vertex_normals(whole.vertices.astype(np.float32), whole.triangles)
            used = np.unique(whole.triangles)
            assert np.linalg.norm(normals[used], axis=1).min() > 0.99
            # Not the rest of a sum that cancels: it stays when everything is moved a little.
            moved = vertex_normals((whole.vertices + 0.013).astype(np.float32), whole.triangles)
            assert (normals * moved)[used].sum(axis=1).min() > 0.9


def test_clothes_and_scalp_are_painted_and_the_face_is_not(head: Head) -> None:
    middle = (np.abs(head.face[:, 0]) < 3) & (np.abs(head.face[:, 1]) < 2) & (head.face[:, 2] > 7)
    assert middle.any()
    for seed in range(50):
        _, albedo = _drawn(head, seed)
        assert np.allclose(albedo[middle], SKIN, atol=0.02)


def test_the_same_seed_gives_the_same_hair(head: Head) -> None:
    for seed in range(10):
        (one, _), (other, _) = _drawn(head, seed), _drawn(head, seed)
        assert len(one) == len(other)
        assert all(np.array_equal(a.vertices, b.vertices) for a, b in zip(one, other, strict=True))
