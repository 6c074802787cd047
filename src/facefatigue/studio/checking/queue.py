"""Which recording is looked at next, and what was found; several may ask at once, of either database."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from facefatigue.studio.database.tables import Check, Moment, Playback, Recording, State, now

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from facefatigue.studio.checking.examine import Examination

ATTEMPTS = 3


def claim(db: Session, limit_s: float) -> str | None:
    """Take the recording that has waited longest; those that failed before come after all others.

    People take turns: whoever sends many, or such that take as long as they may, keeps himself waiting and nobody else.

    On PostgreSQL rows that others are taking are skipped (SKIP LOCKED); on SQLite a writing transaction is alone.

    Args:
        db: In a writing transaction.
        limit_s: A claim older than one and a half times this is void: whoever had it is gone.

    Returns:
        The recording's id, or None where nothing waits.
    """
    while True:
        void = now() - dt.timedelta(seconds=1.5 * limit_s)
        check = db.scalars(
            sa.select(Check)
            .join(Recording, Recording.id == Check.recording_id)
            .where(
                Check.done_at.is_(None),
                sa.or_(Check.claimed_at.is_(None), Check.claimed_at < void),
                Recording.state == State.CHECKING,
            )
            .order_by(Check.attempts, *_turn(), Recording.stored_at)
            .limit(1)
            .with_for_update(skip_locked=True, of=Check)
        ).first()
        if check is None:
            return None
        if check.attempts < ATTEMPTS:
            check.attempts += 1
            check.claimed_at = now()
            db.flush()
            return check.recording_id
        _give_up(db, check)


def _turn() -> tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]]:
    """How often checks of the same person failed that are still open, and when the last one was done."""
    check, recording = sa.orm.aliased(Check), sa.orm.aliased(Recording)
    theirs = (
        sa.select(sa.func.coalesce(sa.func.sum(check.attempts), 0))
        .join(recording, recording.id == check.recording_id)
        .where(recording.person_id == Recording.person_id)
    )
    tried = theirs.where(check.done_at.is_(None)).correlate(Recording).scalar_subquery()
    # Text in SQLite, so that what was never done must be told in the same type.
    never = sa.literal(dt.datetime(1970, 1, 1, tzinfo=dt.UTC), Moment)
    last = sa.func.coalesce(sa.func.max(check.done_at), never, type_=Moment)
    done = theirs.with_only_columns(last, maintain_column_froms=True).correlate(Recording).scalar_subquery()
    return tried, done


def claim_copy(db: Session, limit_s: float) -> tuple[str, float] | None:
    """Take the recording that has waited longest for a copy that browsers play, as :func:`claim` does for checks.

    Args:
        db: In a writing transaction.
        limit_s: A claim older than one and a half times this is void.

    Returns:
        The recording's id and length in seconds, or None where nothing waits.
    """
    while True:
        void = now() - dt.timedelta(seconds=1.5 * limit_s)
        row = db.execute(
            sa.select(Check, Recording.duration_s)
            .join(Recording, Recording.id == Check.recording_id)
            .where(
                Recording.playback == Playback.WAITING,
                Recording.state.in_([State.ACCEPTED, State.REFUSED]),
                sa.or_(Check.claimed_at.is_(None), Check.claimed_at < void),
            )
            .order_by(Check.attempts, Recording.stored_at)
            .limit(1)
            .with_for_update(skip_locked=True, of=Check)
        ).first()
        if row is None:
            return None
        check, duration_s = row
        if check.attempts < ATTEMPTS:
            check.attempts += 1
            check.claimed_at = now()
            db.flush()
            return check.recording_id, duration_s or 0.0
        _give_up(db, check)


def copied(db: Session, recording_id: str) -> bool:
    """Note that a recording has a copy that browsers play.

    Returns:
        False where the recording is no longer there, or no longer wanted: its files must go.
    """
    recording = db.get(Recording, recording_id, with_for_update=True, populate_existing=True)
    check = db.get(Check, recording_id)
    if recording is None or check is None or recording.state == State.RETAKEN:
        return False
    if recording.playback == Playback.WAITING and recording.state != State.CHECKING:  # else it is being checked again
        recording.playback = Playback.COPY
        check.claimed_at = None
    db.flush()
    return True


def release(db: Session, recording_id: str, *, blameless: bool = False) -> None:
    """Put a recording back whose check or copy did not come to an end; after three attempts it is given up.

    Args:
        db: In a writing transaction.
        recording_id: Of the recording.
        blameless: The video was not the reason: the attempt does not count.
    """
    recording = db.get(Recording, recording_id, with_for_update=True, populate_existing=True)
    check = db.get(Check, recording_id, with_for_update=True, populate_existing=True)
    if recording is None or check is None or (check.done_at is not None and recording.playback != Playback.WAITING):
        return
    check.claimed_at = None
    if blameless:
        check.attempts = max(check.attempts - 1, 0)
    if check.attempts >= ATTEMPTS:
        _give_up(db, check)
    db.flush()


def release_all(db: Session) -> None:
    """Void every claim, at the start of the one server that a folder has."""
    db.execute(sa.update(Check).where(Check.claimed_at.is_not(None)).values(claimed_at=None))


def record(db: Session, recording_id: str, examination: Examination) -> bool:
    """Note what was found.

    Args:
        db: In a writing transaction.
        recording_id: Of the recording.
        examination: What was found.

    Returns:
        False where the recording is no longer there, or no longer wanted: its files must go.
    """
    recording = db.get(Recording, recording_id, with_for_update=True, populate_existing=True)
    check = db.get(Check, recording_id)
    if recording is None or check is None or recording.state == State.RETAKEN:
        return False
    if recording.state == State.CHECKING:
        recording.state = State.ACCEPTED if examination.fit else State.REFUSED
        if not examination.is_video:
            recording.state = State.FAILED
    recording.duration_s, recording.width, recording.height = examination.duration_s, examination.width, examination.height
    recording.has_sound = examination.has_sound
    if examination.media_type:
        recording.media_type = examination.media_type
    if examination.kept_sha256 and recording.kept_sha256 in {None, examination.read_sha256}:  # else it was damaged before
        recording.kept_sha256 = examination.kept_sha256
    recording.playback = Playback.ORIGINAL
    check.done_at, check.claimed_at = now(), None
    if not examination.playable:  # one that is longer than what is taken is not decoded to its end for a copy either
        recording.playback = Playback.FAILED if examination.duration_s is None else Playback.WAITING
        check.attempts = 0  # those of the copy
    check.findings = [finding.to_dict() for finding in examination.findings]
    if examination.is_video and _was_sent_before(db, recording):
        check.findings = [*check.findings, {"name": "duplicate", "level": "refused", "value": None}]
        recording.state = State.REFUSED if recording.state == State.ACCEPTED else recording.state
    db.flush()
    return True


def same_file(recording: Recording) -> tuple[sa.ColumnElement[bool], ...]:
    """What makes another person's recording the very same file as this one."""
    return (
        Recording.sha256 == recording.sha256,
        Recording.size_bytes == recording.size_bytes,
        Recording.person_id != recording.person_id,
    )


