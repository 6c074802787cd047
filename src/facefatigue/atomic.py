"""Writing a file whole or not at all: beside its place first, then renamed into it."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from facefatigue.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ADVICE = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another folder",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.EACCES: "permission denied; choose a folder that you may write to",
    errno.EPERM: "permission denied; choose a folder that you may write to",
    errno.ENOENT: "its folder does not exist; create it or choose another folder",
    errno.ENOTDIR: "a part of its path is a file, not a folder; choose another folder",
    errno.EEXIST: "a part of its path is a file, not a folder; choose another folder",
    errno.ENAMETOOLONG: "its name is too long; choose a shorter one",
    errno.EFBIG: "the file is too large for this disk; choose another folder",
}


@contextmanager
def atomic_path(final: Path) -> Iterator[Path]:
    """Lend a path to write to, which becomes ``final`` when the block ends well and is removed when it does not.

    The lent path is an empty file in the same folder, with the same suffix, so that the folder is known to be
    writable before any work is done. At the end the file is flushed to the disk and renamed over ``final``: a reader
    sees the old file or the new one, never a part of it. An exception of any kind, an interrupt included, leaves
    ``final`` as it was and no other file.

    Args:
        final: Where the file belongs; its folder must exist.

    Yields:
        The path to write to.

    Raises:
        OutputError: ``final`` cannot be written; any OSError of the block counts as that.
    """
    partial = final.parent / f".{secrets.token_hex(6)}.part{final.suffix}"
    _check_place(final)
    try:
        partial.open("xb").close()
        try:
            yield partial
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
            partial.replace(final)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise output_error(final, error) from error


def _check_place(final: Path) -> None:
    # A device or a folder of this name must not be renamed away; a name that is too long is found here, too.
    try:
        mode = final.stat().st_mode
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise output_error(final, error) from error
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a device, not a file"
        raise OutputError(f"{final}: cannot be written: it is {what}; choose another name")


def make_folder(folder: Path) -> None:
    """Create a folder and those above it, if they are missing.

    Raises:
        OutputError: It cannot be created, or a file is in the way.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error


def output_error(path: Path, error: Exception) -> OutputError:
    """One line that names the file, what was wrong and what to do."""
    number = getattr(error, "errno", None)
    reason = (getattr(error, "strerror", None) or str(error) or type(error).__name__).strip().rstrip(".")
    return OutputError(f"{path}: cannot be written: {_ADVICE.get(number or 0, f'{reason}; choose another folder')}")
