"""Running a grid over folds: each variant is trained and tested on the same people, and what is done stays done."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from facefatigue.atomic import atomic_path, make_folder
from facefatigue.data.clip_list import check_rate, check_trainable
from facefatigue.data.rows import FaultsError
from facefatigue.engine import open_engine
from facefatigue.errors import ConfigurationError, ModelError
from facefatigue.evaluate import concatenate, read_predictions, write_predictions
from facefatigue.evaluate.predict import predict_clips
from facefatigue.locks import only_run_in
from facefatigue.model.artefact import load_artefact
from facefatigue.train.checkpoint import LAST_FILE, MODEL_FOLDER
from facefatigue.train.loop import train
from facefatigue.train.parallel import make_fabric
from facefatigue.train.people import people_of
from facefatigue.train.readings import KeptReadings
from facefatigue.train.start import fingerprint_of, first_network

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from facefatigue.ablate.grid import Grid, Variant
    from facefatigue.data.clip_list import ClipList
    from facefatigue.data.split import Split
    from facefatigue.evaluate import Predictions
    from facefatigue.train.checkpoint import LogRow

IDENTITY_FILE = "ablation-runs.json"
RUNS_FOLDER = "runs"
_PREDICTIONS = "predictions.csv"
_SUMMARY = "summary.json"


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A variant after all its folds.

    Attributes:
        variant: The variant.
        predictions: Of the test people of all folds, with their fold; None if a fold failed.
        parameters: Numbers that are trained.
        epochs: Epochs trained, of all folds.
        seconds: Time that they took.
        failure: Why a fold failed; None if none did.
    """

    variant: Variant
    predictions: Predictions | None
    parameters: int
    epochs: int
    seconds: float
    failure: str | None


def run_grid(
    grid: Grid,
    clips: ClipList,
    split: Split,
    out: Path,
    *,
    folds: Sequence[int] | None = None,
    device: str = "auto",
    on_epoch: Callable[[str, int, LogRow], None] | None = None,
    on_fold: Callable[[str, int, bool], None] | None = None,
) -> list[Tested]:
    """Train and test every variant on every fold.

    Folds come outermost, so that a stopped run has all variants on the same people. A fold that is done is not done again;
    one that was stopped goes on where it was. A variant whose training fails does not stop the others.

    Args:
        grid: The variants.
        clips: All clips, of the form that the settings want before frames are left out.
        split: Who is on which side.
        out: Folder for the runs; made if it is missing.
        folds: Which folds, from 0; None: all.
        device: "auto", "cpu" or "cuda".
        on_epoch: Called with the variant, the fold and the row of the log.
        on_fold: Called with the variant, the fold (from 0) and whether it had been done before.

    Returns:
        One entry for each variant, in order.

    Raises:
        ConfigurationError: The folder belongs to another grid, a fold does not exist, or the clips do not fit; nothing has
            been trained then.
        OutputError: A file cannot be written.
    """
    chosen = list(range(len(split.folds))) if folds is None else sorted(set(folds))
    _check(grid, clips, split, chosen, device=device)
    failures: dict[str, str] = {}
    with only_run_in(out):
        _same_grid(out, grid, clips, split)
        for fold in chosen:
            kept = KeptReadings()
            for variant in grid.variants:
                if variant.name in failures:
                    continue
                folder = fold_folder(out, variant.name, fold)
                done = _summary(folder) is not None and (folder / _PREDICTIONS).exists()
                try:
                    if not done:
                        _one(variant, clips, split, fold, folder, device=device, kept=kept, on_epoch=on_epoch)
                except ModelError as error:
                    failures[variant.name] = f"fold {fold + 1}: {error}"
                    continue
                if on_fold is not None:
                    on_fold(variant.name, fold, done)
    return [_collected(variant, out, chosen, failures.get(variant.name)) for variant in grid.variants]


def fold_folder(out: Path, variant: str, fold: int) -> Path:
    """Where one variant's run on one fold lies."""
    return out / RUNS_FOLDER / variant / f"fold-{fold + 1}"


