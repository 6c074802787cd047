"""``facefatigue signs``: from videos to blinks, eye closure, yawns and nods, without a score."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from facefatigue.cli.progress import Progress
from facefatigue.cli.sources import (
    SEVERAL_EXPLAINED,
    SOURCES_EXPLAINED,
    add_baseline_arguments,
    add_reading_arguments,
    add_source_arguments,
    check_glasses,
    chosen_sources,
    for_each_source,
    print_count,
    print_json,
    results_folder,
    worst,
)

if TYPE_CHECKING:
    from pathlib import Path

    from facefatigue.estimate import SignReport

DESCRIPTION = """\
Measure the signs that a person can see, without a score: blinks and their phases, eye closure (PERCLOS), microsleeps,
yawns, nods, gaze, turn of the head. No network of fatigue is loaded, so this is faster than predict. A sign that cannot
be measured is not guessed: the reason is given instead."""

EPILOG = f"""\
{SOURCES_EXPLAINED}

files for each source, in the folder of --out:
  NAME.signs.png     the course of the signs on one time axis
  NAME.signs.json    everything, for programs (schema facefatigue.signs/1)
  NAME.signs.csv     one row a frame: openness of either eye, mouth, gaze, turn of the head
  NAME.events.csv    one row a blink, yawn, microsleep or nod

examples:
  facefatigue signs talk.mp4                       a table, and the files in facefatigue-out/
  facefatigue signs talk.mp4 --json                the report on stdout, for programs
  facefatigue signs drive-*.mp4 --out signs        many videos, one folder
  facefatigue signs meeting.mp4 --all-faces        everybody; reading each face takes its time
  facefatigue signs evening.mp4 --baseline me      compared with your usual (facefatigue baseline makes it)
  facefatigue signs 0 --duration 60                one minute of the first camera
  facefatigue signs --sample                       the sample that ships: a rendered (synthetic) face that tires

How well signs can be measured depends on the video: blinks need 8 frames a second and their phases 22, PERCLOS half a
minute, a rate of yawns five minutes. The exit code is 4 where no face was found or nothing of it could be measured.

{SEVERAL_EXPLAINED}"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "signs",
        help="videos, cameras or addresses -> blinks, eye closure, yawns, nods; no score",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_source_arguments(parser)
    add_baseline_arguments(parser)
    add_reading_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure the signs in every source; returns the worst exit code."""
    sources = chosen_sources(args)
    check_glasses(args)
    from facefatigue.estimate import SignReader
    from facefatigue.report.files import write_sign_report

    out_dir = results_folder(args)
    reader = SignReader(all_faces=args.all_faces, baseline=args.baseline, glasses=args.glasses or "unknown")
    reports: list[SignReport] = []
    files: list[Path] = []

    def work(source: str, stem: str) -> bool:
        with Progress(source, args.duration) as progress:
            analysis = reader.analyze(source, max_duration_s=args.duration, progress=progress.at)
        if out_dir is not None:
            files.extend(write_sign_report(analysis, out_dir, stem))
        reports.append(analysis.report)
        return analysis.report.abstained

    codes = for_each_source(sources, work, reports, debug=args.debug)
    if args.json:
        print_json([report.to_dict() for report in reports], several=len(sources) > 1)
    else:
        _print_results(reports, files)
    print_count(codes, to_stderr=args.json)
    return worst(codes)


def _print_results(reports: list[SignReport], files: list[Path]) -> None:
    from facefatigue.report import display_name
    from facefatigue.report.sign_summary import signs_table

    for number, report in enumerate(reports):
        print(("\n" if number else "") + signs_table(report))
        for warning in report.warnings:
            print(f"note: {display_name(report.source.path)}: {warning}")
    pictures = [path for path in files if path.suffix == ".png"]
    for picture in pictures:
        print(f"open {picture}")
    if pictures:
        print(f"and the JSON and CSV files beside {'it' if len(pictures) == 1 else 'them'} in {files[0].parent}")
