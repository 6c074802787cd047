"""Who may come in: signed links, passwords' sessions, and the word that keeps other sites from acting in a visitor's name.

Three kinds of secret:

link      /enter/TOKEN; the token names a row by id and moment, signed with the studio's secret. It can be shown again at
          any time, and is void once the row is revoked, expired or gone.
session   a random cookie, of which the database knows only the SHA-256
CSRF      a random word of the session, which every change must repeat in the header X-CSRF-Token

And a signed cookie that stays on each device on which an account signed in. It lets nobody in; it is counted apart from all
who try that account's name elsewhere, so that strangers who guess cannot keep its holder out (OWASP, "Slow Down Online
Guessing Attacks with Device Cookies").
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import itsdangerous
import sqlalchemy as sa

from facefatigue.atomic import output_error
from facefatigue.errors import ConfigurationError
from facefatigue.studio.database.tables import Account, Link, Person, Role, Session, now
from facefatigue.studio.refusals import Refusal

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import orm

    from facefatigue.studio.settings import StudioSettings

_SECRET_BYTES = 32
# An owner can delete everything, so comes in anew each day; a volunteer may have an upload to finish days later.
_LASTS = {Role.OWNER: dt.timedelta(hours=12), Role.RATER: dt.timedelta(days=7), Role.VOLUNTEER: dt.timedelta(days=30)}
_OWNER_LINK_LASTS = dt.timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Somebody who is in.

    Attributes:
        role: What the visitor may do.
        person_id: Of a volunteer; None otherwise.
        account_id: Of an owner or rater; None otherwise.
        name: The account's name; a volunteer's code.
        csrf: What must come with every change.
        session: The session's key in the database.
    """

    role: Role
    person_id: int | None
    account_id: int | None
    name: str
    csrf: str
    session: str

    @property
    def actor(self) -> str:
        """As written into the audit log."""
        return f"person:{self.name}" if self.role is Role.VOLUNTEER else f"{self.role}:{self.account_id}"


class Access:
    """Makes and reads links and sessions.

    Args:
        settings: Where the secret lies (made if it is missing), and what links begin with.

    Raises:
        ConfigurationError: The secret cannot be read, or is damaged.
        OutputError: It cannot be written.
    """

    def __init__(self, settings: StudioSettings) -> None:
        self.base_url = settings.base_url
        secret = _secret(settings.secret_file)
        self._signer, self._devices = (
            itsdangerous.URLSafeSerializer(
                secret, salt=salt, signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"}
            )
            for salt in ("facefatigue studio link", "facefatigue studio device")
        )

    @property
    def secure(self) -> bool:
        """Whether the studio is reached by https, so that its cookie never travels in the clear."""
        return self.base_url.startswith("https://")

    @property
    def cookie(self) -> str:
        """The cookie's name; with ``__Host-`` no other host of the domain can set it (RFC 6265bis, section 4.1.3)."""
        return "__Host-studio" if self.secure else "studio"

    @property
    def device_cookie(self) -> str:
        """The name of the cookie that tells a device again."""
        return f"{self.cookie}-device"

    def device(self, account: str) -> str:
        """What a device keeps on which an account signed in.

        Args:
            account: Its name, as :func:`facefatigue.studio.accounts.key` gives it.
        """
        return str(self._devices.dumps([account, secrets.token_hex(16)]))

    def device_of(self, cookie: str | None, account: str) -> str | None:
        """Which device of an account a cookie names; None where it names none of this account."""
        try:
            name, device = self._devices.loads((cookie or "")[:4000])
        except (itsdangerous.BadData, TypeError, ValueError):
            return None
        return str(device) if name == account else None

    def url(self, link: Link) -> str:
        """The address to send to whoever holds the link."""
        return f"{self.base_url}/enter/{self.token(link)}"

    def token(self, link: Link) -> str:
        """The link's signed token. Its moment of making is part of it, since a database may use an id again."""
        return str(self._signer.dumps([link.id, _microseconds(link.created_at)]))

    def link(self, db: orm.Session, token: str) -> Link:
        """The link that a token names.

        Raises:
            Refusal: 403, not one of ours; 410, revoked, expired or of somebody who withdrew or was disabled.
        """
        try:
            number, made = self._signer.loads(token[:200])
        except (itsdangerous.BadData, TypeError, ValueError):
            raise Refusal(403, "link_unknown", "this link is not one of this studio") from None
        link = db.get(Link, number)
        if link is None or _microseconds(link.created_at) != made or link.revoked_at is not None:
            raise Refusal(410, "link_ended", "this link is no longer valid")
        if link.expires_at is not None and link.expires_at <= now():
            raise Refusal(410, "link_ended", "this link is no longer valid")
        return link

    def enter(self, db: orm.Session, link: Link, *, before: str | None = None) -> tuple[str, Role]:
        """Open a session for whoever holds a link.

        Args:
            db: An open session that writes.
            link: As :meth:`link` found it.
            before: The cookie that the browser had, whose session ends.

        Returns:
            The cookie's value and the role.

        Raises:
            Refusal: 410, the holder withdrew or was disabled; 403, an owner's link opens no session, it sets a password.
        """
        link.last_used_at = now()
        if link.person_id is not None:
            return self.open(db, db.get_one(Person, link.person_id), before=before), Role.VOLUNTEER
        account = db.get_one(Account, link.account_id)
        if account.role is Role.OWNER:
            raise Refusal(403, "link_owner", "this link sets an owner's password")
        return self.open(db, account, before=before), account.role

    def open(self, db: orm.Session, who: Person | Account, *, before: str | None = None) -> str:
        """Open a session under a new random name; the one that the browser had before ends.

        Returns:
            The cookie's value.

        Raises:
            Refusal: 410, withdrawn or disabled.
        """
        if (who.withdrawn_at if isinstance(who, Person) else who.disabled_at) is not None:
            raise Refusal(410, "link_ended", "this link is no longer valid")
        if before:
            self.close(db, before)
        db.execute(sa.delete(Session).where(Session.expires_at <= now()))
        role = Role.VOLUNTEER if isinstance(who, Person) else who.role
        token = secrets.token_urlsafe(32)
        db.add(
            Session(
                token_sha256=_key(token),
                role=role,
                person_id=who.id if isinstance(who, Person) else None,
                account_id=who.id if isinstance(who, Account) else None,
                csrf=secrets.token_urlsafe(32),
                expires_at=now() + _LASTS[role],
            )
        )
        return token

    def close(self, db: orm.Session, token: str) -> None:
        """End the session of a cookie."""
        db.execute(sa.delete(Session).where(Session.token_sha256 == _key(token)))

    def visitor(self, db: orm.Session, token: str | None) -> Visitor | None:
        """Who a cookie belongs to; None if nobody, or no longer."""
        if not token:
            return None
        row = db.execute(
            sa.select(Session, Person.code, Person.withdrawn_at, Account.name, Account.disabled_at)
            .outerjoin(Person, Person.id == Session.person_id)
            .outerjoin(Account, Account.id == Session.account_id)
            .where(Session.token_sha256 == _key(token))
        ).one_or_none()
        if row is None:
            return None
        session, code, withdrawn_at, name, disabled_at = row
        if session.expires_at <= now() or withdrawn_at is not None or disabled_at is not None:
            return None
        return Visitor(
            role=session.role,
            person_id=session.person_id,
            account_id=session.account_id,
            name=name if code is None else code,
            csrf=session.csrf,
            session=session.token_sha256,
        )


