"""Good recordings are found good, bad ones bad for the right reason, and attacks on the decoder are refused cheaply."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from filming import changed, faces, film
from PIL import Image, ImageFilter

from facefatigue import sample_video
from facefatigue.errors import BrokenVideoError
from facefatigue.faces import Mtcnn
from facefatigue.studio.checking import Examination, Lengths, examine
from facefatigue.studio.checking.examine import location_of
from facefatigue.studio.checking.sound import sound_level_db
from facefatigue.studio.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

LENGTHS = Lengths(shortest_s=5.0, longest_s=60.0)


@pytest.fixture(scope="module")
def detector() -> Mtcnn:
    return Mtcnn()


def look(path: Path, detector: Mtcnn, lengths: Lengths = LENGTHS) -> Examination:
    with path.open("rb") as file:
        return examine(file, lengths, detector=detector)


def levels(examination: Examination) -> dict[str, str]:
    return {finding.name: finding.level for finding in examination.findings}


def values(examination: Examination) -> dict[str, float | None]:
    return {finding.name: finding.value for finding in examination.findings}


def test_a_good_recording_is_good_throughout(tmp_path: Path, detector: Mtcnn) -> None:
    found = look(film(tmp_path / "good.mp4", faces(), loudness=0.1), detector)
    assert found.fit
    assert set(levels(found).values()) == {"good"}, found.findings
    assert found.duration_s == pytest.approx(6.0, abs=0.11)
    assert (found.width, found.height, found.has_sound, found.media_type) == (480, 360, True, "video/mp4")
    # A sine of amplitude 0.1 has an RMS of 0.1 / sqrt(2): -23 dBFS.
    assert values(found)["sound"] == pytest.approx(-23.0, abs=0.7)
    assert found.still is not None
    with Image.open(io.BytesIO(found.still)) as still:
        assert still.format == "JPEG"
        assert max(still.size) <= 320


def beside(frame: Any) -> Any:
    return np.concatenate([frame, frame[:, ::-1]], axis=1)


def blurred(frame: Any) -> Any:
    return np.asarray(Image.fromarray(frame).filter(ImageFilter.GaussianBlur(14)))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda frame: frame // 20, "light"),
        (beside, "faces"),
        (blurred, "sharpness"),
        (lambda frame: np.full_like(frame, 120), "face"),
        (lambda frame: frame[:, 230:], "coverage"),
    ],
    ids=["dark", "two people", "blurred", "nobody", "half a face"],
)
def test_a_bad_recording_is_refused_for_its_reason(tmp_path: Path, detector: Mtcnn, change: Any, name: str) -> None:
    found = look(film(tmp_path / "bad.mp4", changed(change), loudness=0.1), detector)
    assert not found.fit
    refused = [key for key, level in levels(found).items() if level == "refused"]
    assert name in refused or (name in {"light", "sharpness", "coverage"} and refused == ["face"]), found.findings


def test_what_is_not_ideal_is_a_warning(tmp_path: Path, detector: Mtcnn) -> None:
    found = look(film(tmp_path / "dim.mp4", changed(lambda frame: frame * 0.4)), detector)
    assert found.fit
    assert levels(found)["light"] == "warning"
    assert levels(found)["sound"] == "warning"
    assert values(found)["sound"] is None
    assert found.has_sound is False


def test_samples_that_are_no_numbers_are_silence(tmp_path: Path) -> None:
    path = tmp_path / "odd.mkv"
    odd = np.full(48000, 0.1, np.float32)
    odd[:3] = np.nan, np.inf, -np.inf
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("pcm_f32le", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(odd[None], format="flt", layout="mono")
        frame.sample_rate, frame.pts = 48000, 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with path.open("rb") as file:
        assert sound_level_db(location_of(file, "odd"), 60.0) == -20.0


def test_a_silent_track_is_not_sound(tmp_path: Path, detector: Mtcnn) -> None:
    found = look(film(tmp_path / "silent.mp4", faces(), loudness=0.0), detector)
    assert found.has_sound is False
    assert (values(found)["sound"] or 0.0) < -70


@pytest.mark.parametrize(("seconds", "level"), [(3.0, "refused"), (4.6, "good"), (6.0, "good")])
def test_length(tmp_path: Path, detector: Mtcnn, seconds: float, level: str) -> None:
    found = look(film(tmp_path / "video.mp4", faces(seconds)), detector)
    assert levels(found)["length"] == level


def test_a_long_video_is_not_decoded_to_its_end(tmp_path: Path, detector: Mtcnn) -> None:
    path = film(tmp_path / "long.mp4", faces() * 4)
    lengths = Lengths(shortest_s=1.0, longest_s=4.0)
    found = look(path, detector, lengths)
    assert levels(found)["length"] == "refused"
    assert values(found)["length"] is None
    assert found.duration_s is None


def test_the_header_s_length_is_not_believed(tmp_path: Path, detector: Mtcnn) -> None:
    path = film(tmp_path / "header.webm", faces(), codec="libvpx")
    data = bytearray(path.read_bytes())
    place = data.index(b"\x44\x89\x88") + 3  # Matroska's Duration, in milliseconds
    data[place : place + 8] = struct.pack(">d", 3 * 3600 * 1000.0)
    path.write_bytes(data)
    with av.open(str(path)) as container:
        assert (container.duration or 0) / av.time_base > 10_000
    found = look(path, detector)
    assert found.duration_s == pytest.approx(6.0, abs=0.11)
    assert levels(found)["length"] == "good"


def test_pictures_larger_than_4k_are_refused_before_they_are_decoded(tmp_path: Path, detector: Mtcnn) -> None:
    frame = np.zeros((4320, 7680, 3), np.uint8)
    found = look(film(tmp_path / "8k.avi", [frame], codec="mjpeg"), detector)
    assert not found.is_video
    assert levels(found) == {"picture": "refused"}  # so that one hears what to do about it


def test_a_hundred_streams_are_refused(tmp_path: Path, detector: Mtcnn) -> None:
    path = tmp_path / "many.mkv"
    with av.open(str(path), "w") as output:
        streams: list[Any] = [output.add_stream("mpeg4", rate=10) for _ in range(100)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        for stream in streams:
            output.mux(stream.encode(picture))
            output.mux(stream.encode(None))
    assert not look(path, detector).is_video


def sound_only(path: Path) -> bytes:
    with av.open(str(path), "w", format="mp4") as output:
        stream: Any = output.add_stream("aac", rate=48000, layout="mono")
        for start in range(0, 48000, 1024):
            piece = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            piece.sample_rate, piece.pts = 48000, start
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return path.read_bytes()


def picture(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(faces()[0]).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "make",
    [
        lambda _: b"",
        lambda _: b"a text " * 1000,
        lambda _: bytes(100_000),
        lambda _: picture("PNG"),
        lambda _: picture("JPEG"),
        lambda _: picture("GIF"),
        lambda folder: sound_only(folder / "sound.mp4"),
        lambda _: f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:{sample_video()}\n#EXT-X-ENDLIST\n".encode(),
        lambda _: f"ffconcat version 1.0\nfile '{sample_video()}'\n".encode(),
        lambda _: sample_video().read_bytes()[:2000],
        lambda _: b"%PDF-1.7 " + bytes(range(256)) * 100,
        lambda _: b"PK\x03\x04" + bytes(5000),
    ],
    ids=["empty", "text", "zeros", "png", "jpeg", "gif", "sound", "playlist", "concat", "head only", "pdf", "zip"],
)
def test_what_is_not_a_video_is_said_so(make: Any, tmp_path: Path, detector: Mtcnn) -> None:
    path = tmp_path / "file.mp4"
    path.write_bytes(make(tmp_path))
    found = look(path, detector)
    assert not found.is_video
    assert levels(found) == {"video": "refused"}
    assert found.still is None


@pytest.mark.parametrize(("codec", "form", "kind"), [("libvpx", "webm", "video/webm"), ("mpeg4", "avi", "video/x-msvideo")])
def test_the_suffix_says_nothing(tmp_path: Path, detector: Mtcnn, codec: str, form: str, kind: str) -> None:
    found = look(film(tmp_path / "holiday.jpg", faces(5.0), codec=codec, form=form), detector)
    assert found.fit
    assert found.media_type == kind


def test_a_cut_off_video_counts_as_far_as_it_goes(tmp_path: Path, detector: Mtcnn) -> None:
    path = film(tmp_path / "cut.avi", faces())
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    found = look(path, detector)
    assert found.is_video
    assert levels(found)["length"] == "refused"
    assert 2.0 < (found.duration_s or 0.0) < 4.5


def test_a_file_changed_in_the_vault_is_not_the_volunteer_s_fault(tmp_path: Path, detector: Mtcnn) -> None:
    vault = Vault(tmp_path / "vault", bytes(32))
    recording_id = "0123456789abcdef" * 2
    with film(tmp_path / "good.avi", faces()).open("rb") as source:
        vault.put(recording_id, source)
    path = vault.files(recording_id)[0]
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    with pytest.raises(BrokenVideoError, match="damaged"), vault.open(recording_id) as file:
        examine(file, LENGTHS, detector=detector)
