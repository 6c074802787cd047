"""What a rater's browser gets and may do."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from facefatigue.studio.database.tables import Account, Assignment, Choice, Playback, Purpose, Rating, Recording, Role, now

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_rater_rates_to_the_end(rater: Any, rows: Any, studio: Any) -> None:
    rows.recordings(2, training=[2.0, 4.0])
    ids = rows.recordings(4)
    page = rater.get("/rate")
    assert page.status_code == 200
    assert "How tired does this person look and sound?" in page.text
    step = rater.get("/api/rate/next").json()
    assert step["shown"]["kind"] == "training"
    assert step["progress"] == {"training": True, "done": 0, "total": 2, "skipped": 0}
    feedbacks = []
    while step["shown"] and step["shown"]["kind"] == "training":
        shown = step["shown"]
        assert rater.get("/api/rate/next").json()["shown"] == shown
        step = rater.post(f"/api/rate/{shown['assignment_id']}", json={"value": 3.0}).json()
        feedbacks.append(step["feedback"])
    assert sorted(entry["value"] for entry in feedbacks) == [2.0, 4.0]
    assert [entry["last"] for entry in feedbacks] == [False, True]
    seen = set()
    first = step["shown"]
    step = rater.post(f"/api/rate/{first['assignment_id']}/skip").json()
    assert step["progress"] == {"training": False, "done": 0, "total": 4, "skipped": 1}
    while step["shown"]:
        shown = step["shown"]
        seen.add(shown["assignment_id"])
        if step["ahead"]:
            assert step["ahead"]["media"] != shown["media"]
        word = {"value": 2.5, "confidence": 2, "note": " quiet voice "}
        step = rater.post(f"/api/rate/{shown['assignment_id']}", json=word).json()
        assert step["feedback"] is None
    assert len(seen) == 4
    assert step["progress"] == {"training": False, "done": 4, "total": 4, "skipped": 0}
    before = rater.post("/api/rate/back").json()["shown"]
    assert (before["value"], before["note"], before["judged"]) == (2.5, "quiet voice", True)
    rater.post(f"/api/rate/{before['assignment_id']}", json={"value": None})
    with studio.database.reading() as db:
        values = db.scalars(sa.select(Rating.value).where(Rating.recording_id.in_(ids))).all()
    assert sorted(values, key=str) == [2.5, 2.5, 2.5, None]


def test_raters_are_given_a_recording_once_their_browser_plays_it(rater: Any, rows: Any, studio: Any) -> None:
    (recording_id,) = rows.recordings(1)
    studio.vault.put(recording_id, io.BytesIO(b"of a phone"))

    def put(playback: Playback) -> None:
        with studio.database.writing() as db:
            db.get_one(Recording, recording_id).playback = playback

    shown = rater.get("/api/rate/next").json()["shown"]
    put(Playback.WAITING)  # it was checked again meanwhile
    assert rater.get(shown["media"]).status_code == 404
    step = rater.get("/api/rate/next").json()
    assert (step["shown"], step["progress"]["total"]) == (None, 0)
    studio.vault.put_extra(recording_id, "copy.webm", b"for browsers")
    put(Playback.COPY)
    shown = rater.get("/api/rate/next").json()["shown"]
    answer = rater.get(shown["media"])
    assert (answer.text, answer.headers["content-type"]) == ("for browsers", "video/webm")
    assert rater.get(shown["media"], headers={"range": "bytes=4-"}).text == "browsers"
    put(Playback.FAILED)  # the owner accepts it nevertheless
    assert rater.get(shown["media"]).text == "of a phone"


def test_the_next_one_is_the_one_that_was_loaded_ahead(rater: Any, rows: Any) -> None:
    rows.recordings(5)
    step = rater.get("/api/rate/next").json()
    while step["ahead"]:
        after = rater.post(f"/api/rate/{step['shown']['assignment_id']}", json={"value": 1}).json()
        assert after["shown"]["media"] == step["ahead"]["media"]
        step = after


def test_nothing_tells_who_is_seen_when_or_that_it_is_a_repeat(rater: Any, rows: Any, studio: Any) -> None:
    ids = rows.recordings(25)
    with studio.database.writing() as db:
        db.add(Choice(name="repeat_share", value=0.5))
    answers = [rater.get("/api/rate/next")]
    keys = set()
    while shown := answers[-1].json()["shown"]:
        keys.add(tuple(sorted(shown)))
        answers.append(rater.post(f"/api/rate/{shown['assignment_id']}", json={"value": 2}))
    with studio.database.reading() as db:
        assert db.scalar(sa.select(sa.func.count()).where(Assignment.purpose == Purpose.REPEAT).select_from(Assignment)) > 5
    assert len(keys) == 1
    text = " ".join(answer.text for answer in answers)
    assert not any(recording in text for recording in ids)
    for word in ("P-0", "off work", "repeat", "main", "rated_times"):
        assert word not in text


def test_who_may_not_rate(stranger: Any, owner: Any, volunteer: Any, rater: Any, rows: Any, studio: Any) -> None:
    rows.recordings(2)
    assert stranger.get("/api/rate/next").status_code == 401
    assert stranger.get("/rate", follow_redirects=False).headers["location"] == "/"
    for other in (owner, volunteer):
        assert other.get("/api/rate/next").status_code == 403
    shown = rater.get("/api/rate/next").json()["shown"]
    word = rater.csrf
    rater.csrf = ""
    assert rater.post(f"/api/rate/{shown['assignment_id']}", json={"value": 2}).json()["error"] == "csrf"
    rater.csrf = word
    with studio.database.writing() as db:
        db.get_one(Account, rater.account_id).disabled_at = now()
    assert rater.post(f"/api/rate/{shown['assignment_id']}", json={"value": 2}).status_code in {401, 403}
    with studio.database.reading() as db:
        assert db.scalars(sa.select(Rating)).all() == []


def test_what_is_refused_is_told(rater: Any, sign_in: Callable[..., Any], rows: Any, studio: Any) -> None:
    rows.recordings(3)
    other = sign_in(Role.RATER)
    shown = rater.get("/api/rate/next").json()["shown"]
    path = f"/api/rate/{shown['assignment_id']}"
    assert rater.post(path, json={"value": 2.2}).json()["error"] == "rating_invalid"
    assert rater.post(path, json={"value": 9}).status_code == 422
    assert rater.post(path, json={}).json()["error"] == "invalid"
    assert rater.post(path, json={"value": 2, "note": "x" * 1001}).status_code == 422
    assert rater.post(path, content=b'{"value": NaN}', headers={"content-type": "application/json"}).status_code == 422
    assert other.post(path, json={"value": 2}).json()["error"] == "assignment_gone"
    assert rater.post("/api/rate/back").json()["error"] == "nothing_before"
    with studio.database.writing() as db:
        db.execute(sa.delete(Recording))
    answer = rater.post(path, json={"value": 2})
    assert (answer.status_code, answer.json()["error"]) == (404, "assignment_gone")
    assert rater.get("/api/rate/next").json()["shown"] is None


def test_a_rater_sees_what_is_before_him_ahead_and_last_and_nothing_else(rater: Any, rows: Any, studio: Any) -> None:
    ids = rows.recordings(4)
    for recording in ids:
        studio.vault.put(recording, io.BytesIO(recording.encode()))
    first = rater.get("/api/rate/next").json()
    assert rater.get(first["shown"]["media"], headers={"range": "bytes=0-3"}).status_code == 206
    assert rater.get(first["ahead"]["media"]).text in ids
    second = rater.post(f"/api/rate/{first['shown']['assignment_id']}", json={"value": 2}).json()
    assert rater.get(first["shown"]["media"]).status_code == 200  # to go back
    rater.post(f"/api/rate/{second['shown']['assignment_id']}", json={"value": 2})
    assert rater.get(first["shown"]["media"]).status_code == 404
    for path in (f"/media/{ids[0]}", f"/media/{ids[0]}/still", "/media/a/99999"):
        assert rater.get(path).status_code in {403, 404}


def test_keys_of_the_page_have_their_texts(rater: Any) -> None:
    """Every text that the script asks for is in the page."""
    page = rater.get("/rate").text
    texts = json.loads(re.search(r'<script type="application/json" id="texts">(.*?)</script>', page)[1])
    script = rater.get("/static/rate.js").text
    for key in re.findall(r'(?:\bt|plural)\("([a-z_.]+)"', script):
        assert key in texts or f"{key}.other" in texts, key
