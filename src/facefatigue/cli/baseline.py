"""``facefatigue baseline``: what is usual for one person, from videos in which that person is alert."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from facefatigue.cli.progress import Progress
from facefatigue.cli.sources import SOURCES_EXPLAINED, add_model_arguments, add_sources, make_writable, positive_s
from facefatigue.errors import EXIT_ABSTAINED, EXIT_OK, FaceFatigueError, UsageError

if TYPE_CHECKING:
    from facefatigue.estimate.alert_recordings import AlertRecordings

DESCRIPTION = """\
Store what is usual for one person: how often and how long this person blinks, how wide the eyes are open, how the head
is held, and the network's score, all of it while alert. predict and signs then say how far a video is from that.

People differ widely, so this is the best that one can do for a reading to be trusted. Film a few minutes in which the
person is rested: the same camera and light, the same glasses, and doing what will be done later (driving, reading,
talking). Several recordings on different days are better than one."""

EPILOG = f"""\
{SOURCES_EXPLAINED}

At least 60 s of the face must be read in all; 3 minutes and more make better spreads, and 15 blinks are needed before
fatigue is told from blinks by the person's own. The main face of each video counts. A baseline holds numbers, no pictures
(schema facefatigue.baseline/1), and is kept in $XDG_DATA_HOME/facefatigue/baselines (~/.local/share if that is not set),
or in the file that --out names.

examples:
  facefatigue baseline monday.mp4 tuesday.mp4 --name me --glasses no
  facefatigue baseline 0 --duration 180 --name me              three minutes of the first camera
  facefatigue baseline --list
  facefatigue baseline --show me
  facefatigue predict evening.mp4 --baseline me                compared with your usual
  facefatigue baseline alert.mp4 --name guest --out guest.json
  facefatigue predict evening.mp4 --baseline guest.json

