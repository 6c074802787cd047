"""Videos made on the spot, and where the optional reference material is."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from facefatigue.estimate.report import Analysis

SHARED = Path(__file__).parent.parent.parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference material beside the project; tests that need it are skipped without it."""
    if not SHARED.is_dir():
        pytest.skip("no reference material beside the project")
    return SHARED


@pytest.fixture(scope="session")
def sample() -> Path:
    """The sample video that ships with the package."""
    import facefatigue

    return facefatigue.sample_video()


def quadrants(width: int = 96, height: int = 64) -> np.ndarray:
    """(H, W, 3) uint8: red top left, green top right, blue bottom left, black bottom right."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = (255, 0, 0)
    image[: height // 2, width // 2 :] = (0, 255, 0)
    image[height // 2 :, : width // 2] = (0, 0, 255)
    return image


@pytest.fixture
def write_video(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes frames to a video file in the test's own folder."""

    def write(
        name: str = "video.mp4",
        frames: Sequence[np.ndarray] | None = None,
        *,
        rate: int = 25,
        pts: Sequence[int] | None = None,
        codec: str = "libx264",
        pixel_format: str = "yuv420p",
        source_format: str = "rgb24",
        rotation_deg: int | None = None,
        matrix: list[int] | None = None,
        options: dict[str, str] | None = None,
        sample_aspect_ratio: Fraction | None = None,
        sound: bool = False,
    ) -> Path:
        path = tmp_path / name
        frames = [quadrants()] * 10 if frames is None else frames
        height, width = frames[0].shape[:2]
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=rate, options=options or {})
            stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
            if pts is not None:
                stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
            if rotation_deg is not None:
                stream.set_display_rotation(rotation_deg)
            if matrix is not None:
                stream.set_display_matrix(matrix)
            if sample_aspect_ratio is not None:
                stream.codec_context.sample_aspect_ratio = sample_aspect_ratio
            audio = container.add_stream("aac", rate=44100) if sound else None
            for index, image in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(image, format=source_format)
                if pts is not None:
                    frame.pts, frame.time_base = pts[index], Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
            if audio is not None:
                container.mux(_tone(audio, len(frames) / rate))
        return path

    return write


def _tone(stream: av.audio.stream.AudioStream, seconds: float) -> list[av.Packet]:
    samples = (0.2 * np.sin(np.arange(int(44100 * seconds)) * 2 * np.pi * 440 / 44100)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
    frame.sample_rate = 44100
    return [*stream.encode(frame), *stream.encode()]


FRAMES, SIZE_PX = 8, 32


def write_list(folder: Path, scores: np.ndarray, *, subjects: int = 3) -> Path:
    """A manifest and one shard; the left half of every frame is the brighter the higher the score is."""
    (folder / "shards").mkdir(parents=True)
    crops = np.random.default_rng(len(scores)).integers(0, 40, (len(scores), FRAMES, SIZE_PX, SIZE_PX, 3))
    crops[:, :, :, : SIZE_PX // 2] += (scores * 200).astype(int).reshape(-1, 1, 1, 1, 1)
    np.save(folder / "shards" / "0.npy", crops.astype(np.uint8))
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["clip", "subject", "score", "blinks"])
        writer.writerows(
            [f"shards/0.npy#{index}", f"{folder.name}-{index % subjects}", score, 10 + index % 4]
            for index, score in enumerate(scores)
        )
    return folder / "manifest.csv"


@pytest.fixture
def lists(tmp_path: Path) -> tuple[Path, Path]:
    """A training list of 17 clips and a validation list of 7, the manifests."""
    random = np.random.default_rng(1)
    return (
        write_list(tmp_path / "train", random.random(17)),
        write_list(tmp_path / "val", np.append(random.random(5), [0.1, 0.9])),
    )


@pytest.fixture
def write_clips() -> Callable[..., Path]:
    """The function that writes a list of clips, for more of them."""
    return write_list


@pytest.fixture
def film() -> Callable[..., Analysis]:
    """A function that makes the analysis of somebody who blinks every few seconds, as :class:`Estimator` gives it."""
    from facefatigue.estimate.report import Analysis, FaceReport, ModelInfo, Report, SourceInfo, WindowQuality, WindowResult
    from facefatigue.faces.identity import Album
    from facefatigue.signs import SignSeries

    def make(
        duration_s: float = 120.0,
        *,
        looks: int | None = 0,
        every_s: float = 3.0,
        brightness: float = 0.4,
        score: float | None = 0.2,
        others: int = 0,
        faces: int = 1,
        name: str = "alert.mp4",
    ) -> Analysis:
        """``looks`` is a seed: faces with different ones do not look alike."""
        time_s = np.arange(int(duration_s * 30)) / 30
        # Some blinks are longer than others.
        long_s = 0.12 + 0.05 * ((time_s // every_s) % 3)
        shut = np.clip(1.3 * (1 - np.abs(time_s % every_s - every_s / 2) / long_s), 0, 1)
        lids = (0.8 - (0.6 - 0.02 * ((time_s // every_s) % 4)) * shut + 0.004 * np.sin(37 * time_s)).astype(np.float32)
        zero = np.zeros(len(time_s), np.float32)
        series = SignSeries(
            time_s=time_s, openness=np.stack([lids, lids], axis=1), mouth_open=zero, smile=zero, squint=zero, gaze_down=zero,
            yaw_rad=zero, pitch_rad=zero, roll_rad=zero, eye_visible=np.ones((len(time_s), 2), np.bool_), start_s=0.0,
            end_s=duration_s,
        )  # fmt: skip
        quality = WindowQuality(eye_distance_px=60.0, brightness=brightness, sharpness=200.0, yaw=0.0, roll_deg=0.0)
        windows = tuple(
            WindowResult(
                start_s=start_s, end_s=start_s + 3.0, score=None if score is None else score + 0.02 * (start_s % 2),
                fatigue_probability=score, label="abstain" if score is None else "alert", coverage=1.0,
                abstain_reason="too_blurred" if score is None else None, quality=quality,
            )
            for start_s in np.arange(0, duration_s - 3, 3.0).tolist()
        )  # fmt: skip
        album = Album()
        if looks is not None:
            face = np.random.default_rng(looks).normal(size=506)
            for number in range(4):
                look = face + np.random.default_rng(number).normal(0, 0.1, 506)
                look -= look.mean()
                album.add((look / np.linalg.norm(look)).astype(np.float32))
        report = Report(
            source=SourceInfo(
                path=name, duration_s=duration_s, frames=len(time_s), width=64, height=48, rotation_deg=0,
                variable_frame_rate=False,
            ),
            model=ModelInfo(name="some-model", version="1.0.0", sha256="ab" * 32, licence="none", engine="onnxruntime"),
            faces=tuple(
                FaceReport(
                    track=track, frames=len(time_s), coverage=1.0, score=score, score_interval=None, fatigue_probability=score,
                    label="abstain" if score is None else "alert", abstain_reason="too_blurred" if score is None else None,
                    windows=windows,
                )
                for track in range(faces)
            ),
        )  # fmt: skip
        tracks = range(faces)
        return Analysis(
            report=report, sign_series=dict.fromkeys(tracks, series), albums=dict.fromkeys(tracks, album), others=others
        )

    return make
