"""Who a run trained on and chose by, so that nobody of them is tested by mistake."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facefatigue.atomic import atomic_path
from facefatigue.model.artefact import artefact_names

if TYPE_CHECKING:
    from collections.abc import Iterable

PEOPLE_FILE = "people.json"


@dataclass(frozen=True, kw_only=True)
class People:
    """Who shaped a model.

    Attributes:
        train: Everyone it was trained on, those of the model that it was started from included.
        validation: Everyone who chose a checkpoint, likewise.
        unknown: What else shaped it, of whose people nothing is known; empty if nothing did.
    """

    train: frozenset[str]
    validation: frozenset[str]
    unknown: str = ""


def people_of(train: Iterable[str], validation: Iterable[str], init: str) -> People:
    """Who shapes a run's model: its own two lists, and those of the model that it starts from.

    Args:
        train: Subjects of the training list.
        validation: Subjects of the validation list.
        init: Where the first weights come from; empty: drawn.
    """
    earlier = read_people(Path(init)) if init and init not in artefact_names() else None
    known = earlier or People(train=frozenset(), validation=frozenset())
    unknown = f"the first weights ({init})" if init and earlier is None else known.unknown
    return People(train=known.train | set(train), validation=known.validation | set(validation), unknown=unknown)


def write_people(folder: Path, people: People) -> None:
    """Write down who shapes a run's model, in the run's folder; the model folder holds no names.

    Raises:
        OutputError: It cannot be written.
    """
    entries = {"train": sorted(people.train), "validation": sorted(people.validation), "unknown": people.unknown}
    with atomic_path(folder / PEOPLE_FILE) as path:
        path.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_people(model: Path) -> People | None:
    """Who a model was trained on, if it still lies in the folder of its run.

    Args:
        model: The model folder.
    """
    try:
        entries = json.loads((Path(model).resolve().parent / PEOPLE_FILE).read_text(encoding="utf-8"))
        return People(
            train=frozenset(entries["train"]), validation=frozenset(entries["validation"]), unknown=entries["unknown"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
