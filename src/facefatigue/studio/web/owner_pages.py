"""The owner's pages: how the study stands, people, recordings, raters, consent texts, settings, the log."""

from collections.abc import Iterable
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import joinedload

from facefatigue.studio import audit, browsing, curation, people, study
from facefatigue.studio.access import current_link
from facefatigue.studio.browsing import RecordingFilter
from facefatigue.studio.checking.process import STILL
from facefatigue.studio.database.tables import (
    Account,
    Consent,
    ConsentText,
    Person,
    Purpose,
    Rating,
    Recording,
    Remark,
    Scenario,
    State,
)
from facefatigue.studio.overview import overview
from facefatigue.studio.web.pages import page
from facefatigue.studio.web.security import CurrentStudio, Owner
from facefatigue.studio.web.texts import Texts, languages

router = APIRouter(prefix="/study", default_response_class=HTMLResponse)

Word = Annotated[str, Query(max_length=200)]


def _page(request: Request, owner: Owner, name: str, **context: Any) -> HTMLResponse:
    return page(
        request, f"owner/{name}.html", visitor=owner, script_texts=["owner"], area=name.removesuffix("_one"), **context
    )


@router.get("")
def start(request: Request, studio: CurrentStudio, owner: Owner) -> HTMLResponse:
    """How the study stands."""
    with studio.database.reading() as db:
        stands = overview(db, study.read(db))
        recent = browsing.log(db).rows[:8]
        names = browsing.names(db)
    return _page(request, owner, "overview", stands=stands, recent=recent, names=names, states=State)


@router.get("/people")
def people_list(
    request: Request, studio: CurrentStudio, owner: Owner, *, search: Word = "", standing: Word = "", at: Word = ""
) -> HTMLResponse:
    """Volunteers."""
    with studio.database.reading() as db:
        found = browsing.people(db, search=search, standing=standing, cursor=at)
        has_text = people.current_text(db) is not None
    return _page(
        request,
        owner,
        "people",
        found=found,
        search=search,
        standing=standing,
        standings=browsing.STANDINGS,
        url=studio.access.url,
        has_text=has_text,
    )


@router.get("/people/{code}")
def person_detail(request: Request, studio: CurrentStudio, owner: Owner, code: str) -> HTMLResponse:
    """One volunteer: link, consent, recordings."""
    with studio.database.reading() as db:
        person = people.find(db, code)
        (row,) = browsing.person_rows(db, [person])
        link = current_link(db, person)
        consents = db.scalars(
            sa.select(Consent).where(Consent.person_id == person.id).options(joinedload(Consent.text)).order_by(Consent.id)
        ).all()
        recordings = db.scalars(
            sa.select(Recording)
            .where(Recording.person_id == person.id, Recording.state != State.RETAKEN)
            .options(joinedload(Recording.scenario), joinedload(Recording.person))
            .order_by(Recording.created_at.desc(), Recording.id.desc())
            .limit(200)
        ).all()
    url = studio.access.url(link) if link is not None else ""
    return _page(
        request,
        owner,
        "people_one",
        row=row,
        person=person,
        url=url,
        link=link,
        consents=consents,
        recordings=recordings,
        stills=_stills(studio, recordings),
    )


@router.get("/recordings")
def recordings_list(
    request: Request,
    studio: CurrentStudio,
    owner: Owner,
    *,
    state: Word = "",
    scenario: Word = "",
    person: Word = "",
    rated: Word = "",
    spread: Word = "",
    training: Word = "",
    at: Word = "",
) -> HTMLResponse:
    """Recordings, filtered."""
    wanted = RecordingFilter(
        state=state,
        scenario_id=int(scenario) if scenario.isdecimal() and len(scenario) < 10 else None,
        person=person,
        rated=rated,
        spread=float(spread) if spread in {"1", "1.5", "2", "2.5", "3"} else None,
        training=training == "1",
    )
    with studio.database.reading() as db:
        raters = study.read(db).raters_per_recording
        found = browsing.recordings(db, wanted, raters=raters, cursor=at)
        count = browsing.count_recordings(db, wanted, raters=raters)
        scenarios = db.scalars(sa.select(Scenario).order_by(Scenario.hidden, Scenario.position)).all()
    return _page(
        request,
        owner,
        "recordings",
        found=found,
        stills=_stills(studio, found.rows),
        count=count,
        wanted=wanted,
        filtered=wanted != RecordingFilter() or bool(at),
        scenarios=scenarios,
        states=[state for state in State if state is not State.RETAKEN],
    )


