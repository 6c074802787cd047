"""A recording becomes a file that a player can go through and that tells nothing else, with the very same picture and sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import pytest
from filming import faces, film

from facefatigue import sample_video
from facefatigue.studio.checking.examine import location_of
from facefatigue.studio.checking.plain import plain

if TYPE_CHECKING:
    from pathlib import Path


def packets(file: Any) -> list[tuple[str, bytes]]:
    with av.open(file, "r") as container:
        return sorted((p.stream.type, bytes(p)) for p in container.demux() if p.dts is not None)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("stream.webm", "libvpx", {"live": "1"}),
        ("stream.mp4", "libx264", {"movflags": "frag_keyframe+empty_moov+default_base_moof"}),
    ],
)
def test_streams_get_a_length_and_an_index(tmp_path: Path, name: str, codec: str, options: dict[str, str]) -> None:
    path = film(tmp_path / name, faces(), codec=codec, loudness=0.1, options=options)
    with path.open("rb") as file:
        better = plain(location_of(file, name))
    assert better is not None
    with av.open(str(path)) as container:  # a stream of fragments has a length, but no table of samples
        length_s = (container.duration or 6.0 * av.time_base) / av.time_base
    with better:
        assert packets(better) == packets(str(path))
        better.seek(0)
        with av.open(better, "r") as container:
            assert (container.duration or 0) / av.time_base == pytest.approx(length_s, abs=0.15)
            container.seek(4 * av.time_base)
            assert next(container.decode(video=0)).time is not None


def test_what_is_plain_stays_as_it_is(tmp_path: Path) -> None:
    for path in (sample_video(), film(tmp_path / "file.webm", faces(2.0), codec="libvpx")):
        with path.open("rb") as file:
            assert plain(location_of(file, "file")) is None


def test_a_stream_cut_off_in_the_middle_stays_playable(tmp_path: Path) -> None:
    path = film(tmp_path / "stream.webm", faces(), codec="libvpx", options={"live": "1"})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with path.open("rb") as file:
        better = plain(location_of(file, "stream"))
    if better is not None:
        with better:
            assert packets(better) == packets(str(path))


def phone_video(path: Path) -> Path:
    """Upright by a rotation mark, with the tags that a phone writes."""
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as output:
        output.metadata["location"] = "+48.8577+002.2950/"
        output.metadata["creation_time"] = "2026-01-02T03:04:05Z"
        output.metadata["com.apple.quicktime.make"] = "Somebody's phone"
        stream: Any = output.add_stream("libx264", rate=10)
        stream.height, stream.width, stream.pix_fmt = 360, 480, "yuv420p"
        stream.set_display_rotation(90)
        for frame in faces(3.0):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        output.mux(stream.encode(None))
    return path


def test_place_time_and_device_are_left_out_and_upright_stays_upright(tmp_path: Path) -> None:
    path = phone_video(tmp_path / "phone.mp4")
    assert b"48.8577" in path.read_bytes()
    with path.open("rb") as file:
        better = plain(location_of(file, "phone"))
    assert better is not None
    with better:
        data = better.read()
        for told in (b"48.8577", b"Somebody", b"2026-01-02"):
            assert told not in data
        better.seek(0)
        assert packets(better) == packets(str(path))
        better.seek(0)
        with av.open(better, "r") as container:
            assert "creation_time" not in {*container.metadata, *container.streams.video[0].metadata}
            assert next(container.decode(video=0)).rotation == 90
        better.seek(0)
        assert plain(location_of(better, "again")) is None


def test_a_form_that_cannot_be_copied_stays_as_it_was_sent(tmp_path: Path) -> None:
    path = film(tmp_path / "old.avi", faces(2.0))
    with path.open("rb") as file:
        assert plain(location_of(file, "old")) is None
