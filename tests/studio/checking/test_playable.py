"""What browsers do not play gets a copy that shows and sounds the same."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from filming import faces, film

from facefatigue import sample_video
from facefatigue.studio.checking.examine import location_of
from facefatigue.studio.checking.playable import is_playable, playable_copy
from facefatigue.studio.checking.sound import sound_level_db
from facefatigue.video import Video

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from facefatigue.video import Location


def opened(data: bytes) -> Location:
    return location_of(io.BytesIO(data), "recording")


def pictures(data: bytes) -> tuple[list[float], list[NDArray[np.uint8]]]:
    with Video(opened(data)) as video:
        frames = list(video)
    return [frame.time_s for frame in frames], [frame.rgb for frame in frames]


@pytest.mark.parametrize(
    ("name", "codec", "playable"),
    [
        ("file.webm", "libvpx", True),
        ("file.webm", "libvpx-vp9", True),
        ("file.mp4", "libx264", True),
        ("file.mov", "libx264", True),
        ("file.mp4", "mpeg4", False),
        ("file.mp4", "libx265", False),
        ("file.mkv", "libx264", False),
        ("file.avi", "mjpeg", False),
    ],
)
def test_what_browsers_play(tmp_path: Path, name: str, codec: str, playable: bool) -> None:
    data = film(tmp_path / name, faces(1.0), codec=codec, loudness=0.1).read_bytes()
    assert is_playable(opened(data)) is playable


def test_ten_bits_and_plain_samples_are_not_played(tmp_path: Path) -> None:
    for format_, sound in (("yuv420p10le", "aac"), ("yuv444p", "aac"), ("yuv420p", "pcm_s16le")):
        path = tmp_path / f"{format_}.mov"
        with av.open(str(path), "w") as output:
            stream: Any = output.add_stream("libx264", rate=10)
            stream.height, stream.width, stream.pix_fmt = 360, 480, format_
            samples: Any = output.add_stream(sound, rate=48000, layout="mono")
            for frame in faces(1.0):
                output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            output.mux(stream.encode(None))
            piece = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            piece.sample_rate = 48000
            output.mux(samples.encode(piece))
            output.mux(samples.encode(None))
        assert not is_playable(opened(path.read_bytes())), path
    assert is_playable(opened(sample_video().read_bytes()))


def test_a_copy_shows_the_same_at_the_same_time(tmp_path: Path) -> None:
    data = film(tmp_path / "file.avi", faces(), codec="mjpeg", loudness=0.1).read_bytes()
    copy = playable_copy(opened(data), 60.0)
    assert is_playable(opened(copy))
    times, before = pictures(data)
    copied_times, after = pictures(copy)
    assert copied_times == pytest.approx(times, abs=0.002)
    assert after[0].shape == before[0].shape
    for one, other in zip(before[::10], after[::10], strict=True):
        difference = np.abs(one.astype(int) - other)
        assert difference.mean() < 4  # of 255: nothing is shifted, turned or coloured
    assert sound_level_db(opened(copy), 60.0) == pytest.approx(sound_level_db(opened(data), 60.0), abs=0.5)


def test_a_copy_is_upright_small_enough_and_no_longer_than_asked(tmp_path: Path) -> None:
    path = tmp_path / "phone.mp4"
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("mpeg4", rate=60)
        stream.height, stream.width, stream.pix_fmt = 1080, 1920, "yuv420p"
        stream.set_display_rotation(90)
        for number in range(60):
            frame = np.zeros((1080, 1920, 3), np.uint8)
            frame[:, :480] = (
                200 + number % 2
            )  # a bright left edge, which the rotation turns to an end of the upright picture
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        output.mux(stream.encode(None))
    times, before = pictures(path.read_bytes())
    copied_times, after = pictures(playable_copy(opened(path.read_bytes()), 0.5))
    assert before[0].shape == (1920, 1080, 3)
    assert after[0].shape == (1280, 720, 3)
    assert before[0][10, 540].mean() == pytest.approx(after[0][10, 360].mean(), abs=4)
    assert before[0][-10, 540].mean() == pytest.approx(after[0][-10, 360].mean(), abs=4)
    assert times[-1] > 0.9
    assert copied_times[-1] <= 0.51
    assert np.diff(copied_times).min() > 1 / 31  # 30 a second at most


def test_sound_stays_as_far_from_the_picture_as_it_was(tmp_path: Path) -> None:
    """A file whose sound begins half a second after the picture, with its time of day for a clock."""
    path, start_s = tmp_path / "late.mkv", 100.0
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("mpeg4", rate=10)
        stream.height, stream.width, stream.pix_fmt = 360, 480, "yuv420p"
        sound: Any = output.add_stream("pcm_s16le", rate=48000, layout="mono")
        for number, frame in enumerate(faces(3.0)):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = int(start_s * 10) + number, Fraction(1, 10)
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
        for start in range(0, 96000, 960):
            piece = av.AudioFrame.from_ndarray(np.full((1, 960), 8000, np.int16), format="s16", layout="mono")
            piece.sample_rate, piece.pts = 48000, int((start_s + 0.5) * 48000) + start
            output.mux(sound.encode(piece))
        output.mux(sound.encode(None))
    data = path.read_bytes()
    with av.open(io.BytesIO(data)) as container:
        assert next(container.decode(audio=0)).time == pytest.approx(start_s + 0.5, abs=0.01)
    with av.open(io.BytesIO(playable_copy(opened(data), 60.0))) as container:
        assert next(container.decode(audio=0)).time == pytest.approx(0.5, abs=0.03)
    with av.open(io.BytesIO(playable_copy(opened(data), 60.0))) as container:
        assert next(container.decode(video=0)).time == pytest.approx(0.0, abs=0.01)


def test_a_film_of_a_phone_gets_a_copy(shared: Path) -> None:
    iphone = shared / "media" / "edge_cases" / "face_noface.mov"
    if not iphone.is_file():
        pytest.skip(f"{iphone} is not there")
    data = iphone.read_bytes()
    assert not is_playable(opened(data))
    copy = playable_copy(opened(data), 60.0)
    assert is_playable(opened(copy))
    assert pictures(copy)[0][-1] == pytest.approx(pictures(data)[0][-1], abs=0.05)
    assert sound_level_db(opened(copy), 60.0) == pytest.approx(sound_level_db(opened(data), 60.0), abs=1.0)
