"""The raters' protocol, kept by simulated raters on both databases."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import random
import threading
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from facefatigue.studio.database.tables import Account, Assignment, Purpose, Rating, Recording, State, now
from facefatigue.studio.rating import (
    RESERVED_FOR,
    Shown,
    ahead_for,
    back,
    next_for,
    progress,
    rate,
    seen_recording,
    skip,
)
from facefatigue.studio.rating.assigning import REPEAT_GAP
from facefatigue.studio.refusals import Refusal
from facefatigue.studio.study import Study

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from facefatigue.studio.database import Database

VALUES = [1 + n / 2 for n in range(9)]


class Rater:
    """A rater at a page: knows only what the service tells."""

    def __init__(self, database: Database, account_id: int, own_study: Study | None = None, seed: int = 0) -> None:
        self.database, self.id, self.study = database, account_id, own_study or Study()
        self.random = random.Random(f"{account_id} {seed}")  # noqa: S311  # simulated people
        self.seen: list[tuple[str, Purpose]] = []
        self.skipped: set[int] = set()

    def next(self) -> Shown | None:
        with self.database.writing() as db:
            return next_for(db, self.id, self.study)

    def ahead(self) -> Shown | None:
        with self.database.writing() as db:
            return ahead_for(db, self.id, self.study)

    def rate(self, shown: Shown, value: float | None = 3.0, **more: Any) -> Any:
        with self.database.writing() as db:
            return rate(db, self.id, shown.assignment_id, value=value, **more)

    def skip(self, shown: Shown) -> None:
        with self.database.writing() as db:
            skip(db, self.id, shown.assignment_id)

    def back(self) -> Shown:
        with self.database.writing() as db:
            return back(db, self.id)

    def behind(self, shown: Shown) -> tuple[str, Purpose]:
        with self.database.reading() as db:
            found = db.get_one(Assignment, shown.assignment_id)
            return found.recording_id, found.purpose

    def work(self, most: int = 10_000, choose: Callable[[random.Random], float | None] | None = None) -> int:
        """Rate until nothing is left; now and then skip, reload, look ahead."""
        done = 0
        while done < most and (shown := self.next()) is not None:
            chance = self.random.random()
            if chance < 0.1:
                again = self.next()
                assert again == shown  # a reload changes nothing
            if chance > 0.5:
                self.ahead()
            if 0.1 < chance < 0.2 and len(self.skipped) < 5 and shown.assignment_id not in self.skipped:
                self.skipped.add(shown.assignment_id)
                self.skip(shown)
                continue
            self.seen.append(self.behind(shown))
            self.rate(shown, choose(self.random) if choose else self.random.choice(VALUES))
            done += 1
        return done

    def main(self) -> list[str]:
        return [recording for recording, purpose in self.seen if purpose == Purpose.MAIN]


def check_in_step(database: Database) -> None:
    """`rated_times` and `spread` are what the ratings say."""
    with database.reading() as db:
        for recording in db.scalars(sa.select(Recording)):
            own = [r.value for r in recording.ratings if r.purpose == Purpose.MAIN]
            values = [value for value in own if value is not None]
            assert recording.rated_times == len(own)
            assert recording.spread == (max(values) - min(values) if len(values) >= 2 else None)


def test_three_raters_rate_everything_each_in_an_order_of_his_own(database: Database, rows: Any) -> None:
    recordings = rows.recordings(40)
    raters = [Rater(database, account) for account in rows.raters(3)]
    busy = list(raters)
    turns = random.Random(1)  # noqa: S311  # simulated people
    while busy:
        rater = turns.choice(busy)
        if not rater.work(most=1):
            busy.remove(rater)
    for rater in raters:
        assert sorted(rater.main()) == sorted(recordings)
        with database.reading() as db:
            end = progress(db, rater.id, rater.study)
        assert (end.done, end.total, end.skipped) == (44, 44, 0)  # with four repeats
    orders = [[recordings.index(recording) for recording in rater.main()] for rater in raters]
    for one, other in ((orders[0], orders[1]), (orders[1], orders[2]), (orders[0], orders[2]), (orders[0], list(range(40)))):
        ranks = {number: place for place, number in enumerate(other)}
        concordant = sum(ranks[a] < ranks[b] for n, a in enumerate(one) for b in one[n + 1 :])
        assert (
            abs(concordant / (40 * 39 / 2) - 0.5) < 0.25
        )  # concordance is (1 + tau) / 2; the SD of Kendall's tau is 0.11 among 40 at random
    check_in_step(database)


def test_a_rater_is_told_nothing_of_person_scenario_purpose_and_others() -> None:
    told = {field.name for field in dataclasses.fields(Shown)}
    assert told == {"assignment_id", "training", "value", "confidence", "note", "judged"}  # his own, when he goes back


def test_hidden_repeats_come_late_enough_at_no_fixed_distance_and_look_like_all_others(
    database: Database, rows: Any
) -> None:
    rows.recordings(50)
    raters = [Rater(database, account, Study(repeat_share=0.2)) for account in rows.raters(2)]
    for rater in raters:
        rater.work()
        first = {recording: n for n, (recording, purpose) in enumerate(rater.seen) if purpose == Purpose.MAIN}
        gaps = [n - first[recording] - 1 for n, (recording, p) in enumerate(rater.seen) if p == Purpose.REPEAT]
        assert len(gaps) == 10
        assert min(gaps) >= REPEAT_GAP
        assert len(set(gaps)) > 5
        places = [n for n, (_, purpose) in enumerate(rater.seen) if purpose == Purpose.REPEAT]
        assert places[0] < 30  # mixed in, not saved up for the end
        assert len({b - a for a, b in zip(places, places[1:], strict=False)}) > 2
        assert len({recording for recording, p in rater.seen if p == Purpose.REPEAT}) == 10
    with database.reading() as db:
        total = db.scalars(sa.select(Rating).where(Rating.purpose == Purpose.REPEAT)).all()
    assert len(total) == 20


def test_what_cannot_be_judged_is_not_repeated_and_counts_as_seen(database: Database, rows: Any) -> None:
    rows.recordings(15)
    rater = Rater(database, rows.raters(1)[0], Study(repeat_share=0.5))
    rater.work(choose=lambda _: None)
    assert [purpose for _, purpose in rater.seen] == [Purpose.MAIN] * 15
    with database.reading() as db:
        assert {recording.rated_times for recording in db.scalars(sa.select(Recording))} == {1}
    check_in_step(database)


def test_the_training_set_comes_first_with_feedback(database: Database, rows: Any) -> None:
    training = rows.recordings(4, training=[1.0, 2.5, 4.0, 5.0])
    rows.recordings(5)
    rater = Rater(database, rows.raters(1)[0])
    first = rater.next()
    assert first is not None
    assert first.training
    rater.skip(first)
    seen, lasts = [], []
    for _ in range(4):
        shown = rater.next()
        assert shown is not None
        assert shown.training
        ahead = rater.ahead()
        assert ahead is None or ahead.training  # nothing of the main set before the training is over
        with database.reading() as db:
            own = db.get_one(Recording, rater.behind(shown)[0])
            assert progress(db, rater.id, rater.study).training
        feedback = rater.rate(shown, 3.0)
        assert (feedback.value, feedback.own, feedback.note) == (own.training_value, 3.0, "look at the eyes")
        seen.append(own.id)
        lasts.append(feedback.last)
        with pytest.raises(Refusal) as caught:
            rater.rate(shown, 1.0)  # the answer is known now
        assert caught.value.code == "rating_final"
        with pytest.raises(Refusal, match="no rating before"):
            rater.back()
    assert sorted(seen) == sorted(training)
    assert seen[-1] == rater.behind(first)[0]  # the skipped one
    assert lasts == [False, False, False, True]
    shown = rater.next()
    assert shown is not None
    assert not shown.training
    assert rater.work() == 5
    assert not {recording for recording, _ in rater.seen} & set(training)


def test_a_training_set_made_later_is_for_those_who_begin_later(database: Database, rows: Any) -> None:
    rows.recordings(3)
    early, late = (Rater(database, account) for account in rows.raters(2))
    early.work(most=1)
    rows.recordings(1, training=[2.0])
    assert not early.next().training
    assert late.next().training


def test_who_saw_a_value_in_training_never_rates_it(database: Database, rows: Any) -> None:
    once = rows.recordings(1, training=[2.0])[0]
    taught, other = (Rater(database, account) for account in rows.raters(2))
    taught.rate(taught.next(), 2.0)
    with database.writing() as db:
        db.get_one(Recording, once).training_value = None
    assert taught.next() is None
    assert other.behind(other.next()) == (once, Purpose.MAIN)


def at_once(raters: Sequence[Rater], work: Callable[[Rater], None]) -> None:
    """Let every rater work in a thread of its own; whatever goes wrong in one fails the test."""
    faults: list[BaseException] = []

    def guarded(rater: Rater) -> None:
        try:
            work(rater)
        except BaseException as error:  # noqa: BLE001  # told by the main thread
            faults.append(error)

    threads = [threading.Thread(target=guarded, args=[rater]) for rater in raters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


def test_two_at_once_never_take_more_places_than_there_are(database: Database, rows: Any) -> None:
    recordings = rows.recordings(16)
    raters = [Rater(database, account, Study(raters_per_recording=2, repeat_share=0.1)) for account in rows.raters(5)]
    at_once(raters, Rater.work)
    for rater in raters:  # what was reserved for somebody while the last ones asked
        rater.work()
    counts = collections.Counter(recording for rater in raters for recording in rater.main())
    assert counts == dict.fromkeys(recordings, 2)
    assert all(len(set(rater.main())) == len(rater.main()) for rater in raters)
    check_in_step(database)


def test_the_same_rater_in_two_windows_sees_the_same(database: Database, rows: Any) -> None:
    rows.recordings(10)
    account = rows.raters(1)[0]
    shown: list[Shown | None] = []
    threads = [threading.Thread(target=lambda: shown.append(Rater(database, account).next())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({entry.assignment_id for entry in shown if entry is not None}) == 1
    assert len(shown) == 6


def test_one_who_leaves_gives_his_place_back(database: Database, rows: Any) -> None:
    recording = rows.recordings(1)[0]
    one = Study(raters_per_recording=1)
    gone, other, third = (Rater(database, account, one) for account in rows.raters(3))
    shown = gone.next()
    assert shown is not None
    assert other.next() is None
    age(database, shown.assignment_id, RESERVED_FOR + dt.timedelta(seconds=1))
    taken = other.next()
    assert taken is not None
    assert other.behind(taken)[0] == recording
    assert gone.next() is None  # came back too late, and is told so
    other.rate(taken, 2.0)
    assert third.next() is None


def test_one_who_comes_back_goes_on_where_he_was(database: Database, rows: Any) -> None:
    rows.recordings(5)
    rater = Rater(database, rows.raters(1)[0], Study(raters_per_recording=1))
    shown = rater.next()
    age(database, shown.assignment_id, dt.timedelta(days=3))
    assert rater.next() == shown


def test_a_rating_that_comes_late_is_kept(database: Database, rows: Any) -> None:
    recording = rows.recordings(1)[0]
    slow, fast = (Rater(database, account, Study(raters_per_recording=1)) for account in rows.raters(2))
    shown = slow.next()
    age(database, shown.assignment_id, RESERVED_FOR + dt.timedelta(seconds=1))
    fast.rate(fast.next(), 2.0)
    slow.rate(shown, 3.0)
    with database.reading() as db:
        kept = db.get_one(Recording, recording)
        assert (kept.rated_times, kept.spread) == (2, 1.0)


def test_a_disabled_rater_is_refused_and_holds_no_place(database: Database, rows: Any) -> None:
    rows.recordings(1)
    former, other = (Rater(database, account, Study(raters_per_recording=1)) for account in rows.raters(2))
    shown = former.next()
    with database.writing() as db:
        db.get_one(Account, former.id).disabled_at = now()
    for attempt in (former.next, former.ahead, former.back, lambda: former.rate(shown), lambda: former.skip(shown)):
        with pytest.raises(Refusal) as caught:
            attempt()
        assert caught.value.status == 403
    with database.reading() as db, pytest.raises(Refusal):
        seen_recording(db, former.id, shown.assignment_id)
    assert other.next() is not None


@pytest.mark.parametrize("how", ["deleted", "retaken"])
def test_a_recording_withdrawn_while_it_is_shown(database: Database, rows: Any, how: str) -> None:
    rows.recordings(3)
    rater = Rater(database, rows.raters(1)[0])
    shown = rater.next()
    recording = rater.behind(shown)[0]
    with database.writing() as db:
        if how == "deleted":
            db.delete(db.get_one(Recording, recording))
        else:
            db.get_one(Recording, recording).state = State.RETAKEN
    with pytest.raises(Refusal) as caught:
        rater.rate(shown, 3.0)
    assert (caught.value.status, caught.value.code) == (404, "assignment_gone")
    with pytest.raises(Refusal):
        rater.skip(shown)
    with database.reading() as db, pytest.raises(Refusal):
        seen_recording(db, rater.id, shown.assignment_id)
    rater.work()
    assert len(rater.main()) == 2
    assert recording not in rater.main()


def test_withdrawing_while_raters_work(database: Database, rows: Any) -> None:
    recordings = rows.recordings(20)
    raters = [Rater(database, account) for account in rows.raters(3)]
    faults: list[BaseException] = []

    def work(rater: Rater) -> None:
        while True:
            try:
                if not rater.work():
                    return
            except Refusal as error:
                if error.code != "assignment_gone":
                    faults.append(error)
            except sa.exc.NoResultFound:
                pass  # the test's own look behind an assignment that is gone
            except BaseException as error:  # noqa: BLE001  # told by the main thread
                faults.append(error)
                return

    threads = [threading.Thread(target=work, args=[rater]) for rater in raters]
    for thread in threads:
        thread.start()
    for recording in recordings[::4]:
        with database.writing() as db:
            db.execute(sa.delete(Recording).where(Recording.id == recording))
    for thread in threads:
        thread.join()
    assert not faults
    with database.reading() as db:
        assert set(db.scalars(sa.select(Recording.rated_times))) == {3}
        assert db.scalar(sa.select(sa.func.count()).select_from(Recording)) == 15
    check_in_step(database)


def test_late_recordings_are_rated_too(database: Database, rows: Any) -> None:
    rows.recordings(5)
    rater = Rater(database, rows.raters(1)[0])
    assert rater.work() == 5
    assert rater.next() is None
    late = rows.recordings(4)
    rows.recordings(3, state=State.CHECKING)
    rows.recordings(3, state=State.REFUSED)
    assert rater.work() == 4
    assert sorted(rater.main()[5:]) == sorted(late)


def test_recordings_with_fewer_raters_come_first_among_equals(database: Database, rows: Any) -> None:
    rows.recordings(8)
    first, second = (Rater(database, account) for account in rows.raters(2))
    first.work(most=4)
    second.work(most=4)
    assert not set(first.main()) & set(second.main())


def test_skipped_ones_come_back_last_and_free_their_place(database: Database, rows: Any) -> None:
    rows.recordings(6)
    one = Study(raters_per_recording=1, repeat_share=0.0)
    rater, other = (Rater(database, account, one) for account in rows.raters(2))
    skipped = rater.next()
    rater.skip(skipped)
    order = []
    while (shown := rater.next()) is not None:
        order.append(shown.assignment_id)
        rater.rate(shown)
    assert len(order) == 6
    assert order[-1] == skipped.assignment_id
    late = rows.recordings(1)[0]
    shown = rater.next()
    rater.skip(shown)
    taken = other.next()
    assert other.behind(taken)[0] == late
    other.rate(taken)
    assert rater.next() is None
    with database.reading() as db:
        end = progress(db, rater.id, one)
    assert (end.done, end.total) == (6, 6)


def test_back_shows_what_was_said_and_lets_it_be_changed_once_only_the_last(database: Database, rows: Any) -> None:
    rows.recordings(5)
    rater = Rater(database, rows.raters(1)[0])
    with pytest.raises(Refusal, match="no rating before"):
        rater.back()
    first = rater.next()
    rater.rate(first, 2.0, confidence=3, note="tired voice")
    second = rater.next()
    rater.rate(second, 3.0)
    third = rater.next()
    again = rater.back()
    assert (again.assignment_id, again.value, again.judged) == (second.assignment_id, 3.0, True)
    rater.rate(again, None, confidence=1)
    with pytest.raises(Refusal) as caught:
        rater.rate(first, 4.0)
    assert (caught.value.status, caught.value.code) == (409, "rating_final")
    rater.rate(first, 2.0, confidence=3, note="tired voice")  # said again after a lost answer: nothing to change
    assert rater.next() == third
    with database.reading() as db:
        said = {rating.recording_id: rating for rating in db.scalars(sa.select(Rating))}
    changed = said[rater.behind(second)[0]]
    assert (changed.value, changed.confidence) == (None, 1)
    assert changed.changed_at is not None
    assert said[rater.behind(first)[0]].changed_at is None
    check_in_step(database)


def test_what_is_no_rating_is_refused(database: Database, rows: Any) -> None:
    rows.recordings(1)
    rater, stranger = (Rater(database, account) for account in rows.raters(2))
    shown = rater.next()
    for wrong in ({"value": 0.5}, {"value": 5.5}, {"value": 2.25}, {"value": float("nan")}):
        with pytest.raises(Refusal, match="the rating is"):
            rater.rate(shown, **wrong)
    with pytest.raises(Refusal, match="confidence"):
        rater.rate(shown, 3.0, confidence=4)
    with pytest.raises(Refusal, match="1001 characters"):
        rater.rate(shown, 3.0, note="x" * 1001)
    with pytest.raises(Refusal) as caught:
        stranger.rate(shown, 3.0)
    assert caught.value.status == 404
    with database.reading() as db:
        assert db.scalars(sa.select(Rating)).all() == []
        assert seen_recording(db, rater.id, shown.assignment_id) == rater.behind(shown)[0]
        with pytest.raises(Refusal):
            seen_recording(db, stranger.id, shown.assignment_id)


def test_the_video_of_what_was_rated_before_the_last_is_closed(database: Database, rows: Any) -> None:
    rows.recordings(3)
    rater = Rater(database, rows.raters(1)[0])
    first, second = rater.next(), None
    rater.rate(first)
    with database.reading() as db:
        seen_recording(db, rater.id, first.assignment_id)  # to go back
    second = rater.next()
    rater.rate(second)
    with database.reading() as db, pytest.raises(Refusal):
        seen_recording(db, rater.id, first.assignment_id)


def test_counts_stay_in_step_when_raters_rate_and_change_at_once(database: Database, rows: Any) -> None:
    rows.recordings(6)
    raters = [Rater(database, account, Study(repeat_share=0)) for account in rows.raters(3)]

    def work(rater: Rater) -> None:
        while (shown := rater.next()) is not None:
            rater.rate(shown, rater.random.choice(VALUES))
            for _ in range(2):
                rater.rate(rater.back(), rater.random.choice([None, *VALUES]))

    at_once(raters, work)
    check_in_step(database)
    with database.reading() as db:
        assert set(db.scalars(sa.select(Recording.rated_times))) == {3}


def age(database: Database, assignment_id: int, by: dt.timedelta) -> None:
    with database.writing() as db:
        assignment = db.get_one(Assignment, assignment_id)
        assignment.shown_at = now() - by
