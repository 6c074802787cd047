"""Tables of text on disk, CSV or Parquet, read with the number of each line."""

from __future__ import annotations

import csv
import io
import math
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from facefatigue.atomic import atomic_path
from facefatigue.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_SHOWN_FAULTS = 10


class FaultsError(ConfigurationError):
    """Data that cannot be used; its text shows the first ten faults and counts the rest.

    Args:
        what: What cannot be used.
        faults: All faults, each one line.
    """

    def __init__(self, what: str, faults: Sequence[str]) -> None:
        rest = len(faults) - _SHOWN_FAULTS
        more = f"; and {rest} more" if rest > 0 else ""
        super().__init__(f"{what} cannot be used: {'; '.join(faults[:_SHOWN_FAULTS])}{more}")
        self.faults = tuple(faults)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a table.

    Attributes:
        number: Its line in a CSV file, from 1 with the header as line 1; in Parquet the row, counted likewise.
        cells: Text by column, in Unicode's form NFC, without blanks around it; empty where the table has nothing.
    """

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table as text.

    Attributes:
        columns: Names of the columns, in order.
        rows: Its lines, blank ones left out.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_table(path: Path) -> Table:
    """Read a CSV file (UTF-8, comma, a header line) or, by its suffix, a Parquet file.

    Raises:
        FaultsError: The file cannot be read as a table, or a line has more or fewer cells than the header.
        MissingExtraError: It is Parquet and pyarrow is not installed.
    """
    columns, rows = _read_parquet(path) if path.suffix.lower() in {".parquet", ".pq"} else _read_csv(path)
    faults = [f"{path} has the column {name!r} twice" for name in sorted({c for c in columns if columns.count(c) > 1})]
    if faults:
        raise FaultsError(str(path), faults)
    filled = tuple(row for row in rows if any(row.cells.values()))
    return Table(columns=columns, rows=filled)


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a CSV file, whole or not at all; a missing cell and None are empty.

    Raises:
        OutputError: It cannot be written.
    """
    text = csv_text(columns, rows)
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="")


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """A CSV table as :func:`write_csv` writes it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: "" if value is None else value for key, value in row.items()} for row in rows)
    return text.getvalue()


def number_in(text: str) -> float:
    """The finite number that a cell holds; NaN if it holds none."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _read_csv(path: Path) -> tuple[tuple[str, ...], list[Row]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            columns = tuple(cell.strip() for cell in next(reader, []))
            lines = [(reader.line_num, line) for line in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise FaultsError(str(path), [f"it cannot be read as a table: {reason}"]) from None
    lines = [(number, line) for number, line in lines if any(cell.strip() for cell in line)]
    uneven = [
        f"line {number} has {len(line)} cells, but the header has {len(columns)}"
        + (" (put quotes around a cell with a comma)" if len(line) > len(columns) else "")
        for number, line in lines
        if len(line) != len(columns)
    ]
    if uneven:
        raise FaultsError(str(path), uneven)
    return columns, [
        Row(number=number, cells={name: _text(cell) for name, cell in zip(columns, line, strict=True)})
        for number, line in lines
    ]


def _read_parquet(path: Path) -> tuple[tuple[str, ...], list[Row]]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError("reading Parquet", "data") from None
    try:
        table = parquet.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise FaultsError(str(path), [f"it cannot be read as Parquet: {str(error).splitlines()[0]}"]) from None
    return tuple(table.column_names), [
        Row(number=number, cells={name: _text(value) for name, value in line.items()})
        for number, line in enumerate(table.to_pylist(), start=2)
    ]


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    # One name must not be two because an accent is written in two ways.
    return unicodedata.normalize("NFC", str(value).strip())