def _check(grid: Grid, clips: ClipList, split: Split, folds: Sequence[int], *, device: str) -> None:
    """Everything that can be refused before an hour is spent."""
    faults = []
    for variant in grid.variants:
        try:
            check_rate(clips.path, variant.settings.clip_spec, every=variant.every)
            make_fabric(device=device, devices=1, precision=variant.settings.precision)
            with torch.random.fork_rng(devices=[]):
                first_network(variant.settings)
        except (ConfigurationError, ModelError) as error:
            faults.append(f"{variant.name}: {error}")
            continue
        earlier = people_of((), (), variant.settings.init)
        if shaped := sorted(clips.subjects & (earlier.train | earlier.validation)):
            faults.append(
                f"{variant.name}: its first weights were shaped by {shaped[0]!r} and perhaps others of {clips.path}"
            )
        seen = variant.of(clips).shape
        if seen != variant.settings.clip_spec.shape:
            faults.append(f"{variant.name}: the clips are {seen}, but its settings want {variant.settings.clip_spec.shape}")
        faults += [
            f"{variant.name}: {clips.path} has no column {name}"
            for name in variant.settings.auxiliary
            if name not in clips.columns
        ]
    if faults:
        raise FaultsError("the grid", faults)
    for fold in folds:
        check_trainable(split.parts(clips, fold)["train"])


def _same_grid(out: Path, grid: Grid, clips: ClipList, split: Split) -> None:
    """The folder belongs to one grid on one list and split; variants may be added."""
    identity: dict[str, Any] = {"clips": clips.fingerprint, "split": split.sha256}
    variants = {
        variant.name: json.loads(json.dumps({**variant.settings.decisive(), "init": fingerprint_of(variant.settings.init)}))
        for variant in grid.variants
    }
    path = out / IDENTITY_FILE
    if path.exists():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            others = {key for key in identity if found[key] != identity[key]}
            others |= {f"variant {name}" for name, own in variants.items() if found["variants"].get(name, own) != own}
            variants = {**found["variants"], **variants}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise ConfigurationError(f"{path} is damaged; choose another folder") from None
        if others:
            raise ConfigurationError(
                f"{out} holds another ablation ({', '.join(sorted(others))} differ); choose another folder"
            )
    make_folder(out)
    with atomic_path(path) as partial:
        partial.write_text(json.dumps({**identity, "variants": variants}, indent=1) + "\n", encoding="utf-8")


def _one(
    variant: Variant,
    clips: ClipList,
    split: Split,
    fold: int,
    folder: Path,
    *,
    device: str,
    kept: KeptReadings,
    on_epoch: Callable[[str, int, LogRow], None] | None,
) -> None:
    parts = split.parts(clips, fold)
    used = {part: variant.of(own) for part, own in parts.items()}

    def after_epoch(row: LogRow) -> None:
        if on_epoch is not None:
            on_epoch(variant.name, fold, row)

    result = train(
        used["train"],
        used["validation"],
        folder,
        variant.settings,
        resume=(folder / LAST_FILE).exists(),
        device=device,
        kept=kept,
        on_epoch=after_epoch,
    )
    artefact = load_artefact(folder / MODEL_FOLDER)
    engine = open_engine(artefact, engine="onnxruntime")
    predictions = predict_clips(used["test"], engine)
    engine.close()
    write_predictions(predictions, folder / _PREDICTIONS)
    seconds = sum(float(row["seconds"] or 0) for row in result.rows)
    summary = {"parameters": _parameters(folder), "epochs": len(result.rows), "seconds": seconds}
    with atomic_path(folder / _SUMMARY) as path:
        path.write_text(json.dumps(summary) + "\n", encoding="utf-8")


def _summary(folder: Path) -> dict[str, Any] | None:
    """What a finished fold says of itself; it is written last."""
    try:
        found = json.loads((folder / _SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.keys() >= {"parameters", "epochs", "seconds"} else None


def _parameters(folder: Path) -> int:
    from facefatigue.model.weights import load_network

    artefact = load_artefact(folder / MODEL_FOLDER)
    return sum(tensor.numel() for tensor in load_network(artefact.config, artefact.safetensors_path).parameters())


def _collected(variant: Variant, out: Path, folds: Sequence[int], failure: str | None) -> Tested:
    if failure is not None:
        return Tested(variant=variant, predictions=None, parameters=0, epochs=0, seconds=0.0, failure=failure)
    parts, summaries = [], []
    for fold in folds:
        folder = fold_folder(out, variant.name, fold)
        parts.append(read_predictions(folder / _PREDICTIONS).in_fold(fold + 1))
        if (summary := _summary(folder)) is None:
            raise ConfigurationError(f"{folder / _SUMMARY} is gone; run the same command again")
        summaries.append(summary)
    return Tested(
        variant=variant,
        predictions=concatenate(parts),
        parameters=summaries[0]["parameters"],
        epochs=sum(summary["epochs"] for summary in summaries),
        seconds=sum(summary["seconds"] for summary in summaries),
        failure=None,
    )
