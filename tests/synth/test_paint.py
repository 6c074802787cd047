"""Brushes, against places whose share is known."""

from __future__ import annotations

import numpy as np
import pytest

from facefatigue.synth.paint import along, between, distance, inside, mix, noise, spot, step, streaks

FACE = np.random.default_rng(0).uniform(-5, 5, (2000, 3)).astype(np.float32)


def test_steps_mixtures_and_rows_of_colours() -> None:
    assert step(np.array([-50.0, 0.0, 50.0])) == pytest.approx([0, 0.5, 1])
    colours = np.zeros((3, 3))
    mix(colours, np.array([1.0, 0.5, 0.0]), np.array([0.0, 0.5, 2.0]))
    assert colours == pytest.approx(np.array([[0, 0, 0], [0.5, 0.25, 0], [1, 0.5, 0]]))
    row = np.array([[0, 0, 0], [1, 1, 1], [1, 0, 0]], float)
    assert between(row, 0.25) == pytest.approx([0.5, 0.5, 0.5])
    assert between(row, 1.0) == pytest.approx([1, 0, 0])


def test_distances_to_lines() -> None:
    line = np.array([[0, 0, 0], [4, 0, 0], [4, 3, 0]])
    points = np.array([[2, 1, 0], [-3, 0, 4], [5, 2, 0], [4, 5, 0], [4, 1, 2]])
    assert distance(points, line) == pytest.approx([1, 5, 1, 2, 2], abs=1e-4)
    assert distance(points[:, :2], line[:, :2])[1] == pytest.approx(3, abs=1e-4)
    assert along(points, line, 2.0) == pytest.approx(np.exp([-0.25, -6.25, -0.25, -1, -1]), abs=1e-4)


def test_spots_and_outlines() -> None:
    points = np.array([[0, 0, 0], [2, 0, 7], [0, 1, 0]])
    assert spot(points, np.zeros(3), (2.0, 1.0)) == pytest.approx([1, np.exp(-1), np.exp(-1)])
    square = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    shares = inside(np.array([[0.2, 0.3, 9], [0.9, -0.9, -9], [1.5, 0, 0], [3, 0, 0]]), square, soft_cm=0.5)
    assert shares == pytest.approx([1, 1, np.exp(-1), np.exp(-16)], abs=1e-4)


def test_noise_is_of_standard_deviation_one_and_smooth() -> None:
    coarse, fine = (
        np.stack([noise(FACE, np.random.default_rng(number), size_cm=size) for number in range(30)]) for size in (3.0, 0.3)
    )
    for values in (coarse, fine):
        assert np.sqrt((values**2).mean()) == pytest.approx(1, abs=0.1)
    near = noise(FACE + np.float32(0.05), np.random.default_rng(0), size_cm=3.0)
    assert np.abs(near - coarse[0]).mean() < 0.1


def test_streaks_run_along_and_change_across() -> None:
    x = np.linspace(-5, 5, 500)
    across, down = np.stack([x, 0 * x, 0 * x], 1), np.stack([0 * x, x, 0 * x], 1)
    one, other = (streaks(points, np.random.default_rng(1), across=(1.0, 0.0), width_cm=0.2) for points in (across, down))
    assert np.abs(np.diff(one)).mean() > 5 * np.abs(np.diff(other)).mean()
