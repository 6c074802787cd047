"""Heat on pictures: colours, blending, the drawn face that stands in for a person, and heat in its place in a frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from facefatigue.explain.regions import BROWS, OVAL, average_face
from facefatigue.faces.align import eye_transform
from facefatigue.landmarks.follow import FIVE_POINTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefatigue.explain.attribution import Attribution

# Of matplotlib; lighter as heat grows, in grey and with any colour vision. Its darkest third would look like shadows.
_COLOUR_MAP, _LEAST_COLOUR = "inferno", 0.35
# Heat h covers the picture by _MOST_COVER · h^_POWER, so that weak heat is seen and the face stays visible.
_MOST_COVER, _POWER = 0.8, 0.7
_GREY = 127.5
_GUIDED_QUANTILE = 0.995

# Rings and lines of the face mesh for the drawn face.
_LIDS = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249),
)
_IRISES = ((468, 469, 470, 471, 472), (473, 474, 475, 476, 477))  # centre and rim
_LIPS = (
    (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146),
    (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95),
)
_NOSE_LINES = ((168, 6, 197, 195, 5, 4), (64, 98, 97, 2, 326, 327, 294))
_FINER = 4


def heat_colours(heat: NDArray[np.float32]) -> NDArray[np.float32]:
    """The colours of heat.

    Args:
        heat: Any shape, in [0, 1].

    Returns:
        The shape with 3 more, float32 RGB in [0, 255].
    """
    levels = np.clip(np.rint(heat * 255), 0, 255).astype(np.uint8)
    return _palette()[levels]


@lru_cache(maxsize=1)
def _palette() -> NDArray[np.float32]:
    from matplotlib import colormaps  # slow to import

    return np.asarray(colormaps[_COLOUR_MAP](np.linspace(_LEAST_COLOUR, 1, 256))[:, :3] * 255, np.float32)


def blend(rgb: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Lay heat over a picture.

    Args:
        rgb: (H, W, 3) uint8.
        heat: (H, W) float32 in [0, 1].

    Returns:
        (H, W, 3) uint8.
    """
    cover = np.float32(_MOST_COVER) * np.clip(heat, 0, 1)[..., None] ** np.float32(_POWER)
    mixed = np.asarray(rgb * (1 - cover) + heat_colours(heat) * cover + np.float32(0.5))
    return np.asarray(mixed.astype(np.uint8))


def gradient_picture(colour: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Signed values of colours around grey; the 0.5 % strongest are cut, so that one pixel does not hide all others.

    Args:
        colour: (T, H, W, 3) float32 of one clip.

    Returns:
        (T, H, W, 3) uint8.
    """
    levels: NDArray[np.float32] = np.clip(_GREY + colour * (_GREY / (_strongest(colour) or 1.0)), 0, 255)
    return levels.astype(np.uint8)


def _strongest(colour: NDArray[np.float32]) -> float:
    return float(np.quantile(np.abs(colour), _GUIDED_QUANTILE))


@dataclass(frozen=True, kw_only=True, eq=False)
class Key:
    """What the colours of an attribution's pictures stand for.

    Attributes:
        low, high: The values of the first and the last colour, in the attribution's unit.
        colours: (256, 3) uint8 RGB, from one to the other.
    """

    low: float
    high: float
    colours: NDArray[np.uint8]

    @classmethod
    def of(cls, attribution: Attribution) -> Key:
        """Of heat from 0 to the map's largest value; of gradients from one end of grey to the other."""
        ramp = np.linspace(0, 1, 256, dtype=np.float32)
        if attribution.colour is None:
            return cls(low=0.0, high=attribution.scale, colours=heat_colours(ramp).astype(np.uint8))
        strongest = _strongest(attribution.colour)
        return cls(low=-strongest, high=strongest, colours=(ramp[:, None].repeat(3, axis=1) * 255).astype(np.uint8))

    def values(self) -> list[tuple[float, str]]:
        """Where numbers stand, from 0 at the first colour to 1 at the last, and what they say."""
        written = [(0.0, "0" if self.low == 0 else f"{self.low:.1e}"), (1.0, f"{self.high:.1e}")]
        return written if self.low == 0 else [written[0], (0.5, "0"), written[1]]


@lru_cache(maxsize=2)
def drawn_face(size_px: int) -> NDArray[np.uint8]:
    """A line drawing of the average face, aligned as crops are: nobody is seen in it.

    Args:
        size_px: Side.

    Returns:
        (S, S, 3) uint8 RGB.
    """
    side = _FINER * size_px
    points = average_face() * side - 0.5
    image = Image.new("RGB", (side, side), (205, 208, 212))
    draw = ImageDraw.Draw(image)
    line_px = max(round(side / 112), 1)
    ink = (70, 74, 80)

    def place(numbers: tuple[int, ...]) -> list[tuple[float, float]]:
        return [(float(x), float(y)) for x, y in points[list(numbers)]]

    def ring(numbers: tuple[int, ...], fill: tuple[int, int, int]) -> None:
        draw.polygon(place(numbers), fill=fill)
        draw.line(place((*numbers, numbers[0])), fill=ink, width=line_px, joint="curve")

    ring(OVAL, (232, 232, 232))
    for lids, iris in zip(_LIDS, _IRISES, strict=True):
        ring(lids, (250, 250, 250))
        (x, y), *rim = place(iris)
        radius = 0.7 * float(np.mean([np.hypot(px - x, py - y) for px, py in rim]))  # lids cover the rest
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(120, 124, 130))
    for brow in BROWS:
        draw.polygon(place(brow), fill=(120, 124, 130))
    for line in _NOSE_LINES:
        draw.line(place(line), fill=ink, width=line_px, joint="curve")
    for lips, fill in zip(_LIPS, ((205, 200, 200), (160, 155, 155)), strict=True):
        ring(lips, fill)
    face = np.asarray(image.resize((size_px, size_px), Image.Resampling.BOX))
    face.flags.writeable = False
    return face


