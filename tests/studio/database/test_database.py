"""Both databases keep what they were given, in the form that the tables say."""

from __future__ import annotations

import datetime as dt
import os
import stat
import threading
from typing import TYPE_CHECKING, Any

import alembic.command
import pytest
import sqlalchemy as sa

from facefatigue.errors import ConfigurationError
from facefatigue.studio.database import Database
from facefatigue.studio.database.session import alembic_config
from facefatigue.studio.database.tables import Check, Choice, Link, Person, Playback, Recording, Scenario

if TYPE_CHECKING:
    from pathlib import Path


def test_migrations_make_what_the_tables_say(database: Database) -> None:
    with database.engine.begin() as connection:
        alembic.command.check(alembic_config(connection))


def test_all_can_be_taken_back(database: Database) -> None:
    with database.engine.begin() as connection:
        alembic.command.downgrade(alembic_config(connection), "base")
        assert set(sa.inspect(connection).get_table_names()) <= {"alembic_version"}
    database.upgrade()


def test_a_new_column_costs_no_row(database: Database) -> None:
    """SQLite drops a table that a batch alters, and would take the rows that refer to it along."""
    with database.engine.begin() as connection:
        alembic.command.downgrade(alembic_config(connection), "0001")
        connection.execute(sa.text("INSERT INTO person (id, code, name, created_at) VALUES (1, 'P-1', '', '2026-01-01')"))
        connection.execute(
            sa.text("INSERT INTO consent_text VALUES (1, 1, 't', 'b', 's', '2026-01-01')"),
        )
        connection.execute(
            sa.text(
                "INSERT INTO consent (id, person_id, text_id, signed_name, signed_at) VALUES (1, 1, 1, 'n', '2026-01-01')"
            )
        )
        connection.execute(
            sa.text(
                "INSERT INTO recording (id, person_id, consent_id, state, brought, media_type, size_bytes, sha256, "
                "training_note, rated_times, created_at) "
                "VALUES ('r', 1, 1, 'accepted', false, '', 1, '', '', 0, '2026-01-01')"
            )
        )
        connection.execute(sa.text("INSERT INTO recording_check (recording_id, findings, attempts) VALUES ('r', '[]', 1)"))
    database.upgrade()
    with database.reading() as db:
        assert db.get_one(Recording, "r").playback == Playback.ORIGINAL
        assert db.get_one(Check, "r").attempts == 1
    with pytest.raises(sa.exc.IntegrityError), database.writing() as db:
        db.execute(sa.text("UPDATE recording SET playback = 'x'"))


def test_times_keep_their_zone(database: Database) -> None:
    moment = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.timezone(dt.timedelta(hours=9)))
    with database.writing() as db:
        db.add(Person(code="P-1", created_at=moment))
    with database.reading() as db:
        found = db.scalars(sa.select(Person)).one().created_at
    assert found == moment
    assert found.utcoffset() == dt.timedelta(0)


def test_nothing_is_kept_of_a_block_that_raises(database: Database) -> None:
    def fail() -> None:
        with database.writing() as db:
            db.add(Scenario(name="waking up"))
            db.flush()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with database.reading() as db:
        assert db.scalars(sa.select(Scenario)).all() == []


def test_foreign_keys_and_checks_hold(database: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError), database.writing() as db:
        db.add(Link(person_id=12345))
    with pytest.raises(sa.exc.IntegrityError), database.writing() as db:
        db.add(Link())  # nobody's


def test_writers_wait_for_each_other(database: Database) -> None:
    with database.writing() as db:
        db.add(Choice(name="count", value=0))

    def count() -> None:
        for _ in range(20):
            with database.writing() as db:
                row = db.get_one(Choice, "count", with_for_update=True)
                row.value += 1

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as db:
        assert db.get_one(Choice, "count").value == 160


