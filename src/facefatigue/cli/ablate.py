"""``facefatigue ablate``: variants of a training, over folds, compared on the same people."""

from __future__ import annotations

import argparse
import platform
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from facefatigue._version import __version__
from facefatigue.cli.evaluate import check_draws
from facefatigue.errors import EXIT_OK, ConfigurationError, MissingExtraError, ModelError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facefatigue.ablate.grid import Grid
    from facefatigue.data.clip_list import ClipList
    from facefatigue.data.split import Split
    from facefatigue.evaluate import Provenance
    from facefatigue.train.checkpoint import LogRow

DESCRIPTION = """\
Train and test variants of a training on every fold of a split, and compare them on the same people. Each person is tested
by networks that never saw them; the test people of all folds are put together. OUT gets table.md and table.tex (one table
with 95 % intervals and paired tests against the reference), ablation.json, ablation.png, the predictions of each variant,
and each run with its log, curves and model. A call that was stopped is continued by the same call; variants may be added.

Variants come from --suite, ready-made (presets, non-local, head, depth, width, frame-rate, length, baselines), or from a
TOML file:

  reference = "with"
  [base]                    # settings of all
  epochs = 20
  [variants.with]           # what is different in each
  non_local_position = 3
  [variants.without]
  non_local_position = 0
  [grid]                    # every combination is one more variant
  classes = [2, 10]
  dropout = [0.3, 0.6]

KEY=VALUE changes a setting of all variants that do not set it themselves."""

EPILOG = """\
examples:
  facefatigue ablate --clips clips --split folds.json --suite head --out ablation epochs=20
  facefatigue ablate --clips clips --split folds.json --suite baselines,non-local --out ablation
  facefatigue ablate --clips clips --split folds.json --grid grid.toml --folds 1,2 --out ablation"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "ablate",
        help="compare variants of a training over folds",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("assignments", nargs="*", metavar="KEY=VALUE", help="settings of all variants")
    parser.add_argument("--clips", type=Path, required=True, metavar="LIST", help="manifest of clips, or its folder")
    parser.add_argument("--split", type=Path, required=True, metavar="FILE", help="folds (facefatigue data split)")
    parser.add_argument("--suite", type=_names, metavar="NAME,...", help="ready-made variants")
    parser.add_argument("--grid", type=Path, metavar="FILE", help="TOML file of variants")
    parser.add_argument("--folds", type=_numbers, metavar="N,...", help="which folds, from 1 (default: all)")
    parser.add_argument("--out", type=Path, required=True, metavar="OUT", help="folder for runs and results")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: %(default)s)")
    parser.add_argument("--draws", type=int, default=2000, metavar="N", help="resamples of people (default: 2000)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the resamples (default: 0)")
    parser.add_argument("--label-source", metavar="TEXT", help="what the true scores are (default: as the list says)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the grid, and print the table."""
    if (args.suite is None) == (args.grid is None):
        raise UsageError("give either --suite or --grid")
    check_draws(args.draws, args.seed)
    try:
        from facefatigue.ablate.results import TABLE_FILE, compare, write_results
        from facefatigue.ablate.run import run_grid
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("facefatigue"):
            raise
        raise MissingExtraError("training", "train") from None
    from facefatigue.data.clip_list import read_clips
    from facefatigue.data.split import read_split

    grid, split = _grid(args), read_split(args.split)
    auxiliary = tuple(dict.fromkeys(name for variant in grid.variants for name in variant.settings.auxiliary))
    frame_targets = tuple(dict.fromkeys(name for variant in grid.variants for name in variant.settings.frame_targets))
    clips = read_clips(args.clips, auxiliary=auxiliary, frame_targets=frame_targets)
    _check_auxiliary(grid, auxiliary)
    folds = None if args.folds is None else [fold - 1 for fold in args.folds]
    runs = len(grid.variants) * len(split.folds if folds is None else folds)
    progress = _Progress(runs)
    tested = run_grid(
        grid, clips, split, args.out, folds=folds, device=args.device,
        on_epoch=progress.on_epoch, on_fold=progress.on_fold,
    )  # fmt: skip
    compared = compare(tested, grid.reference, draws=args.draws, seed=args.seed)
    write_results(compared, grid.reference, args.out, _provenance(args, clips, split), draws=args.draws)
    print((args.out / TABLE_FILE).read_text(encoding="utf-8"))
    failed = [entry for entry in tested if entry.failure is not None]
    if failed:
        raise ModelError(f"{len(failed)} of {len(tested)} variants failed: {failed[0].variant.name}, {failed[0].failure}")
    return EXIT_OK


def _grid(args: argparse.Namespace) -> Grid:
    from facefatigue.ablate.grid import read_grid, suite
    from facefatigue.train.presets import parse_assignments

    base = parse_assignments(args.assignments)
    return suite(args.suite, base) if args.grid is None else read_grid(args.grid, base)


def _check_auxiliary(grid: Grid, auxiliary: tuple[str, ...]) -> None:
    """A list is read once, with one set of auxiliary targets."""
    different = [variant.name for variant in grid.variants if variant.settings.auxiliary not in {auxiliary, ()}]
    if different:
        raise ConfigurationError(f"all variants with auxiliary targets need the same; {', '.join(different)} has others")


def _provenance(args: argparse.Namespace, clips: ClipList, split: Split) -> Provenance:
    from facefatigue.evaluate import Provenance

    stated = sorted({source for source in clips.column("label_source") if source})
    which = "all folds" if args.folds is None else f"folds {', '.join(map(str, args.folds))}"
    how = f"{split.scheme}, {len(split.folds)} folds, seed {split.seed}, sha256 {split.sha256[:12]}"
    return Provenance(
        model_name="ablation",
        model_version="",
        model_sha256="",
        list_path=str(clips.path),
        list_fingerprint=clips.fingerprint,
        split=f"test parts of {which} of a subject-disjoint split ({how}); validation parts chose the checkpoints",
        label_source=args.label_source or "; ".join(stated) or "not stated",
        synthetic=any(source.startswith("synthetic") for source in stated),
        unit="clips",
        command="facefatigue " + shlex.join(sys.argv[1:]),
        versions={"facefatigue": __version__, "Python": platform.python_version()},
    )


class _Progress:
    """Lines on stderr: one an epoch, one a fold."""

    def __init__(self, runs: int) -> None:
        self._runs = runs
        self._done = 0

    def on_epoch(self, variant: str, fold: int, row: LogRow) -> None:
        loss, auc = row["validation_loss"], row["validation_auc"]
        shown = "" if loss is None else f", validation loss {loss:.4f}, AUC {'-' if auc is None else f'{auc:.3f}'}"
        print(
            f"{variant}, fold {fold + 1}: epoch {row['epoch']}, training loss {row['train_loss']:.4f}{shown}, "
            f"{row['seconds']:.0f} s",
            file=sys.stderr,
            flush=True,
        )

    def on_fold(self, variant: str, fold: int, done_before: bool) -> None:
        self._done += 1
        how = "was done before" if done_before else "done"
        print(f"run {self._done} of {self._runs}: {variant}, fold {fold + 1} {how}", file=sys.stderr, flush=True)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _numbers(text: str) -> Sequence[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers, such as 1,2") from None
