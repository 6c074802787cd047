"""Videos on their way in: resumable, checksummed, and safe against a kill at any moment.

    announce   a row says what will come: size, SHA-256              the browser keeps the video
    append     a chunk at the offset where the file ends; fsync, then the answer
    store      size and SHA-256 are verified; the video goes into the vault
    finish     the row becomes CHECKING                              only now the browser forgets the video
    forget     what is left of the partial file goes

A kill between any two of these leaves a state from which the same call, made again, goes on.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import hashlib
import re
import shutil
import threading
import weakref
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from facefatigue.studio import people
from facefatigue.studio.database.tables import Check, Consent, Person, Recording, Scenario, State, Upload, now
from facefatigue.studio.durable import sha256_of
from facefatigue.studio.partial import PartialFiles
from facefatigue.studio.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy.orm import Session

    from facefatigue.studio.settings import StudioSettings
    from facefatigue.studio.vault import Vault

MAX_CHUNK_BYTES = 4 << 20
GIVEN_UP_AFTER = dt.timedelta(days=7)
# Kept free, so that the database can still be written when videos have filled the disk.
_SPARE_BYTES = 256 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MEDIA_TYPE = re.compile(r"video/[a-z0-9.+-]{1,40}")
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a volunteer said of his state when he made a recording; None: not asked, or not answered.

    Attributes:
        kss: Karolinska sleepiness scale, 1 to 9.
        self_fatigue: 1 to 5 in half points.
        slept_h: Hours of sleep in the last night, 0 to 24.
        awake_h: Hours since waking up, 0 to 120.
        caffeine: Cups of coffee or the like in the last six hours, 0 to 50.

    Raises:
        Refusal: A value is outside its range (422).
    """

    kss: int | None = None
    self_fatigue: float | None = None
    slept_h: float | None = None
    awake_h: float | None = None
    caffeine: float | None = None

    def __post_init__(self) -> None:
        """Check every value."""
        ranges = {"kss": (1, 9), "self_fatigue": (1, 5), "slept_h": (0, 24), "awake_h": (0, 120), "caffeine": (0, 50)}
        for name, (least, most) in ranges.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:  # NaN is in no range
                raise Refusal(422, "bad_answer", f"{name} is {value}, not between {least} and {most}", field=name)
        if self.self_fatigue is not None and not (2 * self.self_fatigue).is_integer():
            raise Refusal(422, "bad_answer", "self_fatigue goes in half points", field="self_fatigue")


