"""Many jobs on several processes, of which one that dies does not take the others with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

Job = TypeVar("Job")
Result = TypeVar("Result")

_AHEAD = 2  # jobs a worker that are handed out at a time; a list of a million is not pickled at once


class WorkerDiedError(Exception):
    """The process that worked on a job was killed: memory ran out, or a decoder crashed on its input."""


def run_jobs(
    work: Callable[[Job], Result], jobs: Sequence[Job], *, workers: int
) -> Iterator[tuple[Job, Result | Exception]]:
    """Run jobs in processes, and yield each with its result or with the exception that it raised, as they end.

    A job during which its process dies comes back with :class:`WorkerDiedError`. All jobs that were in flight then are tried
    once more, one at a time, so that the one to blame is known and the others lose nothing.

    Args:
        work: A function that can be pickled.
        jobs: What it is called with.
        workers: Processes; more than there are jobs are not started.
    """
    waiting, suspects = list(reversed(jobs)), list[Job]()
    while waiting or suspects:
        alone = bool(suspects)
        queue = [suspects.pop()] if alone else waiting
        pool = _pool(1 if alone else min(workers, len(waiting)))
        try:
            broken = yield from _run(pool, work, queue, workers=1 if alone else workers)
        except BaseException:
            _stop(pool)
            raise
        pool.shutdown(wait=True, cancel_futures=True)
        if broken and alone:
            yield broken[0], WorkerDiedError("the process that worked on it was killed")
        else:
            suspects += broken


def _run(
    pool: ProcessPoolExecutor, work: Callable[[Job], Result], queue: list[Job], *, workers: int
) -> Generator[tuple[Job, Result | Exception], None, list[Job]]:
    """Take jobs from the end of the queue until it is empty or the pool is broken; returns the jobs in flight then."""
    flying: dict[Future[Result], Job] = {}
    broken: list[Job] = []
    while (queue or flying) and not broken:
        while queue and len(flying) < _AHEAD * workers:
            job = queue.pop()
            try:
                flying[pool.submit(work, job)] = job
            except BrokenProcessPool:
                broken.append(job)
                break
        done, _ = wait(flying, return_when=FIRST_COMPLETED)
        for future in done:
            job = flying.pop(future)
            error = future.exception()
            if isinstance(error, BrokenProcessPool):
                broken.append(job)
            elif isinstance(error, Exception):
                yield job, error
            elif error is not None:
                raise error
            else:
                yield job, future.result()
    return [*broken, *flying.values()] if broken else []


def _pool(workers: int) -> ProcessPoolExecutor:
    # Spawned, not forked: threads of numeric libraries in this process would leave a fork in a broken state.
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin)


def _begin() -> None:
    """Leave interrupts to the parent, to whom the terminal sends them, too, and never outlive it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _stop(pool: ProcessPoolExecutor) -> None:
    processes = list((pool._processes or {}).values())  # the public way comes with Python 3.14
    for process in processes:
        process.terminate()
    pool.shutdown(wait=True, cancel_futures=True)
