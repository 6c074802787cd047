"""``facefatigue prepare``: labelled videos to aligned face clips."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from facefatigue.cli.progress import CountProgress
from facefatigue.errors import EXIT_ABSTAINED, EXIT_OK

if TYPE_CHECKING:
    from facefatigue.data.prepared import Prepared

DESCRIPTION = """\
Cut labelled videos into aligned face clips, once, for `train` and `evaluate`. Faces are found, followed and aligned, and
clips sampled and refused, by the very code of `predict`.

SOURCE is a folder with a manifest.csv, or the manifest itself (CSV or Parquet): the columns video (a path relative to it),
subject, and a label: score in [0, 1]; or rater... with ratings from 1 to 5; or kss from 1 to 9; or class. Optional: session,
scenario, start_s, end_s and any column to group results by. `facefatigue data check` checks one, `facefatigue data import`
makes one of a published data set.

A call that was stopped is continued by the same call. OUT gets manifest.csv (one line a clip), recordings.csv (one line a
recording), quarantine.csv (the recordings without a clip, and why) and the clips, named by the content of their video."""

EPILOG = """\
examples:
  facefatigue prepare recordings clips
  facefatigue prepare recordings/manifest.csv clips-paper --frames 32 --size 224 --frame-rate 30"""

_SHOWN = 10


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "prepare",
        help="labelled videos to aligned face clips, cached, resumable",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help="manifest of recordings, or its folder")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the clips")
    parser.add_argument("--frames", type=int, default=32, metavar="N", help="frames of a clip (default: 32)")
    parser.add_argument("--frame-rate", type=float, default=12.5, metavar="HZ", help="their rate (default: 12.5)")
    parser.add_argument("--size", type=int, default=112, metavar="PX", help="height and width of a clip (default: 112)")
    parser.add_argument(
        "--stride", type=float, metavar="SECONDS", help="time between the starts of clips (default: side by side)"
    )
    parser.add_argument(
        "--workers", type=int, default=_cores(), metavar="N", help="processes (default: one for each core, here %(default)s)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prepare, and print counts that add up."""
    from facefatigue.clips import ClipSpec
    from facefatigue.data.prepare import prepare

    spec = ClipSpec(frames=args.frames, frame_rate_hz=args.frame_rate, size_px=args.size)
    with CountProgress("videos") as progress:
        prepared = prepare(
            args.source, args.out, spec, stride_s=args.stride, workers=args.workers, on_done=progress.at_stage
        )
    _print(prepared)
    return EXIT_OK if prepared.clips else EXIT_ABSTAINED


def _print(prepared: Prepared) -> None:
    for entry in prepared.quarantine[:_SHOWN]:
        print(f"quarantined: {entry.name}: {entry.problem}", file=sys.stderr)
    if len(prepared.quarantine) > _SHOWN:
        more = len(prepared.quarantine) - _SHOWN
        print(f"quarantined: and {more} more, in {prepared.manifest.with_name('quarantine.csv')}", file=sys.stderr)
    good = prepared.recordings - len(prepared.quarantine)
    print(
        f"{prepared.recordings} recordings = {good} with clips + {len(prepared.quarantine)} in quarantine "
        f"({prepared.done_before} were done before)"
    )
    reasons = ", ".join(f"{count} {reason}" for reason, count in prepared.rejected.items())
    left_out = prepared.windows - prepared.clips
    print(f"{prepared.windows} windows = {prepared.clips} clips + {left_out} left out{f' ({reasons})' if reasons else ''}")
    print(f"written: {prepared.manifest}")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
