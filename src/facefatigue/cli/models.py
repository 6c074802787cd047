"""``facefatigue models``: list, show and import models."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facefatigue.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from facefatigue.model.artefact import Artefact
    from facefatigue.model.checkpoint import Checkpoint
    from facefatigue.model.config import ModelConfig

DESCRIPTION = """\
List the models that ship with facefatigue, show one, or import a checkpoint in the published format.

A model is a folder: config.json (what it is), model.safetensors (weights), model.onnx (what runs), card.md (what it is
good for). Wherever facefatigue takes a model it takes a shipped model's name or such a folder."""

LIST_DESCRIPTION = """\
List the models that ship with facefatigue.

example:
  facefatigue models list"""

SHOW_DESCRIPTION = """\
Show what a model is: licence, training data, measured figures, input, network, hashes and its card.

examples:
  facefatigue models show facefatigue-v1
  facefatigue models show runs/best --json"""

IMPORT_DESCRIPTION = """\
Make a model folder from a checkpoint (.pth) of the published code, "Machine vision to human facial fatigue with nonlocal
3D attention network". Depth, width, non-local position, classes and head are read off the weights. The file is loaded so
that it cannot run code, and the ONNX graph is compared with torch before the folder appears. Needs facefatigue[train].

A checkpoint does not say at which frame rate and size it was trained: the published method takes 32 consecutive frames at
224 px. Give what is true for yours.

example:
  facefatigue models import checkpoint.pth my-model --name my-model --licence "research only"
  facefatigue predict video.mp4 --model ./my-model"""

_UNKNOWN = "unknown"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand and its own subcommands."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = subparsers.add_parser(
        "models", help="list, show and import models", description=DESCRIPTION, formatter_class=raw
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True, dest="action")

    listing = actions.add_parser("list", help="the shipped models", description=LIST_DESCRIPTION, formatter_class=raw)
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(run=run_list)

    show = actions.add_parser("show", help="what one model is", description=SHOW_DESCRIPTION, formatter_class=raw)
    show.add_argument("model", metavar="NAME|PATH", help="a shipped model's name or a model folder")
    show.add_argument("--json", action="store_true", help="print JSON")
    show.set_defaults(run=run_show)

    importing = actions.add_parser(
        "import", help="a model folder from a published checkpoint", description=IMPORT_DESCRIPTION, formatter_class=raw
    )
    importing.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="the .pth file")
    importing.add_argument("out", type=Path, metavar="OUT_DIR", help="model folder to write")
    importing.add_argument("--frames", type=int, default=32, help="frames of a clip (default: %(default)s)")
    importing.add_argument("--size", type=int, default=224, metavar="PX", help="height and width (default: %(default)s)")
    importing.add_argument(
        "--frame-rate", type=float, default=30.0, metavar="HZ", help="frames per second of a clip (default: %(default)s)"
    )
    importing.add_argument("--name", help="name of the model (default: that of OUT_DIR)")
    importing.add_argument("--licence", default=_UNKNOWN, help="licence of the weights (default: %(default)s)")
    importing.add_argument(
        "--training-data", default=_UNKNOWN, metavar="TEXT", help="what the weights were trained on (default: %(default)s)"
    )
    importing.add_argument(
        "--non-local-mode",
        choices=("embedded_gaussian", "gaussian", "dot", "concatenate"),
        help="how the non-local block compares positions; needed for dot only, whose weights look like embedded_gaussian's",
    )
    importing.add_argument("--json", action="store_true", help="print JSON")
    importing.set_defaults(run=run_import)


def run_list(args: argparse.Namespace) -> int:
    """Print the shipped models."""
    from facefatigue.model.artefact import DEFAULT_MODEL, list_artefacts

    artefacts = list_artefacts()
    if args.json:
        print(json.dumps([_entries(artefact) for artefact in artefacts], indent=2, ensure_ascii=False))
        return 0
    if not artefacts:
        print("no models ship with this installation")
    for artefact in artefacts:
        config = artefact.config
        mark = " (default)" if config.name == DEFAULT_MODEL else ""
        print(f"{config.name}{mark}, version {config.version}, licence {config.licence}")
        print(f"  {_input(config)}, {_megabytes(artefact.onnx_path)}")
        print(f"  trained on: {config.training_data}")
        for name, figure in config.metrics.items():
            print(f"  {name}: {_figure(figure)}")
    return 0