def is_same(given: str | None, expected: str) -> bool:
    """Whether two secrets are equal, in a time that tells nothing of where they differ."""
    return hmac.compare_digest((given or "").encode(), expected.encode())


def new_link(db: orm.Session, who: Person | Account, *, lasts: dt.timedelta | None = None) -> Link:
    """A new link; those that the holder had before end.

    Args:
        db: An open session that writes.
        who: The holder. An owner's link lasts an hour and serves to set a password, once.
        lasts: How long; None: until it is revoked.
    """
    end_links(db, who)
    if isinstance(who, Account) and who.role is Role.OWNER:
        lasts = _OWNER_LINK_LASTS
    link = Link(
        person_id=who.id if isinstance(who, Person) else None,
        account_id=who.id if isinstance(who, Account) else None,
        expires_at=None if lasts is None else now() + lasts,
    )
    db.add(link)
    db.flush()
    return link


def current_link(db: orm.Session, who: Person | Account) -> Link | None:
    """The link that lets somebody in today; None without one."""
    return db.scalar(
        sa.select(Link)
        .where(_held(Link, who), Link.revoked_at.is_(None), sa.or_(Link.expires_at.is_(None), Link.expires_at > now()))
        .order_by(Link.id.desc())
        .limit(1)
    )


def end_links(db: orm.Session, who: Person | Account) -> None:
    """Revoke every link of somebody, and end the sessions: whoever came by a lost link is out."""
    db.execute(sa.update(Link).where(_held(Link, who), Link.revoked_at.is_(None)).values(revoked_at=now()))
    end_sessions(db, who)


def end_sessions(db: orm.Session, who: Person | Account, *, but: str = "") -> None:
    """End every session of somebody, except the one whose key is given."""
    db.execute(sa.delete(Session).where(_held(Session, who), Session.token_sha256 != but))


def _held(table: type[Link | Session], who: Person | Account) -> sa.ColumnElement[bool]:
    return table.person_id == who.id if isinstance(who, Person) else table.account_id == who.id


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _microseconds(moment: dt.datetime) -> int:
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def _secret(path: Path) -> bytes:
    try:
        if not path.exists():
            part = path.with_name(f".{secrets.token_hex(6)}.part")
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_hex(_SECRET_BYTES))
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
    except OSError as error:
        raise output_error(path, error) from error
    try:
        secret = bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: the secret that signs links cannot be read: {error}") from None
    if len(secret) != _SECRET_BYTES:
        raise ConfigurationError(
            f"{path}: the secret that signs links is damaged; links end if it is removed, nothing else is lost"
        )
    return secret
