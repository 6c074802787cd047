"""How far the raters agree, live; labels; and the recordings on which they disagree.

The figures are those of :mod:`facefatigue.data.agreement` on the ratings that an export holds, so that the studio and
``facefatigue data agreement`` say the same. They take a second for a large study, so they are worked out beside the requests
and only when a rating has changed.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from facefatigue.data.agreement import Agreement, agreement
from facefatigue.data.labels import score_from_ratings
from facefatigue.errors import ConfigurationError
from facefatigue.studio import study
from facefatigue.studio.database.tables import Account, Purpose, Rating, Recording, Remark, State, now

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from facefatigue.studio.database import Database


def column_of(account_id: int) -> str:
    """The column of a rater in a manifest: a number, not a name."""
    return f"rater_{account_id:02}"


@dataclass(frozen=True, kw_only=True)
class Consistency:
    """How far a rater agrees with himself, from hidden repeats.

    Attributes:
        repeats: Recordings judged twice.
        difference: Mean of |second − first|, in points of the 1 to 5 scale; None without repeats.
        shift: Mean of second − first: above 0, the rater has come to see more fatigue; None without repeats.
    """

    repeats: int
    difference: float | None
    shift: float | None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """How far the raters agree at a moment.

    Attributes:
        made_at: When the figures were worked out.
        current: Whether they are of the ratings as they are now; False while new ones are being worked out.
        recordings: Recordings with a label, that is, at least one rating that counts.
        ratings: Ratings that count: of the main set, with a value.
        not_judged: "Cannot judge" in the main set.
        agreement: The coefficients and each rater's bias; None while no recording has the ratings of two raters.
        busiest: The same among those with most ratings, as many as rate each recording; None if there are no more raters
            than that. An ICC needs recordings that all raters rated, of which there are few where each rates some.
        consistency: For each rater with ratings, by column.
        raters: Account of each column.
        labels: Recordings by the score of their label, in ten equal parts of [0, 1].
    """

    made_at: dt.datetime
    current: bool
    recordings: int
    ratings: int
    not_judged: int
    agreement: Agreement | None
    busiest: Agreement | None
    consistency: Mapping[str, Consistency]
    raters: Mapping[str, int]
    labels: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Said:
    """One rater's word on a recording, for the owner."""

    rater: str
    value: float | None
    confidence: int | None
    note: str
    repeat: float | None


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """A recording on which raters differ.

    Attributes:
        recording_id: The recording.
        person: The pseudonym of who is seen.
        scenario: Its name, or empty.
        duration_s: Its length.
        spread: Largest less smallest rating.
        score: The label, in [0, 1].
        said: Each rater's word.
        remarks: Who, when and what was remarked, oldest first.
    """

    recording_id: str
    person: str
    scenario: str
    duration_s: float | None
    spread: float
    score: float
    said: tuple[Said, ...]
    remarks: tuple[tuple[str, dt.datetime, str], ...]


def counted() -> tuple[sa.ColumnElement[bool], ...]:
    """What makes a rating count: of the main set, with a value, of a recording that is accepted and not for training."""
    return (
        Rating.purpose == Purpose.MAIN,
        Rating.value.is_not(None),
        Recording.state == State.ACCEPTED,
        Recording.training_value.is_(None),
    )


def rated(db: Session) -> dict[str, dict[str, float]]:
    """All ratings that count, by recording and then by rater's column; both in a fixed order."""
    found: dict[str, dict[str, float]] = {}
    rows = db.execute(
        sa.select(Rating.recording_id, Rating.account_id, Rating.value)
        .join(Recording, Recording.id == Rating.recording_id)
        .where(*counted())
        .order_by(Recording.created_at, Rating.recording_id, Rating.account_id)
    )
    for recording_id, account_id, value in rows:
        assert value is not None
        found.setdefault(recording_id, {})[column_of(account_id)] = value
    return found


