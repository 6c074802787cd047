"""How loud a recording is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import av
import numpy as np

from facefatigue.video.container import open_container

if TYPE_CHECKING:
    from facefatigue.video import Location

# All are brought to this form: one channel, 32-bit floats from -1 to 1.
_RATE_HZ = 16_000


def sound_level_db(location: Location, longest_s: float) -> float | None:
    """RMS level of the first sound track against full scale (dBFS), to 0.1 dB.

    Args:
        location: The recording.
        longest_s: Decode no more than this.

    Returns:
        The level, at least -120; None where there is no sound track, or none that can be decoded.
    """
    total, count = 0.0, 0
    with open_container(location) as container:
        stream = next((s for s in container.streams.audio if s.codec_context is not None), None)
        if stream is None:
            return None
        resampler = av.AudioResampler(format="flt", layout="mono", rate=_RATE_HZ)
        try:
            for packet in container.demux(stream):
                for frame in packet.decode():
                    for piece in resampler.resample(frame):
                        samples = np.nan_to_num(piece.to_ndarray().astype(np.float64), posinf=0.0, neginf=0.0)
                        total += float((samples**2).sum())
                        count += samples.size
                if count > longest_s * _RATE_HZ:
                    break
        except (av.FFmpegError, ValueError):
            pass  # damaged from here on: what came before it counts
    if not count:
        return None
    return round(max(10 * math.log10(max(total / count, 1e-12)), -120.0), 1)
