"""HTML from templates, with the study's language and the visitor's CSRF word in every page."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import TYPE_CHECKING, Any

import jinja2
from fastapi.responses import HTMLResponse

from facefatigue._version import __version__
from facefatigue.studio import study
from facefatigue.studio.web.security import studio_of
from facefatigue.studio.web.texts import Texts

if TYPE_CHECKING:
    from fastapi import Request

    from facefatigue.studio.access import Visitor
    from facefatigue.studio.study import Study


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("facefatigue.studio.web", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(moment=moment, day=day, size=size, clock=clock)
    return environment


def page(
    request: Request,
    template: str,
    *,
    visitor: Visitor | None,
    of_study: Study | None = None,
    status: int = 200,
    **context: Any,
) -> HTMLResponse:
    """One page.

    Args:
        request: What is answered.
        template: Its name below templates/.
        visitor: Who sees it.
        of_study: Its settings; None: as the database has them.
        status: HTTP status.
        context: For the template, beside ``t`` (texts), ``study``, ``visitor``, ``path`` and ``version``.
    """
    settings = of_study
    if settings is None:
        with studio_of(request).database.reading() as db:
            settings = study.read(db)
    texts = Texts(settings.language)
    html = (
        _environment()
        .get_template(template)
        .render(t=texts, study=settings, visitor=visitor, path=request.url.path, version=__version__, **context)
    )
    return HTMLResponse(html, status)


def moment(value: dt.datetime | None) -> str:
    """Date and time in UTC; the page's script shows it in the reader's own zone."""
    return "" if value is None else value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")


def day(value: dt.datetime | None) -> str:
    """The date in UTC."""
    return "" if value is None else value.astimezone(dt.UTC).strftime("%Y-%m-%d")


def size(value: float | None) -> str:
    """Bytes for people."""
    if value is None:
        return ""
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def clock(value: float | None) -> str:
    """Seconds as m:ss."""
    return "" if value is None else f"{int(value + 0.5) // 60}:{int(value + 0.5) % 60:02d}"
