"""One source being analysed: frames go in, windows of scored faces come out, and at the end a report."""

from __future__ import annotations

import dataclasses
import io
import itertools
from array import array
from collections import deque
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from facefatigue.clips import Window, WindowSampler
from facefatigue.estimate.aggregate import aggregate, label_of
from facefatigue.estimate.report import FaceReport, Thumbnail, Trajectory, WindowQuality, WindowResult
from facefatigue.faces import FaceTracker
from facefatigue.faces.identity import SAME_PERSON, Album
from facefatigue.faces.track import MAX_GAP_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from facefatigue.clips import ClipSpec
    from facefatigue.estimate.limits import Limits
    from facefatigue.estimate.report import AbstainReason
    from facefatigue.faces import Mtcnn, TrackedFace

    Score = Callable[[NDArray[np.uint8]], tuple[float, float]]

# The main face is the one with the largest sum of sizes over time; a few are followed so that it can be told, and so that
# somebody who passes by is not taken for it.
MAIN_FACE_TRACKS = 3
ALL_FACES_TRACKS = 32
# With all faces asked for, one that is seen for less than this is not reported.
MIN_SEEN_S = 0.5
MAX_THUMBNAILS = 32
LOOK_INTERVAL_S = 0.5
# Clips that wait for the engine before the reading of frames waits for them.
_MAX_WAITING = 4


@dataclass(frozen=True, kw_only=True)
class LiveWindow:
    """A window that has just been scored (or abstains), and the track it belongs to.

    Somebody who returns after more than two seconds has a new number here; the report puts both tracks together, under the
    first number, when they surely show the same face.
    """

    track: int
    window: WindowResult


