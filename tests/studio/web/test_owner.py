"""The owner's pages and what they change, over HTTP."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from facefatigue.studio import audit, people, study
from facefatigue.studio.database.tables import (
    Account,
    AuditEntry,
    Check,
    Consent,
    Person,
    Playback,
    Purpose,
    Rating,
    Recording,
    Scenario,
    State,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.studio.web.security import Studio

    Browser = Any  # of conftest

EVIL = '<script>alert("x")</script>'


@pytest.fixture
def recording(studio: Studio, owner: Browser) -> str:
    """An accepted recording with a check and a rating by the owner's account, all texts of it hostile."""
    with studio.database.writing() as db:
        person, _ = people.invite(db, EVIL, actor="test")
        text = people.write_text(db, EVIL, EVIL, actor="test")
        consent = people.sign(db, person, text.id, EVIL, [[[0.1, 0.2], [0.3, 0.4]]])
        one = Recording(
            person_id=person.id,
            consent_id=consent.id,
            scenario_id=db.scalars(sa.select(Scenario.id).limit(1)).one(),
            state=State.ACCEPTED,
            size_bytes=1000,
            sha256="0" * 64,
            media_type=EVIL[:60],
            duration_s=12.0,
            kss=7,
        )
        db.add(one)
        db.flush()
        finding = {"name": EVIL, "level": "warning", "value": 0.5}
        db.add(Check(recording_id=one.id, findings=[finding, {"name": "light", "level": "good", "value": None}]))
        db.add(
            Rating(
                account_id=owner.account_id, recording_id=one.id, purpose=Purpose.MAIN, value=3.5, confidence=2, note=EVIL
            )
        )
    return one.id


def _code(studio: Studio) -> str:
    with studio.database.reading() as db:
        return db.scalars(sa.select(Person.code).order_by(Person.id.desc()).limit(1)).one()


def test_every_page_is_there_and_shows_hostile_texts_as_texts(studio: Studio, owner: Browser, recording: str) -> None:
    owner.post(f"/api/study/recordings/{recording}/remarks", json={"text": EVIL})
    owner.post(f"/api/study/recordings/{recording}/training", json={"value": 3.5, "note": EVIL})
    owner.post("/api/study/settings", json={"name": EVIL, "contact": EVIL, "prompt": EVIL})
    owner.post("/api/study/accounts", json={"name": EVIL, "role": "rater"})
    pages = ["", "/people", f"/people/{_code(studio)}", "/recordings", f"/recordings/{recording}", "/team", "/consent"]
    pages += ["/settings", "/log", f"/people?search={EVIL}", f"/recordings?person={EVIL}", f"/log?subject={EVIL}&action=x"]
    for path in pages:
        answer = owner.get(f"/study{path}")
        assert answer.status_code == 200, path
        assert EVIL not in answer.text, path
        assert 'aria-current="page"' in answer.text, path
        # Nothing inline, which the content security policy would not let run, and no text without words.
        assert not re.search(r"<[^>]+\s(style|on\w+)=", answer.text), path
        assert not re.search(r"<script(?![^>]* (src|type=\"application/json\"))", answer.text), path
        assert not re.search(r">\s*owner\.[a-z_.]+\s*<", answer.text), path
    assert html.escape(EVIL, quote=False).replace('"', "&#34;") in owner.get("/study/settings").text


def test_pages_of_what_is_not_there(owner: Browser) -> None:
    for path in (
        "/people/P-00000",
        f"/recordings/{'0' * 32}",
        "/recordings/../../etc/passwd",
        "/recordings/%00",
        "/nothing",
    ):
        answer = owner.get(f"/study{path}")
        assert answer.status_code in {404, 422}, path
        assert "Traceback" not in answer.text
    assert owner.get("/study/people?at=nonsense").status_code == 422
    odd = [
        "scenario=x",
        "scenario=99999999999999999999",
        "spread=x",
        "state=x",
        "rated=x",
        "training=x",
        "person=%25",
        "person=%00",
    ]
    for query in odd:
        assert owner.get(f"/study/recordings?{query}").status_code in {200, 422}, query
    assert owner.get(f"/study/people?search={'x' * 300}").status_code == 422


