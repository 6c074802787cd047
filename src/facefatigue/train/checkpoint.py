"""A run's files: its settings, the last state to resume from, the best weights, and the log."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from facefatigue.atomic import atomic_path
from facefatigue.errors import ConfigurationError, ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LAST_FILE = "last.pt"
BEST_FILE = "best.safetensors"
LOG_FILE = "log.csv"
SETTINGS_FILE = "settings.json"
MODEL_FOLDER = "model"
FORMAT = "facefatigue.train/1"

LogRow = dict[str, float | int | None]


@dataclass(kw_only=True)
class RunState:
    """Where a run stands after an epoch; everything that decides how it goes on.

    Attributes:
        identity: Decisive settings and the fingerprints of both lists, by name.
        epoch: Finished epochs.
        rows: The log, one row for each finished epoch.
        network: The network's state_dict.
        auxiliary: That of the auxiliary head; empty without auxiliary targets.
        optimiser: The optimiser's state_dict.
        random: torch's CPU generator state, (bytes,) uint8, and that of the device where it has one.
    """

    identity: dict[str, Any]
    epoch: int
    rows: list[LogRow]
    network: dict[str, Any]
    auxiliary: dict[str, Any]
    optimiser: dict[str, Any]
    random: dict[str, torch.Tensor]


def save_state(state: RunState, folder: Path) -> None:
    """Write the log and the last state, each whole or not at all.

    Raises:
        OutputError: A file cannot be written.
    """
    buffer = io.BytesIO()  # torch's own writing to a full disk raises no OSError
    torch.save({"format": FORMAT, **vars(state)}, buffer)
    with atomic_path(folder / LAST_FILE) as path:
        path.write_bytes(buffer.getbuffer())
    write_log(state.rows, folder)


def write_log(rows: Sequence[LogRow], folder: Path) -> None:
    """Write log.csv, one row for each epoch; a figure that is not defined is empty.

    Raises:
        OutputError: The file cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with atomic_path(folder / LOG_FILE) as path:
        path.write_text(text.getvalue(), encoding="utf-8")


def write_settings(entries: dict[str, Any], folder: Path) -> None:
    """Write settings.json for whoever looks at the run later; shows at once whether the folder can be written.

    Raises:
        OutputError: The file cannot be written.
    """
    with atomic_path(folder / SETTINGS_FILE) as path:
        path.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load_state(folder: Path, identity: dict[str, Any]) -> RunState:
    """Read the last state of a run, without running code that a file might hold.

    Args:
        folder: The run's folder.
        identity: What the run must have been started with.

    Raises:
        ModelError: The file is missing, damaged or of another kind.
        ConfigurationError: The run was started with other settings or lists; all differences are named.
    """
    path = folder / LAST_FILE
    if not path.is_file():
        raise ConfigurationError(f"{folder} has no {LAST_FILE} to resume from; start without --resume")
    try:
        entries = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds, down to plain RuntimeError and pickle's own
        raise ModelError(f"{path} cannot be read as a training state: {str(error).splitlines()[0]}") from error
    if not isinstance(entries, dict) or entries.pop("format", None) != FORMAT:
        raise ModelError(f"{path} is not a training state of this version ({FORMAT})")
    if entries.keys() != {field.name for field in dataclasses.fields(RunState)}:
        raise ModelError(f"{path} is damaged: it does not hold what a training state holds")
    state = RunState(**entries)
    differences = [
        f"{key} is {identity.get(key)!r} but was {state.identity.get(key)!r}"
        for key in sorted(identity.keys() | state.identity.keys())
        if identity.get(key) != state.identity.get(key)
    ]
    if differences:
        raise ConfigurationError(f"{folder} cannot be resumed: it was started with other settings: {'; '.join(differences)}")
    return state


def refuse_started(folder: Path) -> None:
    """Refuse a folder in which a run was started.

    Raises:
        ConfigurationError: There is a run.
    """
    files = (LAST_FILE, LOG_FILE, MODEL_FOLDER)  # best.safetensors alone is what an interrupted first epoch leaves
    found = [name for name in files if (folder / name).exists()]
    if found:
        raise ConfigurationError(
            f"{folder} already holds a run ({', '.join(found)}); choose another folder, or continue it with --resume"
        )
