"""Videos on disk, by the random id of their recording, encrypted where a key is given.

vault/vault.json          which vault it is, and whether a key fits it
vault/3f/3f….video        a recording as it is played; ids are the only names, none comes from a user
vault/3f/3f….still.jpg    something made from it
vault/aside/              files whose recording the database does not know, kept for a while in case that is a mistake
"""

from __future__ import annotations

import errno
import hmac
import io
import json
import os
import re
import secrets
import shutil
import time
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from facefatigue.atomic import make_folder, output_error
from facefatigue.errors import ConfigurationError, SourceNotFoundError
from facefatigue.studio.durable import PARTIAL_SUFFIX, durable_file, durable_folder, sha256_of, sync_folder
from facefatigue.studio.sealed import SEGMENT_BYTES, SealedReader, derived_key, plain_size, seal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MARKER = "vault.json"
VIDEO = "video"
_FORMAT = 1
_ASIDE = "aside"
_ID = re.compile(r"[0-9a-f]{32}")
_EXTRA = re.compile(r"[a-z]{1,20}\.[a-z0-9]{1,5}")


class Vault:
    """The folder of all videos. Every change is on the disk, whole, when its method returns.

    Args:
        folder: Made if it is missing.
        key: 32 bytes that encrypt every file; None: files lie as they are.

    Raises:
        ConfigurationError: The key is not that of the vault, or is missing, or is given for a vault without one.
        OutputError: The folder cannot be written.
    """

    def __init__(self, folder: Path, key: bytes | None) -> None:
        self.folder = folder
        self.key = key
        make_folder(folder)
        try:
            self._marker = self._read_marker() or self._new_marker()
        except OSError as error:
            raise output_error(folder, error) from error
        self._check_key(self._marker)

    @property
    def id(self) -> str:
        """Which vault it is, at random; a database remembers to which one it belongs."""
        return str(self._marker["id"])

    def _read_marker(self) -> dict[str, Any] | None:
        path = self.folder / MARKER
        try:
            marker = json.loads(path.read_bytes())
        except FileNotFoundError:
            if any(self._videos()):
                raise ConfigurationError(f"{path}: is missing, but there are videos in its folder; restore it") from None
            return None
        except ValueError:
            raise ConfigurationError(f"{path}: is damaged; restore it from a backup") from None
        if not isinstance(marker, dict) or marker.get("format") != _FORMAT or not _ID.fullmatch(str(marker.get("id"))):
            raise ConfigurationError(f"{path}: made by a newer facefatigue, or not a studio's folder")
        return marker

    def _new_marker(self) -> dict[str, Any]:
        name = secrets.token_hex(16)
        marker = {"format": _FORMAT, "id": name, "key_check": self._key_check(name)}
        self.write_marker(marker)
        return marker

    def marker(self) -> dict[str, Any]:
        """What says which vault it is, for a backup."""
        return dict(self._marker)

    def write_marker(self, marker: dict[str, Any]) -> None:
        """Make it another vault, one whose files are about to be restored.

        Raises:
            ConfigurationError: The key is not that of the other vault.
        """
        self._check_key(marker)
        with durable_file(self.folder / MARKER) as file:
            file.write(json.dumps(marker).encode() + b"\n")
        self._marker = marker

    def _key_check(self, name: str) -> str | None:
        """A value that only this key gives, and from which the key cannot be told."""
        return None if self.key is None else derived_key(self.key, bytes.fromhex(name), "key check").hex()

    def _check_key(self, marker: dict[str, Any]) -> None:
        stored, given = marker.get("key_check"), self._key_check(str(marker["id"]))
        if stored is None and given is not None:
            raise ConfigurationError(f"{self.folder}: the videos are not encrypted; start without a key file")
        if stored is not None and given is None:
            raise ConfigurationError(f"{self.folder}: the videos are encrypted; give their key file")
        if stored is not None and given is not None and not hmac.compare_digest(stored, given):
            raise ConfigurationError(f"{self.folder}: the key is not the one that the videos were encrypted with")

    def adopt(self, recording_id: str, path: Path) -> None:
        """Move a finished video in; a video of the same id is replaced.

        Raises:
            OSError: It cannot be written; ``path`` is as it was.
        """
        if self.key is None:
            target = self._path(recording_id, VIDEO)
            durable_folder(target.parent)
            try:
                path.replace(target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
            else:
                sync_folder(target.parent)
                return
        with path.open("rb") as source:
            self.put(recording_id, source)
        path.unlink()

    def put(self, recording_id: str, source: BinaryIO) -> None:
        """Copy a video in; a video of the same id is replaced.

        Args:
            recording_id: 32 hexadecimal digits.
            source: Read from where it stands to its end.

        Raises:
            OSError: It cannot be written; nothing has changed.
        """
        self._write(recording_id, VIDEO, source)

    def put_extra(self, recording_id: str, name: str, data: bytes) -> None:
        """Keep something that was made from a video, e.g. "still.jpg"; it is deleted together with it.

        Raises:
            OSError: It cannot be written.
        """
        self._write(recording_id, _extra(name), io.BytesIO(data))

    def _write(self, recording_id: str, name: str, source: BinaryIO) -> None:
        path = self._path(recording_id, name)
        durable_folder(path.parent)
        with durable_file(path) as target:
            if self.key is None:
                shutil.copyfileobj(source, target, 1 << 20)
            else:
                seal(source, target, self.key, path.name)

    def open(self, recording_id: str) -> BinaryIO:
        """A video's plain bytes, seekable.

        Raises:
            SourceNotFoundError: There is none.
            BrokenVideoError: The encrypted file was changed or cut off; reading may raise it, too.
        """
        return self._open(self._path(recording_id, VIDEO))

    def get_extra(self, recording_id: str, name: str) -> bytes | None:
        """What was kept under this name; None if nothing was."""
        try:
            with self._open(self._path(recording_id, _extra(name))) as file:
                return file.read()
        except SourceNotFoundError:
            return None

    def plain_sha256(self, file: BinaryIO, stored_name: str) -> str:
        """SHA-256 of the plain bytes of a stored file that is open; it stays open, and stands at its beginning afterwards.

        Raises:
            BrokenVideoError: The encrypted file was changed or cut off.
        """
        try:
            if self.key is None:
                return sha256_of(file)
            with SealedReader(os.fdopen(os.dup(file.fileno()), "rb"), self.key, stored_name) as plain:
                return sha256_of(cast("BinaryIO", io.BufferedReader(plain, SEGMENT_BYTES)))
        finally:
            file.seek(0)

    def open_extra(self, recording_id: str, name: str) -> BinaryIO:
        """What was kept under this name, plain and seekable; raises what :meth:`open` does."""
        return self._open(self._path(recording_id, _extra(name)))

    def has_extra(self, recording_id: str, name: str) -> bool:
        """Whether anything is kept under this name."""
        return self._path(recording_id, _extra(name)).is_file()

    def _open(self, path: Path) -> BinaryIO:
        try:
            file = path.open("rb")
        except FileNotFoundError:
            raise SourceNotFoundError(f"recording {path.name}: is not in the vault") from None
        if self.key is None:
            return file
        return cast("BinaryIO", io.BufferedReader(SealedReader(file, self.key, path.name)))

    def has(self, recording_id: str) -> bool:
        """Whether the video is there."""
        return self._path(recording_id, VIDEO).is_file()

    def size(self, recording_id: str) -> int:
        """Size of the plain video in bytes.

        Raises:
            SourceNotFoundError: There is none.
        """
        try:
            stored = self._path(recording_id, VIDEO).stat().st_size
        except FileNotFoundError:
            raise SourceNotFoundError(f"recording {recording_id}: is not in the vault") from None
        return stored if self.key is None else plain_size(stored)

    def ids(self) -> set[str]:
        """The recordings whose video is there."""
        return {path.name.removesuffix(f".{VIDEO}") for path in self._videos()}

    def strays(self) -> set[str]:
        """Recordings of which something is there but not the video: what a kill in the midst of deleting it left."""
        found = {path.name.partition(".")[0] for path in self.folder.glob("[0-9a-f][0-9a-f]/[0-9a-f]*.*")}
        return {name for name in found if _ID.fullmatch(name)} - self.ids()

    def _videos(self) -> Iterator[Path]:
        return (path for path in self.folder.glob(f"[0-9a-f][0-9a-f]/*.{VIDEO}") if _ID.fullmatch(path.stem))

    def files(self, recording_id: str) -> list[Path]:
        """The video and all that was made from it, as they lie on the disk."""
        shard = self._path(recording_id, VIDEO).parent
        return sorted(path for path in shard.glob(f"{recording_id}.*") if path.suffix != PARTIAL_SUFFIX)

    def place(self, stored_name: str) -> Path:
        """Where the stored file of this name belongs, for a backup.

        Raises:
            ValueError: It is no name of a stored file.
        """
        recording_id, _, name = stored_name.partition(".")
        return self._path(recording_id, name if name == VIDEO else _extra(name))

    def delete(self, recording_id: str) -> None:
        """Remove a video and all that was made from it; one that is not there is no error."""
        shard = self._path(recording_id, VIDEO).parent
        for folder in (shard, self.folder / _ASIDE):
            found = list(folder.glob(f"{recording_id}.*"))
            for path in found:
                path.unlink(missing_ok=True)
            if found:
                sync_folder(folder)

    def set_aside(self, recording_id: str) -> None:
        """Take a video out of the vault without deleting it yet."""
        aside = self.folder / _ASIDE
        durable_folder(aside)
        for path in self.files(recording_id):
            target = aside / path.name
            path.replace(target)
            target.touch()  # the time from which it waits
        sync_folder(aside)

    def put_back(self, recording_id: str) -> None:
        """Undo :meth:`set_aside`."""
        shard = self._path(recording_id, VIDEO).parent
        durable_folder(shard)
        for path in (self.folder / _ASIDE).glob(f"{recording_id}.*"):
            path.replace(shard / path.name)
        sync_folder(shard)

    def aside(self) -> dict[str, float]:
        """Videos that were set aside, each with for how long, in seconds."""
        found = (self.folder / _ASIDE).glob(f"*.{VIDEO}")
        return {path.stem: time.time() - path.stat().st_mtime for path in found}

    def clear_partial(self) -> int:
        """Remove what killed processes left half written; only while nothing else writes. Returns how many files."""
        partial = list(self.folder.glob(f"**/.*{PARTIAL_SUFFIX}"))
        for path in partial:
            path.unlink(missing_ok=True)
        return len(partial)

    def _path(self, recording_id: str, name: str) -> Path:
        if not _ID.fullmatch(recording_id):
            raise ValueError(f"{recording_id!r} is not the id of a recording")
        return self.folder / recording_id[:2] / f"{recording_id}.{name}"


def _extra(name: str) -> str:
    if not _EXTRA.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of something made from a video")
    return name
