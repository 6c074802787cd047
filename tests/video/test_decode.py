from __future__ import annotations

import functools
import http.server
import threading
import time
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from PIL import Image

from facefatigue.errors import BrokenVideoError, NotAVideoError, SourceError, SourceNotFoundError, UsageError
from facefatigue.video import locate, open_video, probe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def decoded(path: object) -> tuple[list[np.ndarray], list[float]]:
    with open_video(path) as video:  # type: ignore[arg-type]
        frames = list(video)
    return [frame.rgb for frame in frames], [frame.time_s for frame in frames]


def ramps(count: int, width: int = 64, height: int = 48) -> list[np.ndarray]:
    """Frames that differ, so that none can be mistaken for another."""
    return [np.full((height, width, 3), 20 + 8 * (index % 25), np.uint8) for index in range(count)]


def test_frames_come_in_order_with_their_time_and_content(write_video) -> None:
    frames, times = decoded(write_video(frames=ramps(20), rate=25))
    assert times == pytest.approx([index / 25 for index in range(20)], abs=1e-6)
    assert [round(float(frame.mean())) for frame in frames] == pytest.approx([20 + 8 * i for i in range(20)], abs=4)
    assert all(f.dtype == np.uint8 and f.shape == (48, 64, 3) and f.flags["C_CONTIGUOUS"] for f in frames)


def test_variable_frame_rate_keeps_its_times(write_video) -> None:
    pts = [0, 40, 80, 200, 240, 500, 540, 580, 900, 940]
    path = write_video(frames=ramps(10), pts=pts)
    with open_video(path) as video:
        times = [frame.time_s for frame in video]
        assert video.clock.variable
    assert times == pytest.approx([p / 1000 for p in pts], abs=2e-3)


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format", "source_format"),
    [
        ("ten.mkv", "libx265", "yuv420p10le", "rgb24"),
        ("grey.mkv", "ffv1", "gray", "rgb24"),
        ("grey16.mkv", "ffv1", "gray16le", "rgb24"),
        ("alpha.mkv", "ffv1", "yuva420p", "rgb24"),
        ("rgb.mkv", "ffv1", "bgr0", "rgb24"),
        ("444.mp4", "libx264", "yuv444p", "rgb24"),
        ("vp9.webm", "libvpx-vp9", "yuv420p", "rgb24"),
        ("m.avi", "mjpeg", "yuvj420p", "rgb24"),
        ("a.gif", "gif", "rgb8", "rgb24"),
    ],
)
def test_pixel_formats_and_containers_become_rgb(name, codec, pixel_format, source_format, write_video) -> None:
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    path = write_video(name, ramps(5), codec=codec, pixel_format=pixel_format, source_format=source_format, options=options)
    frames, _ = decoded(path)
    assert len(frames) == 5
    for index, frame in enumerate(frames):
        assert frame.shape == (48, 64, 3)
        assert frame.mean() == pytest.approx(20 + 8 * index, abs=20)
        assert np.ptp(frame.mean(axis=(0, 1))) < 20  # still grey


def test_odd_sizes(write_video) -> None:
    frames, _ = decoded(write_video("odd.mkv", ramps(3, 63, 47), codec="ffv1", pixel_format="yuv444p"))
    assert frames[0].shape == (47, 63, 3)


def test_one_pixel_aspect_becomes_square(write_video) -> None:
    path = write_video(frames=ramps(3, 60, 48), sample_aspect_ratio=Fraction(4, 3))
    assert (probe(path).width, probe(path).height) == (80, 48)
    assert decoded(path)[0][0].shape == (48, 80, 3)


def test_interlaced_frames_are_woven_into_whole_ones(write_video) -> None:
    combs = []
    for index in range(8):  # an edge that moves on between the two fields of a frame
        comb = np.full((64, 96, 3), 60, np.uint8)
        comb[0::2, 12 * index :] = 200
        comb[1::2, 12 * index + 6 :] = 200
        combs.append(comb)
    path = write_video("interlaced.mkv", combs, options={"x264-params": "tff=1:crf=5"})
    with av.open(str(path)) as container:
        stored = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0) if frame.interlaced_frame]
    assert len(stored) == 8
    frames, times = decoded(path)
    assert len(frames) == 8
    assert all(a < b for a, b in zip(times, times[1:], strict=False))

    def combing(rgb: np.ndarray) -> float:
        return float(np.abs(np.diff(rgb.astype(int), axis=0)).mean())

    assert combing(frames[4]) < 0.5 * combing(stored[4])


def test_numbered_images(tmp_path: Path) -> None:
    for index in range(7, 12):
        Image.fromarray(ramps(12)[index]).save(tmp_path / f"shot_{index:04d}.png")
    frames, times = decoded(tmp_path / "shot_%04d.png")
    assert [round(float(f.mean())) for f in frames] == [20 + 8 * index for index in range(7, 12)]
    assert times == pytest.approx([index / 25 for index in range(5)])
    with pytest.raises(SourceNotFoundError, match="no image matches"):
        locate(tmp_path / "none_%04d.png")


