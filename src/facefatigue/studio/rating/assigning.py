"""Which recording a rater sees next.

First the training set, with feedback; then recordings in an order that is random and each rater's own; hidden among them, a
share of those that the rater has judged before; at last what was skipped. What is shown is reserved for its rater, so that a
recording gets as many raters as the study asks for, not more, however many rate at once.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from facefatigue.studio.database.tables import Account, Assignment, Playback, Purpose, Rating, Recording, State, now
from facefatigue.studio.refusals import Refusal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from facefatigue.studio.study import Study

# A rater who shows no sign for this long has left: others may have the place.
RESERVED_FOR = dt.timedelta(minutes=30)
# Other recordings between the first showing and the hidden repeat.
REPEAT_GAP = 10
# Among this many recordings that come next in the rater's order, the one with the fewest raters is taken.
_EQUALS = 8
# A repeat that is due comes with this chance at each step, so that its place cannot be foreseen.
_REPEAT_CHANCE = 1 / 3
# Any fixed number: the name of the lock that lets one rater at a time choose (PostgreSQL; SQLite has one writer anyway).
_CHOOSING = 0x72617465


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One recording on its way to a rater, with nothing in it that the rater must not know.

    Attributes:
        assignment_id: Names it towards the rater; a repeat has another than the first showing.
        training: Whether it belongs to the training set, after which feedback is given.
        value: What was said before, when the rater goes back to it; else None.
        confidence: The same for the confidence.
        note: The same for the note.
        judged: Whether it was rated before (`value` None then means "cannot judge").
    """

    assignment_id: int
    training: bool
    value: float | None = None
    confidence: int | None = None
    note: str = ""
    judged: bool = False


def next_for(db: Session, account_id: int, study: Study) -> Shown | None:
    """What a rater sees now; the same again until it is rated or skipped.

    Args:
        db: A session that writes.
        account_id: The rater.
        study: How many raters each recording gets, and the share of repeats.

    Returns:
        None when there is nothing to rate at present.

    Raises:
        Refusal: The rater is disabled.
    """
    return _at(db, account_id, study, 0)


def ahead_for(db: Session, account_id: int, study: Study) -> Shown | None:
    """What the rater will most likely see after the present one, reserved, so that its video can be loaded ahead.

    Call it in a transaction of its own after :func:`next_for`: each takes at most one new recording.
    """
    return _at(db, account_id, study, 1)


def seen_recording(db: Session, account_id: int, assignment_id: int) -> str:
    """The recording behind an assignment, for the player.

    Args:
        db: A session.
        account_id: The rater who asks.
        assignment_id: As in :class:`Shown`.

    Raises:
        Refusal: It is not this rater's, or not open to be seen (any more): 404.
    """
    row = db.execute(
        sa.select(Recording.id, Assignment.shown_at, Assignment.done_at)
        .join(Assignment, Assignment.recording_id == Recording.id)
        .join(Account, Account.id == Assignment.account_id)
        .where(
            Assignment.id == assignment_id,
            Assignment.account_id == account_id,
            Account.disabled_at.is_(None),
            *showable(),
        )
    ).one_or_none()
    if row is None or row.shown_at is None or (row.done_at is not None and last_done(db, account_id) != assignment_id):
        raise gone()
    recording_id: str = row.id
    return recording_id


def showable() -> tuple[sa.ColumnElement[bool], ...]:
    """What makes a recording fit to be shown to raters: it is accepted, and their browsers play it."""
    return (Recording.state == State.ACCEPTED, Recording.playback != Playback.WAITING)


def gone() -> Refusal:
    """That an assignment is not there (any more); one answer for all reasons, so that nothing can be learnt from it."""
    return Refusal(404, "assignment_gone", "this recording is not here any more; go on with the next one")


def last_done(db: Session, account_id: int) -> int | None:
    """The assignment that the rater finished last."""
    return db.scalar(
        sa.select(Assignment.id)
        .where(Assignment.account_id == account_id, Assignment.done_at.is_not(None))
        .order_by(Assignment.done_at.desc(), Assignment.position.desc())
        .limit(1)
    )


def locked_rater(db: Session, account_id: int) -> Account:
    """The rater's row, locked against the same rater in another window.

    Raises:
        Refusal: There is no such rater, or he is disabled.
    """
    rater = db.get(Account, account_id, with_for_update={"key_share": True}, populate_existing=True)
    if rater is None or rater.disabled_at is not None:
        raise Refusal(403, "account_disabled", "this account may not rate (any more)")
    return rater


