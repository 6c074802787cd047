"""An export is a data set that the rest of facefatigue takes as it is, whole or not at all."""

from __future__ import annotations

import io
import json
import os
import random
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest
import sqlalchemy as sa

from facefatigue.cli import main
from facefatigue.clips import ClipSpec
from facefatigue.data.agreement import agreement
from facefatigue.data.manifest import read_manifest
from facefatigue.data.prepare import prepare
from facefatigue.data.split import read_split
from facefatigue.errors import ConfigurationError, SourceNotFoundError
from facefatigue.studio import people
from facefatigue.studio.agreement import summarise
from facefatigue.studio.database.tables import Person, Purpose, Recording
from facefatigue.studio.exchange import export
from facefatigue.studio.vault import Vault

pytest.importorskip("pingouin")
pytest.importorskip("krippendorff")

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.studio.database import Database


class MemoryVault:
    """A vault without a disk; `before_open` may do something first, or fail."""

    def __init__(self) -> None:
        self.videos: dict[str, bytes] = {}
        self.opened: list[str] = []
        self.before_open: Callable[[str], None] = lambda _: None

    def open(self, recording_id: str) -> BinaryIO:
        self.before_open(recording_id)
        self.size(recording_id)
        self.opened.append(recording_id)
        return io.BytesIO(self.videos[recording_id])

    def size(self, recording_id: str) -> int:
        if recording_id not in self.videos:
            raise SourceNotFoundError(f"recording {recording_id}: is not in the vault")
        return len(self.videos[recording_id])


@pytest.fixture
def vault() -> MemoryVault:
    return MemoryVault()


@pytest.fixture
def rated(database: Database, rows: Any, vault: MemoryVault) -> list[str]:
    """Eight recordings of four people, rated by three."""
    ids, accounts = rows.recordings(8, people=4), rows.raters(3)
    chance = random.Random(3)  # noqa: S311  # simulated people
    rows.rate({recording: {account: chance.randrange(2, 11) / 2 for account in accounts} for recording in ids})
    vault.videos = {recording: recording.encode() * 100 for recording in ids}
    return ids


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


def test_the_manifest_says_what_the_database_says(
    database: Database, rows: Any, rated: Any, vault: Any, tmp_path: Path
) -> None:
    unrated = rows.recordings(2)
    training = rows.recordings(1, training=[2.0])
    vault.videos |= dict.fromkeys((*unrated, *training), b"x")
    accounts = sorted(rows.raters(1))
    rows.rate({rated[0]: {accounts[0]: None}})  # cannot judge
    with database.writing() as db:
        recording = db.get_one(Recording, rated[0])
        recording.kss, recording.self_fatigue, recording.has_sound = 7, 3.5, True
    folder = tmp_path / "out"
    told = export(database, vault, folder)
    assert (told.recordings, told.people, told.copied, told.unrated, told.training) == (8, 4, 8, 2, 1)
    manifest = read_manifest(folder)
    assert {recording.video.stem for recording in manifest.recordings} == set(rated)
    by_id = {recording.video.stem: recording for recording in manifest.recordings}
    with database.reading() as db:
        for recording_id, listed in by_id.items():
            row = db.get_one(Recording, recording_id)
            values = [r.value for r in row.ratings if r.purpose == Purpose.MAIN and r.value is not None]
            assert listed.score == pytest.approx((sum(values) / len(values) - 1) / 4, abs=1e-5)
            assert sorted(listed.ratings.values()) == sorted(values)
            assert (listed.subject, listed.scenario) == (row.person.code, "off work")
            assert listed.label_source == "mean of 3 raters"
            assert listed.video.read_bytes() == vault.videos[recording_id]
        figures = summarise(db)
    first = by_id[rated[0]]
    assert (first.kss, first.further["self_fatigue"], first.further["has_sound"]) == (7, "3.5", "yes")
    assert first.further["not_judged"] == "1"
    assert agreement([recording.ratings for recording in manifest.recordings]) == figures.agreement  # to the last digit
    split = read_split(folder / "split.json")
    parts = [split.people(0, part) for part in ("train", "validation", "test")]
    assert sum(map(len, parts)) == 4
    assert len(frozenset.union(*parts)) == 4
    text = (folder / "card.md").read_text(encoding="utf-8")
    assert "| people | 4 |" in text
    assert "| version 1 | 4 |" in text
    assert f"| {figures.agreement.bias[0].rater} |" in text
    assert files(folder) == {
        "manifest.csv",
        "split.json",
        "card.md",
        "export.json",
        *(f"videos/{name}.mp4" for name in rated),
    }


