"""What an export holds, read from the database in one go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from facefatigue.data.labels import score_from_ratings
from facefatigue.data.manifest import Recording as Listed
from facefatigue.studio import study
from facefatigue.studio.agreement import Summary, rated, summarise
from facefatigue.studio.database.tables import Consent, ConsentText, Person, Purpose, Rating, Recording, State

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from pathlib import Path

    from sqlalchemy.orm import Session

    from facefatigue.studio.study import Study

VIDEOS = "videos"
_SUFFIXES = {
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
    "video/x-matroska": ".mkv",
    "video/x-msvideo": ".avi",
    "video/mp2t": ".ts",
    "video/mpeg": ".mpg",
    "video/ogg": ".ogv",
    "video/x-asf": ".wmv",
    "video/x-flv": ".flv",
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One recording with a label.

    Attributes:
        id: Its name in the vault; random, so the file's name says nothing.
        file: Its place in the export.
        person: The pseudonym.
        session: The pseudonym with the day of recording, counted from the person's first; dates are not given away.
        scenario: When it was made.
        kss: Karolinska sleepiness, by the volunteer.
        ratings: 1 to 5 by rater's column.
        further: Other columns.
    """

    id: str
    file: str
    person: str
    session: str
    scenario: str
    kss: int | None
    ratings: Mapping[str, float]
    further: Mapping[str, str]

    def listed(self, folder: Path) -> Listed:
        """The recording as a manifest has it."""
        count = len(self.ratings)
        return Listed(
            video=folder / self.file,
            subject=self.person,
            score=score_from_ratings(list(self.ratings.values())),
            session=self.session,
            scenario=self.scenario,
            kss=self.kss,
            ratings=self.ratings,
            label_source=f"mean of {count} rater{'' if count == 1 else 's'}",
            further=self.further,
        )


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """What an export holds.

    Attributes:
        study: The study's settings.
        entries: Recordings with a label, oldest first.
        summary: How far the raters agree.
        states: All recordings by state.
        training: Recordings of the raters' training set, which are not exported.
        unrated: Accepted recordings without a rating that counts, which are not exported.
        too_few: Accepted recordings with fewer ratings than were asked for, which are not exported.
        people: Everybody who signed, those who withdrew among them.
        withdrawn: How many of them withdrew.
        codes: Pseudonyms of everybody who has an accepted recording and did not withdraw, whether exported or not.
        consents: Versions of the consent text, with how many of the people exported signed each.
        first_at: When the first exported recording was made.
        last_at: When the last one was.
    """

    study: Study
    entries: tuple[Entry, ...]
    summary: Summary
    states: Mapping[str, int]
    training: int
    unrated: int
    too_few: int
    people: int
    withdrawn: int
    codes: frozenset[str]
    consents: Mapping[int, int]
    first_at: dt.datetime | None
    last_at: dt.datetime | None


def video_name(recording: Recording) -> str:
    """The place of a recording's video in an export."""
    return f"{VIDEOS}/{recording.id}{_SUFFIXES.get(recording.media_type.split(';')[0].strip(), '.video')}"


def gather(db: Session, *, least_ratings: int = 1) -> Gathered:
    """Read all that an export holds.

    Args:
        db: A session; what it reads is of one moment where the database keeps one (SQLite).
        least_ratings: Recordings with fewer ratings that count are left out.
    """
    by_recording = rated(db)
    rows = db.execute(
        sa.select(Recording, Person.code, ConsentText.version)
        .join(Person, Person.id == Recording.person_id)
        .join(Consent, Consent.id == Recording.consent_id)
        .join(ConsentText, ConsentText.id == Consent.text_id)
        .where(Recording.state == State.ACCEPTED, Person.withdrawn_at.is_(None))
        .options(sa.orm.joinedload(Recording.scenario))
        .order_by(Recording.created_at, Recording.id)
    ).all()
    marks = db.execute(
        sa.select(Rating.recording_id, sa.func.count())
        .where(Rating.purpose == Purpose.MAIN, Rating.value.is_(None))
        .group_by(Rating.recording_id)
    )
    not_judged = {recording_id: count for recording_id, count in marks}  # noqa: C416  # mypy takes no dict() of rows
    first_day: dict[str, dt.date] = {}
    kept, unrated, too_few = [], 0, 0
    consents: dict[int, set[str]] = {}
    for recording, code, version in rows:
        day = first_day.setdefault(code, recording.created_at.date())
        ratings = by_recording.get(recording.id, {})
        if recording.training_value is not None:
            continue
        if not ratings:
            unrated += 1
        elif len(ratings) < least_ratings:
            too_few += 1
        else:
            extra = {"consent_version": version, "not_judged": not_judged.get(recording.id, 0)}
            days = (recording.created_at.date() - day).days
            kept.append((recording, _entry(recording, code, f"{code}-{days + 1}", ratings, extra)))
            consents.setdefault(version, set()).add(code)
    states = db.execute(sa.select(Recording.state, sa.func.count()).group_by(Recording.state))
    people = sa.select(sa.func.count(sa.distinct(Consent.person_id)))
    return Gathered(
        study=study.read(db),
        entries=tuple(entry for _, entry in kept),
        summary=summarise(db, {entry.id: entry.ratings for _, entry in kept}),
        states={state.value: count for state, count in states},
        training=sum(recording.training_value is not None for recording, *_ in rows),
        unrated=unrated,
        too_few=too_few,
        people=db.scalars(people).one(),
        withdrawn=db.scalars(people.where(Consent.withdrawn_at.is_not(None))).one(),
        codes=frozenset(first_day),
        consents={version: len(codes) for version, codes in sorted(consents.items())},
        first_at=kept[0][0].created_at if kept else None,
        last_at=kept[-1][0].created_at if kept else None,
    )


def _entry(recording: Recording, code: str, session: str, ratings: Mapping[str, float], extra: Mapping[str, int]) -> Entry:
    further = {
        **extra,
        "brought": _yes(recording.brought),
        "has_sound": _yes(recording.has_sound),
        "duration_s": recording.duration_s,
        "width": recording.width,
        "height": recording.height,
        "self_fatigue": recording.self_fatigue,
        "slept_h": recording.slept_h,
        "awake_h": recording.awake_h,
        "caffeine": recording.caffeine,
    }
    return Entry(
        id=recording.id,
        file=video_name(recording),
        person=code,
        session=session,
        scenario=recording.scenario.name if recording.scenario else "",
        kss=recording.kss,
        ratings=ratings,
        further={name: _cell(value) for name, value in further.items()},
    )


def _yes(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"


def _cell(value: float | str | None) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
