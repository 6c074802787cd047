"""Files that are still there after a power cut: their bytes and their names are on the disk before anything is answered."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARTIAL_SUFFIX = ".part"
_BLOCK_BYTES = 1 << 20


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk; a new or renamed file is not safe before (fsync(2), "NOTES")."""
    if os.name != "posix":  # elsewhere a folder cannot be opened, and names are written with the file
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def durable_folder(folder: Path) -> None:
    """Make a folder, and those above it, if they are missing."""
    if folder.is_dir():
        return
    durable_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sha256_of(file: BinaryIO) -> str:
    """SHA-256 of a file, from where it stands to its end, in hexadecimal digits."""
    digest = hashlib.sha256()
    while block := file.read(_BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def durable_file(final: Path) -> Iterator[BinaryIO]:
    """Lend a file to write to, which stands at ``final``, whole and on the disk, once the block has ended well.

    Whatever ends the block or the process before leaves ``final`` as it was.

    Raises:
        OSError: It cannot be written.
    """
    partial = final.with_name(f".{secrets.token_hex(6)}{PARTIAL_SUFFIX}")
    try:
        with os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(final)
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(final.parent)