def _stills(studio: CurrentStudio, rows: Iterable[Recording]) -> set[str]:
    """Those of which there is a picture: none where no face was found, and none before the check."""
    return {row.id for row in rows if studio.vault.has_extra(row.id, STILL)}


@router.get("/recordings/{recording_id}")
def recording_detail(request: Request, studio: CurrentStudio, owner: Owner, recording_id: str) -> HTMLResponse:
    """One recording: to look at, to decide on, to talk about."""
    with studio.database.reading() as db:
        recording = curation.find(db, recording_id)
        person = db.get_one(Person, recording.person_id)
        scenario = db.get(Scenario, recording.scenario_id) if recording.scenario_id is not None else None
        consent = db.get_one(Consent, recording.consent_id, options=[joinedload(Consent.text)])
        names = dict(db.execute(sa.select(Account.id, Account.name)).all())
        ratings = db.scalars(sa.select(Rating).where(Rating.recording_id == recording.id).order_by(Rating.id)).all()
        remarks = db.scalars(sa.select(Remark).where(Remark.recording_id == recording.id).order_by(Remark.id)).all()
        check = recording.check
        twins = curation.twins(db, recording)
        history = browsing.log(db, subject=recording.id).rows
        actors = browsing.names(db)
    values = [rating.value for rating in ratings if rating.purpose is Purpose.MAIN and rating.value is not None]
    mean = sum(values) / len(values) if values else None
    return _page(
        request,
        owner,
        "recordings_one",
        recording=recording,
        person=person,
        scenario=scenario,
        consent=consent,
        ratings=ratings,
        remarks=remarks,
        account_names=names,
        has_still=studio.vault.has_extra(recording.id, STILL),
        findings=check.findings if check is not None else [],
        history=history,
        names=actors,
        mean=mean,
        twins=twins,
        label=(mean - 1) / 4 if mean is not None else None,
    )


@router.get("/team")
def team(request: Request, studio: CurrentStudio, owner: Owner) -> HTMLResponse:
    """Raters and owners."""
    with studio.database.reading() as db:
        rows = browsing.accounts(db)
        stands = overview(db, study.read(db))
    return _page(request, owner, "team", rows=rows, stands=stands, url=studio.access.url)


@router.get("/consent")
def consent(request: Request, studio: CurrentStudio, owner: Owner) -> HTMLResponse:
    """Versions of the consent text."""
    with studio.database.reading() as db:
        texts = db.scalars(sa.select(ConsentText).order_by(ConsentText.version.desc())).all()
        signed = dict(
            db.execute(
                sa.select(Consent.text_id, sa.func.count()).where(Consent.withdrawn_at.is_(None)).group_by(Consent.text_id)
            ).all()
        )
    return _page(request, owner, "consent", texts=texts, signed=signed)


@router.get("/settings")
def settings(request: Request, studio: CurrentStudio, owner: Owner) -> HTMLResponse:
    """The study's settings and scenarios."""
    with studio.database.reading() as db:
        scenarios = db.scalars(sa.select(Scenario).where(~Scenario.hidden).order_by(Scenario.position)).all()
        used = dict(db.execute(sa.select(Recording.scenario_id, sa.func.count()).group_by(Recording.scenario_id)).all())
    return _page(
        request,
        owner,
        "settings",
        scenarios=scenarios,
        used=used,
        languages=[(name, Texts(name)("base.language")) for name in languages()],
    )


@router.get("/log")
def log(
    request: Request, studio: CurrentStudio, owner: Owner, *, action: Word = "", subject: Word = "", at: Word = ""
) -> HTMLResponse:
    """The audit log."""
    with studio.database.reading() as db:
        found = browsing.log(db, action=action, subject=subject, cursor=at)
        count, last = audit.head(db)
        names = browsing.names(db)
    return _page(request, owner, "log", found=found, action=action, subject=subject, count=count, last=last, names=names)
