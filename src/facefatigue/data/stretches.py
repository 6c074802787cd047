"""Stretches of a video, each followed by a session of its own while every frame is decoded once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from facefatigue.video import open_video

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from facefatigue.estimate.report import FaceReport
    from facefatigue.estimate.session import Session
    from facefatigue.video import Video


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A part of a video.

    Attributes:
        start_s: In seconds.
        end_s: In seconds, not itself part of it; None: the end of the video.
    """

    start_s: float = 0.0
    end_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Followed:
    """What a session saw of a stretch.

    Attributes:
        face: The main face; None where there is none.
        problem: Why there is no face; None where there is one.
    """

    face: FaceReport | None
    problem: str | None


def follow_stretches(
    video: Path,
    stretches: Sequence[Stretch],
    open_session: Callable[[int], Session],
    finished: Callable[[int, Followed], None],
) -> tuple[str, ...]:
    """Run a session over each stretch, by the very code that `predict` runs.

    Args:
        video: The file.
        stretches: In order of time, not overlapping.
        open_session: Called with the number of a stretch when its first frame comes.
        finished: Called with the number of a stretch and what was seen, in order.

    Returns:
        What is odd about the video, one text each.

    Raises:
        SourceError: The video cannot be read.
    """
    waiting = deque(range(len(stretches)))
    session: Session | None = None

    def end() -> None:
        nonlocal session
        finished(waiting.popleft(), _seen(session))
        session = None

    with open_video(video) as frames:
        for frame in frames:
            while waiting and _is_over(stretches[waiting[0]], frame.time_s):
                end()
            if not waiting:
                break
            if frame.time_s < stretches[waiting[0]].start_s:
                continue
            if session is None:
                session = open_session(waiting[0])
            session.see(frame.rgb, frame.time_s)
            for _ in session.ready():
                pass
        while waiting:
            end()
        return _notes(frames)


def _is_over(stretch: Stretch, time_s: float) -> bool:
    return stretch.end_s is not None and time_s >= stretch.end_s


def _seen(session: Session | None) -> Followed:
    if session is None:
        return Followed(face=None, problem="the video ends before it starts")
    faces, _ = session.finish()
    return Followed(face=faces[0], problem=None) if faces else Followed(face=None, problem="no face was found")


def _notes(video: Video) -> tuple[str, ...]:
    notes = []
    if video.ended_early:
        notes.append("the file ends before its stated end; it was probably cut off")
    if video.corrupt_frames:
        notes.append(f"{video.corrupt_frames} damaged frames or packets")
    return tuple(notes)