@pytest.mark.parametrize("name", ["with space.mp4", "日本語 é.mp4", "-dash.mp4", "12:30 a%b.mp4", "100%d.mp4", "7.mp4"])
def test_unusual_names(name: str, write_video, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(name)
    monkeypatch.chdir(path.parent)
    assert len(decoded(name)[0]) == 10


def test_a_file_named_by_digits_is_no_camera(write_video, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video("video.mp4")
    path.rename(path.with_name("0"))
    monkeypatch.chdir(path.parent)
    assert locate("0").kind == "file"
    assert len(decoded("0")[0]) == 10


def test_what_is_no_video_is_said_in_one_line(tmp_path: Path, write_video) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("hello\n" * 500)
    empty = tmp_path / "empty.mp4"
    empty.touch()
    good = write_video("good.mp4", frames=ramps(50))
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(good.read_bytes()[:600])
    cases = {
        tmp_path / "missing.mp4": SourceNotFoundError,
        tmp_path: NotAVideoError,
        empty: NotAVideoError,
        text: NotAVideoError,
        cut: SourceError,
        tmp_path / ("x" * 300 + ".mp4"): SourceNotFoundError,
        tmp_path / "nul\0.mp4": SourceNotFoundError,
        "/dev/null": SourceError,
    }
    for path, kind in cases.items():
        with pytest.raises(kind) as caught:
            open_video(path)
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 3


def test_sound_without_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 44100), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux([*stream.encode(frame), *stream.encode()])
    with pytest.raises(NotAVideoError, match="sound only"):
        probe(path)


def test_a_playlist_cannot_reach_other_files_or_the_network(tmp_path: Path, write_video) -> None:
    secret = write_video("secret.ts")
    playlist = tmp_path / "list.m3u8"
    for target in (f"http://127.0.0.1:9/{secret.name}", "https://127.0.0.1:9/a.ts"):
        playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{target}\n#EXT-X-ENDLIST\n")
        with pytest.raises(SourceError):
            decoded(playlist)


def test_unknown_addresses_and_empty_sources_are_usage_errors() -> None:
    for source in ("ftp://127.0.0.1/a.mp4", "concat://a", ""):
        with pytest.raises(UsageError):
            open_video(source)


def test_a_missing_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(SourceNotFoundError, match="camera 97"):
        open_video(97)


def test_truncated_files_give_what_they_have(write_video, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 48, 64, 3), np.uint8)
    whole = write_video("whole.mp4", list(noise), options={"movflags": "+faststart", "crf": "30"})
    with av.open(str(whole), options={}) as container:
        assert container.streams.video[0].frames == 60
    stream_copy = tmp_path / "cut.mkv"
    mkv = write_video("whole.mkv", list(noise), options={"crf": "30"})
    stream_copy.write_bytes(mkv.read_bytes()[: mkv.stat().st_size // 2])
    with open_video(stream_copy) as video:
        count = sum(1 for _ in video)
        assert 10 <= count < 60
        assert video.ended_early


def test_damage_in_the_middle_is_counted_and_survived(write_video) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (60, 48, 64, 3), np.uint8)
    path = write_video("whole.mp4", list(noise), options={"crf": "30", "g": "10"})
    data = bytearray(path.read_bytes())
    for offset in range(len(data) // 3, len(data) // 2, 7):
        data[offset] ^= 0xFF
    path.write_bytes(data)
    with open_video(path) as video:
        times = [frame.time_s for frame in video]
        assert video.corrupt_frames > 0
    assert len(times) >= 20
    assert all(a < b for a, b in zip(times, times[1:], strict=False))


def test_one_frame_and_tiny_frames(write_video) -> None:
    assert len(decoded(write_video("one.mp4", ramps(1)))[0]) == 1
    assert decoded(write_video("tiny.mp4", ramps(4, 16, 16)))[0][0].shape == (16, 16, 3)


def test_8k_is_read_frame_by_frame(write_video) -> None:
    big = np.full((4320, 7680, 3), 90, np.uint8)
    path = write_video("8k.mkv", [big] * 2, codec="mjpeg", pixel_format="yuvj420p")
    info = probe(path)
    assert (info.width, info.height) == (7680, 4320)
    frames, _ = decoded(path)
    assert [frame.shape for frame in frames] == [(4320, 7680, 3)] * 2


def test_stopping_early_leaves_no_thread_behind(write_video) -> None:
    path = write_video(frames=ramps(200))
    before = threading.active_count()
    with open_video(path) as video:
        for frame in video:
            if frame.index == 3:
                break
    assert threading.active_count() == before
    with pytest.raises(RuntimeError, match="only once"):
        next(iter(video))


def test_the_decoder_does_not_run_far_ahead(write_video) -> None:
    path = write_video(frames=ramps(200))
    with open_video(path) as video:
        frames = iter(video)
        next(frames)
        time.sleep(0.3)
        handed_out = [next(frames) for _ in range(12)]
    assert handed_out[-1].index == 12  # none lost, however long the reader paused


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(tmp_path))  # type: ignore[arg-type]

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


def test_an_address(server: str, write_video) -> None:
    write_video("remote.mp4", ramps(12))
    frames, _ = decoded(f"{server}/remote.mp4")
    assert len(frames) == 12
    with pytest.raises(SourceNotFoundError):
        open_video(f"{server}/none.mp4")


def test_an_address_that_does_not_answer_and_a_hidden_password() -> None:
    with pytest.raises(BrokenVideoError) as caught:
        open_video("http://me:secret@127.0.0.1:9/a.mp4")
    assert "secret" not in str(caught.value)


def test_a_file_cut_off_behind_its_index_gives_what_it_has(write_video) -> None:
    frames = [np.random.default_rng(index).integers(0, 255, (96, 128, 3), np.uint8) for index in range(100)]
    path = write_video("cut.mp4", frames, options={"crf": "10"})
    with (
        av.open(str(path)) as source,
        av.open(str(path.with_name("front.mp4")), "w", options={"movflags": "faststart"}) as out,
    ):
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    whole = path.with_name("front.mp4").read_bytes()
    cut = path.with_name("half.mp4")
    cut.write_bytes(whole[: len(whole) // 2])
    with open_video(cut) as video:
        count = sum(1 for _ in video)
        assert 20 < count < 80
        assert video.ended_early
