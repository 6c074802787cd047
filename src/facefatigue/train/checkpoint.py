"""A run's files: its settings, the last state to resume from, the best weights, and the log."""

from __future__ import annotations

import csv
import dataclasses
import io
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
SETTINGS_FILE = "settings.toml"
CURVES_FILE = "curves.png"
BOARD_FOLDER = "tensorboard"
MODEL_FOLDER = "model"
FORMAT = "facefatigue.train/4"

LogRow = dict[str, float | int | None]


@dataclass(kw_only=True)
class RunState:
    """Where a run stands after a step; everything that decides how it goes on.

    Attributes:
        identity: Decisive settings, the fingerprints of both lists and the number of processes, by name.
        epoch: Finished epochs.
        batches: Batches done of the epoch after those.
        sums: What they add up to; see :class:`facefatigue.train.epoch.Sums`.
        seconds: Time that they took.
        rows: The log, one row for each finished epoch.
        network: The network's state_dict.
        auxiliary: That of the auxiliary head; empty without auxiliary targets.
        frames: That of the head for frame targets; empty without such.
        optimiser: The optimiser's state_dict.
        scaler: That of the gradient scaler; empty without one.
        best: The weights that are kept so far, on the CPU; empty before the first epoch has ended.
        init: The setting ``init`` that the run was started with, and where its first weights came from, in words.
        random: For each process the state of torch's CPU generator, (bytes,) uint8, and of the device's where it has one.
    """

    identity: dict[str, Any]
    epoch: int
    batches: int
    sums: list[float]
    seconds: float
    rows: list[LogRow]
    network: dict[str, Any]
    auxiliary: dict[str, Any]
    frames: dict[str, Any]
    optimiser: dict[str, Any]
    scaler: dict[str, Any]
    best: dict[str, Any]
    init: tuple[str, str]
    random: list[dict[str, torch.Tensor]]


def save_state(state: RunState, folder: Path) -> None:
    """Write the last state, whole or not at all.

    Raises:
        OutputError: It cannot be written; the state before is still there.
    """
    buffer = io.BytesIO()  # torch's own writing to a full disk raises no OSError
    torch.save({"format": FORMAT, **vars(state)}, buffer)
    with atomic_path(folder / LAST_FILE) as path:
        path.write_bytes(buffer.getbuffer())


def write_log(rows: Sequence[LogRow], folder: Path) -> None:
    """Write log.csv, one row for each epoch; a figure that is not defined is empty.

    Raises:
        OutputError: The file cannot be written.
    """
    if not rows:
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with atomic_path(folder / LOG_FILE) as path:
        path.write_text(text.getvalue(), encoding="utf-8")


def load_state(folder: Path, identity: dict[str, Any]) -> RunState:
    """Read the last state of a run, without running code that a file might hold.

    Args:
        folder: The run's folder.
        identity: What the run must have been started with.

    Raises:
        ModelError: The file is damaged or of another kind.
        ConfigurationError: There is none, or the run was started with other settings or lists; all differences are named.
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
    files = (LAST_FILE, LOG_FILE, SETTINGS_FILE, MODEL_FOLDER)
    found = [name for name in files if (folder / name).exists()]
    if found:
        raise ConfigurationError(
            f"{folder} already holds a run ({', '.join(found)}); choose another folder, or continue it with --resume"
        )
