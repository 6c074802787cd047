"""Who a model has seen: nobody of them is measured or calibrated on by mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefatigue.errors import ConfigurationError
from facefatigue.train.people import read_people

if TYPE_CHECKING:
    from collections.abc import Iterable

    from facefatigue.model.artefact import Artefact


def people_notes(artefact: Artefact, subjects: Iterable[str], *, allow: bool = False) -> list[str]:
    """Refuse to measure a model on people that it was trained on, or say so; say, too, when nobody can know.

    Args:
        artefact: The model; if it lies in the folder of its run, that knows who shaped it.
        subjects: Whom it is to be measured on.
        allow: Measure all the same, and have it said.

    Returns:
        What belongs beside every figure.

    Raises:
        ConfigurationError: It was trained on one of them, who is named.
    """
    people, measured = read_people(artefact.folder), set(subjects)
    if people is None:
        return ["The people that the model was trained on are not known here; nobody of them should be among these."]
    seen, chose = sorted(measured & people.train), sorted(measured & people.validation)
    named = ", ".join(repr(name) for name in seen[:3]) + (f" and {len(seen) - 3} more" if len(seen) > 3 else "")
    if seen and not allow:
        raise ConfigurationError(
            f"{artefact.folder} was trained on {named}, who are among the people to measure it on; measure it on others "
            "(--split and --part test), or give --people-seen to have it said in every output"
        )
    notes = []
    if seen:
        notes.append(f"NOT A TEST: the model was trained on {len(seen)} of these {len(measured)} people ({named}).")
    if chose:
        notes.append(f"{len(chose)} of these {len(measured)} people chose the checkpoint, so the figures flatter it.")
    if people.unknown:
        notes.append(f"Whose faces shaped {people.unknown} is not known; nobody of them should be among these people.")
    return notes


def refuse_trained_on(artefact: Artefact, subjects: Iterable[str], what: str) -> None:
    """Refuse to calibrate a model on people that it was trained on.

    Args:
        artefact: The model.
        subjects: Whom it is to be calibrated on.
        what: What to call them.

    Raises:
        ConfigurationError: It was trained on one of them, who is named.
    """
    people = read_people(artefact.folder)
    if people is not None and (seen := sorted(set(subjects) & people.train)):
        raise ConfigurationError(
            f"the model was trained on {seen[0]!r} and perhaps others of {what}; calibrate it on other people"
        )
