"""The study's settings and scenarios."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from facefatigue.studio import people, study
from facefatigue.studio.database.tables import AuditEntry, Choice, Recording, Scenario
from facefatigue.studio.refusals import Refusal
from facefatigue.studio.study import Study

if TYPE_CHECKING:
    from sqlalchemy import orm

    from facefatigue.studio.database import Database


def test_the_default_is_the_published_protocol() -> None:
    default = Study()
    assert (default.shortest_s, default.longest_s, default.raters_per_recording) == (5.0, 60.0, 3)


def test_settings_are_kept_and_changes_noted(database: Database) -> None:
    with database.writing() as db:
        assert study.read(db) == Study()
        changed = dataclasses.replace(Study(), name="Tired at work", longest_s=30, ask_kss=False)
        study.write(db, changed, actor="owner:1")
    with database.writing() as db:
        assert study.read(db) == changed
        assert type(study.read(db).longest_s) is float
        study.write(db, changed, actor="owner:1")  # nothing new
        db.merge(Choice(name="vault_id", value="x"))  # of somebody else
    with database.reading() as db:
        assert study.read(db) == changed
        (entry,) = db.scalars(sa.select(AuditEntry)).all()
    assert entry.detail == {"name": ["Fatigue study", "Tired at work"], "longest_s": [60.0, 30.0], "ask_kss": [True, False]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", 1),
        ("name", "x" * 101),
        ("contact", "x" * 301),
        ("prompt", "x" * 1001),
        ("shortest_s", 0),
        ("shortest_s", "5"),
        ("shortest_s", True),
        ("longest_s", 5),
        ("longest_s", 601),
        ("longest_s", float("nan")),
        ("longest_s", None),
        ("raters_per_recording", 0),
        ("raters_per_recording", 2.5),
        ("repeat_share", 0.6),
        ("repeat_share", -0.1),
        ("ask_kss", 1),
    ],
)
def test_values_without_sense_are_named(field: str, value: object) -> None:
    with pytest.raises(Refusal) as refused:
        dataclasses.replace(Study(), **{field: value})
    assert refused.value.code == f"study_{field}"
    assert refused.value.detail == {"field": field}


def _names(db: orm.Session, *, hidden: bool = False) -> list[str]:
    return list(db.scalars(sa.select(Scenario.name).where(Scenario.hidden == hidden).order_by(Scenario.position)))


def _ids(db: orm.Session) -> dict[str, int]:
    return {row.name: row.id for row in db.scalars(sa.select(Scenario))}


def test_scenarios_begin_as_published_once(database: Database) -> None:
    with database.writing() as db:
        study.prepare(db)
        study.prepare(db)
        assert _names(db) == list(study.SCENARIOS)


def test_scenarios_are_renamed_reordered_added_and_removed(database: Database) -> None:
    with database.writing() as db:
        study.prepare(db)
        ids = _ids(db)
        # Two change names with each other, one is new, the rest goes.
        study.set_scenarios(
            db, [(ids["Working"], "Lunch break"), (None, "On the train"), (ids["Lunch break"], "Working")], actor="owner:1"
        )
    with database.reading() as db:
        assert _names(db) == ["Lunch break", "On the train", "Working"]
        assert _ids(db)["Lunch break"] == ids["Working"]


def test_a_scenario_that_recordings_name_is_hidden_and_comes_back(database: Database) -> None:
    with database.writing() as db:
        study.prepare(db)
        ids = _ids(db)
        person, _ = people.invite(db, actor="test")
        text = people.write_text(db, "a", "b", actor="test")
        consent = people.sign(db, person, text.id, "Ada")
        shared = {"person_id": person.id, "consent_id": consent.id, "size_bytes": 1, "sha256": "0" * 64}
        db.add(Recording(scenario_id=ids["Working"], **shared))
        db.flush()
        study.set_scenarios(db, [(ids["Off work"], "Off work")], actor="owner:1")
        assert _names(db) == ["Off work"]
        assert _names(db, hidden=True) == ["Working"]
        with pytest.raises(Refusal) as refused:  # the hidden one keeps its name
            study.set_scenarios(db, [(ids["Off work"], "working")], actor="owner:1")
        assert refused.value.code == "scenario_taken"
        study.set_scenarios(db, [(None, "working"), (ids["Off work"], "Off work")], actor="owner:1")
        assert _names(db) == ["working", "Off work"]
        assert _ids(db)["working"] == ids["Working"]


@pytest.mark.parametrize("names", [[], [""], ["x" * 101], ["Home", " home "]])
def test_scenarios_have_names_of_their_own(database: Database, names: list[str]) -> None:
    with database.writing() as db:
        study.prepare(db)
        with pytest.raises(Refusal) as refused:
            study.set_scenarios(db, [(None, name) for name in names], actor="owner:1")
    assert refused.value.code == "scenarios_invalid"


def test_a_scenario_that_is_not_there_is_told(database: Database) -> None:
    with database.writing() as db, pytest.raises(Refusal) as refused:
        study.set_scenarios(db, [(77, "Home")], actor="owner:1")
    assert refused.value.status == 404
