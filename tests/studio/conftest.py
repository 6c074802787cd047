"""Databases of both kinds for the studio's tests; PostgreSQL is started for them, on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
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
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running PostgreSQL server, to which ``/name`` can be added; skips where there is none installed."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    folder = tmp_path_factory.mktemp("postgresql")
    user = None
    if os.name == "posix" and os.geteuid() == 0:  # the server refuses to run as root
        user = "postgres"
        for place in (folder, *folder.parents):
            if place.owner() == "root" and place.is_relative_to(tmp_path_factory.getbasetemp().parent):
                place.chmod(place.stat().st_mode | 0o711)
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
