"""Recordings get checked whatever happens to the process that decodes them, and a bad one stops nobody."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import io
import os
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import failing_checks
import psutil
import pytest
import sqlalchemy as sa
from filming import faces, film
from uploading import signed_person

from facefatigue.studio import curation
from facefatigue.studio.checking import Checkers, Examination, Finding, queue
from facefatigue.studio.checking.examine import location_of
from facefatigue.studio.checking.playable import COPY, is_playable
from facefatigue.studio.checking.process import run
from facefatigue.studio.database.tables import Check, Consent, Playback, Recording, State, now
from facefatigue.studio.settings import StudioSettings
from facefatigue.studio.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefatigue.studio.database import Database

GOOD = Examination(findings=(Finding(name="video", level="good"),))
BAD = Examination(findings=(Finding(name="face", level="refused", value=0.0),))


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault", bytes(range(32)))


def stored(database: Database, vault: Vault | None = None, data: bytes = b"video", age_s: float = 0.0) -> str:
    """A recording that waits for its check."""
    recording_id = uuid.uuid4().hex
    with database.writing() as db:
        consent = db.scalars(sa.select(Consent)).first()
    if consent is None:
        signed_person(database)
    with database.writing() as db:
        consent = db.scalars(sa.select(Consent).order_by(Consent.id)).first()
        assert consent is not None
        moment = now() - dt.timedelta(seconds=age_s)
        row = Recording(id=recording_id, person_id=consent.person_id, consent_id=consent.id, size_bytes=1, sha256="0")
        row.state, row.stored_at = State.CHECKING, moment
        db.add(row)
        db.add(Check(recording_id=recording_id, findings=[]))
    if vault is not None:
        vault.put(recording_id, io.BytesIO(data))
    return recording_id


def state_of(database: Database, recording_id: str) -> State:
    with database.reading() as db:
        return db.get_one(Recording, recording_id).state


@contextlib.contextmanager
def checking(database: Database, vault: Vault, work: Callable[..., None] = run, **settings: Any) -> Any:
    with Checkers(StudioSettings(folder=vault.folder.parent, **settings), database, vault, work=work) as checkers:
        yield checkers


def wait_for(database: Database, recording_id: str, limit_s: float = 120.0) -> State:
    end = time.monotonic() + limit_s
    while (state := state_of(database, recording_id)) == State.CHECKING and time.monotonic() < end:
        time.sleep(0.1)
    return state


def test_the_one_that_waits_longest_comes_first_and_failures_last(database: Database) -> None:
    new, old = stored(database), stored(database, age_s=100)
    for expected in (old, new, None):
        with database.writing() as db:
            assert queue.claim(db, 60.0) == expected
    with database.writing() as db:
        queue.release(db, old)
    newest = stored(database)
    for expected in (newest, old, None):
        with database.writing() as db:
            assert queue.claim(db, 60.0) == expected


def test_people_take_turns(database: Database) -> None:
    greedy = [stored(database, age_s=100 - n) for n in range(4)]
    other = signed_person(database, "P-2")
    modest = [stored(database, age_s=2), stored(database, age_s=1)]
    with database.writing() as db:
        consent = db.scalars(sa.select(Consent).where(Consent.person_id == other)).one()
        for recording_id in modest:
            row = db.get_one(Recording, recording_id)
            row.person_id, row.consent_id = other, consent.id
    order = []
    for _ in range(6):
        with database.writing() as db:
            claimed = queue.claim(db, 60.0)
        assert claimed is not None
        order.append(claimed)
        with database.writing() as db:
            assert queue.record(db, claimed, GOOD)
    assert order == [greedy[0], modest[0], greedy[1], modest[1], greedy[2], greedy[3]]


def test_who_sends_what_never_ends_keeps_himself_waiting(database: Database) -> None:
    bombs = [stored(database, age_s=100 - n) for n in range(3)]
    with database.writing() as db:
        assert queue.claim(db, 60.0) == bombs[0]
    with database.writing() as db:
        queue.release(db, bombs[0])
    other = signed_person(database, "P-2")
    good = stored(database)
    with database.writing() as db:
        consent = db.scalars(sa.select(Consent).where(Consent.person_id == other)).one()
        row = db.get_one(Recording, good)
        row.person_id, row.consent_id = other, consent.id
    with database.writing() as db:
        assert queue.claim(db, 60.0) == good


def test_two_never_get_the_same(database: Database) -> None:
    ids = {stored(database) for _ in range(12)}
    got: list[str] = []

    def take() -> None:
        while True:
            with database.writing() as db:
                found = queue.claim(db, 60.0)
            if found is None:
                return
            got.append(found)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == sorted(ids)


def test_a_claim_that_is_too_old_is_void_and_three_attempts_are_enough(database: Database) -> None:
    recording_id = stored(database)
    for _ in range(3):
        with database.writing() as db:
            assert queue.claim(db, 10.0) == recording_id
        with database.writing() as db:
            assert queue.claim(db, 10.0) is None
            db.get_one(Check, recording_id).claimed_at = now() - dt.timedelta(seconds=16)
    with database.writing() as db:
        assert queue.claim(db, 10.0) is None
    assert state_of(database, recording_id) == State.FAILED
    with database.reading() as db:
        assert db.get_one(Check, recording_id).findings == [{"name": "video", "level": "refused", "value": None}]


def test_results_are_kept_and_can_be_asked_for_again(database: Database) -> None:
    recording_id = stored(database)
    for examination, state in ((GOOD, State.ACCEPTED), (BAD, State.REFUSED)):
        with database.writing() as db:
            assert queue.claim(db, 10.0) == recording_id
            assert queue.record(db, recording_id, examination)
        assert state_of(database, recording_id) == state
        with database.writing() as db:
            queue.again(db, recording_id)
        assert state_of(database, recording_id) == State.CHECKING
    with database.writing() as db:
        db.get_one(Recording, recording_id).state = State.RETAKEN
    with database.writing() as db:
        assert queue.claim(db, 10.0) is None
        assert not queue.record(db, recording_id, GOOD)
        assert not queue.record(db, "0" * 32, GOOD)


UNPLAYABLE = Examination(findings=GOOD.findings, duration_s=6.0, playable=False)


def playback_of(database: Database, recording_id: str) -> tuple[State, Playback]:
    with database.reading() as db:
        row = db.get_one(Recording, recording_id)
        return row.state, row.playback


def checked(database: Database, examination: Examination) -> str:
    recording_id = stored(database)
    with database.writing() as db:
        assert queue.claim(db, 10.0) == recording_id
        assert queue.record(db, recording_id, examination)
    return recording_id


def test_what_browsers_do_not_play_waits_for_a_copy(database: Database) -> None:
    playable, other = checked(database, GOOD), checked(database, UNPLAYABLE)
    assert playback_of(database, playable) == (State.ACCEPTED, Playback.ORIGINAL)
    assert playback_of(database, other) == (State.ACCEPTED, Playback.WAITING)
    with database.writing() as db:
        assert queue.claim(db, 10.0) is None  # no check
        assert queue.claim_copy(db, 10.0) == (other, 6.0)
        assert queue.claim_copy(db, 10.0) is None
    with database.writing() as db:  # the server is started anew
        queue.release_all(db)
        assert queue.claim_copy(db, 10.0) == (other, 6.0)
    with database.writing() as db:
        assert queue.copied(db, other)
    assert playback_of(database, other) == (State.ACCEPTED, Playback.COPY)
    with database.writing() as db:
        assert queue.claim_copy(db, 10.0) is None
        assert queue.again(db, other)
        assert queue.copied(db, other)  # one that was under way
        assert queue.claim_copy(db, 10.0) is None  # while it is being checked
        assert queue.claim(db, 10.0) == other
        assert queue.record(db, other, GOOD)
    assert playback_of(database, other) == (State.ACCEPTED, Playback.ORIGINAL)


def test_a_copy_that_fails_three_times_refuses_the_recording_with_the_reason(database: Database) -> None:
    recording_id = checked(database, UNPLAYABLE)
    for _ in range(3):
        with database.writing() as db:
            assert queue.claim_copy(db, 10.0) is not None
        with database.writing() as db:
            queue.release(db, recording_id)
    assert playback_of(database, recording_id) == (State.REFUSED, Playback.FAILED)
    with database.reading() as db:
        findings = db.get_one(Check, recording_id).findings
    assert [(one["name"], one["level"]) for one in findings] == [("video", "good"), ("playback", "refused")]
    with database.writing() as db:
        assert queue.claim_copy(db, 10.0) is None
        curation.accept(db, recording_id, actor="test")  # raters' browsers may play it after all
    assert playback_of(database, recording_id) == (State.ACCEPTED, Playback.FAILED)


def test_no_copy_is_made_of_what_is_endless_or_was_thrown_away(database: Database) -> None:
    endless = Examination(findings=(Finding(name="length", level="refused"),), playable=False)
    assert playback_of(database, checked(database, endless)) == (State.REFUSED, Playback.FAILED)
    retaken = checked(database, UNPLAYABLE)
    with database.writing() as db:
        assert queue.claim_copy(db, 10.0) is not None
        db.get_one(Recording, retaken).state = State.RETAKEN
    with database.writing() as db:
        assert not queue.copied(db, retaken)
        assert queue.claim_copy(db, 10.0) is None


def test_the_same_file_of_two_people_is_refused_once_and_told_to_the_owner(database: Database) -> None:
    """It would be on two sides of a split; `prepare` refuses both, when all is rated."""
    first, second = stored(database, age_s=20), stored(database, age_s=10)
    other = signed_person(database, "P-2")
    with database.writing() as db:
        db.get_one(Recording, second).person_id = other
    for name in (first, second):
        with database.writing() as db:
            assert queue.claim(db, 10.0) == name
            assert queue.record(db, name, GOOD)
    assert (state_of(database, first), state_of(database, second)) == (State.ACCEPTED, State.REFUSED)
    with database.writing() as db:
        assert [one["name"] for one in db.get_one(Check, second).findings] == ["video", "duplicate"]
        assert curation.twins(db, db.get_one(Recording, first)) == [(second, "P-2")]
        assert curation.twins(db, db.get_one(Recording, second)) == [(first, "P-1")]
        curation.refuse(db, first, actor="test")  # it was brought under the wrong link
        assert queue.again(db, second)
        assert queue.claim(db, 10.0) == second
        assert queue.record(db, second, GOOD)
    assert state_of(database, second) == State.ACCEPTED


@pytest.mark.slow
def test_a_recording_that_browsers_do_not_play_gets_a_copy_that_they_do(
    database: Database, vault: Vault, tmp_path: Path
) -> None:
    path = film(tmp_path / "webcam.avi", faces(), codec="mjpeg", loudness=0.1)
    recording_id = stored(database, vault, path.read_bytes())
    with checking(database, vault) as checkers:
        checkers.wake()
        assert wait_for(database, recording_id) == State.ACCEPTED
        end = time.monotonic() + 120
        while playback_of(database, recording_id)[1] == Playback.WAITING and time.monotonic() < end:
            time.sleep(0.1)
    assert playback_of(database, recording_id) == (State.ACCEPTED, Playback.COPY)
    with vault.open(recording_id) as file:
        assert file.read() == path.read_bytes()  # the recording itself is as it came
    with vault.open_extra(recording_id, COPY) as file:
        assert is_playable(location_of(file, "copy"))
    assert len(vault.files(recording_id)) == 3  # with the picture
    assert all(not file.read_bytes().startswith(b"\x1a\x45\xdf\xa3") for file in vault.files(recording_id))  # encrypted
    vault.delete(recording_id)
    assert vault.files(recording_id) == []


def test_a_stopped_studio_does_not_count_as_an_attempt(database: Database, vault: Vault) -> None:
    recording_id = stored(database, vault)
    with checking(database, vault, failing_checks.hangs):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with database.reading() as db:
                if db.get_one(Check, recording_id).claimed_at is not None:
                    break
            time.sleep(0.05)
    with database.reading() as db:
        check = db.get_one(Check, recording_id)
    assert (check.attempts, check.claimed_at, check.done_at) == (0, None, None)
    assert state_of(database, recording_id) == State.CHECKING


@pytest.mark.slow
def test_a_real_recording_is_checked_and_made_seekable(database: Database, vault: Vault, tmp_path: Path) -> None:
    path = film(tmp_path / "stream.webm", faces(), codec="libvpx", loudness=0.1, options={"live": "1"})
    recording_id = stored(database, vault, path.read_bytes())
    with checking(database, vault) as checkers:
        checkers.wake()
        assert wait_for(database, recording_id) == State.ACCEPTED
    with database.reading() as db:
        row = db.get_one(Recording, recording_id)
        assert (row.width, row.height, row.has_sound, row.media_type) == (480, 360, True, "video/webm")
        assert row.duration_s == pytest.approx(6.0, abs=0.15)
    still = vault.get_extra(recording_id, "still.jpg")
    assert still is not None
    assert still.startswith(b"\xff\xd8")
    assert vault.size(recording_id) != path.stat().st_size


@pytest.mark.slow
def test_a_video_that_kills_is_given_up_after_three_attempts_and_stops_nobody(database: Database, vault: Vault) -> None:
    killer, innocent = stored(database, vault, b"kill", age_s=10), stored(database, vault, b"good")
    with checking(database, vault, failing_checks.dies_of_a_video_that_says_so):
        assert wait_for(database, innocent) == State.ACCEPTED
        assert wait_for(database, killer) == State.FAILED
    with database.reading() as db:
        assert db.get_one(Check, killer).attempts == 3
    assert vault.has(killer)  # given up, not thrown away


@pytest.mark.slow
def test_a_checker_killed_once_is_started_again(database: Database, vault: Vault, tmp_path: Path) -> None:
    path = film(tmp_path / "good.webm", faces(), codec="libvpx")
    recording_id = stored(database, vault, path.read_bytes())
    with checking(database, vault, failing_checks.dies_once):
        assert wait_for(database, recording_id) == State.ACCEPTED
    with database.reading() as db:
        assert db.get_one(Check, recording_id).attempts == 2


@pytest.mark.slow
def test_one_that_hangs_is_ended_at_the_time_limit(database: Database, vault: Vault) -> None:
    recording_id = stored(database, vault)
    before = set(psutil.Process().children())
    with checking(database, vault, failing_checks.hangs, check_limit_s=1.5):
        assert wait_for(database, recording_id) == State.FAILED
    assert [child for child in psutil.Process().children() if child not in before and "check" in child.name()] == []


@pytest.mark.slow
def test_what_is_withdrawn_while_it_is_looked_at_is_deleted(database: Database, vault: Vault, tmp_path: Path) -> None:
    recording_id = stored(database, vault, film(tmp_path / "good.avi", faces()).read_bytes())
    with checking(database, vault):
        while True:
            with database.writing() as db:
                if db.get_one(Check, recording_id).claimed_at is not None:
                    db.delete(db.get_one(Recording, recording_id))
                    break
            time.sleep(0.02)
        end = time.monotonic() + 60
        while vault.files(recording_id) and time.monotonic() < end:
            time.sleep(0.1)
    assert vault.files(recording_id) == []


def test_a_failure_nobody_thought_of_ends_no_thread(
    database: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    recording_id = stored(database, vault)
    claim, failures = queue.claim, [RuntimeError("can't start new thread"), sa.exc.TimeoutError("QueuePool limit")]

    def failing(db: Any, limit_s: float) -> str | None:
        if failures:
            raise failures.pop()
        return claim(db, limit_s)

    monkeypatch.setattr(queue, "claim", failing)
    with checking(database, vault, failing_checks.dies_of_a_video_that_says_so):
        assert wait_for(database, recording_id) is State.ACCEPTED
    assert "QueuePool limit" in caplog.text
    assert "can't start new thread" in caplog.text


def test_what_the_database_does_not_take_is_given_up(database: Database, vault: Vault) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite takes it")
    recording_id = stored(database, vault)
    with checking(database, vault, failing_checks.finds_what_is_no_number):
        assert wait_for(database, recording_id) is State.FAILED


def test_the_checksum_is_that_of_what_is_kept(database: Database, vault: Vault) -> None:
    recording_id = stored(database, vault)
    found = dataclasses.replace(GOOD, read_sha256="1" * 64, kept_sha256="2" * 64)
    with database.writing() as db:
        assert queue.record(db, recording_id, found)
        assert db.get_one(Recording, recording_id).kept_sha256 == "2" * 64
        queue.again(db, recording_id)
    again = dataclasses.replace(GOOD, read_sha256="3" * 64, kept_sha256="3" * 64)  # damaged meanwhile
    with database.writing() as db:
        assert queue.record(db, recording_id, again)
        assert db.get_one(Recording, recording_id).kept_sha256 == "2" * 64


def test_the_process_has_a_limit_on_memory() -> None:
    if os.name != "posix":
        pytest.skip("needs resource limits")
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    process = context.Process(target=failing_checks.takes_all_memory)
    process.start()
    process.join(60)
    assert process.exitcode == 7
