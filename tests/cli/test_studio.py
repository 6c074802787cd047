"""``facefatigue studio`` as a user runs it: a real server in a process of its own, and the actions beside it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import pytest

pytest.importorskip("fastapi", reason="needs facefatigue[studio]")

import argon2
import sqlalchemy as sa

from facefatigue.cli import build_parser, main
from facefatigue.cli.studio import _settings, _warning
from facefatigue.studio import passwords as passwords_module
from facefatigue.studio.database import Database
from facefatigue.studio.database.tables import Account, AuditEntry

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "correct horse battery"  # noqa: S105  # of the tests


class Running:
    """A studio in a process of its own, on a free port."""

    def __init__(self, folder: Path, *options: str) -> None:
        command = [sys.executable, "-m", "facefatigue", "studio", "--folder", str(folder), "--port", "0", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines: list[str] = []

    def __enter__(self) -> Self:
        assert self.process.stdout is not None
        watchdog = threading.Timer(120, self.process.kill)
        watchdog.start()
        for line in self.process.stdout:
            self.lines.append(line.strip())
            if line.startswith("stop with"):
                break
        watchdog.cancel()
        assert self.lines, self.process.communicate()[1]
        found = re.fullmatch(r"studio: (http://[\w.:\[\]]+)", self.lines[0])
        assert found
        self.url = found[1]
        return self

    @property
    def owner_link(self) -> str:
        return next((line for line in self.lines if "/enter/" in line), "")

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str, Any]:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        return answer.status, content, answer.headers

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def test_the_first_start_gives_a_link_for_the_owners_password(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "studio"
    with Running(folder) as studio:
        status, page, _ = studio.ask("GET", urlsplit(studio.owner_link).path)
        assert status == 200
        assert "password" in page
        token = studio.owner_link.rsplit("/", 1)[1]
        status, answer, headers = studio.ask(
            "POST", "/api/owner-link", {"token": token, "name": "Ada", "password": PASSWORD}
        )
        assert (status, json.loads(answer)) == (200, {"to": "/study"})
        cookie = headers["set-cookie"].split(";")[0]
        assert studio.ask("GET", "/study", Cookie=cookie)[0] == 200
        assert studio.ask("GET", "/", Host="rebound.example")[0] == 421
        assert _tried_links(studio)[-1] == 429  # whatever a client says of its address
        assert main(["studio", "--folder", str(folder), "--port", "0"]) == 6  # one at a time in a folder
        assert "another run is at work in it" in capsys.readouterr().err
        code, errors = studio.stop()
    assert code == 128 + signal.SIGTERM
    assert token not in errors
    assert "Traceback" not in errors
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with Running(folder, "--trusted-proxy", "127.0.0.1") as studio:
        assert studio.owner_link == ""
        assert set(_tried_links(studio)) == {403}
        status, answer, _ = studio.ask("POST", "/api/sign-in", {"name": "ada", "password": PASSWORD})
        assert status == 200
        assert studio.stop(signal.SIGINT)[0] == 130


def _tried_links(studio: Running) -> list[int]:
    """What the studio answers to wrong links, each said to come from another address."""
    return [studio.ask("GET", "/enter/x", **{"X-Forwarded-For": f"198.51.100.{number}"})[0] for number in range(35)]


def _owner(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch, password: str = PASSWORD) -> int:
    read, write = os.pipe()
    os.write(write, f"{password}\n".encode())
    os.close(write)
    with os.fdopen(read) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        return main(["studio", "owner", name, "--folder", str(folder)])


@pytest.fixture
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    cheap = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords_module.argon2, "PasswordHasher", lambda: cheap)


@pytest.mark.usefixtures("_cheap")
def test_an_owners_password_is_set_and_reset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _owner(tmp_path, "Ada", monkeypatch) == 0
    assert _owner(tmp_path, "ada", monkeypatch, "another good one") == 0
    assert capsys.readouterr().out == "password set: Ada\npassword set: ada\n"
    database = Database(f"sqlite:///{tmp_path / 'studio.sqlite3'}")
    with database.reading() as db:
        (account,) = db.scalars(sa.select(Account)).all()
    database.close()
    assert passwords_module.Passwords().check(account.password, "another good one")
    assert _owner(tmp_path, "Ada", monkeypatch, "short") == 1
    assert "password has 10 to 200 characters" in capsys.readouterr().err


@pytest.mark.usefixtures("_cheap")
def test_a_changed_log_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["studio", "check-log", "--folder", str(tmp_path)]) == 6
    assert "there is no studio here" in capsys.readouterr().err
    assert _owner(tmp_path, "Ada", monkeypatch) == 0
    assert main(["studio", "check-log", "--folder", str(tmp_path)]) == 0
    told = re.search(r"audit log: 2 entries, unbroken; last hash ([0-9a-f]{64})\n$", capsys.readouterr().out)
    assert told
    assert _owner(tmp_path, "Bea", monkeypatch) == 0
    assert main(["studio", "check-log", "--folder", str(tmp_path), "--noted", told[1]]) == 0
    assert main(["studio", "check-log", "--folder", str(tmp_path), "--noted", "0" * 64]) == 6
    assert "no entry has the hash 000" in capsys.readouterr().err
    database = Database(f"sqlite:///{tmp_path / 'studio.sqlite3'}")
    with database.writing() as db:
        db.execute(sa.update(AuditEntry).where(AuditEntry.id == 1).values(actor="nobody"))
    database.close()
    assert main(["studio", "check-log", "--folder", str(tmp_path)]) == 6
    assert "the audit log was changed: 1 of 4 entries do not fit (1)" in capsys.readouterr().err


def _parsed(*arguments: str) -> Any:
    return _settings(build_parser().parse_args(["studio", *arguments]))


def test_options_stand_before_or_after_the_action(tmp_path: Path) -> None:
    for arguments in (["--port", "9"], ["--port", "9", "serve"], ["serve", "--port", "9"]):
        assert _parsed("--folder", str(tmp_path), *arguments).port == 9
        assert _parsed("--folder", str(tmp_path), *arguments).folder == tmp_path
    assert _parsed("serve").folder.name == "facefatigue-studio"
    assert _parsed("--public-url", "https://studio.example.org/").public_url == "https://studio.example.org"


@pytest.mark.parametrize(
    ("arguments", "warned"),
    [
        ([], False),
        (["--host", "localhost"], False),
        (["--host", "::1"], False),
        (["--host", "127.0.0.2"], False),
        (["--host", "0.0.0.0"], True),  # noqa: S104  # not bound
        (["--host", "192.0.2.7"], True),
        (["--host", "0.0.0.0", "--public-url", "http://studio.example.org"], True),  # noqa: S104
        (["--public-url", "http://studio.example.org"], True),
        (["--public-url", "http://localhost:9000"], False),
        (["--public-url", "https://studio.example.org"], True),  # whose visitors all seem to be one
        (["--public-url", "https://studio.example.org", "--trusted-proxy", "127.0.0.1"], False),
    ],
)
def test_ways_of_being_reached_that_are_not_safe_are_warned_of(arguments: list[str], warned: bool) -> None:
    assert bool(_warning(_parsed(*arguments))) is warned


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "70000"], "port 70000 is not between"),
        (["--public-url", "studio.example.org"], "is not of the form https://"),
        (["--public-url", "https://studio.example.org/path"], "is not of the form https://"),
        (["--database", "mysql://x/y"], "use sqlite or postgresql"),
        (["--key", "nowhere.key"], "nowhere.key"),
        (["--trusted-proxy", "*"], "trusted proxy '*' is not an address"),
        (["--trusted-proxy", "caddy"], "trusted proxy 'caddy' is not an address"),
        (["--host", "192.0.2.7", "--port", "1"], "cannot listen on 192.0.2.7:1"),
    ],
)
def test_what_cannot_be_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["studio", "--folder", str(tmp_path / "studio"), *arguments]) == 6
    errors = capsys.readouterr().err
    assert said in errors
    assert errors.count("\n") == 1


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    assert main(["studio"]) == 7
    assert "pip install 'facefatigue[studio]'" in capsys.readouterr().err


def test_the_help_imports_nothing_heavy() -> None:
    code = "import sys; from facefatigue.cli import build_parser; build_parser(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"fastapi", "sqlalchemy", "uvicorn", "argon2", "av", "numpy"} & set(loaded)
