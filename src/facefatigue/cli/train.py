"""``facefatigue train``: train a network on labelled clips."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from facefatigue.data.frame_targets import FRAME_TARGETS
from facefatigue.errors import EXIT_OK, MissingExtraError, UsageError
from facefatigue.train.presets import PRESETS, make_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.data.clip_list import ClipList
    from facefatigue.train.checkpoint import LogRow
    from facefatigue.train.settings import TrainSettings

DESCRIPTION = """\
Train a network on labelled clips, after "Machine vision to human facial fatigue with nonlocal 3D attention network"
(arXiv:2104.10420). Needs facefatigue[train].

LIST is a manifest.csv of clips, or the folder it is in, as `facefatigue prepare` and `facefatigue synth render` write it.
Give a training and a validation list, or one list and a split (`facefatigue data split`). Nobody may be on both sides.

Settings come from --preset, then from a TOML file (--config), then from the flags, then from KEY=VALUE. --preset paper is
the published recipe to the letter: width 64, clips of 32 frames of 224 px, Adam at 1e-5 over 500 epochs, and first weights
inflated from a 2D ResNet-18 that was trained on faces (--init). --preset default is what does better by our own measurements
(docs/experiments.md), on a network that two CPU cores can train. Every run leaves its settings.toml, which --config takes.

DIR gets settings.toml, log.csv (one row an epoch), curves.png, tensorboard/, last.pt (--resume continues from it),
best.safetensors and model, a folder that `facefatigue predict --model` takes.

