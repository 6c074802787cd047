"""Volunteers: invited, signing what they agree to, withdrawing."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from facefatigue.studio import access, audit
from facefatigue.studio.database.tables import (
    Assignment,
    Consent,
    ConsentText,
    Link,
    Person,
    Rating,
    Recording,
    Remark,
    State,
    now,
)
from facefatigue.studio.refusals import Refusal

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

# Without what is easily taken for another: 0 O, 1 I L, U V.
_LETTERS = "23456789ABCDEFGHJKMNPQRSTWXYZ"
_CODE_LENGTH = 5
_LONGEST_NAME = 200
_MOST_STROKES, _MOST_POINTS = 200, 5000


def invite(db: Session, name: str = "", *, actor: str, lasts: dt.timedelta | None = None) -> tuple[Person, Link]:
    """A new volunteer under a random code, with a link to send.

    Args:
        db: An open session that writes.
        name: What the owner calls the person; never exported.
        actor: Who invites.
        lasts: How long the link is good; None: until it is revoked.

    Raises:
        Refusal: 422, the name is too long.
    """
    name = " ".join(name.split())
    if len(name) > _LONGEST_NAME:
        raise Refusal(422, "name_invalid", f"a name has at most {_LONGEST_NAME} characters")
    person = Person(code=_new_code(db), name=name)
    db.add(person)
    db.flush()
    audit.note(db, actor, "person.invited", person.code)
    return person, access.new_link(db, person, lasts=lasts)


def _new_code(db: Session) -> str:
    while True:
        code = "P-" + "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH))
        if db.scalar(sa.select(Person.id).where(Person.code == code)) is None:
            return code


def write_text(db: Session, title: str, body: str, *, actor: str) -> ConsentText:
    """A new version of what volunteers agree to; whoever signed an older one is asked again before the next recording.

    Raises:
        Refusal: 422, empty or too long.
    """
    title, body = " ".join(title.split()), body.replace("\r\n", "\n").strip()
    if not title or len(title) > 200 or not body or len(body) > 50_000:
        raise Refusal(
            422, "consent_text_invalid", "a consent text has a title of at most 200 and a body of at most 50000 characters"
        )
    version = (db.scalar(sa.select(sa.func.max(ConsentText.version))) or 0) + 1
    digest = hashlib.sha256(f"{title}\n{body}".encode()).hexdigest()
    text = ConsentText(version=version, title=title, body=body, sha256=digest)
    db.add(text)
    db.flush()
    audit.note(db, actor, "consent_text.written", f"version {version}", sha256=digest)
    return text


def current_text(db: Session) -> ConsentText | None:
    """What volunteers agree to today; None before the first."""
    return db.scalar(sa.select(ConsentText).order_by(ConsentText.version.desc()).limit(1))


def current_consent(db: Session, person_id: int) -> Consent | None:
    """A person's signature under today's text; None without one."""
    text = current_text(db)
    if text is None:
        return None
    return db.scalar(
        sa.select(Consent)
        .where(Consent.person_id == person_id, Consent.text_id == text.id, Consent.withdrawn_at.is_(None))
        .limit(1)
    )


def sign(db: Session, person: Person, text_id: int, name: str, drawing: Sequence[Any] | None = None) -> Consent:
    """Keep a signature under today's text; a second one under the same text is the first.

    Args:
        db: An open session that writes.
        person: Who signs.
        text_id: The text that was read.
        name: As typed.
        drawing: Strokes of [x, y] in [0, 1], if drawn.

    Raises:
        Refusal: 409, the text is no longer today's; 410, withdrawn; 422, no name, or no drawing of that form.
    """
    if person.withdrawn_at is not None:
        raise Refusal(410, "withdrawn", "consent was withdrawn")
    text = current_text(db)
    if text is None or text.id != text_id:
        raise Refusal(409, "consent_changed", "the consent text has changed; read it again")
    name = " ".join(name.split())
    if not name or len(name) > _LONGEST_NAME:
        raise Refusal(422, "name_invalid", f"a name has 1 to {_LONGEST_NAME} characters")
    before = current_consent(db, person.id)
    if before is not None:
        return before
    consent = Consent(person_id=person.id, text_id=text.id, signed_name=name, drawing=_strokes(drawing))
    db.add(consent)
    db.flush()
    audit.note(db, f"person:{person.code}", "consent.signed", person.code, version=text.version, sha256=text.sha256)
    return consent


def _strokes(drawing: Sequence[Any] | None) -> list[Any] | None:
    if not drawing:
        return None
    points = 0
    try:
        kept = [[[round(float(x), 4), round(float(y), 4)] for x, y in stroke] for stroke in drawing]
        points = sum(len(stroke) for stroke in kept)
        inside = all(0 <= value <= 1 for stroke in kept for point in stroke for value in point)
    except (TypeError, ValueError, OverflowError):
        inside = False
        kept = []
    if not inside or len(kept) > _MOST_STROKES or points > _MOST_POINTS:
        raise Refusal(422, "drawing_invalid", "a drawn signature is a list of strokes of [x, y] in [0, 1]")
    return kept


def withdraw(db: Session, person: Person, *, actor: str) -> None:
    """Take a person out of the study, in one transaction; :func:`facefatigue.studio.erasure.erase` then deletes the videos.

    At once: nobody can see the recordings any more; ratings, remarks, self-reports, names, signatures, links and sessions
    are gone. What stays is the code, when and under which version consent was given, and when it was withdrawn.
    """
    if person.withdrawn_at is not None:
        return
    moment = now()
    person.withdrawn_at, person.name = moment, ""
    for consent in db.scalars(sa.select(Consent).where(Consent.person_id == person.id)):
        consent.signed_name, consent.drawing, consent.withdrawn_at = "", None, consent.withdrawn_at or moment
    access.end_links(db, person)
    db.execute(sa.delete(Link).where(Link.person_id == person.id))
    theirs = sa.select(Recording.id).where(Recording.person_id == person.id)
    count = len(db.scalars(theirs).all())
    db.execute(
        sa.update(Recording)
        .where(Recording.person_id == person.id)
        .values(
            state=State.RETAKEN,
            kss=None,
            self_fatigue=None,
            slept_h=None,
            awake_h=None,
            caffeine=None,
            scenario_id=None,
            training_value=None,
            training_note="",
            rated_times=0,
            spread=None,
        )
    )
    # After the recordings, which this locks: a rater at work locks the recording first, too, so that neither waits in vain.
    for table in (Rating, Remark, Assignment):
        db.execute(sa.delete(table).where(table.recording_id.in_(theirs)))
    audit.note(db, actor, "person.withdrawn", person.code, recordings=count)


def find(db: Session, code: str, *, lock: bool = False) -> Person:
    """A volunteer by the code; locked, nobody else changes him, or withdraws as him, until the transaction ends.

    Raises:
        Refusal: 404, there is none.
    """
    query = sa.select(Person).where(Person.code == code.upper())
    person = db.scalar(query.with_for_update() if lock else query)
    if person is None:
        raise Refusal(404, "not_found", "there is nobody of this code")
    return person


def rename(db: Session, person: Person, name: str, *, actor: str) -> None:
    """Change what the owner calls a person.

    Raises:
        Refusal: 410, withdrawn, and no name is kept; 422, the name is too long.
    """
    if person.withdrawn_at is not None:
        raise Refusal(410, "withdrawn", "consent was withdrawn")
    name = " ".join(name.split())
    if len(name) > _LONGEST_NAME:
        raise Refusal(422, "name_invalid", f"a name has at most {_LONGEST_NAME} characters")
    person.name = name
    audit.note(db, actor, "person.renamed", person.code)
