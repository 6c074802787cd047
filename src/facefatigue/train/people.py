"""Who a run trained on and chose by, so that nobody of them is tested by mistake."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facefatigue.atomic import atomic_path

if TYPE_CHECKING:
    from collections.abc import Iterable

PEOPLE_FILE = "people.json"


@dataclass(frozen=True, kw_only=True)
class People:
    """The subjects of a run's two lists."""

    train: frozenset[str]
    validation: frozenset[str]


def write_people(folder: Path, *, train: Iterable[str], validation: Iterable[str]) -> None:
    """Write down the subjects of a run, in its folder; the model folder holds no names.

    Raises:
        OutputError: It cannot be written.
    """
    entries = {"train": sorted(train), "validation": sorted(validation)}
    with atomic_path(folder / PEOPLE_FILE) as path:
        path.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_people(model: Path) -> People | None:
    """Who a model was trained on, if it still lies in the folder of its run.

    Args:
        model: The model folder.
    """
    try:
        entries = json.loads((Path(model).absolute().parent / PEOPLE_FILE).read_text(encoding="utf-8"))
        return People(train=frozenset(entries["train"]), validation=frozenset(entries["validation"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
