"""Which way is up: the display matrix of a video, as one of the eight turns and mirrors of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Orientation:
    """How stored pixels become upright ones: first transpose, then flip.

    Attributes:
        transpose: Swap rows and columns first.
        flip_x: Then mirror left-right.
        flip_y: Then mirror up-down.
    """

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @classmethod
    def from_display_matrix(cls, matrix: NDArray[np.int32]) -> Orientation:
        """Read the (3, 3) int32 fixed-point matrix of the ISO base media format (ISO/IEC 14496-12, 8.2.2).

        A stored point (x, y) is shown at (a·x + c·y, b·x + d·y) with matrix rows (a, b, u), (c, d, v), (x, y, w). Turns that
        are no multiple of 90° are taken as the nearest one.
        """
        (a, b), (c, d) = matrix[:2, :2].astype(np.int64).tolist()
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(flip_x=a < 0, flip_y=d < 0)
        return cls(transpose=True, flip_x=c < 0, flip_y=b < 0)

    @property
    def mirrored(self) -> bool:
        """Whether the picture is mirrored, not only turned."""
        return self.transpose ^ self.flip_x ^ self.flip_y

    @property
    def rotation_deg(self) -> int:
        """Clockwise turn, in degrees (0, 90, 180, 270), applied after the left-right mirror if there is one."""
        # Where the stored picture's right-hand direction ends up, before the mirror is taken into account:
        # down (90) or up (270) after a transpose, else right (0) or left (180).
        reversed_, base = (self.flip_y, 90) if self.transpose else (self.flip_x, 0)
        turn = base + 180 * reversed_
        return (turn + 180) % 360 if self.mirrored else turn

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn (H, W, C) stored pixels upright; returns a C-contiguous array, the same one when there is nothing to do."""
        if self.transpose:
            image = image.transpose(1, 0, 2)
        if self.flip_y:
            image = image[::-1]
        if self.flip_x:
            image = image[:, ::-1]
        return np.ascontiguousarray(image)

    def upright_size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) after :meth:`apply`."""
        return (height, width) if self.transpose else (width, height)
