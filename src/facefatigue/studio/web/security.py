"""Who is asking, and may they: the dependencies that every route names.

`Volunteer`, `Rater` and `Owner` are a `Visitor` of that role. For anything that changes something they want the session's
word in the header X-CSRF-Token, and they count requests, so that no route can forget either.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from facefatigue.studio.access import Access, Visitor, is_same
from facefatigue.studio.agreement import LiveAgreement
from facefatigue.studio.checking.framing import FramingGuide
from facefatigue.studio.database import Database
from facefatigue.studio.database.tables import Role
from facefatigue.studio.passwords import Passwords
from facefatigue.studio.refusals import Refusal
from facefatigue.studio.settings import StudioSettings
from facefatigue.studio.throttle import Throttle
from facefatigue.studio.tidying import delete_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.studio.uploads import Uploads
    from facefatigue.studio.vault import Vault

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, kw_only=True)
class Studio:
    """All that the routes work with; at `request.app.state.studio`.

    Attributes:
        new_recording: To be called when a recording waits for its check.
    """

    settings: StudioSettings
    database: Database
    vault: "Vault"
    uploads: "Uploads"
    new_recording: "Callable[[], None]"
    access: Access
    agreement: LiveAgreement
    passwords: Passwords
    throttle: Throttle
    framing: FramingGuide = field(default_factory=FramingGuide)

    def delete_files(self, recording_id: str) -> None:
        """Delete all that lies on the disk of one recording; nothing happens where that is gone already."""
        delete_files(self.vault, self.uploads, recording_id)


def studio_of(request: Request) -> Studio:
    """The studio that a request is for."""
    found: Studio = request.app.state.studio
    return found


def cookie_of(request: Request) -> str | None:
    """The session's cookie."""
    return request.cookies.get(studio_of(request).access.cookie)


def visitor_of(request: Request) -> Visitor | None:
    """Who is asking; None for somebody unknown. Changes nothing and demands nothing."""
    studio = studio_of(request)
    cookie = cookie_of(request)
    if not cookie:
        return None
    with studio.database.reading() as db:
        return studio.access.visitor(db, cookie)


def _only(*roles: Role) -> "Callable[[Request], Visitor]":
    def check(request: Request) -> Visitor:
        visitor = visitor_of(request)
        if visitor is None:
            raise Refusal(401, "sign_in", "sign in first")
        if visitor.role not in roles:
            raise Refusal(403, "role", "this is for somebody else")
        if request.method not in _SAFE and not is_same(request.headers.get("x-csrf-token"), visitor.csrf):
            raise Refusal(403, "csrf", "the page is out of date; load it again")
        kind = "upload" if request.url.path.endswith("/bytes") else "json"
        studio_of(request).throttle.take(kind, visitor.session)
        request.state.visitor = visitor
        return visitor

    return check


CurrentStudio = Annotated[Studio, Depends(studio_of)]
MaybeVisitor = Annotated[Visitor | None, Depends(visitor_of)]
Volunteer = Annotated[Visitor, Depends(_only(Role.VOLUNTEER))]
Rater = Annotated[Visitor, Depends(_only(Role.RATER))]
Owner = Annotated[Visitor, Depends(_only(Role.OWNER))]
Anybody = Annotated[Visitor, Depends(_only(Role.VOLUNTEER, Role.RATER, Role.OWNER))]