def test_volunteers_are_invited_and_their_links_work(studio: Studio, owner: Browser, browser: Callable[[], Browser]) -> None:
    made = owner.post("/api/study/people", json={"names": ["Ada", ""]}).json()["people"]
    assert [one["name"] for one in made] == ["Ada", ""]
    assert all(one["link"].startswith("http://127.0.0.1:8765/enter/") for one in made)
    token = made[0]["link"].rsplit("/", 1)[1]
    assert browser().enter(token) == "/me"
    page = html.unescape(owner.get("/study/people").text)
    assert all(one["link"] in page for one in made)
    new = owner.post(f"/api/study/people/{made[0]['code']}/link").json()["link"]
    assert new != made[0]["link"]
    assert browser().get(f"/enter/{token}").status_code == 410
    assert owner.post(f"/api/study/people/{made[0]['code']}/unlink").json() == {"done": True}
    assert browser().get(f"/enter/{new.rsplit('/', 1)[1]}").status_code == 410
    assert owner.post("/api/study/people", json={"names": []}).status_code == 422
    assert owner.post("/api/study/people", json={"names": ["x"] * 201}).status_code == 422
    renamed = owner.post(f"/api/study/people/{made[1]['code']}/name", json={"name": " Bob "})
    assert renamed.json() == {"name": "Bob"}
    with studio.database.reading() as db:
        actions = db.scalars(sa.select(AuditEntry.action).where(AuditEntry.actor == f"owner:{owner.account_id}")).all()
        assert audit.broken(db) == []
    assert actions == ["person.invited", "person.invited", "person.linked", "person.unlinked", "person.renamed"]


def test_withdrawal_on_behalf_needs_the_code(studio: Studio, owner: Browser, recording: str, tmp_path: Any) -> None:
    import io

    studio.vault.put(recording, io.BytesIO(b"a video"))
    code = _code(studio)
    for wrong in ("", "x", "P-00000"):
        assert owner.post(f"/api/study/people/{code}/withdraw", json={"confirm": wrong}).json()["error"] == "confirm"
    assert studio.vault.has(recording)
    answer = owner.post(f"/api/study/people/{code}/withdraw", json={"confirm": code.lower()})
    assert answer.json() == {"erased": 1}
    assert not studio.vault.has(recording)
    assert b"a video" not in b"".join(path.read_bytes() for path in studio.vault.folder.rglob("*") if path.is_file())
    with studio.database.reading() as db:
        assert db.get(Recording, recording) is None
        assert db.scalars(sa.select(Consent.signed_name)).all() == [""]
    page = owner.get(f"/study/people/{code}").text
    assert "Withdrawn" in page
    assert "alert(" not in page
    for path, body in (("link", None), ("name", {"name": "x"})):
        assert owner.post(f"/api/study/people/{code}/{path}", json=body).status_code == 410


def test_raters_and_owners(studio: Studio, owner: Browser, browser: Callable[[], Browser]) -> None:
    made = owner.post("/api/study/accounts", json={"name": "Rosa", "role": "rater"}).json()
    rater = browser()
    token = made["link"].rsplit("/", 1)[1]
    assert rater.enter(token) == "/rate"
    assert owner.post("/api/study/accounts", json={"name": "rosa", "role": "rater"}).json()["error"] == "name_taken"
    assert owner.post("/api/study/accounts", json={"name": "x", "role": "volunteer"}).status_code == 422
    assert owner.post("/api/study/accounts", json={"name": "x", "role": "king"}).status_code == 422
    disabled = owner.post(f"/api/study/accounts/{made['id']}/disabled", json={"disabled": True})
    assert disabled.json() == {"disabled": True}
    assert rater.get("/account", follow_redirects=False).status_code == 303
    assert browser().get(f"/enter/{token}").status_code == 410
    assert owner.post(f"/api/study/accounts/{made['id']}/link").json()["error"] == "disabled"
    owner.post(f"/api/study/accounts/{made['id']}/disabled", json={"disabled": False})
    fresh = owner.post(f"/api/study/accounts/{made['id']}/link").json()["link"]
    assert browser().enter(fresh.rsplit("/", 1)[1]) == "/rate"
    mine = owner.account_id
    assert owner.post(f"/api/study/accounts/{mine}/link").json()["error"] == "own_account"
    assert owner.post(f"/api/study/accounts/{mine}/disabled", json={"disabled": True}).json()["error"] == "last_owner"
    for number in (0, 999, 2**31, 10**30):
        assert owner.post(f"/api/study/accounts/{number}/link").status_code == 404
    second = owner.post("/api/study/accounts", json={"name": "Bea", "role": "owner"}).json()
    password = {"token": second["link"].rsplit("/", 1)[1], "name": "Bea", "password": "correct horse battery"}
    other = browser()
    assert other.post("/api/owner-link", json=password).status_code == 200
    with studio.database.reading() as db:
        assert db.get_one(Account, second["id"]).password is not None


