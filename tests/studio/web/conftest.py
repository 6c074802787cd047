"""A studio's web application in the test's own process, and browsers that are signed in."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("fastapi", reason="needs facefatigue[studio]")

import argon2
from fastapi.testclient import TestClient
from serving import CHROMIUM, Served, chromium_arguments, fake_camera

from facefatigue.studio import accounts, people
from facefatigue.studio.access import new_link
from facefatigue.studio.database.tables import Person, Role
from facefatigue.studio.passwords import Passwords
from facefatigue.studio.settings import StudioSettings
from facefatigue.studio.throttle import Throttle
from facefatigue.studio.vault import Vault
from facefatigue.studio.web.app import create_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from facefatigue.studio.database import Database
    from facefatigue.studio.web.security import Studio

BASE = "http://127.0.0.1:8765"
PHONE = {"width": 390, "height": 844}
PASSWORD = "correct horse battery"  # noqa: S105  # of the tests


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.time_s = 1000.0

    def __call__(self) -> float:
        return self.time_s


class Browser(TestClient):
    """A browser of one visitor: it keeps the cookie, and sends the CSRF word of the last page with every change."""

    csrf = ""
    account_id: int | None = None
    person_id: int | None = None

    def enter(self, token: str) -> str:
        """Follow a link; returns where it led."""
        answer = self.get(f"/enter/{token}", follow_redirects=False)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    def load(self, path: str) -> Any:
        """Load a page, as a browser does; from then on changes carry its CSRF word."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        found = re.search(r'<meta name="csrf" content="([^"]+)">', answer.text)
        assert found
        self.csrf = found[1]
        return answer

    def request(self, method: str, url: Any, **kwargs: Any) -> Any:
        headers = dict(kwargs.pop("headers", None) or {})
        if self.csrf:
            headers.setdefault("X-CSRF-Token", self.csrf)
        return super().request(method, url, headers=headers, **kwargs)


@pytest.fixture
def cheap_passwords() -> Passwords:
    """Argon2 at a cost for tests."""
    return Passwords(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def clock() -> Clock:
    """The throttle's clock."""
    return Clock()


@pytest.fixture
def studio_settings(tmp_path: Path) -> StudioSettings:
    """How the studio under test is run."""
    return StudioSettings(folder=tmp_path)


@pytest.fixture
def app(studio_settings: StudioSettings, database: Database, cheap_passwords: Passwords, clock: Clock) -> Any:
    """The application, over each kind of database."""
    vault = Vault(studio_settings.vault_folder, None)
    return create_app(studio_settings, database, vault, passwords=cheap_passwords, throttle=Throttle(clock=clock))


@pytest.fixture
def studio(app: Any) -> Studio:
    """What the application works with."""
    return app.state.studio


@pytest.fixture
def browser(app: Any) -> Iterator[Callable[[], Browser]]:
    """Makes browsers of somebody unknown."""
    opened: list[Browser] = []

    def make() -> Browser:
        opened.append(Browser(app, base_url=BASE, client=("127.0.0.1", 40000)))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def stranger(browser: Callable[[], Browser]) -> Browser:
    """A browser without a session."""
    return browser()


def _csrf(studio: Studio, browser: Browser) -> str:
    cookie = browser.cookies.get(studio.access.cookie)
    with studio.database.reading() as db:
        visitor = studio.access.visitor(db, cookie)
    assert visitor is not None
    return visitor.csrf


@pytest.fixture
def sign_in(studio: Studio, browser: Callable[[], Browser]) -> Callable[..., Browser]:
    """Makes browsers of an owner, a rater or a volunteer, each of a new account or person."""
    numbers = iter(range(1, 1000))

    def make(role: Role, name: str = "") -> Browser:
        one = browser()
        with studio.database.writing() as db:
            who: Any
            if role is Role.VOLUNTEER:
                who, _ = people.invite(db, name, actor="test")
            else:
                who = accounts.create(db, name or f"{role} {next(numbers)}", role, actor="test")
                who.password = studio.passwords.hash(PASSWORD, name=who.name)
            cookie = studio.access.open(db, who)
        one.cookies.set(studio.access.cookie, cookie, domain="127.0.0.1", path="/")
        one.csrf = _csrf(studio, one)
        one.person_id = who.id if isinstance(who, Person) else None
        one.account_id = None if isinstance(who, Person) else who.id
        return one

    return make


@pytest.fixture
def owner(sign_in: Callable[..., Browser]) -> Browser:
    """A browser of an owner."""
    return sign_in(Role.OWNER)


@pytest.fixture
def rater(sign_in: Callable[..., Browser]) -> Browser:
    """A browser of a rater."""
    return sign_in(Role.RATER)


@pytest.fixture
def volunteer(sign_in: Callable[..., Browser]) -> Browser:
    """A browser of a volunteer who has signed nothing yet."""
    return sign_in(Role.VOLUNTEER)


@pytest.fixture
def link_token(studio: Studio) -> Callable[[Any], str]:
    """The token of a new link of a person or an account."""

    def make(who: Any, **more: Any) -> str:
        with studio.database.writing() as db:
            return studio.access.token(new_link(db, db.merge(who), **more))

    return make


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the fake camera films: a face."""
    return fake_camera(tmp_path_factory.mktemp("camera") / "face.mjpeg")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A running studio, as a process of its own."""
    one = Served(tmp_path / "studio")
    one.start()
    yield one
    one.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Chromium, to be launched."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as running:
        yield running.chromium


@pytest.fixture
def context(chromium: Any, camera: Path, tmp_path: Path) -> Iterator[Any]:
    """A browser that keeps what it stores, as one's own does."""
    one = chromium.launch_persistent_context(
        str(tmp_path / "profile"),
        executable_path=str(CHROMIUM),
        args=chromium_arguments(camera),
        viewport=PHONE,
        permissions=["camera", "microphone"],
    )
    one.set_default_timeout(300_000)  # the check runs at low priority, and waits for whatever else the machine does
    yield one
    one.close()


@pytest.fixture
def in_process(app: Any) -> Iterator[tuple[str, Any]]:
    """The application on a free port of this process: its address, and what it works with."""
    uvicorn = pytest.importorskip("uvicorn")
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", app.state.studio
    server.should_exit = True
    thread.join()
