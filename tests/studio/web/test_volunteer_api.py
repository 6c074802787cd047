"""What a volunteer's page asks for, and that nobody gets at another's recordings."""

from __future__ import annotations

import hashlib
import io
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sqlalchemy as sa
from filming import faces
from PIL import Image

from facefatigue.studio import audit, erasure, people
from facefatigue.studio.checking import Examination, Finding, queue
from facefatigue.studio.database.tables import Assignment, Check, Consent, Person, Purpose, Recording, Role, State, now
from facefatigue.studio.sealed import SEGMENT_BYTES
from facefatigue.studio.vault import Vault
from facefatigue.studio.web.app import create_app
from facefatigue.studio.web.media import byte_range

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefatigue.studio.settings import StudioSettings
    from facefatigue.studio.web.security import Studio

VIDEO = os.urandom(3 * SEGMENT_BYTES + 77)


@pytest.fixture(params=[None, bytes(range(32))], ids=["plain", "encrypted"])
def app(request: Any, studio_settings: StudioSettings, database: Any, cheap_passwords: Any) -> Any:
    vault = Vault(studio_settings.vault_folder, request.param)
    return create_app(studio_settings, database, vault, passwords=cheap_passwords)


@pytest.fixture
def signed(studio: Studio, volunteer: Any) -> Any:
    """A volunteer who has signed."""
    with studio.database.writing() as db:
        text = people.write_text(db, "Consent", "You may withdraw.", actor="test")
    answer = volunteer.post(
        "/api/me/consent", json={"text_id": text.id, "name": "Anna", "drawing": [[[0.1, 0.2], [0.3, 0.4]]]}
    )
    assert answer.status_code == 200, answer.text
    return volunteer


def announce(browser: Any, video: bytes = VIDEO, **more: Any) -> Any:
    body = {"size": len(video), "sha256": hashlib.sha256(video).hexdigest(), "media_type": "video/webm"}
    return browser.post("/api/me/recordings", json=body | more)


def append(browser: Any, recording_id: str, offset: int, chunk: bytes, digest: str = "") -> Any:
    headers = {
        "Upload-Offset": str(offset),
        "X-Chunk-SHA256": digest or hashlib.sha256(chunk).hexdigest(),
        "Content-Type": "application/octet-stream",
    }
    return browser.put(f"/api/me/recordings/{recording_id}/bytes", content=chunk, headers=headers)


def send(browser: Any, video: bytes = VIDEO) -> str:
    recording_id = str(announce(browser, video).json()["id"])
    for offset in range(0, len(video), 100_000):
        assert append(browser, recording_id, offset, video[offset : offset + 100_000]).status_code == 200
    answer = browser.post(f"/api/me/recordings/{recording_id}/finish")
    assert answer.json() == {"id": recording_id, "state": "checking"}
    return recording_id


def test_from_consent_to_the_check_s_answer(studio: Studio, signed: Any) -> None:
    answers = {"kss": 6, "self_fatigue": 3.5, "slept_h": 6.5, "awake_h": 9, "caffeine": 1, "scenario_id": 1}
    begun = announce(signed, **answers)
    assert begun.status_code == 200, begun.text
    assert begun.json()["offset"] == 0
    recording_id = send(signed)
    assert recording_id == begun.json()["id"]
    shown = signed.get(f"/api/me/recordings/{recording_id}").json()
    assert (shown["state"], shown["scenario"], shown["offset"]) == ("checking", "Waking up", len(VIDEO))
    with studio.database.writing() as db:
        finding = Finding(name="light", level="refused", value=0.03)
        queue.record(db, recording_id, Examination(findings=(finding,), duration_s=9.5, media_type="video/webm"))
    shown = signed.get("/api/me").json()["recordings"]
    assert [(one["id"], one["state"], one["duration_s"]) for one in shown] == [(recording_id, "refused", 9.5)]
    assert shown[0]["findings"] == [finding.to_dict()]
    with studio.database.reading() as db:
        row = db.get_one(Recording, recording_id)
        assert (row.kss, row.self_fatigue, row.slept_h, row.awake_h, row.caffeine) == (6, 3.5, 6.5, 9, 1)
        assert audit.broken(db) == []


def test_the_page_tells_what_the_script_needs(signed: Any) -> None:
    html = signed.get("/me").text
    assert "You may withdraw." in html
    assert '"signed": true' in html
    for attack in ("onclick=", "style=", "<script>"):
        assert attack not in html