def open_places(account_id: int, study: Study, moment: dt.datetime) -> sa.Select[str, int]:
    """Recordings that this rater can still be given, each with the raters that it has or is reserved for."""
    reserved = (
        sa.select(Assignment.recording_id, sa.func.count().label("raters"))
        .join(Account, Account.id == Assignment.account_id)
        .where(
            Assignment.purpose == Purpose.MAIN,
            Assignment.done_at.is_(None),
            Assignment.shown_at > moment - RESERVED_FOR,
            Assignment.account_id != account_id,
            Account.disabled_at.is_(None),
        )
        .group_by(Assignment.recording_id)
        .subquery()
    )
    taken = Recording.rated_times + sa.func.coalesce(reserved.c.raters, 0)
    # Who saw a recording in training knows its value: it is never his to rate, even if it left the training set since.
    had = sa.exists().where(Assignment.recording_id == Recording.id, Assignment.account_id == account_id)
    rated = sa.exists().where(Rating.recording_id == Recording.id, Rating.account_id == account_id)  # imported
    return (
        sa.select(Recording.id, taken.label("taken"))
        .outerjoin(reserved, reserved.c.recording_id == Recording.id)
        .where(
            *showable(),
            Recording.training_value.is_(None),
            taken < study.raters_per_recording,
            ~had,
            ~rated,
        )
    )


def open_training(account_id: int) -> sa.Select[str]:
    """Recordings of the training set that this rater has not been given yet."""
    had = sa.exists().where(
        Assignment.recording_id == Recording.id,
        Assignment.account_id == account_id,
        Assignment.purpose == Purpose.TRAINING,
    )
    return sa.select(Recording.id).where(*showable(), Recording.training_value.is_not(None), ~had)


def repeats_wanted(study: Study, judged: int) -> int:
    """How many hidden repeats belong to so many judged recordings; the last ones cannot come far enough apart."""
    return min(round(study.repeat_share * judged), max(0, judged - REPEAT_GAP))


def _at(db: Session, account_id: int, study: Study, place: int) -> Shown | None:
    if db.get_bind().dialect.name == "postgresql":
        db.execute(sa.select(sa.func.pg_advisory_xact_lock(_CHOOSING)))
    rater = locked_rater(db, account_id)
    moment = now()
    queue = _queue(db, rater, study, moment)
    if len(queue) == place:
        more = _assign(db, rater, study, moment, queue)
        if more is not None:
            queue.append(more)
    for assignment in queue:
        assignment.shown_at = moment
    db.flush()
    if len(queue) <= place:
        return None
    return Shown(assignment_id=queue[place].id, training=queue[place].purpose == Purpose.TRAINING)


def _queue(db: Session, rater: Account, study: Study, moment: dt.datetime) -> list[Assignment]:
    """What the rater was given and has not answered, in order, without what has become void meanwhile."""
    rows = db.execute(
        sa.select(Assignment, sa.and_(*showable()), Recording.training_value, _taken(rater.id, moment))
        .join(Recording, Recording.id == Assignment.recording_id)
        .where(Assignment.account_id == rater.id, Assignment.done_at.is_(None), Assignment.shown_at.is_not(None))
        .order_by(Assignment.position)
        .execution_options(populate_existing=True)
    ).all()
    queue = []
    for assignment, fit, training_value, taken in rows:
        assert assignment.shown_at is not None
        in_training = assignment.purpose == Purpose.TRAINING
        valid = fit and (training_value is not None) == in_training
        left = assignment.shown_at <= moment - RESERVED_FOR
        if valid and left and assignment.purpose == Purpose.MAIN:
            valid = taken < study.raters_per_recording
        if valid:
            queue.append(assignment)
        else:  # never rated, so nothing is lost; it may come again when it is valid again
            db.delete(assignment)
    db.flush()
    return queue


def _taken(account_id: int, moment: dt.datetime) -> sa.ColumnElement[int]:
    """Raters that a recording has or is reserved for, other than this one.

    It is part of the query for the recording: two queries could miss somebody who rates between them, whose reservation is
    over for the one while his rating was not there for the other.
    """
    other = aliased(Assignment)
    reserved = (
        sa.select(sa.func.count())
        .select_from(other)
        .join(Account, Account.id == other.account_id)
        .where(
            other.recording_id == Recording.id,
            other.purpose == Purpose.MAIN,
            other.done_at.is_(None),
            other.shown_at > moment - RESERVED_FOR,
            other.account_id != account_id,
            Account.disabled_at.is_(None),
        )
        .correlate(Recording)
        .scalar_subquery()
    )
    return Recording.rated_times + reserved


def _assign(db: Session, rater: Account, study: Study, moment: dt.datetime, queue: list[Assignment]) -> Assignment | None:
    if rater.training_done_at is None:
        fresh = sorted(db.scalars(open_training(rater.id)), key=lambda recording: _chance(rater.id, recording))
        found = _take(db, rater, Purpose.TRAINING, fresh) or _skipped(db, rater, study, moment, training=True)
        if found is not None or any(assignment.purpose == Purpose.TRAINING for assignment in queue):
            return found
    repeat = _repeat(db, rater, study, queue, last=False)
    if repeat is not None:
        return repeat
    places = sorted(db.execute(open_places(rater.id, study, moment)), key=lambda row: _chance(rater.id, row.id))
    equals = sorted(places[:_EQUALS], key=lambda row: row.taken)  # stable: his own order among as many raters
    found = _take(db, rater, Purpose.MAIN, [row.id for row in (*equals, *places[_EQUALS:])])
    return found or _repeat(db, rater, study, queue, last=True) or _skipped(db, rater, study, moment, training=False)


