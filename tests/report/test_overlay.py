from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from facefatigue.errors import OutputError, SourceNotFoundError, UsageError
from facefatigue.estimate.report import Trajectory
from facefatigue.report import overlay as overlay_module
from facefatigue.report.drawing import FrameArtist, box_at
from facefatigue.report.overlay import write_overlay
from facefatigue.video import open_video

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from facefatigue.estimate.report import Analysis

CLICK_S = 1.0  # the picture flashes and a beep starts at this time of the video's clock
BASE = Fraction(1, 12800)


def make_video(
    path: Path,
    *,
    times_s: Sequence[float] = tuple(np.arange(48) / 24),
    size: tuple[int, int] = (176, 144),
    audio: str | None = "aac",
    codec: str = "mpeg4",
    audio_start_s: float = 0.0,
    video_start_s: float = 0.0,
    rate_hz: int = 16000,
) -> Path:
    """A grey video that flashes white at CLICK_S, and silence with a beep from then on."""
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=24)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        video.time_base = video.codec_context.time_base = BASE if codec != "mpeg4" else Fraction(1, 12000)
        sound = container.add_stream(audio, rate=rate_hz, layout="mono") if audio else None
        for time_s in times_s:
            level = 255 if time_s >= CLICK_S - 1e-6 else 90
            frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), level, np.uint8), format="rgb24")
            frame.time_base = video.codec_context.time_base
            frame.pts = round((time_s + video_start_s) / frame.time_base)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if sound is not None:
            clock_s = np.arange(0, times_s[-1] + 0.04 - (audio_start_s - video_start_s), 1 / rate_hz)
            loud = clock_s + audio_start_s - video_start_s >= CLICK_S
            wave = np.where(loud, 12000 * np.sin(2 * np.pi * 440 * clock_s), 0).astype(np.int16)
            for start in range(0, len(wave), 1024):
                piece = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], format="s16", layout="mono")
                piece.rate = rate_hz
                piece.time_base = Fraction(1, rate_hz)
                piece.pts = start + round(audio_start_s * rate_hz)
                container.mux(sound.encode(piece))
            container.mux(sound.encode(None))
    return path


