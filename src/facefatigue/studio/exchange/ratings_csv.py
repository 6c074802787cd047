"""Ratings as a CSV table: one line for each rating, out and in."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING

import sqlalchemy as sa

from facefatigue.data.rows import FaultsError, number_in, read_table, write_csv
from facefatigue.studio.database.tables import Account, Person, Purpose, Rating, Recording, Scenario, State
from facefatigue.studio.exchange.importing import NOT_JUDGED, Given, check_size

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sqlalchemy.orm import Session

COLUMNS = (
    "recording", "subject", "scenario", "rater", "purpose", "value", "confidence", "note", "seconds", "rated_at", "source",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # and full width
_NEEDED = ("recording", "rater", "value")
# A hundred thousand ratings.
_MOST_BYTES = 16_000_000


def table(db: Session) -> list[dict[str, object]]:
    """Every rating of accepted recordings, with hidden repeats and those of the training set, as rows of `COLUMNS`."""
    rows = db.execute(
        sa.select(Rating, Account.name, Person.code, Scenario.name)
        .join(Recording, Recording.id == Rating.recording_id)
        .join(Account, Account.id == Rating.account_id)
        .join(Person, Person.id == Recording.person_id)
        .outerjoin(Scenario, Scenario.id == Recording.scenario_id)
        .where(Recording.state == State.ACCEPTED)
        .order_by(Rating.id)
    )
    return [
        {
            "recording": rating.recording_id,
            "subject": code,
            "scenario": None if scenario is None else _as_text(scenario),
            "rater": _as_text(name),
            "purpose": rating.purpose.value,
            "value": NOT_JUDGED if rating.value is None else f"{rating.value:g}",
            "confidence": rating.confidence,
            "note": _as_text(rating.note),
            "seconds": rating.seconds,
            "rated_at": rating.rated_at.isoformat(timespec="seconds"),
            "source": rating.source,
        }
        for rating, name, code, scenario in rows
    ]


def write(db: Session, path: Path) -> int:
    """Write all ratings; returns how many.

    Raises:
        OutputError: It cannot be written.
    """
    rows = table(db)
    write_csv(path, COLUMNS, rows)
    return len(rows)


def read(path: Path) -> list[Given]:
    """Read ratings: the columns recording (its id or its video's name), rater and value; others of `COLUMNS` if there.

    A value is 1 to 5 in half points, or "cannot judge". Lines of the training set are left out: it is rated for feedback.

    Raises:
        FaultsError: It cannot be read, or lines are wrong; all faults are in it, with their line numbers.
    """
    check_size(path, _MOST_BYTES)
    found = read_table(path)
    faults = [f"it has no column {name}" for name in _NEEDED if name not in found.columns]
    if faults and any(";" in name or "\t" in name for name in found.columns):
        faults = ["its cells are not parted by commas; save it as CSV with commas, in UTF-8"]
    given = []
    if not faults:
        for row in found.rows:
            if row.cells.get("purpose") == Purpose.TRAINING.value:
                continue
            own: list[str] = []
            one = _given(f"line {row.number}", row.cells, own)
            faults += [f"line {row.number}: {fault}" for fault in own]
            given.append(one)
    if faults:
        raise FaultsError(str(path), faults)
    return given


def _given(place: str, cells: Mapping[str, str], faults: list[str]) -> Given:
    text = cells["value"]
    value = None if text.lower() == NOT_JUDGED else number_in(text)
    if value is not None and math.isnan(value):
        faults.append(f"the value is {text!r}, not a rating from 1 to 5 or {NOT_JUDGED!r}")
    purpose = cells.get("purpose") or Purpose.MAIN.value
    if purpose not in {Purpose.MAIN.value, Purpose.REPEAT.value}:
        faults.append(f"the purpose is {purpose!r}, not main, repeat or training")
        purpose = Purpose.MAIN.value
    confidence = _number(cells, "confidence", faults)
    if confidence is not None and not confidence.is_integer():
        faults.append(f"the confidence is {cells['confidence']!r}, not 1, 2 or 3")
        confidence = None
    return Given(
        place=place,
        recording=cells["recording"],
        rater=_plain(cells["rater"]),
        value=value,
        purpose=Purpose(purpose),
        confidence=None if confidence is None else int(confidence),
        note=_plain(cells.get("note", "")),
        seconds=_number(cells, "seconds", faults),
        rated_at=moment(cells.get("rated_at", ""), faults),
    )


def _as_text(words: str) -> str:
    """Somebody's words, such that a spreadsheet does not take them for a formula (owasp.org, "CSV Injection")."""
    return f"'{words}" if words.startswith(_FORMULA) else words


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _number(cells: Mapping[str, str], name: str, faults: list[str]) -> float | None:
    if not (text := cells.get(name, "")):
        return None
    value = number_in(text)
    if math.isnan(value):
        faults.append(f"{name} is {text!r}, not a number")
        return None
    return value


def moment(text: str, faults: list[str]) -> dt.datetime | None:
    """The time that a text in ISO 8601 names; without a zone, in UTC."""
    if not text:
        return None
    try:
        found = dt.datetime.fromisoformat(text)
        return found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):  # the second beyond the years 1 to 9999
        faults.append(f"the time is {text!r}, not of the form 2026-01-31T12:00:00+00:00")
        return None
