"""Regions of a face, by its landmarks, and which share of an attribution falls on each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from PIL import Image, ImageDraw

from facefatigue.faces.align import EYE_X, EYE_Y
from facefatigue.landmarks.follow import LEAST_PRESENCE
from facefatigue.landmarks.reading import POINTS
from facefatigue.landmarks.region import Region, region_of_points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefatigue.explain.attribution import Attribution
    from facefatigue.landmarks import Landmarker

FaceRegion = Literal["eyes", "brows", "nose", "mouth", "cheeks", "forehead", "background"]
REGIONS: tuple[FaceRegion, ...] = get_args(FaceRegion)

# Rings of MediaPipe's face mesh (FaceReading.points); those at the image's right mirror those at its left. The eyes reach
# from under the brow to the bag under the eye, the mouth takes in the skin around the lips; chin and jaw go with the cheeks.
OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136,
    172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
FOREHEAD = (
    127, 162, 21, 54, 103, 67, 109, 10, 338, 297, 332, 284, 251, 389, 356, 300, 293, 334, 296, 336, 9, 107, 66, 105, 63, 70,
)  # fmt: skip
NOSE = (168, 122, 174, 198, 209, 49, 48, 64, 98, 97, 2, 326, 327, 294, 278, 279, 429, 420, 399, 351)
MOUTH = (57, 186, 92, 165, 167, 164, 393, 391, 322, 410, 287, 273, 335, 406, 313, 18, 83, 182, 106, 43)
EYES = (
    (226, 113, 225, 224, 223, 222, 221, 189, 244, 233, 232, 231, 230, 229, 228, 31),
    (446, 342, 445, 444, 443, 442, 441, 413, 464, 453, 452, 451, 450, 449, 448, 261),
)
BROWS = (
    (70, 63, 105, 66, 107, 55, 65, 52, 53, 46),
    (300, 293, 334, 296, 336, 285, 295, 282, 283, 276),
)
# The finest maps that a network reads have a place for 8 of 112 px: eyes and mouth are widened by half of that.
_WIDENED = 4 / 112
# In the order in which they are painted: a later one covers an earlier one.
_RINGS: tuple[tuple[FaceRegion, tuple[int, ...]], ...] = (
    ("cheeks", OVAL),
    ("forehead", FOREHEAD),
    ("nose", NOSE),
    ("mouth", MOUTH),
    *(("eyes", ring) for ring in EYES),
    *(("brows", ring) for ring in BROWS),
)
_BACKGROUND = REGIONS.index("background")


@lru_cache(maxsize=1)
def average_face() -> NDArray[np.float32]:
    """(478, 2) float32: the average of rendered faces that look into the camera, in parts of the aligned crop's side.

    It stands in where a face cannot be read, and for people who shall not be recognised. ``tools/average_face.py`` made it.
    """
    path = resources.files("facefatigue.explain").joinpath("average_face.npy")
    with path.open("rb") as file:
        points: NDArray[np.float32] = np.load(file, allow_pickle=False)
    points.flags.writeable = False
    return points


def read_points(landmarker: Landmarker, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Where the landmarks of a face are in its aligned crops.

    Args:
        landmarker: The nets.
        crops: (T, S, S, 3) uint8 RGB.

    Returns:
        (T, 478, 2) float32 in pixels of the crop, and (T,) bool, whether the frame was read. A frame that was not has the
        points of the nearest one that was; where none was, they are those of the average face.
    """
    readings = [_read(landmarker, crop) for crop in crops]
    was_read = np.array([points is not None for points in readings], bool)
    there = np.flatnonzero(was_read)
    if not len(there):
        size_px = crops.shape[1]
        return np.tile(average_face() * np.float32(size_px) - np.float32(0.5), (len(crops), 1, 1)), was_read
    nearest = there[np.abs(there - np.arange(len(crops))[:, None]).argmin(axis=1)]
    chosen = [points for index in nearest if (points := readings[index]) is not None]
    return np.stack(chosen), was_read


