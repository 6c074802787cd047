"""Boxes: overlap, suppression, calibration. All are x0 y0 x1 y1 in pixels, in arrays of (N, 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Boxes = NDArray[np.float64]


def area(boxes: Boxes) -> NDArray[np.float64]:
    """(N,) areas; a box turned inside out has none."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return sides[:, 0] * sides[:, 1]


def overlap(a: Boxes, b: Boxes, measure: Literal["union", "smaller"] = "union") -> NDArray[np.float64]:
    """(N, M) overlap of every box of ``a`` (N, 4) with every box of ``b`` (M, 4), from 0 to 1.

    Args:
        a: (N, 4) boxes.
        b: (M, 4) boxes.
        measure: "union": intersection over union. "smaller": intersection over the smaller of the two.
    """
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.maximum(high - low, 0)
    shared: NDArray[np.float64] = sides[..., 0] * sides[..., 1]
    areas_a, areas_b = area(a)[:, None], area(b)[None, :]
    whole = areas_a + areas_b - shared if measure == "union" else np.minimum(areas_a, areas_b)
    return shared / np.maximum(whole, 1e-9)


def suppress(
    boxes: Boxes, scores: NDArray[np.floating], threshold: float, measure: Literal["union", "smaller"] = "union"
) -> NDArray[np.intp]:
    """Greedy non-maximum suppression.

    Args:
        boxes: (N, 4).
        scores: (N,).
        threshold: A box that overlaps a better one by more than this goes.
        measure: See :func:`overlap`.

    Returns:
        Indices that stay, best first.
    """
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        order = rest[overlap(boxes[best : best + 1], boxes[rest], measure)[0] <= threshold]
    return np.array(kept, dtype=np.intp)


def calibrate(boxes: Boxes, regression: NDArray[np.floating], *, extra_px: float = 0.0) -> Boxes:
    """Move each edge by the share of the box's side that a net asks for.

    Args:
        boxes: (N, 4).
        regression: (N, 4) shares of the width (x0, x1) and the height (y0, y1).
        extra_px: Added to the sides; the published R- and O-Net count pixels inclusively (1), the P-Net does not (0).
    """
    sides = boxes[:, 2:] - boxes[:, :2] + extra_px
    moved: Boxes = boxes + regression * np.concatenate([sides, sides], axis=1)
    return moved


def squared(boxes: Boxes) -> Boxes:
    """The smallest squares around the same centres."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([centres - half, centres + half], axis=1)
