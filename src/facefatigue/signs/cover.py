"""What hides eyes and mouth from landmark nets, which guess what they cannot see: dark lenses, masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Points of the face mesh. Skin just under either eye, which lies behind a lens where there is one; skin that does not.
_UNDER_EYES = ((22, 23, 24, 229, 230, 231), (252, 253, 254, 449, 450, 451))
_BARE_SKIN = (9, 50, 108, 151, 195, 205, 280, 337, 425)
# Around the mouth, on the lips, and above a mask.
_AROUND_MOUTH = (18, 57, 164, 199, 200, 202, 210, 287, 422, 430)
_LIPS = (0, 17, 37, 84, 267, 314)
_ABOVE_MASK = (9, 108, 117, 151, 195, 337, 346)
_LOOKED_AT = (*_UNDER_EYES, _BARE_SKIN, _AROUND_MOUTH, _LIPS, _ABOVE_MASK)

# Chosen on 54 synthetic people in all kinds of light, 18 with lenses that let 25 % through, 44 with painted masks: no bare
# face counts as covered, 28 % of such light lenses and 82 % of the masks do (docs/signs.md).
DARK_LENS = 0.35
_MASK_COLOUR = 0.15
_LIP_COLOUR = 0.06
# Each place is the mean of 3 x 3 pixels so far apart, in widths between the outer corners of the eyes.
_SPREAD = 0.02
_OUTER_CORNERS = (33, 263)


@dataclass(frozen=True, kw_only=True)
class Cover:
    """Whether something lies before the eyes (left and right of the image) and the mouth."""

    eyes: tuple[bool, bool]
    mouth: bool


def find_cover(rgb: NDArray[np.uint8], points: NDArray[np.float32]) -> Cover:
    """Look for dark lenses and masks.

    An eye is behind a dark lens if the skin just under it is darker than 0.35 of bare skin; deep shadows reach that at one
    eye, hardly at both. A mouth is behind a mask if its surroundings differ in colour from the skin above, and the lips do
    not differ from their surroundings; a mouth that is wide open may seem to be, so only what holds for most of a video
    counts. Masks of the colour of skin, and masks in infrared or black-and-white video, are not recognised.

    Args:
        rgb: (H, W, 3) uint8 RGB, upright.
        points: (478, 3) in pixels, as in :class:`facefatigue.landmarks.FaceReading`.
    """
    colours = _colours(rgb, points, [place for places in _LOOKED_AT for place in places])
    left, right, bare, around, lips, above = np.split(colours, np.cumsum([len(places) for places in _LOOKED_AT])[:-1])
    dark = DARK_LENS * max(float(np.median(_luma(bare))), 1.0)
    around, lips, above = (np.median(_chroma(skin), axis=0) for skin in (around, lips, above))
    mask = np.hypot(*(around - above)) > _MASK_COLOUR and np.hypot(*(lips - around)) < _LIP_COLOUR
    return Cover(eyes=(bool(np.median(_luma(left)) < dark), bool(np.median(_luma(right)) < dark)), mouth=bool(mask))


def _colours(rgb: NDArray[np.uint8], points: NDArray[np.float32], places: list[int]) -> NDArray[np.float64]:
    """(N, 3) mean colour around each point; the edge of the picture stands for what lies beyond it."""
    height, width = rgb.shape[:2]
    one, other = points[list(_OUTER_CORNERS), :2].astype(np.float64)
    step_px = max(1.0, _SPREAD * float(np.hypot(*(one - other))))
    grid = np.stack(np.meshgrid((-1, 0, 1), (-1, 0, 1)), axis=-1).reshape(-1, 2) * step_px
    pixels = np.rint(points[places, None, :2] + grid).astype(np.int64)
    column, row = np.clip(pixels[..., 0], 0, width - 1), np.clip(pixels[..., 1], 0, height - 1)
    return np.asarray(rgb[row, column].mean(axis=1, dtype=np.float64))


def _luma(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) brightness by ITU-R BT.601."""
    return np.asarray(colours @ (0.299, 0.587, 0.114))


def _chroma(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 2) blue and red less brightness, over brightness; 8 grey levels keep the dark from counting as colourful."""
    luma = _luma(colours)[:, None]
    return np.asarray((colours[:, [2, 0]] - luma) / (luma + 8))
