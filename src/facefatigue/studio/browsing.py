"""What the owner looks through: people, recordings, raters, the log; fast with thousands of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from facefatigue.studio import keyset
from facefatigue.studio.database.tables import (
    Account,
    Assignment,
    AuditEntry,
    Consent,
    ConsentText,
    Link,
    Person,
    Purpose,
    Rating,
    Recording,
    Role,
    State,
    now,
)
from facefatigue.studio.people import current_text

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from facefatigue.studio.keyset import Page

Standing = Literal["invited", "outdated", "consented", "withdrawn"]
STANDINGS: tuple[Standing, ...] = ("invited", "outdated", "consented", "withdrawn")


@dataclass(frozen=True, kw_only=True)
class PersonRow:
    """A volunteer in the list.

    Attributes:
        person: The row.
        standing: "invited": signed nothing; "outdated": signed, but not today's text.
        version: Of the newest text that was signed; None without one.
        link: Today's link; None if there is none.
        recordings: How many there are.
        accepted: How many of them may be rated.
        last_at: When the newest was made.
    """

    person: Person
    standing: Standing
    version: int | None
    link: Link | None
    recordings: int
    accepted: int
    last_at: dt.datetime | None


def people(db: Session, *, search: str = "", standing: str = "", cursor: str = "") -> Page[PersonRow]:
    """Volunteers, the newest first.

    Args:
        db: An open session.
        search: Part of a name or a code.
        standing: One of `STANDINGS`; empty for all.
        cursor: Of the page.
    """
    query = sa.select(Person)
    if search.strip():
        wanted = search.strip()
        query = query.where(Person.name.icontains(wanted, autoescape=True) | Person.code.icontains(wanted, autoescape=True))
    if standing:
        query = query.where(_stands(db, standing))
    page = keyset.fetch(db, query, [Person.id], cursor)
    return keyset.Page(rows=person_rows(db, page.rows), newer=page.newer, older=page.older)


def _stands(db: Session, standing: str) -> sa.ColumnElement[bool]:
    text = current_text(db)
    signed = sa.exists().where(Consent.person_id == Person.id, Consent.withdrawn_at.is_(None))
    signed_today = signed.where(Consent.text_id == (text.id if text else None))
    here = Person.withdrawn_at.is_(None)
    return {
        "withdrawn": Person.withdrawn_at.is_not(None),
        "consented": here & signed_today,
        "outdated": here & signed & ~signed_today,
        "invited": here & ~signed,
    }.get(standing, sa.true())


def person_rows(db: Session, rows: Sequence[Person]) -> list[PersonRow]:
    """What the list shows of each person, in three queries for all of them."""
    ids = [person.id for person in rows]
    text = current_text(db)
    versions = dict(
        db.execute(
            sa.select(Consent.person_id, sa.func.max(ConsentText.version))
            .join(ConsentText, ConsentText.id == Consent.text_id)
            .where(Consent.person_id.in_(ids))
            .group_by(Consent.person_id)
        ).all()
    )
    counts = {
        person_id: (number, accepted or 0, last_at)
        for person_id, number, accepted, last_at in db.execute(
            sa.select(
                Recording.person_id,
                sa.func.count(),
                sa.func.sum(sa.case((Recording.state == State.ACCEPTED, 1), else_=0)),
                sa.func.max(Recording.created_at),
            )
            .where(Recording.person_id.in_(ids), Recording.state != State.RETAKEN)
            .group_by(Recording.person_id)
        )
    }
    links = {link.person_id: link for link in _links(db, Link.person_id.in_(ids))}
    found = []
    for person in rows:
        number, accepted, last_at = counts.get(person.id, (0, 0, None))
        version = versions.get(person.id)
        found.append(
            PersonRow(
                person=person,
                standing=_standing(person, version, text),
                version=version,
                link=links.get(person.id),
                recordings=number,
                accepted=accepted,
                last_at=last_at,
            )
        )
    return found


def _standing(person: Person, version: int | None, text: ConsentText | None) -> Standing:
    if person.withdrawn_at is not None:
        return "withdrawn"
    if version is None:
        return "invited"
    return "consented" if text is not None and version == text.version else "outdated"


def _links(db: Session, whose: sa.ColumnElement[bool]) -> Sequence[Link]:
    good = Link.revoked_at.is_(None) & (Link.expires_at.is_(None) | (Link.expires_at > now()))
    return db.scalars(sa.select(Link).where(whose, good).order_by(Link.id)).all()


@dataclass(frozen=True, kw_only=True)
class RecordingFilter:
    """Which recordings are looked for; an empty or absent value finds all.

    Attributes:
        state: A state's word.
        scenario_id: Number of the scenario.
        person: Part of a person's code.
        rated: "none", "some" or "done": against the number of raters that the study wants.
        spread: Smallest difference between the highest and the lowest rating.
        training: Those of the training set alone.
    """

    state: str = ""
    scenario_id: int | None = None
    person: str = ""
    rated: str = ""
    spread: float | None = None
    training: bool = False


def recordings(db: Session, wanted: RecordingFilter, *, raters: int, cursor: str = "") -> Page[Recording]:
    """Recordings, the newest first, with their person and scenario.

    Args:
        db: An open session.
        wanted: Which.
        raters: How many raters the study wants for each.
        cursor: Of the page.
    """
    query = _found(wanted, raters).options(joinedload(Recording.person), joinedload(Recording.scenario))
    return keyset.fetch(db, query, [Recording.created_at, Recording.id], cursor)


def count_recordings(db: Session, wanted: RecordingFilter, *, raters: int) -> int:
    """How many recordings a filter finds."""
    return db.scalar(sa.select(sa.func.count()).select_from(_found(wanted, raters).subquery())) or 0


def _found(wanted: RecordingFilter, raters: int) -> sa.Select[Recording]:
    query = sa.select(Recording)
    if wanted.state in set(State):
        query = query.where(Recording.state == State(wanted.state))
    else:
        query = query.where(Recording.state != State.RETAKEN)
    if wanted.scenario_id is not None:
        query = query.where(Recording.scenario_id == wanted.scenario_id)
    if wanted.person.strip():
        theirs = sa.select(Person.id).where(Person.code.icontains(wanted.person.strip(), autoescape=True))
        query = query.where(Recording.person_id.in_(theirs))
    if wanted.rated == "none":
        query = query.where(Recording.rated_times == 0)
    elif wanted.rated == "some":
        query = query.where(Recording.rated_times > 0, Recording.rated_times < raters)
    elif wanted.rated == "done":
        query = query.where(Recording.rated_times >= raters)
    if wanted.spread is not None:
        query = query.where(Recording.spread >= wanted.spread)
    if wanted.training:
        query = query.where(Recording.training_value.is_not(None))
    return query


@dataclass(frozen=True, kw_only=True)
class AccountRow:
    """An owner or rater in the list.

    Attributes:
        account: The row.
        link: Today's link; None if there is none.
        rated: Recordings judged in the main part.
        repeats: Of those, judged a second time.
        training: Training examples done.
        skipped: Recordings put off and not judged yet.
        last_at: When the last judgement was made.
    """

    account: Account
    link: Link | None
    rated: int
    repeats: int
    training: int
    skipped: int
    last_at: dt.datetime | None


def accounts(db: Session) -> list[AccountRow]:
    """Owners and raters, by role and name."""
    rows = db.scalars(sa.select(Account).order_by(Account.role, sa.func.lower(Account.name))).all()
    judged: dict[tuple[int, Purpose], tuple[int, dt.datetime]] = {
        (account_id, purpose): (number, last_at)
        for account_id, purpose, number, last_at in db.execute(
            sa.select(Rating.account_id, Rating.purpose, sa.func.count(), sa.func.max(Rating.rated_at)).group_by(
                Rating.account_id, Rating.purpose
            )
        )
    }
    skipped = dict(
        db.execute(
            sa.select(Assignment.account_id, sa.func.count())
            .where(Assignment.skipped > 0, Assignment.done_at.is_(None))
            .group_by(Assignment.account_id)
        ).all()
    )
    links = {link.account_id: link for link in _links(db, Link.account_id.is_not(None))}
    found = []
    for account in rows:
        numbers = {purpose: judged.get((account.id, purpose), (0, None)) for purpose in Purpose}
        found.append(
            AccountRow(
                account=account,
                link=links.get(account.id),
                rated=numbers[Purpose.MAIN][0],
                repeats=numbers[Purpose.REPEAT][0],
                training=numbers[Purpose.TRAINING][0],
                skipped=skipped.get(account.id, 0),
                last_at=max((last_at for _, last_at in numbers.values() if last_at is not None), default=None),
            )
        )
    return found


def names(db: Session) -> dict[str, str]:
    """Names of accounts by the actor under which the log knows them."""
    return {f"{row.role}:{row.id}": row.name for row in db.scalars(sa.select(Account)) if row.role is not Role.VOLUNTEER}


def log(db: Session, *, action: str = "", subject: str = "", cursor: str = "") -> Page[AuditEntry]:
    """The audit log, the newest first.

    Args:
        db: An open session.
        action: Beginning of the action ("recording").
        subject: The exact subject.
        cursor: Of the page.
    """
    query = sa.select(AuditEntry)
    if action:
        query = query.where(AuditEntry.action.startswith(f"{action}.", autoescape=True))
    if subject:
        query = query.where(AuditEntry.subject == subject)
    return keyset.fetch(db, query, [AuditEntry.id], cursor)
