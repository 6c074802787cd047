"""Ratings go out and come back, as CSV and for Label Studio; a file with a fault changes nothing."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
import sqlalchemy as sa

from facefatigue.data.rows import FaultsError
from facefatigue.studio import people
from facefatigue.studio.database.tables import Account, Assignment, Purpose, Rating, Recording, Role
from facefatigue.studio.exchange import label_studio, ratings_csv
from facefatigue.studio.exchange.importing import take
from facefatigue.studio.rating import next_for
from facefatigue.studio.study import Study

if TYPE_CHECKING:
    from pathlib import Path

    from facefatigue.studio.database import Database


def kept(database: Database) -> set[tuple[Any, ...]]:
    with database.reading() as db:
        return {
            (account.name, r.recording_id, r.purpose, r.value, r.confidence, r.note)
            for r, account in db.execute(sa.select(Rating, Account).join(Account, Account.id == Rating.account_id))
        }


def forget(database: Database) -> None:
    with database.writing() as db:
        db.execute(sa.delete(Rating))
        db.execute(sa.update(Recording).values(rated_times=0, spread=None))


@pytest.fixture
def some(database: Database, rows: Any) -> list[str]:
    ids, (one, other) = rows.recordings(3), rows.raters(2)
    rows.rate({ids[0]: {one: 2.5, other: 4.0}, ids[1]: {one: None, other: 1.0}, ids[2]: {other: 5.0}})
    with database.writing() as db:
        rating = db.scalars(sa.select(Rating).where(Rating.value == 2.5)).one()
        rating.confidence, rating.note, rating.seconds = 3, '=says "tired", yawns', 12.5
    return ids


def test_csv_out_and_in_again(database: Database, rows: Any, some: Any, tmp_path: Path) -> None:
    with database.reading() as db:
        one = db.scalars(sa.select(Account.id)).first()
    rows.rate({some[0]: {one: 3.0}}, Purpose.REPEAT)
    before, path = kept(database), tmp_path / "ratings.csv"
    with database.reading() as db:
        assert ratings_csv.write(db, path) == 6
    with database.writing() as db:
        told = take(db, ratings_csv.read(path), what="ratings.csv", source="csv")
    assert (told.added, told.known) == (0, 6)
    forget(database)
    with database.writing() as db:
        told = take(db, ratings_csv.read(path), what="ratings.csv", source="csv")
    assert (told.added, told.known, told.new_raters) == (6, 0, ())
    assert kept(database) == before
    with database.reading() as db:
        first = db.get_one(Recording, some[0])
        assert (first.rated_times, first.spread) == (2, 1.5)
        assert set(db.scalars(sa.select(Rating.source))) == {"csv"}


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (["{a},rater 0,2.25"], "line 2: the rating is 2.25, not 1 to 5 in steps of 0.5"),
        (["{a},rater 0,six"], "line 2: the value is 'six'"),
        (["{a},rater 0,"], "line 2: the value is ''"),
        (["{a},nobody,2"], "line 2: there is no rater 'nobody'"),
        (["{a},boss,2"], "line 2: 'boss' is the name of an owner"),
        (["ffffffffffffffffffffffffffffffff,rater 0,2"], "line 2: there is no recording 'ffff"),
        (["../../etc/passwd,rater 0,2"], "line 2: there is no recording '../../etc/passwd'"),
        (
            ["{a},rater 0,2", "videos/{a}.webm,Rater 0,2"],
            "line 3: the same rater rated the same recording at line 2 already",
        ),
        (["{b},rater 0,2", "{a},rater 0,3.5"], "line 3: rater 0 said 2.5 of this recording before, and here 3.5"),
        (["{training},rater 0,2"], "is for training, not to be rated"),
        ([], "it holds no ratings"),
    ],
)
def test_a_csv_with_a_fault_changes_nothing(
    database: Database, rows: Any, some: Any, tmp_path: Path, lines: list[str], fault: str
) -> None:
    names = {"a": some[0], "b": rows.recordings(1)[0], "training": rows.recordings(1, training=[1.0])[0]}
    with database.writing() as db:
        db.add(Account(role=Role.OWNER, name="boss"))
    before, path = kept(database), tmp_path / "x.csv"
    path.write_text("\n".join(["recording,rater,value", *(line.format(**names) for line in lines)]) + "\n")
    with pytest.raises(FaultsError) as caught, database.writing() as db:
        take(db, ratings_csv.read(path), what="x.csv", source="csv")
    assert any(fault in one for one in caught.value.faults), caught.value.faults
    assert kept(database) == before


def test_new_raters_are_made_if_that_is_wanted_and_what_is_rated_is_not_asked_again(
    database: Database, rows: Any, some: Any, tmp_path: Path
) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"recording,rater,value\n{some[0]},Ada,3\n{some[1]},Ada,cannot judge\n{some[2]},ada,1.5\n")
    with database.writing() as db:
        told = take(db, ratings_csv.read(path), what="x.csv", source="csv", new_raters=True)
    assert (told.added, told.new_raters) == (3, ("Ada",))
    with database.reading() as db:
        ada = db.scalars(sa.select(Account).where(Account.name == "Ada")).one()
        assert (ada.role, ada.password) == (Role.RATER, None)
    with database.writing() as db:
        assert next_for(db, ada.id, Study()) is None


def test_an_import_takes_what_a_rater_has_before_him(database: Database, rows: Any, tmp_path: Path) -> None:
    recording, account = rows.recordings(1)[0], rows.raters(1)[0]
    with database.writing() as db:
        assert next_for(db, account, Study()) is not None
    path = tmp_path / "x.csv"
    path.write_text(f"recording,rater,value\n{recording},rater 0,3\n")
    with database.writing() as db:
        take(db, ratings_csv.read(path), what="x.csv", source="csv")
    with database.writing() as db:
        assert next_for(db, account, Study()) is None
        assert db.scalars(sa.select(Assignment)).all() == []


def test_label_studio_out_and_in_again(database: Database, some: Any, tmp_path: Path) -> None:
    before, path = kept(database), tmp_path / "tasks.json"
    with database.reading() as db:
        assert label_studio.write(db, path) == 3
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found[0]["data"]["video"] == f"/data/local-files/?d=videos/{found[0]['data']['recording']}.mp4"
    assert {"rater 0", "rater 1"} >= {r["meta"]["rater"] for task in found for a in task["annotations"] for r in a["result"]}
    controls = {element.get("name") for element in ET.parse(path.with_suffix(".xml")).iter() if element.get("toName")}  # noqa: S314
    assert {r["from_name"] for task in found for a in task["annotations"] for r in a["result"]} <= controls
    forget(database)
    with database.writing() as db:
        told = take(db, label_studio.read(path), what="tasks.json", source="Label Studio")
    assert told.added == 5
    assert kept(database) == before
    with database.reading() as db:
        label_studio.write(db, path, ratings=False)
    assert all(task["annotations"] == [] for task in json.loads(path.read_text(encoding="utf-8")))


def test_label_studios_own_exports_are_read(database: Database, rows: Any, tmp_path: Path) -> None:
    """Number, rating and choices as https://labelstud.io/guide/task_format has them."""
    ids = rows.recordings(3)

    def annotation(by: Any, *results: tuple[str, Any], **more: Any) -> dict[str, Any]:
        kinds = [{"from_name": "f", "to_name": "video", "type": kind, "value": value} for kind, value in results]
        return {"completed_by": by, "result": kinds, "was_cancelled": False, "lead_time": 4.3, **more}

    ada = {"id": 3, "email": "ada@example.org", "first_name": "Ada", "last_name": "L"}
    tasks = [
        {
            "id": 9,
            "data": {"video": f"http://host/data/local-files/?d=videos/{ids[0]}.webm"},
            "annotations": [
                annotation(ada, ("number", {"number": 3.5}), ("textarea", {"text": ["slow speech"]})),
                annotation(4, ("rating", {"rating": 4})),
                annotation(5, ("number", {"number": 1}), was_cancelled=True),
            ],
        },
        {"id": 10, "data": {"video": f"{ids[1]}.webm"}, "annotations": [annotation(ada, ("choices", {"choices": ["2.5"]}))]},
        {
            "id": 11,
            "data": {"recording": ids[2]},
            "annotations": [annotation(4, ("choices", {"choices": ["Cannot judge"]}))],
        },
    ]
    path = tmp_path / "project-1.json"
    path.write_text(json.dumps(tasks), encoding="utf-8")
    with database.writing() as db:
        take(db, label_studio.read(path), what="x", source="Label Studio", new_raters=True)
    assert {entry[:4] + entry[5:] for entry in kept(database)} == {
        ("ada@example.org", ids[0], Purpose.MAIN, 3.5, "slow speech"),
        ("Label Studio 4", ids[0], Purpose.MAIN, 4.0, ""),
        ("ada@example.org", ids[1], Purpose.MAIN, 2.5, ""),
        ("Label Studio 4", ids[2], Purpose.MAIN, None, ""),
    }


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("no json", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ('{"video": "x"}', "not a list of Label Studio's tasks"),
        ('[{"data": {}}]', "task 1: its data has neither recording nor video"),
        ('[{"data": {"video": "x"}, "annotations": [{"result": []}]}]', "task 1, annotation 1: it has 0 ratings"),
        (
            '[{"data": {"video": "x"}, "annotations": [{"result": [{"value": {"choices": ["often"]}}]}]}]',
            "task 1, annotation 1: 'often' is no rating",
        ),
    ],
)
def test_what_is_no_export_of_label_studio_is_told(tmp_path: Path, content: str, fault: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(FaultsError) as caught:
        label_studio.read(path)
    assert any(fault in one for one in caught.value.faults), caught.value.faults


def test_a_file_that_would_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    for read, name in ((ratings_csv.read, "x.csv"), (label_studio.read, "x.json")):
        path = tmp_path / name
        with path.open("wb") as file:
            file.truncate(100_000_000)
        with pytest.raises(FaultsError, match=r"it has 100 MB; at most (16|64) MB"):
            read(path)


@pytest.mark.parametrize("mark", [";", "\t"])
def test_a_table_without_commas_is_told_what_to_do(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(mark.join(("recording", "rater", "value")) + "\n")
    with pytest.raises(FaultsError, match="save it as CSV with commas"):
        ratings_csv.read(path)


@pytest.mark.parametrize(
    ("note", "when", "fault"),
    [
        ("\\u0000", "", "holds characters that are none"),
        ("\\ud800", "", "holds characters that are none"),
        ("", "0001-01-01T00:00:00+14:00", "the time is"),
        ("", "31.12.2026", "the time is"),
    ],
)
def test_what_no_database_takes_is_a_fault_with_its_place(
    database: Database, rows: Any, tmp_path: Path, note: str, when: str, fault: str
) -> None:
    (name,), _, path = rows.recordings(1), rows.raters(1), tmp_path / "x.json"
    result = f'{{"value": {{"number": 2}}, "meta": {{"rater": "rater 0"}}}}, {{"value": {{"text": ["{note}"]}}}}'
    path.write_text(
        f'[{{"data": {{"recording": "{name}"}}, "annotations": [{{"result": [{result}], "created_at": "{when}"}}]}}]'
    )
    with pytest.raises(FaultsError, match=fault) as caught, database.writing() as db:
        take(db, label_studio.read(path), what="x.json", source="Label Studio")
    assert caught.value.faults[0].startswith("task 1, annotation 1: ")


def test_nobody_s_words_become_a_formula() -> None:
    for begin in ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"):
        cell = ratings_csv._as_text(f"{begin}1+1")
        assert cell == f"'{begin}1+1"
        assert ratings_csv._plain(cell) == f"{begin}1+1"
    assert ratings_csv._as_text("it's -1") == ratings_csv._plain("it's -1") == "it's -1"


def test_what_was_withdrawn_since_never_comes_back_and_need_not_be_cut_out_by_hand(
    database: Database, rows: Any, tmp_path: Path
) -> None:
    ids, _ = rows.recordings(3, people=3), rows.raters(1)
    path = tmp_path / "x.csv"
    path.write_text("\n".join(["recording,rater,value", *(f"{name},rater 0,2" for name in ids), "x,rater 0,3"]) + "\n")
    with database.writing() as db:
        people.withdraw(db, db.get_one(Recording, ids[0]).person, actor="test")  # its files are still being deleted
        db.delete(db.get_one(Recording, ids[1]))
    with pytest.raises(FaultsError) as caught, database.writing() as db:
        take(db, ratings_csv.read(path), what="x.csv", source="csv")
    assert [fault.split(":")[0] for fault in caught.value.faults] == ["line 2", "line 3", "line 5"]
    with database.writing() as db:
        told = take(db, ratings_csv.read(path), what="x.csv", source="csv", skip_gone=True)
    assert (told.added, told.gone) == (1, 3)
    with database.reading() as db:
        assert db.scalars(sa.select(Rating.recording_id)).all() == [ids[2]]


def test_csv_is_a_plain_table(database: Database, some: Any, tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    with database.reading() as db:
        ratings_csv.write(db, path)
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert tuple(lines[0]) == ratings_csv.COLUMNS
    assert {line["note"] for line in lines} == {"", '\'=says "tired", yawns'}  # no formula
    assert {line["value"] for line in lines} == {"2.5", "4", "cannot judge", "1", "5"}