def test_without_a_signature_nothing_is_taken(studio: Studio, volunteer: Any) -> None:
    with studio.database.writing() as db:
        people.write_text(db, "Consent", "Text", actor="test")
    assert volunteer.get("/me").status_code == 200
    answer = announce(volunteer)
    assert (answer.status_code, answer.json()["error"]) == (403, "no_consent")


def test_a_broken_connection_is_taken_up_where_it_broke(signed: Any) -> None:
    recording_id = announce(signed).json()["id"]
    append(signed, recording_id, 0, VIDEO[:5000])
    assert announce(signed).json() == {"id": recording_id, "state": "uploading", "offset": 5000}
    wrong = append(signed, recording_id, 0, VIDEO[:5000])
    assert (wrong.status_code, wrong.json()["detail"]) == (409, {"offset": 5000})
    damaged = append(signed, recording_id, 5000, VIDEO[5000:6000], digest="0" * 64)
    assert (damaged.status_code, damaged.json()["error"]) == (422, "chunk_damaged")
    early = signed.post(f"/api/me/recordings/{recording_id}/finish")
    assert (early.status_code, early.json()["detail"]) == (409, {"offset": 5000})
    assert append(signed, recording_id, 5000, bytes((4 << 20) + 1)).status_code == 413
    assert append(signed, recording_id, 5000, VIDEO[5000:]).json() == {"offset": len(VIDEO)}
    for _ in range(2):  # the answer was lost: asked again
        assert signed.post(f"/api/me/recordings/{recording_id}/finish").json()["state"] == "checking"
    assert append(signed, recording_id, len(VIDEO), b"x").json()["error"] == "already_complete"
    assert announce(signed).json()["state"] == "checking"


@pytest.mark.parametrize(
    "body", [{}, {"size": "x"}, {"size": 1, "sha256": "0" * 64}, {"size": 1, "sha256": 5, "media_type": 1}]
)
def test_requests_of_another_form_are_refused(signed: Any, body: dict[str, Any]) -> None:
    assert signed.post("/api/me/recordings", json=body).status_code == 422


def test_chunks_need_their_headers(signed: Any) -> None:
    path = f"/api/me/recordings/{announce(signed).json()['id']}/bytes"
    for headers in ({}, {"Upload-Offset": "-1", "X-Chunk-SHA256": "0"}, {"Upload-Offset": "0"}):
        answer = signed.put(path, content=b"x", headers={"Content-Type": "application/octet-stream"} | headers)
        assert answer.status_code == 422


def test_others_see_nothing(signed: Any, sign_in: Callable[..., Any], stranger: Any, owner: Any, rater: Any) -> None:
    recording_id = send(signed)
    other = sign_in(Role.VOLUNTEER)
    for path in (f"/api/me/recordings/{recording_id}", f"/media/{recording_id}", f"/media/{recording_id}/still"):
        assert other.get(path).status_code == 404
        assert stranger.get(path).status_code == 401
    assert other.post(f"/api/me/recordings/{recording_id}/retake").status_code == 404
    assert other.post(f"/api/me/recordings/{recording_id}/finish").status_code == 404
    assert append(other, recording_id, 0, b"x").status_code == 404
    assert rater.get(f"/media/{recording_id}").status_code == 404
    assert owner.get(f"/media/{recording_id}").content == VIDEO
    assert signed.get(f"/media/{recording_id}").content == VIDEO
    for bad in ("%2e%2e", "0" * 32, "%2e%2e%2fsecret", recording_id.upper()):
        assert owner.get(f"/media/{bad}").status_code in {404, 307}


