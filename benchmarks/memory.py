"""Peak and course of memory over a long video.

    python benchmarks/memory.py [VIDEO] [--minutes 30]

The video is repeated, without encoding it again, until it is long enough; then ``predict``'s analysis runs over it and
resident memory is read once a minute of video.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import av
import psutil

from facefatigue.api import sample_video
from facefatigue.estimate import Estimator
from facefatigue.video import probe

DRIVER = Path(__file__).parent.parent.parent / "shared" / "media" / "yawdd" / "1.avi"


def repeat(source: Path, path: Path, seconds: float) -> Path:
    """Write the packets of a video again and again, each time later, until it lasts so long."""
    length_s = probe(source).duration_s
    if length_s is None:
        raise SystemExit(f"{source}: does not say how long it is; take another video")
    with av.open(str(path), "w") as out:
        stream = None
        offset_s = 0.0
        while offset_s < seconds:
            with av.open(str(source)) as container:
                video = container.streams.video[0]
                stream = stream or out.add_stream_from_template(video)
                assert video.time_base is not None
                shift = round(offset_s / video.time_base)
                for packet in container.demux(video):
                    if packet.dts is None:
                        continue
                    packet.pts = (packet.pts if packet.pts is not None else packet.dts) + shift
                    packet.dts += shift
                    packet.stream = stream
                    out.mux(packet)
                offset_s += length_s
    return path


def main() -> None:
    """Print resident memory over the minutes of a long video."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", nargs="?", type=Path)
    parser.add_argument("--minutes", type=float, default=30)
    args = parser.parse_args()
    process = psutil.Process()
    with tempfile.TemporaryDirectory() as folder:
        source = args.video or (DRIVER if DRIVER.exists() else sample_video())
        video = repeat(source, Path(folder) / "long.mkv", 60 * args.minutes)
        minutes: list[tuple[int, float]] = []

        def watch(frames: int, time_s: float, duration_s: float | None) -> None:  # noqa: ARG001
            if time_s >= 60 * len(minutes):
                minutes.append((len(minutes), process.memory_info().rss / 2**20))
                print(f"{minutes[-1][0]:4d} min  {minutes[-1][1]:6.0f} MB  ({frames} frames)", flush=True)

        start_s = time.perf_counter()
        with Estimator() as estimator:
            analysis = estimator.analyze(video, progress=watch, keep_trajectories=True, keep_thumbnails=True)
        taken_s = time.perf_counter() - start_s
    source_info = analysis.report.source
    print(f"{source_info.duration_s / 60:.1f} min, {source_info.frames} frames in {taken_s:.0f} s")
    half = [megabytes for _, megabytes in minutes[len(minutes) // 2 :]]
    print(f"second half of the video: {min(half):.0f} to {max(half):.0f} MB")


if __name__ == "__main__":
    main()
