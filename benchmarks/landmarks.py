"""Time of the landmarker on one core: the cut of the square, both nets, the turn of the head.

    python benchmarks/landmarks.py [VIDEO ...] [--frames 200] [--repeats 3]

Every frame is decoded and its main face tracked beforehand, so that nothing but the landmarker is timed, on one thread. The
figures are medians over the frames, in milliseconds, of the fastest repeat. Without arguments the reference material beside
the project is used (a 640x480 driver and a talking face), else the shipped sample. The figures mean something only on a
machine with nothing else to do; the load average is printed with them.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from facefatigue import sample_video
from facefatigue.faces import Face, FaceTracker, Mtcnn
from facefatigue.faces.align import warp
from facefatigue.landmarks import FaceReading, Landmarker, LandmarkFollower, head_pose
from facefatigue.landmarks.landmarker import BLENDSHAPE_POINTS, INPUT_PX
from facefatigue.landmarks.region import region_of_points
from facefatigue.video import open_video

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    Frames = list[tuple[NDArray[np.uint8], Face | None]]

SHARED_MEDIA = Path(__file__).parent.parent.parent / "shared" / "media"
REFERENCE = (SHARED_MEDIA / "yawdd" / "1.avi", SHARED_MEDIA / "talking_face" / "franck.mp4")
COLUMNS = ("video", "size", "face px", "frames", "whole ms", "cut ms", "points ms", "blendshapes ms", "turn ms")


def tracked(video: Path, count: int) -> Frames:
    """The first frames of a video with its main face."""
    tracker, frames = FaceTracker(Mtcnn(), largest_only=True), []
    with open_video(video) as opened:
        for frame in opened:
            faces = tracker.step(frame.rgb, frame.time_s)
            frames.append((frame.rgb, faces[0].face if faces else None))
            if len(frames) == count:
                break
    return frames


def measure(video: Path, count: int, repeats: int, landmarker: Landmarker) -> list[str]:
    """One row of the table."""
    frames = tracked(video, count)
    sizes = [face.size_px for _, face in frames if face is not None]
    if not sizes:
        raise SystemExit(f"error: {video}: no face in its first {count} frames")
    best = min((_pass(frames, landmarker) for _ in range(repeats)), key=lambda times: times[0])
    height, width = frames[0][0].shape[:2]
    shown = [f"{value:.2f}" for value in best]
    return [video.name, f"{width}x{height}", f"{statistics.median(sizes):.0f}", str(len(sizes)), *shown]


def _pass(frames: Frames, landmarker: Landmarker) -> list[float]:
    whole: list[float] = []
    parts: list[list[float]] = []
    follower = LandmarkFollower(landmarker)
    last: FaceReading | None = None
    for rgb, face in frames:
        start_s = time.perf_counter()
        reading = follower.read(rgb, face)
        taken_s = time.perf_counter() - start_s
        if reading is not None and last is not None:  # followed, not started anew
            whole.append(taken_s)
            parts.append(_parts(rgb, last, reading, landmarker))
        last = reading
    return [1000 * statistics.median(times) for times in (whole, *zip(*parts, strict=True))]


def _parts(rgb: NDArray[np.uint8], last: FaceReading, reading: FaceReading, landmarker: Landmarker) -> list[float]:
    matrix = region_of_points(last.points).matrix(INPUT_PX)
    crop = warp(rgb, matrix, INPUT_PX, resampling=Image.Resampling.BILINEAR)
    chosen = reading.points[None, list(BLENDSHAPE_POINTS), :2]
    steps: Sequence[Callable[[], Any]] = (
        lambda: warp(rgb, matrix, INPUT_PX, resampling=Image.Resampling.BILINEAR),
        lambda: landmarker._points.run(None, {"image": crop[None]}),
        lambda: landmarker._blendshapes.run(None, {"points": chosen}),
        lambda: head_pose(reading.points),
    )
    times = []
    for step in steps:
        start_s = time.perf_counter()
        step()
        times.append(time.perf_counter() - start_s)
    return times


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path, nargs="*")
    parser.add_argument("--frames", type=int, default=200, help="so many first frames of each video")
    parser.add_argument("--repeats", type=int, default=3, help="the fastest of so many runs counts")
    args = parser.parse_args()
    videos = args.videos or [video for video in REFERENCE if video.exists()] or [Path(sample_video())]
    landmarker = Landmarker()
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    print(f"one thread of {os.cpu_count()} cores ({platform.machine()}), load average {load}\n")
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS))
    for video in videos:
        print("| " + " | ".join(measure(video, args.frames, args.repeats, landmarker)) + " |", flush=True)


if __name__ == "__main__":
    main()
