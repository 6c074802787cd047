"""Light: lamps and windows from any direction, a glow from all around, and the shadows that a face throws on itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba
import numpy as np

from facefatigue.synth.raster import draw, vertex_normals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DIRECTIONS = 96
_SIDE_PX = 160
_REACH_CM = 17.0
_DULL = np.float32(0.6)  # a highlight of exponent 14 is below 0.001 there
_AWAY = np.float32(-0.35)  # turned so far from the camera, a vertex is only ever at the edge of what is seen
_BIAS_CM = 0.35  # what lies less deep than this under the surface that the lamp sees still counts as lit


@dataclass(frozen=True, kw_only=True, eq=False)
class Light:
    """The light of a scene; directions are those of the camera, x to the right of the picture, y up, z to the camera.

    Attributes:
        lamps: (L, 3) float32 unit directions towards the lamps.
        colours: (L, 3) float32 RGB of the lamps.
        ambient: (3,) float32 RGB of the light from everywhere.
        gradient: (3, 3) float32: how much of each colour (columns) comes more from each direction (rows); with the ambient
            light the first order of spherical harmonics (Ramamoorthi & Hanrahan, SIGGRAPH 2001).
    """

    lamps: NDArray[np.float32]
    colours: NDArray[np.float32]
    ambient: NDArray[np.float32]
    gradient: NDArray[np.float32]


def make_light(rng: np.random.Generator, *, infrared: bool = False) -> Light:
    """Draw the light of a scene: rooms, windows at one side, lamps above, screens below, the infrared lamp of a camera."""
    count = int(rng.choice([0, 1, 2, 3], p=[0.12, 0.44, 0.32, 0.12]))
    lamps = rng.normal([0.0, 0.35, 0.6], [0.9, 0.6, 0.5], (max(count, 1), 3))
    strength = rng.uniform(0.25, 1.1, max(count, 1)) * (1.0 if count else 0.0)
    warmth = _tints(rng, max(count, 1))
    ambient = rng.uniform(0.12, 0.65) * _tints(rng, 1)[0]
    if infrared:  # a lamp beside the lens
        lamps[0], strength[0] = rng.normal([0, 0, 1], [0.25, 0.2, 0.05]), rng.uniform(0.5, 1.1)
        ambient = ambient * rng.uniform(0.1, 0.8)
    slant = rng.normal([0, 0.25, 0.1], [0.35, 0.3, 0.25])
    gradient = slant[:, None] * ambient * rng.uniform(0.8, 1.2, (3, 3))
    lamps /= np.linalg.norm(lamps, axis=1, keepdims=True)
    return Light(
        lamps=lamps.astype(np.float32),
        colours=(strength[:, None] * warmth).astype(np.float32),
        ambient=ambient.astype(np.float32),
        gradient=gradient.astype(np.float32),
    )


def _tints(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """(count, 3) colours of lamps and rooms: from candle light to blue sky, seldom greenish."""
    warmth = rng.normal(0.05, 0.12, count)
    green = rng.normal(0, 0.025, count)
    return np.exp(np.stack([warmth, green, -1.3 * warmth], 1))


@dataclass(frozen=True, eq=False)
class Visibility:
    """Which directions each vertex of a head sees past the rest of the head.

    Attributes:
        directions: (D, 3) float32 unit directions, evenly spread over the front three quarters of the sphere.
        seen: (V, D) float32, 0 or 1.
        openness: (V,) float32 in [0, 1]: the share of an even light that reaches the vertex, 1 where nothing is in its way.
    """

    directions: NDArray[np.float32]
    seen: NDArray[np.float32]
    openness: NDArray[np.float32]

    def towards(self, lamps: NDArray[np.float32]) -> NDArray[np.float32]:
        """(V, L) float32 share of each lamp (L, 3) that reaches the vertices, soft at the edge of a shadow."""
        weights = np.exp(14.0 * (self.directions @ lamps.T - 1))  # (D, L): about 15 degrees around the lamp
        weights = (weights / weights.sum(axis=0)).astype(np.float32)
        return np.asarray(self.seen @ weights, np.float32)


def find_visibility(poses: Sequence[NDArray[np.float32]], triangles: NDArray[np.int32]) -> Visibility:
    """Look at a head from every direction, and note which vertices can be seen from there.

    Args:
        poses: (V, 3) float32 cm, several faces that the head makes: what is hidden in one (a lid that is folded away, the
            inside of a closed mouth) counts as seen if it is seen in another, for it is drawn only then.
        triangles: (T, 3) int32 of what throws shadows.
    """
    number = np.arange(DIRECTIONS) + 0.5
    depth = 1 - 1.6 * number / DIRECTIONS  # z from 1 down to -0.6
    around = np.pi * (1 + 5**0.5) * number  # Fibonacci lattice
    flat = np.sqrt(1 - depth**2)
    directions = np.stack([flat * np.cos(around), flat * np.sin(around), depth], 1).astype(np.float32)
    seen = np.zeros((len(poses[0]), DIRECTIONS), np.float32)
    openness = np.zeros(len(poses[0]), np.float32)
    for vertices in poses:
        now = np.stack([_seen_from(direction, vertices, triangles) for direction in directions], 1).astype(np.float32)
        cosine = np.clip(vertex_normals(vertices, triangles) @ directions.T, 0, 1)
        openness = np.maximum(openness, (now * cosine).sum(axis=1) / np.maximum(cosine.sum(axis=1), 1e-3))
        seen = np.maximum(seen, now)
    return Visibility(directions, seen, openness.astype(np.float32))


def _seen_from(
    direction: NDArray[np.float32], vertices: NDArray[np.float32], triangles: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """(V,) whether nothing lies between a vertex and what is far away in a direction."""
    right = np.cross([0, 1, 0.01], direction)
    right /= np.linalg.norm(right)
    basis = np.stack([right, np.cross(direction, right), direction]).astype(np.float32)
    along = (vertices - np.array([0.0, 0.0, 2.0], np.float32)) @ basis.T  # right, up, nearness
    scale = _SIDE_PX / (2 * _REACH_CM)
    points = np.stack([_SIDE_PX / 2 + scale * along[:, 0], _SIDE_PX / 2 - scale * along[:, 1], along[:, 2] + 100], 1)
    buffer = np.zeros((_SIDE_PX, _SIDE_PX), np.float32)
    image = np.empty((_SIDE_PX, _SIDE_PX, 3), np.float32)
    draw(image, buffer, np.ascontiguousarray(points, np.float32), triangles, np.zeros_like(vertices))
    column = np.clip(np.rint(points[:, 0]).astype(int), 0, _SIDE_PX - 1)
    row = np.clip(np.rint(points[:, 1]).astype(int), 0, _SIDE_PX - 1)
    return np.asarray(points[:, 2] > buffer[row, column] - _BIAS_CM)


@numba.njit(cache=True, fastmath=True, nogil=True)
def shade(normals, albedo, gloss, sharpness, openness, reached, lamps, colours, ambient, gradient):  # type: ignore[no-untyped-def]  # noqa: PLR0917
    """(V, 3) float32 light that comes from vertices to the camera.

    Lambert's law, wrapped a little around the edge of the shadow and most for red, as light does that wanders through skin;
    plus a highlight after Blinn and Phong.

    Args:
        normals: (V, 3) float32 unit normals in the camera's frame.
        albedo: (V, 3) float32, 0 to 1.
        gloss: (V,) float32 strength of the highlight.
        sharpness: (V,) float32 exponent of the highlight.
        openness: (V,) float32 share of the light from everywhere that arrives.
        reached: (V, L) float32 share of each lamp that arrives.
        lamps: (L, 3) float32 as in :class:`Light`, and so are the next three.
        colours: (L, 3) float32.
        ambient: (3,) float32.
        gradient: (3, 3) float32.
    """
    wrap = (np.float32(0.28), np.float32(0.16), np.float32(0.12))
    count, lights = normals.shape[0], lamps.shape[0]
    lit = np.empty((count, 3), np.float32)
    half = np.empty((lights, 3), np.float32)
    for j in range(lights):
        x, y, z = lamps[j, 0], lamps[j, 1], lamps[j, 2] + 1
        length = np.sqrt(x * x + y * y + z * z) + 1e-6
        half[j, 0], half[j, 1], half[j, 2] = x / length, y / length, z / length
    for v in range(count):
        nx, ny, nz = normals[v, 0], normals[v, 1], normals[v, 2]
        for k in range(3):
            around = ambient[k] + gradient[0, k] * nx + gradient[1, k] * ny + gradient[2, k] * nz
            lit[v, k] = albedo[v, k] * max(around, 0.0) * openness[v]
        if nz < _AWAY:
            continue
        for j in range(lights):
            facing = nx * lamps[j, 0] + ny * lamps[j, 1] + nz * lamps[j, 2]
            share = reached[v, j]
            bright = nx * half[j, 0] + ny * half[j, 1] + nz * half[j, 2]
            shine = gloss[v] * share * bright ** sharpness[v] if bright > _DULL and facing > 0 else np.float32(0)
            for k in range(3):
                diffuse = max((facing + wrap[k]) / (1 + wrap[k]), 0.0)
                lit[v, k] += colours[j, k] * (albedo[v, k] * diffuse * share + shine)
    return lit
