"""Following faces through a video: cheap from frame to frame, careful about who is who.

Each followed face is looked for where it just was, with O-Net alone. The full cascade runs when a face weakens, after a
scene cut, and at intervals to notice new faces. A face that is gone for a moment is taken up again under its number only
when place, size and looks agree; in doubt it gets a new number, so that one track never holds two people.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.faces.boxes import overlap
from facefatigue.faces.identity import NEXT_FRAME, SAME_FACE, SURELY_SAME_FACE, Gallery, appearance, resemblance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefatigue.faces.face import Face
    from facefatigue.faces.mtcnn import Mtcnn

START_PROBABILITY = 0.9
FOLLOW_PROBABILITY = 0.7
# The cascade sees a copy of this longer side: a 4K frame costs what VGA does.
DETECTION_SIDE_PX = 640
MIN_FACE_PX = 40
SEARCH_INTERVAL_S = 0.2  # while nobody is followed, or somebody is lost
LEAST_INTERVAL_S = 0.1  # even while faces weaken one after the other
CHECK_INTERVAL_S = 1.0  # while everybody is followed
PICTURE_INTERVAL_S = 0.5
MAX_MISSES = 3  # checks in a row in which the cascade does not see a followed face
MAX_GAP_S = 2.0
DOUBT_S = 0.3  # a face that suddenly looks like somebody else may be a blur: so long it has to be back as it was
# A face moves and grows less than this between two frames (in box sides, and as a ratio).
_MAX_SHIFT = 0.5
_MAX_GROWTH = 1.5
# When only some faces are followed, a new one is of interest from this share of the largest one's size.
_WORTH_FOLLOWING = 0.4
# A cut changes the picture by this many grey levels on average, and leaves this little correlation with the one before.
_CUT_DIFFERENCE = 20.0
_CUT_CORRELATION = 0.6


@dataclass(frozen=True, eq=False)
class TrackedFace:
    """A face in one frame.

    Attributes:
        track: Number of its track, counted from 0 in order of appearance.
        face: The face.
        look: What it looks like, as :func:`facefatigue.faces.identity.appearance` gives it; None where it was not taken.
    """

    track: int
    face: Face
    look: NDArray[np.float32] | None = None


@dataclass(eq=False)
class _Track:
    number: int
    face: Face
    seen_s: float
    pictured_s: float
    # In the last frame, where O-Net followed it; the cascade's landmarks differ too much to compare with these.
    picture: NDArray[np.float32] | None = None
    gallery: Gallery = field(default_factory=Gallery)
    cut_since: bool = False
    changed_s: float = -np.inf  # when it last looked like somebody else all of a sudden
    misses: int = 0


class FaceTracker:
    """Follows faces frame by frame; what it does depends on the frames and their times alone.

    Args:
        detector: The cascade.
        max_faces: Faces followed at once; beyond that the largest ones are.
        largest_only: While somebody is followed, take no interest in faces of less than 0.4 of the size; searching for
            large faces only is several times faster.
        min_face_px: Smallest face to look for, in pixels of the frame (larger where the frame is reduced for detection).

    Attributes:
        cascades: How often the full cascade ran.
    """

    def __init__(
        self, detector: Mtcnn, *, max_faces: int = 1, largest_only: bool = False, min_face_px: float = MIN_FACE_PX
    ) -> None:
        self._detector = detector
        self._max_faces = max_faces
        self._largest_only = largest_only
        self._min_face_px = min_face_px
        self._active: list[_Track] = []
        self._lost: list[_Track] = []
        self._next_number = 0
        self._cascade_s = -np.inf
        self._thumbnail: NDArray[np.float32] | None = None
        self.cascades = 0

    def step(self, rgb: NDArray[np.uint8], time_s: float) -> tuple[TrackedFace, ...]:
        """Take the next frame.

        Args:
            rgb: (H, W, 3) uint8 RGB, upright.
            time_s: Its time, greater than that of the frame before.

        Returns:
            The followed faces that are visible in this frame, by track number.
        """
        self._lost = [track for track in self._lost if time_s - track.seen_s <= MAX_GAP_S]
        wait_s = CHECK_INTERVAL_S
        if self._is_cut(rgb):
            for track in self._active:
                track.cut_since = True
            self._lost += self._active
            self._active = []
            wait_s = 0.0
        elif self._active and self._follow(rgb, time_s):
            wait_s = LEAST_INTERVAL_S
        elif not self._active or self._lost:
            wait_s = SEARCH_INTERVAL_S
        if time_s - self._cascade_s >= wait_s - 1e-6:
            self._search(rgb, time_s)
            self._cascade_s = time_s
        for track in self._active:
            if track.picture is not None and time_s - track.pictured_s >= PICTURE_INTERVAL_S:
                track.gallery.add(track.picture)
                track.pictured_s = time_s
        return tuple(TrackedFace(t.number, t.face, t.picture) for t in sorted(self._active, key=lambda t: t.number))

    def _is_cut(self, rgb: NDArray[np.uint8]) -> bool:
        rows, columns = (max(side // 32, 1) for side in rgb.shape[:2])
        thumbnail = rgb[rows // 2 :: rows, columns // 2 :: columns, 1].astype(np.float32)
        before, self._thumbnail = self._thumbnail, thumbnail
        if before is None or before.shape != thumbnail.shape:
            return before is not None
        if float(np.abs(thumbnail - before).mean()) < _CUT_DIFFERENCE:
            return False
        a, b = thumbnail - thumbnail.mean(), before - before.mean()
        return float((a * b).sum()) < _CUT_CORRELATION * float(np.sqrt((a * a).sum() * (b * b).sum()))

    def _follow(self, rgb: NDArray[np.uint8], time_s: float) -> bool:
        boxes = np.stack([track.face.box for track in self._active])
        found = self._detector.refine(rgb, boxes, threshold=FOLLOW_PROBABILITY)
        held: list[_Track] = []
        lost: list[_Track] = []
        for track, face in zip(self._active, found, strict=True):
            if face is None or not _is_step(track.face, face) or not _is_inside(face, rgb):
                lost.append(track)
                continue
            picture = appearance(rgb, face)
            if _is_somebody_else(track, picture):
                track.cut_since, track.changed_s = True, time_s
                lost.append(track)
                continue
            held.append(track)
            track.face, track.picture, track.seen_s = face, picture, time_s
        lost += _collided(held, rgb)
        self._active = [track for track in held if track not in lost]
        self._lost += lost
        return bool(lost)

    def _search(self, rgb: NDArray[np.uint8], time_s: float) -> None:
        self.cascades += 1
        largest_px = max((track.face.size_px for track in self._active), default=0.0)
        least_px = max(self._min_face_px, _WORTH_FOLLOWING * largest_px * self._largest_only)
        faces = self._detector.detect(rgb, min_face_px=least_px, max_side_px=DETECTION_SIDE_PX)
        faces = self._confirm(faces, rgb)
        faces = self._take_up(faces, rgb, time_s)
        for face in sorted(faces, key=lambda face: -face.size_px):
            in_doubt = any(time_s - t.changed_s < DOUBT_S and _same_place(face, t.face) for t in self._lost)
            if face.probability >= START_PROBABILITY and not in_doubt and self._has_room_for(face):
                track = _Track(self._next_number, face, time_s, time_s)
                track.gallery.add(appearance(rgb, face))
                self._next_number += 1
                self._active.append(track)

    def _confirm(self, faces: Sequence[Face], rgb: NDArray[np.uint8]) -> list[Face]:
        """Check the followed faces against what the cascade sees; returns the faces nobody follows."""
        followed: set[int] = set()
        for track in self._active:
            here = [index for index, face in enumerate(faces) if _same_place(face, track.face)]
            followed.update(here)
            track.misses = 0 if here else track.misses + 1
            if here:
                closest = max(here, key=lambda index: _agreement(faces[index], track.face))
                if _agreement(faces[closest], track.face) < 0.4:  # drifted: start again from what is really there
                    if track.gallery.likeness(appearance(rgb, faces[closest])) < SAME_FACE:
                        track.cut_since, track.misses = True, MAX_MISSES
                        continue
                    track.face, track.picture = faces[closest], None
        gone = [track for track in self._active if track.misses >= MAX_MISSES]
        self._active = [track for track in self._active if track not in gone]
        self._lost += gone
        return [face for index, face in enumerate(faces) if index not in followed]

    def _take_up(self, faces: Sequence[Face], rgb: NDArray[np.uint8], time_s: float) -> list[Face]:
        """Give lost tracks the faces that are surely theirs; returns the other faces."""
        pictures = [appearance(rgb, face) for face in faces]
        claims = []
        for track in self._lost:
            for index, face in enumerate(faces):
                likeness = track.gallery.likeness(pictures[index])
                if _plausible(track, face, time_s - track.seen_s, likeness):
                    claims.append((likeness, track, index))
        taken: set[int] = set()
        for _, track, index in sorted(claims, key=lambda claim: (-claim[0], claim[1].number)):
            if track in self._lost and index not in taken and self._has_room_for(faces[index]):
                taken.add(index)
                self._lost.remove(track)
                track.face, track.picture, track.seen_s = faces[index], None, time_s
                track.cut_since, track.misses = False, 0
                self._active.append(track)
        return [face for index, face in enumerate(faces) if index not in taken]

    def _has_room_for(self, face: Face) -> bool:
        if len(self._active) < self._max_faces:
            return True
        smallest = min(self._active, key=lambda track: track.face.size_px)
        if face.size_px < _MAX_GROWTH * smallest.face.size_px:
            return False
        self._active.remove(smallest)  # not lost: it may not come back while it has no room
        return True


def _is_step(before: Face, after: Face) -> bool:
    size = max(before.size_px, 1e-6)
    shift = float(np.hypot(*(_centre(after) - _centre(before))))
    return shift <= _MAX_SHIFT * size and 1 / _MAX_GROWTH <= after.size_px / size <= _MAX_GROWTH


def _is_inside(face: Face, rgb: NDArray[np.uint8]) -> bool:
    """Whether the eyes are in the picture and the box is no larger than a face can be there."""
    height, width = rgb.shape[:2]
    eyes = face.landmarks[:2]
    return bool((eyes >= 0).all() and (eyes < [width, height]).all() and face.size_px <= 1.5 * max(width, height))


def _is_somebody_else(track: _Track, picture: NDArray[np.float32] | None) -> bool:
    """Whether a face changed from one frame to the next as no face does, into one that it has not looked like lately."""
    if track.picture is None or picture is None or resemblance(track.picture, picture) >= NEXT_FRAME:
        return False
    return track.gallery.likeness(picture) < SURELY_SAME_FACE


def _agreement(a: Face, b: Face) -> float:
    return float(overlap(a.box[None], b.box[None])[0, 0])


def _same_place(a: Face, b: Face) -> bool:
    return float(overlap(a.box[None], b.box[None], "smaller")[0, 0]) > 0.5


def _centre(face: Face) -> NDArray[np.float64]:
    middle: NDArray[np.float64] = (face.box[:2] + face.box[2:]) / 2
    return middle


def _collided(tracks: Sequence[_Track], rgb: NDArray[np.uint8]) -> list[_Track]:
    """Of tracks that came to sit on one face, those that look less like themselves."""
    losers: list[_Track] = []
    for index, a in enumerate(tracks):
        for b in tracks[index + 1 :]:
            if a in losers or b in losers or not _same_place(a.face, b.face):
                continue
            if np.hypot(*(a.face.landmarks - b.face.landmarks).T).mean() > 0.25 * a.face.size_px:
                continue  # two faces, one partly before the other
            like_a, like_b = (t.gallery.likeness(appearance(rgb, t.face)) for t in (a, b))
            losers.append(b if like_a >= like_b else a)
    return losers


def _plausible(track: _Track, face: Face, gap_s: float, likeness: float) -> bool:
    size = max(track.face.size_px, 1e-6)
    shift = float(np.hypot(*(_centre(face) - _centre(track.face)))) / size
    growth = max(face.size_px / size, size / max(face.size_px, 1e-6))
    if shift > 1 + gap_s or growth > 1.5 + 0.5 * gap_s:
        return False
    if track.cut_since:
        return likeness >= SURELY_SAME_FACE and shift < _MAX_SHIFT
    return likeness >= SAME_FACE
