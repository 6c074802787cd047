"""Predictions as a CSV file that gives back exactly what was written."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.atomic import atomic_path
from facefatigue.errors import ConfigurationError
from facefatigue.evaluate.predictions import Predictions

if TYPE_CHECKING:
    from pathlib import Path

REQUIRED_COLUMNS = ("item", "subject", "target", "score", "fatigue_probability", "called_fatigue")
_GROUP = "group_"
_LOGIT = "logit_"
_SHOWN_FAULTS = 10
# A spreadsheet runs a cell that starts like this as a formula; a "'" in front makes it text, and is taken off on reading.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_predictions(predictions: Predictions, path: Path) -> None:
    """Write one line an item, in UTF-8, with every digit of every number.

    Columns: item, subject, target, score, fatigue_probability, called_fatigue (0 or 1), then those that are there of kss
    (empty where it was not asked for), video, fold, ``logit_0`` … and ``group_NAME``. A text that a spreadsheet would run as
    a formula gets a ``'`` in front, which :func:`read_predictions` takes off again.

    Args:
        predictions: What to write.
        path: Where to.

    Raises:
        OutputError: The file cannot be written.
    """
    columns: dict[str, list[str]] = {
        "item": [_guarded(text) for text in predictions.item.tolist()],
        "subject": [_guarded(text) for text in predictions.subject.tolist()],
        "target": [repr(value) for value in predictions.target.tolist()],
        "score": [repr(value) for value in predictions.score.tolist()],
        "fatigue_probability": [repr(value) for value in predictions.fatigue_probability.tolist()],
        "called_fatigue": [str(int(value)) for value in predictions.called_fatigue.tolist()],
    }
    if predictions.kss is not None:
        columns["kss"] = ["" if math.isnan(value) else repr(value) for value in predictions.kss.tolist()]
    if predictions.video is not None:
        columns["video"] = [_guarded(text) for text in predictions.video.tolist()]
    if predictions.fold is not None:
        columns["fold"] = [str(value) for value in predictions.fold.tolist()]
    if predictions.logits is not None:
        for number, logits in enumerate(predictions.logits.T.tolist()):
            columns[f"{_LOGIT}{number}"] = [repr(value) for value in logits]
    for name, values in predictions.groups.items():
        columns[f"{_GROUP}{name}"] = [_guarded(text) for text in values.tolist()]
    with (
        atomic_path(path) as partial,
        partial.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def read_predictions(path: Path) -> Predictions:
    """Read what :func:`write_predictions` wrote, or a file of that form; further columns are ignored.

    Args:
        path: The CSV file.

    Raises:
        ConfigurationError: The file cannot be read, or its lines are wrong; faults are named with their line numbers.
    """
    header, lines = _lines(path)
    faults: list[str] = []
    rows = [(number, dict(zip(header, cells, strict=True))) for number, cells in lines if len(cells) == len(header)]
    faults += [
        f"line {number} has {len(cells)} cells, not {len(header)}" for number, cells in lines if len(cells) != len(header)
    ]

    def numbers(column: str, *, empty: float = math.nan) -> list[float]:
        values = []
        for number, row in rows:
            text = row[column].strip()
            try:
                values.append(float(text) if text else empty)
            except ValueError:
                values.append(0.0)
                faults.append(f"line {number}: {column} is {text!r}, not a number")
        return values

    def texts(column: str) -> list[str]:
        return [_unguarded(row[column]) for _, row in rows]

    called = []
    for number, row in rows:
        if (text := row["called_fatigue"].strip()) not in ("0", "1"):
            faults.append(f"line {number}: called_fatigue is {text!r}, not 0 or 1")
        called.append(text == "1")
    logit_columns = sorted((name for name in header if _is_logit(name)), key=lambda name: int(name[len(_LOGIT) :]))
    if [int(name[len(_LOGIT) :]) for name in logit_columns] != list(range(len(logit_columns))):
        faults.append(f"the columns {', '.join(logit_columns)} do not count from {_LOGIT}0")
    target, score, probability = numbers("target"), numbers("score"), numbers("fatigue_probability")
    logits = [numbers(name) for name in logit_columns]
    kss = numbers("kss") if "kss" in header else None
    fold = numbers("fold") if "fold" in header else None
    if fold is not None and not all(value.is_integer() for value in fold):
        faults.append("fold is not a whole number everywhere")
    if faults:
        more = f"; and {len(faults) - _SHOWN_FAULTS} more" if len(faults) > _SHOWN_FAULTS else ""
        raise ConfigurationError(f"{path} cannot be used: {'; '.join(faults[:_SHOWN_FAULTS])}{more}")
    try:
        return Predictions.of(
            item=texts("item"),
            subject=texts("subject"),
            target=target,
            score=score,
            fatigue_probability=probability,
            called_fatigue=called,
            logits=np.array(logits, np.float64).T if logits else None,
            kss=kss,
            video=texts("video") if "video" in header else None,
            fold=None if fold is None else [int(value) for value in fold],
            groups={name[len(_GROUP) :]: texts(name) for name in header if name.startswith(_GROUP)},
        )
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def _lines(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            lines = [(reader.line_num, cells) for cells in reader if cells]
    except (OSError, csv.Error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise ConfigurationError(f"{path} cannot be read as predictions: {reason}") from error
    if missing := [column for column in REQUIRED_COLUMNS if column not in header]:
        raise ConfigurationError(f"{path} has no column {', '.join(missing)}, so it holds no predictions")
    if len(set(header)) != len(header):
        raise ConfigurationError(f"{path} has two columns of the same name")
    return header, lines


def _is_logit(column: str) -> bool:
    number = column[len(_LOGIT) :]
    return column.startswith(_LOGIT) and number.isascii() and number.isdecimal() and len(number) < 6


def _guarded(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) or _is_guarded(text) else text


def _unguarded(text: str) -> str:
    return text[1:] if _is_guarded(text) else text


def _is_guarded(text: str) -> bool:
    return text[:1] == "'" and text[1:2] in (*_FORMULA, "'")
