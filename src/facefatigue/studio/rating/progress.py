"""How far a rater has come, told so that hidden repeats stay hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from facefatigue.studio.database.tables import Account, Assignment, Purpose, Rating, Recording, State, now
from facefatigue.studio.rating.assigning import open_places, open_training, repeats_wanted

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from facefatigue.studio.study import Study


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a rater has come.

    Attributes:
        training: Whether the training set is being rated.
        done: Rated recordings of the part that is being rated, hidden repeats among them.
        total: Those and what is left for this rater at present, the repeats to come among them.
        skipped: Put off, among what is left.
    """

    training: bool
    done: int
    total: int
    skipped: int


def progress(db: Session, account_id: int, study: Study) -> Progress:
    """How far a rater has come.

    Args:
        db: A session.
        account_id: The rater.
        study: As for :func:`facefatigue.studio.rating.next_for`.
    """
    rater = db.get_one(Account, account_id)
    counts = {
        (purpose, done, skipped): count
        for purpose, done, skipped, count in db.execute(
            sa.select(Assignment.purpose, Assignment.done_at.is_not(None), Assignment.shown_at.is_(None), sa.func.count())
            .join(Recording, Recording.id == Assignment.recording_id)
            .where(
                Assignment.account_id == account_id,
                Recording.state == State.ACCEPTED,
                # What others have rated since it was skipped does not come again.
                Assignment.done_at.is_not(None)
                | (Assignment.purpose != Purpose.MAIN)
                | (Recording.rated_times < study.raters_per_recording),
            )
            .group_by(Assignment.purpose, Assignment.done_at.is_not(None), Assignment.shown_at.is_(None))
        )
    }

    def number(*purposes: Purpose, done: bool | None = None, skipped: bool | None = None) -> int:
        return sum(
            count
            for (purpose, was_done, was_skipped), count in counts.items()
            if purpose in purposes and done in {None, bool(was_done)} and skipped in {None, bool(was_skipped)}
        )

    fresh = _size(db, open_training(account_id))
    open_ones = number(Purpose.TRAINING, done=False)
    if rater.training_done_at is None and fresh + open_ones:
        done = number(Purpose.TRAINING, done=True)
        skipped = number(Purpose.TRAINING, done=False, skipped=True)
        return Progress(training=True, done=done, total=done + fresh + open_ones, skipped=skipped)
    judged = db.scalars(
        sa.select(sa.func.count())
        .select_from(Rating)
        .where(Rating.account_id == account_id, Rating.purpose == Purpose.MAIN, Rating.value.is_not(None))
    ).one()
    both = (Purpose.MAIN, Purpose.REPEAT)
    done = number(*both, done=True)
    left = _size(db, open_places(account_id, study, now())) + number(*both, done=False)
    to_come = repeats_wanted(study, judged + left) - number(Purpose.REPEAT)
    return Progress(
        training=False,
        done=done,
        total=done + left + max(0, to_come if left else 0),
        skipped=number(*both, done=False, skipped=True),
    )


def _size(db: Session, query: sa.Select[str] | sa.Select[str, int]) -> int:
    return db.scalars(sa.select(sa.func.count()).select_from(query.subquery())).one()
