"""What was done, by whom and when, in a chain of hashes: whoever changes or removes an entry breaks the chain.

Each entry carries the SHA-256 of its own content together with the hash of the entry before. The chain shows any change in
its middle; cutting off its end shows only against a hash that was noted elsewhere, which is why :func:`head` tells it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import TYPE_CHECKING

import sqlalchemy as sa

from facefatigue.studio.database.tables import AuditEntry, now

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

FIRST = "0" * 64
_PENDING = "facefatigue_audit"
# Any number that nothing else in the database locks by.
_POSTGRESQL_LOCK = 0x66617469


def note(db: Session, actor: str, action: str, subject: str = "", **detail: object) -> None:
    """Remember a deed, in the same transaction as the deed itself: both are kept, or neither.

    The entry joins the chain as the last thing before the commit. There can be only one end of the chain, so that writers
    wait for each other there; done last, nobody waits for long, and nobody who holds the chain waits for anything else.

    Args:
        db: An open session that writes.
        actor: Who did it: "owner:1", "rater:7", "person:P-7K3D9", "studio".
        action: What was done, dotted and in the past tense: "person.invited", "recording.accepted".
        subject: To whom or what: a person's code, a recording's id.
        detail: JSON values; neither names nor secrets, since entries outlive a withdrawal.
    """
    entry = AuditEntry(at=now(), actor=actor, action=action, subject=subject, detail=json.loads(json.dumps(detail)))
    pending: list[AuditEntry] = db.info.setdefault(_PENDING, [])
    if not pending:
        sa.event.listen(db, "before_commit", _chain, once=True)
    pending.append(entry)


def _chain(db: Session) -> None:
    pending: list[AuditEntry] = db.info.pop(_PENDING, [])
    db.flush()
    if db.get_bind().dialect.name == "postgresql":
        db.execute(sa.select(sa.func.pg_advisory_xact_lock(_POSTGRESQL_LOCK)))
    before = head(db)[1]
    for entry in pending:
        entry.before_sha256 = before
        entry.sha256 = before = _hash(entry)
        db.add(entry)
        db.flush()


def head(db: Session) -> tuple[int, str]:
    """Number of entries, and the hash of the last: note it elsewhere, and nobody can shorten the log unseen."""
    count = db.scalar(sa.select(sa.func.count()).select_from(AuditEntry)) or 0
    last = db.scalar(sa.select(AuditEntry.sha256).order_by(AuditEntry.id.desc()).limit(1))
    return count, last or FIRST


def knows(db: Session, sha256: str) -> bool:
    """Whether the chain has an entry of this hash, as it must if :func:`head` told it once."""
    return db.scalar(sa.select(AuditEntry.id).where(AuditEntry.sha256 == sha256.strip().lower()).limit(1)) is not None


def broken(db: Session) -> list[int]:
    """Ids of the entries that do not fit: changed ones, and those whose predecessor was changed, removed or put in."""
    found: list[int] = []
    before = FIRST
    for entry in db.scalars(sa.select(AuditEntry).order_by(AuditEntry.id).execution_options(yield_per=500)):
        if entry.before_sha256 != before or entry.sha256 != _hash(entry):
            found.append(entry.id)
        before = entry.sha256
        db.expunge(entry)
    return found


def _hash(entry: AuditEntry) -> str:
    content = [
        entry.at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
        entry.actor,
        entry.action,
        entry.subject,
        entry.detail,
        entry.before_sha256,
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
