"""The rasteriser, against triangles whose pixels are known."""

from __future__ import annotations

import numpy as np
import pytest

from facefatigue.synth.raster import add_weighted, average, draw, turn_head, vertex_normals

RED, GREEN, BLUE = np.eye(3, dtype=np.float32)


def _canvas(height: int = 12, width: int = 16) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)


def _triangle(points: list[tuple[float, float]], nearness: float = 1.0) -> np.ndarray:
    return np.array([(x, y, nearness) for x, y in points], np.float32)


FRONT = np.array([[0, 1, 2]], np.int32)
CORNER = [(0.0, 0.0), (0.0, 8.0), (8.0, 0.0)]  # anticlockwise for one who sees y run up


def test_covers_the_pixels_whose_centres_lie_inside() -> None:
    image, depth = _canvas()
    draw(image, depth, _triangle(CORNER), FRONT, np.tile(RED, (3, 1)))
    y, x = np.mgrid[:12, :16]
    inside, rim = x + y < 8, x + y == 8
    assert np.array_equal(image[inside], np.tile(RED, (inside.sum(), 1)))
    assert not image[~inside & ~rim].any()


def test_what_faces_away_is_not_drawn() -> None:
    image, depth = _canvas()
    draw(image, depth, _triangle(CORNER), FRONT[:, ::-1].copy(), np.tile(RED, (3, 1)))
    assert not image.any()
    assert not depth.any()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_nearer_triangle_wins_in_any_order(order: tuple[int, int]) -> None:
    image, depth = _canvas()
    points = np.concatenate([_triangle(CORNER, 1.0), _triangle(CORNER, 2.0)])
    colours = np.repeat([RED, GREEN], 3, axis=0).astype(np.float32)
    triangles = np.array([[0, 1, 2], [3, 4, 5]], np.int32)[list(order)]
    draw(image, depth, points, triangles, colours)
    assert np.array_equal(image[2, 2], GREEN)
    assert depth[2, 2] == pytest.approx(2.0)


def test_colours_run_evenly_between_the_corners() -> None:
    image, depth = _canvas()
    draw(image, depth, _triangle(CORNER), FRONT, np.stack([RED, GREEN, BLUE]))
    assert image[2, 3] == pytest.approx([1 - 5 / 8, 2 / 8, 3 / 8], abs=1e-5)


def test_triangles_over_the_edge_are_cut_and_those_outside_left_out() -> None:
    image, depth = _canvas()
    points = np.concatenate(
        [_triangle([(-50, -50), (-50, 200), (200, -50)]), _triangle([(30, 30), (30, 40), (40, 30)], 5.0)]
    )
    draw(image, depth, points, np.array([[0, 1, 2], [3, 4, 5]], np.int32), np.tile(RED, (6, 1)))
    assert (image == RED).all()
    assert depth.max() == pytest.approx(1.0)


def test_normals_of_a_ball_point_outwards() -> None:
    polar, around = np.meshgrid(np.linspace(0.3, 2.8, 20), np.linspace(0, 2 * np.pi, 30, endpoint=False), indexing="ij")
    ball = np.stack([np.sin(polar) * np.sin(around), np.cos(polar), np.sin(polar) * np.cos(around)], axis=2)
    number = np.arange(600).reshape(20, 30)
    right = np.roll(number, -1, axis=1)
    triangles = np.stack([number[:-1], number[1:], right[1:]], axis=2).reshape(-1, 3)
    other = np.stack([number[:-1], right[1:], right[:-1]], axis=2).reshape(-1, 3)
    normals = vertex_normals(ball.reshape(-1, 3).astype(np.float32), np.concatenate([triangles, other]).astype(np.int32))
    assert (normals * ball.reshape(-1, 3)).sum(axis=1).min() > 0.97
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1, abs=1e-5)


def test_a_film_lies_over_what_it_covers_and_hides_nothing_behind_it() -> None:
    image, depth = _canvas()
    points = np.concatenate([_triangle(CORNER, 2.0), _triangle(CORNER, 3.0), _triangle(CORNER, 1.0)])
    colours = np.repeat([RED, GREEN, BLUE], 3, axis=0).astype(np.float32)
    draw(image, depth, points, FRONT, colours)
    draw(image, depth, points, FRONT + 3, colours, alpha=np.full(9, 0.25, np.float32))
    assert image[2, 2] == pytest.approx([0.75, 0.25, 0])
    assert depth[2, 2] == pytest.approx(2.0)
    draw(image, depth, points, FRONT + 6, colours, alpha=np.ones(9, np.float32))  # behind the red one
    assert image[2, 2] == pytest.approx([0.75, 0.25, 0])


def test_expressions_move_only_their_own_vertices() -> None:
    vertices = np.zeros((4, 3), np.float32)
    add_weighted(vertices, np.array([1, 3], np.int32), np.array([[1, 2, 3], [4, 5, 6]], np.float32), np.float32(0.5))
    assert np.array_equal(vertices, [[0, 0, 0], [0.5, 1, 1.5], [0, 0, 0], [2, 2.5, 3]])


def test_the_head_turns_and_the_shoulders_stay() -> None:
    half_turn = np.diag([-1, 1, -1]).astype(np.float32)
    vertices = np.array([[1, 5, 2], [1, -20, 2], [1, -10, 2]], np.float32)
    place = np.array([0, 0, 4], np.float32)
    turned = turn_head(vertices, half_turn, np.zeros(3, np.float32), np.float32(-12), np.float32(-8), place)
    assert turned[0] == pytest.approx([-1, 5, 2])
    assert turned[1] == pytest.approx([1, -20, 6])
    assert turned[2] == pytest.approx([0, -10, 4])  # half-way
    assert np.array_equal(vertices[0], [1, 5, 2])


def test_an_average_is_over_whole_pixels() -> None:
    image = np.arange(4 * 6 * 3, dtype=np.float32).reshape(4, 6, 3)
    small = average(image, 2)
    assert small.shape == (2, 3, 3)
    assert small[1, 2] == pytest.approx(image[2:4, 4:6].mean(axis=(0, 1)))
