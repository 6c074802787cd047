"""Files that are still growing: bytes are added where a file ends, and an added byte is on the disk when `append` returns.

Where a key is given they are encrypted with AES-256 in counter mode (NIST SP 800-38A, 6.5), which keeps every byte at its
place, so that the file's length still tells what has come. Each file has a key of its own (HKDF over its random id). Counter
mode does not notice changes; the SHA-256 of the whole, verified before a file is used, does.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import time
from typing import TYPE_CHECKING, BinaryIO, cast

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from facefatigue.atomic import make_folder
from facefatigue.studio.durable import sync_folder
from facefatigue.studio.sealed import derived_key

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import WriteableBuffer

_SUFFIX = ".upload"
_ID = re.compile(r"[0-9a-f]{32}")
_BLOCK_BYTES = 16
_READ_BYTES = 1 << 20


class PartialFiles:
    """A folder of growing files; one thread at a time may write to a file.

    Args:
        folder: Made if it is missing.
        key: 32 bytes that encrypt the files; None: they lie as they are.

    Raises:
        OutputError: The folder cannot be made.
    """

    def __init__(self, folder: Path, key: bytes | None) -> None:
        self.folder = folder
        self._key = key
        make_folder(folder)

    def path(self, name: str) -> Path:
        """Where a file lies.

        Args:
            name: 32 hexadecimal digits.
        """
        if not _ID.fullmatch(name):
            raise ValueError(f"{name!r} is not the id of a recording")
        return self.folder / f"{name}{_SUFFIX}"

    def names(self) -> set[str]:
        """The files that are there."""
        return {path.name.removesuffix(_SUFFIX) for path in self.folder.glob(f"*{_SUFFIX}")}

    def size(self, name: str) -> int:
        """How many bytes have come; 0 where there is no file."""
        try:
            return self.path(name).stat().st_size
        except FileNotFoundError:
            return 0

    def idle_s(self, name: str) -> float | None:
        """For how long nothing has come, in seconds; None where there is no file."""
        try:
            return time.time() - self.path(name).stat().st_mtime
        except FileNotFoundError:
            return None

    def append(self, name: str, data: bytes) -> None:
        """Add to the end of a file.

        Raises:
            OSError: It cannot be written; the file is as long as before.
        """
        path = self.path(name)
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0) as file:
            before = file.seek(0, os.SEEK_END)
            left = memoryview(data if self._key is None else self._cipher(name, before).update(data))
            try:
                while left:
                    left = left[file.write(left) or 0 :]
                os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(before)
                raise
        if before == 0:
            sync_folder(self.folder)

    def open(self, name: str) -> BinaryIO:
        """The plain bytes, from beginning to end.

        Raises:
            FileNotFoundError: There is no file.
        """
        file = self.path(name).open("rb")
        if self._key is None:
            return file
        return cast("BinaryIO", io.BufferedReader(_Decrypted(file, self._cipher(name, 0)), _READ_BYTES))

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is no error."""
        self.path(name).unlink(missing_ok=True)
        sync_folder(self.folder)

    def _cipher(self, name: str, offset: int) -> CipherContext:
        """The key stream from an offset on."""
        assert self._key is not None
        block, within = divmod(offset, _BLOCK_BYTES)
        key = derived_key(self._key, bytes.fromhex(name), "upload")
        stream = Cipher(algorithms.AES(key), modes.CTR(block.to_bytes(_BLOCK_BYTES, "big"))).encryptor()
        stream.update(bytes(within))
        return stream


class _Decrypted(io.RawIOBase):
    """A file read once, from its beginning, through a key stream."""

    def __init__(self, file: BinaryIO, stream: CipherContext) -> None:
        super().__init__()
        self._file = file
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        plain = self._stream.update(self._file.read(len(view)))
        view[: len(plain)] = plain
        return len(plain)

    def close(self) -> None:
        self._file.close()
        super().close()
