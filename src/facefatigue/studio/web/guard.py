"""What a request meets first (is the host ours, the page ours, the size bearable), and what every answer carries."""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

from facefatigue.studio.database.session import AWAY
from facefatigue.studio.database.tables import Role
from facefatigue.studio.web.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from facefatigue.studio.access import Visitor
    from facefatigue.studio.settings import StudioSettings

_KIB = 1 << 10
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SECRET_PATH = re.compile(r"^(/enter/).+")
_LOG = logging.getLogger(__name__)

# How many bytes a request may have, by the beginning and end of its path; the first that fits. A body is in memory before a
# route can look at who sent it: large ones are read only of those whom the route serves.
LIMITS = (
    (re.compile(r"/api/me/recordings/[0-9a-f]{32}/bytes$"), 4096 * _KIB, Role.VOLUNTEER),
    (re.compile(r"/api/study/import\b"), 64 * 1024 * _KIB, Role.OWNER),
    (re.compile(r"/"), 512 * _KIB, None),
)
# Large bodies of one session at a time. A page sends one; a second and third may hang in a connection that broke.
_MOST_AT_ONCE = 4

# Nothing from elsewhere, nothing inline, no frame around us. Links are secrets and are never told as a referrer
# (https://owasp.org/www-project-secure-headers/).
_CSP = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": _CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(self), microphone=(self), geolocation=(), display-capture=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """Under which names the studio answers; a name of somebody else that leads to our address (DNS rebinding) is none.

    Attributes:
        names: Lower-case host names and addresses, without a port.
        any_address: Any numeric address, too: no name server can make those mean something else.
        origins: Origins of which a proxy in front may hide that they are ours.
    """

    names: frozenset[str]
    any_address: bool
    origins: frozenset[str]

    @classmethod
    def of(cls, settings: StudioSettings) -> Hosts:
        """From how the studio is run."""
        public = urlsplit(settings.public_url)
        names = _LOOPBACK | ({public.hostname.lower()} if public.hostname else set())
        if settings.host and not _unspecified(settings.host):
            names |= {settings.host.lower()}
        origins = {f"{public.scheme}://{public.netloc}".lower()} if public.hostname else set()
        return cls(names=frozenset(names), any_address=_unspecified(settings.host), origins=frozenset(origins))

    def has(self, header: str) -> bool:
        """Whether a Host header is ours."""
        try:
            name = urlsplit(f"//{header}").hostname or ""
        except ValueError:
            return False
        return name in self.names or (self.any_address and _is_address(name))

    def is_ours(self, origin: str, host: str) -> bool:
        """Whether an Origin header is ours, under a Host header that is."""
        try:
            from_where = urlsplit(origin).netloc.lower()
        except ValueError:
            return False
        return origin.lower() in self.origins or from_where == host.lower() != ""


def _unspecified(host: str) -> bool:
    return not host or (_is_address(host) and ipaddress.ip_address(host).is_unspecified)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    """ASGI middleware around everything, see the module.

    Args:
        app: What is guarded.
        hosts: Names that are ours.
        https: Whether browsers are told to come by https only.
        visitor: Tells who sends a request, None for somebody unknown; called in a thread of its own.
    """

    def __init__(self, app: ASGIApp, *, hosts: Hosts, https: bool, visitor: Callable[[Request], Visitor | None]) -> None:
        self._app = app
        self._hosts = hosts
        self._visitor = visitor
        self._large: Counter[str] = Counter()  # by session; only the event loop's thread counts
        extra = {"strict-transport-security": "max-age=31536000"} if https else {}
        self._headers = [(name.encode(), value.encode()) for name, value in {**HEADERS, **extra}.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                there = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in self._headers if pair[0] not in there)]
                if b"cache-control" not in there:
                    message["headers"].append((b"cache-control", b"no-store"))
            await send(message)

        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        path = _SECRET_PATH.sub(r"\1…", scope["path"])
        try:
            if refusal is not None:
                await _refuse(answer, *refusal)
            elif (role := _serves(scope["path"])) is not None:
                await self._large_body(scope, receive, answer, role)
            else:
                await self._app(scope, _limited(scope, receive), answer)
        except Exception:
            _LOG.exception("%s %s failed", scope["method"], path)
            if status:  # part of the answer is on its way: all that is left is to break it off
                raise
            await _refuse(answer, 500, "unexpected", Texts()("error.unexpected"))
        _LOG.info("%s %s %d %.0f ms", scope["method"], path, status, 1000 * (time.monotonic() - began))

    async def _large_body(self, scope: Scope, receive: Receive, answer: Send, role: Role) -> None:
        try:
            visitor = await run_in_threadpool(self._visitor, Request(scope))
        except AWAY:
            await _refuse(answer, 503, "database_away", Texts()("error.database_away"))
            return
        if visitor is None:
            await _refuse(answer, 401, "sign_in", Texts()("error.sign_in"))
        elif visitor.role is not role:
            await _refuse(answer, 403, "role", Texts()("error.role"))
        elif self._large[visitor.session] >= _MOST_AT_ONCE:
            await _refuse(answer, 429, "too_often", Texts()("error.too_often"))
        else:
            self._large[visitor.session] += 1
            try:
                await self._app(scope, _limited(scope, receive), answer)
            finally:
                self._large[visitor.session] -= 1
                self._large += Counter()  # forgets those that are at zero

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str, str] | None:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or not self._hosts.has(headers["host"]):
            return 421, "host", "this studio does not answer under that address; see --public-url"
        if scope["method"] not in _SAFE:
            origin = headers.get("origin")
            if origin is not None and not self._hosts.is_ours(origin, headers["host"]):
                return 403, "origin", "the request came from another site"
            if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
                return 403, "origin", "the request came from another site"
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 20 or int(length) > limit(scope["path"]):
            return 413, "too_large", "the request is too large"
        return None


def limit(path: str) -> int:
    """How many bytes a request of a path may have."""
    return next(most for pattern, most, _ in LIMITS if pattern.match(path))


def _serves(path: str) -> Role | None:
    """Whose large bodies a path takes; None where it takes none."""
    return next(role for pattern, _, role in LIMITS if pattern.match(path))


def _limited(scope: Scope, receive: Receive) -> Receive:
    """The request's body, given up once it is larger than allowed, whatever its header says."""
    left = limit(scope["path"])

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413)
        return message

    return counted


async def _refuse(send: Any, status: int, code: str, text: str) -> None:
    body = json.dumps({"error": code, "message": text}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
