"""The owner's page for what leaves the studio and comes in: data set, ratings as CSV and for Label Studio."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Body, Request
from fastapi.responses import HTMLResponse, Response

from facefatigue.data.rows import FaultsError, csv_text
from facefatigue.studio import audit
from facefatigue.studio.agreement import counted
from facefatigue.studio.database.tables import Person, Rating, Recording, State
from facefatigue.studio.exchange import label_studio, ratings_csv
from facefatigue.studio.exchange.importing import take
from facefatigue.studio.refusals import Refusal
from facefatigue.studio.web.pages import page
from facefatigue.studio.web.security import CurrentStudio, Owner

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

router = APIRouter()
_SHOWN_FAULTS = 100


@router.get("/study/export")
def show_page(request: Request, studio: CurrentStudio, visitor: Owner) -> HTMLResponse:
    """What an export would hold, and how to make it."""
    with studio.database.reading() as db:
        counts = _counts(db)
    return page(
        request,
        "owner/export.html",
        visitor=visitor,
        area="export",
        script_texts=["exchange"],
        counts=counts,
        settings=studio.settings,
    )


@router.get("/api/study/export/ratings.csv")
def give_csv(studio: CurrentStudio, visitor: Owner) -> Response:
    """All ratings as a table."""
    with studio.database.reading() as db:
        rows = ratings_csv.table(db)
    _note(studio, visitor, "csv", len(rows))
    return _file(csv_text(ratings_csv.COLUMNS, rows), "ratings.csv", "text/csv; charset=utf-8")


@router.get("/api/study/export/label-studio.json")
def give_tasks(studio: CurrentStudio, visitor: Owner, *, blind: bool = False) -> Response:
    """Tasks for Label Studio; blind: without the ratings there are."""
    with studio.database.reading() as db:
        tasks = label_studio.tasks(db, ratings=not blind)
    _note(studio, visitor, "Label Studio", len(tasks))
    return _file(json.dumps(tasks, indent=1, ensure_ascii=False), "label-studio.json", "application/json")


@router.get("/api/study/export/label-studio.xml")
def give_interface(visitor: Owner) -> Response:  # noqa: ARG001  # who may
    """The labelling interface for these tasks."""
    return _file(label_studio.CONFIG, "label-studio.xml", "application/xml")


@router.post("/api/study/import/ratings")
def take_ratings(
    studio: CurrentStudio,
    visitor: Owner,
    body: Annotated[bytes, Body(media_type="application/octet-stream")],
    *,
    kind: Literal["csv", "json"],
    new_raters: bool = False,
    skip_gone: bool = False,
) -> dict[str, Any]:
    """Take ratings in, all or none; the refusal's detail names every fault with its line."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"ratings.{kind}"
            path.write_bytes(body)
            given = ratings_csv.read(path) if kind == "csv" else label_studio.read(path)
        source = "csv" if kind == "csv" else "Label Studio"
        with studio.database.writing() as db:
            told = take(
                db, given, what="ratings", source=source, new_raters=new_raters, skip_gone=skip_gone, actor=visitor.actor
            )
    except FaultsError as error:
        raise Refusal(
            422,
            "import_faults",
            f"{len(error.faults)} faults; nothing was taken in",
            count=len(error.faults),
            faults=list(error.faults[:_SHOWN_FAULTS]),
        ) from None
    return {"added": told.added, "known": told.known, "new_raters": told.new_raters, "gone": told.gone}


def _counts(db: "Session") -> dict[str, int]:
    accepted = (Recording.state == State.ACCEPTED, Person.withdrawn_at.is_(None))
    labelled = sa.exists().where(Rating.recording_id == Recording.id, *counted())
    row = db.execute(
        sa.select(
            sa.func.count(),
            sa.func.count(sa.case((Recording.training_value.is_not(None), 1))),
            sa.func.count(sa.case((labelled, 1))),
            sa.func.count(sa.distinct(sa.case((labelled, Recording.person_id)))),
        )
        .join(Person, Person.id == Recording.person_id)
        .where(*accepted)
    ).one()
    accepted_count, training, with_label, people = row
    return {
        "labelled": with_label,
        "people": people,
        "training": training,
        "unrated": accepted_count - training - with_label,
    }


def _note(studio: CurrentStudio, visitor: Owner, what: str, count: int) -> None:
    with studio.database.writing() as db:
        audit.note(db, visitor.actor, "ratings.exported", "", what=what, count=count)


def _file(text: str, name: str, media_type: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(text, media_type=media_type, headers=headers)
