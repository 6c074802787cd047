"""Uploads: what was answered for is kept, whatever is killed; what is wrong is refused, and nothing is lost by it."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from uploading import CHUNK_BYTES, Browser, open_studio, sha256, signed_person

from facefatigue.errors import ConfigurationError
from facefatigue.studio import people
from facefatigue.studio.database import Database
from facefatigue.studio.database.tables import Check, Consent, ConsentText, Person, Recording, State, Upload, now
from facefatigue.studio.erasure import erase
from facefatigue.studio.partial import PartialFiles
from facefatigue.studio.refusals import Refusal
from facefatigue.studio.settings import StudioSettings
from facefatigue.studio.tidying import belong_together, tidy
from facefatigue.studio.uploads import MAX_CHUNK_BYTES, Answers, Uploads
from facefatigue.studio.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = bytes(range(32))
VIDEO = os.urandom(2 * CHUNK_BYTES + 4321)


@dataclass
class Place:
    database: Database
    vault: Vault
    uploads: Uploads
    person_id: int

    def browser(self, video: bytes = VIDEO) -> Browser:
        return Browser(self.database, self.uploads, self.person_id, video)

    def content(self, recording_id: str) -> bytes:
        with self.vault.open(recording_id) as file:
            return file.read()


@pytest.fixture(params=[None, KEY], ids=["plain", "encrypted"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    url = f"sqlite:///{tmp_path / 'studio.sqlite3'}"
    database = Database(url)
    database.upgrade()
    person_id = signed_person(database)
    database.close()
    database, vault, uploads = open_studio(url, tmp_path, request.param)
    yield Place(database, vault, uploads, person_id)
    database.close()


@contextlib.contextmanager
def refused(code: str, status: int, **detail: object) -> Iterator[None]:
    with pytest.raises(Refusal) as caught:
        yield
    assert (caught.value.code, caught.value.status) == (code, status)
    assert caught.value.detail.items() >= detail.items()


def test_a_video_comes_in_and_waits_for_its_check(database: Database, tmp_path: Path) -> None:
    other, vault, uploads = open_studio(database.url, tmp_path, KEY)
    other.close()
    recording = Browser(database, uploads, signed_person(database), VIDEO).send()
    assert recording.state == State.CHECKING
    assert recording.stored_at is not None
    with vault.open(recording.id) as file:
        assert file.read() == VIDEO
    with database.reading() as db:
        check = db.get_one(Check, recording.id)
        assert (check.attempts, check.done_at) == (0, None)
        assert db.scalars(sa.select(Upload)).all() == []
    assert uploads.partial.names() == set()


def test_doing_all_again_changes_nothing(place: Place) -> None:
    first = place.browser().send()
    again = place.browser().send()
    assert again.id == first.id
    with place.database.writing() as db:
        assert place.uploads.finish(db, first.id).state == State.CHECKING
    with place.database.reading() as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(Recording)) == 1
        assert db.scalar(sa.select(sa.func.count()).select_from(Check)) == 1
    assert place.content(first.id) == VIDEO


def test_wrong_offsets_are_told_the_true_one(place: Place) -> None:
    recording = place.browser().announce()
    chunk = VIDEO[:1000]
    assert place.uploads.append(recording, 0, [chunk[:400], chunk[400:]], sha256(chunk)) == 1000
    for offset in (0, 999, 1001, 10**9):
        with refused("wrong_offset", 409, offset=1000):
            place.uploads.append(recording, offset, [chunk], sha256(chunk))
    with refused("wrong_offset", 409, offset=1000):
        place.uploads.store(recording)


def test_a_chunk_damaged_on_its_way_leaves_no_trace(place: Place) -> None:
    recording = place.browser().announce()
    with refused("chunk_damaged", 422, offset=0):
        place.uploads.append(recording, 0, [b"abc"], sha256(b"abd"))
    assert place.uploads.received(recording.id) == 0


def test_too_much_is_refused(place: Place) -> None:
    recording = place.browser().announce()
    big = bytes(MAX_CHUNK_BYTES + 1)
    with refused("chunk_too_large", 413):
        place.uploads.append(recording, 0, [big], sha256(big))
    much = bytes(len(VIDEO) + 1)
    with refused("more_than_announced", 413, offset=0):
        place.uploads.append(recording, 0, [much], sha256(much))
    with refused("video_too_large", 413), place.database.writing() as db:
        place.uploads.announce(db, place.person_id, size_bytes=1 << 40, sha256="0" * 64, media_type="video/mp4")


def test_another_video_than_announced_has_to_be_sent_again(place: Place) -> None:
    recording = place.browser().announce()
    wrong = bytes(len(VIDEO))
    place.uploads.append(recording, 0, [wrong], sha256(wrong))
    with refused("video_damaged", 422, offset=0):
        place.uploads.store(recording)
    assert not place.vault.has(recording.id)
    assert place.browser().send().id == recording.id
    assert place.content(recording.id) == VIDEO


def test_a_full_disk_refuses_and_loses_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = place.browser().announce()
    place.uploads.append(recording, 0, [VIDEO[:5000]], sha256(VIDEO[:5000]))
    full = OSError(28, "No space left on device")

    def no_room(handle: int) -> None:
        raise full

    chunk = VIDEO[5000:9000]
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_room)
        with refused("disk_full", 507):
            place.uploads.append(recording, 5000, [chunk], sha256(chunk))
    assert place.uploads.received(recording.id) == 5000
    place.uploads.append(recording, 5000, [VIDEO[5000:]], sha256(VIDEO[5000:]))

    def no_rename(self: Path, target: Path) -> None:
        raise full

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", no_rename)
        with refused("disk_full", 507):
            place.uploads.store(recording)
    assert place.browser().send().state == State.CHECKING
    assert place.content(recording.id) == VIDEO


def test_no_room_is_told_before_anything_is_sent(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with refused("disk_full", 507):
        place.browser().announce()


def test_uploads_leave_the_database_its_room(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = place.browser().announce()
    place.uploads.append(recording, 0, [VIDEO[:5000]], sha256(VIDEO[:5000]))
    usage = type("Usage", (), {"free": (256 << 20) + 100})
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: usage)  # others have filled it since it was announced
        chunk = VIDEO[5000:9000]
        with refused("disk_full", 507):
            place.uploads.append(recording, 5000, [chunk], sha256(chunk))
    assert place.uploads.received(recording.id) == 5000
    place.uploads.append(recording, 5000, [VIDEO[5000:]], sha256(VIDEO[5000:]))
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: usage)
        if place.vault.key is not None:  # it is copied
            with refused("disk_full", 507):
                place.uploads.store(recording)
        else:
            place.uploads.store(recording)
    assert place.browser().send().state == State.CHECKING
    assert place.content(recording.id) == VIDEO


def test_nobody_fills_the_disk_within_a_day(place: Place, tmp_path: Path) -> None:
    uploads = Uploads(
        StudioSettings(folder=tmp_path, most_bytes=1 << 20, most_bytes_a_day=1 << 20, most_open_uploads=9), place.vault
    )

    def announced(digit: str, size_bytes: int = 600_000) -> str:
        with place.database.writing() as db:
            return uploads.announce(db, place.person_id, size_bytes=size_bytes, sha256=digit * 64, media_type="video/mp4").id

    first = announced("1")
    assert announced("1") == first
    with refused("too_much_today", 409):
        announced("2")
    second = announced("3", 400_000)
    with place.database.writing() as db:
        db.get_one(Recording, first).state = State.RETAKEN
    announced("4")
    with refused("too_much_today", 409):
        announced("5")
    with place.database.writing() as db:
        db.get_one(Recording, second).created_at = now() - dt.timedelta(days=1)
    announced("6", 400_000)


def test_only_with_a_current_consent(place: Place) -> None:
    with place.database.writing() as db:
        db.add(ConsentText(version=2, title="Consent", body="More.", sha256="1" * 64))
    with refused("no_consent", 403):
        place.browser().announce()
    with place.database.writing() as db:
        text = db.scalars(sa.select(ConsentText).where(ConsentText.version == 2)).one()
        db.add(Consent(person_id=place.person_id, text_id=text.id, signed_name="A"))
    place.browser().announce()
    with place.database.writing() as db:
        db.get_one(Person, place.person_id).withdrawn_at = now()
    with refused("no_consent", 403):
        place.browser(b"other").announce()
    with refused("no_consent", 403), place.database.writing() as db:
        place.uploads.announce(db, 12345, size_bytes=1, sha256="0" * 64, media_type="video/mp4")


def test_only_so_many_at_once(place: Place) -> None:
    open_ones = [place.browser(os.urandom(10)).announce() for _ in range(3)]
    with refused("too_many_uploads", 409):
        place.browser().announce()
    with place.database.writing() as db:
        place.uploads.abandon(db, db.get_one(Recording, open_ones[0].id))
    recording = place.browser().announce()
    chunk = VIDEO[:10]
    place.uploads.append(recording, 0, [chunk], sha256(chunk))
    with place.database.writing() as db:
        place.uploads.abandon(db, db.get_one(Recording, recording.id))
    place.uploads.forget(recording.id)
    assert place.uploads.partial.names() == set()


@pytest.mark.parametrize(
    ("size", "digest", "kind", "code"),
    [
        (0, "0" * 64, "video/mp4", "bad_request"),
        (-5, "0" * 64, "video/mp4", "bad_request"),
        (10, "XYZ", "video/mp4", "bad_request"),
        (10, "0" * 64, "image/png", "not_a_video"),
        (10, "0" * 64, "video/../../x", "not_a_video"),
        (10, "0" * 64, "", "not_a_video"),
    ],
)
def test_announcements_that_make_no_sense(place: Place, size: int, digest: str, kind: str, code: str) -> None:
    with pytest.raises(Refusal) as caught, place.database.writing() as db:
        place.uploads.announce(db, place.person_id, size_bytes=size, sha256=digest, media_type=kind)
    assert caught.value.code == code


def test_an_unknown_scenario_is_refused(place: Place) -> None:
    with refused("bad_request", 422), place.database.writing() as db:
        place.uploads.announce(db, place.person_id, size_bytes=1, sha256="0" * 64, media_type="video/mp4", scenario_id=7)


@pytest.mark.parametrize(
    "bad", [{"kss": 0}, {"kss": 10}, {"self_fatigue": 2.3}, {"slept_h": -1}, {"awake_h": float("nan")}, {"caffeine": 51}]
)
def test_answers_out_of_range_are_refused(bad: dict[str, float]) -> None:
    with refused("bad_answer", 422, field=next(iter(bad))):
        Answers(**bad)  # type: ignore[arg-type]


def test_answers_are_kept(place: Place) -> None:
    with place.database.writing() as db:
        recording = place.uploads.announce(
            db,
            place.person_id,
            size_bytes=1,
            sha256="0" * 64,
            media_type="video/webm;codecs=vp9,opus",
            answers=Answers(kss=7, self_fatigue=3.5, slept_h=6.25, awake_h=14, caffeine=2),
        )
    assert recording.media_type == "video/webm"
    assert (recording.kss, recording.self_fatigue, recording.slept_h, recording.caffeine) == (7, 3.5, 6.25, 2)


def test_a_withdrawal_while_the_last_chunk_is_verified_wins(place: Place) -> None:
    recording = place.browser().announce()
    for start in range(0, len(VIDEO), CHUNK_BYTES):
        chunk = VIDEO[start : start + CHUNK_BYTES]
        place.uploads.append(recording, start, [chunk], sha256(chunk))
    place.uploads.store(recording)
    with place.database.writing() as db:
        db.delete(db.get_one(Recording, recording.id))
    with refused("withdrawn", 410), place.database.writing() as db:
        place.uploads.finish(db, recording.id)
    assert not place.vault.has(recording.id)


def test_two_that_send_the_same_chunk_at_once(place: Place) -> None:
    recording = place.browser().announce()
    results: list[object] = []

    def send() -> None:
        try:
            results.append(place.uploads.append(recording, 0, [VIDEO[:40_000]], sha256(VIDEO[:40_000])))
        except Refusal as refusal:
            results.append(refusal.code)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, results)) == ["40000"] + ["wrong_offset"] * 7
    assert place.browser().send().state == State.CHECKING
    assert place.content(recording.id) == VIDEO


def test_what_was_whole_is_finished_at_the_next_start(place: Place) -> None:
    recording = place.browser().announce()
    for start in range(0, len(VIDEO), CHUNK_BYTES):
        chunk = VIDEO[start : start + CHUNK_BYTES]
        place.uploads.append(recording, start, [chunk], sha256(chunk))
    assert tidy(place.database, place.vault, place.uploads).finished == 1
    with place.database.reading() as db:
        assert db.get_one(Recording, recording.id).state == State.CHECKING
    assert place.content(recording.id) == VIDEO
    assert tidy(place.database, place.vault, place.uploads).finished == 0


def test_an_upload_that_rests_for_a_week_is_given_up_and_can_be_taken_up_again(place: Place) -> None:
    recording = place.browser().announce()
    place.uploads.append(recording, 0, [VIDEO[:100]], sha256(VIDEO[:100]))
    long_ago = now() - dt.timedelta(days=8)
    with place.database.writing() as db:
        db.get_one(Upload, recording.id).touched_at = long_ago
    assert tidy(place.database, place.vault, place.uploads).given_up == 0  # bytes came just now
    os.utime(place.uploads.partial.path(recording.id), (long_ago.timestamp(),) * 2)
    assert tidy(place.database, place.vault, place.uploads).given_up == 1
    assert place.uploads.partial.names() == set()
    assert place.browser().send().id == recording.id
    assert place.content(recording.id) == VIDEO


def test_files_that_belong_to_nothing_go_but_a_video_only_after_a_week(place: Place) -> None:
    place.uploads.partial.append("0" * 32, b"nobody's")
    recording = place.browser().send()
    with place.database.writing() as db:
        db.delete(db.get_one(Recording, recording.id))
    found = tidy(place.database, place.vault, place.uploads)
    assert (found.removed, found.aside) == (1, 1)
    assert not place.vault.has(recording.id)
    assert recording.id in place.vault.aside()
    tidy(place.database, place.vault, place.uploads)
    assert recording.id in place.vault.aside()
    (aside,) = (place.vault.folder / "aside").iterdir()
    os.utime(aside, (time.time() - 8 * 86400,) * 2)
    tidy(place.database, place.vault, place.uploads)
    assert place.vault.aside() == {}


def test_a_row_that_comes_back_gets_its_video_back(place: Place) -> None:
    recording = place.browser().send()
    place.vault.set_aside(recording.id)
    assert tidy(place.database, place.vault, place.uploads).missing == 0
    assert place.content(recording.id) == VIDEO


def test_videos_that_are_missing_or_were_retaken(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    lost, retaken = place.browser().send(), place.browser(b"another").send()
    place.vault.delete(lost.id)
    with place.database.writing() as db:
        db.get_one(Recording, retaken.id).state = State.RETAKEN
    found = tidy(place.database, place.vault, place.uploads)
    assert (found.missing, found.removed) == (1, 1)
    assert not place.vault.has(retaken.id)
    assert lost.id in caplog.text


def test_many_missing_videos_are_told_in_one_line(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    ids = {place.browser(bytes([n])).send().id for n in range(7)}
    for recording_id in ids:
        place.vault.delete(recording_id)
    assert tidy(place.database, place.vault, place.uploads).missing == 7
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert line.startswith("7 recordings have no video in the vault")
    assert sum(recording_id in line for recording_id in ids) == 5
    assert line.endswith(", …")


def test_what_a_kill_left_of_a_deleted_recording_goes_at_once(place: Place) -> None:
    recording = place.browser().send()
    with place.database.writing() as db:
        people.withdraw(db, db.get_one(Person, place.person_id), actor="test")
    assert erase(place.database, place.vault.delete) == 1
    place.vault.put(recording.id, io.BytesIO(VIDEO))  # by a check or an upload that was killed before it asked for the row
    found = tidy(place.database, place.vault, place.uploads)
    assert (found.removed, found.aside) == (1, 0)
    assert place.vault.ids() == set()
    assert place.vault.aside() == {}


def test_one_upload_that_cannot_be_finished_keeps_no_other_from_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = []
    for video in (b"one", b"two"):
        recording = place.browser(video).announce()
        place.uploads.append(recording, 0, [video], sha256(video))
        ids.append(recording.id)
    store = place.uploads.store

    def failing(recording: Recording) -> None:
        if recording.id == min(ids):
            raise OSError(5, "Input/output error")
        store(recording)

    monkeypatch.setattr(place.uploads, "store", failing)
    assert tidy(place.database, place.vault, place.uploads).finished == 1


def test_a_picture_or_copy_never_outlives_its_video(place: Place) -> None:
    """A check that ends just after somebody withdrew, in a server that is killed then, leaves a face behind."""
    erased, retaken, kept = (place.browser(data).send() for data in (b"one", b"two", b"three"))
    for recording in (erased, retaken, kept):
        place.vault.delete(recording.id)
        place.vault.put_extra(recording.id, "still.jpg", b"a face")
        place.vault.put_extra(recording.id, "copy.webm", b"a face")
    with place.database.writing() as db:
        db.delete(db.get_one(Recording, erased.id))
        db.get_one(Recording, retaken.id).state = State.RETAKEN
    tidy(place.database, place.vault, place.uploads)
    assert place.vault.files(erased.id) == place.vault.files(retaken.id) == []
    assert len(place.vault.files(kept.id)) == 2  # its video is missing, and may come back from a backup


def test_another_studio_s_database_is_noticed_before_anything_is_tidied(place: Place, tmp_path: Path) -> None:
    other = Vault(tmp_path / "other", None)
    with pytest.raises(ConfigurationError, match="another folder"), place.database.writing() as db:
        belong_together(db, other)
    place.browser().send()
    empty = Database(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    empty.upgrade()
    with pytest.raises(ConfigurationError, match="knows of none"), empty.writing() as db:
        belong_together(db, place.vault)
    empty.close()


def test_encrypted_uploads_cannot_be_read_while_they_grow(tmp_path: Path) -> None:
    files = PartialFiles(tmp_path, KEY)
    plain = b"what was said into the camera, " * 100
    name = "0123456789abcdef" * 2
    for start, end in ((0, 5), (5, 21), (21, 1000), (1000, len(plain))):  # not at the cipher's blocks
        files.append(name, plain[start:end])
    assert files.size(name) == len(plain)
    assert b"camera" not in files.path(name).read_bytes()
    with files.open(name) as file:
        assert file.read() == plain


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "encrypted"])
def test_killed_at_every_single_point_it_goes_on(database: Database, tmp_path: Path, key: bytes | None) -> None:
    program = Path(__file__).with_name("uploading.py")
    arguments = [sys.executable, str(program), database.url, str(tmp_path), *([key.hex()] if key else [])]
    done = subprocess.run(arguments, check=False, capture_output=True, text=True, env=os.environ | _path())
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 20  # points at which it was killed


def _path() -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def test_postgresql_killed_in_the_middle(postgresql_server: str, tmp_path: Path) -> None:
    import psycopg

    address = postgresql_server.replace("+psycopg", "") + "/postgres"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE DATABASE killed")
        (data,) = connection.execute("SHOW data_directory").fetchone() or ("",)
        (programs,) = connection.execute("SELECT setting FROM pg_config WHERE name = 'BINDIR'").fetchone() or ("",)
    url = f"{postgresql_server}/killed"
    first = Database(url)
    first.upgrade()
    person_ids = [signed_person(first, f"P-{n}") for n in range(6)]
    first.close()
    database, vault, uploads = open_studio(url, tmp_path, KEY)
    videos = {person_id: os.urandom(4 * CHUNK_BYTES) for person_id in person_ids}
    first_chunks = threading.Semaphore(0)
    failures: list[int] = []

    def send(person_id: int) -> None:
        browser = Browser(database, uploads, person_id, videos[person_id])
        for attempt in range(200):
            try:
                browser.send(lambda _: (first_chunks.release(), time.sleep(0.05)))
            except sa.exc.DBAPIError:
                failures.append(attempt)
                time.sleep(0.1)
            else:
                return

    threads = [threading.Thread(target=send, args=(person_id,)) for person_id in person_ids]
    for thread in threads:
        thread.start()
    first_chunks.acquire()
    owner = Path(data).parent.owner() if os.geteuid() == 0 else None
    restart = [f"{programs}/pg_ctl", "-D", data, "-m", "immediate", "-w", "-l", f"{Path(data).parent}/log", "restart"]
    subprocess.run(restart, check=True, user=owner, cwd=Path(data).parent, stdout=subprocess.DEVNULL)
    for thread in threads:
        thread.join()
    assert failures, "the database was not missed by anyone"
    with database.reading() as db:
        for recording in db.scalars(sa.select(Recording)):
            assert recording.state == State.CHECKING
            with vault.open(recording.id) as file:
                assert file.read() == videos[recording.person_id]
            assert db.get(Check, recording.id) is not None
        assert db.scalar(sa.select(sa.func.count()).select_from(Recording)) == len(person_ids)
    database.close()


def test_the_limits_of_the_settings_hold(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault", None)
    uploads = Uploads(StudioSettings(folder=tmp_path, most_bytes=1 << 20), vault)
    database = Database(f"sqlite:///{tmp_path / 'studio.sqlite3'}")
    database.upgrade()
    person_id = signed_person(database)
    with refused("video_too_large", 413, most_bytes=1 << 20), database.writing() as db:
        uploads.announce(db, person_id, size_bytes=(1 << 20) + 1, sha256="0" * 64, media_type="video/mp4")
    database.close()
