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
