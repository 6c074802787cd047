"""Databases of both kinds for the studio's tests; PostgreSQL is started for them, on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("fastapi", reason="needs facefatigue[studio]")

import sqlalchemy as sa

from facefatigue.studio.database import Database
from facefatigue.studio.database.tables import (
    Account,
    Consent,
    ConsentText,
    Person,
    Purpose,
    Rating,
    Recording,
    Role,
    Scenario,
    State,
)
from facefatigue.studio.rating import keep_in_step

if TYPE_CHECKING:
    from collections.abc import Iterator


def _programs() -> Path | None:
    """The folder of PostgreSQL's own programs, the newest one."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda found: int(found.parts[4]))
    if folders:
        return folders[-1]
    found = shutil.which("initdb")
    return Path(found).parent if found else None


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Address of a running PostgreSQL server, to which ``/name`` can be added; skips where there is none installed."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    # Not below pytest's own folder, which every other run of pytest shuts for all but its owner.
    folder = Path(tempfile.mkdtemp(prefix="facefatigue-postgresql-"))
    user = None
    if os.name == "posix" and os.geteuid() == 0:  # the server refuses to run as root
        user = "postgres"
        shutil.chown(folder, user)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def call(program: str, *arguments: str) -> None:
        subprocess.run([programs / program, *arguments], check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)

    data = folder / "data"
    call("initdb", "-D", str(data), "-A", "trust", "-U", "studio", "-N")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    call("pg_ctl", "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        yield f"postgresql+psycopg://studio@127.0.0.1:{port}"
    finally:
        call("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty, migrated database, once of each kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'studio.sqlite3'}"
    else:
        import psycopg

        server = request.getfixturevalue("postgresql_server")
        name = f"t{abs(hash(request.node.nodeid)):x}"
        with psycopg.connect(server.replace("+psycopg", "") + "/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        url = f"{server}/{name}"
    opened = Database(url)
    opened.upgrade()
    yield opened
    opened.close()


@dataclass
class Rows:
    """Makes rows in a studio's database."""

    database: Database

    def raters(self, count: int) -> list[int]:
        with self.database.writing() as db:
            before = db.scalar(sa.select(sa.func.count()).select_from(Account))
            made = [Account(role=Role.RATER, name=f"rater {before + n}") for n in range(count)]
            db.add_all(made)
            db.flush()
            return [account.id for account in made]

    def recordings(
        self, count: int, *, people: int = 3, state: State = State.ACCEPTED, training: list[float] | None = None
    ) -> list[str]:
        """Recordings of as many new people in turns; with `training`, each with its value for the training set."""
        with self.database.writing() as db:
            text = db.scalar(sa.select(ConsentText)) or ConsentText(version=1, title="t", body="b", sha256="0" * 64)
            scenario = db.scalar(sa.select(Scenario)) or Scenario(name="off work")
            before = db.scalar(sa.select(sa.func.count()).select_from(Person))
            consents = [Consent(person=Person(code=f"P-{before + n:05}"), text=text, signed_name="x") for n in range(people)]
            db.add_all([scenario, *consents])
            db.flush()
            made = [
                Recording(
                    person_id=consents[n % people].person_id,
                    consent_id=consents[n % people].id,
                    scenario_id=scenario.id,
                    state=state,
                    media_type="video/mp4",
                    size_bytes=1,
                    sha256="0" * 64,
                    training_value=training[n] if training else None,
                    training_note="look at the eyes" if training else "",
                )
                for n in range(count)
            ]
            db.add_all(made)
            db.flush()
            return [recording.id for recording in made]

    def rate(self, ratings: dict[str, dict[int, float | None]], purpose: Purpose = Purpose.MAIN) -> None:
        """Ratings by recording and account."""
        with self.database.writing() as db:
            for recording, own in ratings.items():
                for account, value in own.items():
                    db.add(Rating(account_id=account, recording_id=recording, purpose=purpose, value=value))
            db.flush()
            keep_in_step(db, list(ratings))


@pytest.fixture
def rows(database: Database) -> Rows:
    """Makes people, recordings, raters and ratings directly."""
    return Rows(database)
