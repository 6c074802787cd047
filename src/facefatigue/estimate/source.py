"""What a report says about its source, and the frames of a source up to a limit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from facefatigue.estimate.report import SourceInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from facefatigue.signs import Baseline
    from facefatigue.video import Frame, Video

    # (frames done, time in seconds, stated length in seconds or None)
    Progress = Callable[[int, float, float | None], None]

# Where a warning says how to see everybody; what has no such option leaves it out.
ALL_FACES_HINT = " (--all-faces reports all)"


def frames_of(video: Video, max_duration_s: float | None, progress: Progress | None) -> Iterator[Frame]:
    """The frames of a video, with word of how far it is after each was worked on.

    Args:
        video: Opened, not read from yet.
        max_duration_s: Stop after this many seconds; None: at its end.
        progress: Called when the next frame is asked for.
    """
    limit_s = math.inf if max_duration_s is None else max_duration_s
    for count, frame in enumerate(video, start=1):
        if frame.time_s >= limit_s:
            return
        yield frame
        if progress is not None:
            progress(count, frame.time_s, video.info.duration_s)


def source_info(video: Video, frames: int, last_s: float) -> SourceInfo:
    """What was read.

    Args:
        video: Read to its end, or to a limit.
        frames: How many frames were analysed.
        last_s: Time of the last of them.
    """
    interval_s = video.clock.mean_interval_s
    # Cut short by a limit, the length is that of the frames that were analysed.
    read_s = video.clock.duration_s if video.exhausted else last_s + (video.clock.median_interval_s or 0.0)
    return SourceInfo(
        path=str(video.location),
        duration_s=max(read_s, 0.0),
        frames=frames,
        width=video.info.width,
        height=video.info.height,
        rotation_deg=video.info.rotation_deg,
        mirrored=video.info.mirrored,
        variable_frame_rate=video.clock.variable,
        frame_rate_hz=1 / interval_s if interval_s else None,
        timestamp_repairs=dict(video.clock.repairs),
        corrupt_frames=video.corrupt_frames,
    )


def video_warnings(video: Video) -> list[str]:
    """What the reader should know of how the video could be read."""
    warnings = []
    if repairs := video.clock.repairs:
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(repairs.items()))
        warnings.append(f"Timestamps were repaired ({counts}); times may be off around those frames.")
    if video.corrupt_frames:
        warnings.append(f"The decoder met {video.corrupt_frames} damaged frames or packets; what could be read was used.")
    if video.ended_early:
        warnings.append("The file ends before its stated end; it was probably cut off.")
    if video.dropped_frames:
        warnings.append(f"{video.dropped_frames} frames came faster than they could be analysed and were left out.")
    return warnings


def face_warnings(
    reported: int, others: int, *, all_faces: bool, main: int | None = None, baseline: Baseline | None = None
) -> list[str]:
    """What the reader should know of who is not reported, and whose face a baseline was laid on.

    Args:
        reported: How many faces are reported.
        others: How many more were seen.
        all_faces: Whether all were asked for.
        main: The track of the main face.
        baseline: What that face was compared with.
    """
    warnings = []
    if others and not all_faces and reported:
        plural = "track" if others == 1 else "tracks"
        warnings.append(f"Only the main face is reported; {others} more {plural} of a face were seen{ALL_FACES_HINT}.")
    if baseline is not None and reported and reported + others > 1:
        which = f" (face {main})" if reported > 1 else ""
        warnings.append(
            f"Several faces were seen: the baseline {baseline.name} was held against the main one{which} alone; "
            "that it shows this person was not checked."
        )
    return warnings
