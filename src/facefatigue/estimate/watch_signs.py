"""Reading the signs of every followed face of one source, frame by frame, beside whatever else is done with the frames."""

from __future__ import annotations

import dataclasses
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.estimate.inline import Inline
from facefatigue.landmarks import LandmarkFollower
from facefatigue.signs import SignCollector, SignSeries, observe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor, Future

    from numpy.typing import NDArray

    from facefatigue.faces import Face, TrackedFace
    from facefatigue.landmarks import Landmarker

# The phases of a blink need 22 readings a second (signs/blinks.py); more than this only costs time.
MOST_RATE_HZ = 30.0
# A frame counts as due so long before its time: cameras and containers that count whole milliseconds are not exact. About a
# third of an interval, so that of 60 frames/s every second one is due; not quite a third, which 45 frames/s would hit.
_EARLY_S = 0.0113
# Frames that wait to be read before the following of faces waits for them.
_MAX_WAITING = 3


class ReadingPace:
    """Which frames to read, by their times alone: at most so many a second on average, and every one if they are fewer.

    Args:
        rate_hz: How many.
    """

    def __init__(self, rate_hz: float = MOST_RATE_HZ) -> None:
        self._interval_s = 1 / rate_hz
        self._due_s: float | None = None

    def is_due(self, time_s: float) -> bool:
        """Whether to read the next frame, which comes at this time."""
        due_s = time_s if self._due_s is None else self._due_s
        if time_s < due_s - _EARLY_S:
            return False
        # Frames that come too slowly are not made up for later, except for what one may come early.
        self._due_s = max(due_s, time_s - _EARLY_S) + self._interval_s
        return True


@dataclasses.dataclass(eq=False)
class _Reader:
    """One track that may still be seen."""

    follower: LandmarkFollower
    collector: SignCollector


class SignWatch:
    """Keeps the signs of every followed face; what it reads depends on the frames, their times and the faces alone.

    Each track has a follower and a collector of its own, so that nothing read from one face can get into the signs of
    another. Times without a reading stay gaps. What is kept of a track that has ended takes 53 bytes a reading: three hours
    of one face 17 MB, a passer-by of three seconds some 7 kB.

    Args:
        landmarker: Gives the nets; called when the first face is read.
        executor: Where faces are read, with one thread, so that frames are read in order; None: in the calling thread. The
            readings are the same.
    """

    def __init__(self, landmarker: Callable[[], Landmarker], executor: Executor | None = None) -> None:
        self._landmarker = landmarker
        self._executor = executor or Inline()
        self._pace = ReadingPace()
        self._start_s: float | None = None
        self._waiting: deque[Future[None]] = deque()
        # What follows is touched by the executor's thread alone until nothing waits any more.
        self._readers: dict[int, _Reader] = {}
        self._ended: dict[int, list[SignSeries]] = {}

    def see(self, rgb: NDArray[np.uint8], faces: Sequence[TrackedFace], time_s: float) -> None:
        """Take the next frame.

        Args:
            rgb: (H, W, 3) uint8 RGB, upright; must not be written to until it was read.
            faces: The followed faces in it.
            time_s: Its time in seconds, greater than that of the frame before.
        """
        if self._start_s is None:
            self._start_s = time_s
        if self._pace.is_due(time_s):
            self._submit(self._read, rgb, {tracked.track: tracked.face for tracked in faces}, time_s)

    def end(self, track: int) -> None:
        """A track will not be seen again."""
        self._submit(self._close, track)

    def join(self, first: int, later: int) -> None:
        """Two tracks that have ended were of one person: the later one becomes a part of the first."""
        self._settle()
        self._ended.setdefault(first, []).extend(self._ended.pop(later, ()))

    def series(self, tracks: Sequence[int], end_s: float) -> dict[int, SignSeries]:
        """What was read of tracks that have ended; without a single frame where nothing was.

        Args:
            tracks: Which.
            end_s: Until when the source was watched.
        """
        self._settle()
        return {track: self._joined(self._ended.get(track, ()), end_s) for track in tracks}

    def _submit(self, work: Callable[..., None], *arguments: object) -> None:
        self._waiting.append(self._executor.submit(work, *arguments))
        while len(self._waiting) > _MAX_WAITING or (self._waiting and self._waiting[0].done()):
            self._waiting.popleft().result()

    def _settle(self) -> None:
        while self._waiting:
            self._waiting.popleft().result()

    def _read(self, rgb: NDArray[np.uint8], faces: dict[int, Face], time_s: float) -> None:
        for track in faces:
            if track not in self._readers:
                collector = SignCollector(self._start_s or 0.0)
                self._readers[track] = _Reader(LandmarkFollower(self._landmarker()), collector)
        for track, reader in self._readers.items():
            reading = reader.follower.read(rgb, faces.get(track))
            if reading is not None:
                reader.collector.add(observe(reading, time_s, rgb))

    def _close(self, track: int) -> None:
        reader = self._readers.pop(track, None)
        if reader is not None and len(reader.collector):
            self._ended[track] = [reader.collector.series()]

    def _joined(self, parts: Sequence[SignSeries], end_s: float) -> SignSeries:
        start_s = self._start_s or 0.0
        if len(parts) == 1:
            return dataclasses.replace(parts[0], end_s=max(end_s, start_s))
        parts = parts or [SignCollector(start_s).series()]
        arrays = {
            entry.name: np.concatenate([getattr(part, entry.name) for part in parts])
            for entry in dataclasses.fields(SignSeries)
            if entry.name not in ("start_s", "end_s")
        }
        return SignSeries(**arrays, start_s=start_s, end_s=max(end_s, start_s))
