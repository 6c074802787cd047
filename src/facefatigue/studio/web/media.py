"""Videos and stills, to those who may see them, in parts as a player asks for them."""

import logging
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from facefatigue.errors import BrokenVideoError, SourceNotFoundError
from facefatigue.studio import rating
from facefatigue.studio.access import Visitor
from facefatigue.studio.checking.playable import COPY, COPY_TYPE
from facefatigue.studio.checking.process import STILL
from facefatigue.studio.database.tables import Playback, Recording, Role, State
from facefatigue.studio.refusals import Refusal
from facefatigue.studio.web.security import Anybody, CurrentStudio, Rater, Studio

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

router = APIRouter()

_BLOCK_BYTES = 1 << 18
_RANGE = re.compile(r"bytes=([0-9]{0,20})-([0-9]{0,20})")  # as many digits as 2**64 has
_log = logging.getLogger(__name__)
_NOT_THERE = "there is no such recording"


@router.get("/media/a/{assignment_id}")
def assigned_video(request: Request, studio: CurrentStudio, visitor: Rater, assignment_id: int) -> Response:
    """A recording as a rater sees it: under the number of the assignment, so that a repeat does not show."""
    assert visitor.account_id is not None  # a rater has an account
    with studio.database.reading() as db:
        recording = db.get_one(Recording, rating.seen_recording(db, visitor.account_id, assignment_id))
    return _video(request, studio, recording)


@router.get("/media/{recording_id}")
def video(request: Request, studio: CurrentStudio, visitor: Anybody, recording_id: str) -> Response:
    """A recording, for its volunteer and for owners."""
    with studio.database.reading() as db:
        recording = _visible(db, visitor, recording_id)
    return _video(request, studio, recording)


@router.get("/media/{recording_id}/still")
def still(studio: CurrentStudio, visitor: Anybody, recording_id: str) -> Response:
    """A small picture of the face, for lists."""
    with studio.database.reading() as db:
        recording = _visible(db, visitor, recording_id)
    try:
        data = studio.vault.get_extra(recording.id, STILL)
    except BrokenVideoError as error:
        raise _broken(error) from None
    if data is None:
        raise Refusal(404, "not_found", "there is no picture of this recording")
    return Response(data, media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"})


def _visible(db: "Session", visitor: Visitor, recording_id: str) -> Recording:
    recording = db.get(Recording, recording_id)
    mine = recording is not None and visitor.role is Role.VOLUNTEER and recording.person_id == visitor.person_id
    if recording is None or recording.state is State.RETAKEN or not (mine or visitor.role is Role.OWNER):
        raise Refusal(404, "not_found", _NOT_THERE)
    return recording


def _video(request: Request, studio: Studio, recording: Recording) -> Response:
    if recording.state in {State.UPLOADING, State.RETAKEN}:
        raise Refusal(404, "not_found", _NOT_THERE)
    copy = recording.playback == Playback.COPY
    try:
        file = studio.vault.open_extra(recording.id, COPY) if copy else studio.vault.open(recording.id)
    except SourceNotFoundError:
        raise Refusal(404, "not_found", _NOT_THERE) from None
    except BrokenVideoError as error:
        raise _broken(error) from None
    size = file.seek(0, 2)  # of the file that is open: a better one may take its place at any moment
    headers = {"accept-ranges": "bytes", "content-disposition": "inline"}
    asked = request.headers.get("range")
    part = None if asked is None else byte_range(asked, size)
    if part is not None and part[0] >= part[1]:
        file.close()
        return Response(status_code=416, headers={**headers, "content-range": f"bytes */{size}"})
    start, end = part or (0, size)
    headers["content-length"] = str(end - start)
    if part is not None:
        headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    media_type = COPY_TYPE if copy else recording.media_type or "application/octet-stream"
    return StreamingResponse(_blocks(file, start, end), 200 if part is None else 206, headers, media_type)


def _broken(error: BrokenVideoError) -> Refusal:
    _log.error("%s (facefatigue studio verify names all such)", error)
    return Refusal(410, "video_broken", "the stored file is damaged")


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """The part that a Range header asks for (RFC 9110, 14.2).

    Returns:
        Start and end (exclusive), within `size`; an empty part cannot be satisfied. None: the header is to be ignored,
        because it is of another unit, damaged, or asks for several parts.
    """
    match = _RANGE.fullmatch(header.replace(" ", ""))
    if match is None or match[1] == match[2] == "":
        return None
    if not match[1]:
        return max(size - int(match[2]), 0), size
    start = int(match[1])
    end = int(match[2]) + 1 if match[2] else size
    return (start, min(end, size)) if not match[2] or start < end else None


def _blocks(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        while start < end and (block := file.read(min(_BLOCK_BYTES, end - start))):
            start += len(block)
            yield block
