"""Files and rows brought back in step, after a kill and now and then; safe while the studio is at work."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import sqlalchemy as sa

from facefatigue.errors import ConfigurationError
from facefatigue.studio import erasure
from facefatigue.studio.database.session import AWAY, told
from facefatigue.studio.database.tables import Choice, Recording, State, Upload, now
from facefatigue.studio.refusals import Refusal
from facefatigue.studio.uploads import GIVEN_UP_AFTER

if TYPE_CHECKING:
    from types import TracebackType

    from sqlalchemy.orm import Session

    from facefatigue.studio.database import Database
    from facefatigue.studio.uploads import Uploads
    from facefatigue.studio.vault import Vault

_VAULT = "vault_id"
# A video that no row speaks of was left behind by a withdrawal that was interrupted, or its row is missing by mistake (an
# older database was put in place). So long there is time to notice the second.
ASIDE_FOR_S = 7 * 86400.0
_EVERY_S = 3600.0
_NAMED = 5
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Tidied:
    """What was found.

    Attributes:
        finished: Uploads that were whole and are now being checked.
        given_up: Uploads to which nothing was added for a week.
        removed: Files that belong to nothing any more.
        aside: Videos without a row, set aside now.
        missing: Recordings whose video is not in the vault.
    """

    finished: int = 0
    given_up: int = 0
    removed: int = 0
    aside: int = 0
    missing: int = 0


def belong_together(db: Session, vault: Vault) -> None:
    """Make sure that a database and a vault are of the same studio, and remember it at the first start.

    Args:
        db: In a writing transaction.
        vault: The vault.

    Raises:
        ConfigurationError: They are not; nothing must be tidied then.
    """
    if db.get(Choice, _VAULT) is not None:
        check_together(db, vault)
        return
    if vault.ids():
        raise ConfigurationError(f"{vault.folder}: holds videos, but the database knows of none; is it the right one?")
    db.add(Choice(name=_VAULT, value=vault.id))


def check_together(db: Session, vault: Vault) -> None:
    """Make sure that a database and a vault are of the same studio, without changing anything.

    Raises:
        ConfigurationError: They are not, or the studio was never started.
    """
    known = db.get(Choice, _VAULT)
    if known is None:
        raise ConfigurationError(f"{vault.folder}: the database knows nothing of it; name the studio's with --database")
    if known.value != vault.id:
        raise ConfigurationError(f"{vault.folder}: the database belongs to the videos of another folder")


class Tidying:
    """A context manager in which :func:`tidy` runs, at once and then every hour, and withdrawals cut short are finished.

    Args:
        database: Of the studio.
        vault: The videos; nothing else may be writing to it yet.
        uploads: The partial files.
    """

    def __init__(self, database: Database, vault: Vault, uploads: Uploads) -> None:
        self._database = database
        self._vault = vault
        self._uploads = uploads
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="facefatigue-tidy", daemon=True)

    def __enter__(self) -> Self:
        self._vault.clear_partial()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                erasure.erase(self._database, lambda recording_id: delete_files(self._vault, self._uploads, recording_id))
                tidy(self._database, self._vault, self._uploads)
            except AWAY as error:
                _log.warning("the studio could not be tidied: %s", told(error))
            except Exception:  # noqa: BLE001  # a thread that ends tidies nothing any more
                _log.exception("the studio could not be tidied")
            if self._stop.wait(_EVERY_S):
                return


def delete_files(vault: Vault, uploads: Uploads, recording_id: str) -> None:
    """Delete all that lies on the disk of one recording."""
    uploads.forget(recording_id)
    vault.delete(recording_id)


def tidy(database: Database, vault: Vault, uploads: Uploads) -> Tidied:
    """Finish uploads that were whole, give up those that rest, and remove files that belong to nothing.

    Args:
        database: Each step is a transaction of its own.
        vault: The videos.
        uploads: The partial files.
    """
    finished, given_up = _go_through_uploads(database, vault, uploads)
    removed = _remove_partial(database, uploads)
    removed += _remove_retaken(database, vault)
    aside, missing, late = _compare_vault(database, vault)
    found = Tidied(finished=finished, given_up=given_up, removed=removed + late, aside=aside, missing=missing)
    if found != Tidied():
        _log.info("tidied: %s", found)
    return found


def _go_through_uploads(database: Database, vault: Vault, uploads: Uploads) -> tuple[int, int]:
    with database.reading() as db:
        rows = list(db.execute(sa.select(Recording, Upload.touched_at).join(Upload, Upload.recording_id == Recording.id)))
    finished = given_up = 0
    for recording, touched_at in rows:
        if vault.has(recording.id) or uploads.received(recording.id) == recording.size_bytes:
            try:
                uploads.store(recording)
                with database.writing() as db:
                    uploads.finish(db, recording.id)
            except (Refusal, OSError) as error:  # one that cannot be finished keeps no other from it
                _log.warning("upload %s cannot be finished: %s", recording.id, error)
            else:
                uploads.forget(recording.id)
                finished += 1
        elif now() - touched_at > GIVEN_UP_AFTER:
            idle_s = uploads.partial.idle_s(recording.id)
            if idle_s is None or idle_s > GIVEN_UP_AFTER.total_seconds():
                with database.writing() as db:
                    upload = db.get(Upload, recording.id)
                    if upload is not None and not upload.stalled:
                        upload.stalled = True
                        given_up += 1
                uploads.forget(recording.id)
    return finished, given_up


def _remove_partial(database: Database, uploads: Uploads) -> int:
    names = uploads.partial.names()  # before the rows, so that none of a newer row is among them
    with database.reading() as db:
        wanted = set(db.scalars(sa.select(Upload.recording_id)))
    for name in names - wanted:
        uploads.forget(name)
    return len(names - wanted)


def _remove_retaken(database: Database, vault: Vault) -> int:
    with database.reading() as db:
        retaken = list(db.scalars(sa.select(Recording.id).where(Recording.state == State.RETAKEN)))
    left = [name for name in retaken if vault.files(name)]
    for name in left:
        vault.delete(name)
    return len(left)


def _compare_vault(database: Database, vault: Vault) -> tuple[int, int, int]:
    there = vault.ids()
    with database.reading() as db:
        known = {row.id: row.state for row in db.execute(sa.select(Recording.id, Recording.state))}
    waiting = vault.aside()
    for name in waiting.keys() & known.keys():
        vault.put_back(name)
        there.add(name)
    late = [name for name, waited_s in waiting.items() if name not in known and waited_s > ASIDE_FOR_S]
    for name in late:
        vault.delete(name)
    for name in vault.strays() - known.keys() - waiting.keys():  # a picture or copy made while somebody withdrew
        vault.delete(name)
    unknown = there - known.keys()
    leftover = erasure.erased_among(database, unknown)
    for name in leftover:
        vault.delete(name)
    unknown -= leftover
    for name in unknown:
        vault.set_aside(name)
    if unknown:
        _log.warning(
            "%d videos have no row in the database; they are set aside and will be deleted in a week: %s",
            len(unknown),
            _some(unknown),
        )
    stored = {name for name, state in known.items() if state not in {State.UPLOADING, State.RETAKEN}}
    missing = {name for name in stored - there if not vault.has(name)}
    if missing:
        _log.error(
            "%d recordings have no video in the vault; restore a backup (facefatigue studio verify names all): %s",
            len(missing),
            _some(missing),
        )
    return len(unknown), len(missing), len(late) + len(leftover)


def _some(names: set[str]) -> str:
    return ", ".join(sorted(names)[:_NAMED]) + (", …" if len(names) > _NAMED else "")
