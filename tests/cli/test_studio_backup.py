"""``facefatigue studio key``, ``backup`` and ``restore`` as a user runs them."""

from __future__ import annotations

import io
import os
import stat
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("fastapi", reason="needs facefatigue[studio]")

from facefatigue.cli import main
from facefatigue.studio.database import Database
from facefatigue.studio.database.tables import Consent, ConsentText, Person, Recording, State
from facefatigue.studio.sealed import read_key_file
from facefatigue.studio.tidying import belong_together
from facefatigue.studio.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

ID = "0123456789abcdef" * 2


def filled(folder: Path, key: bytes | None) -> None:
    """A studio with one recording."""
    folder.mkdir()
    database, vault = Database(f"sqlite:///{folder / 'studio.sqlite3'}"), Vault(folder / "vault", key)
    database.upgrade()
    vault.put(ID, io.BytesIO(b"a video"))
    with database.writing() as db:
        person = Person(code="P-1")
        text = ConsentText(version=1, title="T", body="B", sha256="0")
        consent = Consent(person=person, text=text, signed_name="A")
        db.add_all(
            [consent, Recording(id=ID, person=person, consent=consent, state=State.ACCEPTED, size_bytes=7, sha256="0")]
        )
    vault.set_aside(ID)  # a vault with videos does not take a database that knows of none
    with database.writing() as db:
        belong_together(db, vault)
    vault.put_back(ID)
    database.close()


def test_key_backup_and_restore(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "studio.key"
    assert main(["studio", "key", str(key)]) == 0
    assert "keep a copy elsewhere" in capsys.readouterr().out
    filled(tmp_path / "old", read_key_file(key))
    copy = tmp_path / "all.zip"
    assert main(["studio", "backup", str(copy), "--folder", str(tmp_path / "old"), "--key", str(key)]) == 0
    assert "(1 recordings)" in capsys.readouterr().out
    if os.name == "posix":
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert main(["studio", "--folder", str(tmp_path / "new"), "restore", str(copy), "--key", str(key)]) == 0
    assert "restored: 1 recordings" in capsys.readouterr().out
    with Vault(tmp_path / "new" / "vault", read_key_file(key)).open(ID) as file:
        assert file.read() == b"a video"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["backup", "all.zip", "--folder", "nowhere"], "there is no studio here"),
        (["backup", "all.zip", "--folder", "videos"], "or its database with --database"),
        (["verify", "--folder", "videos"], "or its database with --database"),
        (["owner", "Ada", "--folder", "videos"], "or its database with --database"),
        (["export", "out", "--folder", "other"], "belongs to the videos of another folder"),
        (["restore", "all.zip", "--folder", "new"], "no such file"),
        (["restore", "text", "--folder", "new"], "not a studio's backup"),
        (["key", "text"], "is there already"),
        (["key", "no/such/folder"], "cannot be written"),
        (["backup", "all.zip", "--folder", "old", "--key", "text"], "holds no key"),
    ],
)
def test_what_cannot_be_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").write_text("a text")
    filled(tmp_path / "old", None)
    filled(tmp_path / "other", None)
    (tmp_path / "videos" / "vault").mkdir(parents=True)  # whose database is elsewhere
    (tmp_path / "other" / "vault" / "vault.json").write_bytes((tmp_path / "old" / "vault" / "vault.json").read_bytes())
    assert main(["studio", *arguments]) == 6
    assert not (tmp_path / "videos" / "studio.sqlite3").exists()
    errors = capsys.readouterr().err
    assert said in errors
    assert errors.count("\n") == 1


def test_damage_is_named_and_not_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, copy = tmp_path / "studio", tmp_path / "all.zip"
    filled(folder, None)
    assert main(["studio", "verify", "--folder", str(folder)]) == 0
    assert capsys.readouterr().out == "verified: 0 videos are as they were kept; 1 had no checksum yet, which is noted now\n"
    path = Vault(folder / "vault", None).place(f"{ID}.video")
    path.write_bytes(b"a v1deo")
    assert main(["studio", "verify", "--folder", str(folder)]) == 6
    told = capsys.readouterr()
    assert told.out == "verified: 0 videos are as they were kept\n"
    assert told.err.startswith(f"damaged: {ID}\n")
    assert "1 videos are damaged and 0 missing: restore a backup elsewhere" in told.err
    assert main(["studio", "backup", str(copy), "--folder", str(folder)]) == 6
    assert f"{ID} is damaged: nothing was written" in capsys.readouterr().err
    assert not copy.exists()
    assert main(["studio", "backup", str(copy), "--despite-damage", "--folder", str(folder)]) == 0
