"""How the study stands, in a few numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from facefatigue.studio.database.tables import (
    Account,
    Consent,
    ConsentText,
    Person,
    Recording,
    Role,
    Scenario,
    State,
)
from facefatigue.studio.people import current_text

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from facefatigue.studio.study import Study


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The study at this moment.

    Attributes:
        missing: What has to be done before it can begin: "contact", "consent", "raters", "people", in that order.
        people: Volunteers who were invited and have not withdrawn.
        consented: Of those, who signed today's text.
        withdrawn: Volunteers who withdrew.
        states: Recordings by state, those thrown away for another left out.
        seconds: Duration of what was accepted, in seconds.
        size_bytes: What all recordings take on the disk.
        scenarios: Name and number of accepted recordings, of each scenario in use or not hidden.
        raters: Raters who are not disabled.
        examples: Recordings in the raters' training set.
        ratings_done: Main ratings of accepted recordings, no more for each than are wanted.
        ratings_wanted: Accepted recordings outside the training set, times the raters for each.
        complete: Accepted recordings with as many ratings as wanted.
    """

    missing: tuple[str, ...]
    people: int
    consented: int
    withdrawn: int
    states: dict[State, int]
    seconds: float
    size_bytes: int
    scenarios: list[tuple[str, int]]
    raters: int
    examples: int
    ratings_done: int
    ratings_wanted: int
    complete: int

    @property
    def recordings(self) -> int:
        """How many recordings there are, in whatever state."""
        return sum(self.states.values())


def overview(db: Session, study: Study) -> Overview:
    """Count everything; a few aggregations, fast with thousands of recordings."""
    wanted = study.raters_per_recording
    invited = _count(db, Person, Person.withdrawn_at.is_(None))
    text = current_text(db)
    raters = _count(db, Account, Account.role == Role.RATER, Account.disabled_at.is_(None))
    states = dict(
        db.execute(
            sa.select(Recording.state, sa.func.count()).where(Recording.state != State.RETAKEN).group_by(Recording.state)
        ).all()
    )
    accepted = Recording.state == State.ACCEPTED
    rated = accepted & Recording.training_value.is_(None)
    capped = sa.case((Recording.rated_times < wanted, Recording.rated_times), else_=wanted)
    seconds, size_bytes, done, complete, to_rate = db.execute(
        sa.select(
            sa.func.sum(sa.case((accepted, Recording.duration_s), else_=0.0)),
            sa.func.sum(sa.case((Recording.state.in_((State.UPLOADING, State.RETAKEN)), 0), else_=Recording.size_bytes)),
            sa.func.sum(sa.case((rated, capped), else_=0)),
            sa.func.sum(sa.case((rated & (Recording.rated_times >= wanted), 1), else_=0)),
            sa.func.sum(sa.case((rated, 1), else_=0)),
        )
    ).one()
    missing = {
        "contact": not study.contact.strip(),
        "consent": text is None,
        "people": invited == 0,
        "raters": raters < min(wanted, 2),
    }
    return Overview(
        missing=tuple(name for name, absent in missing.items() if absent),
        people=invited,
        consented=_consented(db, text),
        withdrawn=_count(db, Person, Person.withdrawn_at.is_not(None)),
        states={state: states[state] for state in State if state in states},
        seconds=float(seconds or 0),
        size_bytes=int(size_bytes or 0),
        scenarios=_scenarios(db),
        raters=raters,
        examples=_count(db, Recording, accepted, Recording.training_value.is_not(None)),
        ratings_done=int(done or 0),
        ratings_wanted=int(to_rate or 0) * wanted,
        complete=int(complete or 0),
    )


def _count(db: Session, table: type[Person | Account | Recording], *where: sa.ColumnElement[bool]) -> int:
    return db.scalar(sa.select(sa.func.count()).select_from(table).where(*where)) or 0


def _consented(db: Session, text: ConsentText | None) -> int:
    if text is None:
        return 0
    query = sa.select(sa.func.count(sa.distinct(Consent.person_id))).where(
        Consent.text_id == text.id, Consent.withdrawn_at.is_(None)
    )
    return db.scalar(query) or 0


def _scenarios(db: Session) -> list[tuple[str, int]]:
    number = sa.func.count(Recording.id)
    rows = db.execute(
        sa.select(Scenario.name, number, Scenario.hidden)
        .outerjoin(Recording, (Recording.scenario_id == Scenario.id) & (Recording.state == State.ACCEPTED))
        .group_by(Scenario.id, Scenario.name, Scenario.position, Scenario.hidden)
        .order_by(Scenario.hidden, Scenario.position)
    )
    return [(name, count) for name, count, hidden in rows if count or not hidden]
