"""A whole studio in one file, and back: rows as JSON lines, videos as they lie in the vault (encrypted ones stay so).

    manifest.json           what is in it, with the SHA-256 of every file; written last
    tables/<table>.jsonl    all rows of a table
    vault/<file>            a stored file
    secret                  what signs links, so that volunteers' links go on working

It can be made while the studio is at work, and restored into a database of the other kind. Left out are sessions (people
sign in again) and the bytes of unfinished uploads (browsers still have them). A backup holds all that the studio does: keep
it as safe, and the key elsewhere.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
import hashlib
import json
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

import alembic.command
import alembic.util
import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from facefatigue.atomic import atomic_path, output_error
from facefatigue.errors import BrokenVideoError, ConfigurationError
from facefatigue.studio.database.session import alembic_config, told
from facefatigue.studio.database.tables import Account, Base, Person, Recording, State
from facefatigue.studio.durable import durable_file, durable_folder
from facefatigue.studio.tidying import check_together
from facefatigue.studio.vault import VIDEO
from facefatigue.studio.verifying import expected, is_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.orm import Session

    from facefatigue.studio.database import Database
    from facefatigue.studio.vault import Vault

_FORMAT = 1
_MANIFEST, _SECRET = "manifest.json", "secret"
_LEFT_OUT = {"session"}
_BLOCK_BYTES = 1 << 20
_ROWS_AT_ONCE = 500
_UNREADABLE = "cannot be read"


def backup(
    database: Database, vault: Vault, path: Path, *, secret_file: Path | None = None, despite_damage: bool = False
) -> int:
    """Write everything into one file, which is there whole or not at all.

    The rows are those of one moment. Videos that a withdrawal deletes while it is written are left out, with their rows.
    Every video is compared with its checksum on the way: a backup of what is damaged would take the place of a better one.

    Args:
        database: May be in use.
        vault: May be in use.
        path: A ZIP file; an existing one is replaced.
        secret_file: Of the settings; None: links will have to be made anew.
        despite_damage: Take damaged videos as they are, and of missing or unreadable ones the rows.

    Returns:
        How many recordings are in it.

    Raises:
        ConfigurationError: Database and vault are not of the same studio, or a video is damaged or missing.
        OutputError: The file cannot be written.
    """
    with atomic_path(path) as partial:
        partial.chmod(0o600)
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            hashes: dict[str, str] = {}
            with database.reading() as db:
                check_together(db, vault)
                revision = _revision(db)
                for table in _tables():
                    name = f"tables/{table.name}.jsonl"
                    hashes[name] = _write(archive, name, _lines(db, table))
                stored = set(
                    db.scalars(sa.select(Recording.id).where(Recording.state.not_in([State.UPLOADING, State.RETAKEN])))
                )
            gone, faulty = [], []
            for recording_id in sorted(stored):
                with contextlib.ExitStack() as stack:
                    files = _stored_files(vault, recording_id, stack)
                    fault = _fault(database, vault, recording_id, files)
                    if fault and not despite_damage:
                        raise ConfigurationError(
                            f"the video of recording {recording_id} {fault}: nothing was written; facefatigue studio verify "
                            "names all such, and --despite-damage saves what there is"
                        )
                    if fault:
                        faulty.append(recording_id)
                    elif not files:
                        gone.append(recording_id)
                    for name, file in files if fault != _UNREADABLE else ():
                        hashes[f"vault/{name}"] = _write(archive, f"vault/{name}", _blocks(file))
            if secret_file is not None and secret_file.is_file():
                hashes[_SECRET] = _write(archive, _SECRET, iter([secret_file.read_bytes()]))
            manifest = {
                "format": _FORMAT,
                "revision": revision,
                "made_at": dt.datetime.now(dt.UTC).isoformat(),
                "vault": vault.marker(),
                "gone": gone,
                "faulty": faulty,
                "sha256": hashes,
            }
            archive.writestr(_MANIFEST, json.dumps(manifest, indent=1))
    return len(stored) - len(gone)


def _fault(database: Database, vault: Vault, recording_id: str, files: list[tuple[str, BinaryIO]]) -> str:
    """What is wrong with a recording's video, which stands at its beginning afterwards; empty: nothing, or withdrawn."""
    video = next((pair for pair in files if pair[0].endswith(f".{VIDEO}")), None)
    if video is None:
        return "" if expected(database, recording_id) is None else "is not in the vault"
    try:
        digest = vault.plain_sha256(video[1], video[0])
    except BrokenVideoError:
        return "is damaged"
    except OSError:  # a bad place on the disk
        return _UNREADABLE
    return "is damaged" if is_whole(database, recording_id, digest) is False else ""


