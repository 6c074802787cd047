"""Ratings that were given elsewhere: all of a file are taken, or none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from facefatigue.data.labels import is_rating
from facefatigue.data.rows import FaultsError
from facefatigue.studio import accounts, audit
from facefatigue.studio.database.tables import Account, Assignment, Purpose, Rating, Recording, Role, State, now
from facefatigue.studio.rating.saying import CONFIDENCES, LONGEST_NOTE, keep_in_step

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sqlalchemy.orm import Session

NOT_JUDGED = "cannot judge"
_ID = re.compile(r"(?:.*[/\\=])?([0-9a-f]{32})(?:\.\w+)?")
_GONE = (None, False)
_LONGEST_NAME = 100
_MANY = 500


@dataclass(frozen=True, kw_only=True)
class Given:
    """One rating as a file gives it.

    Attributes:
        place: Where in the file, for messages ("line 7").
        recording: Its id, or the name of its video in an export.
        rater: The rater's name.
        value: 1 to 5 in half points; None: "cannot judge".
        purpose: Main or repeat.
        confidence: 1 to 3, if told.
        note: Free words.
        seconds: How long it took, if told.
        rated_at: When, if told.
    """

    place: str
    recording: str
    rater: str
    value: float | None
    purpose: Purpose = Purpose.MAIN
    confidence: int | None = None
    note: str = ""
    seconds: float | None = None
    rated_at: dt.datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What an import did.

    Attributes:
        added: Ratings that are new.
        known: Ratings that were there already, the same.
        new_raters: Names of the raters that were made.
        gone: Ratings left out because their recording is not in this studio (any more).
    """

    added: int
    known: int
    new_raters: tuple[str, ...]
    gone: int = 0


def check_size(path: Path, most_bytes: int) -> None:
    """Refuse a file that would fill the memory: read whole, it takes about twenty times its size.

    Raises:
        FaultsError: It is larger.
    """
    size = path.stat().st_size if path.is_file() else 0
    if size > most_bytes:
        raise FaultsError(
            str(path), [f"it has {size / 1e6:.0f} MB; at most {most_bytes / 1e6:.0f} MB are taken at once, so divide it"]
        )


def take(
    db: Session,
    given: Sequence[Given],
    *,
    what: str,
    source: str,
    new_raters: bool = False,
    skip_gone: bool = False,
    actor: str = "studio",
) -> Taken:
    """Take ratings in.

    Args:
        db: A session that writes.
        given: The ratings.
        what: The file, for messages.
        source: Kept with each rating: where it comes from.
        new_raters: Make accounts for raters that are not known; they have no password and no link.
        skip_gone: Leave out ratings of recordings that are not in this studio (any more): a file that was made before
            somebody withdrew names theirs, too.
        actor: For the audit log.

    Raises:
        FaultsError: Something is wrong; all faults are in it with their places, and nothing was taken.
    """
    recordings = _recordings(db, given)
    gone = 0
    if skip_gone:
        here = [one for one in given if recordings.get(recording_of(one.recording), _GONE) is not _GONE]
        given, gone = here, len(given) - len(here)
    raters = {_name(account.name): account for account in db.scalars(sa.select(Account))}
    there = _there(db)
    faults: list[str] = []
    fresh: list[tuple[Given, str]] = []
    seen: dict[tuple[str, str, Purpose], str] = {}
    known = 0
    for one in given:
        wrong = _faults(one, recordings, raters, new_raters)
        if not wrong:
            recording_id, rater = recording_of(one.recording), _name(one.rater)
            key = (rater, recording_id, one.purpose)
            if key in seen:
                wrong = [f"the same rater rated the same recording at {seen[key]} already"]
            seen.setdefault(key, one.place)
            account = raters.get(rater)
            own = None if account is None else (account.id, recording_id, one.purpose)
            if own is None or own not in there:
                fresh.append((one, recording_id))
            elif there[own] != one.value:
                words = [NOT_JUDGED if value is None else f"{value:g}" for value in (there[own], one.value)]
                wrong.append(f"{one.rater} said {words[0]} of this recording before, and here {words[1]}")
            else:
                known += 1
        faults += [f"{one.place}: {fault}" for fault in wrong]
    if not given:
        faults.append("it holds no ratings of recordings in this studio" if gone else "it holds no ratings")
    if faults:
        raise FaultsError(what, faults)
    made = []
    for name in dict.fromkeys(" ".join(one.rater.split()) for one, _ in fresh):
        if _name(name) not in raters:
            raters[_name(name)] = accounts.create(db, name, Role.RATER, actor=actor)
            made.append(name)
    _add(db, fresh, raters, source)
    if fresh:
        audit.note(db, actor, "ratings.imported", "", source=source, ratings=len(fresh), new_raters=len(made))
    return Taken(added=len(fresh), known=known, new_raters=tuple(made), gone=gone)


