"""Every route, asked by everybody whom it does not serve."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.routing import APIRoute

from facefatigue.studio.database.tables import Role
from facefatigue.studio.throttle import RATES

if TYPE_CHECKING:
    from collections.abc import Callable

    Browser = Any  # of conftest

# What anybody may ask for, and nothing else: the sign-in page, links, and the two ways to begin a session.
OPEN = {("GET", "/"), ("GET", "/enter/{token}"), ("POST", "/api/sign-in"), ("POST", "/api/owner-link")}
EVERYBODYS = {("GET", "/account"), ("POST", "/api/password"), ("POST", "/api/sign-out")}


def _routes(app: Any) -> list[tuple[str, str]]:
    found = []
    for route in _flat(app.routes):
        found += [(method, route.path) for method in sorted(route.methods - {"HEAD"})]
    return found


def _flat(routes: Any) -> list[APIRoute]:
    found: list[APIRoute] = []
    for route in routes:
        if isinstance(route, APIRoute):
            found.append(route)
        elif hasattr(route, "original_router"):
            found += _flat(route.original_router.routes)
    return found


def _address(path: str) -> str:
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: "1" if "number" in found[1] or found[1].endswith("_id") else "x", path)


def _serves(path: str) -> set[Role]:
    if path.startswith(("/study", "/api/study")):
        return {Role.OWNER}
    if path.startswith(("/rate", "/api/rate")):
        return {Role.RATER}
    if path.startswith(("/me", "/api/me")) and not path.startswith("/media"):
        return {Role.VOLUNTEER}
    return set(Role)


def test_the_routes_are_found(app: Any) -> None:
    routes = _routes(app)
    assert set(routes) >= OPEN | EVERYBODYS
    assert len([path for _, path in routes if path.startswith("/api/study")]) > 10


def test_nobody_gets_in_without_a_session(app: Any, stranger: Browser) -> None:
    for method, path in _routes(app):
        if (method, path) in OPEN:
            continue
        for cookie in ("", "x" * 43):
            headers = {"Cookie": f"studio={cookie}"} if cookie else {}
            answer = stranger.request(method, _address(path), headers=headers, follow_redirects=False)
            if path.startswith(("/api/", "/media/")):
                assert (answer.status_code, answer.json()["error"]) == (401, "sign_in"), (method, path)
            else:
                assert (answer.status_code, answer.headers["location"]) == (303, "/"), (method, path)


@pytest.mark.parametrize("role", list(Role))
def test_nobody_gets_where_others_belong(app: Any, sign_in: Callable[..., Browser], role: Role) -> None:
    one = sign_in(role)
    asked = 0
    for method, path in _routes(app):
        if role in _serves(path) or (method, path) in OPEN | EVERYBODYS:
            continue
        answer = one.request(method, _address(path), json={} if method != "GET" else None, follow_redirects=False)
        assert answer.status_code == 403, (method, path)
        if path.startswith("/api/"):
            assert answer.json()["error"] == "role"
        asked += 1
    assert role is Role.OWNER or asked > 20


@pytest.mark.parametrize("role", list(Role))
def test_nothing_changes_without_the_sessions_word(app: Any, sign_in: Callable[..., Browser], role: Role) -> None:
    one, other = sign_in(role), sign_in(role)
    words = [None, "", "x", other.csrf, one.csrf[:-1], f"{one.csrf} "]
    one.csrf = ""
    for method, path in _routes(app):
        if method == "GET" or (method, path) in OPEN or role not in _serves(path):
            continue
        for word in words:
            headers = {} if word is None else {"X-CSRF-Token": word}
            answer = one.request(method, _address(path), json={}, headers=headers)
            assert (answer.status_code, answer.json()["error"]) == (403, "csrf"), (method, path, word)


def test_a_session_may_ask_only_so_often(owner: Browser, sign_in: Callable[..., Browser], clock: Any) -> None:
    count = RATES["json"].count
    codes = [owner.post("/api/study/log/check").status_code for _ in range(20)]
    assert set(codes) == {200}
    clock.time_s += 1e6
    answers = 0
    while owner.post("/api/study/people/x/unlink").status_code == 404:
        answers += 1
        assert answers <= count
    assert answers == count
    refused = owner.get("/study")
    assert refused.status_code == 429
    assert "too often" in refused.text
    assert sign_in(Role.OWNER).get("/study").status_code == 200  # others are not kept waiting
