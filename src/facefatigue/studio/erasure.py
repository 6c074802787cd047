"""The videos of those who withdrew: deleted for good, whenever the work was cut short before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from facefatigue.studio import audit
from facefatigue.studio.database.tables import Person, Recording

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session


def erase(db: Session, delete_files: Callable[[str], None]) -> int:
    """Delete the files and then the rows of every recording whose person withdrew.

    Files go first: if the process is killed between the two, the rows say what is left to do, and the next call (at
    start-up, and after each withdrawal) does it.

    Args:
        db: An open session that writes.
        delete_files: Deletes all that lies on the disk of one recording: video, still, unfinished upload; does nothing
            where that is gone already.

    Returns:
        How many recordings were deleted.
    """
    rows = db.execute(
        sa.select(Recording.id, Person.code)
        .join(Person, Person.id == Recording.person_id)
        .where(Person.withdrawn_at.is_not(None))
        .order_by(Recording.id)
    ).all()
    for recording_id, code in rows:
        delete_files(recording_id)
        db.execute(sa.delete(Recording).where(Recording.id == recording_id))
        audit.note(db, "studio", "recording.erased", code)
    return len(rows)
