"""Jobs in processes: a worker that dies costs its own job alone."""

from __future__ import annotations

import os

import pytest

from facefatigue.data.workers import WorkerDiedError, run_jobs


def work(job: int) -> int:
    if job == 3:
        os._exit(9)
    if job == 5:
        raise ValueError("five")
    return job * job


@pytest.mark.slow
def test_results_errors_and_a_death() -> None:
    found = dict(run_jobs(work, list(range(9)), workers=2))
    assert {job: result for job, result in found.items() if isinstance(result, int)} == {
        job: job * job for job in range(9) if job not in {3, 5}
    }
    assert isinstance(found[3], WorkerDiedError)
    assert isinstance(found[5], ValueError)


def test_no_jobs() -> None:
    assert list(run_jobs(work, [], workers=2)) == []
