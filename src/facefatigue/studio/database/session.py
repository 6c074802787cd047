"""The database: opened, brought to the newest form, and spoken to in transactions."""

from __future__ import annotations

import contextlib
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
            ConfigurationError: The database does not answer, or was made by a newer version.
        """
        try:
            with self.engine.begin() as connection:
                alembic.command.upgrade(alembic_config(connection), "head")
        except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
            raise ConfigurationError(f"{self._shown}: {str(error.orig).splitlines()[0]}") from None
        except alembic.util.CommandError:
            raise ConfigurationError(f"{self._shown}: made by a newer facefatigue, or not a studio's database") from None

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the database and changes nothing."""
        with self._sessions() as session:
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
    if address.get_backend_name() != "sqlite":
        return sa.create_engine(address, pool_pre_ping=True)
    engine = sa.create_engine(address, connect_args={"timeout": _BUSY_S, "check_same_thread": False})

    # The driver must not begin transactions by itself, or BEGIN IMMEDIATE would come too late
    # (https://docs.sqlalchemy.org/en/21/dialects/sqlite.html, "Serializable isolation / savepoints / transactional DDL").
    @sa.event.listens_for(engine, "connect")
    def _open(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def alembic_config(connection: sa.Connection) -> alembic.config.Config:
    """Where the migrations are, and over which connection they run."""
    config = alembic.config.Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config
