"""The videos of those who withdrew: deleted for good, whenever the work was cut short before."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import sqlalchemy as sa

from facefatigue.studio import audit
from facefatigue.studio.database.tables import AuditEntry, Person, Recording

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.studio.database import Database

ERASED, RETAKEN = "recording.erased", "recording.retaken"
_log = logging.getLogger(__name__)


def erase(database: Database, delete_files: Callable[[str], None]) -> int:
    """Delete the files and then the rows of every recording whose person withdrew.

    Files go first: if the process is killed between the two, the rows say what is left to do, and the next call (at
    start-up, every hour, and after each withdrawal) does it. They go outside any transaction, since a disk takes its time,
    and a video that is being encrypted at this moment is waited for; others write meanwhile. Whoever puts a file of such a
    recording into the vault in between asks for its row afterwards, and deletes the file again.

    Args:
        database: It is read, and then written to in one transaction.
        delete_files: Deletes all that lies on the disk of one recording: video, still, unfinished upload; does nothing
            where that is gone already. What it cannot delete (OSError) is told in the log and left for the next call.

    Returns:
        How many recordings were deleted.
    """
    with database.reading() as db:
        rows = db.execute(
            sa.select(Recording.id, Person.code)
            .join(Person, Person.id == Recording.person_id)
            .where(Person.withdrawn_at.is_not(None))
            .order_by(Recording.id)
        ).all()
    gone = []
    for recording_id, code in rows:
        try:
            delete_files(recording_id)
        except OSError as error:
            _log.error("recording %s of %s, who withdrew, cannot be deleted yet: %s", recording_id, code, error)
        else:
            gone.append((recording_id, code))
    if not gone:
        return 0
    erased = 0
    with database.writing() as db:
        for recording_id, code in gone:
            row = sa.delete(Recording).where(Recording.id == recording_id).returning(Recording.id)
            if db.scalar(row) is not None:  # not deleted by another call meanwhile
                audit.note(db, "studio", ERASED, recording_id, person=code)
                erased += 1
    return erased


def erased_among(database: Database, ids: set[str]) -> set[str]:
    """Which of these recordings without a row were deleted on purpose, so that a file of theirs is a leftover."""
    with database.reading() as db:
        told = sa.select(AuditEntry.subject).where(AuditEntry.action.in_([ERASED, RETAKEN]))
        return ids & set(db.scalars(told)) if ids else set()
