"""Are all videos still as they were kept? A disk may change a byte, and nobody notices until the video is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from facefatigue.errors import BrokenVideoError, SourceNotFoundError
from facefatigue.studio.database.tables import Recording, State
from facefatigue.studio.durable import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.studio.database import Database
    from facefatigue.studio.vault import Vault

_IN_VAULT = Recording.state.not_in([State.UPLOADING, State.RETAKEN])


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What was found.

    Attributes:
        whole: Videos that are as they were kept.
        noted: Videos that can be read, but had no checksum (an older studio checked them); it is noted now.
        damaged: Recordings whose video is not as it was kept, or cannot be read or decrypted.
        missing: Recordings whose video is not in the vault.
    """

    whole: int
    noted: int
    damaged: tuple[str, ...]
    missing: tuple[str, ...]


def verify(database: Database, vault: Vault, on_done: Callable[[int, int], None] | None = None) -> Verified:
    """Read every video to its end, and compare it with its checksum.

    Args:
        database: May be in use.
        vault: May be in use.
        on_done: Called with the videos read and all videos.
    """
    with database.reading() as db:
        ids = list(db.scalars(sa.select(Recording.id).where(_IN_VAULT).order_by(Recording.id)))
    whole = noted = 0
    damaged, missing = [], []
    for number, recording_id in enumerate(ids, 1):
        try:
            with vault.open(recording_id) as file:
                digest = sha256_of(file)
        except SourceNotFoundError:
            if expected(database, recording_id) is not None:  # not withdrawn meanwhile
                missing.append(recording_id)
        except (BrokenVideoError, OSError):  # the second: a bad place on the disk
            damaged.append(recording_id)
        else:
            match is_whole(database, recording_id, digest):
                case True:
                    whole += 1
                case False:
                    damaged.append(recording_id)
                case None:
                    noted += _note(database, recording_id, digest)
        if on_done is not None:
            on_done(number, len(ids))
    return Verified(whole=whole, noted=noted, damaged=tuple(damaged), missing=tuple(missing))


def expected(database: Database, recording_id: str) -> tuple[str | None, str, State] | None:
    """Checksum as kept, checksum as sent, and state of a recording; None where nobody wants it any more."""
    with database.reading() as db:
        row = db.execute(
            sa.select(Recording.kept_sha256, Recording.sha256, Recording.state).where(
                Recording.id == recording_id, _IN_VAULT
            )
        ).one_or_none()
    return None if row is None else (row.kept_sha256, row.sha256, row.state)


def is_whole(database: Database, recording_id: str, digest: str) -> bool | None:
    """Whether the SHA-256 of a video's plain bytes, as they were just read, is right; None where that cannot be told.

    It is asked for after the video was read: a check puts a plain file in the place of what was sent.
    """
    row = expected(database, recording_id)
    if row is None:  # withdrawn meanwhile
        return True
    kept, sent, state = row
    if digest == (kept or sent):
        return True
    return None if kept is None or state is State.CHECKING else False


def _note(database: Database, recording_id: str, digest: str) -> bool:
    with database.writing() as db:
        recording = db.get(Recording, recording_id, with_for_update=True)
        if recording is None or recording.kept_sha256 is not None or recording.state in {State.CHECKING, State.RETAKEN}:
            return False  # a check will note it, or did
        recording.kept_sha256 = digest
        return True
