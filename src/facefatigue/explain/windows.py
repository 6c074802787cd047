"""The windows of a video that are explained, cut out of it again by the very code that cut them for their score."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from facefatigue.clips import WindowSampler
from facefatigue.errors import BrokenVideoError, UsageError
from facefatigue.estimate.source import frames_of
from facefatigue.faces import Face
from facefatigue.video import open_video

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from facefatigue.clips import ClipSpec
    from facefatigue.estimate.report import FaceReport, Trajectory, WindowResult
    from facefatigue.estimate.source import Progress

# A number is a time in seconds.
Choice = Literal["worst", "best", "all"] | float
_SAME_S = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class CutWindow:
    """A window that was scored, with what the network saw of it.

    Attributes:
        result: What the report says of it.
        crops: (T, S, S, 3) uint8 RGB.
    """

    result: WindowResult
    crops: NDArray[np.uint8]


def choose_windows(face: FaceReport, choice: Choice) -> list[WindowResult]:
    """The windows that are meant, in order of time.

    Args:
        face: With its windows.
        choice: "worst", the highest score; "best", the lowest; "all" that have a score; or a time in seconds.

    Raises:
        UsageError: No window with a score covers that time; the text says when there are windows.
    """
    scored = [(window.score, window) for window in face.windows if window.score is not None]
    if not scored or choice == "all":
        return [window for _, window in scored]
    if choice == "worst":
        return [max(scored, key=lambda entry: entry[0])[1]]
    if choice == "best":
        return [min(scored, key=lambda entry: entry[0])[1]]
    assert not isinstance(choice, str)
    covering = [window for _, window in scored if window.start_s - _SAME_S <= choice < window.end_s - _SAME_S]
    if not covering:
        nearest = min((window for _, window in scored), key=lambda window: abs(window.start_s - choice))
        raise UsageError(
            f"no scored window covers {choice:g} s; the nearest one is from {nearest.start_s:.1f} to {nearest.end_s:.1f} s"
        )
    return covering[:1]


def cut_windows(
    source: str,
    trajectory: Trajectory,
    windows: Sequence[WindowResult],
    spec: ClipSpec,
    *,
    max_duration_s: float | None = None,
    progress: Progress | None = None,
) -> Iterator[CutWindow]:
    """Read a video a second time and cut windows out of it; holds one window at a time.

    Args:
        source: What was analysed; read up to the end of the last window.
        trajectory: Where the face was, as the analysis kept it.
        windows: The wanted windows, in order of time.
        spec: Of the clips.
        max_duration_s: Where the analysis stopped, if before the end.
        progress: As for :meth:`facefatigue.Estimator.analyze`.

    Raises:
        SourceError: The video cannot be read, or is no longer the one that was analysed.
    """
    wanted = list(windows)
    sampler = WindowSampler(frames=spec.frames, frame_rate_hz=spec.frame_rate_hz, size_px=spec.size_px)
    with open_video(source) as video:
        for frame in frames_of(video, max_duration_s, progress):
            if not wanted:
                return
            face = face_at(trajectory, frame.time_s)
            if face is not None:
                for window in sampler.see(frame.rgb, face, frame.time_s):
                    if wanted and abs(window.start_s - wanted[0].start_s) < _SAME_S and window.crops is not None:
                        yield CutWindow(result=wanted.pop(0), crops=window.crops)
        for window in sampler.finish():
            if wanted and abs(window.start_s - wanted[0].start_s) < _SAME_S and window.crops is not None:
                yield CutWindow(result=wanted.pop(0), crops=window.crops)
    if wanted:
        gone = f"the window at {wanted[0].start_s:.1f} s is gone"
        raise BrokenVideoError(f"{video.location}: {gone}; did the file change while it was read?")


def face_at(trajectory: Trajectory, time_s: float) -> Face | None:
    """The face in the frame of this very time; None where it was not seen."""
    index = int(np.searchsorted(trajectory.time_s, time_s - _SAME_S))
    if index == len(trajectory.time_s) or not math.isclose(trajectory.time_s[index], time_s, abs_tol=_SAME_S):
        return None
    return Face(
        box=trajectory.boxes[index].astype(np.float64),
        probability=1.0,
        landmarks=trajectory.landmarks[index].astype(np.float64),
    )
