"""Put several trainings of one network together by the mean of their weights, and measure all of them on validation clips.

    python tools/average_models.py MODEL MODEL ... --validation CLIPS --out FOLDER

Networks that were trained on from the same weights lie in one valley of the loss, and their mean is often better than each
(Izmailov et al., UAI 2018; Wortsman et al., ICML 2022); it costs nothing when it runs. The table on standard output says
whether that is so here: the mean is worth having only if it is better on the validation clips. FOLDER gets the model folder
`model` and, where every MODEL lies in the folder of its run, who they were trained on, so that nobody is tested by mistake.
A MODEL may be given twice to count twice.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from facefatigue.data.clip_list import check_rate, read_clips
from facefatigue.engine import open_engine
from facefatigue.errors import ConfigurationError, FaceFatigueError
from facefatigue.evaluate.measures import figures
from facefatigue.evaluate.predict import predict_clips
from facefatigue.model.artefact import load_artefact
from facefatigue.model.export import write_artefact
from facefatigue.model.weights import load_network
from facefatigue.train.people import People, read_people, write_people

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from facefatigue.data.clip_list import ClipList
    from facefatigue.model.artefact import Artefact

SHOWN = {"mae": "MAE", "rmse": "RMSE", "pearson": "Pearson", "ccc": "CCC", "accuracy": "Accuracy", "auc": "AUC"}


def mean_weights(all_weights: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each weight and of each running statistic, in float64; what is counted is taken from the first.

    Args:
        all_weights: State dictionaries of one architecture.
    """
    first = all_weights[0]
    return {
        name: torch.stack([own[name].double() for own in all_weights]).mean(0).to(tensor.dtype)
        if tensor.is_floating_point()
        else tensor.clone()
        for name, tensor in first.items()
    }


def check_same(models: Sequence[Artefact]) -> None:
    """Refuse models that are not trainings of one network.

    Raises:
        ConfigurationError: They differ in more than what a model says about itself.
    """
    first, *others = (model.config for model in models)
    for model, config in zip(models[1:], others, strict=True):
        told = {key: getattr(config, key) for key in ("name", "version", "licence", "training_data", "metrics")}
        if dataclasses.replace(first, **told) != config:
            raise ConfigurationError(f"{model.folder} is another network than {models[0].folder}")


def figures_of(model: Artefact, clips: ClipList, engine: str) -> dict[str, float | None]:
    """What one model makes of the validation clips."""
    opened = open_engine(model, engine=engine)
    try:
        return figures(predict_clips(clips, opened))
    finally:
        opened.close()


def people_together(models: Sequence[Artefact]) -> People | None:
    """Who shaped any of the models; None where that of one is not known."""
    known = [read_people(model.folder) for model in models]
    if any(own is None for own in known):
        return None
    return People(
        train=frozenset().union(*(own.train for own in known if own)),
        validation=frozenset().union(*(own.validation for own in known if own)),
        unknown="; ".join(sorted({own.unknown for own in known if own and own.unknown})),
    )


def average(args: argparse.Namespace) -> None:
    """Average, measure, write.

    Raises:
        FaceFatigueError: Something cannot be read or written, or does not fit.
    """
    models = [load_artefact(place) for place in args.models]
    if len(models) < 2:
        raise ConfigurationError("a mean needs at least two models")
    check_same(models)
    config = models[0].config
    clips = read_clips(args.validation, shape=(config.frames, config.size_px, config.size_px, 3))
    check_rate(args.validation, config.clip_spec)
    networks = [load_network(model.config, model.safetensors_path) for model in models]
    network = networks[0]
    network.load_state_dict(mean_weights([one.state_dict() for one in networks]))
    rows = {str(place): figures_of(model, clips, args.engine) for place, model in zip(args.models, models, strict=True)}
    card = f"# {config.name}\n\nThe mean of the weights of {len(models)} trainings, made by tools/average_models.py.\n"
    made = write_artefact(network, dataclasses.replace(config, metrics={}), args.out / "model", card).artefact
    rows["mean of the weights"] = found = figures_of(made, clips, args.engine)
    table = [f"| Model | {' | '.join(SHOWN.values())} |", f"| :--- |{' ---: |' * len(SHOWN)}"]
    table += [
        f"| {name} | " + " | ".join("–" if own[key] is None else f"{own[key]:.4f}" for key in SHOWN) + " |"
        for name, own in rows.items()
    ]
    where = f"{len(clips)} validation clips of {len(clips.subjects)} subjects, {clips.path.parent.name}"
    told = {f"validation_{key}": round(value, 4) for key in SHOWN if (value := found[key]) is not None}
    config = dataclasses.replace(config, metrics={**told, "validation_note": "these clips chose the models"})
    card += "\n" + "\n".join(table) + f"\n\nMeasured on {where}; they also chose the models.\n"
    write_artefact(network, config, args.out / "model", card)
    if (people := people_together(models)) is not None:
        write_people(args.out, people)
    sys.stdout.write("\n".join(table) + f"\n\n{where}\n")


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL", help="name or folder of a trained model")
    parser.add_argument("--validation", type=Path, required=True, metavar="CLIPS", help="list of the validation clips")
    parser.add_argument("--engine", default="auto", help="auto, onnxruntime, openvino or torch (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder for the mean")
    return parser.parse_args(given)


def main() -> None:
    """Run, with errors as one line."""
    try:
        average(arguments())
    except FaceFatigueError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