def summarise(db: Session, ratings_of: Mapping[str, Mapping[str, float]] | None = None) -> Summary:
    """Work the figures out.

    Args:
        db: A session.
        ratings_of: The ratings by recording and rater's column, of an export; None: all that count.
    """
    by_recording: Mapping[str, Mapping[str, float]] = rated(db) if ratings_of is None else ratings_of
    counts = np.zeros(10, int)
    for ratings in by_recording.values():
        counts[min(int(score_from_ratings(list(ratings.values())) * 10), 9)] += 1
    columns = {column_of(account): account for account in db.scalars(sa.select(Rating.account_id).distinct())}
    own = list(by_recording.values())
    numbers = Counter(column for ratings in own for column in ratings)
    most = max(2, study.read(db).raters_per_recording)
    busiest = {column for column, _ in sorted(numbers.items(), key=lambda entry: (-entry[1], entry[0]))[:most]}
    not_judged = db.scalars(
        sa.select(sa.func.count())
        .select_from(Rating)
        .join(Recording, Recording.id == Rating.recording_id)
        .where(
            Rating.purpose == Purpose.MAIN,
            Rating.value.is_(None),
            Recording.state == State.ACCEPTED,
            Recording.training_value.is_(None),
        )
    ).one()
    return Summary(
        made_at=now(),
        current=True,
        recordings=len(by_recording),
        ratings=sum(map(len, by_recording.values())),
        not_judged=not_judged,
        agreement=_agreement(own),
        busiest=None
        if len(numbers) <= most
        else _agreement([{c: ratings[c] for c in ratings if c in busiest} for ratings in own]),
        consistency=_consistency(db, columns),
        raters=dict(sorted(columns.items())),
        labels=tuple(counts.tolist()),
    )


def _agreement(ratings: Sequence[Mapping[str, float]]) -> Agreement | None:
    try:
        return agreement(ratings)
    except ConfigurationError:  # no two raters have rated the same recording yet
        return None


def _consistency(db: Session, columns: Mapping[str, int]) -> dict[str, Consistency]:
    first, second = sa.orm.aliased(Rating), sa.orm.aliased(Rating)
    rows = db.execute(
        sa.select(first.account_id, second.value - first.value)
        .join(second, (second.account_id == first.account_id) & (second.recording_id == first.recording_id))
        .join(Recording, Recording.id == first.recording_id)
        .where(
            first.purpose == Purpose.MAIN,
            second.purpose == Purpose.REPEAT,
            first.value.is_not(None),
            second.value.is_not(None),
            Recording.state == State.ACCEPTED,
            Recording.training_value.is_(None),
        )
    ).all()
    found = {}
    for column, account in sorted(columns.items()):
        own = np.array([difference for account_id, difference in rows if account_id == account], dtype=float)
        found[column] = Consistency(
            repeats=len(own),
            difference=float(np.abs(own).mean()) if len(own) else None,
            shift=float(own.mean()) if len(own) else None,
        )
    return found


class LiveAgreement:
    """The figures, kept until a rating changes; new ones are worked out in a thread of their own, one at a time.

    For 15,000 ratings that takes seconds of a core. While raters rate without a break it would never end, so it rests in
    between.

    Args:
        database: The studio's.
        share: Largest share of one core, on average, when somebody looks at the figures all the time.
    """

    def __init__(self, database: Database, *, share: float = 0.1) -> None:
        self._database = database
        self._rest = 1 / share - 1
        self._not_before_s = 0.0
        self._lock = threading.Lock()
        self._kept: tuple[object, Summary] | None = None
        self._working: threading.Thread | None = None

    def summary(self, *, wait_s: float = 0.0) -> Summary | None:
        """The newest figures there are; if ratings have changed since, new ones are begun.

        Args:
            wait_s: Wait so long for new ones.

        Returns:
            None while the first figures are not there yet.
        """
        with self._database.reading() as db:
            state = _state(db)
        with self._lock:
            kept = self._kept
            if kept is not None and kept[0] == state:
                return kept[1]
            if self._working is None:
                self._working = threading.Thread(target=self._work, name="agreement", daemon=True)
                self._working.start()
            working = self._working
        if wait_s:
            working.join(wait_s)
        with self._lock:
            if self._kept is None:
                return None
            found_state, summary = self._kept
        return summary if found_state == state else _outdated(summary)

    def wait(self) -> None:
        """Return when nothing is being worked out."""
        with self._lock:
            working = self._working
        if working is not None:
            working.join()

    def _work(self) -> None:
        time.sleep(max(0.0, self._not_before_s - time.monotonic()))
        began_s = time.monotonic()
        try:
            with self._database.reading() as db:
                state = _state(db)
                summary = summarise(db)
            ended_s = time.monotonic()
            self._not_before_s = ended_s + self._rest * (ended_s - began_s)
            with self._lock:
                self._kept = (state, summary)
        finally:  # if it failed, Python tells it on stderr, and the next request begins anew
            with self._lock:
                self._working = None