def test_the_card_tells_how_far_raters_agree_where_nobody_rates_all(
    database: Database, rows: Any, rated: Any, vault: Any, tmp_path: Path
) -> None:
    before = export(database, vault, tmp_path / "three")
    (fourth,) = rows.raters(1)
    rows.rate({rated[0]: {fourth: 3.0}})
    export(database, vault, tmp_path / "four")
    three, four = ((tmp_path / name / "card.md").read_text(encoding="utf-8") for name in ("three", "four"))
    assert before.recordings == 8
    (line,) = [line for line in three.splitlines() if line.startswith("| ICC(2,3)")]
    assert "not measurable" not in line
    assert "| ICC(2,4), of the mean of all raters | not measurable |" in four
    assert line.replace("all raters", "these raters") in four
    assert "on the 8 recordings that all of these rated" in four


def test_nobody_changes_sides_from_one_export_to_the_next(
    database: Database, rows: Any, rated: Any, vault: Any, tmp_path: Path
) -> None:
    """Or a model of the second export would be trained on people whom that of the first is tested on."""

    def sides() -> dict[str, str]:
        split = read_split(tmp_path / "out" / "split.json")
        return {name: part for part in ("train", "validation", "test") for name in split.people(0, part)}

    export(database, vault, tmp_path / "out")
    before = sides()
    more = rows.recordings(60, people=20)
    vault.videos |= dict.fromkeys(more, b"video")
    rater = rows.raters(1)[0]
    rows.rate({name: {rater: 1.0 + n % 9 / 2} for n, name in enumerate(more)})
    vault.before_open = fail_at(30)
    with pytest.raises(KeyboardInterrupt):  # killed, and made again
        export(database, vault, tmp_path / "out")
    vault.before_open = lambda _: None
    export(database, vault, tmp_path / "out")
    after = sides()
    assert len(after) == 24
    assert {name: after[name] for name in before} == before
    export(database, vault, tmp_path / "out", least_ratings=3)  # without the new ones, who come back
    assert sides() == before
    with database.writing() as db:
        gone = db.scalars(sa.select(Person).where(Person.code == max(after))).one()
        people.withdraw(db, gone, actor="test")
    export(database, vault, tmp_path / "out")
    assert sides() == {name: part for name, part in after.items() if name != gone.code}
    assert gone.code not in (tmp_path / "out" / "export.json").read_text(encoding="utf-8")
    after = sides()
    export(database, vault, tmp_path / "out", seed=1)
    anew = sides()
    export(database, vault, tmp_path / "fresh", seed=1)
    assert read_split(tmp_path / "fresh" / "split.json").folds == read_split(tmp_path / "out" / "split.json").folds
    assert anew.keys() == after.keys()


def fail_at(number: int) -> Callable[[str], None]:
    """What kills an export at this video."""
    count = iter(range(number))

    def fail(_: str) -> None:
        if next(count, None) is None:
            raise KeyboardInterrupt

    return fail


