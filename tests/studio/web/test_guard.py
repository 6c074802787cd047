"""What every request meets first, and what every answer carries."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from facefatigue.studio import people
from facefatigue.studio.database.tables import Consent, Role
from facefatigue.studio.settings import StudioSettings
from facefatigue.studio.web.guard import Guard, Hosts, limit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from facefatigue.studio.web.security import Studio

    Browser = Any  # of conftest

PUBLIC = "https://studio.example.org"


def _hosts(tmp_path: Path, **settings: Any) -> Hosts:
    return Hosts.of(StudioSettings(folder=tmp_path, **settings))


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765", "localhost", "[::1]:8765", "LOCALHOST"])
def test_this_computer_is_always_ours(tmp_path: Path, host: str) -> None:
    assert _hosts(tmp_path).has(host)
    assert _hosts(tmp_path, public_url=PUBLIC).has(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8765",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "192.0.2.7",
        "@",
        "[",
        "a b",
    ],
)
def test_names_of_others_are_not(tmp_path: Path, host: str) -> None:
    assert not _hosts(tmp_path).has(host)


def test_the_public_name_and_the_address_listened_on_are_ours(tmp_path: Path) -> None:
    assert _hosts(tmp_path, public_url=PUBLIC).has("studio.example.org")
    assert not _hosts(tmp_path, public_url=PUBLIC).has("evil.example.org")
    assert _hosts(tmp_path, host="192.0.2.7").has("192.0.2.7:8765")
    assert not _hosts(tmp_path, host="192.0.2.7").has("192.0.2.8:8765")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])  # noqa: S104  # compared, not bound
def test_on_every_address_any_number_is_ours_but_no_name(tmp_path: Path, host: str) -> None:
    hosts = _hosts(tmp_path, host=host)
    assert hosts.has("192.0.2.7:8765")
    assert hosts.has("[2001:db8::7]:8765")
    assert not hosts.has("rebound.example:8765")


def test_a_foreign_host_gets_no_answer(stranger: Browser) -> None:
    for path in ("/", "/static/style.css", "/api/nothing", "/enter/x"):
        answer = stranger.get(path, headers={"Host": "rebound.example:8765"}, follow_redirects=False)
        assert answer.status_code == 421
        assert answer.json()["error"] == "host"


def test_two_hosts_are_no_host(app: Any) -> None:
    for headers in ([], [(b"host", b"127.0.0.1:8765"), (b"host", b"evil.example")]):
        assert _ask(app, headers=headers)[0] == 421


def _scope(headers: list[tuple[bytes, bytes]], path: str, method: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": b"kind=csv",
        "headers": headers,
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 8765),
    }


def _ask(
    app: Any,
    *,
    headers: list[tuple[bytes, bytes]],
    body: Iterable[bytes] = (),
    path: str = "/api/sign-in",
    method: str = "POST",
) -> Any:
    """Speak ASGI directly, to say what a client library would not."""
    import asyncio

    sent: list[Any] = []
    parts = iter(body)
    taken = 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        part = next(parts, None)
        taken += len(part or b"")
        return {"type": "http.request", "body": part or b"", "more_body": part is not None}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(_scope(headers, path, method), receive, send))
    return sent[0]["status"], taken


def test_a_body_is_given_up_once_it_is_too_large_whatever_its_header_says(app: Any) -> None:
    host = (b"host", b"127.0.0.1:8765")
    kind = (b"content-type", b"application/json")
    endless = (b"x" * 65536 for _ in range(10_000))  # 655 MB, were it read
    status, taken = _ask(app, headers=[host, kind, (b"transfer-encoding", b"chunked")], body=endless)
    assert status == 413
    assert taken <= limit("/api/sign-in") + 65536
    status, taken = _ask(app, headers=[host, kind, (b"content-length", b"99999999999")])
    assert (status, taken) == (413, 0)
    for wrong in (b"-1", b"1e9", b"x", b""):
        assert _ask(app, headers=[host, kind, (b"content-length", wrong)])[0] == 413


def test_chunks_of_videos_may_be_larger_than_other_requests() -> None:
    chunk = f"/api/me/recordings/{'0' * 32}/bytes"
    assert limit(chunk) == 4 << 20
    assert limit("/api/me/recordings") == limit("/") == 512 << 10
    assert limit(f"{chunk}/x") == limit("/")


@pytest.mark.parametrize("path", ["/", "/api/nothing", "/static/style.css", "/static/api.js", "/nowhere", "/enter/x"])
def test_every_answer_carries_what_browsers_should_know(stranger: Browser, path: str) -> None:
    headers = stranger.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "camera=(self)" in headers["permissions-policy"]
    assert "geolocation=()" in headers["permissions-policy"]
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] == ("no-cache" if path.startswith("/static/") else "no-store")
    assert "strict-transport-security" not in headers
    assert "access-control-allow-origin" not in headers


def test_refusals_and_failures_carry_the_same_headers(
    app: Any, stranger: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert "content-security-policy" in stranger.get("/", headers={"Host": "evil.example"}).headers
    answer = stranger.options("/api/sign-in", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers

    def fail(*_: object) -> None:
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr("facefatigue.studio.accounts.by_name", fail)
    answer = stranger.post("/api/sign-in", json={"name": "a", "password": "b"})
    assert answer.status_code == 500
    assert answer.json()["error"] == "unexpected"
    assert "secret" not in answer.text
    assert "content-security-policy" in answer.headers
    assert "secret of the inside" in caplog.text  # for whoever runs it


def test_over_https_browsers_are_told_to_stay_there(
    studio_settings: StudioSettings, studio: Studio, browser: Callable[[], Browser]
) -> None:
    import dataclasses

    from fastapi.testclient import TestClient

    from facefatigue.studio.web.app import create_app

    settings = dataclasses.replace(studio_settings, public_url=PUBLIC)
    app = create_app(settings, studio.database, studio.vault, passwords=studio.passwords)
    with TestClient(app, base_url=PUBLIC) as client:
        answer = client.get("/")
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert client.post("/api/sign-in", json={}, headers={"Origin": PUBLIC, "Host": "127.0.0.1:8765"}).status_code == 422


def test_the_log_of_requests_holds_no_links(stranger: Browser, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "facefatigue.studio")
    stranger.get("/enter/WzEsMV0.signature")
    stranger.get("/static/style.css")
    lines = [record.getMessage() for record in caplog.records]
    assert any(line.startswith("GET /enter/… 403") for line in lines)
    assert any(line.startswith("GET /static/style.css 200") for line in lines)
    assert "signature" not in caplog.text


def test_files_outside_static_cannot_be_reached(stranger: Browser) -> None:
    for path in ("/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/"):
        assert stranger.get(path).status_code == 404


def test_nothing_tells_how_the_studio_is_made(stranger: Browser) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert stranger.get(path).status_code == 404


def test_other_protocols_pass_through() -> None:
    import asyncio

    seen: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    hosts = Hosts(names=frozenset(), any_address=False, origins=frozenset())
    asyncio.run(Guard(inner, hosts=hosts, https=False, visitor=lambda _: None)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]


def test_large_bodies_are_read_only_of_those_whom_the_route_serves(
    app: Any, stranger: Browser, volunteer: Browser, rater: Browser, owner: Browser
) -> None:
    chunk = f"/api/me/recordings/{'0' * 32}/bytes"
    host, kind = (b"host", b"127.0.0.1:8765"), (b"content-type", b"application/octet-stream")
    for path, serves in ((chunk, volunteer), ("/api/study/import/ratings", owner)):
        for browser in (stranger, volunteer, rater, owner):
            cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items()).encode()
            parts = (b"x" * 65536 for _ in range(10_000))
            headers = [host, kind, (b"cookie", cookie), (b"x-csrf-token", browser.csrf.encode())]
            status, taken = _ask(app, headers=headers, body=parts, path=path, method="PUT" if path == chunk else "POST")
            if browser is serves:
                assert status == 413
                assert limit(path) < taken <= limit(path) + 65536
            else:
                assert (status, taken) == (401 if browser is stranger else 403, 0)


def test_one_session_sends_only_a_few_large_bodies_at_once(app: Any, volunteer: Browser, sign_in: Any) -> None:
    import asyncio

    path = f"/api/me/recordings/{'0' * 32}/bytes"
    statuses: dict[str, list[int]] = {"hoarder": [], "other": []}

    async def ask(who: str, browser: Any, go: asyncio.Event) -> None:
        async def receive() -> dict[str, Any]:
            await go.wait()
            return {"type": "http.request", "body": b"x", "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses[who].append(message["status"])

        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items()).encode()
        headers = [(b"host", b"127.0.0.1:8765"), (b"cookie", cookie)]
        await app(_scope(headers, path, "PUT"), receive, send)

    async def main() -> None:
        go, now = asyncio.Event(), asyncio.Event()
        now.set()
        waiting = [asyncio.create_task(ask("hoarder", volunteer, go)) for _ in range(6)]
        while len(statuses["hoarder"]) < 2:
            await asyncio.sleep(0.01)
        await ask("other", sign_in(Role.VOLUNTEER), now)
        go.set()
        await asyncio.gather(*waiting)
        await ask("hoarder", volunteer, now)

    asyncio.run(main())
    assert sorted(statuses["hoarder"]) == [403] * 5 + [429] * 2  # 403: without the session's word
    assert statuses["other"] == [403]


def test_a_database_that_is_away_is_told_as_such(
    stranger: Browser, owner: Browser, studio: Studio, monkeypatch: Any
) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise sa.exc.OperationalError("SELECT name", {"name": "Ada"}, Exception("the server is shut down"))

    monkeypatch.setattr(studio.database, "_sessions", away)
    answer = owner.get("/api/study/agreement")
    assert (answer.status_code, answer.json()["error"]) == (503, "database_away")
    assert int(answer.headers["retry-after"]) > 0
    answer = owner.get("/study")
    assert answer.status_code == 503
    assert "Try again in a moment" in answer.text
    chunk = owner.put(f"/api/me/recordings/{'0' * 32}/bytes", content=b"x")
    assert (chunk.status_code, chunk.json()["error"]) == (503, "database_away")


def test_a_disk_too_full_for_the_database_is_told_as_such(owner: Browser, studio: Studio, monkeypatch: Any) -> None:
    full = Exception("database or disk is full")
    full.sqlite_errorname = "SQLITE_FULL"  # type: ignore[attr-defined]

    def write() -> Any:
        raise sa.exc.OperationalError("INSERT", {}, full)

    monkeypatch.setattr(studio.database, "writing", write)
    answer = owner.post("/api/study/people", json={"names": [""]})
    assert (answer.status_code, answer.json()["error"]) == (507, "disk_full")


def test_what_no_database_can_hold_is_refused(owner: Browser, volunteer: Browser, rater: Browser, studio: Studio) -> None:
    with studio.database.writing() as db:
        text = people.write_text(db, "Consent", "x", actor="test").id
    huge = 10**30
    half = json.dumps({"text_id": text, "name": "\ud800"})
    json_type = {"Content-Type": "application/json"}
    announced = {"size": 5, "sha256": "0" * 64, "media_type": "video/mp4", "scenario_id": huge}
    for answer in (
        rater.get(f"/media/a/{huge}"),
        rater.post(f"/api/rate/{huge}/skip"),
        volunteer.post("/api/me/consent", content=half, headers=json_type),
        volunteer.post("/api/me/consent", json={"text_id": text, "name": "Ada"}),
        volunteer.post("/api/me/recordings", json=announced),
    ):
        assert answer.status_code in {200, 403, 404, 409, 422}, answer.text
    with studio.database.reading() as db:
        assert [one.signed_name for one in db.scalars(sa.select(Consent))] == ["Ada"]
