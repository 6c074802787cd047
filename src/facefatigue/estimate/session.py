"""One source being analysed: frames go in, windows of scored faces come out, and at the end a report."""

from __future__ import annotations

import dataclasses
import io
import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PIL import Image

from facefatigue.clips import Window, WindowSampler
from facefatigue.estimate.aggregate import aggregate, label_of
from facefatigue.estimate.crowd import Crowd
from facefatigue.estimate.inline import Inline
from facefatigue.estimate.report import FaceReport, Thumbnail, WindowQuality, WindowResult
from facefatigue.estimate.yardstick import Yardstick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor, Future

    import numpy as np
    from numpy.typing import NDArray

    from facefatigue.clips import ClipSpec
    from facefatigue.estimate.limits import Limits
    from facefatigue.estimate.report import AbstainReason, Trajectory
    from facefatigue.estimate.watch_signs import SignWatch
    from facefatigue.faces import Mtcnn, TrackedFace
    from facefatigue.faces.identity import Album
    from facefatigue.signs import SignSeries

    Score = Callable[[NDArray[np.uint8]], tuple[float, float]]

MAX_THUMBNAILS = 32
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
class _Timeline:
    """The windows of one track."""

    sampler: WindowSampler | None  # None once the track cannot come back: it holds a frame and a window of crops
    windows: list[WindowResult] = field(default_factory=list)
    thumbnails: list[Thumbnail] = field(default_factory=list)
    _step: int = 1
    _offered: int = 0

    def absorb(self, later: _Timeline, track: int) -> None:
        """Take over a later track of the same person; ``track`` is the number of this one."""
        self.windows += later.windows
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
        signs: Watches the signs of the faces; None: nobody does.
        yardstick: What the main face is measured by, all others by people at large; None: the main one, too.
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
        signs: SignWatch | None = None,
        yardstick: Yardstick | None = None,
    ) -> None:
        self._crowd = Crowd(detector, all_faces=all_faces, keep_trajectories=keep_trajectories)
        self._score = score
        self._spec = spec
        self._limits = limits
        self._stride_s = stride_s
        self._keep_thumbnails = keep_thumbnails
        self._executor = executor or Inline()
        self._signs = signs
        self._yardstick = yardstick or Yardstick()
        self._timelines: dict[int, _Timeline] = {}
        self._waiting: deque[_Waiting] = deque()
        self._sign_series: dict[int, SignSeries] = {}

    @property
    def frames(self) -> int:
        """Frames taken so far."""
        return self._crowd.frames

    @property
    def last_s(self) -> float:
        """Time of the last frame; -inf before the first."""
        return float(self._crowd.last_s)

    def see(self, rgb: NDArray[np.uint8], time_s: float) -> tuple[TrackedFace, ...]:
        """Take the next frame.

        Args:
            rgb: (H, W, 3) uint8 RGB, upright; kept for a while, so it must not be written to.
            time_s: Its time in seconds, greater than that of the frame before.

        Returns:
            The followed faces in it.

        Raises:
            ValueError: Time does not move forward.
        """
        faces = self._crowd.see(rgb, time_s)
        if self._signs is not None:
            self._signs.see(rgb, faces, time_s)
        for tracked in faces:
            timeline = self._timelines.get(tracked.track)
            if timeline is None:
                timeline = self._timelines[tracked.track] = _Timeline(self._sampler())
            assert timeline.sampler is not None
            for window in timeline.sampler.see(rgb, tracked.face, time_s):
                self._submit(tracked.track, window)
        for track in self._crowd.gone():  # so that memory does not grow with everybody who passes by
            self._end(track)
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
        for track in self._crowd.gone(all_of_them=True):
            self._end(track)
        for _ in self.ready(wait=True):
            pass
        for first, later in self._crowd.join_returned():
            self._timelines[first].absorb(self._timelines.pop(later), first)
            if self._signs is not None:
                self._signs.join(first, later)
        self._sign_series = {} if self._signs is None else self._signs.series(self._crowd.reported(), self.last_s)
        return tuple(self._face(track) for track in self._crowd.reported()), self._crowd.others()

    def trajectories(self) -> tuple[Trajectory, ...]:
        """Where the reported faces were; empty unless kept."""
        return self._crowd.trajectories()

    def thumbnails(self) -> tuple[Thumbnail, ...]:
        """Small pictures of the reported faces, by face and time; empty unless kept."""
        reported = (self._timelines[track].thumbnails for track in self._crowd.reported())
        return tuple(itertools.chain.from_iterable(reported))

    def sign_series(self) -> dict[int, SignSeries]:
        """What was read from the reported faces, by track, after :meth:`finish`; empty where nobody watched their signs."""
        return self._sign_series

    def albums(self) -> dict[int, Album]:
        """What the reported faces look like, by track."""
        return {track: self._crowd[track].album for track in self._crowd.reported()}

    def main(self) -> int | None:
        """The track of the main face; None where there is nobody."""
        return self._crowd.main()

    def _end(self, track: int) -> None:
        timeline = self._timelines[track]
        assert timeline.sampler is not None
        for window in timeline.sampler.finish(interrupted=self._crowd[track].last_s < self.last_s):
            self._submit(track, window)
        timeline.sampler = None
        if self._signs is not None:
            self._signs.end(track)

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
        timeline = self._timelines[waiting.track]
        if self._keep_thumbnails and waiting.crops is not None:
            timeline.keep_thumbnail(waiting.track, result.start_s, waiting.crops[len(waiting.crops) // 2])
        timeline.windows.append(result)
        return LiveWindow(track=waiting.track, window=result)

    def _face(self, track: int) -> FaceReport:
        person = self._crowd[track]
        face = aggregate(
            track=track,
            frames=person.frames,
            coverage=person.frames / self.frames,
            seen_s=person.seen_s,
            window_s=self._spec.window_s,
            windows=self._timelines[track].windows,
        )
        series = self._sign_series.get(track)
        if series is None:
            return face
        yardstick = self._yardstick if track == self._crowd.main() else self._yardstick.of_others
        signs = yardstick.signs(series)
        return dataclasses.replace(
            face, signs=signs, comparison=yardstick.comparison(signs, face), fusion=yardstick.fusion(signs, face)
        )
