"""Coming in by password and by link, and every way in which that must fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from facefatigue.studio import accounts, people
from facefatigue.studio.access import new_link
from facefatigue.studio.database.tables import Account, AuditEntry, Person, Role, Session, now

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.studio.web.security import Studio

    Browser = Any  # of conftest

PASSWORD = "correct horse battery"  # noqa: S105  # of the tests


@pytest.fixture
def ada(studio: Studio) -> Account:
    """An owner with a password."""
    with studio.database.writing() as db:
        account = accounts.create(db, "Ada", Role.OWNER, actor="test")
        accounts.set_password(db, account, studio.passwords.hash(PASSWORD, name="Ada"), actor="test")
    return account


def _sign_in(browser: Browser, name: str = "Ada", password: str = PASSWORD, **more: Any) -> Any:
    return browser.post("/api/sign-in", json={"name": name, "password": password}, **more)


def test_an_owner_signs_in_and_out(ada: Account, stranger: Browser, studio: Studio) -> None:
    page = stranger.get("/")
    assert page.status_code == 200
    assert 'name="csrf"' not in page.text
    answer = _sign_in(stranger)
    assert (answer.status_code, answer.json()) == (200, {"to": "/study"})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert stranger.get("/", follow_redirects=False).headers["location"] == "/study"
    assert stranger.load("/study").headers["cache-control"] == "no-store"
    kept = stranger.cookies.get(studio.access.cookie)
    assert stranger.post("/api/sign-out").json() == {"to": "/"}
    assert stranger.get("/study", follow_redirects=False).status_code == 303
    stranger.cookies.set(studio.access.cookie, kept, domain="127.0.0.1", path="/")  # whoever copied it is out as well
    assert stranger.get("/study", follow_redirects=False).status_code == 303


def test_signing_in_gives_a_new_session_and_ends_the_old_one(ada: Account, stranger: Browser, studio: Studio) -> None:
    stranger.cookies.set(studio.access.cookie, "planted", domain="127.0.0.1", path="/")
    _sign_in(stranger)
    first = stranger.cookies.get(studio.access.cookie, domain="127.0.0.1")
    _sign_in(stranger)
    second = stranger.cookies.get(studio.access.cookie, domain="127.0.0.1")
    assert len({"planted", first, second}) == 3
    with studio.database.reading() as db:
        assert studio.access.visitor(db, first) is None
        assert studio.access.visitor(db, second) is not None
        assert db.scalar(sa.select(sa.func.count()).select_from(Session)) == 1


def test_a_wrong_name_and_a_wrong_password_look_the_same(ada: Account, stranger: Browser) -> None:
    answers = [_sign_in(stranger, "Ada", "wrong"), _sign_in(stranger, "Nobody", PASSWORD), _sign_in(stranger, "", "")]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert all("set-cookie" not in answer.headers for answer in answers)


def test_guessing_is_slowed_down_by_address_and_by_name(
    ada: Account, browser: Callable[[], Browser], stranger: Browser, clock: Any
) -> None:
    codes = [_sign_in(stranger, f"name {number}", "wrong").status_code for number in range(12)]
    assert codes == [401] * 10 + [429] * 2
    answer = _sign_in(stranger)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) == answer.json()["detail"]["retry_after_s"]
    clock.time_s += int(answer.headers["retry-after"])
    assert _sign_in(stranger).status_code == 200
    clock.time_s += 10_000
    elsewhere = [browser() for _ in range(12)]  # many addresses, one name
    for number, one in enumerate(elsewhere):
        one._transport.client = (f"198.51.100.{number}", 40000)
    assert [_sign_in(one, "Ada", "wrong").status_code for one in elsewhere] == [401] * 10 + [429] * 2
    # Spaces and case make no other name of it.
    elsewhere[0]._transport.client = ("198.51.100.77", 40000)
    assert _sign_in(elsewhere[0], "  aDA ", "wrong").status_code == 429


def test_strangers_who_guess_do_not_keep_out_whoever_signed_in_on_this_device_before(
    ada: Account, browser: Callable[[], Browser], stranger: Browser, studio: Studio
) -> None:
    answer = _sign_in(stranger)
    device = next(one for one in answer.headers.get_list("set-cookie") if one.startswith(f"{studio.access.device_cookie}="))
    assert "httponly" in device.lower()
    assert "max-age=34560000" in device.lower()
    stranger.load("/study")
    stranger.post("/api/sign-out")
    attackers = [browser() for _ in range(12)]  # from the same address, as behind one router
    codes = [_sign_in(one, "Ada", "wrong").status_code for one in attackers]
    assert codes[-1] == 429
    assert _sign_in(browser()).status_code == 429
    assert _sign_in(stranger).status_code == 200
    # The cookie itself is worth ten guesses and no more, and nothing for another name.
    codes = [_sign_in(stranger, "Ada", "wrong").status_code for _ in range(12)]
    assert codes == [401] * 10 + [429] * 2
    assert _sign_in(stranger, "Bea", "wrong").status_code == 429


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"{}",
        b'{"name": 1, "password": []}',
        b'{"name": "a", "password": "b", "role": "owner"}',
        b'{"name": "' + b"x" * 400 + b'", "password": "b"}',
        b"\xff\xfe",
    ],
)
def test_odd_requests_are_refused_without_an_echo(stranger: Browser, body: bytes) -> None:
    answer = stranger.post("/api/sign-in", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["error"] == "invalid"
    assert "xxxx" not in answer.text


def test_forms_of_other_sites_cannot_sign_anybody_in(ada: Account, stranger: Browser) -> None:
    """A form may send text/plain without asking first; only JSON is read."""
    body = b'{"name": "Ada", "password": "' + PASSWORD.encode() + b'"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = stranger.post("/api/sign-in", content=body, headers={"Content-Type": kind})
        assert answer.status_code == 422
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        assert _sign_in(stranger, headers=headers).status_code == 403
    assert (
        _sign_in(stranger, headers={"Origin": "http://127.0.0.1:8765", "Sec-Fetch-Site": "same-origin"}).status_code == 200
    )


def test_a_volunteers_link(studio: Studio, stranger: Browser) -> None:
    with studio.database.writing() as db:
        _, link = people.invite(db, actor="test")
        token = studio.access.token(link)
    answer = stranger.get(f"/enter/{token}", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/me"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert stranger.get("/", follow_redirects=False).headers["location"] == "/me"


def test_links_that_are_over_or_wrong_open_nothing(studio: Studio, stranger: Browser) -> None:
    with studio.database.writing() as db:
        person, link = people.invite(db, actor="test")
        token = studio.access.token(link)
        new_link(db, person)
    for wrong, status in ((token, 410), (token[:-2], 403), ("x", 403), ("%00", 403), ("..%2f..%2fstudy", 404)):
        answer = stranger.get(f"/enter/{wrong}", follow_redirects=False)
        assert answer.status_code == status
        assert "set-cookie" not in answer.headers
    assert stranger.get("/me", follow_redirects=False).status_code in {303, 404}


def test_links_cannot_be_tried_in_bulk(stranger: Browser) -> None:
    codes = [stranger.get(f"/enter/guess{number}", follow_redirects=False).status_code for number in range(32)]
    assert codes == [403] * 30 + [429] * 2


def test_an_owners_link_sets_a_password_once(studio: Studio, stranger: Browser, browser: Callable[[], Browser]) -> None:
    with studio.database.writing() as db:
        owner = accounts.owner_in_waiting(db)
        assert owner is not None
        token = studio.access.token(new_link(db, owner))
    for _ in range(2):  # a mail program that looks at it does not use it up
        assert stranger.get(f"/enter/{token}").status_code == 200
    assert not stranger.cookies
    sent = {"token": token, "name": "Ada", "password": "short"}
    assert stranger.post("/api/owner-link", json=sent).json()["error"] == "password_weak"
    sent["password"] = PASSWORD
    assert stranger.post("/api/owner-link", json=sent).json() == {"to": "/study"}
    assert stranger.get("/study").status_code == 200
    other = browser()
    assert other.post("/api/owner-link", json=sent).status_code == 410
    assert other.get(f"/enter/{token}").status_code == 410
    assert _sign_in(other).status_code == 200


def test_an_owners_link_is_over_after_an_hour(studio: Studio, stranger: Browser) -> None:
    with studio.database.writing() as db:
        owner = accounts.owner_in_waiting(db)
        assert owner is not None
        link = new_link(db, owner)
        token = studio.access.token(link)
        link.expires_at = now()
    answer = stranger.post("/api/owner-link", json={"token": token, "name": "Ada", "password": PASSWORD})
    assert answer.status_code == 410


def test_other_links_set_no_password(studio: Studio, stranger: Browser) -> None:
    with studio.database.writing() as db:
        person, link = people.invite(db, actor="test")
        rater = accounts.create(db, "Rosa", Role.RATER, actor="test")
        tokens = [studio.access.token(link), studio.access.token(new_link(db, rater))]
    for token in tokens:
        answer = stranger.post("/api/owner-link", json={"token": token, "name": "Eve", "password": PASSWORD})
        assert answer.status_code == 403
    with studio.database.reading() as db:
        assert db.get_one(Account, rater.id).password is None
        assert db.get_one(Person, person.id).name == ""


def test_a_rater_comes_by_link_and_may_choose_a_password(
    studio: Studio, stranger: Browser, browser: Callable[[], Browser]
) -> None:
    with studio.database.writing() as db:
        rater = accounts.create(db, "Rosa", Role.RATER, actor="test")
        token = studio.access.token(new_link(db, rater))
    assert stranger.enter(token) == "/rate"
    stranger.load("/account")
    assert stranger.post("/api/password", json={"old": "", "new": PASSWORD}).json() == {"done": True}
    assert stranger.get("/account").status_code == 200  # this session goes on
    assert _sign_in(browser(), "rosa").json() == {"to": "/rate"}
    assert stranger.post("/api/password", json={"old": "wrong", "new": "another good one"}).status_code == 403
    assert browser().enter(token) == "/rate"  # a rater's link goes on, too


def test_changing_a_password_ends_the_other_sessions(ada: Account, browser: Callable[[], Browser], studio: Studio) -> None:
    here, elsewhere = browser(), browser()
    for one in (here, elsewhere):
        assert _sign_in(one).status_code == 200
    here.load("/account")
    assert here.post("/api/password", json={"old": PASSWORD, "new": "another good one"}).status_code == 200
    assert here.get("/study").status_code == 200
    assert elsewhere.get("/study", follow_redirects=False).status_code == 303
    assert _sign_in(elsewhere).status_code == 401
    with studio.database.reading() as db:
        entries = db.scalars(sa.select(AuditEntry).where(AuditEntry.action == "account.password_set")).all()
    assert [entry.actor for entry in entries] == ["test", f"owner:{ada.id}"]
    assert all(PASSWORD not in str(entry.detail) for entry in entries)


def test_guessing_the_old_password_is_slowed_down(rater: Browser) -> None:
    codes = [rater.post("/api/password", json={"old": f"guess {n}", "new": PASSWORD}).status_code for n in range(12)]
    assert codes == [403] * 10 + [429] * 2


def test_volunteers_have_no_password(volunteer: Browser) -> None:
    assert volunteer.post("/api/password", json={"old": "", "new": PASSWORD}).status_code == 403
    assert volunteer.get("/account").status_code == 403


def test_a_hash_of_older_costs_is_renewed(ada: Account, stranger: Browser, studio: Studio) -> None:
    import argon2

    old = argon2.PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    with studio.database.writing() as db:
        db.get_one(Account, ada.id).password = old
    assert _sign_in(stranger).status_code == 200
    with studio.database.reading() as db:
        renewed = db.get_one(Account, ada.id).password
    assert renewed is not None
    assert renewed != old
    assert not studio.passwords.outdated(renewed)
    assert _sign_in(stranger).status_code == 200
