"""A volunteer's page and recordings."""

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import sqlalchemy as sa
from fastapi import APIRouter, Body, Header, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from facefatigue.studio import audit, erasure, people, study
from facefatigue.studio.checking.framing import LARGEST_PX, SMALLEST_PX
from facefatigue.studio.checking.process import STILL
from facefatigue.studio.database.tables import Check, Person, Recording, Scenario, State
from facefatigue.studio.refusals import Refusal
from facefatigue.studio.uploads import MAX_CHUNK_BYTES, Answers
from facefatigue.studio.web.pages import page
from facefatigue.studio.web.security import CurrentStudio, Studio, Volunteer

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from facefatigue.studio.access import Visitor

router = APIRouter()
Side = Annotated[int, Query(ge=SMALLEST_PX, le=LARGEST_PX)]


class _Signature(BaseModel):
    text_id: int
    name: str
    drawing: list[Any] | None = None


class _Announcement(BaseModel):
    size: int
    sha256: str
    media_type: str
    brought: bool = False
    scenario_id: int | None = None
    kss: int | None = None
    self_fatigue: float | None = None
    slept_h: float | None = None
    awake_h: float | None = None
    caffeine: float | None = None


class _Chunk(BaseModel):
    upload_offset: Annotated[int, Field(ge=0)]
    x_chunk_sha256: str


class _Withdrawal(BaseModel):
    confirm: str


@router.get("/me", response_class=HTMLResponse)
def me_page(request: Request, studio: CurrentStudio, visitor: Volunteer) -> HTMLResponse:
    """The page on which a volunteer does everything."""
    with studio.database.reading() as db:
        text = people.current_text(db)
        signed = people.current_consent(db, _id(visitor)) is not None
        scenarios = list(db.scalars(sa.select(Scenario).where(Scenario.hidden.is_(False)).order_by(Scenario.position)))
        settings = study.read(db)
    given = {
        "code": visitor.name,
        "text": text.id if text is not None else None,
        "signed": signed,
        "shortest_s": settings.shortest_s,
        "longest_s": settings.longest_s,
        "most_bytes": studio.settings.most_bytes,
    }
    return page(
        request,
        "volunteer/me.html",
        visitor=visitor,
        script_texts=["volunteer"],
        given=given,
        text=text,
        scenarios=scenarios,
    )


@router.get("/api/me")
def me(studio: CurrentStudio, visitor: Volunteer) -> dict[str, Any]:
    """Who one is, and one's recordings, newest first."""
    with studio.database.reading() as db:
        rows = db.execute(
            sa.select(Recording, Check.findings)
            .outerjoin(Check, Check.recording_id == Recording.id)
            .where(Recording.person_id == visitor.person_id, Recording.state != State.RETAKEN)
            .order_by(Recording.created_at.desc(), Recording.id)
        ).all()
        names = {row.id: row.name for row in db.scalars(sa.select(Scenario))}
        return {
            "code": visitor.name,
            "signed": people.current_consent(db, _id(visitor)) is not None,
            "recordings": [_shown(studio, one, findings, names.get(one.scenario_id, "")) for one, findings in rows],
        }


@router.post("/api/me/consent")
def consent(studio: CurrentStudio, visitor: Volunteer, body: _Signature) -> dict[str, Any]:
    """Sign the current text."""
    with studio.database.writing() as db:
        # Locked, so that no name comes in while the person withdraws.
        person = db.get_one(Person, _id(visitor), with_for_update=True)
        signed = people.sign(db, person, body.text_id, body.name, body.drawing)
        return {"text_id": signed.text_id, "signed_at": signed.signed_at.isoformat()}


@router.post("/api/me/framing")
def framing(
    studio: CurrentStudio,
    visitor: Volunteer,
    width: Side,
    height: Side,
    body: Annotated[bytes, Body(media_type="application/octet-stream", max_length=3 * LARGEST_PX * LARGEST_PX)],
) -> dict[str, Any]:
    """How the face is placed in a small picture, sent as rows of RGB so that nothing is to be decoded; it is not kept."""
    if len(body) != 3 * width * height:
        raise Refusal(422, "invalid", "the picture's sides do not fit its bytes")
    with studio.database.reading() as db:
        if people.current_consent(db, _id(visitor)) is None:
            raise Refusal(403, "no_consent", "there is no signature under the current consent text")
    return {"face": studio.framing.look(np.frombuffer(body, np.uint8).reshape(height, width, 3))}


@router.post("/api/me/recordings")
def announce(studio: CurrentStudio, visitor: Volunteer, body: _Announcement) -> dict[str, Any]:
    """Say which video will come; where it was begun before, this tells how much is there."""
    answers = Answers(**body.model_dump(include={"kss", "self_fatigue", "slept_h", "awake_h", "caffeine"}))
    with studio.database.writing() as db:
        recording = studio.uploads.announce(
            db,
            _id(visitor),
            size_bytes=body.size,
            sha256=body.sha256,
            media_type=body.media_type,
            brought=body.brought,
            scenario_id=body.scenario_id,
            answers=answers,
        )
    return {"id": recording.id, "state": recording.state, "offset": _offset(studio, recording)}


