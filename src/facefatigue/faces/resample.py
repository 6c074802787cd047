"""Area averaging: every output pixel is the mean of the whole input pixels it touches.

This is the resampling that MTCNN's published figures rest on (adaptive average pooling): output i of n covers the input
pixels from floor(i * N / n) up to ceil((i + 1) * N / n). Means come from differences of running sums, which cost the same
whatever the ratio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray


class AreaSampler:
    """Averages one image down (or up) to many sizes; the sums over its rows are shared by all of them.

    Args:
        image: (H, W, 3) uint8.
    """

    def __init__(self, image: NDArray[np.uint8]) -> None:
        height, width = image.shape[:2]
        # uint32 may wrap around: differences stay right as long as one output pixel sums less than 2**32 / 255 pixels.
        self._rows = np.zeros((height + 1, width, 3), np.uint32)
        np.cumsum(image, axis=0, dtype=np.uint32, out=self._rows[1:])

    def resize(self, width: int, height: int) -> NDArray[np.float32]:
        """(height, width, 3) float32 means, 0 to 255."""
        top, bottom = _edges(self._rows.shape[0] - 1, height)
        left, right = _edges(self._rows.shape[1], width)
        bands = self._rows[bottom] - self._rows[top]
        columns = np.zeros((height, bands.shape[1] + 1, 3), np.uint32)
        np.cumsum(bands, axis=1, dtype=np.uint32, out=columns[:, 1:])
        sums = (columns[:, right] - columns[:, left]).astype(np.float32)
        sums /= ((bottom - top)[:, None] * (right - left)[None, :])[..., None].astype(np.float32)
        return sums


def _edges(inputs: int, outputs: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    index = np.arange(outputs + 1, dtype=np.int64) * inputs
    return index[:-1] // outputs, -(-index[1:] // outputs)


def reduce_frame(rgb: NDArray[np.uint8], max_side_px: int) -> NDArray[np.uint8]:
    """The frame averaged down so that its longer side is at most ``max_side_px``; the same array when it already is."""
    height, width = rgb.shape[:2]
    longer = max(height, width)
    if longer <= max_side_px:
        return rgb
    size = (max(round(width * max_side_px / longer), 1), max(round(height * max_side_px / longer), 1))
    image = Image.fromarray(rgb[:: _step(longer, max_side_px), :: _step(longer, max_side_px)])
    return np.asarray(image.resize(size, Image.Resampling.BOX, reducing_gap=2.0))


def _step(longer: int, max_side_px: int) -> int:
    # From four times the wanted size on, every second pixel already averages over at least four.
    return max(longer // (4 * max_side_px) + 1, 1) if longer >= 4 * max_side_px else 1


def sample_boxes(
    rgb: NDArray[np.uint8], boxes: NDArray[np.float64], side_px: int, *, exact_up_to_px: int = 1024, stretch: bool = True
) -> NDArray[np.float32]:
    """Cut boxes out of a frame and average each to a square.

    Args:
        rgb: (H, W, 3) uint8.
        boxes: (N, 4) x0 y0 x1 y1, counted from 1 as in the published code: pixels x0 - 1 up to x1 - 1, cut to whole numbers.
        side_px: Side of the squares.
        exact_up_to_px: Boxes with longer sides are first reduced by a whole factor to no less than half of this, which is
            faster and differs by a few grey levels at sharp edges.
        stretch: What to do with a box that reaches beyond the frame: stretch its inner part over the square (True, as in
            the reference detector), or keep its shape and leave the rest black (False).

    Returns:
        (N, side_px, side_px, 3) float32, 0 to 255; black for boxes outside the frame.
    """
    height, width = rgb.shape[:2]
    out = np.zeros((len(boxes), side_px, side_px, 3), np.float32)
    if not stretch:
        # Never paint more black than picture: a box may lie mostly, or absurdly far, outside.
        boxes = np.clip(boxes, [-width, -height, 0, 0], [width, height, 2 * width, 2 * height])
    for index, (x0, y0, x1, y1) in enumerate(np.trunc(boxes).astype(np.int64).tolist()):
        inside = rgb[max(y0 - 1, 0) : max(min(y1, height), 0), max(x0 - 1, 0) : max(min(x1, width), 0)]
        if not inside.size:
            continue
        if not stretch:
            inside = _pad(inside, max(1 - x0, 0), max(1 - y0, 0), max(x1 - width, 0), max(y1 - height, 0))
        side = min(inside.shape[:2])
        if side > exact_up_to_px:
            factor = 2 * side // exact_up_to_px
            inside = np.asarray(Image.fromarray(np.ascontiguousarray(inside)).reduce(factor))
        out[index] = AreaSampler(inside).resize(side_px, side_px)
    return out


def _pad(image: NDArray[np.uint8], left: int, top: int, right: int, bottom: int) -> NDArray[np.uint8]:
    if not (left or top or right or bottom):
        return image
    return np.pad(image, ((top, bottom), (left, right), (0, 0)))