def test_nothing_of_names_in_an_export(database: Database, rows: Any, rated: Any, vault: Any, tmp_path: Path) -> None:
    with database.writing() as db:
        for person in db.scalars(sa.select(Person)):
            person.name = "Ada Lovelace"
    export(database, vault, tmp_path / "out")
    for path in (tmp_path / "out").glob("*.*"):
        text = path.read_text(encoding="utf-8")
        assert "Ada" not in text
        assert "rater 0" not in text


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_every_single_point_it_goes_on(database: Database, rows: Any, tmp_path: Path) -> None:
    if not database.is_sqlite:
        pytest.skip("it only reads")
    ids, accounts = rows.recordings(3), rows.raters(2)
    rows.rate({recording: dict.fromkeys(accounts, 2.5) for recording in ids})
    key = bytes(range(32))
    kept = Vault(tmp_path / "vault", key)
    for recording_id in ids:
        kept.put(recording_id, io.BytesIO(os.urandom(100_000)))
    program = Path(__file__).parent.parent / "exporting.py"
    arguments = [sys.executable, str(program), database.url, str(tmp_path / "vault"), key.hex(), str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(arguments, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 20  # points at which it was killed


@pytest.mark.parametrize("after", [0, 1, 5, 7])
def test_an_export_that_is_interrupted_goes_on_where_it_was(
    database: Database, rated: Any, vault: Any, tmp_path: Path, after: int
) -> None:
    folder = tmp_path / "out"

    def kill(recording_id: str) -> None:
        if len(vault.opened) == after:
            raise KeyboardInterrupt

    vault.before_open = kill
    with pytest.raises(KeyboardInterrupt):
        export(database, vault, folder)
    assert not (folder / "manifest.csv").exists()
    assert json.loads((folder / "export.json").read_text())["finished"] is False
    (folder / "videos" / ".0123456789ab.part.mp4").write_bytes(b"as SIGKILL leaves it")
    vault.before_open = lambda _: None
    told = export(database, vault, folder)
    assert told.copied == 8 - after
    assert sorted(vault.opened) == sorted(rated)  # each once, over both
    assert not [name for name in files(folder) if ".part" in name]
    assert json.loads((folder / "export.json").read_text())["finished"] is True
    assert len(read_manifest(folder).recordings) == 8


def test_exporting_again_brings_up_to_date(database: Database, rows: Any, rated: Any, vault: Any, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    export(database, vault, folder)
    before = (folder / "manifest.csv").read_bytes(), (folder / "split.json").read_bytes()
    assert export(database, vault, folder).copied == 0
    assert before == ((folder / "manifest.csv").read_bytes(), (folder / "split.json").read_bytes())
    with database.writing() as db:
        person = db.get_one(Recording, rated[0]).person
        people.withdraw(db, person, actor="person")
        gone = {recording.id for recording in person.recordings}
    told = export(database, vault, folder)
    assert told.removed == len(gone) == 2
    assert {recording.video.stem for recording in read_manifest(folder).recordings} == set(rated) - gone
    assert not any((folder / "videos" / f"{name}.mp4").exists() for name in gone)
    assert "1 of them withdrew" in (folder / "card.md").read_text(encoding="utf-8")


def test_one_who_withdraws_while_it_runs_is_not_in_it(database: Database, rated: Any, vault: Any, tmp_path: Path) -> None:
    def withdraw(recording_id: str) -> None:
        if len(vault.opened) == 6:
            with database.writing() as db:
                person = db.get_one(Recording, rated[0]).person
                people.withdraw(db, person, actor="person")
                for recording in person.recordings:
                    vault.videos.pop(recording.id)

    vault.before_open = withdraw
    export(database, vault, tmp_path / "out")
    assert len(read_manifest(tmp_path / "out").recordings) == 6
    assert len(list((tmp_path / "out" / "videos").iterdir())) == 6


def test_what_cannot_be_exported_is_told(database: Database, rows: Any, vault: Any, tmp_path: Path) -> None:
    recordings = rows.recordings(2, people=2)
    with pytest.raises(ConfigurationError, match="no recording has a label"):
        export(database, vault, tmp_path / "out")
    account = rows.raters(1)[0]
    rows.rate({recording: {account: 2.0} for recording in recordings})
    with pytest.raises(ConfigurationError, match="missing in the vault"):
        export(database, vault, tmp_path / "out")
    vault.videos = dict.fromkeys(recordings, b"x")
    told = export(database, vault, tmp_path / "out")
    assert "too few" in told.split
    assert not (tmp_path / "out" / "split.json").exists()
    assert "None: 2 people are too few" in (tmp_path / "out" / "card.md").read_text(encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no recording has a label"):
        export(database, vault, tmp_path / "out", least_ratings=2)
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="holds something that is no export"):
        export(database, vault, other)
    assert files(other) == {"thesis.txt"}


@pytest.mark.slow
def test_the_data_commands_take_it_as_it_is(
    database: Database, rated: Any, vault: Any, tmp_path: Path, sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Four files that differ, as four people's do: a box of MP4 that players skip (ISO/IEC 14496-12, 8.1.2).
    vault.videos = {
        name: sample.read_bytes() + struct.pack(">I4sI", 12, b"free", number) for number, name in enumerate(rated[:4])
    }
    with database.writing() as db:
        db.execute(sa.delete(Recording).where(Recording.id.in_(rated[4:])))
    folder = tmp_path / "out"
    export(database, vault, folder)
    assert main(["data", "check", str(folder)]) == 0
    assert "4 recordings of 4 subjects, no faults" in capsys.readouterr().out
    assert main(["data", "agreement", str(folder)]) == 0
    assert main(["data", "split", str(folder), "--out", str(tmp_path / "own.json"), "--folds", "3"]) == 0
    prepared = prepare(folder, tmp_path / "clips", ClipSpec(frames=8, frame_rate_hz=12.5, size_px=48), workers=1)
    assert prepared.clips > 0
    assert prepared.recordings == 4