@dataclass(eq=False)
class _Record:
    """What is kept of one track."""

    sampler: WindowSampler | None  # None once the track cannot come back: it holds a frame and a window of crops
    first_s: float
    last_s: float
    frames: int = 0
    presence: float = 0.0
    windows: list[WindowResult] = field(default_factory=list)
    thumbnails: list[Thumbnail] = field(default_factory=list)
    positions: array[float] = field(default_factory=lambda: array("d"))  # 15 numbers a frame: time, box, landmarks
    album: Album = field(default_factory=Album)
    looked_s: float = -np.inf
    _step: int = 1
    _offered: int = 0

    @property
    def seen_s(self) -> float:
        return self.last_s - self.first_s

    def look(self, picture: NDArray[np.float32] | None, time_s: float) -> None:
        """Remember what the face looks like, now and then."""
        if picture is not None and time_s - self.looked_s >= LOOK_INTERVAL_S:
            self.album.add(picture)
            self.looked_s = time_s

    def absorb(self, later: _Record, track: int) -> None:
        """Take over a later track of the same person; ``track`` is the number of this one."""
        self.last_s = later.last_s
        self.frames += later.frames
        self.presence += later.presence
        self.windows += later.windows
        self.positions.extend(later.positions)
        self.album.merge(later.album)
        pictures = self.thumbnails + [dataclasses.replace(picture, track=track) for picture in later.thumbnails]
        self.thumbnails = pictures[:: max(-(-len(pictures) // MAX_THUMBNAILS), 1)]

    def keep_thumbnail(self, track: int, start_s: float, crop: NDArray[np.uint8]) -> None:
        """Keep every n-th offered picture; n doubles whenever there are too many, so that they stay spread evenly."""
        if self._offered % self._step == 0:
            buffer = io.BytesIO()
            Image.fromarray(crop).save(buffer, "JPEG", quality=85)
            self.thumbnails.append(Thumbnail(track=track, start_s=start_s, jpeg=buffer.getvalue()))
            if len(self.thumbnails) > MAX_THUMBNAILS:
                del self.thumbnails[1::2]
                self._step *= 2
        self._offered += 1


@dataclass(frozen=True, eq=False)
class _Waiting:
    track: int
    result: WindowResult
    crops: NDArray[np.uint8] | None
    scores: Future[tuple[float, float]] | None  # (score, fatigue probability); None where the window abstains


class _Inline(Executor):
    """Runs at once what it is given."""

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
        future: Future[object] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Session:
    """The state between the first and the last frame of one source.

    Args:
        detector: The face detector; used from the calling thread only.
        score: Takes the crops of one window, (T, S, S, 3) uint8 RGB, and gives its score and its probability of fatigue;
            called for one window at a time, so that a score never depends on what else is in flight.
        spec: Length, rate and size of a window.
        limits: When to abstain.
        all_faces: Report every face instead of the main one.
        stride_s: Time between window starts; None: no overlap.
        keep_trajectories: Keep where each face was, for an overlay.
        keep_thumbnails: Keep a few small pictures of each face.
        executor: Where ``score`` runs; None: in the calling thread.
    """

    def __init__(
        self,
        *,
        detector: Mtcnn,
        score: Score,
        spec: ClipSpec,
        limits: Limits,
        all_faces: bool = False,
        stride_s: float | None = None,
        keep_trajectories: bool = False,
        keep_thumbnails: bool = False,
        executor: Executor | None = None,
    ) -> None:
        self._score = score
        self._spec = spec
        self._limits = limits
        self._all_faces = all_faces
        self._stride_s = stride_s
        self._keep_trajectories = keep_trajectories
        self._keep_thumbnails = keep_thumbnails
        self._executor = executor or _Inline()
        most = ALL_FACES_TRACKS if all_faces else MAIN_FACE_TRACKS
        self.tracker = FaceTracker(detector, max_faces=most, largest_only=not all_faces)
        self._records: dict[int, _Record] = {}
        self._open: set[int] = set()
        self._waiting: deque[_Waiting] = deque()
        self._frames = 0
        self._last_s = -np.inf

    @property
    def frames(self) -> int:
        """Frames taken so far."""
        return self._frames

    @property
    def last_s(self) -> float:
        """Time of the last frame; -inf before the first."""
        return float(self._last_s)

    def see(self, rgb: NDArray[np.uint8], time_s: float) -> tuple[TrackedFace, ...]:
        """Take the next frame.

        Args:
            rgb: (H, W, 3) uint8 RGB, upright; kept until the next call, so it must not be written to.
            time_s: Its time in seconds, greater than that of the frame before.

        Returns:
            The followed faces in it.

        Raises:
            ValueError: Time does not move forward.
        """
        if not time_s > self._last_s:
            raise ValueError(f"time must move forward, but {time_s} s follows {self._last_s} s")
        self._last_s = time_s
        self._frames += 1
        faces = self.tracker.step(rgb, time_s)
        for tracked in faces:
            record = self._records.get(tracked.track)
            if record is None:
                record = self._records[tracked.track] = _Record(self._sampler(), time_s, time_s)
                self._open.add(tracked.track)
            record.frames += 1
            record.presence += tracked.face.size_px * min(time_s - record.last_s, 1.0)
            record.last_s = time_s
            record.look(tracked.look, time_s)
            if self._keep_trajectories:
                record.positions.extend((time_s, *tracked.face.box, *tracked.face.landmarks.ravel()))
            assert record.sampler is not None
            for window in record.sampler.see(rgb, tracked.face, time_s):
                self._submit(tracked.track, window)
        self._retire()
        return faces

    def ready(self, *, wait: bool = False) -> Iterator[LiveWindow]:
        """Yield the windows whose scores are there, in order; with ``wait``, all that were submitted."""
        while self._waiting and (wait or self._waiting[0].scores is None or self._waiting[0].scores.done()):
            yield self._collect()

    def finish(self) -> tuple[tuple[FaceReport, ...], int]:
        """End the source.

        Returns:
            The reported faces, by track, and the number of faces that were seen but are not reported.
        """
        for track in list(self._open):
            self._end(track)
        for _ in self.ready(wait=True):
            pass
        self._join_returned()
        reported = self._reported()
        others = sum(r.seen_s >= MIN_SEEN_S for track, r in self._records.items() if track not in reported)
        return tuple(self._face(track) for track in reported), others

    def trajectories(self) -> tuple[Trajectory, ...]:
        """Where the reported faces were; empty unless kept."""
        if not self._keep_trajectories:
            return ()
        return tuple(_trajectory(track, self._records[track].positions) for track in self._reported())

    def thumbnails(self) -> tuple[Thumbnail, ...]:
        """Small pictures of the reported faces, by face and time; empty unless kept."""
        return tuple(itertools.chain.from_iterable(self._records[track].thumbnails for track in self._reported()))

    def _retire(self) -> None:
        """End the tracks that the tracker has given up, so that memory does not grow with everybody who passes by."""
        for track in [track for track in self._open if self._last_s - self._records[track].last_s > MAX_GAP_S]:
            self._end(track)

    def _end(self, track: int) -> None:
        record = self._records[track]
        assert record.sampler is not None
        for window in record.sampler.finish(interrupted=record.last_s < self._last_s):
            self._submit(track, window)
        record.sampler = None
        self._open.remove(track)

    def _join_returned(self) -> None:
        """Put together the tracks of a person who was away for longer than the tracker waits: nothing but looks can tell."""
        joined: dict[int, _Record] = {}
        for track, record in self._records.items():  # in order of appearance
            match, first = max(
                (
                    (earlier.album.match(record.album), -number)
                    for number, earlier in joined.items()
                    if _apart(earlier, record)
                ),
                default=(-1.0, 0),
            )
            if match >= SAME_PERSON:
                joined[-first].absorb(record, -first)
            else:
                joined[track] = record
        self._records = joined

    def _sampler(self) -> WindowSampler:
        spec = self._spec
        return WindowSampler(
            frames=spec.frames, frame_rate_hz=spec.frame_rate_hz, size_px=spec.size_px, stride_s=self._stride_s
        )

    def _submit(self, track: int, window: Window) -> None:
        reason = self._limits.reason_against(window)
        future = self._executor.submit(self._score, window.crops) if reason is None and window.crops is not None else None
        self._waiting.append(_Waiting(track, self._result(window, reason), window.crops, future))
        if len(self._waiting) > _MAX_WAITING and (oldest := self._waiting[-_MAX_WAITING - 1].scores) is not None:
            oldest.result()

    def _result(self, window: Window, reason: AbstainReason | None) -> WindowResult:
        return WindowResult(
            start_s=window.start_s,
            end_s=window.end_s,
            score=None,
            fatigue_probability=None,
            label="abstain",
            coverage=window.coverage,
            abstain_reason=reason,
            quality=None if window.quality is None else WindowQuality(**dataclasses.asdict(window.quality)),
        )

    def _collect(self) -> LiveWindow:
        waiting = self._waiting.popleft()
        result = waiting.result
        if waiting.scores is not None:
            score, probability = waiting.scores.result()
            label = label_of(probability)
            result = dataclasses.replace(result, score=score, fatigue_probability=probability, label=label)
        record = self._records[waiting.track]
        if self._keep_thumbnails and waiting.crops is not None:
            record.keep_thumbnail(waiting.track, result.start_s, waiting.crops[len(waiting.crops) // 2])
        record.windows.append(result)
        return LiveWindow(track=waiting.track, window=result)

    def _reported(self) -> list[int]:
        if not self._records:
            return []
        main = max(self._records, key=lambda track: (self._records[track].presence, -track))
        if not self._all_faces:
            return [main]
        return [track for track, record in self._records.items() if track == main or record.seen_s >= MIN_SEEN_S]

    def _face(self, track: int) -> FaceReport:
        record = self._records[track]
        return aggregate(
            track=track,
            frames=record.frames,
            coverage=record.frames / self._frames,
            seen_s=record.seen_s,
            window_s=self._spec.window_s,
            windows=record.windows,
        )


def _apart(earlier: _Record, later: _Record) -> bool:
    return earlier.last_s < later.first_s


def _trajectory(track: int, positions: array[float]) -> Trajectory:
    rows = np.frombuffer(positions, np.float64).reshape(-1, 15)
    boxes = rows[:, 1:5].astype(np.float32)
    landmarks = rows[:, 5:].reshape(-1, 5, 2).astype(np.float32)
    return Trajectory(track=track, time_s=rows[:, 0].copy(), boxes=boxes, landmarks=landmarks)
