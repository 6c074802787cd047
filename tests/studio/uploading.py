"""A volunteer's browser, as far as uploads go; run as a program it is killed at every single point, one after the other.

    python uploading.py DATABASE_URL FOLDER [KEY_HEX]

For n = 1, 2, … a fresh process uploads a video and kills itself at the n-th hook (before and after each fsync, rename, removal
and commit, and in the middle of each chunk); then another one starts the studio anew and goes on. Prints the number of points.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import random
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from facefatigue.studio.database import Database
from facefatigue.studio.database.tables import Check, Consent, ConsentText, Person, Recording, State, Upload
from facefatigue.studio.partial import PartialFiles
from facefatigue.studio.settings import StudioSettings
from facefatigue.studio.tidying import belong_together, tidy
from facefatigue.studio.uploads import Uploads
from facefatigue.studio.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK_BYTES = 50_000


def signed_person(database: Database, code: str = "P-1") -> int:
    """A volunteer who has signed the newest text."""
    with database.writing() as db:
        text = db.scalars(sa.select(ConsentText)).first()
        if text is None:
            text = ConsentText(version=1, title="Consent", body="I agree.", sha256="0" * 64)
        person = Person(code=code)
        person.consents.append(Consent(text=text, signed_name="A. Volunteer"))
        db.add(person)
        db.flush()
        return person.id


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Browser:
    """Sends a video as the page does: from where the server stands, chunk by chunk."""

    def __init__(self, database: Database, uploads: Uploads, person_id: int, video: bytes) -> None:
        self.database = database
        self.uploads = uploads
        self.person_id = person_id
        self.video = video

    def announce(self) -> Recording:
        with self.database.writing() as db:
            return self.uploads.announce(
                db, self.person_id, size_bytes=len(self.video), sha256=sha256(self.video), media_type="video/webm"
            )

    def send(self, answered: Callable[[int], Any] = lambda _: None) -> Recording:
        recording = self.announce()
        if recording.state == State.UPLOADING:
            offset = self.uploads.received(recording.id)
            while offset < len(self.video):
                chunk = self.video[offset : offset + CHUNK_BYTES]
                offset = self.uploads.append(recording, offset, [chunk], sha256(chunk))
                answered(offset)
        self.uploads.store(recording)
        with self.database.writing() as db:
            recording = self.uploads.finish(db, recording.id)
        self.uploads.forget(recording.id)
        return recording


def open_studio(url: str, folder: Path, key: bytes | None) -> tuple[Database, Vault, Uploads]:
    """As at the start of the server."""
    database, vault = Database(url), Vault(folder / "vault", key)
    uploads = Uploads(StudioSettings(folder=folder), vault)
    vault.clear_partial()
    with database.writing() as db:
        belong_together(db, vault)
    tidy(database, vault, uploads)
    return database, vault, uploads


class Killer:
    """Kills the process at the n-th hook."""

    def __init__(self, at: int) -> None:
        self.left = at

    def point(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(self, owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def hooked(*args: Any, **kwargs: Any) -> Any:
            self.point()
            result = real(*args, **kwargs)
            self.point()
            return result

        setattr(owner, name, hooked)

    def hook_all(self, database: Database) -> None:
        for name in ("fsync", "replace", "unlink"):
            self.hook(os, name)
        self.hook(database.engine.dialect, "do_commit")
        real_append = PartialFiles.append

        def half(files: PartialFiles, name: str, data: bytes) -> None:
            if self.left == 1:  # the system got only a half of the chunk, and none of it was synced
                with files.path(name).open("ab") as file:
                    file.write(data[: len(data) // 2])
            self.point()
            real_append(files, name, data)

        PartialFiles.append = half  # type: ignore[method-assign]


def in_a_process(work: Callable[[], None]) -> int:
    """Run in a process of its own; returns its exit status, minus the signal if it was killed."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001  # shown, and told by the exit status
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _main(url: str, folder: Path, key: bytes | None) -> None:
    for n in itertools.count(1):
        video = random.Random(n).randbytes(CHUNK_BYTES * 2 + 4321)  # noqa: S311
        answers = folder / f"answers{n}"

        def upload(n: int = n, video: bytes = video, answers: Path = answers) -> None:
            database, _, uploads = open_studio(url, folder, key)
            person_id = signed_person(database, f"P-{n}")
            killer = Killer(n)
            killer.hook_all(database)
            with io.FileIO(answers, "w") as log:
                Browser(database, uploads, person_id, video).send(lambda offset: log.write(b"%d\n" % offset))

        def go_on(n: int = n, video: bytes = video, answers: Path = answers) -> None:
            database, vault, uploads = open_studio(url, folder, key)
            with database.reading() as db:
                person_id = db.scalars(sa.select(Person.id).where(Person.code == f"P-{n}")).one()
            browser = Browser(database, uploads, person_id, video)
            recording = browser.announce()
            answered = max(map(int, answers.read_text().split()), default=0)
            assert recording.state == State.CHECKING or uploads.received(recording.id) >= answered, "bytes were lost"
            _try_to_finish(browser)
            with database.reading() as db:
                found = db.scalars(sa.select(Recording).where(Recording.person_id == person_id)).one()
                assert found.state == State.CHECKING
                assert db.get(Check, found.id) is not None
                assert db.get(Upload, found.id) is None
            with vault.open(found.id) as file:
                assert file.read() == video
            assert uploads.partial.names() == set()
            assert list(folder.rglob("*.part")) == []

        killed = in_a_process(upload)
        assert killed in {0, -signal.SIGKILL}, killed
        assert in_a_process(go_on) == 0, f"killed at point {n}: see above"
        if killed == 0:
            print(n - 1)  # noqa: T201
            return


def _try_to_finish(browser: Browser) -> None:
    """A torn chunk may make the whole wrong; then it is sent again from the beginning, as the page does."""
    from facefatigue.studio.refusals import Refusal

    try:
        browser.send()
    except Refusal as refusal:
        if refusal.code != "video_damaged":
            raise
        browser.send()


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]), bytes.fromhex(sys.argv[3]) if len(sys.argv) > 3 else None)
