"""``facefatigue data``: manifests of labelled recordings: check, import, agreement of raters, splits."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from facefatigue.cli.progress import CountProgress
from facefatigue.errors import EXIT_OK, ConfigurationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facefatigue.data.agreement import Agreement, Coefficient
    from facefatigue.data.layouts import Reading
    from facefatigue.data.manifest import Manifest
    from facefatigue.data.split import Labelled, Split

CHECK = """\
Check a manifest of recordings as a whole: every fault is named with its line. A manifest is a CSV or Parquet file with the
columns video, subject and a label: score in [0, 1]; or rater... with ratings from 1 to 5 in steps of 0.5, of which
(mean - 1) / 4 is the score; or kss from 1 to 9, of which (KSS - 1) / 8 is the score; or class (alert 0, low vigilance 0.5,
drowsy or fatigue 1). Optional: session (unique over the list), scenario, start_s, end_s, label_source, any other column."""

IMPORT = """\
Turn a published directory layout into a manifest. `published` reads the list format of the paper's code (a line is
"name score", score from 1 to 5) with subjects from a third field, a table or a pattern. docs/datasets.md says what each data
set's label means and where it is asked for. Every video is in the manifest or, with the reason, in a list of those skipped
beside it."""

AGREEMENT = """\
How far the raters of a manifest agree: ICC(2,1) and ICC(2,k) for absolute agreement, Krippendorff's alpha for interval data,
and each rater's bias against the others. Needs facefatigue[data]."""

SPLIT = """\
Divide people, never clips, into train, validation and test, with scores spread evenly: one division (--shares), stratified
group k-fold (--folds), folds that the data set gives (--folds-from), or leave-one-subject-out (--leave-one-out). LIST is a
manifest of clips or of recordings. People who share a session stay together. The file holds the seed and a hash; `train` and
`evaluate` print both in every result."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand with its own subcommands."""
    parser = subparsers.add_parser("data", help="check, import and split lists of labelled recordings")
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    kind = argparse.RawDescriptionHelpFormatter

    check = parts.add_parser("check", help="name every fault of a manifest", description=CHECK, formatter_class=kind)
    check.add_argument("manifest", type=Path, help="the manifest, or its folder")
    check.add_argument("--no-open", action="store_true", help="do not open every video to see whether it can be read")
    check.set_defaults(run=run_check)

    bring = parts.add_parser(
        "import", help="make a manifest of a published data set", description=IMPORT, formatter_class=kind
    )
    bring.add_argument("layout", help="uta-rldd, nthu-ddd, yawdd, drozy, daisee or published")
    bring.add_argument("root", type=Path, help="folder of the data set; for published: the list")
    bring.add_argument("out", type=Path, help="the manifest to write (.csv)")
    bring.add_argument("--target", help="daisee: boredom (default) or engagement")
    bring.add_argument("--min-s", type=float, help="nthu-ddd: shortest stretch in seconds (default: 1)")
    bring.add_argument("--videos", type=Path, help="published: folder of the videos (default: that of the list)")
    bring.add_argument("--subjects", type=Path, help="published: CSV with the columns name, subject")
    bring.add_argument("--subject-pattern", help="published: regular expression whose group is the subject in a name")
    bring.add_argument("--overwrite", action="store_true", help="replace a manifest that is there")
    bring.set_defaults(run=run_import)

    agree = parts.add_parser("agreement", help="how far raters agree", description=AGREEMENT, formatter_class=kind)
    agree.add_argument("manifest", type=Path, help="the manifest, or its folder")
    agree.set_defaults(run=run_agreement)

    split = parts.add_parser("split", help="divide people for training and test", description=SPLIT, formatter_class=kind)
    split.add_argument("list", type=Path, metavar="LIST", help="manifest of clips or recordings, or its folder")
    split.add_argument("--out", type=Path, required=True, metavar="FILE", help="the split to write (.json)")
    scheme = split.add_mutually_exclusive_group()
    scheme.add_argument("--shares", type=_shares, metavar="A,B,C", help="train, validation, test (default: 0.7,0.15,0.15)")
    scheme.add_argument("--folds", type=int, metavar="K", help="stratified group k-fold, at least 3")
    scheme.add_argument("--folds-from", metavar="COLUMN", help="folds that the data set gives, as UTA-RLDD does")
    scheme.add_argument("--leave-one-out", action="store_true", help="leave one subject out")
    split.add_argument("--seed", type=int, default=0, help="of how equals are dealt out (default: 0)")
    split.add_argument("--overwrite", action="store_true", help="replace a split that is there")
    split.set_defaults(run=run_split)