def _stored_files(vault: Vault, recording_id: str, stack: contextlib.ExitStack) -> list[tuple[str, BinaryIO]]:
    """The files of a recording, opened, so that nobody can take them away any more; none if its video is gone."""
    opened: list[tuple[str, BinaryIO]] = []
    with contextlib.suppress(FileNotFoundError):
        for path in vault.files(recording_id):
            opened.append((path.name, stack.enter_context(path.open("rb"))))  # noqa: PERF401  # those before one that is gone
    return opened if any(name.endswith(f".{VIDEO}") for name, _ in opened) else []


def _tables() -> list[sa.Table]:
    """In the order in which rows can be put in."""
    return [table for table in Base.metadata.sorted_tables if table.name not in _LEFT_OUT]


def _revision(db: Session) -> str | None:
    return MigrationContext.configure(db.connection()).get_current_revision()


def _lines(db: Session, table: sa.Table) -> Iterator[bytes]:
    for row in db.execute(sa.select(table)).mappings():
        yield json.dumps({name: _plain(value) for name, value in row.items()}, separators=(",", ":")).encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return value.value if isinstance(value, enum.Enum) else value


def _write(archive: zipfile.ZipFile, name: str, blocks: Iterator[bytes]) -> str:
    """Write a member; returns its SHA-256."""
    digest = hashlib.sha256()
    with archive.open(name, "w", force_zip64=True) as member:
        for block in blocks:
            digest.update(block)
            member.write(block)
    return digest.hexdigest()


def _blocks(file: Any) -> Iterator[bytes]:
    with file:
        while block := file.read(_BLOCK_BYTES):
            yield block


