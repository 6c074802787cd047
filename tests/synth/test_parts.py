"""Pieces and how they are put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.synth.parts import band, join_parts, plain_part
from facefatigue.synth.raster import vertex_normals

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.synth.parts import Part

GREY = np.full(3, 0.5)


def test_solid_or_film(check_part: Callable[[Part], None]) -> None:
    corners, triangle = np.eye(3), np.array([[0, 1, 2]])
    solid = plain_part(corners, triangle, GREY, gloss=0.3)
    film = plain_part(corners, triangle, GREY, alpha=np.array([0.1, 0.2, 0.3]))
    for part in (solid, film):
        check_part(part)
    assert (len(solid.triangles), len(solid.films)) == (1, 0)
    assert (len(film.triangles), len(film.films)) == (0, 1)
    assert solid.gloss == pytest.approx(0.3)

    both = join_parts([solid, film])
    check_part(both)
    assert both.triangles.tolist() == [[0, 1, 2]]
    assert both.films.tolist() == [[3, 4, 5]]
    assert both.alpha == pytest.approx([0, 0, 0, 0.1, 0.2, 0.3])


@pytest.mark.parametrize(("closed", "triangles"), [(False, 2 * 2 * 5), (True, 2 * 2 * 6)])
def test_both_sides_of_a_band_have_normals(check_part: Callable[[Part], None], closed: bool, triangles: int) -> None:
    row = np.linspace(0, 5, 6)
    one = np.stack([row, 0 * row, np.sin(row)], 1)
    part = band(one, one + [0, 1, 0], GREY, closed=closed)
    check_part(part)
    assert len(part.triangles) == triangles
    normals = vertex_normals(part.vertices.astype(np.float32), part.triangles)
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1, abs=1e-4)
    assert np.allclose(normals[:12], -normals[12:], atol=1e-5)
