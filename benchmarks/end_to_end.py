"""Frames per second, time by stage and peak memory of ``predict``, and the ratio to the published pipeline.

    python benchmarks/end_to_end.py [VIDEO ...] [--reference] [--engine NAME] [--repeats 3] [--markdown FILE]

Each video is measured in a process of its own; peak memory is that of the process after its first run. End to end means
decoding, following the face, sampling, network and report, after the model has been loaded. Faces, clips and network are
timed within that run, decoding in a pass of its own: it runs ahead in a thread, and the network in another, so that stages
may add up to more than the whole. ``--reference`` runs the
published pipeline beside it: the full cascade on every frame padded by 200 px, 32 consecutive frames at 224 px, width 64,
PyTorch. Without arguments the reference material beside the project is used (a 640x480 driver, the same scaled to 1080p,
and a crowd at 1080p), else the shipped sample.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

SHARED_MEDIA = Path(__file__).parent.parent.parent / "shared" / "media"
REFERENCE_FRAMES = 64
COLUMNS = (
    ("video", "video"),
    ("size", "size"),
    ("frames_per_s", "frames/s"),
    ("decode_ms", "decode ms/frame"),
    ("faces_ms", "faces ms/frame"),
    ("clips_ms", "clips ms/frame"),
    ("network_ms", "network ms/frame"),
    ("signs_ms", "signs ms/frame"),
    ("peak_mb", "peak MB"),
)


def measure(video: str, engine: str, repeats: int, *, signs: bool) -> dict[str, Any]:
    """Analyse one video a few times in this process; the figures are of the fastest run."""
    from facefatigue.clips.window import WindowSampler
    from facefatigue.estimate import Estimator
    from facefatigue.faces.track import FaceTracker
    from facefatigue.landmarks import LandmarkFollower
    from facefatigue.video import open_video

    best: dict[str, Any] = {}
    peak_mb = 0.0
    for _ in range(repeats):
        spent: dict[str, float] = defaultdict(float)
        with Estimator(engine=engine, signs=signs) as estimator:  # type: ignore[arg-type]
            estimator._engine.run = _timed(estimator._engine.run, spent, "network_ms")  # type: ignore[method-assign]
            step, see, read = FaceTracker.step, WindowSampler.see, LandmarkFollower.read
            FaceTracker.step = _timed(step, spent, "faces_ms")  # type: ignore[method-assign]
            WindowSampler.see = _timed_list(see, spent, "clips_ms")  # type: ignore[method-assign]
            if signs:
                LandmarkFollower.read = _timed(read, spent, "signs_ms")  # type: ignore[method-assign]
            start_s = time.perf_counter()
            report = estimator.analyze(video).report
            whole_s = time.perf_counter() - start_s
            FaceTracker.step, WindowSampler.see = step, see  # type: ignore[method-assign]
            LandmarkFollower.read = read  # type: ignore[method-assign]
        frames = report.source.frames
        peak_mb = peak_mb or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        start_s = time.perf_counter()
        with open_video(video) as opened:
            for _frame in opened:
                pass
        spent["decode_ms"] = time.perf_counter() - start_s
        if not best or frames / whole_s > best["frames_per_s"]:
            best = {
                "video": Path(video).name,
                "size": f"{report.source.width}x{report.source.height}",
                "frames": frames,
                "frames_per_s": frames / whole_s,
                "peak_mb": peak_mb,
                "engine": report.model.engine,
                **{stage: 1000 * seconds / frames for stage, seconds in spent.items()},
            }
    return best


def _timed(function: Callable[..., Any], spent: dict[str, float], stage: str) -> Callable[..., Any]:
    def timed(*args: Any, **kwargs: Any) -> Any:
        start_s = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            spent[stage] += time.perf_counter() - start_s

    return timed


def _timed_list(function: Callable[..., Any], spent: dict[str, float], stage: str) -> Callable[..., Any]:
    return _timed(lambda *args: list(function(*args)), spent, stage)


def measure_reference(video: str) -> dict[str, Any]:
    """The published pipeline on the first frames of a video: cascade on every padded frame, width 64 at 224 px, PyTorch."""
    import numpy as np
    import torch

    from facefatigue.clips import clip_from_crops
    from facefatigue.faces import Mtcnn, align_face
    from facefatigue.model.config import ModelConfig
    from facefatigue.model.network import FatigueNet
    from facefatigue.video import open_video

    config = ModelConfig(name="reference", version="0", licence="none", training_data="none (random weights)", metrics={})
    network = FatigueNet(config).eval()
    detector = Mtcnn()
    crops: list[Any] = []
    frames = 0
    start_s = time.perf_counter()
    with open_video(video) as opened, torch.inference_mode():
        for frame in opened:
            padded = np.pad(frame.rgb, ((200, 200), (200, 200), (0, 0)))
            faces = detector.detect(padded)
            if faces:
                face = max(faces, key=lambda found: found.size_px)
                crops.append(align_face(padded, face.landmarks, config.size_px, round_eye_centre=True))
            if len(crops) == config.frames:
                network(torch.from_numpy(clip_from_crops(np.stack(crops)))[None])
                crops.clear()
            frames += 1
            if frames == REFERENCE_FRAMES:
                break
    return {"frames_per_s": frames / (time.perf_counter() - start_s), "frames": frames}


def in_own_process(*arguments: str) -> dict[str, Any]:
    """Run this file again for one measurement; returns what it prints."""
    command = [sys.executable, __file__, *arguments]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    measured: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return measured


def default_videos(folder: Path) -> list[str]:
    """The reference material beside the project, or the shipped sample."""
    driver = SHARED_MEDIA / "yawdd" / "1.avi"
    if not driver.exists():
        from facefatigue.api import sample_video

        return [str(sample_video())]
    return [
        str(driver),
        scaled(driver, folder / "1_scaled_to_1080p.mp4"),
        str(SHARED_MEDIA / "edge_cases" / "crowd_1080p.mp4"),
    ]


def scaled(source: Path, path: Path) -> str:
    """Encode a video at 1440x1080 beside two grey bars: 1920x1080."""
    import av
    import numpy as np

    from facefatigue.video import open_video

    with open_video(source) as opened, av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        for frame in opened:
            large = av.VideoFrame.from_ndarray(frame.rgb, format="rgb24").reformat(1440, 1080).to_ndarray(format="rgb24")
            canvas = np.pad(large, ((0, 0), (240, 240), (0, 0)), constant_values=128)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(canvas, np.uint8), format="rgb24")))
        container.mux(stream.encode())
    return str(path)


def table(rows: list[dict[str, Any]]) -> str:
    """The figures as a Markdown table."""
    columns = [
        *COLUMNS,
        ("plain_frames_per_s", "without signs frames/s"),
        ("reference_frames_per_s", "published pipeline frames/s"),
        ("ratio", "ratio without signs"),
    ]
    columns = [column for column in columns if any(column[0] in row for row in rows)]
    lines = ["| " + " | ".join(title for _, title in columns) + " |", "|" + "---|" * len(columns)]
    for row in rows:
        cells = [row.get(key, "") for key, _ in columns]
        shown = [f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in cells]
        lines.append("| " + " | ".join(shown) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="*")
    parser.add_argument("--reference", action="store_true", help="also run the published pipeline, slowly")
    parser.add_argument("--engine", default="auto", choices=("auto", "onnxruntime", "openvino", "torch"))
    parser.add_argument("--repeats", type=int, default=3, help="the fastest of so many runs counts")
    parser.add_argument("--markdown", type=Path, help="also write the table to this file")
    parser.add_argument("--one", choices=("product", "plain", "reference"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one in ("product", "plain"):
        print(json.dumps(measure(args.videos[0], args.engine, args.repeats, signs=args.one == "product")))
        return
    if args.one == "reference":
        print(json.dumps(measure_reference(args.videos[0])))
        return
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for video in args.videos or default_videos(Path(folder)):
            given = ("--engine", args.engine, "--repeats", str(args.repeats), video)
            row = in_own_process("--one", "product", *given)
            row["plain_frames_per_s"] = in_own_process("--one", "plain", *given)["frames_per_s"]
            if args.reference:
                row["reference_frames_per_s"] = in_own_process("--one", "reference", video)["frames_per_s"]
                row["ratio"] = row["plain_frames_per_s"] / row["reference_frames_per_s"]
            rows.append(row)
            print(f"{row['video']}: {row['frames_per_s']:.0f} frames/s", file=sys.stderr)
    import os

    heading = f"{rows[0]['engine']}, {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"
    text = f"{heading}\n\n{table(rows)}\n"
    print(text)
    if args.markdown:
        args.markdown.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
