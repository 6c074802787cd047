"""``facefatigue train``: train a network on labelled clips."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from facefatigue.errors import MissingExtraError
from facefatigue.train.settings import PUBLISHED_EPOCHS, PUBLISHED_LEARNING_RATE, TrainSettings

if TYPE_CHECKING:
    from facefatigue.train.checkpoint import LogRow

DESCRIPTION = f"""\
Train a network on labelled clips, with the recipe of "Machine vision to human facial fatigue with nonlocal 3D attention
network" (arXiv:2104.10420): Adam, the rate × 0.2 at one third and two thirds of the epochs, α · cross-entropy + MSE, one
augmentation draw for each clip. Needs facefatigue[train].

LIST is a manifest.csv, or the folder it is in, as `facefatigue synth render` writes it: the columns clip (SHARD.npy#INDEX,
relative to the list), subject and score in [0, 1]. A shard is a uint8 array (clips, frames, height, width, 3) in RGB. Nobody
may be in both lists.

The published rate is {PUBLISHED_LEARNING_RATE:g} over {PUBLISHED_EPOCHS} epochs; the defaults here are few epochs at a \
higher rate, and a network (first
channel 16, 112 px) that two CPU cores can train.

DIR gets log.csv (one row an epoch), best.safetensors, last.pt (--resume continues from it) and model, a folder that
`facefatigue predict --model` takes."""

EPILOG = """\
examples:
  facefatigue train --train clips/train --val clips/val --out runs/first
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
    files = parser.add_argument_group("data")
    files.add_argument(
        "--train", "--arg_rootTrain", dest="train", required=True, type=Path, metavar="LIST", help="training clips"
    )
    files.add_argument(
        "--val", "--arg_rootEval", dest="val", required=True, type=Path, metavar="LIST", help="validation clips"
    )
    files.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder for the run")
    files.add_argument("--resume", action="store_true", help="continue the run in DIR; the settings must be the same")

    recipe = parser.add_argument_group("recipe")
    _add(recipe, "epochs", int, "passes over the training clips", "--epochs")
    _add(recipe, "learning_rate", float, "Adam's rate in the first third", "--lr", "--learning-rate")
    _add(recipe, "weight_decay", float, "Adam's L2 penalty", "--weight-decay", "--wd")
    _add(recipe, "batch_size", int, "clips in a batch", "--batch-size", "--batch_size")
    _add(recipe, "loss_alpha", float, "weight of the cross-entropy beside the MSE", "--loss-alpha", "--loss_alpha")
    recipe.add_argument(
        "--auxiliary",
        type=_names,
        default=(),
        metavar="COLUMN,...",
        help="columns of the training list that are further targets in training, such as closure,mouth (default: none)",
    )
    _add(recipe, "auxiliary_weight", float, "weight of the further targets", "--auxiliary-weight")
    _add(recipe, "patience", int, "epochs without a better validation loss until training ends", "--patience")
    _add(recipe, "seed", int, "of weights, order, augmentation and dropout", "--seed")
    recipe.add_argument("--no-augment", dest="augment", action="store_false", help="leave training clips as they are")

    network = parser.add_argument_group("network")
    _add(network, "depth", int, "layers: 10, 18, 34, 50, 101, 152 or 200", "--depth")
    _add(network, "first_channel", int, "width of the first stage: 8, 16, 32 or 64", "--first-channel", "--first_channel")
    _add(
        network, "non_local_position", int, "stage with the non-local block, 0 for none",
        "--non-local-pos", "--non_local_pos",
    )  # fmt: skip
    _add(network, "classes", int, "bins of the score; 1: a sigmoid and MSE alone", "--num-classes", "--num_classes")
    _add(network, "dropout", float, "share of features dropped before the last layer", "--dropout")
    _add(network, "frames", int, "frames of a clip", "--frames")
    _add(network, "size_px", int, "height and width of a clip in pixels", "--size")
    _add(network, "frame_rate_hz", float, "frames per second of the clips", "--frame-rate")

    model = parser.add_argument_group("what the model says about itself")
    model.add_argument("--name", help="its name (default: that of DIR)")
    _add(model, "version", str, "version of the weights", "--model-version")
    _add(model, "licence", str, "licence of the weights", "--licence")
    _add(model, "training_data", str, "what it was trained on, under which licence", "--training-data")

    machine = parser.add_argument_group("machine")
    machine.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    machine.add_argument("--threads", type=int, help="CPU threads (default: one for each core)")
    parser.set_defaults(run=run)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def run(args: argparse.Namespace) -> int:
    """Train, and print where the model is and what its best epoch measured."""
    given = {entry.name: getattr(args, entry.name) for entry in dataclasses.fields(TrainSettings)}
    settings = TrainSettings(**{**given, "name": args.out.absolute().name if args.name is None else args.name})
    try:
        from facefatigue.train.loop import train
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("facefatigue"):
            raise
        raise MissingExtraError("training", "train") from None

    with _Progress(settings.epochs) as progress:
        result = train(
            args.train,
            args.val,
            args.out,
            settings,
            resume=args.resume,
            device=args.device,
            on_batch=progress.on_batch,
            on_epoch=progress.on_epoch,
        )
    print(f"best epoch {result.best['epoch']} of {len(result.rows)}: {_figures(result.best)}")
    print(f"written: {result.artefact.folder}")
    return 0


class _Progress:
    """A bar on a terminal, and on any stderr one line for each epoch."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def on_batch(self, epoch: int, done: int, clips: int, loss: float) -> None:
        if not sys.stderr.isatty():
            return
        if self._bar is None:
            from tqdm import tqdm

            # The bar runs over the whole training, so that its estimate is when the training ends.
            done_before = (epoch - 1) * clips
            self._bar = tqdm(total=self._epochs * clips, initial=done_before, unit="clip", leave=False)
        self._bar.set_description_str(f"epoch {epoch}/{self._epochs}", refresh=False)
        self._bar.set_postfix_str(f"loss {loss:.4f}", refresh=False)
        self._bar.update((epoch - 1) * clips + done - self._bar.n)

    def on_epoch(self, row: LogRow) -> None:
        line = f"epoch {row['epoch']}/{self._epochs}: training loss {row['train_loss']:.4f}, {_figures(row)}"
        if self._bar is None:
            print(line, file=sys.stderr, flush=True)
        else:
            self._bar.write(line, file=sys.stderr)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _figures(row: LogRow) -> str:
    names = ("loss", "mse", "mae", "pearson", "accuracy", "auc")
    values = {name: row[f"validation_{name}"] for name in names}
    shown = [f"{name} {'-' if value is None else f'{value:.4f}'}" for name, value in values.items()]
    return f"validation {', '.join(shown)}, {row['seconds']:.0f} s"


def _add(group: argparse._ArgumentGroup, name: str, kind: type, text: str, *flags: str) -> None:
    default = TrainSettings.__dataclass_fields__[name].default
    metavar = "TEXT" if kind is str else "N" if kind is int else "X"
    group.add_argument(*flags, dest=name, type=kind, default=default, metavar=metavar, help=f"{text} (default: {default})")
