"""Make the model folder that ships out of a trained one: calibrated, with a card that says what was measured.

    python tools/ship_model.py RUN/model --validation CLIPS --notes NOTES.md --recipe COMMANDS.sh --out FOLDER

The probability of fatigue is calibrated on the validation clips, which chose the checkpoint anyway, by one temperature (Guo
et al., ICML 2017); it is built into the last layer, so that every engine gives calibrated logits. The limits below which
`predict` says nothing are checked on the same clips. The card is NOTES.md with the paragraphs that this tool measures put in
for {model}, {training}, {calibration} and {limits}, and for {recipe} the commands of a file; the table of
tools/evaluate_default.py goes between its marks (--write FOLDER/card.md).
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from facefatigue.clips.quality import crop_quality
from facefatigue.data.clip_list import check_rate, read_clips
from facefatigue.engine import open_engine
from facefatigue.errors import ConfigurationError, FaceFatigueError
from facefatigue.estimate.limits import Limits
from facefatigue.evaluate import estimates
from facefatigue.evaluate.calibration import expected_calibration_error
from facefatigue.evaluate.predict import predict_clips
from facefatigue.evaluate.recalibration import fit_temperature
from facefatigue.faces import Face
from facefatigue.model.artefact import load_artefact
from facefatigue.model.export import write_artefact
from facefatigue.model.weights import load_network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefatigue.data.clip_list import ClipList
    from facefatigue.evaluate import Predictions
    from facefatigue.model.network import FatigueNet

PLACES = ("model", "training", "calibration", "limits", "recipe")
_EYE_XY = ((0.35, 0.35), (0.65, 0.35), (0.5, 0.55), (0.4, 0.75), (0.6, 0.75))  # of an aligned crop


def with_temperature(network: FatigueNet, temperature: float) -> FatigueNet:
    """A copy of a network whose logits are divided by a temperature."""
    cooled = copy.deepcopy(network)
    with torch.no_grad():
        cooled.head.weight.div_(temperature)
        cooled.head.bias.div_(temperature)
    return cooled


def calibration_text(before: Predictions, after: Predictions, temperature: float, *, where: str) -> str:
    """What one temperature did, Markdown."""
    rows = []
    for name, found in (("as trained", before), ("calibrated", after)):
        figures = estimates(found, draws=200)
        error = expected_calibration_error(found.fatigue_probability, found.is_fatigue)
        rows.append(f"| {name} | {error:.3f} | {_number(figures['brier'].value)} | {_number(figures['mae'].value)} |")
    return "\n".join(
        [
            f"Temperature {temperature:.3f}, fitted on {where} and built into the last layer. On these clips:",
            "",
            "| | expected calibration error | Brier score | MAE of the score |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def qualities_of(clips: ClipList) -> dict[str, NDArray[np.float64]]:
    """What `predict` measures of a window's quality: median brightness and sharpness of each clip, and its eye distance."""
    points = np.array(_EYE_XY)
    brightness, sharpness = [], []
    for number in range(len(clips)):
        crops = clips.crops(number)
        side = crops.shape[1]
        face = Face(box=np.array([0.0, 0.0, side, side]), probability=1.0, landmarks=points * side)
        seen = [crop_quality(crop, face) for crop in crops[:: max(len(crops) // 4, 1)]]
        brightness.append(float(np.median([one.brightness for one in seen])))
        sharpness.append(float(np.median([one.sharpness for one in seen])))
    found = {"brightness": np.array(brightness), "sharpness": np.array(sharpness)}
    if "eye_distance_px" in clips.columns:
        found["eye_distance_px"] = np.array([float(value) for value in clips.column("eye_distance_px")])
    return found


def limits_text(found: Predictions, qualities: dict[str, NDArray[np.float64]]) -> str:
    """The error in quarters of each quality, and below the limits of `predict`, Markdown."""
    error = np.abs(found.score - found.target)
    always = float(np.abs(found.target - found.target.mean()).mean())
    titles = {"brightness": "brightness", "sharpness": "sharpness", "eye_distance_px": "distance between the eyes (px)"}
    lines = [
        f"`predict` says nothing about windows below its limits. MAE of all validation clips {error.mean():.3f};",
        f"always saying the mean score {always:.3f}.",
        "",
        "| | limit | below the limit: clips, MAE | lowest quarter | second | third | highest |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, values in qualities.items():
        limit = float(getattr(Limits(), name))
        low = values < limit
        edges = np.quantile(values, [0.25, 0.5, 0.75])
        quarter = np.searchsorted(edges, values)
        cells = [f"{_number(_mean(error[(quarter == k) & ~low]))} ({_range(values, quarter == k)})" for k in range(4)]
        below = f"{int(low.sum())}, {_number(_mean(error[low]))}"
        lines.append(f"| {titles[name]} | {limit:g} | {below} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if len(values) else None


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _range(values: NDArray[np.float64], which: NDArray[np.bool_]) -> str:
    own = values[which]
    return f"{own.min():.3g} to {own.max():.3g}" if len(own) else "none"


def fill(notes: str, paragraphs: dict[str, str]) -> str:
    """The card: notes with every place filled.

    Raises:
        ConfigurationError: A place is missing, so that something measured would not be told.
    """
    if missing := [name for name in PLACES if f"{{{name}}}" not in notes]:
        raise ConfigurationError(f"the notes have no place for {', '.join(missing)}")
    for name, text in paragraphs.items():
        notes = notes.replace(f"{{{name}}}", text.rstrip().lstrip("\n"))
    return notes


def training_text(card: str) -> str:
    """The card of a training run without its title, one level further down."""
    _, _, rest = card.partition("\n")
    body = rest.replace("This is not a medical or safety device.", "")
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in body.splitlines())


def recipe_text(commands: str) -> str:
    """The commands of a shell script as a block of Markdown."""
    return "\n".join(f"    {line}".rstrip() for line in commands.splitlines() if not line.startswith(("#!", "set ")))


def ship(args: argparse.Namespace) -> None:
    """Calibrate, check, write.

    Raises:
        FaceFatigueError: Something cannot be read or written, or does not fit.
    """
    artefact = load_artefact(args.model)
    config = artefact.config
    clips = read_clips(args.validation, shape=(config.frames, config.size_px, config.size_px, 3))
    check_rate(args.validation, config.clip_spec)
    notes = args.notes.read_text(encoding="utf-8")
    before = predict_clips(clips, open_engine(artefact, engine="onnxruntime"))
    where = f"{len(before)} synthetic clips of {len(before.subjects)} identities"
    temperature = fit_temperature(before, fitted_on=where).temperature
    network = with_temperature(load_network(config, artefact.safetensors_path), temperature)
    metrics = {**config.metrics, "temperature": round(temperature, 4)}
    changes = {"name": args.name, "version": args.version, "training_data": args.training_data}
    config = dataclasses.replace(config, metrics=metrics, **{key: value for key, value in changes.items() if value})
    shipped = write_artefact(network, config, args.out, artefact.card_text()).artefact
    after = predict_clips(clips, open_engine(shipped, engine="onnxruntime"))
    paragraphs = {
        "model": f"- Name: {config.name}\n- Version: {config.version}\n- Licence: {config.licence}\n"
        f"- Training data: {config.training_data}",
        "training": training_text(artefact.card_text()),
        "calibration": calibration_text(before, after, temperature, where=where),
        "limits": limits_text(after, qualities_of(clips)),
        "recipe": recipe_text(args.recipe.read_text(encoding="utf-8")),
    }
    write_artefact(network, config, args.out, fill(notes, paragraphs))
    sys.stderr.write(
        f"{args.out}: temperature {temperature:.3f}; now tools/evaluate_default.py --write {args.out}/card.md\n"
    )


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="name or folder of the trained model")
    parser.add_argument("--validation", type=Path, required=True, help="list of the validation clips")
    parser.add_argument("--notes", type=Path, required=True, help="the card, with places for what is measured")
    parser.add_argument("--recipe", type=Path, required=True, help="the commands that trained it")
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--name", help="name of the shipped model (default: the trained one's)")
    parser.add_argument("--version", help="its version (default: the trained one's)")
    parser.add_argument("--training-data", help="one sentence (default: the trained one's)")
    return parser.parse_args(given)


def main() -> None:
    """Run, with errors as one line."""
    try:
        ship(arguments())
    except FaceFatigueError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