The exit code is 4 where too little of a face was read. If one of the sources cannot be read, no baseline is written: it
would pass for one of all of them."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "baseline",
        help="videos of one alert person -> what is usual for that person",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_sources(parser, "videos of one person who is alert; see below")
    parser.add_argument("--name", metavar="NAME", help="what to call the baseline, e.g. me")
    parser.add_argument("--glasses", choices=("yes", "no"), help="whether glasses are worn in the videos")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write to this .json instead of the user's folder")
    parser.add_argument("--overwrite", "--force", action="store_true", help="replace a baseline that exists")
    add_model_arguments(parser)
    parser.add_argument(
        "--duration", type=positive_s, metavar="SECONDS", help="stop after so much of each video; for cameras and streams"
    )
    parser.add_argument("--json", action="store_true", help="print the baseline, or the list, as JSON on stdout")
    actions = parser.add_mutually_exclusive_group()
    actions.add_argument("--list", action="store_true", help="list the stored baselines")
    actions.add_argument("--show", metavar="NAME|FILE", help="print one")
    actions.add_argument("--remove", metavar="NAME", help="remove a stored one")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make, list, show or remove baselines; returns the exit code."""
    if not (args.list or args.show is not None or args.remove is not None):
        return _make(args)
    if args.sources or args.name is not None or args.out is not None:
        raise UsageError("--list, --show and --remove stand alone: without a SOURCE, --name or --out")
    if args.list:
        return _list(as_json=args.json)
    if args.show is not None:
        return _show(args.show, as_json=args.json)
    from facefatigue.signs.baseline_store import remove_baseline

    path = remove_baseline(args.remove)
    print(json.dumps({"removed": str(path)}) if args.json else f"removed: {path}")
    return EXIT_OK


def _make(args: argparse.Namespace) -> int:
    path = _place(args)
    from facefatigue.estimate import Estimator
    from facefatigue.estimate.alert_recordings import AlertRecordings
    from facefatigue.model.artefact import DEFAULT_MODEL
    from facefatigue.report import display_name
    from facefatigue.signs import write_baseline
    from facefatigue.signs.baseline import LEAST_READ_S
    from facefatigue.signs.baseline_file import baseline_dict
    from facefatigue.signs.baseline_store import check_name

    recordings = AlertRecordings()
    with Estimator(DEFAULT_MODEL if args.model is None else args.model, engine=args.engine) as estimator:
        for source in args.sources:
            with Progress(source, args.duration) as progress:
                analysis = estimator.analyze(source, max_duration_s=args.duration, progress=progress.at)
            recordings.add(display_name(source), analysis)
    warnings = [*recordings.warnings, *recordings.doubts()]
    for warning in warnings:
        print(f"facefatigue: warning: {warning}", file=sys.stderr)
    if not recordings.enough:
        print(f"facefatigue: {_too_little(recordings, LEAST_READ_S)}", file=sys.stderr)
        return EXIT_ABSTAINED
    baseline = recordings.baseline(check_name(args.name), glasses=args.glasses or "unknown")
    write_baseline(baseline, path)
    if args.json:
        print(json.dumps({**baseline_dict(baseline), "path": str(path), "warnings": warnings}, indent=2, allow_nan=False))
        return EXIT_OK
    from facefatigue.report.baseline_table import baseline_table

    print(baseline_table(baseline))
    print(f"stored: {path}")
    print(f"use it: facefatigue predict VIDEO --baseline {shlex.quote(args.name if args.out is None else str(path))}")
    return EXIT_OK


def _place(args: argparse.Namespace) -> Path:
    """Where to write, known to be writable before minutes are spent; every source that is a file is known to be readable."""
    from facefatigue.signs.baseline_store import SUFFIX, baseline_path, check_name
    from facefatigue.video import locate, probe

    if not args.sources:
        raise UsageError("no SOURCE given; name videos of one alert person (or --list, --show NAME, --remove NAME)")
    if args.name is None:
        raise UsageError("a baseline needs a name: --name me")
    check_name(args.name)
    if args.out is not None and args.out.suffix.lower() != SUFFIX:
        raise UsageError(f"{args.out}: the name of a baseline's file must end in {SUFFIX} (--out)")
    path = baseline_path(args.name) if args.out is None else args.out
    if path.exists() and not args.overwrite:
        raise UsageError(f"{path} exists; choose another --name, or give --overwrite")
    if twice := [source for source, count in Counter(args.sources).items() if count > 1]:
        raise UsageError(f"{twice[0]} is named twice; a baseline counts each video once")
    for source in args.sources:
        if not locate(source).live:
            probe(source)
    assert isinstance(path, Path)
    make_writable(path.parent, "XDG_DATA_HOME" if args.out is None else "--out")
    return path


def _too_little(recordings: AlertRecordings, least_s: float) -> str:
    return (
        f"no baseline was written: {recordings.read_s:.0f} s of the face were read, and {least_s:g} s are needed; "
        "film longer, closer, or in better light, or name more videos of the same person"
    )


def _list(*, as_json: bool) -> int:
    from facefatigue.cli import report_error
    from facefatigue.signs.baseline_file import baseline_dict
    from facefatigue.signs.baseline_store import baseline_names, baseline_path, baselines_folder, find_baseline

    names, found, code = baseline_names(), {}, EXIT_OK
    for name in names:
        try:
            found[name] = find_baseline(name)
        except FaceFatigueError as error:  # a damaged one does not hide the others
            code = report_error(error, debug=False)
    if as_json:
        print(
            json.dumps([{**baseline_dict(own), "path": str(baseline_path(name))} for name, own in found.items()], indent=2)
        )
        return code
    from facefatigue.report.baseline_table import baseline_lines

    if found:
        print(baseline_lines(found))
    elif not names:
        print(f"no baselines in {baselines_folder()}; make one with: facefatigue baseline VIDEO... --name me")
    return code


def _show(name: str, *, as_json: bool) -> int:
    from facefatigue.signs.baseline_file import baseline_dict
    from facefatigue.signs.baseline_store import find_baseline

    baseline = find_baseline(name)
    if as_json:
        print(json.dumps(baseline_dict(baseline), indent=2))
        return EXIT_OK
    from facefatigue.report.baseline_table import baseline_table

    print(baseline_table(baseline))
    return EXIT_OK
