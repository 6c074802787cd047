"""Long lists a page at a time, by the place of a row and not by counting, so that the last page is as fast as the first."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import sqlalchemy as sa

from facefatigue.studio.database.tables import Moment
from facefatigue.studio.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import InstrumentedAttribute, Session

T = TypeVar("T")
SIZE = 50


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T]):
    """Some rows of a list whose newest come first.

    Attributes:
        rows: At most as many as asked for.
        newer: Cursor of the page before; None on the first.
        older: Cursor of the page after; None on the last.
    """

    rows: list[T]
    newer: str | None
    older: str | None


def fetch(
    db: Session, query: sa.Select[T], keys: Sequence[InstrumentedAttribute[Any]], cursor: str = "", size: int = SIZE
) -> Page[T]:
    """One page of a query, in falling order of `keys`.

    Args:
        db: An open session.
        query: Selects one entity, without an order.
        keys: Columns of that entity that together tell its rows apart: moments, numbers or texts.
        cursor: As an earlier page gave it; empty for the first.
        size: Most rows of a page.

    Raises:
        Refusal: 422, the cursor is none of ours.
    """
    towards_newer = cursor.startswith("n")
    if cursor:
        place = sa.tuple_(*(sa.literal(value, key.type) for value, key in zip(_read(cursor, keys), keys, strict=True)))
        row = sa.tuple_(*keys)
        query = query.where(row > place if towards_newer else row < place)
    order = [key.asc() if towards_newer else key.desc() for key in keys]
    rows = list(db.scalars(query.order_by(*order).limit(size + 1)))
    more = len(rows) > size
    rows = rows[:size]
    if towards_newer:
        rows.reverse()
    newer, older = (more, True) if towards_newer else (bool(cursor), more)
    return Page(
        rows=rows,
        newer=_write("n", rows[0], keys) if newer and rows else None,
        older=_write("o", rows[-1], keys) if older and rows else None,
    )


def _write(direction: str, row: object, keys: Sequence[InstrumentedAttribute[Any]]) -> str:
    values = [getattr(row, key.key) for key in keys]
    return ".".join(
        [direction, *(str(_microseconds(value)) if isinstance(value, dt.datetime) else str(value) for value in values)]
    )


def _read(cursor: str, keys: Sequence[InstrumentedAttribute[Any]]) -> list[Any]:
    direction, *texts = cursor[:200].split(".")
    try:
        values = [_value(text, key.type) for text, key in zip(texts, keys, strict=True)]
    except (ValueError, OverflowError):
        values = []
    if direction not in {"n", "o"} or not values:
        raise Refusal(422, "invalid", "there is no such page of the list")
    return values


def _value(text: str, kind: sa.types.TypeEngine[Any]) -> dt.datetime | int | str:
    if isinstance(kind, Moment):
        return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=int(text))
    if isinstance(kind, sa.Integer):
        if not 0 <= int(text) < 2**31:
            raise ValueError(text)
        return int(text)
    if "\0" in text:  # which PostgreSQL has no place for
        raise ValueError(text)
    return text


def _microseconds(moment: dt.datetime) -> int:
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
