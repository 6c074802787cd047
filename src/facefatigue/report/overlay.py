"""The overlay video: a second pass over the source that draws what the report says onto each frame."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from facefatigue.atomic import atomic_path, output_error
from facefatigue.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefatigue.estimate.report import Analysis
    from facefatigue.video import Video

_log = logging.getLogger(__name__)


def write_overlay(
    source: str,
    analysis: Analysis,
    path: Path,
    *,
    until_s: float = math.inf,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write the source as an H.264 MP4 with the face box, score and class, signs, and the timeline with a cursor.

    Every frame is kept at its own time, so that a variable frame rate stays variable, and starts at 0. The sound is kept
    in step: copied where MP4 can hold it, else encoded again as AAC. Where the timestamps of the recording jump (the clock
    counts a repair of kind "jump") the sound ends, as nothing says any longer which sound belongs to which frame. Memory
    does not grow with the length.

    Args:
        source: The video that the analysis was made of; a file or an http address, as it is read a second time.
        analysis: The report, with the trajectories of its faces, and what their signs were measured from.
        path: Where to, ending in .mp4.
        until_s: Frames from this time on are left out, as they were of the analysis.
        progress: Called after each frame with the number of frames done.

    Raises:
        UsageError: A camera or a live stream, which cannot be read twice, or another suffix.
        SourceError: The source cannot be read any more.
        OutputError: The video cannot be written.
    """
    import av  # slow to import

    from facefatigue.video import locate, open_video

    if path.suffix.lower() != ".mp4":
        raise UsageError(f"{path}: an overlay video is written as .mp4")
    location = locate(source)
    if location.live:
        raise UsageError(f"{location}: an overlay needs a second pass, which a live source does not have; record it first")
    with atomic_path(path) as partial, open_video(source) as video:
        try:
            _encode(video, analysis, partial, until_s, progress)
        except av.FFmpegError as error:  # what is wrong with the source is met, and counted, by the video itself
            raise output_error(path, error) from error
    if video.corrupt_frames:
        _log.info("%s: %d damaged packets or frames were passed over in the overlay", location, video.corrupt_frames)


def _encode(video: Video, analysis: Analysis, partial: Path, until_s: float, progress: Callable[[int], None] | None) -> None:
    from facefatigue.report.drawing import FrameArtist
    from facefatigue.report.encode import Mp4Writer
    from facefatigue.report.sound import open_sound

    artist = FrameArtist(analysis, video.info.width, video.info.height)
    with Mp4Writer(partial, video.info.width, video.info.height, video.info.frame_rate_hz) as writer:
        sound = open_sound(video.location, video.info, writer.container)
        try:
            for frame in video:
                if frame.time_s >= until_s:
                    break
                if video.clock.repairs["jump"] and sound is not None:
                    sound.end()
                writer.write(artist.draw(frame.rgb, frame.time_s), frame.time_s)
                if sound is not None:
                    sound.write_until(frame.time_s)
                if progress is not None:
                    progress(frame.index + 1)
            if sound is not None:
                sound.write_until(min(video.clock.duration_s, until_s))
        finally:
            if sound is not None:
                sound.end()
