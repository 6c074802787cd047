"""A backup holds all of a studio, and nothing is restored that is damaged or does not belong."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import alembic.command
import pytest
import sqlalchemy as sa
from uploading import Browser, open_studio, signed_person

from facefatigue.errors import ConfigurationError
from facefatigue.studio import audit, study
from facefatigue.studio.backup import backup, restore
from facefatigue.studio.database import Database
from facefatigue.studio.database.session import alembic_config
from facefatigue.studio.database.tables import Account, Base, Person, Purpose, Rating, Recording, Role, State
from facefatigue.studio.vault import Vault
from facefatigue.studio.verifying import Verified, verify

if TYPE_CHECKING:
    from pathlib import Path

KEY = bytes(range(32))


def filled(database: Database, folder: Path, key: bytes | None = KEY) -> tuple[Vault, list[str]]:
    """A studio with something in it."""
    other, vault, uploads = open_studio(database.url, folder, key)
    other.close()
    person_id = signed_person(database)
    with database.writing() as db:
        study.prepare(db)
        study.write(db, study.Study(name="Shift study", contact="lab@example.org"), actor="test")
    ids = [Browser(database, uploads, person_id, bytes([n]) * 1000).send().id for n in range(3)]
    Browser(database, uploads, person_id, b"on its way").announce()
    with database.writing() as db:
        rater = Account(role=Role.RATER, name="Rita")
        db.add(rater)
        db.flush()
        for recording_id in ids:
            recording = db.get_one(Recording, recording_id)
            recording.state, recording.kept_sha256 = State.ACCEPTED, recording.sha256
            db.add(Rating(account_id=rater.id, recording_id=recording_id, purpose=Purpose.MAIN, value=2.5, note="müde"))
        audit.note(db, "test", "filled", "studio", number=3)
    vault.put_extra(ids[0], "still.jpg", b"a picture")
    return vault, ids


def rows(database: Database) -> dict[str, list[Any]]:
    with database.reading() as db:
        tables = [table for table in Base.metadata.sorted_tables if table.name != "session"]
        return {t.name: sorted(map(tuple, db.execute(sa.select(t))), key=repr) for t in tables}


@pytest.fixture
def empty(tmp_path: Path) -> Any:
    database = Database(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    database.upgrade()
    yield database
    database.close()


def test_all_comes_back_also_into_the_other_kind_of_database(database: Database, empty: Database, tmp_path: Path) -> None:
    for source, target, name in ((database, empty, "there"), (empty, database, "and back")):
        if name == "there":
            vault, ids = filled(source, tmp_path / "first")
        else:
            with target.writing() as db:
                for table in reversed(Base.metadata.sorted_tables):
                    db.execute(sa.delete(table))
        secret = tmp_path / "secret"
        secret.write_text("sign")
        before = rows(source)
        assert backup(source, vault, tmp_path / "all.zip", secret_file=secret) == 3
        vault = Vault(tmp_path / name, KEY)
        assert restore(tmp_path / "all.zip", target, vault, secret_file=tmp_path / f"secret {name}") == 4
        assert rows(target) == before
        assert vault.ids() == set(ids)
        with vault.open(ids[1]) as file:
            assert file.read() == bytes([1]) * 1000
        assert vault.get_extra(ids[0], "still.jpg") == b"a picture"
        assert (tmp_path / f"secret {name}").read_text() == "sign"
        with target.reading() as db:
            assert audit.broken(db) == []
        with target.writing() as db:  # numbers go on after the highest
            db.add(Person(code=f"P-{name}"))
            db.flush()
        with target.writing() as db:
            db.execute(sa.delete(Person).where(Person.code == f"P-{name}"))


def test_nothing_of_a_video_is_readable_in_it(database: Database, tmp_path: Path) -> None:
    vault, _ = filled(database, tmp_path)
    backup(database, vault, tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        stored = b"".join(archive.read(name) for name in archive.namelist() if name.startswith("vault/"))
    assert b"a picture" not in stored
    assert bytes([1]) * 20 not in stored


def test_what_was_withdrawn_while_it_was_made_is_not_in_it(
    database: Database, empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault, ids = filled(database, tmp_path / "first")
    files = vault.files

    def withdrawn(recording_id: str) -> list[Path]:
        if recording_id == ids[0]:
            with database.writing() as db:
                db.execute(sa.delete(Recording).where(Recording.id == recording_id))
            vault.delete(recording_id)
        return files(recording_id)

    monkeypatch.setattr(vault, "files", withdrawn)
    assert backup(database, vault, tmp_path / "all.zip") == 2
    assert restore(tmp_path / "all.zip", empty, Vault(tmp_path / "new", KEY)) == 3
    with empty.reading() as db:
        assert db.get(Recording, ids[0]) is None
        assert db.scalar(sa.select(sa.func.count()).select_from(Rating)) == 2


def test_damage_is_found_before_anything_is_written(database: Database, empty: Database, tmp_path: Path) -> None:
    vault, ids = filled(database, tmp_path / "first")
    good = tmp_path / "all.zip"
    backup(database, vault, good)
    data = bytearray(good.read_bytes())
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(good) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def written(changed: dict[str, bytes]) -> None:
        with zipfile.ZipFile(bad, "w") as archive:
            for name, content in changed.items():
                archive.writestr(name, content)

    name = f"vault/{ids[0]}.video"
    for changed, message in (
        (members | {name: members[name][:-1] + b"?"}, "is not as it was written"),
        ({key: value for key, value in members.items() if key != name}, "missing or were added"),
        (members | {"vault/../../evil": b"x"}, "missing or were added"),
        ({"manifest.json": b"[]"}, "not a studio's backup"),
        ({"other": b""}, "not a studio's backup"),
    ):
        written(changed)
        with pytest.raises(ConfigurationError, match=message):
            restore(bad, empty, Vault(tmp_path / "new", KEY))
    bad.write_bytes(data[: len(data) // 2])
    with pytest.raises(ConfigurationError, match="damaged"):
        restore(bad, empty, Vault(tmp_path / "new", KEY))
    manifest = json.loads(members["manifest.json"])
    written(members | {"manifest.json": json.dumps(manifest | {"revision": "9999"}).encode()})
    with pytest.raises(ConfigurationError, match="newer facefatigue"):
        restore(bad, empty, Vault(tmp_path / "new", KEY))
    with pytest.raises(ConfigurationError, match="no such file"):
        restore(tmp_path / "missing.zip", empty, Vault(tmp_path / "new", KEY))
    assert Vault(tmp_path / "new", KEY).ids() == set()
    assert rows(empty) == {table: [] for table in rows(empty)}


def test_only_into_an_empty_studio_and_with_the_same_key(database: Database, empty: Database, tmp_path: Path) -> None:
    vault, _ = filled(database, tmp_path / "first")
    backup(database, vault, tmp_path / "all.zip")
    with pytest.raises(ConfigurationError, match="database is not empty"):
        restore(tmp_path / "all.zip", database, Vault(tmp_path / "new", KEY))
    full = Vault(tmp_path / "full", KEY)
    full.put("0" * 32, io.BytesIO(b"video"))
    with pytest.raises(ConfigurationError, match="is not empty"):
        restore(tmp_path / "all.zip", empty, full)
    with pytest.raises(ConfigurationError, match="key is not the one"):
        restore(tmp_path / "all.zip", empty, Vault(tmp_path / "wrong", bytes(32)))
    with pytest.raises(ConfigurationError, match="give their key file"):
        restore(tmp_path / "all.zip", empty, Vault(tmp_path / "none", None))


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(path: Path, contents: dict[str, bytes], **manifest: Any) -> Path:
    """A backup of these members, whose hashes fit."""
    known = json.loads(contents["manifest.json"]) | manifest
    known["sha256"] = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items() if name != "manifest.json"}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (contents | {"manifest.json": json.dumps(known).encode()}).items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "encrypted"])
def test_what_is_damaged_or_missing_is_not_saved_unseen(
    database: Database, empty: Database, tmp_path: Path, key: bytes | None
) -> None:
    vault, ids = filled(database, tmp_path / "first", key)
    path = vault.place(f"{ids[0]}.video")
    good, target = path.read_bytes(), tmp_path / "all.zip"
    path.write_bytes(good[:-20] + b"?" + good[-19:])
    with pytest.raises(ConfigurationError, match=f"{ids[0]} is damaged: nothing was written"):
        backup(database, vault, target)
    assert verify(database, vault) == Verified(whole=2, noted=0, damaged=(ids[0],), missing=())
    vault.delete(ids[1])
    assert verify(database, vault) == Verified(whole=1, noted=0, damaged=(ids[0],), missing=(ids[1],))
    path.write_bytes(good)
    with pytest.raises(ConfigurationError, match=f"{ids[1]} is not in the vault"):
        backup(database, vault, target)
    assert not target.exists()
    assert backup(database, vault, target, despite_damage=True) == 3
    assert json.loads(members(target)["manifest.json"])["faulty"] == [ids[1]]
    assert restore(target, empty, Vault(tmp_path / "new", key)) == 4
    with empty.reading() as db:  # what raters said of it is not lost as well
        assert db.scalar(sa.select(Rating.value).where(Rating.recording_id == ids[1])) == 2.5


def test_videos_that_an_older_studio_checked_get_a_checksum(database: Database, tmp_path: Path) -> None:
    vault, ids = filled(database, tmp_path, None)
    vault.put(ids[0], io.BytesIO(b"a plain file made of it"))  # the row has the hash of what was sent
    with database.writing() as db:
        db.execute(sa.update(Recording).values(kept_sha256=None))
    assert backup(database, vault, tmp_path / "all.zip") == 3
    assert verify(database, vault) == Verified(whole=2, noted=1, damaged=(), missing=())
    assert verify(database, vault) == Verified(whole=3, noted=0, damaged=(), missing=())
    vault.put(ids[0], io.BytesIO(b"a plain f1le made of it"))
    assert verify(database, vault).damaged == (ids[0],)


def test_a_backup_of_the_first_version_is_restored(database: Database, empty: Database, tmp_path: Path) -> None:
    for source, target, name in ((database, empty, "there"), (empty, database, "back")):
        if name == "there":
            vault, ids = filled(source, tmp_path / "first")
        else:
            with target.writing() as db:
                for table in reversed(Base.metadata.sorted_tables):
                    db.execute(sa.delete(table))
        with source.writing() as db:
            db.execute(sa.update(Recording).values(kept_sha256=None))
        before = rows(source)
        backup(source, vault, tmp_path / "all.zip")
        contents = members(tmp_path / "all.zip")
        lines = [json.loads(line) for line in contents["tables/recording.jsonl"].splitlines()]
        for line in lines:
            del line["kept_sha256"], line["playback"]
        contents["tables/recording.jsonl"] = "".join(json.dumps(line) + "\n" for line in lines).encode()
        old = written(tmp_path / "old.zip", contents, revision="0001")
        vault = Vault(tmp_path / name, KEY)
        assert restore(old, target, vault) == 4
        assert rows(target) == before
        assert vault.ids() == set(ids)
        with target.engine.begin() as connection:
            alembic.command.check(alembic_config(connection))


def test_a_restore_that_is_cut_short_is_done_again(
    database: Database, empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault, ids = filled(database, tmp_path / "first")
    backup(database, vault, tmp_path / "all.zip")
    other = filled(empty, tmp_path / "second")[0]
    new = Vault(tmp_path / "new", KEY)
    with empty.writing() as db:
        for table in reversed(Base.metadata.sorted_tables):
            db.execute(sa.delete(table))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("facefatigue.studio.backup._restore_rows", killed)
        with pytest.raises(KeyboardInterrupt):
            restore(tmp_path / "all.zip", empty, new)
    assert new.ids() == set(ids)
    with pytest.raises(ConfigurationError, match="is not empty"):  # of another studio
        restore(tmp_path / "all.zip", empty, other)
    assert restore(tmp_path / "all.zip", empty, Vault(tmp_path / "new", KEY)) == 4


def test_rows_that_do_not_fit_are_told_in_one_line_and_change_nothing(
    database: Database, empty: Database, tmp_path: Path
) -> None:
    vault, _ = filled(database, tmp_path / "first")
    backup(database, vault, tmp_path / "all.zip")
    good = members(tmp_path / "all.zip")
    for table, content in (
        ("person", b""),
        ("rating", b'{"id": 1}\n'),
        ("audit_entry", b"[]\n"),
        ("link", b'{"evil": 1}\n'),
    ):
        bad = written(tmp_path / "bad.zip", good | {f"tables/{table}.jsonl": content})
        with pytest.raises(ConfigurationError, match="damaged|cannot be put into"):
            restore(bad, empty, Vault(tmp_path / table, KEY))
        assert not any(rows(empty).values())
    bad = written(tmp_path / "bad.zip", good | {f"vault/../../{'0' * 32}.video": b"x"})
    with pytest.raises(ConfigurationError, match="damaged"):
        restore(bad, empty, Vault(tmp_path / "evil", KEY))
    assert not list(tmp_path.glob(f"**/{'0' * 32}.video"))


def test_database_and_videos_must_belong_together(database: Database, empty: Database, tmp_path: Path) -> None:
    vault, _ = filled(database, tmp_path / "first")
    with pytest.raises(ConfigurationError, match="the database knows nothing of it"):
        backup(empty, vault, tmp_path / "all.zip")
    assert not (tmp_path / "all.zip").exists()


def test_a_bad_place_on_the_disk_is_damage(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault, ids = filled(database, tmp_path / "first")
    bad = vault.place(f"{ids[0]}.video").read_bytes()

    def unreadable(file: Any) -> str:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("facefatigue.studio.vault.sha256_of", unreadable)
    monkeypatch.setattr("facefatigue.studio.verifying.sha256_of", unreadable)
    assert set(verify(database, vault).damaged) == set(ids)
    with pytest.raises(ConfigurationError, match="cannot be read: nothing was written"):
        backup(database, vault, tmp_path / "all.zip")
    assert backup(database, vault, tmp_path / "all.zip", despite_damage=True) == 3
    assert bad not in members(tmp_path / "all.zip").values()
