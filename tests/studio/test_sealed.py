"""Encrypted files: any part can be read alone, and no change goes unnoticed."""

from __future__ import annotations

import io
import os
import stat
from typing import TYPE_CHECKING

import pytest

from facefatigue.errors import BrokenVideoError, ConfigurationError
from facefatigue.studio.sealed import SEGMENT_BYTES, SealedReader, new_key_file, plain_size, read_key_file, seal

if TYPE_CHECKING:
    from pathlib import Path

KEY = bytes(range(32))
HEADER = 8 + 32 + 7
STORED = SEGMENT_BYTES + 16
SIZES = [0, 1, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 3 * SEGMENT_BYTES, 3 * SEGMENT_BYTES + 77]


def sealed(plain: bytes, name: str = "a.video") -> bytes:
    target = io.BytesIO()
    seal(io.BytesIO(plain), target, KEY, name)
    return target.getvalue()


def read_all(stored: bytes, key: bytes = KEY, name: str = "a.video") -> bytes:
    return io.BufferedReader(SealedReader(io.BytesIO(stored), key, name)).read()


@pytest.mark.parametrize("size", SIZES)
def test_what_goes_in_comes_out(size: int) -> None:
    plain = os.urandom(size)
    stored = sealed(plain)
    assert plain_size(len(stored)) == size
    assert read_all(stored) == plain
    assert plain[:100] not in stored or size < 8


def test_ranges_at_the_edges_of_segments() -> None:
    plain = os.urandom(3 * SEGMENT_BYTES + 77)
    reader = io.BufferedReader(SealedReader(io.BytesIO(sealed(plain)), KEY, "a.video"))
    edges = [0, 1, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 2 * SEGMENT_BYTES, 3 * SEGMENT_BYTES, len(plain) - 1]
    for start in reversed(edges):
        for length in (1, 2, SEGMENT_BYTES, SEGMENT_BYTES + 2, len(plain)):
            reader.seek(start)
            assert reader.read(length) == plain[start : start + length]
    assert reader.seek(-5, os.SEEK_END) == len(plain) - 5
    assert reader.read() == plain[-5:]
    reader.seek(len(plain) + 100)
    assert reader.read() == b""


def test_one_segment_is_enough_to_read_a_range() -> None:
    plain = bytes(10 * SEGMENT_BYTES)

    class Counted(io.BytesIO):
        taken = 0

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            self.taken += len(data)
            return data

    file = Counted(sealed(plain))
    reader = SealedReader(file, KEY, "a.video")
    reader.seek(4 * SEGMENT_BYTES + 10)
    assert len(reader.read(100)) == 100
    assert file.taken == HEADER + 2 * STORED


@pytest.mark.parametrize(
    "cut",
    [HEADER + STORED, HEADER + 2 * STORED, HEADER + 2 * STORED + 5, HEADER + 16, HEADER + 3, 5, 0],
    ids=["after one segment", "after two", "in a segment", "a tag alone", "no tag", "in the header", "empty"],
)
def test_a_cut_file_is_noticed_when_it_is_opened(cut: int) -> None:
    stored = sealed(bytes(3 * SEGMENT_BYTES))
    with pytest.raises(BrokenVideoError, match="damaged"):
        SealedReader(io.BytesIO(stored[:cut]), KEY, "a.video")


def test_swapped_changed_and_added_segments_are_noticed() -> None:
    stored = sealed(os.urandom(4 * SEGMENT_BYTES))
    head, parts = stored[:HEADER], [stored[HEADER + n * STORED : HEADER + (n + 1) * STORED] for n in range(4)]
    changed = bytearray(stored)
    changed[HEADER + STORED + 1000] ^= 1
    for bad in (
        head + parts[1] + parts[0] + parts[2] + parts[3],
        head + parts[0] + parts[2] + parts[3],
        stored + parts[3],
        bytes(changed),
    ):
        with pytest.raises(BrokenVideoError, match="damaged"):
            read_all(bad)


def test_another_key_or_another_file_s_name_is_noticed() -> None:
    stored = sealed(b"a video")
    with pytest.raises(BrokenVideoError):
        read_all(stored, key=bytes(32))
    with pytest.raises(BrokenVideoError):
        read_all(stored, name="b.video")


def test_key_files(tmp_path: Path) -> None:
    path = tmp_path / "key"
    new_key_file(path)
    assert len(read_key_file(path)) == 32
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ConfigurationError, match="is there already"):
        new_key_file(path)
    (tmp_path / "short").write_text("aGVsbG8=\n")
    (tmp_path / "text").write_text("not base64 at all!\n")
    for name in ("short", "text"):
        with pytest.raises(ConfigurationError, match="holds no key"):
            read_key_file(tmp_path / name)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_key_file(tmp_path / "missing")
