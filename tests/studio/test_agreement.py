"""The studio's figures: of the ratings that count, fresh when a rating changes, and the recordings to talk about."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from facefatigue.data.agreement import agreement
from facefatigue.studio import curation
from facefatigue.studio.agreement import LiveAgreement, column_of, disagreements, summarise
from facefatigue.studio.database.tables import Account, Choice, Purpose, Rating, Recording, Role, State
from facefatigue.studio.rating import next_for, rate
from facefatigue.studio.study import Study

pytest.importorskip("pingouin")
pytest.importorskip("krippendorff")

if TYPE_CHECKING:
    from facefatigue.studio.database import Database


def some_ratings(rows: Any, recordings: int = 12, raters: int = 3) -> tuple[list[str], list[int], dict[str, Any]]:
    """Every rater has a bias and some noise of his own."""
    chance = random.Random(7)  # noqa: S311  # simulated people
    ids, accounts = rows.recordings(recordings), rows.raters(raters)
    ratings: dict[str, Any] = {}
    for recording in ids:
        truth = chance.uniform(1, 5)
        ratings[recording] = {
            account: min(5.0, max(1.0, round(2 * (truth + 0.3 * n + chance.gauss(0, 0.5))) / 2))
            for n, account in enumerate(accounts)
        }
    rows.rate(ratings)
    return ids, accounts, ratings


def test_only_ratings_that_count_are_in_the_figures(database: Database, rows: Any) -> None:
    ids, accounts, ratings = some_ratings(rows)
    rows.rate({ids[0]: dict.fromkeys(accounts, 1.0)}, Purpose.REPEAT)
    not_judged, hidden, refused = (
        rows.recordings(1),
        rows.recordings(1, training=[3.0]),
        rows.recordings(1, state=State.REFUSED),
    )
    rows.rate({not_judged[0]: {accounts[0]: None, accounts[1]: None}})
    rows.rate({hidden[0]: dict.fromkeys(accounts, 5.0)}, Purpose.TRAINING)
    rows.rate({refused[0]: dict.fromkeys(accounts, 5.0)})
    with database.reading() as db:
        found = summarise(db)
    expected = agreement([{column_of(a): v for a, v in own.items()} for own in ratings.values()])
    assert found.agreement is not None
    assert found.agreement.icc_single == expected.icc_single
    assert found.agreement.icc_mean == expected.icc_mean
    assert found.agreement.alpha.value == pytest.approx(expected.alpha.value)
    assert [entry.bias for entry in found.agreement.bias] == pytest.approx([entry.bias for entry in expected.bias])
    assert (found.recordings, found.ratings, found.not_judged) == (12, 36, 2)
    assert sum(found.labels) == 12


def test_one_more_rater_does_not_hide_how_far_the_others_agree(database: Database, rows: Any) -> None:
    ids, accounts, ratings = some_ratings(rows)
    rows.rate({ids[0]: {rows.raters(1)[0]: 3.0}})  # begins; nobody but the first three rated all
    with database.reading() as db:
        found = summarise(db)
    assert found.agreement.icc_single is None
    expected = agreement([{column_of(a): v for a, v in own.items()} for own in ratings.values()])
    assert found.busiest.raters == tuple(column_of(account) for account in accounts)
    assert found.busiest.icc_single.value == pytest.approx(expected.icc_single.value)
    assert found.busiest.complete == 12


def test_self_consistency_is_that_of_the_hidden_repeats(database: Database, rows: Any) -> None:
    ids, (one, other) = rows.recordings(4), rows.raters(2)
    rows.rate({recording: {one: 3.0, other: 2.0} for recording in ids})
    rows.rate({ids[0]: {one: 4.0}, ids[1]: {one: 2.5}, ids[2]: {one: None}}, Purpose.REPEAT)
    with database.reading() as db:
        found = summarise(db).consistency
    assert found[column_of(one)].repeats == 2
    assert found[column_of(one)].difference == pytest.approx(0.75)
    assert found[column_of(one)].shift == pytest.approx(0.25)
    assert (found[column_of(other)].repeats, found[column_of(other)].difference) == (0, None)


def test_an_empty_studio_has_no_figures_yet(database: Database, rows: Any) -> None:
    with database.reading() as db:
        found = summarise(db)
    assert (found.agreement, found.recordings, found.ratings) == (None, 0, 0)
    with database.reading() as db:
        assert disagreements(db) == ([], 0)


def test_live_figures_follow_every_change(database: Database, rows: Any) -> None:
    live = LiveAgreement(database)
    ids, accounts, _ = some_ratings(rows)
    first = live.summary(wait_s=60)
    assert first is not None
    assert first.current
    assert live.summary() is first
    extra = rows.recordings(1)[0]
    with database.writing() as db:
        shown = next_for(db, accounts[0], Study())
        rate(db, accounts[0], shown.assignment_id, value=2.0)
    stale = live.summary()
    assert stale is not None
    assert not stale.current or stale.ratings == 37
    fresh = live.summary(wait_s=60)
    assert (fresh.current, fresh.ratings) == (True, 37)
    with database.writing() as db:
        rate(db, accounts[0], shown.assignment_id, value=4.0)
    assert live.summary(wait_s=60).current
    with database.writing() as db:  # withdrawn
        db.execute(sa.delete(Recording).where(Recording.id == ids[0]))
    assert live.summary(wait_s=60).ratings == 34
    with database.writing() as db:
        db.get_one(Recording, extra).training_value = 3.0
    assert live.summary(wait_s=60).ratings == 33
    with database.writing() as db:  # one leaves, another comes: as many ratings, of the same sum
        swapped = rows_of(db, ids[1])
        db.get_one(Recording, ids[1]).state = State.REFUSED
    other = rows.recordings(1)[0]
    assert live.summary(wait_s=60).ratings == 30
    rows.rate({other: swapped})
    assert live.summary(wait_s=60).ratings == 33
    before = live.summary(wait_s=60)
    with database.writing() as db:
        db.get_one(Recording, other).state = State.REFUSED
        db.get_one(Recording, ids[1]).state = State.ACCEPTED
    after = live.summary(wait_s=60)
    assert after.made_at > before.made_at
    with database.writing() as db:
        db.add(Choice(name="raters_per_recording", value=2))
    assert live.summary(wait_s=60).busiest is not None


def rows_of(db: Any, recording_id: str) -> dict[int, float | None]:
    return dict(db.execute(sa.select(Rating.account_id, Rating.value).where(Rating.recording_id == recording_id)).all())


def test_disagreements_come_widest_first_with_who_said_what(database: Database, rows: Any) -> None:
    ids, (one, other) = rows.recordings(4), rows.raters(2)
    with database.writing() as db:
        owner = Account(role=Role.OWNER, name="the owner")
        db.add(owner)
        db.flush()
        owner_id = owner.id
    rows.rate(
        {ids[0]: {one: 1.0, other: 5.0}, ids[1]: {one: 2.0, other: 4.0}, ids[2]: {one: 2.0, other: 3.0}, ids[3]: {one: 2.0}}
    )
    rows.rate({ids[1]: {one: 3.5}}, Purpose.REPEAT)
    with database.writing() as db:
        db.scalars(sa.select(Rating).where(Rating.recording_id == ids[0], Rating.account_id == one)).one().note = "smiles"
        curation.remark(db, ids[0], owner_id, "  yawns at the end ", actor="owner:1")
    with database.reading() as db:
        found, total = disagreements(db, least=1.5)
        second, _ = disagreements(db, least=1.5, offset=1, limit=1)
    assert total == 2
    assert [entry.recording_id for entry in found] == [ids[0], ids[1]]
    assert second == found[1:]
    assert [word.value for word in found[0].said] == [1.0, 5.0]
    assert found[0].said[0].note == "smiles"
    assert found[0].score == 0.5
    assert (found[0].scenario, found[0].spread) == ("off work", 4.0)
    assert [(who, text) for who, _, text in found[0].remarks] == [("the owner", "yawns at the end")]
    assert found[1].said[0].repeat == 3.5