def on_drawn_face(heat: NDArray[np.float32], points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Heat of one crop, moved so that eyes, nose and mouth lie where the drawn face has them.

    An affine map by least squares over five points: what is told is the region, not the shape of somebody's face.

    Args:
        heat: (S, S) float32.
        points: (478, 2) float32, landmarks in pixels of the crop.

    Returns:
        (S, S) float32.
    """
    size_px = len(heat)
    theirs = points[np.array(FIVE_POINTS)].mean(axis=1).astype(np.float64)  # (5, 2)
    ours = (average_face() * size_px - np.float32(0.5))[np.array(FIVE_POINTS)].mean(axis=1)
    solution = np.asarray(np.linalg.lstsq(np.column_stack([ours, np.ones(len(ours))]), theirs, rcond=None)[0])  # (3, 2)
    return _sampled(heat, solution[:2].T, solution[2], (size_px, size_px))


def heat_in_frame(
    heat: NDArray[np.float32], landmarks: NDArray[np.floating], width: int, height: int
) -> tuple[NDArray[np.float32], tuple[int, int, int, int]] | None:
    """Heat of a crop, laid back to where the crop was cut out of its frame.

    Args:
        heat: (S, S) float32 in [0, 1].
        landmarks: (5, 2) of the face, in pixels of the frame.
        width: Of the frame, in pixels.
        height: Likewise.

    Returns:
        The heat of a rectangle of the frame, float32, 0 outside the crop, and the rectangle: x0, y0, x1, y1 in whole pixels,
        the last two exclusive. None where the crop lies outside the frame or the eyes are not apart.
    """
    size_px = len(heat)
    try:
        matrix = eye_transform(landmarks, size_px)
    except ValueError:
        return None
    corners = matrix @ np.array([[0, size_px, 0, size_px], [0, 0, size_px, size_px], [1, 1, 1, 1]], np.float64)
    x0, y0 = np.maximum(np.floor(corners.min(axis=1)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(corners.max(axis=1)).astype(int) + 1, (width, height))
    if x0 >= x1 or y0 >= y1:
        return None
    linear = np.asarray(np.linalg.inv(matrix[:, :2]), np.float64)
    shift = linear @ (np.array([x0, y0]) - matrix[:, 2])
    return _sampled(heat, linear, shift, (int(x1 - x0), int(y1 - y0))), (int(x0), int(y0), int(x1), int(y1))


def _sampled(
    heat: NDArray[np.float32], linear: NDArray[np.float64], shift: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.float32]:
    """``heat`` at ``linear @ (x, y) + shift`` for every pixel of a picture of (width, height); 0 outside of it."""
    # Pillow counts from the corners of pixels, we from their centres.
    offset = shift + 0.5 - linear @ np.array([0.5, 0.5])
    data = (linear[0, 0], linear[0, 1], offset[0], linear[1, 0], linear[1, 1], offset[1])
    image = Image.fromarray(np.ascontiguousarray(heat, np.float32))
    sampled = image.transform(size, Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
    return np.clip(np.asarray(sampled, np.float32), 0, 1)