@router.get("/api/me/recordings/{recording_id}")
def recording_state(studio: CurrentStudio, visitor: Volunteer, recording_id: str) -> dict[str, Any]:
    """How far a recording is, and what its check found."""
    with studio.database.reading() as db:
        recording = _own(db, visitor, recording_id)
        check = db.get(Check, recording_id)
        scenario = db.get(Scenario, recording.scenario_id) if recording.scenario_id is not None else None
        return _shown(studio, recording, check.findings if check else [], scenario.name if scenario else "")


@router.put("/api/me/recordings/{recording_id}/bytes")
def append(
    studio: CurrentStudio,
    visitor: Volunteer,
    recording_id: str,
    body: Annotated[bytes, Body(media_type="application/octet-stream", max_length=MAX_CHUNK_BYTES)],
    chunk: Annotated[_Chunk, Header()],
) -> dict[str, int]:
    """Add a chunk; once this is answered it is on the disk."""
    with studio.database.reading() as db:
        recording = _own(db, visitor, recording_id)
    offset = studio.uploads.append(recording, chunk.upload_offset, [body], chunk.x_chunk_sha256)
    try:
        with studio.database.reading() as db:
            _own(db, visitor, recording_id)
    except Refusal:  # withdrawn or given up meanwhile: nothing of it stays
        studio.uploads.forget(recording_id)
        raise
    return {"offset": offset}


@router.post("/api/me/recordings/{recording_id}/finish")
def finish(studio: CurrentStudio, visitor: Volunteer, recording_id: str) -> dict[str, Any]:
    """All chunks were sent: verify the whole, keep it, and let it be checked."""
    with studio.database.reading() as db:
        recording = _own(db, visitor, recording_id)
    studio.uploads.store(recording)
    with studio.database.writing() as db:
        first = (before := db.get(Recording, recording_id)) is not None and before.state == State.UPLOADING
        recording = studio.uploads.finish(db, recording_id)
        if first:
            audit.note(db, visitor.actor, "recording.received", recording_id, sha256=recording.sha256)
    studio.uploads.forget(recording_id)
    studio.new_recording()
    return {"id": recording_id, "state": recording.state}


@router.post("/api/me/recordings/{recording_id}/retake")
def retake(studio: CurrentStudio, visitor: Volunteer, recording_id: str) -> dict[str, Any]:
    """Throw a recording away; one that was rated already only goes when everything is withdrawn."""
    with studio.database.writing() as db:
        recording = _own(db, visitor, recording_id, lock=True)
        if recording.rated_times:
            raise Refusal(409, "recording_in_use", "the recording was rated already; withdraw everything instead")
        if recording.state == State.UPLOADING:
            studio.uploads.abandon(db, recording)
        else:
            recording.state = State.RETAKEN
        audit.note(db, visitor.actor, erasure.RETAKEN, recording_id)
    studio.delete_files(recording_id)
    return {"id": recording_id}


@router.post("/api/me/withdraw")
def withdraw(studio: CurrentStudio, visitor: Volunteer, body: _Withdrawal) -> dict[str, Any]:
    """Delete everything of this volunteer; his code confirms that he means it."""
    if body.confirm.strip().upper() != visitor.name.upper():
        raise Refusal(422, "confirm", "the code does not match")
    with studio.database.writing() as db:
        people.withdraw(db, db.get_one(Person, _id(visitor)), actor=visitor.actor)
    erasure.erase(studio.database, studio.delete_files)
    return {"withdrawn": True}


def _id(visitor: "Visitor") -> int:
    assert visitor.person_id is not None
    return visitor.person_id


def _own(db: "Session", visitor: "Visitor", recording_id: str, *, lock: bool = False) -> Recording:
    recording = db.get(Recording, recording_id, with_for_update=lock or None)
    if recording is None or recording.person_id != visitor.person_id or recording.state == State.RETAKEN:
        raise Refusal(404, "not_found", "there is no such recording")
    return recording


def _offset(studio: Studio, recording: Recording) -> int:
    return studio.uploads.received(recording.id) if recording.state == State.UPLOADING else recording.size_bytes


def _shown(studio: Studio, recording: Recording, findings: list[Any] | None, scenario: str) -> dict[str, Any]:
    return {
        "id": recording.id,
        "state": recording.state,
        "size": recording.size_bytes,
        "offset": _offset(studio, recording),
        "scenario": scenario,
        "duration_s": recording.duration_s,
        "created_at": recording.created_at.isoformat(),
        "has_still": studio.vault.has_extra(recording.id, STILL),
        "findings": findings or [],
    }
