"""Signs on the terminal: one line beside a score, or a table of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from facefatigue.report.cells import duration_text
from facefatigue.report.comparison_rows import comparison_line
from facefatigue.report.names import display_name
from facefatigue.report.sign_rows import sign_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from facefatigue.estimate.sign_report import FaceSignReport, SignReport

# The events of the line, and what one and several of them are called.
_EVENTS = {
    "blinks": ("blink", "blinks"), "microsleeps": ("microsleep", "microsleeps"), "yawns": ("yawn", "yawns"),
    "nods": ("nod", "nods"),
}  # fmt: skip
_NOT_MEASURABLE = "not measurable"


def signs_line(signs: Mapping[str, Any]) -> str:
    """Blinks, PERCLOS, microsleeps, yawns and nods in one line; what could not be measured with the reason.

    Args:
        signs: As the report holds them.

    Returns:
        For example ``14 blinks a minute, PERCLOS 3 %, no microsleeps, 1 yawn, no nods``.
    """
    said = {"blinks": "", "perclos": "", "microsleeps": "", "yawns": "", "nods": ""}
    for key, (one, more) in _EVENTS.items():
        if (events := signs.get(key)) is not None:
            said[key] = _counted(len(events), one, more)
    if (rate := signs.get("blink_rate_per_min")) is not None:
        said["blinks"] = f"{rate:.0f} blinks a minute"
    if (closed := signs.get("perclos")) is not None:
        said["perclos"] = f"PERCLOS {100 * closed:.0f} %"
    missing: dict[str, list[str]] = {}
    reasons = signs.get("not_measurable") or {}
    for key in (key for key, text in said.items() if not text):
        name = "PERCLOS" if key == "perclos" else _EVENTS[key][1]
        missing.setdefault(str(reasons.get(key) or "not measured"), []).append(name)
    why = [f"{_listed(names)} {_NOT_MEASURABLE}: {reason}" for reason, names in missing.items()]
    found = ", ".join(text for text in said.values() if text)
    return "; ".join([found, *why] if found else why)


def _counted(number: int, one: str, more: str) -> str:
    return f"no {more}" if not number else f"1 {one}" if number == 1 else f"{number:,} {more}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def signs_table(report: SignReport) -> str:
    """A table of the signs of every face of a source: what was measured and what is usual, then what could not be, and why.

    Returns:
        Lines, without a newline at the end; one line for a source without a face.
    """
    source = f"{display_name(report.source.path)}, {duration_text(report.source.duration_s)}"
    if not report.faces:
        return f"{source}: no face was found"
    return "\n\n".join(f"{source}, {_about(face)}\n{_face_table(face.signs)}{_compared(face)}" for face in report.faces)


def _about(face: FaceSignReport) -> str:
    return f"face {face.track} (followed in {100 * face.coverage:.0f} % of the frames)"


def _compared(face: FaceSignReport) -> str:
    return "" if face.comparison is None else f"\n  {comparison_line(face.comparison)}"


def _face_table(signs: Mapping[str, Any]) -> str:
    rows = sign_rows(signs)
    width = max(len(_NOT_MEASURABLE), *(len(row.name) for row in rows))
    lines = [
        (row.name, f"{row.value} {row.unit}".rstrip() + f"  [usual: {row.usual.split(';')[0]}]") for row in rows if row.value
    ]
    missing: dict[str, list[str]] = {}
    for row in rows:
        if row.reason:
            missing.setdefault(row.reason, []).append(row.name)
    lines += [(_NOT_MEASURABLE, f"{_listed(names)}: {reason}") for reason, names in missing.items()]
    return "\n".join(f"  {name:<{width}}  {text}" for name, text in lines)
