"""Short recordings as volunteers make them, well or badly, from the frames of the sample video."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from facefatigue import sample_video
from facefatigue.video import open_video

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

RATE_HZ = 10


@cache
def faces(seconds: float = 6.0) -> tuple[Any, ...]:
    """Frames of a face, (360, 480, 3) uint8, ten a second."""
    found = []
    with open_video(sample_video()) as video:
        for frame in video:
            if frame.time_s >= seconds:
                break
            if frame.time_s >= len(found) / RATE_HZ - 1e-6:
                found.append(frame.rgb)
    return tuple(found)


def film(
    path: Path,
    frames: Iterable[Picture],
    *,
    codec: str = "mpeg4",
    form: str | None = None,
    rate_hz: float = RATE_HZ,
    loudness: float | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a video.

    Args:
        path: The suffix chooses the container unless `form` does.
        frames: (H, W, 3) uint8.
        codec: Of the picture.
        form: Container.
        rate_hz: Frames a second.
        loudness: Amplitude of a sine of 440 Hz, 0 to 1; None: no sound track.
        options: For the container.
    """
    frames = list(frames)
    with av.open(str(path), "w", format=form, options=options or {}) as output:
        stream: Any = output.add_stream(codec, rate=Fraction(rate_hz).limit_denominator(1001))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.bit_rate = 2_000_000
        sound: Any = None
        if loudness is not None:
            sound = output.add_stream("libopus" if str(path).endswith("webm") else "aac", rate=48000, layout="mono")
            times = np.arange(int(48000 * len(frames) / rate_hz)) / 48000
            wave = (loudness * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
            for start in range(0, len(wave) - 960, 960):
                piece = av.AudioFrame.from_ndarray(wave[None, start : start + 960], format="fltp", layout="mono")
                piece.sample_rate, piece.pts, piece.time_base = 48000, start, Fraction(1, 48000)
                output.mux(sound.encode(piece))
            output.mux(sound.encode(None))
        for frame in frames:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        output.mux(stream.encode(None))
    return path


def changed(change: Callable[[Picture], Any], seconds: float = 6.0) -> list[Picture]:
    """The face's frames, each changed."""
    return [np.ascontiguousarray(change(frame)).astype(np.uint8) for frame in faces(seconds)]
