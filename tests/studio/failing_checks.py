"""What may become of the process that decodes videos; each runs in its place."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from facefatigue.studio.checking import Examination, Finding
from facefatigue.studio.checking.process import run

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path


def dies(connection: Connection, folder: Path, key: bytes | None) -> None:
    """As a decoder does that writes where it must not."""
    connection.recv()
    os.kill(os.getpid(), signal.SIGKILL)


def hangs(connection: Connection, folder: Path, key: bytes | None) -> None:
    """As a decoder does in a loop without end."""
    connection.recv()
    time.sleep(600)


def dies_of_a_video_that_says_so(connection: Connection, folder: Path, key: bytes | None) -> None:
    """Dies whenever the video begins with ``kill``; finds all others good."""
    from facefatigue.studio.vault import Vault

    vault = Vault(folder, key)
    while True:
        recording_id, _ = connection.recv()
        with vault.open(recording_id) as file:
            if file.read(4) == b"kill":
                os.kill(os.getpid(), signal.SIGKILL)
        connection.send(Examination(findings=(Finding(name="video", level="good"),)))


def finds_what_is_no_number(connection: Connection, folder: Path, key: bytes | None) -> None:
    """Finds a value that JSON has no word for."""
    while True:
        connection.recv()
        connection.send(Examination(findings=(Finding(name="sound", level="good", value=float("nan")),)))


def dies_once(connection: Connection, folder: Path, key: bytes | None) -> None:
    """Dies at the first request ever, then works as it should."""
    mark = folder.parent / "died"
    if mark.exists():
        run(connection, folder, key)
        return
    connection.recv()
    mark.touch()
    os.kill(os.getpid(), signal.SIGKILL)


def takes_all_memory() -> None:
    """Exits with 7 if it is kept from taking 8 GiB."""
    import sys

    from facefatigue.studio.checking.process import _be_modest

    _be_modest()
    try:
        bytearray(8 << 30)
    except MemoryError:
        sys.exit(7)