def _read(landmarker: Landmarker, crop: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """(478, 2), read once from the whole crop, and again from a square around what was found."""
    side = float(len(crop))
    first = landmarker.read(crop, Region(side / 2, side / 2, side, 0.0))
    try:
        again = landmarker.read(crop, region_of_points(first.points))
    except ValueError:  # points of no face, which span no square, or one outside the crop
        return None
    eyes = again.points[[33, 133, 362, 263], :2].reshape(2, 2, 2).mean(axis=1)
    aligned = np.array([[x * side, EYE_Y * side] for x in EYE_X])
    # The crop is aligned by the eyes: a face whose eyes are elsewhere, by half their distance, is somebody else's.
    apart = np.hypot(*(eyes - aligned).T).max() / (side * (EYE_X[1] - EYE_X[0]))
    return again.points[:, :2] if again.presence >= LEAST_PRESENCE and apart < 0.5 else None


def region_map(points: NDArray[np.float32], size_px: int) -> NDArray[np.uint8]:
    """Which region each pixel of a crop belongs to.

    Args:
        points: (478, 2) in pixels of the crop (pixel centres are whole numbers).
        size_px: Side of the crop.

    Returns:
        (S, S) uint8, places in :data:`REGIONS`.

    Raises:
        ValueError: The points have another shape.
    """
    if points.shape != (POINTS, 2):
        raise ValueError(f"points are ({POINTS}, 2), not {points.shape}")
    image = Image.new("L", (size_px, size_px), _BACKGROUND)
    draw = ImageDraw.Draw(image)
    for name, ring in _RINGS:
        corners = [(float(x), float(y)) for x, y in points[list(ring)]]
        draw.polygon(corners, fill=REGIONS.index(name))
        if name in {"eyes", "mouth"}:
            wide_px = 2 * round(_WIDENED * size_px)
            draw.line([*corners, *corners[:2]], fill=REGIONS.index(name), width=wide_px, joint="curve")
    return np.asarray(image)


@dataclass(frozen=True, kw_only=True, eq=False)
class RegionShares:
    """How what speaks for the target is divided among the regions of the face.

    Attributes:
        over_time: (T, 7) float64: by frame and region (:data:`REGIONS`); all together sum to 1, or to 0 where nothing speaks
            for the target.
        area: (7,) float64: share of the clip's pixels that each region takes.
    """

    over_time: NDArray[np.float64]
    area: NDArray[np.float64]

    @property
    def share(self) -> NDArray[np.float64]:
        """(7,) share of each region in the whole clip."""
        return np.asarray(self.over_time.sum(axis=0))

    @property
    def beside_the_face(self) -> bool:
        """Whether the background has at least the share that it would have if the map were the same everywhere."""
        return bool(self.share[_BACKGROUND] >= self.area[_BACKGROUND])

    @property
    def background_leads(self) -> bool:
        """Whether the background has a larger share than any region of the face."""
        return bool(self.share.any() and self.share.argmax() == _BACKGROUND)

    def sentence(self, most: int = 3) -> str:
        """The largest shares in words, but those that round to nothing: "62 % eyes, 25 % mouth, 8 % nose"."""
        percent = np.rint(100 * self.share)
        order = np.argsort(-self.share, kind="stable")[:most]
        return ", ".join(f"{percent[index]:.0f} % {REGIONS[index]}" for index in order if percent[index])


def region_shares(attribution: Attribution, maps: Sequence[NDArray[np.uint8]]) -> RegionShares:
    """Divide what speaks for the target among the regions.

    Within a region of one frame, what speaks for and against is summed first, so that what cancels does not count; what is
    left above 0 is divided.

    Args:
        attribution: Of a clip.
        maps: T maps of :func:`region_map`, one for each frame.
    """
    codes = np.stack(maps).astype(np.int64)  # (T, H, W)
    rows = np.arange(len(codes))[:, None, None] * len(REGIONS) + codes
    count = len(codes) * len(REGIONS)
    values = attribution.values.astype(np.float64)
    sums = np.bincount(rows.ravel(), values.ravel(), minlength=count).reshape(-1, len(REGIONS))
    speaking = np.maximum(sums, 0)
    area = np.bincount(codes.ravel(), minlength=len(REGIONS)) / codes.size
    return RegionShares(over_time=speaking / max(speaking.sum(), 1e-30), area=area)
