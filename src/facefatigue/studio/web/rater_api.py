"""What raters see and say: their page, and its JSON."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from facefatigue.studio import rating, study
from facefatigue.studio.web.pages import page
from facefatigue.studio.web.security import CurrentStudio, Rater, Studio

router = APIRouter()


class Word(BaseModel):
    """What a rater says of a recording."""

    value: float | None
    confidence: int | None = None
    note: Annotated[str, Field(max_length=rating.LONGEST_NOTE)] = ""


@router.get("/rate")
def show_page(request: Request, visitor: Rater) -> HTMLResponse:
    """The rater's page."""
    return page(
        request, "rater/rate.html", visitor=visitor, script_texts=["rater"], longest_note=rating.LONGEST_NOTE, values=_VALUES
    )


_VALUES = [1 + half / 2 for half in range(9)]


@router.get("/api/rate/next")
def show_next(studio: CurrentStudio, visitor: Rater) -> dict[str, Any]:
    """The recording to be rated now, the one after it, and how far the rater is."""
    return _step(studio, visitor)


@router.get("/api/rate/progress")
def show_progress(studio: CurrentStudio, visitor: Rater) -> dict[str, Any]:
    """How far the rater is."""
    return _progress(studio, visitor)


@router.post("/api/rate/back")
def go_back(studio: CurrentStudio, visitor: Rater) -> dict[str, Any]:
    """The recording that was rated last, with what was said of it."""
    with studio.database.writing() as db:
        shown = rating.back(db, _account(visitor))
    return {"shown": _shown(shown)}


@router.post("/api/rate/{assignment_id}")
def say(studio: CurrentStudio, visitor: Rater, assignment_id: int, word: Word) -> dict[str, Any]:
    """Keep a rating; the answer has the next recording, and the feedback in training."""
    with studio.database.writing() as db:
        found = rating.rate(
            db, _account(visitor), assignment_id, value=word.value, confidence=word.confidence, note=word.note.strip()
        )
    feedback = None if found is None else {"value": found.value, "own": found.own, "note": found.note, "last": found.last}
    return {"feedback": feedback, **_step(studio, visitor)}


@router.post("/api/rate/{assignment_id}/skip")
def put_off(studio: CurrentStudio, visitor: Rater, assignment_id: int) -> dict[str, Any]:
    """Put a recording off; the answer has the next one."""
    with studio.database.writing() as db:
        rating.skip(db, _account(visitor), assignment_id)
    return _step(studio, visitor)


def _account(visitor: Rater) -> int:
    assert visitor.account_id is not None  # a rater has an account
    return visitor.account_id


def _step(studio: Studio, visitor: Rater) -> dict[str, Any]:
    with studio.database.writing() as db:
        settings = study.read(db)
        shown = rating.next_for(db, _account(visitor), settings)
    ahead = None
    if shown is not None:
        with studio.database.writing() as db:
            ahead = rating.ahead_for(db, _account(visitor), settings)
    return {
        "shown": None if shown is None else _shown(shown),
        "ahead": None if ahead is None else {"media": _media(ahead)},
        "progress": _progress(studio, visitor),
    }


def _shown(shown: rating.Shown) -> dict[str, Any]:
    return {
        "assignment_id": shown.assignment_id,
        "kind": "training" if shown.training else "rating",
        "media": _media(shown),
        "judged": shown.judged,
        "value": shown.value,
        "confidence": shown.confidence,
        "note": shown.note,
    }


def _media(shown: rating.Shown) -> str:
    return f"/media/a/{shown.assignment_id}"


def _progress(studio: Studio, visitor: Rater) -> dict[str, Any]:
    with studio.database.reading() as db:
        found = rating.progress(db, _account(visitor), study.read(db))
    return {"training": found.training, "done": found.done, "total": found.total, "skipped": found.skipped}
