"""The process in which videos are decoded; a video that kills it, fills its memory or never ends harms nothing else."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import av

from facefatigue.errors import FaceFatigueError, SourceNotFoundError
from facefatigue.faces import Mtcnn
from facefatigue.studio.checking.examine import Examination, Lengths, examine, location_of
from facefatigue.studio.checking.plain import plain
from facefatigue.studio.checking.playable import COPY, playable_copy
from facefatigue.studio.durable import sha256_of
from facefatigue.studio.vault import Vault

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

STILL = "still.jpg"
_NICER = 10
# Address space: 4K frames of a dozen decoder threads fit in; a bomb does not.
_MOST_MEMORY_BYTES = 6 << 30


def run(connection: Connection, folder: Path, key: bytes | None) -> None:
    """Answer requests until the other end is closed.

    Args:
        connection: Takes (recording id, `Lengths`); gives an `Examination`, or a text that says why there is none.
        folder: Of the vault.
        key: Of the vault.
    """
    _be_modest()
    vault = Vault(folder, key)
    detector = Mtcnn()
    with contextlib.suppress(EOFError, OSError):
        while True:
            recording_id, lengths = connection.recv()
            try:
                answer: Examination | str = check(vault, recording_id, lengths, detector)
            except SourceNotFoundError as error:  # withdrawn meanwhile
                answer = str(error)
            except (FaceFatigueError, OSError, MemoryError) as error:
                answer = f"{type(error).__name__}: {error}"
            connection.send(answer)


def run_copies(connection: Connection, folder: Path, key: bytes | None) -> None:
    """Make copies that browsers play until the other end is closed.

    Args:
        connection: Takes (recording id, length in seconds); gives a `Copied`, or a text that says why there is none.
        folder: Of the vault.
        key: Of the vault.
    """
    _be_modest()
    vault = Vault(folder, key)
    with contextlib.suppress(EOFError, OSError):
        while True:
            recording_id, duration_s = connection.recv()
            try:
                answer: Copied | str = copy(vault, recording_id, duration_s)
            except SourceNotFoundError as error:  # withdrawn meanwhile
                answer = str(error)
            except (FaceFatigueError, av.FFmpegError, OSError, MemoryError, ValueError) as error:
                answer = f"{type(error).__name__}: {error}"
            connection.send(answer)


@dataclass(frozen=True, kw_only=True)
class Copied:
    """A copy that browsers play was made.

    Attributes:
        size_bytes: Of the copy.
    """

    size_bytes: int


def copy(vault: Vault, recording_id: str, duration_s: float) -> Copied:
    """Leave a copy that browsers play beside a recording in the vault.

    Args:
        vault: The vault.
        recording_id: Of the recording.
        duration_s: Its length, as the check found it.

    Raises:
        SourceNotFoundError: It is not there (any more).
        SourceError: It cannot be decoded, or its file was changed.
        av.FFmpegError: It cannot be encoded.
        OSError: The disk is full.
    """
    with vault.open(recording_id) as file:
        made = playable_copy(location_of(file, recording_id), duration_s)
    if vault.has(recording_id):  # not withdrawn meanwhile
        vault.put_extra(recording_id, COPY, made)
    return Copied(size_bytes=len(made))


def check(vault: Vault, recording_id: str, lengths: Lengths, detector: Mtcnn | None = None) -> Examination:
    """Look at a recording in the vault; leave a still of it there, and a plain file where it was none.

    Raises:
        SourceNotFoundError: It is not there (any more).
        BrokenVideoError: Its file was changed.
        OSError: The disk is full.
    """
    with vault.open(recording_id) as file:
        read = kept = sha256_of(file)
        file.seek(0)
        examination = examine(file, lengths, name=recording_id, detector=detector)
        # What is encrypted at rest must not lie on a disk in plain, not even in a file without a name.
        where = location_of(file, recording_id)
        better = plain(where, in_memory=vault.key is not None) if examination.is_video else None
    if better is not None:
        with better:
            kept = sha256_of(better)
            better.seek(0)
            if vault.has(recording_id):  # not withdrawn meanwhile
                vault.put(recording_id, better)
    if examination.still is not None and vault.has(recording_id):
        vault.put_extra(recording_id, STILL, examination.still)
    return replace(examination, read_sha256=read, kept_sha256=kept)


def _be_modest() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the server, which then closes the connection
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    if sys.platform != "win32":
        import resource

        os.nice(_NICER)
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = _MOST_MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(hard, _MOST_MEMORY_BYTES)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold a face in plain


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    """A server that was killed takes this process with it, even if a video hangs here."""
    parent.join()
    os._exit(1)
