"""The database: opened, brought to the newest form, and spoken to in transactions."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import alembic.command
import alembic.config
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

_MIGRATIONS = Path(__file__).with_name("migrations")
# Wait this long for another writer before giving up. SQLite has one writer at a time, and ours are short.
_BUSY_S = 20.0
_WRITES = "facefatigue_writes"
# Any number that nothing else in the database locks by.
_MIGRATION_LOCK = 0x66617470
# The database is being restarted, or busy beyond measure. What was asked is not done, and can be asked again.
AWAY = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)


class Database:
    """A studio's database.

    Every write is durable once its transaction has ended: SQLite runs in WAL mode with ``synchronous=FULL``, so that a
    killed process or a power cut loses nothing that was answered for
    (https://www.sqlite.org/pragma.html#pragma_synchronous).

    Args:
        url: SQLAlchemy address of a SQLite file or a PostgreSQL database.

    Raises:
        ConfigurationError: The address is wrong, the driver is missing, or the database does not answer.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            address = sa.make_url(url)
            if address.get_backend_name() not in {"sqlite", "postgresql"}:
                raise ConfigurationError(
                    f"database {address.get_backend_name()!r} is not supported: use sqlite or postgresql"
                )
            self._shown = address.render_as_string(hide_password=True)
            self.engine = _engine(address)
        except sa.exc.ArgumentError:
            raise ConfigurationError("the database's address is not of the form postgresql://user@host/name") from None
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"PostgreSQL needs the driver {error.name}; install it with: pip install 'facefatigue[postgresql]'"
            ) from None
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is the embedded kind."""
        return self.engine.dialect.name == "sqlite"

    def upgrade(self) -> None:
        """Bring the tables to the newest form, from nothing or from an older one.

        Raises:
            ConfigurationError: The database does not answer, is none, may not be written, or was made by a newer version.
        """
        try:
            with self.engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
                if not self.is_sqlite:  # of several that start at once, one migrates
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
                alembic.command.upgrade(alembic_config(connection), "head")
        except sa.exc.DBAPIError as error:
            raise ConfigurationError(f"{self._shown}: {told(error)}") from None
        except alembic.util.CommandError:
            raise ConfigurationError(f"{self._shown}: made by a newer facefatigue, or not a studio's database") from None

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the database, from its first question on, and changes nothing."""
        with self._sessions() as session:
            if not self.is_sqlite:  # which does so by itself
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session

    @contextlib.contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose changes are kept when the block ends, and none of them if it raises.

        On SQLite the write lock is taken at the start (``BEGIN IMMEDIATE``): two writers wait for each other, and neither
        finds out late that it read an old state.
        """
        with self._sessions() as session, session.begin():
            session.connection(execution_options={_WRITES: True})
            yield session

    def close(self) -> None:
        """Let all connections go."""
        self.engine.dispose()


def _engine(address: sa.URL) -> sa.Engine:
    # Values of a request (names, hashes) are no matter for a log, so errors do not tell them.
    if address.get_backend_name() != "sqlite":
        return sa.create_engine(address, pool_pre_ping=True, hide_parameters=True)
    _make_private(address.database)
    engine = sa.create_engine(address, connect_args={"timeout": _BUSY_S, "check_same_thread": False}, hide_parameters=True)

    # The driver must not begin transactions by itself, or BEGIN IMMEDIATE would come too late
    # (https://docs.sqlalchemy.org/en/21/dialects/sqlite.html, "Serializable isolation / savepoints / transactional DDL").
    @sa.event.listens_for(engine, "connect")
    def _open(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        # secure_delete: what a withdrawal takes out of the file is overwritten there, not only forgotten.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _make_private(name: str | None) -> None:
    """Make a new database file for its owner alone, wherever it lies; SQLite gives its other files the same rights."""
    if name and name != ":memory:":
        with contextlib.suppress(OSError):  # it is there, or its folder is not, which opening it will tell
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def told(error: Exception) -> str:
    """What a database's error says, in one line and without the values of the request."""
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]


def is_full(error: Exception) -> bool:
    """Whether the database could not write because its disk is full (SQLite; PostgreSQL's class 53100)."""
    cause = getattr(error, "orig", None)
    return getattr(cause, "sqlite_errorname", "") == "SQLITE_FULL" or getattr(cause, "sqlstate", "") == "53100"


def alembic_config(connection: sa.Connection) -> alembic.config.Config:
    """Where the migrations are, and over which connection they run."""
    config = alembic.config.Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config