def restore(path: Path, database: Database, vault: Vault, *, secret_file: Path | None = None) -> int:
    """Put a backup into an empty studio; every hash is verified before anything is written.

    Files come first, then all rows in one transaction: if it is cut short, the database is still empty, and the same call
    does it again. Rows of an older version are put into tables of their own form, which are then brought up to date.

    Args:
        path: As :func:`backup` wrote it.
        database: Migrated, of either kind, without people, accounts and recordings.
        vault: Empty (or what an earlier call left of this backup), with the key that the backup's videos are encrypted with.
        secret_file: Of the settings; None: the secret stays in the backup.

    Returns:
        How many recordings there are now.

    Raises:
        ConfigurationError: It is no backup, was damaged, was made by a newer version, or with another key; or the studio is
            not empty.
        OutputError: Files cannot be written.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _verified(path, archive)
            _check_empty(database, vault, manifest)
            try:
                vault.write_marker(manifest["vault"])
                _restore_files(archive, manifest, vault, secret_file)
            except OSError as error:
                raise output_error(vault.folder, error) from error
            with database.writing() as db:
                return _restore_rows(db, archive, manifest)
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: no such file") from None
    except alembic.util.CommandError:
        raise ConfigurationError(f"{path}: made by a newer facefatigue") from None
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, KeyError, ValueError, TypeError, AttributeError):
        raise ConfigurationError(f"{path}: is not a studio's backup, or is damaged") from None
    except sa.exc.SQLAlchemyError as error:
        raise ConfigurationError(f"{path}: its rows cannot be put into the database: {told(error)}") from None


def _verified(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        manifest = json.loads(archive.read(_MANIFEST))
        hashes = manifest["sha256"]
        known = manifest["format"] == _FORMAT
    except (KeyError, ValueError, TypeError):
        raise ConfigurationError(f"{path}: is not a studio's backup") from None
    if not known:
        raise ConfigurationError(f"{path}: made by a newer facefatigue")
    if {name for name in archive.namelist() if name != _MANIFEST} != set(hashes):
        raise ConfigurationError(f"{path}: is damaged: files are missing or were added")
    for name, sha256 in hashes.items():
        digest = hashlib.sha256()
        with archive.open(name) as member:
            for block in _blocks(member):
                digest.update(block)
        if digest.hexdigest() != sha256:
            raise ConfigurationError(f"{path}: is damaged: {name} is not as it was written")
    return dict(manifest)


def _check_empty(database: Database, vault: Vault, manifest: dict[str, Any]) -> None:
    with database.reading() as db:
        if any(db.scalars(sa.select(table).limit(1)).first() for table in (Person, Recording, Account)):
            raise ConfigurationError("the database is not empty; a backup is restored into a new studio only")
        # Raises for a version that is not known here.
        ScriptDirectory.from_config(alembic_config(db.connection())).get_revision(str(manifest["revision"]))
    begun = vault.id == manifest["vault"]["id"]  # an earlier call that was cut short
    there = {path.name for recording_id in vault.ids() for path in vault.files(recording_id)}
    if there and not (begun and there <= {name.removeprefix("vault/") for name in manifest["sha256"]}):
        raise ConfigurationError(f"{vault.folder}: is not empty; a backup is restored into a new studio only")


def _restore_files(archive: zipfile.ZipFile, manifest: dict[str, Any], vault: Vault, secret_file: Path | None) -> None:
    for name in manifest["sha256"]:
        if name.startswith("vault/"):
            target = vault.place(name.removeprefix("vault/"))
            durable_folder(target.parent)
            _extract(archive, name, target)
    if secret_file is not None and _SECRET in manifest["sha256"]:
        _extract(archive, _SECRET, secret_file)


def _extract(archive: zipfile.ZipFile, name: str, target: Path) -> None:
    with archive.open(name) as member, durable_file(target) as file:
        for block in iter(lambda: member.read(_BLOCK_BYTES), b""):
            file.write(block)


def _restore_rows(db: Session, archive: zipfile.ZipFile, manifest: dict[str, Any]) -> int:
    gone = set(manifest["gone"])
    for table in reversed(_tables()):  # what a new studio has by itself: scenarios, settings
        db.execute(sa.delete(table))
    config = alembic_config(db.connection())
    if manifest["revision"] != _revision(db):
        alembic.command.downgrade(config, manifest["revision"])
    as_they_were = sa.MetaData()
    as_they_were.reflect(db.connection())
    for table in as_they_were.sorted_tables:
        if table.name in _LEFT_OUT | {"alembic_version"}:
            continue
        rows = []
        with archive.open(f"tables/{table.name}.jsonl") as lines:
            for line in lines:
                row = json.loads(line)
                if row.get("id" if table.name == "recording" else "recording_id") in gone:
                    continue
                rows.append({name: _value(table.c[name], value) for name, value in row.items()})
                if len(rows) == _ROWS_AT_ONCE:
                    db.execute(sa.insert(table), rows)
                    rows = []
        if rows:
            db.execute(sa.insert(table), rows)
        _continue_numbers(db, table)
    alembic.command.upgrade(config, "head")
    return db.scalar(sa.select(sa.func.count()).select_from(Recording)) or 0


def _value(column: sa.Column[Any], value: Any) -> Any:
    if isinstance(column.type, sa.DateTime) and value is not None:
        return dt.datetime.fromisoformat(value).astimezone(dt.UTC)
    return sa.null() if value is None and isinstance(column.type, sa.JSON) and column.nullable else value


def _continue_numbers(db: Session, table: sa.Table) -> None:
    """Let PostgreSQL count on after the highest number that was put in; SQLite does so by itself."""
    column = table.autoincrement_column
    if db.get_bind().dialect.name == "postgresql" and column is not None:
        sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
        highest = sa.select(sa.func.max(column)).scalar_subquery()
        db.execute(sa.select(sa.func.setval(sequence, sa.func.coalesce(highest, 1), highest.is_not(None))))
