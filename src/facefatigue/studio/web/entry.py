"""The way in: signing in, links of invitation, the owner's first password."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, StringConstraints

from facefatigue.studio import accounts
from facefatigue.studio.access import Access
from facefatigue.studio.database.tables import Account, Link, Role, now
from facefatigue.studio.passwords import SHORTEST
from facefatigue.studio.refusals import Refusal
from facefatigue.studio.throttle import address
from facefatigue.studio.web.pages import page
from facefatigue.studio.web.security import Anybody, CurrentStudio, MaybeVisitor, cookie_of

router = APIRouter()

HOMES = {Role.OWNER: "/study", Role.RATER: "/rate", Role.VOLUNTEER: "/me"}
# Browsers keep no cookie for longer (RFC 6265bis, section 5.5).
_DEVICE_S = 400 * 86400
Short = Annotated[str, StringConstraints(max_length=300)]


class _Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Short
    password: Short


class _NewPassword(BaseModel):
    model_config = ConfigDict(extra="forbid")
    old: Short
    new: Short


class _OwnersFirst(BaseModel):
    model_config = ConfigDict(extra="forbid")
    token: Short
    name: Short
    password: Short


@router.get("/", response_class=HTMLResponse)
def start(request: Request, visitor: MaybeVisitor) -> Response:
    """The sign-in page; whoever is in already goes on."""
    if visitor is not None:
        return RedirectResponse(HOMES[visitor.role], 303)
    return page(request, "sign_in.html", visitor=None)


@router.post("/api/sign-in")
def sign_in(request: Request, response: Response, studio: CurrentStudio, body: _Credentials) -> dict[str, str]:
    """Open a session by name and password."""
    name = accounts.key(body.name)
    device = studio.access.device_of(request.cookies.get(studio.access.device_cookie), name)
    if device is not None:
        studio.throttle.take("sign_in", f"device {device}")
    else:
        studio.throttle.take("sign_in", address(_host(request)))
        studio.throttle.take("sign_in", f"name {name}")
    with studio.database.reading() as db:
        account_id = accounts.sign_in(db, studio.passwords, body.name, body.password)
    with studio.database.writing() as db:
        account = db.get_one(Account, account_id)
        if account.password and studio.passwords.outdated(account.password):
            account.password = studio.passwords.hash(body.password, name="")
        token = studio.access.open(db, account, before=cookie_of(request))
        role = account.role
    _set_cookie(response, studio.access, token)
    _remember(response, studio.access, name)
    return {"to": HOMES[role]}


@router.post("/api/sign-out")
def sign_out(request: Request, response: Response, studio: CurrentStudio, _: Anybody) -> dict[str, str]:
    """End the session."""
    with studio.database.writing() as db:
        studio.access.close(db, cookie_of(request) or "")
    response.delete_cookie(studio.access.cookie, secure=studio.access.secure, httponly=True, samesite="lax")
    return {"to": "/"}


@router.get("/account", response_class=HTMLResponse)
def account_page(request: Request, visitor: Anybody) -> Response:
    """Where an owner or a rater changes the password."""
    if visitor.account_id is None:
        raise Refusal(403, "role", "volunteers have no password")
    return page(request, "account.html", visitor=visitor, shortest=SHORTEST, home=HOMES[visitor.role])


@router.post("/api/password")
def change_password(studio: CurrentStudio, visitor: Anybody, body: _NewPassword) -> dict[str, bool]:
    """Change one's own password; a rater who came by link sets a first one without an old."""
    studio.throttle.take("sign_in", f"password {visitor.session}")
    with studio.database.reading() as db:
        account = db.get(Account, visitor.account_id) if visitor.account_id is not None else None
    if account is None:
        raise Refusal(403, "role", "volunteers have no password")
    if account.password is not None and not studio.passwords.check(account.password, body.old):
        raise Refusal(403, "password_wrong", "the old password is wrong")
    hashed = studio.passwords.hash(body.new, name=account.name)
    with studio.database.writing() as db:
        accounts.set_password(db, db.get_one(Account, account.id), hashed, actor=visitor.actor, session=visitor.session)
    return {"done": True}


@router.get("/enter/{token}", response_class=HTMLResponse)
def enter(request: Request, studio: CurrentStudio, token: str) -> Response:
    """Come in by a link; the redirection keeps the link out of the history.

    An owner's link only shows the page on which a password is set: a browser or a mail program that looks at links in
    advance must not use it up.
    """
    studio.throttle.take("link", address(_host(request)))
    with studio.database.reading() as db:
        link = studio.access.link(db, token)
        account = _owner_of(db.get(Account, link.account_id) if link.account_id is not None else None)
    if account is not None:
        return page(request, "owner_link.html", visitor=None, token=token, name=account.name, shortest=SHORTEST)
    with studio.database.writing() as db:
        cookie, role = studio.access.enter(db, studio.access.link(db, token), before=cookie_of(request))
    answer = RedirectResponse(HOMES[role], 303)
    _set_cookie(answer, studio.access, cookie)
    return answer


@router.post("/api/owner-link")
def owner_link(request: Request, response: Response, studio: CurrentStudio, body: _OwnersFirst) -> dict[str, str]:
    """Set an owner's password by a link, which this uses up, and open a session."""
    studio.throttle.take("sign_in", address(_host(request)))
    with studio.database.reading() as db:
        studio.access.link(db, body.token)
    hashed = studio.passwords.hash(body.password, name=body.name)
    with studio.database.writing() as db:
        link: Link = studio.access.link(db, body.token)
        account = _owner_of(db.get(Account, link.account_id) if link.account_id is not None else None)
        if account is None or account.disabled_at is not None:
            raise Refusal(403, "link_unknown", "this link does not set a password")
        link.last_used_at = now()
        accounts.rename(db, account, body.name)
        accounts.set_password(db, account, hashed, actor=f"owner:{account.id}")
        token = studio.access.open(db, account, before=cookie_of(request))
    _set_cookie(response, studio.access, token)
    _remember(response, studio.access, accounts.key(body.name))
    return {"to": HOMES[Role.OWNER]}


def _owner_of(account: Account | None) -> Account | None:
    return account if account is not None and account.role is Role.OWNER else None


def _host(request: Request) -> str | None:
    return request.client.host if request.client else None


def _set_cookie(response: Response, access: Access, token: str) -> None:
    # Lax, not Strict: with Strict, whoever follows an invitation out of a mail would arrive without the cookie.
    response.set_cookie(access.cookie, token, httponly=True, secure=access.secure, samesite="lax", path="/")


def _remember(response: Response, access: Access, name: str) -> None:
    response.set_cookie(
        access.device_cookie,
        access.device(name),
        max_age=_DEVICE_S,
        httponly=True,
        secure=access.secure,
        samesite="lax",
        path="/",
    )