Several processes: --devices N on one machine, or torchrun -m facefatigue train ... on any number of them."""

EPILOG = """\
examples:
  facefatigue train --train clips/train --val clips/val --out runs/first
  facefatigue train --clips clips --split split.json --fold 1 --out runs/fold-1 epochs=30 dropout=0.3
  facefatigue train --clips clips --split split.json --out runs/paper --preset paper --init resnet18_faces.pth
  facefatigue train --train clips/train --val clips/val --out runs/first --resume
  facefatigue predict video.mp4 --model runs/first/model"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand. Flags that the published training command has, too, are also accepted in its spelling."""
    parser = subparsers.add_parser(
        "train",
        help="train a network on labelled clips",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("assignments", nargs="*", metavar="KEY=VALUE", help="any setting by its name in settings.toml")
    _add_data(parser)
    _add_recipe(parser)
    _add_network(parser)
    _add_machine(parser)
    parser.set_defaults(run=run)


def _add_data(parser: argparse.ArgumentParser) -> None:
    files = parser.add_argument_group("data")
    files.add_argument("--train", "--arg_rootTrain", dest="train", type=Path, metavar="LIST", help="training clips")
    files.add_argument("--val", "--arg_rootEval", dest="val", type=Path, metavar="LIST", help="validation clips")
    files.add_argument("--clips", type=Path, metavar="LIST", help="all clips; needs --split")
    files.add_argument("--split", type=Path, metavar="FILE", help="who is on which side")
    files.add_argument("--fold", type=int, default=1, metavar="N", help="fold of the split, from 1 (default: 1)")
    files.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder for the run")
    files.add_argument("--resume", action="store_true", help="continue the run in DIR; the settings must be the same")
    files.add_argument(
        "-e", "--evaluate", action="store_true", help="train nothing: evaluate DIR/model on the validation clips"
    )


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    recipe = parser.add_argument_group("recipe (without a value here: that of the preset)")
    recipe.add_argument("--preset", choices=tuple(PRESETS), default="default", help="(default: %(default)s)")
    recipe.add_argument("--config", type=Path, metavar="FILE", help="TOML file of settings")
    _add(recipe, "init", str, "first weights: a model folder, or a 2D ResNet to inflate", "--init")
    _add(recipe, "epochs", int, "passes over the training clips", "--epochs")
    _add(recipe, "learning_rate", float, "the optimiser's rate at the start", "--lr", "--learning-rate")
    _add(recipe, "schedule", str, "steps or cosine", "--schedule")
    _add(recipe, "optimiser", str, "adam or adamw", "--optimiser")
    _add(recipe, "momentum", float, "the optimiser's first β", "--momentum")
    _add(recipe, "weight_decay", float, "L2 penalty (adam) or decay (adamw)", "--weight-decay", "--wd")
    _add(recipe, "batch_size", int, "clips in a batch of one process", "--batch-size", "--batch_size")
    _add(recipe, "accumulation", int, "batches that make one step", "--accumulation", "--accumulation_step")
    _add(recipe, "clip_norm", float, "largest norm of a gradient", "--clip-norm")
    _add(recipe, "loss_alpha", float, "weight of the class loss beside the MSE", "--loss-alpha", "--loss_alpha")
    _add(recipe, "class_loss", str, "cross_entropy or ordinal", "--class-loss")
    _add(recipe, "label_smoothing", float, "share of the target spread over all classes", "--label-smoothing")
    _add(recipe, "bootstrap", float, "λ of the bootstrapped cross-entropy", "--bootstrap")
    recipe.add_argument(
        "--auxiliary",
        type=_names,
        metavar="COLUMN,...",
        help="columns of the training list that are further targets in training, such as closure,mouth",
    )
    _add(recipe, "auxiliary_weight", float, "weight of the further targets", "--auxiliary-weight")
    recipe.add_argument(
        "--frame-targets",
        type=_names,
        metavar="NAME,...",
        help=f"what lies beside the shards of every frame and is to be read: {', '.join(FRAME_TARGETS)}",
    )
    _add(recipe, "frame_weight", float, "weight of the frame targets", "--frame-weight")
    _add(recipe, "score_weight", float, "weight of the score; 0 trains the frame targets alone", "--score-weight")
    _add(recipe, "init_part", str, "all of the model of --init, or frames: draw what looks over time", "--init-part")
    _add(recipe, "freeze", str, "frames: train only what resnet2d_cues makes of frames over time", "--freeze")
    _add(recipe, "patience", int, "epochs without a better validation loss until training ends", "--patience")
    _add(recipe, "keep_best", str, "loss, or loss_and_mse: both must get lower", "--keep-best")
    _add(recipe, "seed", int, "of weights, order, augmentation and dropout", "--seed")
    _add(recipe, "augmentation", str, "none, published or strong", "--augmentation")
    recipe.add_argument(
        "--no-augment", dest="augmentation", action="store_const", const="none", help="the same as --augmentation none"
    )
    recipe.add_argument(
        "--is_pretreat",
        dest="augmentation",
        type=_pretreat,
        metavar="BOOL",
        help="the published switch: true is --augmentation published, false none",
    )
    recipe.add_argument(
        "--is_test",
        "--validate",
        dest="validate",
        type=_bool,
        metavar="BOOL",
        help="whether to validate after each epoch; without, the last weights are kept",
    )


def _add_network(parser: argparse.ArgumentParser) -> None:
    network = parser.add_argument_group("network")
    _add(network, "backbone", str, "resnet3d, r2plus1d, resnet2d, resnet2d_attention or resnet2d_cues", "--backbone")
    _add(network, "depth", int, "layers: 10, 18, 34, 50, 101, 152 or 200", "--depth")
    _add(network, "first_channel", int, "width of the first stage: 8, 16, 32 or 64", "--first-channel", "--first_channel")
    _add(
        network, "non_local_position", int, "stage with the non-local block, 0 for none",
        "--non-local-pos", "--non_local_pos",
    )  # fmt: skip
    _add(network, "non_local_mode", str, "embedded_gaussian, gaussian, dot or concatenate", "--non-local-mode")
    _add(network, "non_local_placement", str, "inside the stage or after it", "--non-local-placement")
    _add(network, "classes", int, "bins of the score; 1: a sigmoid and MSE alone", "--num-classes", "--num_classes")
    _add(network, "dropout", float, "share of features dropped before the last layer", "--dropout")
    network.add_argument(
        "--cues", type=_names, metavar="NAME,...", help="frame targets that resnet2d_cues reads and forms fatigue from"
    )
    _add(network, "temporal_input", str, "what it forms fatigue from: cues, features or both", "--temporal-input")
    _add(network, "frames", int, "frames of a clip", "--frames")
    _add(network, "size_px", int, "height and width of a clip in pixels", "--size")
    _add(network, "frame_rate_hz", float, "frames per second of the clips", "--frame-rate")

    model = parser.add_argument_group("what the model says about itself")
    model.add_argument("--name", help="its name (default: that of DIR)")
    _add(model, "version", str, "version of the weights", "--model-version")
    _add(model, "licence", str, "licence of the weights", "--licence")
    _add(model, "training_data", str, "what it was trained on, under which licence", "--training-data")


def _add_machine(parser: argparse.ArgumentParser) -> None:
    machine = parser.add_argument_group("machine")
    machine.add_argument("--device", default="auto", help="auto, cpu or cuda (default: %(default)s)")
    machine.add_argument("--devices", type=int, default=1, metavar="N", help="processes on this machine (default: 1)")
    _add(machine, "precision", str, "32-true, bf16-mixed or 16-mixed (the latter two on a GPU)", "--precision")
    machine.add_argument(
        "--compile",
        action="store_const",
        const=True,
        help="let torch.compile make the network faster (minutes at the start)",
    )
    _add(machine, "threads", int, "CPU threads in each process", "--threads")
    _add(machine, "print_every", int, "batches between two lines of progress without a terminal", "--print-freq", "--pf")
    _add(machine, "checkpoint_minutes", float, "time between states saved within an epoch", "--checkpoint-minutes")


def run(args: argparse.Namespace) -> int:
    """Train, and print where the model is and what its best epoch measured."""
    settings = _settings(args)
    by_split = args.clips is not None and args.split is not None
    by_lists = args.val is not None and (args.train is not None or args.evaluate)
    given = [entry for entry in (args.clips, args.split, args.train, args.val) if entry is not None]
    if by_split == by_lists or len(given) > 2 or (by_lists and (args.clips or args.split)):
        raise UsageError("give either --train and --val, or --clips and --split")
    if args.evaluate:
        from facefatigue.cli.evaluate import evaluate_run

        return evaluate_run(args)
    try:
        from facefatigue.train.loop import train
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("facefatigue"):
            raise
        raise MissingExtraError("training", "train") from None

    training, validation = (args.train, args.val) if args.clips is None else split_lists(args, settings)
    if not settings.score_weight:
        print(
            "the score is not trained (score_weight 0): the loss of the frame targets chooses the checkpoint",
            file=sys.stderr,
        )
    with _Progress(settings) as progress:
        result = train(
            training,
            validation,
            args.out,
            settings,
            resume=args.resume,
            device=args.device,
            devices=args.devices,
            on_batch=progress.on_batch,
            on_epoch=progress.on_epoch,
        )
    if result.artefact is not None:
        print(f"best epoch {result.best['epoch']} of {len(result.rows)}: {_figures(result.best)}")
        print(f"written: {result.artefact.folder}")
    return EXIT_OK


def split_lists(args: argparse.Namespace, settings: TrainSettings) -> tuple[ClipList, ClipList]:
    """The training and the validation part of --clips, by --split and --fold."""
    from facefatigue.data.clip_list import read_clips
    from facefatigue.data.split import read_split

    split = read_split(args.split)
    clips = read_clips(
        args.clips,
        shape=settings.clip_spec.shape,
        auxiliary=settings.auxiliary,
        frame_targets=settings.frame_targets,
    )
    parts = split.parts(clips, args.fold - 1, needed=("train", "validation"))
    return parts["train"], parts["validation"]


def _settings(args: argparse.Namespace) -> TrainSettings:
    from dataclasses import fields

    from facefatigue.train.settings import TrainSettings

    given = {entry.name: getattr(args, entry.name, None) for entry in fields(TrainSettings)}
    named = any(text.partition("=")[0].strip() == "name" for text in args.assignments) or args.config is not None
    if given["name"] is None and not named:
        given["name"] = re.sub(r"[^A-Za-z0-9._-]+", "-", args.out.absolute().name).strip("-._") or "my-model"
    return make_settings(preset=args.preset, config=args.config, overrides=given, assignments=args.assignments)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _bool(text: str) -> bool:
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return known[text.lower()]


def _pretreat(text: str) -> str:
    return "published" if _bool(text) else "none"


class _Progress:
    """A bar on a terminal, and on any stderr one line for each epoch, and for every so many batches if asked for."""

    def __init__(self, settings: TrainSettings) -> None:
        self._settings = settings
        self._bar: Any = None
        self._batches = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def on_batch(self, epoch: int, done: int, clips: int, loss: float) -> None:
        self._batches += 1
        every = self._settings.print_every
        if not sys.stderr.isatty():
            if every and self._batches % every == 0:
                print(f"epoch {epoch}: {done} of {clips} clips, training loss {loss:.4f}", file=sys.stderr, flush=True)
            return
        if self._bar is None:
            from tqdm import tqdm

            # The bar runs over the whole training, so that its estimate is when the training ends.
            done_before = (epoch - 1) * clips
            self._bar = tqdm(total=self._settings.epochs * clips, initial=done_before, unit="clip", leave=False)
        self._bar.set_description_str(f"epoch {epoch}/{self._settings.epochs}", refresh=False)
        self._bar.set_postfix_str(f"loss {loss:.4f}", refresh=False)
        self._bar.update((epoch - 1) * clips + done - self._bar.n)

    def on_epoch(self, row: LogRow) -> None:
        left_s = (self._settings.epochs - int(row["epoch"] or 0)) * float(row["seconds"] or 0)
        trained = f"training {_training_loss(row)}"
        line = (
            f"epoch {row['epoch']}/{self._settings.epochs}: {trained}, {_figures(row)}, "
            f"{row['seconds']:.0f} s, {_duration(left_s)} left"
        )
        if self._bar is None:
            print(line, file=sys.stderr, flush=True)
        else:
            self._bar.write(line, file=sys.stderr)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def _training_loss(row: LogRow) -> str:
    named = {"loss": row["train_loss"], "frame loss": row.get("train_frame_loss")}
    return ", ".join(f"{name} {value:.4f}" for name, value in named.items() if value is not None)


def _figures(row: LogRow) -> str:
    parts = []
    if row["validation_loss"] is not None:
        names = ("loss", "mse", "mae", "pearson", "accuracy", "auc")
        parts += [f"{name} {_shown(row[f'validation_{name}'])}" for name in names]
    if row.get("validation_frame_loss") is not None:
        parts.append(f"frame loss {_shown(row['validation_frame_loss'])}")
        read = {name: value for name, value in row.items() if name.startswith("validation_r_")}
        parts.append("r " + " ".join(f"{name.removeprefix('validation_r_')} {_shown(r)}" for name, r in read.items()))
    return f"validation {', '.join(parts)}" if parts else "not validated"


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _add(group: argparse._ArgumentGroup, name: str, kind: Callable[[str], Any], text: str, *flags: str) -> None:
    metavar = "TEXT" if kind is str else "N" if kind is int else "X"
    group.add_argument(*flags, dest=name, type=kind, metavar=metavar, help=text)
