"""The overlay keeps pictures, times and sound of the source from the first explained window on."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from facefatigue.estimate.report import Trajectory
from facefatigue.explain.overlay import HeatWindow, write_heat_video

RATE_HZ, SOUND_HZ, FLASH_S, LENGTH_S = 24, 16000, 1.0, 2.0
NOBODY = Trajectory(
    track=0, time_s=np.empty(0), boxes=np.empty((0, 4), np.float32), landmarks=np.empty((0, 5, 2), np.float32)
)


def flash_and_beep(path, codec):
    """Grey and silent; white, and a tone, from FLASH_S on."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=RATE_HZ)
        video.width, video.height, video.pix_fmt = 176, 144, "yuv420p"
        sound = container.add_stream(codec, rate=SOUND_HZ, layout="mono")
        for number in range(round(LENGTH_S * RATE_HZ)):
            level = 250 if number / RATE_HZ >= FLASH_S else 60
            frame = av.VideoFrame.from_ndarray(np.full((144, 176, 3), level, np.uint8), format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        clock_s = np.arange(0, LENGTH_S, 1 / SOUND_HZ)
        wave = np.where(clock_s >= FLASH_S, 12000 * np.sin(2 * np.pi * 440 * clock_s), 0).astype(np.int16)
        for start in range(0, len(wave), 1024):
            piece = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], format="s16", layout="mono")
            piece.rate, piece.time_base, piece.pts = SOUND_HZ, Fraction(1, SOUND_HZ), start
            container.mux(sound.encode(piece))
        container.mux(sound.encode(None))


def window_at(start_s, end_s):
    return HeatWindow(
        start_s=start_s,
        end_s=end_s,
        time_s=np.linspace(start_s, end_s, 4, endpoint=False),
        label="alert",
        text="a window",
        scale=1.0,
        heat=lambda: np.zeros((4, 16, 16), np.float32),
    )


def loud_s(path):
    """When the sound is loud for the first time, and when it ends."""
    first_s, end_s = None, 0.0
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            wave = np.abs(frame.to_ndarray().astype(np.float64)).reshape(-1)
            loud = wave > (0.05 if frame.format.name.startswith("flt") else 1500)
            if loud.any() and first_s is None:
                first_s = frame.time + int(loud.argmax()) / frame.sample_rate
            end_s = frame.time + frame.samples / frame.sample_rate
    return first_s, end_s


@pytest.mark.parametrize(("codec", "suffix"), [("aac", "mp4"), ("mp2", "mkv")])  # copied, and encoded again
def test_the_sound_stays_in_step_from_the_first_window_on(tmp_path, codec, suffix):
    source, out = tmp_path / f"in.{suffix}", tmp_path / "out.mp4"
    flash_and_beep(source, codec)
    write_heat_video(str(source), NOBODY, [window_at(0.5, 1.0), window_at(1.25, 1.75)], out)
    with av.open(str(out)) as container:
        frames = [(frame.time, frame.to_ndarray(format="rgb24")[:100].mean()) for frame in container.decode(video=0)]
    assert [time_s for time_s, _ in frames] == pytest.approx(np.arange(30) / RATE_HZ, abs=1e-3)
    assert next(time_s for time_s, level in frames if level > 150) == pytest.approx(FLASH_S - 0.5, abs=0.01)
    first_s, end_s = loud_s(out)
    assert first_s == pytest.approx(FLASH_S - 0.5, abs=0.05)
    assert end_s == pytest.approx(1.25, abs=0.09)


def test_a_source_without_sound_has_an_overlay_without(write_video, tmp_path):
    write_heat_video(str(write_video()), NOBODY, [window_at(0.0, 0.4)], tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert not container.streams.audio