def test_wrong_addresses_are_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not of the form"):
        Database("nonsense")
    with pytest.raises(ConfigurationError, match="not supported"):
        Database("mysql://localhost/x")
    with pytest.raises(ConfigurationError, match="unable to open"):
        Database(f"sqlite:///{tmp_path / 'missing' / 'x.sqlite3'}").upgrade()


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.sqlite3'}")
    database.upgrade()
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match="newer facefatigue"):
        database.upgrade()
    database.close()


def test_what_is_no_database_or_may_not_be_written_is_told_in_one_line(postgresql_server: str, tmp_path: Path) -> None:
    import psycopg

    (tmp_path / "text").write_text("this is a text, and no database at all\n" * 100)
    with pytest.raises(ConfigurationError, match="file is not a database$"):
        Database(f"sqlite:///{tmp_path / 'text'}").upgrade()
    with psycopg.connect(postgresql_server.replace("+psycopg", "") + "/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE guarded")
        connection.execute("CREATE ROLE guest LOGIN")
    database = Database(postgresql_server.replace("studio@", "guest@") + "/guarded")
    with pytest.raises(ConfigurationError, match="permission denied for schema public$"):  # as PostgreSQL 15 is by default
        database.upgrade()
    database.close()


def test_several_may_start_at_once(database: Database) -> None:
    with database.engine.begin() as connection:
        alembic.command.downgrade(alembic_config(connection), "base")
    failures: list[Exception] = []

    def start() -> None:
        one = Database(database.url)
        try:
            one.upgrade()
        except ConfigurationError as error:
            failures.append(error)
        finally:
            one.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_an_older_database_keeps_what_is_in_it(database: Database) -> None:
    with database.engine.begin() as connection:
        alembic.command.downgrade(alembic_config(connection), "0001")
        then = sa.MetaData()
        then.reflect(connection)
        made = dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
        rows: dict[str, dict[str, Any]] = {
            "person": {"id": 1, "code": "P-1", "name": "Ada", "created_at": made},
            "consent_text": {"id": 1, "version": 1, "title": "t", "body": "b", "sha256": "x", "created_at": made},
            "consent": {"id": 1, "person_id": 1, "text_id": 1, "signed_name": "Ada", "signed_at": made},
            "recording": {
                "id": "a", "person_id": 1, "consent_id": 1, "state": "checking", "brought": False, "media_type": "",
                "size_bytes": 1, "sha256": "x", "training_note": "", "rated_times": 0, "created_at": made,
            },
            "recording_check": {"recording_id": "a", "findings": [], "attempts": 0},
        }  # fmt: skip
        for name, row in rows.items():
            connection.execute(sa.insert(then.tables[name]), row)
    database.upgrade()
    with database.reading() as db:
        recording = db.get_one(Recording, "a")
        assert (recording.person.name, recording.kept_sha256) == ("Ada", None)
        assert recording.check is not None
    with database.engine.begin() as connection:
        alembic.command.check(alembic_config(connection))


def test_reading_sees_one_state(database: Database) -> None:
    with database.reading() as db:
        assert db.scalars(sa.select(Scenario.name)).all() == []
        with database.writing() as other:
            other.add(Scenario(name="waking up"))
        assert db.scalars(sa.select(Scenario.name)).all() == []
    with database.reading() as db:
        assert db.scalars(sa.select(Scenario.name)).all() == ["waking up"]


def test_errors_tell_no_values(database: Database) -> None:
    with database.writing() as db:
        db.add(Person(code="P-1"))
    with pytest.raises(sa.exc.IntegrityError) as raised, database.writing() as db:
        db.add(Person(code="P-1", name="Ada Lovelace"))
    assert "Lovelace" not in str(raised.value)


@pytest.mark.skipif(os.name != "posix", reason="needs file modes")
def test_a_new_file_is_its_owners_alone_and_forgets_what_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "studio.sqlite3"
    database = Database(f"sqlite:///{path}")
    database.upgrade()
    with database.writing() as db:
        db.add(Person(code="P-1", name="Ada Lovelace, Countess"))
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    with database.writing() as db:
        db.execute(sa.delete(Person))
    database.close()
    assert b"Lovelace" not in path.read_bytes()
