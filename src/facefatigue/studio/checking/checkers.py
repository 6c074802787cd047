"""Processes that look at new recordings: started, given one at a time, ended at the time limit, restarted when they die."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import threading
from typing import TYPE_CHECKING, Self

import sqlalchemy as sa

from facefatigue.studio import study
from facefatigue.studio.checking import queue
from facefatigue.studio.checking.examine import Examination, Lengths
from facefatigue.studio.checking.process import Copied, run, run_copies
from facefatigue.studio.database.session import AWAY, told

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess
    from types import TracebackType

    from facefatigue.studio.database import Database
    from facefatigue.studio.settings import StudioSettings
    from facefatigue.studio.vault import Vault

# Whoever finishes an upload wakes a checker; this is for what was put back, and for a claim that became void.
_LOOK_AGAIN_S = 2.0
# Nobody waits before a screen for a copy. It takes longer than a look: so many times the limit of a check.
_LOOK_FOR_COPIES_S = 20.0
_COPY_LIMITS = 4
_log = logging.getLogger(__name__)


class Checkers:
    """A context manager in which new recordings are looked at.

    The processes know neither the database nor the network: each is sent a recording's id, and sends back what it found. One
    that dies, or is not done within the time limit, is replaced; the recording gets three attempts.

    Args:
        settings: How many, and the time limit.
        database: Where the queue is.
        vault: Where the videos are.
        work: What runs in a process that looks at recordings.
        copying: What runs in the one that makes copies for browsers, which is started when there is one to make.
    """

    def __init__(
        self,
        settings: StudioSettings,
        database: Database,
        vault: Vault,
        *,
        work: Callable[..., None] = run,
        copying: Callable[..., None] = run_copies,
    ) -> None:
        self._limit_s = settings.check_limit_s
        self._copying = copying
        self._database = database
        self._vault = vault
        self._work = work
        self._stop = threading.Event()
        self._news = threading.Semaphore(0)
        self._copies = threading.Semaphore(0)
        self._threads = [
            threading.Thread(target=self._serve, name=f"facefatigue-check-{n}", daemon=True)
            for n in range(settings.checkers)
        ]
        self._threads.append(threading.Thread(target=self._serve_copies, name="facefatigue-copy", daemon=True))

    def __enter__(self) -> Self:
        with self._database.writing() as db:
            queue.release_all(db)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._copies.release()
        for _ in self._threads:
            self._news.release()
        for thread in self._threads:
            thread.join()

    def wake(self) -> None:
        """Say that there is a new recording."""
        self._news.release()

    def _serve(self) -> None:
        process = _Process(self._work, self._vault)
        try:
            with contextlib.suppress(OSError):
                process.ready()  # before anybody waits for it
            self._go_on(lambda: self._check_next(process), self._news, _LOOK_AGAIN_S)
        finally:
            process.end()

    def _serve_copies(self) -> None:
        process = _Process(self._copying, self._vault)
        try:
            self._go_on(lambda: self._copy_next(process), self._copies, _LOOK_FOR_COPIES_S)
        finally:
            process.end()

    def _go_on(self, do_next: Callable[[], bool], news: threading.Semaphore, look_again_s: float) -> None:
        while not self._stop.is_set():
            try:
                busy = do_next()
            except AWAY as error:  # what was claimed becomes void by itself
                _log.warning("checks wait for the database: %s", told(error))
                busy = False
            except Exception:  # noqa: BLE001  # a thread that ends checks nothing any more
                _log.exception("a check or a copy failed")
                busy = False
            if not busy:
                news.acquire(timeout=look_again_s)

    def _check_next(self, process: _Process) -> bool:
        """Look at one recording; False where none waits."""
        with self._database.writing() as db:
            recording_id = queue.claim(db, self._limit_s)
            settings = study.read(db)
        if recording_id is None:
            return False
        lengths = Lengths(shortest_s=settings.shortest_s, longest_s=settings.longest_s)
        answer = process.ask(recording_id, lengths, self._limit_s, self._stop)
        if isinstance(answer, Examination):
            try:
                self._until_written(lambda: self._record(recording_id, answer))
            except sa.exc.DBAPIError as error:  # what was found cannot be kept: of no use to look again and again
                _log.error("recording %s: its check cannot be kept: %s", recording_id, told(error))
                self._until_written(lambda: self._release(recording_id, blameless=False))
            if not answer.playable:
                self._copies.release()
        else:
            self._put_back(recording_id, "checked", answer)
        return True

    def _copy_next(self, process: _Process) -> bool:
        """Make one copy that browsers play; False where none is waited for, and then no process is kept."""
        limit_s = _COPY_LIMITS * self._limit_s
        with self._database.writing() as db:
            claimed = queue.claim_copy(db, limit_s)
        if claimed is None:
            process.end()
            return False
        recording_id, duration_s = claimed
        answer = process.ask(recording_id, duration_s, limit_s, self._stop)
        if isinstance(answer, Copied):
            _log.info("recording %s: a copy of %d bytes for browsers", recording_id, answer.size_bytes)
            self._until_written(lambda: self._note_copy(recording_id))
        else:
            self._put_back(recording_id, "copied for browsers", answer)
        return True

    def _put_back(self, recording_id: str, what: str, why: object) -> None:
        stopped = self._stop.is_set()
        if not stopped:
            _log.warning("recording %s could not be %s: %s", recording_id, what, why)
        self._until_written(lambda: self._release(recording_id, blameless=stopped))

    def _record(self, recording_id: str, examination: Examination) -> None:
        with self._database.writing() as db:
            wanted = queue.record(db, recording_id, examination)
        if not wanted:
            self._vault.delete(recording_id)

    def _note_copy(self, recording_id: str) -> None:
        with self._database.writing() as db:
            wanted = queue.copied(db, recording_id)
        if not wanted:
            self._vault.delete(recording_id)

    def _release(self, recording_id: str, *, blameless: bool) -> None:
        with self._database.writing() as db:
            queue.release(db, recording_id, blameless=blameless)

    def _until_written(self, write: Callable[[], None]) -> None:
        """Write, however long the database is away, as long as the studio runs."""
        while True:
            try:
                write()
            except AWAY:
                if self._stop.wait(1.0):
                    return
            else:
                return


class _Process:
    """One process, and the connection to it."""

    def __init__(self, work: Callable[..., None], vault: Vault) -> None:
        self._work = work
        self._vault = vault
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None

    def ask(self, recording_id: str, told: object, limit_s: float, stop: threading.Event) -> object:
        """What the process answers about a recording, told what it has to know; a text where it did not come to an end."""
        self.ready()
        assert self._connection is not None
        try:
            self._connection.send((recording_id, told))
            waited_s = 0.0
            while not self._connection.poll(0.25):
                waited_s += 0.25
                if stop.is_set() or waited_s >= limit_s:
                    self.end()
                    return "the studio is stopped" if stop.is_set() else f"not done in {limit_s:g} s"
            answer: object = self._connection.recv()
        except (EOFError, OSError):
            self.end()
            return "the process died"
        return answer

    def ready(self) -> None:
        """Start a process where none runs."""
        if self._process is not None and self._process.is_alive():
            return
        self.end()
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=self._work, args=(theirs, self._vault.folder, self._vault.key), name="facefatigue-check", daemon=True
        )
        self._process.start()
        theirs.close()

    def end(self) -> None:
        """End the process, whatever it does."""
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            with contextlib.suppress(ValueError):
                self._process.kill()
                self._process.join()
                self._process.close()
        self._process = self._connection = None
