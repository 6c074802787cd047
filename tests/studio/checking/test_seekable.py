"""A browser's stream becomes a file that a player can go through, with the very same picture and sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import pytest
from filming import faces, film

from facefatigue import sample_video
from facefatigue.studio.checking.examine import location_of
from facefatigue.studio.checking.seekable import seekable

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
        better = seekable(location_of(file, name))
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


def test_what_is_seekable_stays_as_it_is(tmp_path: Path) -> None:
    for path in (sample_video(), film(tmp_path / "file.webm", faces(2.0), codec="libvpx")):
        with path.open("rb") as file:
            assert seekable(location_of(file, "file")) is None


def test_a_stream_cut_off_in_the_middle_stays_playable(tmp_path: Path) -> None:
    path = film(tmp_path / "stream.webm", faces(), codec="libvpx", options={"live": "1"})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with path.open("rb") as file:
        better = seekable(location_of(file, "stream"))
    if better is not None:
        with better:
            assert packets(better) == packets(str(path))
