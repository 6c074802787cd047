from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from facefatigue.evaluate import DrowsinessCount, Predictions, count_drowsiness
from facefatigue.evaluate.tables import drowsiness_table


def count(rows: list[tuple[str, float, bool]]) -> DrowsinessCount:
    """The rule applied to (subject, KSS, called fatigue)."""
    subject, kss, called = zip(*rows, strict=True)
    share = [0.5] * len(rows)
    predictions = Predictions.of(
        item=[str(number) for number in range(len(rows))],
        subject=list(subject),
        target=share,
        score=share,
        fatigue_probability=share,
        called_fatigue=called,
        kss=kss,
    )
    found = count_drowsiness(predictions, draws=400)
    assert found is not None
    return found


def test_people_count_once_whatever_the_number_of_their_events() -> None:
    found = count(
        [("a", 8, True)] * 9
        + [("a", 9, False)]
        + [("b", 8, False), ("b", 9, True)]
        + [("c", 7, True), ("c", np.nan, True)]  # no event: does not take part
        + [("d", 8.5, False)]
    )
    assert found.sensitivity == {"a": 0.9, "b": 0.5, "d": 0.0}
    assert (found.events, found.participants) == (13, 3)
    assert found.mean == pytest.approx((0.9 + 0.5 + 0.0) / 3)
    spread = np.std([0.9, 0.5, 0.0], ddof=1)
    assert found.lower_bound == max(found.mean - stats.t.ppf(0.975, 2) * spread / np.sqrt(3), 0)
    assert found.bootstrap_lower_bound == pytest.approx(0)
    verdicts = [one.verdict for one in found.requirements]
    assert verdicts == ["met", "not met", "not met", "met"]
    assert "not a type-approval" in found.statement


def test_a_good_model_meets_all_conditions() -> None:
    rows = [(f"p{number}", 9.0, (number + event) % 4 != 0) for number in range(12) for event in range(4)]
    found = count(rows)
    assert found.mean == 0.75
    assert found.lower_bound == pytest.approx(0.75)
    assert {one.verdict for one in found.requirements} == {"met"}
    assert [one.limit for one in found.requirements] == ["> 40 %", "> 20 %", "≥ 10", "≥ 10"]


def test_exactly_forty_per_cent_is_not_enough() -> None:
    found = count([("a", 8, True)] * 2 + [("a", 8, False)] * 3 + [("b", 8, True)] * 2 + [("b", 8, False)] * 3)
    assert found.mean == 0.4
    assert found.requirements[0].verdict == "not met"


def test_without_events_nothing_is_measurable() -> None:
    found = count([("a", 3, True), ("b", 7, False)])
    assert (found.events, found.participants, found.mean, found.lower_bound) == (0, 0, None, None)
    assert [one.verdict for one in found.requirements] == ["not measurable", "not measurable", "not met", "not met"]
    one_person = count([("a", 9, True)])
    assert (one_person.mean, one_person.lower_bound, one_person.bootstrap_lower_bound) == (1, None, None)


def test_without_ratings_there_is_no_count(predictions: Predictions) -> None:
    assert count_drowsiness(dataclasses.replace(predictions, kss=None)) is None
    assert count_drowsiness(dataclasses.replace(predictions, kss=np.full(len(predictions), np.nan))) is None


def test_what_could_not_be_scored_was_missed(predictions: Predictions) -> None:
    unrated = dataclasses.replace(predictions, kss=None)
    found = count_drowsiness(unrated, missed=["x", "x", "y"], draws=50)
    assert found is not None
    assert (found.events, found.missed, found.participants, found.mean) == (3, 3, 2, 0)
    rated = count_drowsiness(predictions, draws=50)
    more = count_drowsiness(predictions, missed=["x"], draws=50)
    assert rated is not None
    assert more is not None
    assert more.mean < rated.mean
    assert ("Of these, items that could not be scored (count as missed)", "–", "1", "–") in drowsiness_table(more).rows