def frames_of(path: Path) -> list[tuple[float, np.ndarray[Any, Any]]]:
    with av.open(str(path)) as container:
        return [(float(frame.time), frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


def flash_s(frames: list[tuple[float, np.ndarray[Any, Any]]]) -> float:
    return next(time_s for time_s, rgb in frames if rgb[2, -2].mean() > 170)


def beep_starts_s(path: Path) -> float:
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            loud = np.abs(frame.to_ndarray().astype(np.float64)).reshape(-1)
            limit = 0.05 if frame.format.name.startswith("flt") else 1500
            if frame.time is not None and (loud > limit).any():
                return float(frame.time) + int(np.argmax(loud > limit)) / frame.sample_rate
    raise AssertionError("no beep")


@pytest.fixture
def analysis(make_analysis: Callable[..., Analysis]) -> Analysis:
    return make_analysis(windows=4, length_s=0.5, duration_s=2.0)


def test_frames_times_and_size_are_kept(tmp_path: Path, analysis: Analysis) -> None:
    source = make_video(tmp_path / "in.mp4")
    seen: list[int] = []
    write_overlay(str(source), analysis, tmp_path / "out.mp4", progress=seen.append)
    before, after = frames_of(source), frames_of(tmp_path / "out.mp4")
    assert len(after) == len(before) == 48
    assert seen == list(range(1, 49))
    assert [time_s for time_s, _ in after] == pytest.approx([time_s for time_s, _ in before], abs=1e-3)
    assert after[0][1].shape == (144, 176, 3)
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.duration is not None
        assert float(stream.duration * stream.time_base) == pytest.approx(2.0, abs=0.05)
        assert container.duration / av.time_base == pytest.approx(2.0, abs=0.1)
    # In the panel's place the frame is darker, above it nothing but the box has changed.
    assert after[0][1][-5, 80].mean() < 60
    assert after[0][1][10, 150].mean() == pytest.approx(before[0][1][10, 150].mean(), abs=4)
    assert sorted(tmp_path.iterdir()) == [source, tmp_path / "out.mp4"]


@pytest.mark.parametrize(
    ("suffix", "codec", "kept"),
    [
        ("mp4", "aac", "aac"),
        ("ts", "aac", "aac"),
        ("mp4", "libmp3lame", "mp3"),
        ("avi", "libmp3lame", "mp3"),
        ("mkv", "libopus", "opus"),
        ("mkv", "flac", "flac"),
        ("mkv", "mp2", "aac"),
        ("avi", "pcm_s16le", "aac"),
    ],
)
def test_sound_stays_in_step(tmp_path: Path, analysis: Analysis, suffix: str, codec: str, kept: str) -> None:
    source = make_video(tmp_path / f"in.{suffix}", audio=codec)
    write_overlay(str(source), analysis, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].codec_context.name.removesuffix("float") == kept
    before, after = frames_of(source), frames_of(tmp_path / "out.mp4")
    assert after[0][0] == pytest.approx(0.0, abs=0.002)
    assert flash_s(after) == pytest.approx(flash_s(before) - before[0][0], abs=0.01)
    assert beep_starts_s(tmp_path / "out.mp4") == pytest.approx(beep_starts_s(source) - before[0][0], abs=0.03)
    assert flash_s(after) == pytest.approx(beep_starts_s(tmp_path / "out.mp4"), abs=0.09)


@pytest.mark.parametrize("audio", ["aac", "mp2"])
@pytest.mark.parametrize(("video_start_s", "audio_start_s"), [(0.4, 0.0), (0.0, 0.5), (3.0, 3.2)])
def test_sound_that_starts_before_or_after_the_picture(
    tmp_path: Path, analysis: Analysis, audio: str, video_start_s: float, audio_start_s: float
) -> None:
    source = make_video(tmp_path / "in.mkv", audio=audio, video_start_s=video_start_s, audio_start_s=audio_start_s)
    write_overlay(str(source), analysis, tmp_path / "out.mp4")
    frames = frames_of(tmp_path / "out.mp4")
    assert frames[0][0] == pytest.approx(0.0, abs=0.002)
    assert flash_s(frames) == pytest.approx(CLICK_S, abs=0.01)
    assert beep_starts_s(tmp_path / "out.mp4") == pytest.approx(CLICK_S, abs=0.045)


def test_variable_frame_rate_stays_variable(tmp_path: Path, analysis: Analysis) -> None:
    times_s = [0, 0.04, 0.1, 0.25, 0.3, 0.75, 0.8, 1.0, 1.5, 1.52, 2.0]
    source = make_video(tmp_path / "in.mkv", times_s=times_s, codec="libx264")
    write_overlay(str(source), analysis, tmp_path / "out.mp4")
    assert [time_s for time_s, _ in frames_of(tmp_path / "out.mp4")] == pytest.approx(times_s, abs=2e-3)


@pytest.mark.parametrize("size", [(175, 143), (17, 16), (1, 1), (641, 361)])
def test_odd_sizes_are_padded(tmp_path: Path, analysis: Analysis, size: tuple[int, int]) -> None:
    with av.open(str(tmp_path / "in.mov"), "w") as container:
        stream = container.add_stream("png", rate=24)
        stream.width, stream.height, stream.pix_fmt = *size, "rgb24"
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), (200, 40, 40), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    write_overlay(str(tmp_path / "in.mov"), analysis, tmp_path / "out.mp4")
    frames = frames_of(tmp_path / "out.mp4")
    assert len(frames) == 3
    assert frames[0][1].shape == (size[1] + size[1] % 2, size[0] + size[0] % 2, 3)


def test_colours_are_kept(tmp_path: Path, make_analysis: Callable[..., Analysis]) -> None:
    with av.open(str(tmp_path / "in.mov"), "w") as container:
        stream = container.add_stream("png", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "rgb24"
        frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), (200, 60, 30), np.uint8), format="rgb24")
        container.mux([*stream.encode(frame), *stream.encode(None)])
    write_overlay(str(tmp_path / "in.mov"), make_analysis(faces=0), tmp_path / "out.mp4")
    with open_video(tmp_path / "out.mp4") as video:
        shown = next(iter(video)).rgb
    assert shown[:20].reshape(-1, 3).mean(axis=0) == pytest.approx([200, 60, 30], abs=6)