def run_check(args: argparse.Namespace) -> int:
    """Print what a manifest holds, or every fault on a line of its own."""
    from facefatigue.data.manifest import read_manifest, unreadable
    from facefatigue.data.rows import FaultsError

    try:
        manifest = read_manifest(args.manifest)
    except FaultsError as error:
        _print_faults(error.faults)
        raise ConfigurationError(f"{args.manifest}: {_count(len(error.faults), 'fault')}") from None
    if not args.no_open:
        with CountProgress("videos") as progress:
            faults = unreadable(manifest.recordings, on_done=progress.at)
        if faults:
            _print_faults(faults)
            raise ConfigurationError(f"{manifest.path}: {_count(len(faults), 'fault')}")
    print("\n".join(_described(manifest)))
    return EXIT_OK


def run_import(args: argparse.Namespace) -> int:
    """Write a manifest, and say what was skipped."""
    from facefatigue.data.layouts import read_layout
    from facefatigue.data.manifest import write_manifest
    from facefatigue.data.rows import write_csv

    _check_new(args.out, ".csv", args.overwrite)

    given = {
        "target": args.target,
        "min_s": args.min_s,
        "root": args.videos,
        "subjects": args.subjects,
        "subject_pattern": args.subject_pattern,
    }
    reading = read_layout(args.layout, args.root, **{key: value for key, value in given.items() if value is not None})
    write_manifest(reading.recordings, args.out)
    skipped = args.out.with_suffix(".skipped.csv")
    write_csv(skipped, ["path", "start_s", "end_s", "reason"], [dataclasses.asdict(entry) for entry in reading.skipped])
    _print_reading(reading)
    print(f"written: {args.out}, and what was skipped: {skipped}")
    return EXIT_OK


def run_agreement(args: argparse.Namespace) -> int:
    """Print the agreement of a manifest's raters."""
    from facefatigue.data.agreement import agreement
    from facefatigue.data.manifest import read_manifest

    manifest = read_manifest(args.manifest)
    if len(manifest.raters) < 2:
        raise ConfigurationError(f"{manifest.path} has no columns rater... of two raters or more")
    print("\n".join(_agreement_lines(agreement([recording.ratings for recording in manifest.recordings]))))
    return EXIT_OK


def run_split(args: argparse.Namespace) -> int:
    """Write a split, and print who is where."""
    from facefatigue.data.split import split_folds, split_given, split_leave_one_out, split_parts, write_split

    _check_new(args.out, ".json", args.overwrite)
    if args.seed < 0:
        raise UsageError(f"--seed is {args.seed}; it must be at least 0")
    items = _labelled(args.list, args.folds_from or "")
    source = str(args.list)
    if args.folds_from is not None:
        split = split_given(items, source=source)
    elif args.folds is not None:
        split = split_folds(items, args.folds, seed=args.seed, source=source)
    elif args.leave_one_out:
        split = split_leave_one_out(items, seed=args.seed, source=source)
    else:
        shares = args.shares or (0.7, 0.15, 0.15)
        wanted = dict(zip(("train", "validation", "test"), shares, strict=True))
        split = split_parts(items, wanted, seed=args.seed, source=source)
    write_split(split, args.out)
    print("\n".join(_split_lines(split, items)))
    print(f"written: {args.out} (sha256 {split.sha256})")
    return EXIT_OK


def _check_new(path: Path, suffix: str, overwrite: bool) -> None:
    """Refuse to write over what is there: it may be the user's own list."""
    if path.suffix.lower() != suffix:
        raise UsageError(f"{path}: the name must end in {suffix}")
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists; choose another name, or give --overwrite")


