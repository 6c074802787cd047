"""Databases of both kinds for the studio's tests; PostgreSQL is started for them, on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("fastapi", reason="needs facefatigue[studio]")

from facefatigue.studio.database import Database

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