def _outdated(summary: Summary) -> Summary:
    return dataclasses.replace(summary, current=False)


def _state(db: Session) -> object:
    """Something that differs whenever the figures would."""
    row = db.execute(
        sa.select(
            sa.func.count(),
            sa.func.count(Rating.value),
            sa.func.max(Rating.id),
            sa.func.sum(Rating.id),  # one recording left and another came
            sa.func.max(Rating.changed_at),
            sa.func.sum(Rating.value),
        )
        .join(Recording, Recording.id == Rating.recording_id)
        .where(Rating.purpose != Purpose.TRAINING, Recording.state == State.ACCEPTED, Recording.training_value.is_(None))
    ).one()
    return (*row, study.read(db).raters_per_recording)


def disagreements(db: Session, *, least: float = 1.5, offset: int = 0, limit: int = 20) -> tuple[list[Disagreement], int]:
    """Recordings on which raters differ most, widest first.

    Args:
        db: A session.
        least: Smallest spread, in points of the 1 to 5 scale.
        offset: So many are left out at the start.
        limit: At most so many.

    Returns:
        The recordings, and how many there are in all.
    """
    wide = (Recording.spread >= least, Recording.state == State.ACCEPTED, Recording.training_value.is_(None))
    total = db.scalars(sa.select(sa.func.count()).select_from(Recording).where(*wide)).one()
    recordings = db.scalars(
        sa.select(Recording)
        .where(*wide)
        .order_by(Recording.spread.desc(), Recording.id)
        .offset(offset)
        .limit(limit)
        .options(sa.orm.joinedload(Recording.person), sa.orm.joinedload(Recording.scenario))
    ).all()
    ids = [recording.id for recording in recordings]
    said, remarks = _said(db, ids), _remarks(db, ids)
    return [
        Disagreement(
            recording_id=recording.id,
            person=recording.person.code,
            scenario=recording.scenario.name if recording.scenario else "",
            duration_s=recording.duration_s,
            spread=recording.spread or 0.0,
            score=score_from_ratings([word.value for word in said[recording.id] if word.value is not None]),
            said=tuple(said[recording.id]),
            remarks=tuple(remarks.get(recording.id, ())),
        )
        for recording in recordings
    ], total


def _said(db: Session, ids: Sequence[str]) -> dict[str, list[Said]]:
    rows = db.execute(
        sa.select(Rating, Account.name)
        .join(Account, Account.id == Rating.account_id)
        .where(Rating.recording_id.in_(ids), Rating.purpose != Purpose.TRAINING)
        .order_by(Rating.account_id)
    ).all()
    repeats = {(r.recording_id, r.account_id): r.value for r, _ in rows if r.purpose == Purpose.REPEAT}
    found: dict[str, list[Said]] = {}
    for rating, name in rows:
        if rating.purpose == Purpose.MAIN:
            found.setdefault(rating.recording_id, []).append(
                Said(
                    rater=name,
                    value=rating.value,
                    confidence=rating.confidence,
                    note=rating.note,
                    repeat=repeats.get((rating.recording_id, rating.account_id)),
                )
            )
    return found


def _remarks(db: Session, ids: Sequence[str]) -> dict[str, list[tuple[str, dt.datetime, str]]]:
    found: dict[str, list[tuple[str, dt.datetime, str]]] = {}
    rows: Sequence[Any] = db.execute(
        sa.select(Remark, Account.name)
        .join(Account, Account.id == Remark.account_id)
        .where(Remark.recording_id.in_(ids))
        .order_by(Remark.id)
    ).all()
    for made, name in rows:
        found.setdefault(made.recording_id, []).append((name, made.made_at, made.text))
    return found