def _take(db: Session, rater: Account, purpose: Purpose, recordings: list[str]) -> Assignment | None:
    """Reserve the first of these recordings that is not being withdrawn at this moment."""
    for recording_id in recordings:
        there = db.scalar(
            sa.select(Recording.id)
            .where(Recording.id == recording_id, *showable())
            .with_for_update(read=True, key_share=True, skip_locked=True)
        )
        if there is not None:
            position = _end(db, rater)
            taken = Assignment(account_id=rater.id, recording_id=there, purpose=purpose, position=position)
            db.add(taken)
            db.flush()
            return taken
    return None


def _skipped(db: Session, rater: Account, study: Study, moment: dt.datetime, *, training: bool) -> Assignment | None:
    """What was skipped comes again, the longest ago first, if it still can be rated."""
    found = db.execute(
        sa.select(Assignment, _taken(rater.id, moment))
        .join(Recording, Recording.id == Assignment.recording_id)
        .where(
            Assignment.account_id == rater.id,
            Assignment.done_at.is_(None),
            Assignment.shown_at.is_(None),
            (Assignment.purpose == Purpose.TRAINING) == training,
            *showable(),
            Recording.training_value.is_not(None) if training else Recording.training_value.is_(None),
        )
        .order_by(Assignment.position)
    )
    for assignment, taken in found.all():
        if assignment.purpose == Purpose.MAIN and taken >= study.raters_per_recording:
            continue
        assignment.position = _end(db, rater)
        return assignment
    return None


def _repeat(db: Session, rater: Account, study: Study, queue: list[Assignment], *, last: bool) -> Assignment | None:
    """A recording that the rater judged before, if one is due; never sooner than after `REPEAT_GAP` others."""
    done = _count(db, rater, Assignment.done_at.is_not(None), Assignment.purpose != Purpose.TRAINING)
    repeats = _count(db, rater, Assignment.purpose == Purpose.REPEAT)
    step = done + len(queue)
    # While recordings are left, repeats follow their share from behind; at the end the share is made full.
    wanted = (
        repeats_wanted(study, _judged(db, rater)) if last else int(study.repeat_share * max(0, step - repeats - REPEAT_GAP))
    )
    if repeats >= wanted or not (last or _chance(rater.id, f"repeat {step}") < _REPEAT_CHANCE):
        return None
    recent = (
        sa.select(Assignment.recording_id)
        .where(
            Assignment.account_id == rater.id,
            Assignment.done_at.is_not(None),
            Assignment.purpose != Purpose.TRAINING,
        )
        .order_by(Assignment.done_at.desc(), Assignment.position.desc())
        .limit(max(0, REPEAT_GAP - len(queue)))
    )
    again = sa.select(Assignment.recording_id).where(Assignment.account_id == rater.id, Assignment.purpose == Purpose.REPEAT)
    possible = db.scalars(
        sa.select(Rating.recording_id)
        .join(Recording, Recording.id == Rating.recording_id)
        .join(Assignment, (Assignment.recording_id == Rating.recording_id) & (Assignment.account_id == rater.id))
        .where(
            Rating.account_id == rater.id,
            Rating.purpose == Purpose.MAIN,
            Rating.value.is_not(None),
            Assignment.purpose == Purpose.MAIN,  # shown here, not imported
            *showable(),
            Recording.training_value.is_(None),
            Rating.recording_id.not_in(recent),
            Rating.recording_id.not_in(again),
        )
    ).all()
    drawn = sorted(possible, key=lambda recording: _chance(rater.id, f"{step} {recording}"))
    return _take(db, rater, Purpose.REPEAT, drawn)


def _judged(db: Session, rater: Account) -> int:
    return db.scalars(
        sa.select(sa.func.count())
        .select_from(Rating)
        .where(Rating.account_id == rater.id, Rating.purpose == Purpose.MAIN, Rating.value.is_not(None))
    ).one()


def _count(db: Session, rater: Account, *conditions: sa.ColumnElement[bool]) -> int:
    return db.scalars(
        sa.select(sa.func.count()).select_from(Assignment).where(Assignment.account_id == rater.id, *conditions)
    ).one()


def _end(db: Session, rater: Account) -> float:
    """A place behind all others of the rater."""
    highest = db.scalar(sa.select(sa.func.max(Assignment.position)).where(Assignment.account_id == rater.id))
    return 1.0 if highest is None else highest + 1.0


def _chance(account_id: int, what: str) -> float:
    """A number in [0, 1), random but always the same: recordings' names are random, so every rater's order is his own."""
    digest = hashlib.blake2b(f"{account_id} {what}".encode(), digest_size=7).digest()
    return int.from_bytes(digest) / (1 << 56)
