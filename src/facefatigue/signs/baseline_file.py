"""Baselines as JSON files, ``facefatigue.baseline/1``, checked field by field when read."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from facefatigue.atomic import atomic_path
from facefatigue.errors import ConfigurationError
from facefatigue.signs.baseline import GLASSES, SIGNS, Baseline, Conditions, Statistic, plain
from facefatigue.signs.blink_fatigue import AlertBlinks
from facefatigue.signs.lids import LidLevels

if TYPE_CHECKING:
    from pathlib import Path

    from facefatigue.signs.lids import Pair

SCHEMA = "facefatigue.baseline/1"


def write_baseline(baseline: Baseline, path: Path) -> None:
    """Write a baseline; whole, or not at all.

    Raises:
        OutputError: The file cannot be written.
    """
    text = json.dumps(baseline_dict(baseline), indent=2, ensure_ascii=False, allow_nan=False)
    with atomic_path(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def baseline_dict(baseline: Baseline) -> dict[str, Any]:
    """The baseline as the file holds it."""
    return {"schema": SCHEMA, **plain(baseline)}


def read_baseline(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        ConfigurationError: The file cannot be read, or is not a baseline; the message names the file and the field.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path}: the baseline cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not a baseline: not a text file") from error
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{path}: not a baseline: not JSON ({error})") from error
    try:
        return _baseline(data)
    except _WrongFieldError as error:
        raise ConfigurationError(f"{path}: not a baseline: {error}") from None


class _WrongFieldError(Exception):
    """Which field is wrong, and how."""


def _baseline(data: Any) -> Baseline:
    fields = _object(data, "it")
    schema = fields.get("schema")
    if schema != SCHEMA:
        raise _WrongFieldError(f"its schema is {schema!r}, not {SCHEMA!r}")
    name = _get(fields, "name")
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise _WrongFieldError("name should be a text of one line")
    conditions = _object(_get(fields, "conditions"), "conditions")
    glasses = _get(conditions, "glasses", "conditions")
    if glasses not in GLASSES:
        raise _WrongFieldError(f"conditions.glasses should be one of {', '.join(GLASSES)}")
    brightness = _get(conditions, "brightness", "conditions")
    levels = _object(_get(fields, "lid_levels"), "lid_levels")
    blinks = _get(fields, "blinks")
    statistics = _object(_get(fields, "statistics"), "statistics")
    model = fields.get("model")
    if model is not None and not (isinstance(model, str) and model.isprintable()):
        raise _WrongFieldError(f"model should be a text of one line, not {model!r}")
    return Baseline(
        name=name,
        recordings=_count(_get(fields, "recordings"), "recordings"),
        read_s=_number(_get(fields, "read_s"), "read_s", least=0),
        lid_levels=LidLevels(open=_pair(levels, "open"), shut=_pair(levels, "shut")),
        statistics={sign: _statistic(own, f"statistics.{sign}") for sign, own in statistics.items() if sign in SIGNS},
        blinks=None if blinks is None else _blinks(_object(blinks, "blinks")),
        conditions=Conditions(
            glasses=glasses,
            brightness=None if brightness is None else _number(brightness, "conditions.brightness", least=0, most=1),
        ),
        model=model,
    )


def _statistic(data: Any, where: str) -> Statistic:
    fields = _object(data, where)
    return Statistic(
        median=_number(_get(fields, "median", where), f"{where}.median"),
        spread=_number(_get(fields, "spread", where), f"{where}.spread", least=0),
        n=_count(_get(fields, "n", where), f"{where}.n"),
    )


def _blinks(fields: dict[str, Any]) -> AlertBlinks:
    def mean_and_spread(name: str) -> tuple[float, float]:
        values = _get(fields, name, "blinks")
        if not isinstance(values, list) or len(values) != 2:
            raise _WrongFieldError(f"blinks.{name} should be a mean and a spread")
        spread = _number(values[1], f"blinks.{name}[1]", least=0)
        if spread == 0:
            raise _WrongFieldError(f"blinks.{name}[1] should be above 0")
        return _number(values[0], f"blinks.{name}[0]"), spread

    interval_s = _number(_get(fields, "interval_s", "blinks"), "blinks.interval_s", least=0)
    if interval_s == 0:
        raise _WrongFieldError("blinks.interval_s should be above 0")
    return AlertBlinks(
        blinks=_count(_get(fields, "blinks", "blinks"), "blinks.blinks"),
        interval_s=interval_s,
        amplitude=mean_and_spread("amplitude"),
        duration_s=mean_and_spread("duration_s"),
        velocity=mean_and_spread("velocity"),
    )


def _pair(levels: dict[str, Any], name: str) -> Pair:
    values = _get(levels, name, "lid_levels")
    if not isinstance(values, list) or len(values) != 2:
        raise _WrongFieldError(f"lid_levels.{name} should be a list of two, for the left and the right eye")
    left, right = (
        None if value is None else _number(value, f"lid_levels.{name}[{place}]", least=0, most=1)
        for place, value in enumerate(values)
    )
    return left, right


def _get(fields: dict[str, Any], name: str, where: str = "") -> Any:
    if name not in fields:
        raise _WrongFieldError(f"{where + '.' if where else ''}{name} is missing")
    return fields[name]


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _WrongFieldError(f"{where} should be an object")
    return value


def _number(value: Any, where: str, *, least: float = -math.inf, most: float = math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _WrongFieldError(f"{where} should be a number, not {value!r}")
    if not least <= value <= most:
        raise _WrongFieldError(f"{where} should lie between {least:g} and {most:g}, not at {value:g}")
    return float(value)


def _count(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _WrongFieldError(f"{where} should be a whole number from 1 on, not {value!r}")
    return value
