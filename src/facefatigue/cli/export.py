"""``facefatigue export``: make a model's ONNX file again."""

from __future__ import annotations

import argparse
from pathlib import Path

from facefatigue.errors import MissingExtraError

DESCRIPTION = """\
Make a model's ONNX file again from its safetensors weights, and check it: ONNX Runtime and torch must agree within 1e-3 on
random clips, one and three at a time, or nothing is written. Use it after an upgrade, or when model.onnx is damaged.
Needs facefatigue[train].

examples:
  facefatigue export my-model                    in place
  facefatigue export facefatigue-v1 --out copy   a copy of a shipped model"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "export",
        help="make a model's ONNX file again and check it",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL_DIR", help="a model folder or a shipped model's name")
    parser.add_argument("--out", type=Path, metavar="DIR", help="model folder to write (default: in place)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Export, and print how well the graph agrees."""
    try:
        from facefatigue.model.export import export_again
    except ModuleNotFoundError:
        raise MissingExtraError("the export of models", "train") from None

    result = export_again(args.model, args.out)
    check = result.check
    print(f"ONNX against torch: logits within {check.logits_difference:.1e}, score within {check.score_difference:.1e}")
    print(f"written: {result.artefact.folder}")
    return 0