def recording_of(name: str) -> str:
    """The id in the name of a video ("videos/0f….webm", or the id itself); empty if there is none."""
    found = _ID.fullmatch(name.strip())
    return found[1] if found else ""


def _name(name: str) -> str:
    return accounts.key(name)


def _recordings(db: Session, given: Sequence[Given]) -> dict[str, tuple[State, bool]]:
    """State and whether it is for training, of every recording that is named and not thrown away, locked until the end."""
    wanted = sorted({recording_of(one.recording) for one in given} - {""})
    found: dict[str, tuple[State, bool]] = {}
    for start in range(0, len(wanted), _MANY):
        rows = db.execute(
            sa.select(Recording.id, Recording.state, Recording.training_value)
            .where(Recording.id.in_(wanted[start : start + _MANY]), Recording.state != State.RETAKEN)
            .order_by(Recording.id)
            .with_for_update(key_share=True)
        )
        found.update({recording_id: (state, training is not None) for recording_id, state, training in rows})
    return found


def _there(db: Session) -> dict[tuple[int, str, Purpose], float | None]:
    rows = db.execute(sa.select(Rating.account_id, Rating.recording_id, Rating.purpose, Rating.value))
    return {(account, recording, purpose): value for account, recording, purpose, value in rows}


def _faults(
    one: Given, recordings: Mapping[str, tuple[State, bool]], raters: Mapping[str, Account], new_raters: bool
) -> list[str]:
    faults = []
    state, training = recordings.get(recording_of(one.recording), _GONE)
    if state is None:
        faults.append(f"there is no recording {one.recording!r} in this studio (any more)")
    elif state != State.ACCEPTED or training:
        faults.append(f"the recording {one.recording!r} is {'for training' if training else state.value}, not to be rated")
    account = raters.get(_name(one.rater))
    if not 1 <= len(" ".join(one.rater.split())) <= _LONGEST_NAME:
        faults.append(f"the rater's name has {len(one.rater)} characters; it must have 1 to {_LONGEST_NAME}")
    elif account is None and not new_raters:
        faults.append(f"there is no rater {one.rater!r} in this studio")
    elif account is not None and account.role is not Role.RATER:
        faults.append(f"{one.rater!r} is the name of an owner, not of a rater")
    if one.value is not None and not is_rating(one.value):
        faults.append(f"the rating is {one.value:g}, not 1 to 5 in steps of 0.5")
    if one.confidence is not None and one.confidence not in CONFIDENCES:
        faults.append(f"the confidence is {one.confidence}, not 1, 2 or 3")
    if not _can_be_kept(one.rater + one.note):
        faults.append("it holds characters that are none (zero, or half of a pair)")
    if len(one.note) > LONGEST_NOTE:
        faults.append(f"the note has {len(one.note)} characters; at most {LONGEST_NOTE} are kept")
    if one.seconds is not None and not 0 <= one.seconds < float("inf"):
        faults.append(f"it took {one.seconds} s, which is no length of time")
    return faults


def _can_be_kept(text: str) -> bool:
    """Whether databases take a text: PostgreSQL has no zero, and UTF-8 no half of a surrogate pair, which JSON can name."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _add(db: Session, fresh: Sequence[tuple[Given, str]], raters: Mapping[str, Account], source: str) -> None:
    moment = now()
    for one, recording_id in fresh:
        db.add(
            Rating(
                account_id=raters[_name(one.rater)].id,
                recording_id=recording_id,
                purpose=one.purpose,
                value=one.value,
                confidence=one.confidence,
                note=one.note,
                seconds=one.seconds,
                source=source[:60],
                rated_at=one.rated_at or moment,
            )
        )
    db.flush()
    taken = {(raters[_name(one.rater)].id, recording_id, one.purpose) for one, recording_id in fresh}
    # What a rater has before him at this moment, and is in the file, is not to be rated again.
    for assignment in db.scalars(sa.select(Assignment).where(Assignment.done_at.is_(None))):
        if (assignment.account_id, assignment.recording_id, assignment.purpose) in taken:
            db.delete(assignment)
    db.flush()
    keep_in_step(db, sorted({recording_id for _, recording_id in fresh}))
