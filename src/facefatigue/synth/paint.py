"""Brushes: where on a face something is painted, as a share for every vertex."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Points = NDArray[np.floating]
    Shares = NDArray[np.float64]


def step(value: Points) -> Shares:
    """A soft step from 0 to 1 around 0."""
    return np.asarray(0.5 * (1 + np.tanh(value / 2)))


def mix(colours: NDArray[np.float64], colour: NDArray[np.float64], share: Points) -> None:
    """Move (V, 3) colours in place towards another by a share (V,) of the way."""
    colours += np.clip(share, 0, 1)[:, None] * (colour - colours)


def between(colours: NDArray[np.float64], where: float) -> NDArray[np.float64]:
    """(3,) the colour at a place from 0 to 1 along a row (C, 3) of colours."""
    position = where * (len(colours) - 1)
    low = min(int(position), len(colours) - 2)
    return np.asarray(colours[low] + (position - low) * (colours[low + 1] - colours[low]), np.float64)


def noise(face: Points, rng: np.random.Generator, *, size_cm: float) -> Shares:
    """(V,) smooth noise over the face of standard deviation 1: a sum of plane waves of random direction."""
    waves = rng.normal(0, 1 / size_cm, (12, 3)).astype(np.float32)
    phase = rng.uniform(0, 2 * np.pi, 12).astype(np.float32)
    return np.asarray(np.sqrt(2 / 12) * np.cos(face.astype(np.float32) @ waves.T + phase).sum(axis=1), np.float64)


def streaks(face: Points, rng: np.random.Generator, *, across: tuple[float, float], width_cm: float) -> Shares:
    """(V,) noise that runs in streaks, like hairs: fast across a direction (x, y), slow along it.

    Standard deviation 1.
    """
    over = face[:, 0] * across[0] + face[:, 1] * across[1]
    frequency = rng.normal(0, 1 / width_cm, 8)
    slow = 0.3 * face @ rng.normal(0, 1, (3, 8))
    waves = (over[:, None] * frequency + slow + rng.uniform(0, 2 * np.pi, 8)).astype(np.float32)
    return np.asarray(np.sqrt(2 / 8) * np.cos(waves).sum(axis=1), np.float64)


def spot(face: Points, centre: Points, size_cm: tuple[float, float]) -> Shares:
    """(V,) a soft round patch of half-widths (x, y), as seen from the front."""
    away = ((face[:, 0] - centre[0]) / size_cm[0]) ** 2 + ((face[:, 1] - centre[1]) / size_cm[1]) ** 2
    return np.asarray(np.exp(-away), np.float64)


def along(face: Points, line: Points, width_cm: float, *, sharpness: float = 2) -> Shares:
    """(V,) 1 on a polyline (P, 3), falling off over ``width_cm`` on both sides; larger sharpness gives a harder edge."""
    return np.asarray(np.exp(-((distance(face, line) / width_cm) ** sharpness)), np.float64)


def distance(face: Points, line: Points) -> Shares:
    """(V,) distance of every vertex (V, D) to a polyline (P, D), D being 2 or 3, in centimetres."""
    return np.asarray(_distance(np.ascontiguousarray(face, np.float32), np.ascontiguousarray(line, np.float32)), np.float64)


@numba.njit(cache=True, fastmath=True, nogil=True)
def _distance(face, line):  # type: ignore[no-untyped-def]
    best = np.empty(face.shape[0], np.float32)
    depth = face.shape[1]
    for v in range(face.shape[0]):
        nearest = np.float32(1e30)
        for p in range(line.shape[0] - 1):
            dot, length = np.float32(0), np.float32(1e-9)
            for k in range(depth):
                way = line[p + 1, k] - line[p, k]
                dot += (face[v, k] - line[p, k]) * way
                length += way * way
            share = min(max(dot / length, np.float32(0)), np.float32(1))
            away = np.float32(0)
            for k in range(depth):
                rest = face[v, k] - line[p, k] - share * (line[p + 1, k] - line[p, k])
                away += rest * rest
            nearest = min(nearest, away)
        best[v] = np.sqrt(nearest)
    return best


def inside(face: Points, outline: Points, *, soft_cm: float) -> Shares:
    """(V,) 1 inside an outline (P, 3) as seen from the front, 0 outside, soft at the edge."""
    closed = np.concatenate([outline, outline[:1]])[:, :2]
    x, y = face[:, 0], face[:, 1]
    crossings = np.zeros(len(face), bool)
    for (x0, y0), (x1, y1) in itertools.pairwise(closed):
        spans = (y0 > y) != (y1 > y)
        crossings ^= spans & (x < (x1 - x0) * (y - y0) / (y1 - y0 + 1e-12) + x0)
    return np.where(crossings, 1.0, np.exp(-((distance(face[:, :2], closed) / soft_cm) ** 2)))
