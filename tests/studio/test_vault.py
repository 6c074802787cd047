"""The vault keeps videos whole, tells a wrong key at once, and really deletes."""

from __future__ import annotations

import io
import os
import uuid
from typing import TYPE_CHECKING

import av
import pytest

from facefatigue import sample_video
from facefatigue.errors import BrokenVideoError, ConfigurationError, SourceNotFoundError
from facefatigue.studio.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

KEY = bytes(range(32))


@pytest.fixture(params=[None, KEY], ids=["plain", "encrypted"])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault", request.param)


def new_id() -> str:
    return uuid.uuid4().hex


def content(vault: Vault, recording_id: str) -> bytes:
    with vault.open(recording_id) as file:
        return file.read()


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_video_is_moved_in_and_can_be_decoded_from_there(vault: Vault, tmp_path: Path) -> None:
    recording_id, source = new_id(), tmp_path / "finished"
    source.write_bytes(sample_video().read_bytes())
    vault.adopt(recording_id, source)
    assert not source.exists()
    assert vault.ids() == {recording_id}
    assert vault.size(recording_id) == sample_video().stat().st_size
    with vault.open(recording_id) as file:
        assert file.read() == sample_video().read_bytes()
        file.seek(0)
        with av.open(file) as container:
            container.seek(int(15 * av.time_base))
            frame = next(container.decode(video=0))
            assert frame.time is not None
            assert frame.time > 5


def test_encrypted_means_that_nothing_of_it_can_be_read(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault", KEY)
    secret = b"a face, and what was said" * 100
    vault.put(new_id(), io.BytesIO(secret))
    vault.put_extra(new_id(), "still.jpg", secret)
    assert b"face" not in everything_in(vault.folder)


def test_extras_go_with_their_video(vault: Vault) -> None:
    recording_id, other = new_id(), new_id()
    for name in (recording_id, other):
        vault.put(name, io.BytesIO(b"video of " + name.encode()))
        vault.put_extra(name, "still.jpg", b"a picture")
    assert vault.get_extra(recording_id, "still.jpg") == b"a picture"
    assert vault.get_extra(recording_id, "other.jpg") is None
    vault.set_aside(recording_id)
    assert vault.ids() == {other}
    vault.delete(recording_id)
    vault.delete(recording_id)  # again: no error
    assert [path for path in vault.folder.rglob("*") if recording_id in path.name] == []
    assert vault.ids() == {other}
    with pytest.raises(SourceNotFoundError):
        vault.open(recording_id)
    with pytest.raises(SourceNotFoundError):
        vault.size(recording_id)


def test_set_aside_and_put_back(vault: Vault) -> None:
    recording_id = new_id()
    vault.put(recording_id, io.BytesIO(b"video"))
    vault.put_extra(recording_id, "still.jpg", b"picture")
    vault.set_aside(recording_id)
    assert not vault.has(recording_id)
    assert 0 <= vault.aside()[recording_id] < 60
    vault.put_back(recording_id)
    assert vault.aside() == {}
    assert content(vault, recording_id) == b"video"
    assert vault.get_extra(recording_id, "still.jpg") == b"picture"


def test_a_name_never_leads_out_of_the_folder(vault: Vault) -> None:
    for bad in ("../../etc/passwd", "A" * 32, "0" * 31, "0" * 33, "", "0" * 32 + "\n"):
        for call in (vault.open, vault.size, vault.delete, vault.has):
            with pytest.raises(ValueError, match="not the id"):
                call(bad)
    for bad in ("../x.jpg", "still", "still.jpg/..", "STILL.JPG", "still.jpg\n"):
        with pytest.raises(ValueError, match="not the name"):
            vault.put_extra(new_id(), bad, b"")


def test_a_full_disk_leaves_all_as_it_was(vault: Vault, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    recording_id = new_id()
    vault.put(recording_id, io.BytesIO(b"before"))

    class Source(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 100_000:
                raise OSError(28, "No space left on device")
            return super().read(size)

    with pytest.raises(OSError, match="No space"):
        vault.put(recording_id, Source(bytes(300_000)))
    assert content(vault, recording_id) == b"before"
    assert list(vault.folder.rglob("*.part")) == []


def test_what_a_killed_writer_left_is_cleared(vault: Vault) -> None:
    recording_id = new_id()
    vault.put(recording_id, io.BytesIO(b"video"))
    (vault.folder / recording_id[:2] / ".0123.part").write_bytes(b"half")
    assert vault.clear_partial() == 1
    assert vault.ids() == {recording_id}


def test_a_wrong_key_is_told_when_the_vault_is_opened(tmp_path: Path) -> None:
    Vault(tmp_path / "sealed", KEY)
    Vault(tmp_path / "sealed", KEY)
    with pytest.raises(ConfigurationError, match="not the one"):
        Vault(tmp_path / "sealed", os.urandom(32))
    with pytest.raises(ConfigurationError, match="give their key file"):
        Vault(tmp_path / "sealed", None)
    Vault(tmp_path / "plain", None)
    with pytest.raises(ConfigurationError, match="without a key file"):
        Vault(tmp_path / "plain", KEY)


def test_a_missing_or_damaged_marker_is_told(tmp_path: Path) -> None:
    vault = Vault(tmp_path, None)
    vault.put(new_id(), io.BytesIO(b"video"))
    marker = tmp_path / "vault.json"
    text = marker.read_text()
    for bad in ("", "[]", "{}", text.replace('"format": 1', '"format": 2')):
        marker.write_text(bad)
        with pytest.raises(ConfigurationError):
            Vault(tmp_path, None)
    marker.unlink()
    with pytest.raises(ConfigurationError, match="is missing"):
        Vault(tmp_path, None)


def test_damage_to_an_encrypted_video_is_told(tmp_path: Path) -> None:
    vault = Vault(tmp_path, KEY)
    recording_id = new_id()
    vault.put(recording_id, io.BytesIO(bytes(200_000)))
    path = vault.files(recording_id)[0]
    stored = bytearray(path.read_bytes())
    path.write_bytes(stored[:150_000])
    with pytest.raises(BrokenVideoError, match="damaged"):
        vault.open(recording_id)
    stored[70_000] ^= 255
    path.write_bytes(stored)
    with vault.open(recording_id) as file, pytest.raises(BrokenVideoError, match="part 2 of 4"):
        file.read()
