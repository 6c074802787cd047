"""Everybody who is seen in one source: who is there when, who comes back, and who is reported in the end."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.estimate.report import Trajectory
from facefatigue.faces import FaceTracker
from facefatigue.faces.identity import SAME_PERSON, Album
from facefatigue.faces.track import MAX_GAP_S

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefatigue.faces import Mtcnn, TrackedFace

# The main face is the one with the largest sum of sizes over time; a few are followed so that it can be told, and so that
# somebody who passes by is not taken for it.
MAIN_FACE_TRACKS = 3
ALL_FACES_TRACKS = 32
# With all faces asked for, one that is seen for less than this is not reported.
MIN_SEEN_S = 0.5
LOOK_INTERVAL_S = 0.5


@dataclass(eq=False)
class Person:
    """What is kept of one track.

    Attributes:
        first_s, last_s: When it was seen first and last.
        frames: In how many frames.
        presence: Sum of its sizes over time, in px s.
        positions: 15 numbers a frame: time, box, landmarks; empty unless kept.
        album: What it looks like.
    """

    first_s: float
    last_s: float
    frames: int = 0
    presence: float = 0.0
    positions: array[float] = field(default_factory=lambda: array("d"))
    album: Album = field(default_factory=Album)
    _looked_s: float = -np.inf

    @property
    def seen_s(self) -> float:
        """From the first to the last time that it was seen."""
        return self.last_s - self.first_s

    def see(self, tracked: TrackedFace, time_s: float) -> None:
        """Take a frame in which it is seen."""
        self.frames += 1
        self.presence += tracked.face.size_px * min(time_s - self.last_s, 1.0)
        self.last_s = time_s
        if tracked.look is not None and time_s - self._looked_s >= LOOK_INTERVAL_S:
            self.album.add(tracked.look)
            self._looked_s = time_s

    def absorb(self, later: Person) -> None:
        """Take over a later track of the same person."""
        self.last_s = later.last_s
        self.frames += later.frames
        self.presence += later.presence
        self.positions.extend(later.positions)
        self.album.merge(later.album)


class Crowd:
    """Follows the faces of one source and keeps who was seen; what is measured of them is kept by others, by track.

    Args:
        detector: The face detector; used from the calling thread only.
        all_faces: Report every face instead of the main one.
        keep_trajectories: Keep where each face was.
    """

    def __init__(self, detector: Mtcnn, *, all_faces: bool = False, keep_trajectories: bool = False) -> None:
        most = ALL_FACES_TRACKS if all_faces else MAIN_FACE_TRACKS
        self._tracker = FaceTracker(detector, max_faces=most, largest_only=not all_faces)
        self._all_faces = all_faces
        self._keep_trajectories = keep_trajectories
        self._people: dict[int, Person] = {}
        self._open: set[int] = set()
        self.frames = 0
        self.last_s = -np.inf

    def __getitem__(self, track: int) -> Person:
        return self._people[track]

    def see(self, rgb: NDArray[np.uint8], time_s: float) -> tuple[TrackedFace, ...]:
        """Take the next frame.

        Args:
            rgb: (H, W, 3) uint8 RGB, upright.
            time_s: Its time in seconds, greater than that of the frame before.

        Returns:
            The followed faces in it.

        Raises:
            ValueError: Time does not move forward.
        """
        if not time_s > self.last_s:
            raise ValueError(f"time must move forward, but {time_s} s follows {self.last_s} s")
        self.last_s = time_s
        self.frames += 1
        faces = self._tracker.step(rgb, time_s)
        for tracked in faces:
            person = self._people.get(tracked.track)
            if person is None:
                person = self._people[tracked.track] = Person(time_s, time_s)
                self._open.add(tracked.track)
            person.see(tracked, time_s)
            if self._keep_trajectories:
                person.positions.extend((time_s, *tracked.face.box, *tracked.face.landmarks.ravel()))
        return faces

    def gone(self, *, all_of_them: bool = False) -> list[int]:
        """The tracks that the tracker has given up since the last call, so that what they hold can be let go.

        Args:
            all_of_them: The source has ended: every track that has not been given up before.
        """
        gone = [track for track in self._open if all_of_them or self.last_s - self._people[track].last_s > MAX_GAP_S]
        self._open.difference_update(gone)
        return gone

    def join_returned(self) -> list[tuple[int, int]]:
        """Put together the tracks of a person who was away for longer than the tracker waits: nothing but looks can tell.

        Returns:
            (first track, later track) for each that is now a part of the first, in the order in which they were joined.
        """
        joined: dict[int, Person] = {}
        pairs = []
        for track, person in self._people.items():  # in order of appearance
            match, first = max(
                (
                    (earlier.album.match(person.album), -number)
                    for number, earlier in joined.items()
                    if earlier.last_s < person.first_s
                ),
                default=(-1.0, 0),
            )
            if match >= SAME_PERSON:
                joined[-first].absorb(person)
                pairs.append((-first, track))
            else:
                joined[track] = person
        self._people = joined
        return pairs

    def main(self) -> int | None:
        """The track of the main face: the largest sum of sizes over time; None where there is nobody."""
        return max(self._people, key=lambda track: (self._people[track].presence, -track), default=None)

    def reported(self) -> list[int]:
        """The tracks that are reported, in order of appearance."""
        main = self.main()
        if main is None:
            return []
        if not self._all_faces:
            return [main]
        return [track for track, person in self._people.items() if track == main or person.seen_s >= MIN_SEEN_S]

    def others(self) -> int:
        """How many faces were seen, but are not reported."""
        reported = self.reported()
        return sum(p.seen_s >= MIN_SEEN_S for track, p in self._people.items() if track not in reported)

    def trajectories(self) -> tuple[Trajectory, ...]:
        """Where the reported faces were; empty unless kept."""
        if not self._keep_trajectories:
            return ()
        return tuple(_trajectory(track, self._people[track].positions) for track in self.reported())


def _trajectory(track: int, positions: array[float]) -> Trajectory:
    rows = np.frombuffer(positions, np.float64).reshape(-1, 15)
    boxes = rows[:, 1:5].astype(np.float32)
    landmarks = rows[:, 5:].reshape(-1, 5, 2).astype(np.float32)
    return Trajectory(track=track, time_s=rows[:, 0].copy(), boxes=boxes, landmarks=landmarks)
