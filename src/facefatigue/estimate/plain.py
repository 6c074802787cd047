"""Frozen dataclasses as plain data for JSON, and back, each field checked against its annotation."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

from facefatigue.errors import UsageError

_PLAIN_TYPES: dict[str, tuple[str, tuple[type, ...]]] = {
    "str": ("a text", (str,)),
    "bool": ("true or false", (bool,)),
    "int": ("a whole number", (int,)),
    "float": ("a number", (int, float)),
    "Mapping[str, int]": ("an object", (Mapping,)),
    "Mapping[str, Any]": ("an object", (Mapping,)),
}


def to_plain(value: Any) -> Any:
    """Dataclasses and mappings as dicts, tuples as lists, all else as it is."""
    if dataclasses.is_dataclass(value):
        return {entry.name: to_plain(getattr(value, entry.name)) for entry in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(entry) for key, entry in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(entry) for entry in value]
    return value


def json_text(plain: Any, *, indent: int | None) -> str:
    """Plain data as JSON text, which is always valid UTF-8.

    Raises:
        ValueError: A number is NaN or infinite.
    """
    text = json.dumps(plain, indent=indent, ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # a file name that is not UTF-8 came as lone surrogates
        text = json.dumps(plain, indent=indent, allow_nan=False)
    return text


class PlainReader:
    """Builds dataclasses from plain data; fields that it does not know are passed over.

    Args:
        schema: What the data must say that it is.
        nested: The dataclasses that annotations name.
        choices: The values that the Literal types which annotations name allow.
    """

    def __init__(self, schema: str, nested: tuple[type, ...], choices: Mapping[str, tuple[str, ...]]) -> None:
        self._schema = schema
        self._nested = {kind.__name__: kind for kind in nested}
        self._choices = choices

    def read(self, kind: Any, data: Any) -> Any:
        """An instance of ``kind``.

        Raises:
            UsageError: Another schema, a field that is missing or of the wrong type, or a number that is not finite.
        """
        schema = data.get("schema") if isinstance(data, Mapping) else None
        if schema != self._schema:
            raise UsageError(f"not a report: its schema is {schema!r}, not {self._schema!r}")
        return self._object(kind, data, "report")

    def parse(self, kind: Any, text: str) -> Any:
        """An instance of ``kind`` from JSON text.

        Raises:
            UsageError: Not JSON, or as in :meth:`read`.
        """
        try:
            data = json.loads(text)
        except ValueError as error:
            raise UsageError(f"not a report: not JSON ({error})") from error
        return self.read(kind, data)

    def _object(self, kind: Any, data: Any, where: str) -> Any:
        if not isinstance(data, Mapping):
            raise _wrong(where, "an object", data)
        values = {}
        for entry in dataclasses.fields(kind):
            place = f"{where}.{entry.name}"
            if entry.name in data:
                values[entry.name] = self._field(str(entry.type), data[entry.name], place)
            elif entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING:
                raise UsageError(f"not a report: {place} is missing")
        return kind(**values)

    def _field(self, annotation: str, value: Any, where: str) -> Any:
        if annotation.endswith(" | None"):
            return None if value is None else self._field(annotation.removesuffix(" | None"), value, where)
        if annotation.startswith("tuple["):
            items = annotation.removeprefix("tuple[").removesuffix("]").split(", ")
            if not isinstance(value, list | tuple) or (items[-1] != "..." and len(value) != len(items)):
                raise _wrong(where, "a list" if items[-1] == "..." else f"{len(items)} values", value)
            return tuple(self._field(items[0], entry, f"{where}[{index}]") for index, entry in enumerate(value))
        if annotation in self._nested:
            return self._object(self._nested[annotation], value, where)
        if annotation in self._choices:
            if value not in self._choices[annotation]:
                raise _wrong(where, "one of " + ", ".join(self._choices[annotation]), value)
            return value
        return _simple(annotation, value, where)


def _simple(annotation: str, value: Any, where: str) -> Any:
    expected, accepted = _PLAIN_TYPES[annotation]
    if not isinstance(value, accepted) or (isinstance(value, bool) and annotation != "bool"):
        raise _wrong(where, expected, value)
    _check_finite(value, where)
    if annotation != "float":
        return value
    assert isinstance(value, int | float)
    return float(value)


def _check_finite(value: Any, where: str) -> None:
    """JSON that other programs wrote may hold NaN, also deep inside an object of any form."""
    if isinstance(value, float) and not math.isfinite(value):
        raise _wrong(where, "a number", value)
    if isinstance(value, Mapping):
        for key, entry in value.items():
            _check_finite(entry, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for index, entry in enumerate(value):
            _check_finite(entry, f"{where}[{index}]")


def _wrong(where: str, expected: str, value: Any) -> UsageError:
    shown = repr(value)
    return UsageError(f"not a report: {where} should be {expected}, not {shown if len(shown) <= 60 else shown[:57] + '...'}")
