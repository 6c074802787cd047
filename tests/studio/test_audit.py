"""The audit log's chain: whatever is changed in it shows."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from facefatigue.studio import audit
from facefatigue.studio.database.tables import AuditEntry

if TYPE_CHECKING:
    from facefatigue.studio.database import Database


def _write(database: Database, count: int) -> None:
    for number in range(count):
        with database.writing() as db:
            audit.note(db, "owner:1", "thing.done", f"subject {number}", number=number, share=0.1, word="ü")


def test_an_unchanged_chain_is_whole(database: Database) -> None:
    with database.reading() as db:
        assert audit.broken(db) == []
        assert audit.head(db) == (0, audit.FIRST)
    _write(database, 3)
    with database.writing() as db:  # several in one transaction
        audit.note(db, "rater:2", "a")
        audit.note(db, "rater:2", "b", nothing=None)
    with database.reading() as db:
        assert audit.broken(db) == []
        count, last = audit.head(db)
        entries = db.scalars(sa.select(AuditEntry).order_by(AuditEntry.id)).all()
    assert count == 5
    assert last == entries[-1].sha256
    assert [entry.before_sha256 for entry in entries] == [audit.FIRST, *(entry.sha256 for entry in entries[:-1])]
    assert [entry.action for entry in entries[-2:]] == ["a", "b"]


@pytest.mark.parametrize(
    "change", [{"actor": "owner:2"}, {"action": "x"}, {"subject": "x"}, {"detail": {"number": 9}}, {"sha256": "0" * 64}]
)
def test_a_changed_entry_shows(database: Database, change: dict[str, object]) -> None:
    _write(database, 4)
    with database.writing() as db:
        second = db.scalars(sa.select(AuditEntry.id).order_by(AuditEntry.id).offset(1).limit(1)).one()
        db.execute(sa.update(AuditEntry).where(AuditEntry.id == second).values(**change))
    with database.reading() as db:
        assert audit.broken(db)[0] == second


def test_an_entry_changed_together_with_its_hash_breaks_the_next(database: Database) -> None:
    _write(database, 3)
    with database.writing() as db:
        first, second, third = db.scalars(sa.select(AuditEntry).order_by(AuditEntry.id)).all()
        second.actor = "nobody"
        second.sha256 = audit._hash(second)
    with database.reading() as db:
        assert audit.broken(db) == [third.id]
    assert first.id < second.id


def test_a_removed_entry_shows_and_a_cut_end_shows_against_a_noted_hash(database: Database) -> None:
    _write(database, 4)
    with database.writing() as db:
        noted = audit.head(db)
        entries = db.scalars(sa.select(AuditEntry).order_by(AuditEntry.id)).all()
        db.delete(entries[3])
    with database.writing() as db:
        assert audit.broken(db) == []
        assert audit.head(db) != noted
        db.delete(db.get_one(AuditEntry, entries[1].id))
    with database.reading() as db:
        assert audit.broken(db) == [entries[2].id]


def test_a_deed_that_fails_leaves_no_entry(database: Database) -> None:
    def fail() -> None:
        with database.writing() as db:
            audit.note(db, "owner:1", "thing.done")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.reading() as db:
        assert audit.head(db)[0] == 0


def test_many_writers_at_once_make_one_chain(database: Database) -> None:
    threads = [threading.Thread(target=_write, args=(database, 8)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as db:
        assert audit.head(db)[0] == 32
        assert audit.broken(db) == []


def test_a_detail_that_is_no_json_is_an_error_of_ours(database: Database) -> None:
    with pytest.raises(TypeError), database.writing() as db:
        audit.note(db, "owner:1", "thing.done", thing=object())