def test_raters_see_what_is_assigned_to_them_and_never_its_id(
    studio: Studio, signed: Any, sign_in: Callable[..., Any]
) -> None:
    recording_id = send(signed)
    rater, other = sign_in(Role.RATER), sign_in(Role.RATER)
    with studio.database.writing() as db:
        db.get_one(Recording, recording_id).state = State.ACCEPTED
        row = Assignment(account_id=rater.account_id, recording_id=recording_id, purpose=Purpose.MAIN, position=0.5)
        row.shown_at = now()
        db.add(row)
        db.flush()
        number = row.id
    answer = rater.get(f"/media/a/{number}", headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (206, VIDEO[:10])
    assert recording_id not in str(answer.headers)
    assert other.get(f"/media/a/{number}").status_code == 404
    assert signed.get(f"/media/a/{number}").status_code == 403
    assert rater.get("/media/a/99999").status_code == 404


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (0, 1),
        (0, len(VIDEO)),
        (SEGMENT_BYTES - 1, SEGMENT_BYTES + 1),
        (SEGMENT_BYTES, 2 * SEGMENT_BYTES),
        (len(VIDEO) - 1, len(VIDEO)),
    ],
)
def test_parts(signed: Any, start: int, end: int) -> None:
    recording_id = send(signed)
    answer = signed.get(f"/media/{recording_id}", headers={"Range": f"bytes={start}-{end - 1}"})
    assert answer.status_code == 206
    assert answer.content == VIDEO[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(VIDEO)}"
    assert answer.headers["content-type"] == "video/webm"
    assert answer.headers["cache-control"] == "no-store"


