"""A z-buffer rasteriser: triangles with a colour at each corner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@numba.njit(cache=True, fastmath=True, nogil=True)
def vertex_normals(vertices, triangles):  # type: ignore[no-untyped-def]
    """(V, 3) float32 unit normals of (V, 3) float32 vertices, averaged over the (T, 3) triangles that meet there."""
    normals = np.zeros_like(vertices)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        vx, vy, vz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for corner in (a, b, c):
            normals[corner, 0] += nx
            normals[corner, 1] += ny
            normals[corner, 2] += nz
    for v in range(normals.shape[0]):
        length = np.sqrt(normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2) + 1e-12
        normals[v, 0] /= length
        normals[v, 1] /= length
        normals[v, 2] /= length
    return normals


@numba.njit(cache=True, fastmath=True, nogil=True)
def _fill(image, depth, points, triangles, colours):  # type: ignore[no-untyped-def]
    height, width = depth.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, az = points[a, 0], points[a, 1], points[a, 2]
        bx, by, bz = points[b, 0], points[b, 1], points[b, 2]
        cx, cy, cz = points[c, 0], points[c, 1], points[c, 2]
        twice = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if twice > -1e-9:  # seen from behind (the image's y runs down)
            continue
        x0 = max(int(np.ceil(min(ax, bx, cx))), 0)
        x1 = min(int(np.floor(max(ax, bx, cx))), width - 1)
        y0 = max(int(np.ceil(min(ay, by, cy))), 0)
        y1 = min(int(np.floor(max(ay, by, cy))), height - 1)
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                wa = ((bx - x) * (cy - y) - (cx - x) * (by - y)) / twice
                wb = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) / twice
                wc = 1.0 - wa - wb
                if wa < 0 or wb < 0 or wc < 0:
                    continue
                z = wa * az + wb * bz + wc * cz
                if z > depth[y, x]:
                    depth[y, x] = z
                    for k in range(3):
                        image[y, x, k] = wa * colours[a, k] + wb * colours[b, k] + wc * colours[c, k]


def draw(
    image: NDArray[np.float32],
    depth: NDArray[np.float32],
    points: NDArray[np.float32],
    triangles: NDArray[np.int32],
    colours: NDArray[np.float32],
) -> None:
    """Draw triangles into an image in place; pixel centres are whole numbers, y runs down.

    Args:
        image: (H, W, 3) float32.
        depth: (H, W) float32; what is drawn must be nearer than what stands there (greater is nearer).
        points: (V, 3) float32: x and y in pixels, and nearness.
        triangles: (T, 3) int32, anticlockwise as seen from the front with y up.
        colours: (V, 3) float32.
    """
    _fill(image, depth, points, triangles, colours)
