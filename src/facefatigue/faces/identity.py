"""Is this the same face as a moment ago? Small grey pictures of it, compared by correlation.

This is no face recognition: it tells two people in one scene apart after a short gap or a crossing, and nothing is kept
beyond the run. Over fifteen real videos, the correlation of one person's pictures up to 2 s apart has a median of 0.89 (a
quarter below 0.76), that of two people a median of 0.29 (5 % above 0.64, 1 % above 0.74).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.faces.align import align_face

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefatigue.faces.face import Face

_PICTURE_PX = 32
# Brows to upper lip: no background, and not the jaw, which moves.
_FACE = np.s_[3:26, 5:27]
_PICTURES_KEPT = 6
_ALBUM_PICTURES = 12
_MATCHING_LOOKS = 2
SAME_FACE = 0.7
SURELY_SAME_FACE = 0.8
# Both limits were chosen on the 14 real people that tools/measure_identity.py was run on, and hold for others only so far.
# From one frame to the next a face resembles itself by more than this (99.96 % of 2,800 pairs of frames); of two people's
# looks 0.4 % do, too (26,600 pairs), and such a swap goes unnoticed.
NEXT_FRAME = 0.75
# After a long absence nothing but looks can tell. The albums of two people match by 0.78 at most (91 pairs); those of both
# halves of one person's video by this much in 11 of 14 cases: in doubt one person becomes two faces.
SAME_PERSON = 0.9
# Up to here two people match: below it, looks do not tell that it is one person, who may be seen in another light, though.
MAYBE_TWO_PEOPLE = 0.78


def appearance(rgb: NDArray[np.uint8], face: Face) -> NDArray[np.float32] | None:
    """A face as a vector whose dot product with another's is their correlation, -1 to 1.

    Args:
        rgb: (H, W, 3) uint8 frame.
        face: The face in it.

    Returns:
        (506,) float32 of zero mean and unit length; None where the eyes coincide or lie outside the frame.
    """
    try:
        crop = align_face(rgb, face.landmarks, _PICTURE_PX)
    except ValueError:
        return None
    grey = crop[_FACE].astype(np.float32).mean(axis=2).ravel()
    grey -= grey.mean()
    length = float(np.linalg.norm(grey))
    return grey / length if length > 1e-3 else None


def resemblance(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Correlation of two looks, -1 to 1."""
    return float(a @ b)


class Gallery:
    """The last few looks of one face."""

    def __init__(self) -> None:
        self._pictures: deque[NDArray[np.float32]] = deque(maxlen=_PICTURES_KEPT)

    def add(self, picture: NDArray[np.float32] | None) -> None:
        """Remember a look; None is ignored."""
        if picture is not None:
            self._pictures.append(picture)

    def likeness(self, picture: NDArray[np.float32] | None) -> float:
        """Highest correlation with a remembered look, -1 to 1; 0 when nothing can be compared."""
        if picture is None or not self._pictures:
            return 0.0
        return max(resemblance(picture, known) for known in self._pictures)


class Album:
    """Looks of one face, spread evenly over all the time that it was seen."""

    def __init__(self) -> None:
        self._pictures: list[NDArray[np.float32]] = []
        self._step = 1
        self._offered = 0

    def add(self, picture: NDArray[np.float32]) -> None:
        """Keep every n-th look that is offered; n doubles whenever there are too many."""
        if self._offered % self._step == 0:
            self._pictures.append(picture)
            if len(self._pictures) > _ALBUM_PICTURES:
                del self._pictures[1::2]
                self._step *= 2
        self._offered += 1

    def merge(self, other: Album) -> None:
        """Take over the looks of the same person from another album."""
        pictures = self._pictures + other._pictures
        self._pictures = pictures[:: -(-len(pictures) // _ALBUM_PICTURES)]

    def match(self, other: Album) -> float:
        """How surely both albums show one person: the second highest of the other's looks' best correlations, -1 to 1.

        One look alone may be alike by chance; an album with fewer than two looks matches nobody.
        """
        if not self._pictures or len(other._pictures) < _MATCHING_LOOKS:
            return -1.0
        best = (np.stack(other._pictures) @ np.stack(self._pictures).T).max(axis=1)
        return float(np.sort(best)[-_MATCHING_LOOKS])