def test_a_part_behind_the_end(signed: Any) -> None:
    answer = signed.get(f"/media/{send(signed)}", headers={"Range": f"bytes={len(VIDEO)}-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(VIDEO)}"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-", (0, 100)),
        ("bytes=10-19", (10, 20)),
        ("bytes=90-200", (90, 100)),
        ("bytes=-30", (70, 100)),
        ("bytes=-300", (0, 100)),
        ("bytes=100-", (100, 100)),
        ("bytes=-0", (100, 100)),
        ("bytes=20-10", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-1", None),
        ("bytes=a-b", None),
        ("bytes=0-" + "9" * 5000, None),
    ],
)
def test_range_headers(header: str, expected: tuple[int, int] | None) -> None:
    assert byte_range(header, 100) == expected


def test_a_retake_deletes_the_video(studio: Studio, signed: Any) -> None:
    recording_id = send(signed)
    studio.vault.put_extra(recording_id, "still.jpg", b"a picture")
    assert signed.get(f"/media/{recording_id}/still").content == b"a picture"
    assert signed.post(f"/api/me/recordings/{recording_id}/retake").status_code == 200
    assert studio.vault.files(recording_id) == []
    assert signed.get("/api/me").json()["recordings"] == []
    assert signed.get(f"/media/{recording_id}").status_code == 404
    unfinished = announce(signed, b"other").json()["id"]
    append(signed, unfinished, 0, b"ot")
    assert signed.post(f"/api/me/recordings/{unfinished}/retake").status_code == 200
    assert studio.uploads.partial.names() == set()


def test_what_was_rated_stays_until_all_is_withdrawn(studio: Studio, signed: Any) -> None:
    recording_id = send(signed)
    with studio.database.writing() as db:
        db.get_one(Recording, recording_id).rated_times = 1
    answer = signed.post(f"/api/me/recordings/{recording_id}/retake")
    assert (answer.status_code, answer.json()["error"]) == (409, "recording_in_use")


def test_withdrawing_deletes_everything(studio: Studio, signed: Any, tmp_path: Path) -> None:
    finished, unfinished = send(signed), announce(signed, b"still on its way").json()["id"]
    append(signed, unfinished, 0, b"still")
    studio.vault.put_extra(finished, "still.jpg", b"a picture")
    code = signed.get("/api/me").json()["code"]
    assert signed.post("/api/me/withdraw", json={"confirm": "P-WRONG"}).status_code == 422
    assert studio.vault.has(finished)
    assert signed.post("/api/me/withdraw", json={"confirm": f" {code.lower()} "}).json() == {"withdrawn": True}
    assert [path for path in tmp_path.rglob("*") if finished in path.name or unfinished in path.name] == []
    with studio.database.reading() as db:
        assert db.scalars(sa.select(Recording)).all() == []
        assert db.scalars(sa.select(Check)).all() == []
        consent = db.scalars(sa.select(Consent)).one()
        assert (consent.signed_name, consent.drawing, consent.withdrawn_at is None) == ("", None, False)
        assert db.get_one(Person, signed.person_id).withdrawn_at is not None
    assert signed.get("/api/me").status_code == 401


def test_a_damaged_file_is_told_as_such(studio: Studio, signed: Any, caplog: pytest.LogCaptureFixture) -> None:
    recording_id = send(signed)
    studio.vault.put_extra(recording_id, "still.jpg", b"a face")
    if studio.vault.key is None:
        pytest.skip("nobody notices while it is read; see verify")
    for path in studio.vault.files(recording_id):
        path.write_bytes(path.read_bytes()[:-1])
    for path in (f"/media/{recording_id}", f"/media/{recording_id}/still"):
        answer = signed.get(path)
        assert (answer.status_code, answer.json()["error"]) == (410, "video_broken")
    assert recording_id in caplog.text
    assert "Traceback" not in caplog.text


def test_nobody_sees_the_picture_of_what_was_withdrawn(studio: Studio, signed: Any, owner: Any) -> None:
    recording_id = send(signed)
    studio.vault.put_extra(recording_id, "still.jpg", b"a face")
    assert owner.get(f"/media/{recording_id}/still").status_code == 200
    with studio.database.writing() as db:  # the files are not deleted yet
        people.withdraw(db, db.get_one(Person, signed.person_id), actor="test")
    assert owner.get(f"/media/{recording_id}/still").status_code == 404
    assert owner.get(f"/media/{recording_id}").status_code == 404


def test_a_chunk_that_comes_while_all_is_withdrawn_leaves_nothing(
    studio: Studio, signed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording_id = announce(signed).json()["id"]
    append_there = studio.uploads.append

    def withdrawn_before(*arguments: Any) -> int:
        with studio.database.writing() as db:
            people.withdraw(db, db.get_one(Person, signed.person_id), actor="test")
        erasure.erase(studio.database, studio.delete_files)
        return append_there(*arguments)

    monkeypatch.setattr(studio.uploads, "append", withdrawn_before)
    assert append(signed, recording_id, 0, VIDEO[:1000]).status_code == 404
    assert studio.uploads.partial.names() == set()


def test_a_video_is_not_served_before_it_is_whole(signed: Any) -> None:
    recording_id = announce(signed).json()["id"]
    append(signed, recording_id, 0, VIDEO[:1000])
    assert signed.get(f"/media/{recording_id}").status_code == 404


def test_a_recording_whose_file_is_gone_is_not_found(studio: Studio, signed: Any) -> None:
    recording_id = send(signed)
    studio.vault.delete(recording_id)
    assert signed.get(f"/media/{recording_id}").status_code == 404
    studio.vault.put(recording_id, io.BytesIO(VIDEO))
    with studio.database.writing() as db:
        db.get_one(Recording, recording_id).state = State.ACCEPTED
    assert signed.get(f"/media/{recording_id}").content == VIDEO


def framing(browser: Any, rgb: Any, **more: Any) -> Any:
    height, width = rgb.shape[:2]
    sides = {"width": width, "height": height} | more
    headers = {"Content-Type": "application/octet-stream"}
    return browser.post("/api/me/framing", params=sides, content=rgb.tobytes(), headers=headers)


def small(picture: Any) -> Any:
    """As the page sends it: the shorter side has 120 pixels."""
    scale = 120 / min(picture.shape[:2])
    return np.asarray(Image.fromarray(picture).resize((round(picture.shape[1] * scale), 120)))


def test_the_guide_says_how_the_face_is_placed(signed: Any) -> None:
    whole = small(faces()[0])
    width = whole.shape[1]
    far = np.zeros_like(whole)
    far[:48, : width * 2 // 5] = np.asarray(Image.fromarray(whole).resize((width * 2 // 5, 48)))
    pictures = {
        "good": whole,
        "none": whole // 16,
        "middle": np.roll(whole, width // 2 - 20, axis=1),
        "closer": np.roll(far, (36, width * 3 // 10), axis=(0, 1)),
        "many": np.concatenate([whole, whole], axis=1),
    }
    found = {name: framing(signed, np.ascontiguousarray(picture)).json()["face"] for name, picture in pictures.items()}
    assert found == {name: name for name in pictures}


def test_the_guide_looks_at_nobody_unasked_and_at_no_other_data(signed: Any, sign_in: Callable[..., Any]) -> None:
    picture = small(faces()[0])
    assert framing(sign_in(Role.VOLUNTEER), picture).status_code == 403
    assert framing(sign_in(Role.RATER), picture).status_code == 403
    for sides in ({"width": 100}, {"width": 63}, {"height": 321}, {"width": -1}):
        assert framing(signed, picture, **sides).status_code == 422
    assert framing(signed, np.zeros((0, 160, 3), np.uint8), height=120).status_code == 422