def _labelled(place: Path, fold: str) -> list[Labelled]:
    from facefatigue.data.clip_list import read_clips
    from facefatigue.data.manifest import manifest_path, read_manifest
    from facefatigue.data.rows import read_table
    from facefatigue.data.split import Labelled, labelled

    columns = read_table(manifest_path(place)).columns
    if fold and fold not in columns:
        raise ConfigurationError(f"{place} has no column {fold}; it has {', '.join(columns)}")
    if "clip" in columns:
        return labelled(read_clips(place), fold=fold)
    return [
        Labelled(subject=entry.subject, session=entry.session, score=entry.score, fold=entry.cell(fold))
        for entry in read_manifest(place).recordings
    ]


def _described(manifest: Manifest) -> list[str]:
    recordings = manifest.recordings
    scores = [recording.score for recording in recordings]
    people = {recording.subject for recording in recordings}
    lines = [
        f"{manifest.path}: {_count(len(recordings), 'recording')} of {_count(len(people), 'subject')}, no faults",
        f"scores: mean {sum(scores) / len(scores):.3f}, {sum(score >= 0.5 for score in scores)} of at least 0.5 (fatigue)",
    ]
    sources = sorted({recording.label_source or "not stated" for recording in recordings})
    lines.append(f"labels: {'; '.join(sources)}")
    scenarios = sorted({recording.scenario for recording in recordings if recording.scenario})
    if scenarios:
        lines.append(f"scenarios: {', '.join(scenarios)}")
    if manifest.raters:
        lines.append(f"raters: {', '.join(manifest.raters)} (facefatigue data agreement says how far they agree)")
    return lines


def _print_faults(faults: Sequence[str]) -> None:
    for fault in faults:
        print(fault, file=sys.stderr)


def _print_reading(reading: Reading) -> None:
    from collections import Counter

    for reason, count in Counter(entry.reason for entry in reading.skipped).most_common():
        print(f"skipped: {count} × {reason}", file=sys.stderr)
    people = len({recording.subject for recording in reading.recordings})
    sources = sorted({recording.label_source for recording in reading.recordings})
    print(f"{len(reading.recordings)} recordings of {_count(people, 'subject')}; labels: {'; '.join(sources)}")


def _agreement_lines(found: Agreement) -> list[str]:
    rated = _count(found.recordings, "recording")
    lines = [
        f"{rated} with two ratings or more, {found.complete} rated by all {len(found.raters)} raters",
        f"ICC(2,1), absolute agreement of one rater: {_coefficient(found.icc_single)}",
        f"ICC(2,{len(found.raters)}), of the mean of all raters: {_coefficient(found.icc_mean)}",
        f"Krippendorff's alpha, interval: {_coefficient(found.alpha)}",
        "bias against the other raters, in points of the 1 to 5 scale:",
    ]
    for bias in found.bias:
        interval = "" if bias.low is None else f" [{bias.low:+.2f}, {bias.high:+.2f}]"
        spread = "" if bias.spread is None else f", standard deviation {bias.spread:.2f}"
        lines.append(f"  {bias.rater}: {bias.bias:+.2f}{interval}{spread}, {_count(bias.ratings, 'recording')}")
    return lines


def _coefficient(value: Coefficient | None) -> str:
    if value is None:
        return "not measurable (fewer than five recordings were rated by all, or all ratings are equal)"
    interval = "" if value.low is None else f" [{value.low:.2f}, {value.high:.2f}]"
    return f"{value.value:.3f}{interval}"


def _split_lines(split: Split, items: Sequence[Labelled]) -> list[str]:
    lines = []
    for number, fold in enumerate(split.folds, start=1):
        cells = []
        for part, people in fold.items():
            own = [item.score for item in items if item.subject in set(people)]
            share = sum(score >= 0.5 for score in own) / max(len(own), 1)
            cells.append(f"{part} {len(people)} people, {len(own)} items, {100 * share:.0f} % fatigue")
        lines.append(f"fold {number}: {'; '.join(cells)}" if len(split.folds) > 1 else "; ".join(cells))
    return lines


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _shares(text: str) -> tuple[float, float, float]:
    try:
        first, second, third = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not three numbers, such as 0.7,0.15,0.15") from None
    return first, second, third