def test_a_damaged_middle_does_not_break_it(tmp_path: Path, analysis: Analysis) -> None:
    source = make_video(tmp_path / "in.ts", codec="libx264", audio="mp2")
    data = bytearray(source.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    source.write_bytes(data)
    with open_video(source) as video:
        count = sum(1 for _ in video)
    write_overlay(str(source), analysis, tmp_path / "out.mp4")
    assert len(frames_of(tmp_path / "out.mp4")) == count > 10


def test_sound_ends_where_the_clock_jumps(tmp_path: Path, analysis: Analysis) -> None:
    times_s = [*(np.arange(12) / 24), *(100 + np.arange(12) / 24)]
    source = make_video(tmp_path / "in.mkv", times_s=times_s)
    write_overlay(str(source), analysis, tmp_path / "out.mp4")
    frames = frames_of(tmp_path / "out.mp4")
    assert len(frames) == 24
    assert frames[-1][0] < 3
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert max(frame.time for frame in container.decode(audio=0) if frame.time is not None) < 0.6


def test_a_live_source_or_another_suffix_is_refused(tmp_path: Path, analysis: Analysis) -> None:
    with pytest.raises(UsageError, match="second pass"):
        write_overlay("rtsp://example.invalid/a", analysis, tmp_path / "out.mp4")
    with pytest.raises(UsageError, match=r"\.mp4"):
        write_overlay(str(make_video(tmp_path / "in.mp4")), analysis, tmp_path / "out.avi")
    with pytest.raises(SourceNotFoundError):
        write_overlay(str(tmp_path / "gone.mp4"), analysis, tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_an_interrupt_leaves_nothing(tmp_path: Path, analysis: Analysis) -> None:
    def interrupt(done: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    source = make_video(tmp_path / "in.mp4")
    (tmp_path / "out.mp4").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        write_overlay(str(source), analysis, tmp_path / "out.mp4", progress=interrupt)
    assert (tmp_path / "out.mp4").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_full_disk_is_said_so(tmp_path: Path, analysis: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    full = tmp_path / "full.mp4"
    try:
        full.symlink_to("/dev/full")
        full.open("ab").close()
    except OSError:
        pytest.skip("this system has no /dev/full")
    real = overlay_module._encode
    monkeypatch.setattr(overlay_module, "_encode", lambda video, given, _, *rest: real(video, given, full, *rest))
    source = make_video(tmp_path / "in.mp4")
    with pytest.raises(OutputError, match=r"out\.mp4: cannot be written: the disk is full"):
        write_overlay(str(source), analysis, tmp_path / "out.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full.mp4", "in.mp4"]


def test_box_between_two_positions() -> None:
    time_s = np.array([0.0, 0.1, 0.2, 2.0])
    boxes = np.array([[0, 0, 10, 10], [10, 20, 20, 30], [10, 20, 20, 30], [50, 50, 60, 60]], np.float32)
    path = Trajectory(track=0, time_s=time_s, boxes=boxes, landmarks=np.zeros((4, 5, 2), np.float32))
    assert box_at(path, 0.05) == pytest.approx([5, 10, 15, 20])
    assert box_at(path, 0.1) == pytest.approx([10, 20, 20, 30])
    assert box_at(path, 0.0) == pytest.approx([0, 0, 10, 10])
    assert box_at(path, 2.0) == pytest.approx([50, 50, 60, 60])
    assert box_at(path, 1.0) is None
    assert box_at(path, 2.5) is None
    nothing = Trajectory(track=0, time_s=time_s[:0], boxes=boxes[:0], landmarks=np.zeros((0, 5, 2), np.float32))
    assert box_at(nothing, 0.0) is None


@pytest.mark.parametrize("size", [(16, 16), (176, 144), (480, 640), (3840, 2160)])
@pytest.mark.parametrize("faces", [0, 1, 12])
def test_any_size_and_any_number_of_faces_can_be_drawn(
    make_analysis: Callable[..., Analysis], size: tuple[int, int], faces: int
) -> None:
    artist = FrameArtist(make_analysis(faces=faces), *size)
    frame = np.full((size[1], size[0], 3), 128, np.uint8)
    drawn = artist.draw(frame, 1.0)
    assert drawn.shape == frame.shape
    assert drawn.dtype == np.uint8
    assert (drawn != frame).any()
    assert (frame == 128).all()


def test_the_cursor_moves(make_analysis: Callable[..., Analysis]) -> None:
    artist = FrameArtist(make_analysis(windows=4), 320, 240)
    frame = np.zeros((240, 320, 3), np.uint8)

    def cursor(time_s: float) -> Iterator[int]:
        row = artist.draw(frame, time_s)[-12]
        return (int(x) for x in np.flatnonzero((row == 255).all(axis=1)))

    first, second, last = (list(cursor(time_s)) for time_s in (0.0, 4.0, 8.9))
    assert first
    assert max(first) < min(second) < min(last) < 320
