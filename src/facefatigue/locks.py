"""One run at a time in a folder."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from facefatigue.atomic import make_folder, output_error
from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_FILE = ".lock"


@contextmanager
def only_run_in(folder: Path) -> Iterator[None]:
    """Hold a folder for one run; the system lets go of it when the process ends, however it ends.

    Args:
        folder: Made if it is missing.

    Raises:
        ConfigurationError: Another run, of this process or another, holds it.
        OutputError: It cannot be written.
    """
    make_folder(folder)
    try:
        handle = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise output_error(folder / LOCK_FILE, error) from error
    try:
        try:
            _lock(handle)
        except OSError as error:
            if error.errno not in {errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}:
                raise output_error(folder / LOCK_FILE, error) from error
            raise ConfigurationError(f"{folder}: another run is at work in it; wait, or choose another folder") from None
        yield
    finally:
        os.close(handle)


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