def run_show(args: argparse.Namespace) -> int:
    """Print everything about one model."""
    from facefatigue.model.artefact import load_artefact
    from facefatigue.model.config import BACKBONE_TITLES

    artefact = load_artefact(args.model)
    if args.json:
        print(json.dumps({**_entries(artefact), "card": artefact.card_text()}, indent=2, ensure_ascii=False))
        return 0
    config = artefact.config
    place = (
        "over the frames"
        if config.backbone == "resnet2d_cues"
        else f"{config.non_local_placement} stage {config.non_local_position}"
    )
    block = f"non-local block ({config.non_local_mode}) {place}"
    rows = {
        "name": config.name,
        "version": config.version,
        "licence": config.licence,
        "training data": config.training_data,
        "input": _input(config),
        "network": f"{BACKBONE_TITLES[config.backbone].format(config.depth)}, first stage {config.first_channel} channels, "
        + (block if config.non_local_position else "no non-local block"),
        "output": "sigmoid" if config.head == "sigmoid" else f"{config.classes} classes",
        "folder": str(artefact.folder),
        "model.onnx": f"{_megabytes(artefact.onnx_path)}, sha256 {artefact.sha256}",
        "model.safetensors": f"{_megabytes(artefact.safetensors_path)}, sha256 {artefact.safetensors_sha256()}",
    }
    for key, value in rows.items():
        print(f"{key:18} {value}")
    print("metrics" if config.metrics else "metrics            none recorded")
    for name, figure in config.metrics.items():
        print(f"  {name}: {_figure(figure)}")
    print(f"\n{artefact.card_text().rstrip()}")
    return 0


def run_import(args: argparse.Namespace) -> int:
    """Import a checkpoint and print what it turned out to be."""
    try:
        from facefatigue.model.checkpoint import import_checkpoint, read_checkpoint
        from facefatigue.model.export import write_artefact
    except ModuleNotFoundError:
        raise MissingExtraError("the import of checkpoints", "train") from None
    from facefatigue.model.config import ModelConfig

    checkpoint = read_checkpoint(args.checkpoint, non_local_mode=args.non_local_mode)
    try:
        config = ModelConfig(
            name=args.name if args.name is not None else args.out.absolute().name,
            version="imported",
            licence=args.licence,
            training_data=args.training_data,
            metrics={f"recorded_{name}": figure for name, figure in checkpoint.recorded.items()},
            frames=args.frames,
            size_px=args.size,
            frame_rate_hz=args.frame_rate,
            **vars(checkpoint.architecture),
        )
    except ConfigurationError as error:
        raise ConfigurationError(f"{error} (--name, --frames, --size, --frame-rate set these)") from None
    result = write_artefact(import_checkpoint(checkpoint, config), config, args.out, _card(config, checkpoint))
    if args.json:
        print(json.dumps({**_entries(result.artefact), "check": dataclasses.asdict(result.check)}, indent=2))
        return 0
    print(f"{args.checkpoint}: 3D-ResNet-{config.depth}, first stage {config.first_channel} channels, ", end="")
    print(f"non-local position {config.non_local_position} ({config.non_local_mode}), {config.classes} classes")
    print(f"ONNX against torch: logits within {result.check.logits_difference:.1e}, ", end="")
    print(f"score within {result.check.score_difference:.1e}")
    print(f"written: {args.out}")
    return 0


def _card(config: ModelConfig, checkpoint: Checkpoint) -> str:
    recorded = [f"- {name}: {figure:g}" for name, figure in checkpoint.recorded.items()] or ["- nothing"]
    lines = [
        f"# {config.name}",
        "",
        f"Imported from `{checkpoint.path.name}`, a checkpoint in the format of the published code of *Machine vision to",
        "human facial fatigue with nonlocal 3D attention network* (arXiv:2104.10420).",
        "",
        f"- Licence: {config.licence}",
        f"- Training data: {config.training_data}",
        f"- Input: {_input(config)}, as given at the import; a checkpoint does not record it",
        "",
        "## Figures",
        "",
        "Nothing was measured at the import. The checkpoint itself records the following, which nobody has verified:",
        "",
        *recorded,
        "",
        'The "acc" of the published code comes from a validation set that shares people with its training set.',
        "",
        "This is not a medical or safety device.",
        "",
    ]
    return "\n".join(lines)


def _entries(artefact: Artefact) -> dict[str, Any]:
    return {
        **dataclasses.asdict(artefact.config),
        "folder": str(artefact.folder),
        "onnx": {"sha256": artefact.sha256, "bytes": artefact.onnx_path.stat().st_size},
        "safetensors": {"sha256": artefact.safetensors_sha256(), "bytes": artefact.safetensors_path.stat().st_size},
    }


def _input(config: ModelConfig) -> str:
    return (
        f"clips of {config.frames} frames at {config.frame_rate_hz:g} Hz ({config.window_s:.2f} s), "
        f"{config.size_px} x {config.size_px} px"
    )


def _megabytes(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"


def _figure(figure: float | str) -> str:
    return figure if isinstance(figure, str) else f"{figure:g}"
