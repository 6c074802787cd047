"""What the owner looks through: nothing is lost or twice between pages, and filters find what they say."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from facefatigue.studio import accounts, browsing, curation, people, study
from facefatigue.studio.browsing import RecordingFilter
from facefatigue.studio.database.tables import (
    Account,
    Assignment,
    AuditEntry,
    Person,
    Purpose,
    Rating,
    Recording,
    Remark,
    Role,
    Scenario,
    State,
    now,
)
from facefatigue.studio.overview import overview
from facefatigue.studio.refusals import Refusal
from facefatigue.studio.study import Study

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import orm

    from facefatigue.studio.database import Database
    from facefatigue.studio.keyset import Page

NUMBER = 120


@pytest.fixture
def filled(database: Database) -> Database:
    """Volunteers of every standing, and recordings of every kind; many were made in the same moment."""
    moment = now()
    with database.writing() as db:
        study.prepare(db)
        scenarios = db.scalars(sa.select(Scenario.id).order_by(Scenario.position)).all()
        text = people.write_text(db, "a", "b", actor="owner:1")
        made = [people.invite(db, f"Person {number}", actor="owner:1")[0] for number in range(NUMBER)]
        consents = {person.id: people.sign(db, person, text.id, "N. N.") for person in made[:100]}
        accounts.create(db, "Rosa", Role.RATER, actor="owner:1")
        for number in range(NUMBER):
            person = made[number % 10]
            db.add(
                Recording(
                    person_id=person.id,
                    consent_id=consents[person.id].id,
                    scenario_id=scenarios[number % 3],
                    state=[State.ACCEPTED, State.REFUSED, State.CHECKING, State.RETAKEN][number % 4],
                    size_bytes=1000,
                    sha256="0" * 64,
                    duration_s=10.0,
                    rated_times=number % 5,
                    spread=None if number % 5 < 2 else (number % 7) / 2,
                    training_value=3.0 if number % 40 == 0 else None,
                    created_at=moment + dt.timedelta(seconds=number // 7),
                )
            )
        people.withdraw(db, made[99], actor="owner:1")
    return database


def _walk(fetch: Callable[[str], Page[Any]]) -> list[list[Any]]:
    """All pages from the newest to the oldest; on the way back they must be the same."""
    pages, cursor = [], ""
    while True:
        page = fetch(cursor)
        pages.append(page)
        if page.older is None:
            break
        cursor = page.older
    assert pages[0].newer is None
    for before, page in zip(pages[-2::-1], pages[:0:-1], strict=True):
        assert page.newer is not None
        assert fetch(page.newer).rows == before.rows
    return [page.rows for page in pages]


def test_pages_of_recordings_hold_each_once(filled: Database) -> None:
    with filled.reading() as db:
        pages = _walk(lambda at: browsing.recordings(db, RecordingFilter(), raters=3, cursor=at))
        rows = [row for page in pages for row in page]
        expected = db.scalars(sa.select(Recording).where(Recording.state != State.RETAKEN)).all()
    assert [len(page) for page in pages] == [50, 40]
    assert sorted(row.id for row in rows) == sorted(row.id for row in expected)
    assert rows == sorted(rows, key=lambda row: (row.created_at, row.id), reverse=True)


def test_pages_of_people_hold_each_once(filled: Database) -> None:
    with filled.reading() as db:
        pages = _walk(lambda at: browsing.people(db, cursor=at))
    assert [len(page) for page in pages] == [50, 50, 20]
    assert len({row.person.id for page in pages for row in page}) == NUMBER


def test_a_page_goes_on_where_it_was_when_rows_are_added(filled: Database) -> None:
    with filled.writing() as db:
        first = browsing.people(db)
        people.invite(db, "new", actor="owner:1")
        second = browsing.people(db, cursor=first.older or "")
    assert not {row.person.id for row in first.rows} & {row.person.id for row in second.rows}


@pytest.mark.parametrize(
    "cursor", ["x", "o", "o.", "o.a", "o.1.2.3", "n.-1", f"o.{10**30}", f"o.{10**30}.x", "o.1.\0", "o.1", "q.1", "'"]
)
def test_cursors_that_are_none_of_ours(filled: Database, cursor: str) -> None:
    with filled.reading() as db:
        with pytest.raises(Refusal) as refused:
            browsing.recordings(db, RecordingFilter(), raters=3, cursor=cursor)
        assert refused.value.status == 422
        if cursor != "o.1":
            with pytest.raises(Refusal):
                browsing.people(db, cursor=cursor)


def _every(db: orm.Session, wanted: RecordingFilter, raters: int = 3) -> list[Recording]:
    rows = [row for page in _walk(lambda at: browsing.recordings(db, wanted, raters=raters, cursor=at)) for row in page]
    assert browsing.count_recordings(db, wanted, raters=raters) == len(rows)
    return rows


def test_recordings_are_filtered(filled: Database) -> None:
    with filled.reading() as db:
        shown = db.scalars(sa.select(Recording).where(Recording.state != State.RETAKEN)).all()
        scenario = db.scalars(sa.select(Scenario.id).where(Scenario.position == 1)).one()
        code = db.scalars(sa.select(Person.code).where(Person.id == shown[0].person_id)).one()
        cases: list[tuple[RecordingFilter, Callable[[Recording], bool]]] = [
            (RecordingFilter(state="refused"), lambda row: row.state is State.REFUSED),
            (RecordingFilter(state="nonsense"), lambda _: True),
            (RecordingFilter(scenario_id=scenario), lambda row: row.scenario_id == scenario),
            (RecordingFilter(person=code.lower()), lambda row: row.person_id == shown[0].person_id),
            (RecordingFilter(person="%"), lambda _: False),
            (RecordingFilter(rated="none"), lambda row: row.rated_times == 0),
            (RecordingFilter(rated="some"), lambda row: 0 < row.rated_times < 3),
            (RecordingFilter(rated="done"), lambda row: row.rated_times >= 3),
            (RecordingFilter(spread=1.5), lambda row: row.spread is not None and row.spread >= 1.5),
            (RecordingFilter(training=True), lambda row: row.training_value is not None),
            (
                RecordingFilter(state="accepted", rated="done", spread=1.0),
                lambda row: row.state is State.ACCEPTED and row.rated_times >= 3 and (row.spread or 0) >= 1,
            ),
        ]
        for wanted, fits in cases:
            assert {row.id for row in _every(db, wanted)} == {row.id for row in shown if fits(row)}, wanted
        retaken = _every(db, RecordingFilter(state="retaken"))
        assert len(retaken) == 30


def test_people_are_searched_and_stand_where_they_do(filled: Database) -> None:
    with filled.reading() as db:
        for search, number in (("person 11", 11), ("PERSON 7", 11), ("nobody", 0), ("%", 0), ("_", 0), ("", NUMBER)):
            found = [row for page in _walk(lambda at, s=search: browsing.people(db, search=s, cursor=at)) for row in page]
            assert len(found) == number, search
        code = db.scalars(sa.select(Person.code).limit(1)).one()
        assert [row.person.code for row in browsing.people(db, search=code.lower()).rows] == [code]
        counts = {}
        for standing in browsing.STANDINGS:
            pages = _walk(lambda at, s=standing: browsing.people(db, standing=s, cursor=at))
            assert {row.standing for page in pages for row in page} <= {standing}
            counts[standing] = sum(len(page) for page in pages)
    assert counts == {"invited": 20, "outdated": 0, "consented": 99, "withdrawn": 1}
    with filled.writing() as db:
        people.write_text(db, "a", "other words", actor="owner:1")
        assert len(browsing.people(db, standing="consented").rows) == 0
        rows = browsing.people(db, standing="outdated").rows
        assert len(rows) == 50
        assert {row.version for row in rows} == {1}


def test_a_person_is_shown_with_counts_and_link(filled: Database) -> None:
    with filled.reading() as db:
        oldest = db.scalars(sa.select(Person).order_by(Person.id).limit(1)).one()
        (row,) = browsing.person_rows(db, [oldest])
        theirs = db.scalars(
            sa.select(Recording).where(Recording.person_id == oldest.id, Recording.state != State.RETAKEN)
        ).all()
        gone = browsing.people(db, standing="withdrawn").rows[0]
    assert row.recordings == len(theirs)
    assert row.accepted == sum(one.state is State.ACCEPTED for one in theirs)
    assert row.last_at == max(one.created_at for one in theirs)
    assert row.link is not None
    assert gone.link is None


def test_raters_are_shown_with_what_they_did(filled: Database) -> None:
    with filled.writing() as db:
        rosa = accounts.by_name(db, "Rosa")
        assert rosa is not None
        ids = db.scalars(sa.select(Recording.id).where(Recording.state == State.ACCEPTED).limit(4)).all()
        for one, purpose in zip(ids, [Purpose.TRAINING, Purpose.MAIN, Purpose.MAIN, Purpose.REPEAT], strict=True):
            db.add(Rating(account_id=rosa.id, recording_id=one, purpose=purpose, value=2.0))
        for one, skipped, done in ((ids[0], 1, None), (ids[1], 1, now()), (ids[2], 0, None)):
            db.add(
                Assignment(
                    account_id=rosa.id,
                    recording_id=one,
                    purpose=Purpose.MAIN,
                    position=0.1,
                    skipped=skipped,
                    done_at=done,
                )
            )
        (row,) = browsing.accounts(db)
    assert (row.rated, row.repeats, row.training, row.skipped) == (2, 1, 1, 1)
    assert row.last_at is not None
    assert row.link is None


def test_the_overview_counts_the_same(filled: Database) -> None:
    with filled.reading() as db:
        shown = db.scalars(sa.select(Recording).where(Recording.state != State.RETAKEN)).all()
        stands = overview(db, Study())
    rated = [row for row in shown if row.state is State.ACCEPTED and row.training_value is None]
    assert stands.missing == ("contact", "raters")
    assert (stands.people, stands.consented, stands.withdrawn) == (NUMBER - 1, 99, 1)
    assert stands.states == {State.CHECKING: 30, State.ACCEPTED: 30, State.REFUSED: 30}
    assert stands.recordings == 90
    assert stands.seconds == 300
    assert stands.size_bytes == 90_000
    assert stands.examples == 3
    assert stands.ratings_wanted == 3 * len(rated)
    assert stands.ratings_done == sum(min(row.rated_times, 3) for row in rated)
    assert stands.complete == sum(row.rated_times >= 3 for row in rated)
    assert [count for _, count in stands.scenarios] == [10, 10, 10, 0, 0, 0]


def test_an_empty_study_says_what_is_missing(database: Database) -> None:
    with database.reading() as db:
        stands = overview(db, Study())
    assert stands.missing == ("contact", "consent", "people", "raters")
    assert (stands.ratings_done, stands.ratings_wanted, stands.seconds) == (0, 0, 0)


def test_the_log_is_filtered(filled: Database) -> None:
    with filled.reading() as db:
        rows = [row for page in _walk(lambda at: browsing.log(db, action="person", cursor=at)) for row in page]
        assert {row.action for row in rows} == {"person.invited", "person.withdrawn"}
        assert len(rows) == NUMBER + 1
        code = rows[0].subject
        assert {row.subject for row in browsing.log(db, subject=code).rows} == {code}
        assert browsing.log(db, action="consent_").rows == []


def _one(db: orm.Session, state: State) -> Recording:
    return db.scalars(sa.select(Recording).where(Recording.state == state).limit(1)).one()


def test_the_owner_accepts_and_refuses(filled: Database) -> None:
    with filled.writing() as db:
        accepted, refused, checking = (_one(db, state) for state in (State.ACCEPTED, State.REFUSED, State.CHECKING))
        curation.refuse(db, accepted.id, actor="owner:1")
        curation.accept(db, refused.id, actor="owner:1")
        assert (accepted.state, refused.state) == (State.REFUSED, State.ACCEPTED)
        for deed, one in ((curation.accept, checking), (curation.refuse, checking), (curation.accept, refused)):
            with pytest.raises(Refusal) as error:
                deed(db, one.id, actor="owner:1")
            assert (error.value.status, error.value.code) == (409, "state")
        with pytest.raises(Refusal) as error:
            curation.accept(db, "0" * 32, actor="owner:1")
        assert error.value.status == 404
    with filled.reading() as db:
        actions = db.scalars(sa.select(AuditEntry.action).where(AuditEntry.subject.in_([accepted.id, refused.id]))).all()
    assert sorted(actions) == ["recording.accepted", "recording.refused"]


def test_training_examples(filled: Database) -> None:
    with filled.writing() as db:
        accepted, refused = _one(db, State.ACCEPTED), _one(db, State.REFUSED)
        curation.set_training(db, accepted.id, 3.5, " heavy lids ", actor="owner:1")
        assert (accepted.training_value, accepted.training_note) == (3.5, "heavy lids")
        for value in (0.5, 5.5, 3.25, float("nan"), float("inf"), -1.0):
            with pytest.raises(Refusal) as error:
                curation.set_training(db, accepted.id, value, actor="owner:1")
            assert error.value.code == "value_invalid"
        with pytest.raises(Refusal) as error:
            curation.set_training(db, accepted.id, 3.0, "x" * 501, actor="owner:1")
        assert error.value.code == "text_too_long"
        with pytest.raises(Refusal) as error:
            curation.set_training(db, refused.id, 3.0, actor="owner:1")
        assert error.value.code == "state"
        curation.set_training(db, accepted.id, None, "dropped", actor="owner:1")
        assert (accepted.training_value, accepted.training_note) == (None, "")


def test_remarks(filled: Database) -> None:
    with filled.writing() as db:
        accepted = _one(db, State.ACCEPTED)
        rosa = db.scalars(sa.select(Account)).one()
        curation.remark(db, accepted.id, rosa.id, " look at 0:12 ", actor="owner:1")
        for text in ("", " ", "x" * 2001):
            with pytest.raises(Refusal):
                curation.remark(db, accepted.id, rosa.id, text, actor="owner:1")
        assert db.scalars(sa.select(Remark.text)).all() == ["look at 0:12"]
