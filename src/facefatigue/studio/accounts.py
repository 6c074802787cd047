"""Accounts of owners and raters: made, given a password, disabled."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import sqlalchemy as sa

from facefatigue.studio import access, audit
from facefatigue.studio.database.tables import Account, Role, now
from facefatigue.studio.refusals import Refusal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from facefatigue.studio.passwords import Passwords

_LONGEST_NAME = 100


def create(db: Session, name: str, role: Role, *, actor: str) -> Account:
    """Make an account; it has no password, so that its first way in is a link.

    Args:
        db: An open session that writes.
        name: Unlike all others, whatever their case.
        role: Owner or rater.
        actor: Who makes it.

    Raises:
        Refusal: 422, no name or one that is too long; 409, taken.
    """
    name = " ".join(name.split())
    if not name or len(name) > _LONGEST_NAME:
        raise Refusal(422, "name_invalid", f"a name has 1 to {_LONGEST_NAME} characters")
    if by_name(db, name) is not None:
        raise Refusal(409, "name_taken", f"there is already an account called {name!r}")
    account = Account(name=name, role=role)
    db.add(account)
    db.flush()
    audit.note(db, actor, "account.created", f"{role}:{account.id}")
    return account


def by_name(db: Session, name: str) -> Account | None:
    """The account of a name, whatever its case."""
    # Compared here: the lower() of SQLite knows ASCII alone, that of PostgreSQL what the server's locale knows.
    wanted = key(name)
    names = db.execute(sa.select(Account.id, Account.name).order_by(Account.id))
    found = next((number for number, other in names if key(other) == wanted), None)
    return None if found is None else db.get(Account, found)


def key(name: str) -> str:
    """What names have in common that are taken for the same: case, spaces and the way letters are put together."""
    return unicodedata.normalize("NFKC", " ".join(unicodedata.normalize("NFKC", name).casefold().split()))


def set_password(db: Session, account: Account, hashed: str, *, actor: str, session: str = "") -> None:
    """Give an account a password; its other sessions end, and the link with which an owner set it.

    Args:
        db: An open session that writes.
        account: Whose.
        hashed: By :meth:`Passwords.hash`, which takes its time and is done before the transaction.
        actor: Who does it.
        session: Key of the session that goes on.
    """
    account.password = hashed
    if account.role is Role.OWNER:
        access.end_links(db, account)
    access.end_sessions(db, account, but=session)
    audit.note(db, actor, "account.password_set", f"{account.role}:{account.id}")


def set_disabled(db: Session, account: Account, disabled: bool, *, actor: str) -> None:
    """Shut somebody out, or let them in again; what they rated stays.

    Raises:
        Refusal: 409, the last owner stays.
    """
    if disabled and account.role is Role.OWNER and not _other_owners(db, account):
        raise Refusal(409, "last_owner", "the last owner cannot be disabled")
    account.disabled_at = now() if disabled else None
    if disabled:
        access.end_links(db, account)
    audit.note(db, actor, "account.disabled" if disabled else "account.enabled", f"{account.role}:{account.id}")


def _other_owners(db: Session, account: Account) -> bool:
    query = sa.select(Account.id).where(
        Account.role == Role.OWNER, Account.disabled_at.is_(None), Account.password.is_not(None), Account.id != account.id
    )
    return db.scalar(query.limit(1)) is not None


def owner_in_waiting(db: Session) -> Account | None:
    """The owner who has yet to set a password, made if there is no owner at all; None once there is one with a password."""
    owners = db.scalars(sa.select(Account).where(Account.role == Role.OWNER).order_by(Account.id)).all()
    if any(owner.password for owner in owners):
        return None
    return owners[0] if owners else create(db, "owner", Role.OWNER, actor="studio")


def sign_in(db: Session, passwords: Passwords, name: str, password: str) -> int:
    """The account that a name and a password open; as slow for a name that is not there.

    Raises:
        Refusal: 401, without a word on which of the two was wrong.
    """
    account = by_name(db, name)
    stored = account.password if account is not None and account.disabled_at is None else None
    db.close()  # so that the slow part holds no connection
    if not passwords.check(stored, password) or account is None:
        raise Refusal(401, "sign_in_wrong", "name or password is wrong")
    return account.id


def rename(db: Session, account: Account, name: str) -> None:
    """Give an account another name.

    Raises:
        Refusal: 422, no name or one that is too long; 409, taken.
    """
    name = " ".join(name.split())
    if not name or len(name) > _LONGEST_NAME:
        raise Refusal(422, "name_invalid", f"a name has 1 to {_LONGEST_NAME} characters")
    other = by_name(db, name)
    if other is not None and other.id != account.id:
        raise Refusal(409, "name_taken", f"there is already an account called {name!r}")
    account.name = name
