"""What a rater says of the recording before him: a rating, "cannot judge", or nothing yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from facefatigue.data.labels import is_rating
from facefatigue.studio.database.tables import Assignment, Purpose, Rating, Recording, State, now
from facefatigue.studio.rating.assigning import Shown, gone, last_done, locked_rater, open_training
from facefatigue.studio.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from facefatigue.studio.database.tables import Account

CONFIDENCES = (1, 2, 3)
LONGEST_NOTE = 1000
_MANY = 500  # ids in one statement: SQLite and PostgreSQL take thousands


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """What a rater learns after a recording of the training set.

    Attributes:
        value: The study's own value, 1 to 5.
        own: What the rater said; None: "cannot judge".
        note: Why the value is what it is, in the study's words.
        last: Whether the training is over now.
    """

    value: float
    own: float | None
    note: str
    last: bool


def rate(
    db: Session, account_id: int, assignment_id: int, *, value: float | None, confidence: int | None = None, note: str = ""
) -> Feedback | None:
    """Keep what a rater said; said again with the same words, nothing changes, so that a lost answer can be repeated.

    The last rating can be changed, earlier ones cannot. A rating that comes after its reservation ran out is kept, too: one
    rating more than needed is better than a rater's work thrown away.

    Args:
        db: A session that writes.
        account_id: The rater.
        assignment_id: As in :class:`Shown`.
        value: 1 to 5 in half points; None: "cannot judge".
        confidence: 1 unsure, 2 fairly sure, 3 sure; None: not said.
        note: Free words, at most 1000 characters.

    Returns:
        The feedback, for the training set.

    Raises:
        Refusal: The value, confidence or note is none (422); the rater is disabled (403); the recording is gone (404); the
            rating can no longer be changed (409).
    """
    if value is not None and not is_rating(value):
        raise Refusal(422, "rating_invalid", f"the rating is {value}; it must be from 1 to 5 in steps of 0.5")
    if confidence is not None and confidence not in CONFIDENCES:
        raise Refusal(422, "confidence_invalid", f"the confidence is {confidence}; it must be 1, 2 or 3")
    if len(note) > LONGEST_NOTE:
        raise Refusal(422, "note_too_long", f"the note has {len(note)} characters; at most {LONGEST_NOTE} are kept")
    rater = locked_rater(db, account_id)
    assignment, recording = _own(db, account_id, assignment_id)
    said = db.scalar(
        sa.select(Rating).where(
            Rating.account_id == account_id,
            Rating.recording_id == recording.id,
            Rating.purpose == assignment.purpose,
        )
    )
    if said is None:
        _say(db, assignment, value=value, confidence=confidence, note=note)
    elif (said.value, said.confidence, said.note) != (value, confidence, note):
        if assignment.purpose == Purpose.TRAINING or last_done(db, account_id) != assignment.id:
            raise Refusal(409, "rating_final", "this rating can no longer be changed: only the last one can")
        said.value, said.confidence, said.note, said.changed_at = value, confidence, note, now()
    db.flush()
    if assignment.purpose == Purpose.MAIN:
        keep_in_step(db, [recording.id])
        if rater.training_done_at is None:  # a training set that is made later is for those who begin later
            rater.training_done_at = now()
    return _feedback(db, rater, recording, value) if assignment.purpose == Purpose.TRAINING else None


def skip(db: Session, account_id: int, assignment_id: int) -> None:
    """Put a recording off until all others are rated; its place is free for others meanwhile.

    Raises:
        Refusal: The rater is disabled (403), the recording is gone (404), or it is rated already (409).
    """
    rater = locked_rater(db, account_id)
    assignment, _ = _own(db, account_id, assignment_id)
    if assignment.done_at is not None:
        raise Refusal(409, "already_rated", "this recording is rated already")
    last = db.scalar(sa.select(sa.func.max(Assignment.position)).where(Assignment.account_id == rater.id))
    assignment.position = (last or 0.0) + 1.0
    assignment.skipped += 1
    assignment.shown_at = None
    db.flush()


def back(db: Session, account_id: int) -> Shown:
    """The recording that the rater rated last, with what was said, to be changed if need be.

    Raises:
        Refusal: The rater is disabled (403), or there is nothing to go back to (409): nothing was rated, the recording is
            gone, or its feedback was seen.
    """
    locked_rater(db, account_id)
    found = last_done(db, account_id)
    row = None
    if found is not None:
        row = db.execute(
            sa.select(Assignment, Rating)
            .join(Recording, Recording.id == Assignment.recording_id)
            .join(
                Rating,
                (Rating.recording_id == Assignment.recording_id)
                & (Rating.account_id == Assignment.account_id)
                & (Rating.purpose == Assignment.purpose),
            )
            .where(Assignment.id == found, Recording.state == State.ACCEPTED, Assignment.purpose != Purpose.TRAINING)
        ).one_or_none()
    if row is None:
        raise Refusal(409, "nothing_before", "there is no rating before this one that can be changed")
    assignment, said = row
    return Shown(
        assignment_id=assignment.id,
        training=False,
        value=said.value,
        confidence=said.confidence,
        note=said.note,
        judged=True,
    )


def keep_in_step(db: Session, recording_ids: Sequence[str]) -> None:
    """Count the main ratings of recordings and measure their spread anew, after some were added, changed or removed.

    The caller holds the recordings' locks, as :func:`rate` and the import of ratings do.
    """
    own = (Rating.recording_id == Recording.id) & (Rating.purpose == Purpose.MAIN)
    spread = sa.func.max(Rating.value) - sa.func.min(Rating.value)
    count = sa.select(sa.func.count()).select_from(Rating).where(own).correlate(Recording).scalar_subquery()
    wide = sa.select(sa.case((sa.func.count(Rating.value) >= 2, spread))).where(own).correlate(Recording).scalar_subquery()
    for start in range(0, len(recording_ids), _MANY):
        db.execute(
            sa.update(Recording)
            .where(Recording.id.in_(recording_ids[start : start + _MANY]))
            .values(rated_times=count, spread=wide)
            .execution_options(synchronize_session=False)
        )


def locked_recording(db: Session, recording_id: str) -> Recording | None:
    """A recording, locked against other ratings of it; None when it is not there."""
    return db.get(Recording, recording_id, with_for_update={"key_share": True}, populate_existing=True)


def _own(db: Session, account_id: int, assignment_id: int) -> tuple[Assignment, Recording]:
    """The rater's assignment and its recording, both there and fit to be rated, the recording locked."""
    recording_id = db.scalar(
        sa.select(Assignment.recording_id).where(Assignment.id == assignment_id, Assignment.account_id == account_id)
    )
    recording = None if recording_id is None else locked_recording(db, recording_id)
    assignment = None if recording is None else db.get(Assignment, assignment_id, populate_existing=True)
    if recording is None or assignment is None or recording.state != State.ACCEPTED:
        raise gone()
    if (recording.training_value is not None) != (assignment.purpose == Purpose.TRAINING):
        raise gone()  # it entered or left the training set meanwhile
    if assignment.shown_at is None:
        raise gone()  # skipped
    return assignment, recording


def _say(db: Session, assignment: Assignment, *, value: float | None, confidence: int | None, note: str) -> None:
    moment = now()
    assert assignment.shown_at is not None
    db.add(
        Rating(
            account_id=assignment.account_id,
            recording_id=assignment.recording_id,
            purpose=assignment.purpose,
            value=value,
            confidence=confidence,
            note=note,
            seconds=round((moment - assignment.shown_at).total_seconds(), 1),
            rated_at=moment,
        )
    )
    assignment.done_at = moment


def _feedback(db: Session, rater: Account, recording: Recording, value: float | None) -> Feedback:
    assert recording.training_value is not None
    unfinished = (
        sa.select(Assignment.id)
        .join(Recording, Recording.id == Assignment.recording_id)
        .where(
            Assignment.account_id == rater.id,
            Assignment.purpose == Purpose.TRAINING,
            Assignment.done_at.is_(None),
            Recording.state == State.ACCEPTED,
            Recording.training_value.is_not(None),
        )
    )
    last = not db.scalar(sa.select(open_training(rater.id).exists() | unfinished.exists()))
    if last and rater.training_done_at is None:
        rater.training_done_at = now()
    return Feedback(value=recording.training_value, own=value, note=recording.training_note, last=last)
