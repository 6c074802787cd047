"""The web application, put together."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from facefatigue.studio import study
from facefatigue.studio.access import Access
from facefatigue.studio.agreement import LiveAgreement
from facefatigue.studio.database.session import AWAY, is_full, told
from facefatigue.studio.passwords import Passwords
from facefatigue.studio.refusals import Refusal
from facefatigue.studio.throttle import Throttle
from facefatigue.studio.uploads import Uploads
from facefatigue.studio.web import (
    agreement_pages,
    entry,
    exchange_pages,
    media,
    owner_api,
    owner_pages,
    rater_api,
    volunteer_api,
)
from facefatigue.studio.web.guard import Guard, Hosts
from facefatigue.studio.web.pages import page
from facefatigue.studio.web.security import Studio, visitor_of
from facefatigue.studio.web.texts import Texts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractContextManager

    from fastapi import Request, Response

    from facefatigue.studio.database import Database
    from facefatigue.studio.settings import StudioSettings
    from facefatigue.studio.vault import Vault

_STATUS_CODES = {401: "sign_in", 404: "not_found", 405: "not_allowed", 413: "too_large"}
_DATA = ("/api/", "/media/", "/static/")
# What a database cannot hold: a text with a zero or half a character in it, a number beyond all bounds.
_TOO_ODD = (sa.exc.DataError, OverflowError, UnicodeEncodeError)
_AGAIN_S = 2
_log = logging.getLogger(__name__)


def create_app(
    settings: StudioSettings,
    database: Database,
    vault: Vault,
    *,
    passwords: Passwords | None = None,
    throttle: Throttle | None = None,
    uploads: Uploads | None = None,
    new_recording: Callable[[], None] = lambda: None,
    beside: Sequence[AbstractContextManager[Any]] = (),
) -> FastAPI:
    """The studio as an ASGI application.

    Args:
        settings: How it is run.
        database: Migrated.
        vault: Where the videos are.
        passwords: How costly a password's hash is; None as the library advises.
        throttle: How often somebody may ask; None as usual.
        uploads: Videos on their way; None: made here.
        new_recording: Called when a recording waits for its check.
        beside: What runs as long as the server does (checks, tidying), entered at its start and left at its end.

    Raises:
        ConfigurationError: The secret that signs links is damaged.
        OutputError: It cannot be written.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with contextlib.ExitStack() as stack:
            for one in beside:
                stack.enter_context(one)
            yield

    app = FastAPI(title="facefatigue studio", openapi_url=None, lifespan=lifespan)
    app.state.studio = Studio(
        settings=settings,
        database=database,
        vault=vault,
        uploads=uploads or Uploads(settings, vault),
        new_recording=new_recording,
        access=Access(settings),
        agreement=LiveAgreement(database),
        passwords=passwords or Passwords(),
        throttle=throttle or Throttle(),
    )
    for module in (entry, volunteer_api, rater_api, media, owner_api, owner_pages, agreement_pages, exchange_pages):
        app.include_router(module.router)
    app.mount("/static", _Static(directory=Path(__file__).with_name("static")), name="static")
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _refused)
    for error in (*_TOO_ODD, *AWAY):
        app.add_exception_handler(error, _refused)
    app.add_middleware(Guard, hosts=Hosts.of(settings), https=settings.public_url.startswith("https://"), visitor=visitor_of)
    with database.writing() as db:
        study.prepare(db)
    return app


class _Static(StaticFiles):
    """Files as they are; browsers ask each time whether theirs is still the newest."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "no-cache"
        return response


def _refused(request: Request, error: Exception) -> Response:
    refusal = _as_refusal(error)
    headers = {"retry-after": str(refusal.detail["retry_after_s"])} if "retry_after_s" in refusal.detail else {}
    try:
        visitor = None if request.url.path.startswith(_DATA) else visitor_of(request)
        with request.app.state.studio.database.reading() as db:
            settings = study.read(db)
    except AWAY:  # so that even this can be said without a database
        visitor, settings = None, study.Study()
    message = _words(refusal, settings.language)
    if not request.url.path.startswith(_DATA):
        if refusal.status == 401:
            return RedirectResponse("/", 303)
        answer = page(request, "error.html", visitor=visitor, of_study=settings, status=refusal.status, message=message)
        answer.headers.update(headers)
        return answer
    content = {"error": refusal.code, "message": message, "detail": refusal.detail}
    return JSONResponse(content, refusal.status, headers)


def _as_refusal(error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, RequestValidationError):
        # Where and what kind, but not what was sent: it may be a password.
        fields = [{"field": ".".join(map(str, one["loc"][1:])), "problem": one["type"]} for one in error.errors()]
        return Refusal(422, "invalid", "the request is not of the expected form", fields=fields)
    if isinstance(error, _TOO_ODD):
        return Refusal(422, "invalid", "the request holds what the database cannot")
    if isinstance(error, AWAY):
        _log.error("the database: %s", told(error))
        if is_full(error):
            return Refusal(507, "disk_full", "the studio's disk is full; nothing that was sent is lost")
        return Refusal(503, "database_away", "the database does not answer; try again", retry_after_s=_AGAIN_S)
    status = error.status_code if isinstance(error, HTTPException) else 500
    return Refusal(status, _STATUS_CODES.get(status, "invalid"), "the request cannot be answered")


def _words(refusal: Refusal, language: str) -> str:
    texts = Texts(language)
    try:
        return texts(f"error.{refusal.code}", **refusal.detail)
    except KeyError:  # no text of ours, or one that wants to be told more
        return str(refusal)
