"""Geometry on the CPU: moving vertices, their normals, and a z-buffer rasteriser of triangles with a colour at each corner.

Everything here is compiled by numba and works in place on float32 arrays, because it runs for every frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@numba.njit(cache=True, fastmath=True, nogil=True)
def add_weighted(vertices, numbers, deltas, weight):  # type: ignore[no-untyped-def]
    """Add weight × (D, 3) deltas to the vertices with the (D,) numbers, in place."""
    for d in range(numbers.shape[0]):
        v = numbers[d]
        vertices[v, 0] += weight * deltas[d, 0]
        vertices[v, 1] += weight * deltas[d, 1]
        vertices[v, 2] += weight * deltas[d, 2]


@numba.njit(cache=True, fastmath=True, nogil=True)
def turn_head(vertices, rotation, pivot, still_cm, moved_cm, place):  # type: ignore[no-untyped-def]  # noqa: PLR0917
    """(V, 3) vertices turned about a pivot, and shifted; below ``still_cm`` they stay, from ``moved_cm`` they turn fully."""
    turned = np.empty_like(vertices)
    for v in range(vertices.shape[0]):
        x, y, z = vertices[v, 0] - pivot[0], vertices[v, 1] - pivot[1], vertices[v, 2] - pivot[2]
        share = min(max((vertices[v, 1] - still_cm) / (moved_cm - still_cm), 0.0), 1.0)
        share = share * share * (3 - 2 * share)
        for k in range(3):
            full = rotation[k, 0] * x + rotation[k, 1] * y + rotation[k, 2] * z + pivot[k]
            turned[v, k] = vertices[v, k] + share * (full - vertices[v, k]) + place[k]
    return turned


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
def _fill(image, depth, points, triangles, colours, alpha, blend):  # type: ignore[no-untyped-def]  # noqa: PLR0917
    height, width = depth.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay = points[a, 0], points[a, 1]
        bx, by = points[b, 0], points[b, 1]
        cx, cy = points[c, 0], points[c, 1]
        twice = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if twice > np.float32(-1e-9):  # seen from behind (the image's y runs down)
            continue
        low_x, high_x, low_y, high_y = min(ax, bx, cx), max(ax, bx, cx), min(ay, by, cy), max(ay, by, cy)
        if high_x < 0 or high_y < 0 or low_x > width - 1 or low_y > height - 1:
            continue
        x0, x1 = max(np.int32(np.ceil(low_x)), np.int32(0)), min(np.int32(high_x), np.int32(width - 1))
        y0, y1 = max(np.int32(np.ceil(low_y)), np.int32(0)), min(np.int32(high_y), np.int32(height - 1))
        if x0 > x1 or y0 > y1:
            continue
        az, bz, cz = points[a, 2], points[b, 2], points[c, 2]
        part = np.float32(1) / twice
        # Shares of the corners a and b, and how they change for one pixel to the right and down.
        right_a, right_b = (by - cy) * part, (cy - ay) * part
        down_a, down_b = (cx - bx) * part, (ax - cx) * part
        left, top = np.float32(x0), np.float32(y0)
        row_a = ((bx - left) * (cy - top) - (cx - left) * (by - top)) * part
        row_b = ((cx - left) * (ay - top) - (ax - left) * (cy - top)) * part
        for y in range(y0, y1 + 1):
            wa, wb = row_a, row_b
            for x in range(x0, x1 + 1):
                wc = np.float32(1) - wa - wb
                if wa >= 0 and wb >= 0 and wc >= 0:
                    z = wa * az + wb * bz + wc * cz
                    if z > depth[y, x]:
                        if blend:
                            share = wa * alpha[a] + wb * alpha[b] + wc * alpha[c]
                            for k in range(3):
                                colour = wa * colours[a, k] + wb * colours[b, k] + wc * colours[c, k]
                                image[y, x, k] += share * (colour - image[y, x, k])
                        else:
                            depth[y, x] = z
                            for k in range(3):
                                image[y, x, k] = wa * colours[a, k] + wb * colours[b, k] + wc * colours[c, k]
                wa += right_a
                wb += right_b
            row_a += down_a
            row_b += down_b


def draw(
    image: NDArray[np.float32],
    depth: NDArray[np.float32],
    points: NDArray[np.float32],
    triangles: NDArray[np.int32],
    colours: NDArray[np.float32],
    *,
    alpha: NDArray[np.float32] | None = None,
) -> None:
    """Draw triangles into an image in place; pixel centres are whole numbers, y runs down.

    Args:
        image: (H, W, 3) float32.
        depth: (H, W) float32; what is drawn must be nearer than what stands there (greater is nearer).
        points: (V, 3) float32: x and y in pixels, and nearness.
        triangles: (T, 3) int32, anticlockwise as seen from the front with y up.
        colours: (V, 3) float32.
        alpha: (V,) float32, 0 to 1: drawn as a film over what stands there, which leaves the depth as it is. None: solid.
    """
    _fill(image, depth, points, triangles, colours, _OPAQUE if alpha is None else alpha, alpha is not None)


_OPAQUE = np.zeros(1, np.float32)


@numba.njit(cache=True, fastmath=True, nogil=True)
def average(image, over):  # type: ignore[no-untyped-def]
    """(H, W, 3) float32 means over ``over`` × ``over`` pixels of (H·over, W·over, 3)."""
    height, width = image.shape[0] // over, image.shape[1] // over
    small = np.zeros((height, width, 3), np.float32)
    part = np.float32(1.0 / (over * over))
    for y in range(height * over):
        for x in range(width * over):
            for k in range(3):
                small[y // over, x // over, k] += part * image[y, x, k]
    return small