def _was_sent_before(db: Session, recording: Recording) -> bool:
    """Whether somebody else sent the very same file earlier, and it counts."""
    earlier = sa.select(Recording.id).where(
        *same_file(recording),
        Recording.state.in_([State.CHECKING, State.ACCEPTED]),
        sa.tuple_(Recording.stored_at, Recording.id) < (recording.stored_at, recording.id),
    )
    return db.scalars(earlier.limit(1)).first() is not None


def again(db: Session, recording_id: str) -> bool:
    """Have a recording looked at once more, e.g. after the study's lengths were changed.

    Args:
        db: In a writing transaction.
        recording_id: Of a recording that was accepted, refused or given up; of any other nothing is done.

    Returns:
        Whether it waits for a check now.
    """
    recording = db.get(Recording, recording_id, with_for_update=True)
    check = db.get(Check, recording_id)
    if recording is None or check is None or recording.state not in {State.ACCEPTED, State.REFUSED, State.FAILED}:
        return False
    recording.state = State.CHECKING
    check.attempts, check.claimed_at, check.done_at = 0, None, None
    db.flush()
    return True


def _give_up(db: Session, check: Check) -> None:
    recording = db.get_one(Recording, check.recording_id)
    if check.done_at is not None:  # raters would see a black picture; whoever sent it hears what to send instead
        recording.playback = Playback.FAILED
        if recording.state == State.ACCEPTED:
            recording.state = State.REFUSED
        check.findings = [*check.findings, {"name": "playback", "level": "refused", "value": None}]
        check.claimed_at = None
        db.flush()
        return
    recording.state = State.FAILED
    check.findings = [{"name": "video", "level": "refused", "value": None}]
    check.done_at, check.claimed_at = now(), None
    db.flush()