def test_settings_scenarios_and_consent(studio: Studio, owner: Browser) -> None:
    assert owner.post("/api/study/settings", json={"longest_s": 30, "ask_kss": False}).json()["longest_s"] == 30
    odd: list[dict[str, Any]] = [
        {"longest_s": 1},
        {"longest_s": "x"},
        {"name": None},
        {"name": "a\0b"},
        {"vault_id": "x"},
        {"raters_per_recording": 1e9},
        {"repeat_share": 1},
    ]
    for body in odd:
        assert owner.post("/api/study/settings", json=body).status_code == 422, body
    assert (
        owner.post(
            "/api/study/settings", content=b'{"name": "\\ud800"}', headers={"Content-Type": "application/json"}
        ).status_code
        == 422
    )
    with studio.database.reading() as db:
        settings = study.read(db)
        ids = {row.name: row.id for row in db.scalars(sa.select(Scenario))}
    assert (settings.longest_s, settings.ask_kss, settings.name) == (30.0, False, "Fatigue study")
    entries = [{"id": ids["Working"], "name": "At work"}, {"id": None, "name": "On the train"}]
    assert owner.post("/api/study/scenarios", json={"scenarios": entries}).json() == {"done": True}
    page = owner.get("/study/settings").text
    assert page.index("At work") < page.index("On the train")
    assert "Lunch break" not in page
    assert owner.post("/api/study/scenarios", json={"scenarios": []}).status_code == 422
    assert "Whom to ask" in owner.get("/study/consent").text  # the template
    assert owner.post("/api/study/consent", json={"title": "A", "body": "First"}).json() == {"version": 1}
    assert owner.post("/api/study/consent", json={"title": "A", "body": "Second"}).json() == {"version": 2}
    assert owner.post("/api/study/consent", json={"title": "", "body": "x"}).status_code == 422
    page = owner.get("/study/consent").text
    assert page.index("Version 2") < page.index("Version 1")


def test_a_recording_is_decided_on(studio: Studio, owner: Browser, recording: str) -> None:
    base = f"/api/study/recordings/{recording}"
    assert owner.post(f"{base}/accept").json()["error"] == "state"
    assert owner.post(f"{base}/refuse").json() == {"done": True}
    assert owner.post(f"{base}/training", json={"value": 3, "note": ""}).json()["error"] == "state"
    assert owner.post(f"{base}/accept").json() == {"done": True}
    for body in ({"value": 3.3}, {"value": 0}, {"value": "NaN"}, {"value": True, "other": 1}, {}):
        assert owner.post(f"{base}/training", json=body).status_code == 422, body
    assert owner.post(f"{base}/training", json={"value": 2.5, "note": "Blinks slowly."}).json() == {"done": True}
    page = owner.get(f"/study/recordings/{recording}").text
    assert "Blinks slowly." in page
    assert "Mean 3.50, label 0.625" in page
    assert "Accepted recording" in page  # its history
    assert owner.post(f"/api/study/recordings/{'0' * 32}/accept").status_code == 404
    with studio.database.reading() as db:
        assert db.get_one(Recording, recording).training_value == 2.5


def test_a_recording_s_page_tells_what_it_is_shown_as_and_who_sent_the_same(
    studio: Studio, owner: Browser, recording: str
) -> None:
    with studio.database.writing() as db:
        one = db.get_one(Recording, recording)
        one.playback = Playback.WAITING
        person, _ = people.invite(db, "", actor="test")
        twin = Recording(
            person_id=person.id, consent_id=one.consent_id, state=State.REFUSED, size_bytes=one.size_bytes, sha256=one.sha256
        )
        db.add(twin)
        db.flush()
        twin_id, code = twin.id, person.code
    page = owner.get(f"/study/recordings/{recording}").text
    assert "A copy that they play is being made" in page
    assert f'<a href="/study/recordings/{twin_id}">Sent by {code}, too</a>' in page


def test_a_recording_is_checked_again(studio: Studio, owner: Browser, rater: Browser, recording: str) -> None:
    base = f"/api/study/recordings/{recording}"
    assert rater.post(f"{base}/check").status_code == 403
    assert owner.post(f"{base}/check").json() == {"done": True}
    with studio.database.writing() as db:
        one = db.get_one(Recording, recording)
        assert (one.state, one.check.done_at, one.check.attempts) == (State.CHECKING, None, 0)
    answer = owner.post(f"{base}/check")  # it waits already
    assert (answer.status_code, answer.json()["error"]) == (409, "state")
    assert owner.post(f"/api/study/recordings/{'0' * 32}/check").status_code == 404
    assert "Had recording checked again" in owner.get(f"/study/recordings/{recording}").text
    with studio.database.writing() as db:
        db.get_one(Recording, recording).state = State.RETAKEN
    assert owner.post(f"{base}/check").status_code == 409


def test_a_broken_log_is_told(studio: Studio, owner: Browser) -> None:
    owner.post("/api/study/people", json={"names": ["", ""]})
    whole = owner.post("/api/study/log/check").json()
    assert whole["broken"] == []
    assert whole["entries"] >= 3
    with studio.database.writing() as db:
        entry = db.scalars(sa.select(AuditEntry).order_by(AuditEntry.id).offset(1).limit(1)).one()
        entry.actor = "nobody"
    assert owner.post("/api/study/log/check").json()["broken"] == [entry.id]
