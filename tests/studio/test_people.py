"""Volunteers: invited, signing, withdrawing; and the deletion that survives being cut short."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from facefatigue.studio import accounts, audit, people
from facefatigue.studio.access import current_link
from facefatigue.studio.database.tables import (
    Assignment,
    AuditEntry,
    Check,
    Consent,
    Link,
    Person,
    Purpose,
    Rating,
    Recording,
    Remark,
    Role,
    Session,
    State,
    Upload,
    now,
)
from facefatigue.studio.erasure import erase, erased_among
from facefatigue.studio.refusals import Refusal

if TYPE_CHECKING:
    from sqlalchemy import orm

    from facefatigue.studio.database import Database

DRAWING = [[[0.1, 0.2], [0.3, 0.4]], [[0.5, 0.5]]]


def _recorded(db: orm.Session, name: str) -> tuple[Person, list[str]]:
    """A volunteer with two recordings, all that hangs on them, and a session."""
    text = people.current_text(db) or people.write_text(db, "Taking part", "Your rights.", actor="test")
    person, _ = people.invite(db, name, actor="test")
    consent = people.sign(db, person, text.id, name, DRAWING)
    rater = accounts.by_name(db, "Rosa") or accounts.create(db, "Rosa", Role.RATER, actor="test")
    ids = []
    for state in (State.ACCEPTED, State.UPLOADING):
        one = Recording(
            person_id=person.id, consent_id=consent.id, state=state, size_bytes=1, sha256="0" * 64, kss=7, spread=0.5
        )
        db.add(one)
        db.flush()
        shared = {"account_id": rater.id, "recording_id": one.id, "purpose": Purpose.MAIN}
        db.add_all(
            [
                Check(recording_id=one.id),
                Upload(recording_id=one.id),
                Assignment(**shared, position=0.5),
                Rating(**shared, value=3.0),
                Remark(recording_id=one.id, account_id=rater.id, text="tired"),
            ]
        )
        ids.append(one.id)
    db.add(Session(token_sha256=name, role=Role.VOLUNTEER, person_id=person.id, csrf="x", expires_at=now()))
    db.flush()
    return person, ids


def test_codes_are_random_and_names_are_kept(database: Database) -> None:
    with database.writing() as db:
        made = [people.invite(db, f" Ada   {number} ", actor="owner:1") for number in range(50)]
        codes = {person.code for person, _ in made}
        assert len(codes) == 50
        assert all(len(code) == 7 and not set(code[2:]) & set("01ILOUV") for code in codes)
        assert made[3][0].name == "Ada 3"
        assert current_link(db, made[3][0]) == made[3][1]
        with pytest.raises(Refusal) as refused:
            people.invite(db, "x" * 201, actor="owner:1")
        assert refused.value.code == "name_invalid"
    with database.reading() as db:
        details = db.scalars(sa.select(AuditEntry.detail)).all()
        assert "Ada" not in str(details)
        assert people.find(db, made[0][0].code.lower()).id == made[0][0].id
        with pytest.raises(Refusal) as refused:
            people.find(db, "P-00000")
        assert refused.value.status == 404


def test_signing(database: Database) -> None:
    with database.writing() as db:
        person, _ = people.invite(db, actor="test")
        with pytest.raises(Refusal) as refused:
            people.sign(db, person, 1, "Ada")  # there is nothing to sign
        assert refused.value.code == "consent_changed"
        first = people.write_text(db, "Taking  part", "Line one\r\n\r\nLine two\n", actor="owner:1")
        assert (first.version, first.title, first.body) == (1, "Taking part", "Line one\n\nLine two")
        assert people.current_consent(db, person.id) is None
        signed = people.sign(db, person, first.id, " Ada  Lovelace ", DRAWING)
        assert (signed.signed_name, signed.drawing) == ("Ada Lovelace", DRAWING)
        assert people.sign(db, person, first.id, "Somebody Else").id == signed.id
        assert people.current_consent(db, person.id) == signed
        second = people.write_text(db, "Taking part", "Other words", actor="owner:1")
        assert second.version == 2
        assert second.sha256 != first.sha256
        assert people.current_consent(db, person.id) is None  # asked again
        with pytest.raises(Refusal) as refused:
            people.sign(db, person, first.id, "Ada")
        assert refused.value.code == "consent_changed"
        people.sign(db, person, second.id, "Ada")
    with database.reading() as db:
        assert people.current_consent(db, person.id) is not None
        entries = db.scalars(sa.select(AuditEntry).where(AuditEntry.action == "consent.signed")).all()
    assert [entry.detail["version"] for entry in entries] == [1, 2]
    assert [entry.detail["sha256"] for entry in entries] == [first.sha256, second.sha256]


@pytest.mark.parametrize(("title", "body"), [("", "x"), ("x", " \n"), ("x" * 201, "x"), ("x", "x" * 50_001)])
def test_a_text_has_a_title_and_a_body(database: Database, title: str, body: str) -> None:
    with database.writing() as db, pytest.raises(Refusal) as refused:
        people.write_text(db, title, body, actor="owner:1")
    assert refused.value.code == "consent_text_invalid"


@pytest.mark.parametrize("name", ["", "  ", "x" * 201])
def test_a_signature_has_a_name(database: Database, name: str) -> None:
    with database.writing() as db:
        person, _ = people.invite(db, actor="test")
        text = people.write_text(db, "a", "b", actor="test")
        with pytest.raises(Refusal) as refused:
            people.sign(db, person, text.id, name)
    assert refused.value.code == "name_invalid"


@pytest.mark.parametrize(
    "drawing",
    [
        [[[0.5]]],
        [[[0.5, 0.5, 0.5]]],
        [[[1.5, 0.5]]],
        [[[-0.1, 0.5]]],
        [[[float("nan"), 0.5]]],
        [[["a", 0.5]]],
        [0.5],
        "drawing",
        [[[0.5, 0.5]]] * 201,
        [[[0.5, 0.5]] * 5001],
        [[[10**400, 0.5]]],
    ],
)
def test_a_drawing_that_is_none_is_refused(database: Database, drawing: list[object]) -> None:
    with database.writing() as db:
        person, _ = people.invite(db, actor="test")
        text = people.write_text(db, "a", "b", actor="test")
        with pytest.raises(Refusal) as refused:
            people.sign(db, person, text.id, "Ada", drawing)
    assert refused.value.code == "drawing_invalid"


def test_a_withdrawal_leaves_proof_and_nothing_else(database: Database) -> None:
    with database.writing() as db:
        person, ids = _recorded(db, "Ada")
        other, others_ids = _recorded(db, "Bob")
    deleted: list[str] = []
    with database.writing() as db:
        people.withdraw(db, db.get_one(Person, person.id), actor=f"person:{person.code}")
    with database.reading() as db:  # at once, before the files are gone
        for one in db.scalars(sa.select(Recording).where(Recording.id.in_(ids))):
            assert one.state is State.RETAKEN
            assert one.kss is one.spread is None
        for table in (Rating, Remark, Assignment):
            assert set(db.scalars(sa.select(table.recording_id))) == set(others_ids)
        assert db.scalars(sa.select(Link.person_id)).all() == [other.id]
        assert db.scalars(sa.select(Session.person_id)).all() == [other.id]
    assert erase(database, deleted.append) == 2
    assert sorted(deleted) == sorted(ids)
    with database.reading() as db:
        assert set(db.scalars(sa.select(Recording.id))) == set(others_ids)
        assert set(db.scalars(sa.select(Check.recording_id))) == set(others_ids)
        assert set(db.scalars(sa.select(Upload.recording_id))) == set(others_ids)
        left = db.get_one(Person, person.id)
        assert (left.name, left.code) == ("", person.code)
        assert left.withdrawn_at is not None
        (consent,) = db.scalars(sa.select(Consent).where(Consent.person_id == person.id)).all()
        assert (consent.signed_name, consent.drawing) == ("", None)
        assert consent.withdrawn_at == left.withdrawn_at
        assert consent.text_id is not None
        assert audit.broken(db) == []
        assert "Ada" not in str(db.scalars(sa.select(AuditEntry.detail)).all())
        kept = db.scalars(sa.select(Consent).where(Consent.person_id == other.id)).one()
        assert (kept.signed_name, kept.drawing) == ("Bob", DRAWING)


def test_a_deletion_that_is_cut_short_goes_on(database: Database) -> None:
    with database.writing() as db:
        person, ids = _recorded(db, "Ada")
        people.withdraw(db, person, actor="test")
    deleted: list[str] = []

    def killed(recording_id: str) -> None:
        if deleted:
            raise KeyboardInterrupt
        deleted.append(recording_id)

    with pytest.raises(KeyboardInterrupt):
        erase(database, killed)
    with database.reading() as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(Recording)) == 2  # rows say what is left to do
    again: list[str] = []
    assert erase(database, again.append) == 2
    assert erase(database, again.append) == 0
    assert sorted(again) == sorted(ids)


def test_a_deletion_keeps_nobody_from_writing_and_one_that_fails_no_other(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with database.writing() as db:
        person, ids = _recorded(db, "Ada")
        people.withdraw(db, person, actor="test")
    first, second = sorted(ids)

    def delete(recording_id: str) -> None:
        with database.writing() as db:  # a rater, while the disk is slow
            people.invite(db, "Bob", actor="test")
        if recording_id == first:
            raise PermissionError(13, "Permission denied", recording_id)

    assert erase(database, delete) == 1
    assert first in caplog.text
    with database.reading() as db:
        assert db.scalars(sa.select(Recording.id)).all() == [first]
    assert erased_among(database, {first, second, "0" * 32}) == {second}
    assert erase(database, lambda _: None) == 1


def test_a_signature_and_a_name_cannot_slip_past_a_withdrawal(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("one writer at a time")
    with database.writing() as db:
        people.write_text(db, "Consent", "a", actor="test")
        person, _ = people.invite(db, "Ada", actor="test")
        text_id = people.write_text(db, "Consent", "b", actor="test").id
    refusals: list[str] = []

    def late() -> None:
        with database.writing() as db, contextlib.suppress(Refusal):
            people.rename(db, people.find(db, person.code, lock=True), "Ada L.", actor="test")
        with database.writing() as db, contextlib.suppress(Refusal):
            people.sign(db, db.get_one(Person, person.id, with_for_update=True), text_id, "Ada")
        refusals.append("done")

    with database.writing() as db:
        people.withdraw(db, db.get_one(Person, person.id), actor="test")
        db.flush()
        thread = threading.Thread(target=late)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()  # waits for the withdrawal
    thread.join()
    with database.reading() as db:
        assert db.get_one(Person, person.id).name == ""
        assert db.scalars(sa.select(Consent)).all() == []


def test_who_withdrew_stays_out(database: Database) -> None:
    with database.writing() as db:
        person, _ = _recorded(db, "Ada")
        people.withdraw(db, person, actor="test")
        moment = person.withdrawn_at
        people.withdraw(db, person, actor="test")  # again: nothing new
        assert person.withdrawn_at == moment
        text = people.current_text(db)
        assert text is not None
        for refused_deed in (
            lambda: people.sign(db, person, text.id, "Ada"),
            lambda: people.rename(db, person, "Ada", actor="test"),
        ):
            with pytest.raises(Refusal) as refused:
                refused_deed()
            assert refused.value.code == "withdrawn"
    with database.reading() as db:
        actions = db.scalars(sa.select(AuditEntry.action)).all()
    assert actions.count("person.withdrawn") == 1