class Uploads:
    """What may be done with videos on their way.

    One process at a time may use a folder; its threads may do so at once.

    Args:
        settings: The folder and the limits.
        vault: Where finished videos go; its key encrypts partial files, too.
    """

    def __init__(self, settings: StudioSettings, vault: Vault) -> None:
        self.partial = PartialFiles(settings.uploads_folder, vault.key)
        self._settings = settings
        self._vault = vault
        self._locks: weakref.WeakValueDictionary[str, threading.Lock] = weakref.WeakValueDictionary()
        self._locks_lock = threading.Lock()

    def announce(
        self,
        db: Session,
        person_id: int,
        *,
        size_bytes: int,
        sha256: str,
        media_type: str,
        brought: bool = False,
        scenario_id: int | None = None,
        answers: Answers | None = None,
    ) -> Recording:
        """Say which video will come.

        The same video, announced again while it is on its way or once it is kept, is the same recording: an answer that was
        lost costs nothing.

        Args:
            db: In a writing transaction.
            person_id: Whose video it is.
            size_bytes: Of the whole video.
            sha256: Of the whole video, in hexadecimal digits.
            media_type: As the browser calls it, with or without codecs; the check finds out for itself.
            brought: An existing file, not filmed in the page.
            scenario_id: One of the study's scenarios.
            answers: What the volunteer said.

        Raises:
            Refusal: No current consent (403), too many unfinished uploads or too much within a day (409), too large (413),
                not a video (415), values that make no sense (422), no room on the disk (507).
        """
        media_type = media_type.partition(";")[0].strip().lower()
        if not _SHA256.fullmatch(sha256) or size_bytes < 1:
            raise Refusal(422, "bad_request", "size_bytes must be positive, and sha256 64 hexadecimal digits")
        if size_bytes > self._settings.most_bytes:
            raise Refusal(413, "video_too_large", "the video is too large", most_bytes=self._settings.most_bytes)
        if not _MEDIA_TYPE.fullmatch(media_type):
            raise Refusal(415, "not_a_video", f"{media_type!r} is not a kind of video")
        # Of one person's requests one is answered after the other, so that none slips past the limit below.
        person = db.get(Person, person_id, with_for_update=True)
        consent = _signed(db, person)
        if scenario_id is not None and db.get(Scenario, scenario_id) is None:
            raise Refusal(422, "bad_request", f"there is no scenario {scenario_id}")
        same = self._same(db, person_id, size_bytes, sha256)
        if same is not None:
            return same
        self._check_room(db, person_id, size_bytes)
        recording = Recording(
            person_id=person_id,
            consent_id=consent.id,
            scenario_id=scenario_id,
            state=State.UPLOADING,
            brought=brought,
            media_type=media_type,
            size_bytes=size_bytes,
            sha256=sha256,
            **asdict(answers or Answers()),
        )
        db.add(recording)
        db.flush()
        db.add(Upload(recording_id=recording.id))
        db.flush()
        return recording

    def _same(self, db: Session, person_id: int, size_bytes: int, sha256: str) -> Recording | None:
        states = [State.UPLOADING, State.CHECKING, State.ACCEPTED, State.REFUSED]
        same = db.scalars(
            sa.select(Recording).where(
                Recording.person_id == person_id,
                Recording.sha256 == sha256,
                Recording.size_bytes == size_bytes,
                Recording.state.in_(states),
            )
        ).first()
        upload = None if same is None else db.get(Upload, same.id)
        if upload is not None:
            upload.stalled, upload.touched_at = False, now()
        return same

    def _check_room(self, db: Session, person_id: int, size_bytes: int) -> None:
        open_uploads = db.scalar(
            sa.select(sa.func.count())
            .select_from(Upload)
            .join(Recording, Recording.id == Upload.recording_id)
            .where(Recording.person_id == person_id, Upload.stalled.is_(False))
        )
        if (open_uploads or 0) >= self._settings.most_open_uploads:
            raise Refusal(409, "too_many_uploads", "finish or give up the other uploads first")
        today = db.scalar(
            sa.select(sa.func.sum(Recording.size_bytes)).where(
                Recording.person_id == person_id,
                Recording.state != State.RETAKEN,
                Recording.created_at > now() - dt.timedelta(days=1),
            )
        )
        if (today or 0) + size_bytes > self._settings.most_bytes_a_day:
            raise Refusal(409, "too_much_today", "too much was sent within a day; go on tomorrow")
        # The partial file and the one in the vault may lie side by side for a moment.
        self._check_space(2 * size_bytes)

    def _check_space(self, size_bytes: int) -> None:
        if shutil.disk_usage(self.partial.folder).free < size_bytes + _SPARE_BYTES:
            raise _disk_full()

    def received(self, recording_id: str) -> int:
        """How many bytes have come; what was answered for is among them."""
        return self.partial.size(recording_id)

    def append(self, recording: Recording, offset: int, chunk: Iterable[bytes], sha256: str) -> int:
        """Add a chunk where the file ends; it is on the disk when this returns.

        Args:
            recording: In state UPLOADING; only read.
            offset: Where the chunk belongs.
            chunk: At most 4 MiB.
            sha256: Of the chunk.

        Returns:
            The new offset.

        Raises:
            Refusal: The file ends elsewhere (409, with the true offset), the chunk was damaged on its way (422, nothing
                of it is kept), it is larger than 4 MiB or than what was announced (413), the disk is full (507).
        """
        if recording.state != State.UPLOADING:
            raise Refusal(409, "already_complete", "the recording is complete already", offset=recording.size_bytes)
        data = _collected(chunk)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Refusal(422, "chunk_damaged", "the chunk's SHA-256 is another", offset=self.received(recording.id))
        with self._only(recording.id):
            received = self.received(recording.id)
            if offset != received:
                raise Refusal(409, "wrong_offset", f"the next byte is {received}, not {offset}", offset=received)
            if received + len(data) > recording.size_bytes:
                raise Refusal(413, "more_than_announced", "more bytes than were announced", offset=received)
            self._check_space(len(data))
            with _room():
                self.partial.append(recording.id, data)
            return received + len(data)

    def store(self, recording: Recording) -> None:
        """Verify what has come and put it into the vault; takes long, so it is done outside any transaction.

        Args:
            recording: Only read; in another state than UPLOADING nothing is done.

        Raises:
            Refusal: Bytes are missing (409, with the offset), the whole is not what was announced (422; it has to be sent
                again, from offset 0), or the disk is full (507, nothing is lost).
        """
        if recording.state != State.UPLOADING:
            return
        with self._only(recording.id):
            if self._vault.has(recording.id):
                return  # verified before; the process ended before the row was written
            received = self.received(recording.id)
            if received != recording.size_bytes:
                raise Refusal(409, "wrong_offset", f"{received} of {recording.size_bytes} bytes have come", offset=received)
            if self._sha256(recording.id) != recording.sha256:
                self.partial.remove(recording.id)
                raise Refusal(422, "video_damaged", "the video's SHA-256 is another; send it again", offset=0)
            if self._vault.key is not None:
                self._check_space(recording.size_bytes)
            with _room():
                if self._vault.key is None:
                    self._vault.adopt(recording.id, self.partial.path(recording.id))
                else:
                    with self.partial.open(recording.id) as file:
                        self._vault.put(recording.id, file)

    def _sha256(self, recording_id: str) -> str:
        with self.partial.open(recording_id) as file:
            return sha256_of(file)

    def finish(self, db: Session, recording_id: str) -> Recording:
        """Note that a stored video is whole, and let it be checked; doing so again changes nothing.

        Args:
            db: In a writing transaction, after :meth:`store`.
            recording_id: Of the recording.

        Raises:
            Refusal: It was withdrawn meanwhile (410, and its video is deleted), or is not stored (409).
        """
        recording = db.get(Recording, recording_id, with_for_update=True)
        if recording is None or recording.state == State.RETAKEN:
            self._vault.delete(recording_id)
            raise Refusal(410, "withdrawn", "the recording was withdrawn")
        if recording.state == State.UPLOADING:
            if not self._vault.has(recording_id):
                raise Refusal(409, "wrong_offset", "the video is not stored yet", offset=self.received(recording_id))
            recording.state = State.CHECKING
            recording.stored_at = now()
            db.add(Check(recording_id=recording_id, findings=[]))
            db.execute(sa.delete(Upload).where(Upload.recording_id == recording_id))
            db.flush()
        return recording

    def forget(self, recording_id: str) -> None:
        """Remove the partial file, once the row says that the video is in the vault or is unwanted."""
        with self._only(recording_id):
            self.partial.remove(recording_id)

    def abandon(self, db: Session, recording: Recording) -> None:
        """Give up an unfinished upload at the volunteer's wish: the row goes now, the partial file at :meth:`forget`.

        Raises:
            Refusal: It is finished (409).
        """
        if recording.state != State.UPLOADING:
            raise Refusal(409, "already_complete", "the recording is complete already")
        db.delete(recording)
        db.flush()

    @contextlib.contextmanager
    def _only(self, recording_id: str) -> Iterator[None]:
        with self._locks_lock:
            lock = self._locks.get(recording_id)
            if lock is None:
                lock = self._locks[recording_id] = threading.Lock()
        with lock:
            yield


def _signed(db: Session, person: Person | None) -> Consent:
    consent = None if person is None or person.withdrawn_at is not None else people.current_consent(db, person.id)
    if consent is None:
        raise Refusal(403, "no_consent", "there is no signature under the current consent text")
    return consent


def _collected(chunk: Iterable[bytes]) -> bytes:
    data = bytearray()
    for part in chunk:
        data += part
        if len(data) > MAX_CHUNK_BYTES:
            raise Refusal(413, "chunk_too_large", f"a chunk has at most {MAX_CHUNK_BYTES} bytes", most_bytes=MAX_CHUNK_BYTES)
    return bytes(data)


def _disk_full() -> Refusal:
    return Refusal(507, "disk_full", "the studio's disk is full; nothing that was sent is lost")


@contextlib.contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise _disk_full() from error
        raise
