"""``facefatigue predict``: from videos to fatigue timelines."""

from __future__ import annotations

import argparse
import contextlib
import math
from typing import TYPE_CHECKING

from facefatigue.cli.progress import Progress
from facefatigue.cli.sources import (
    SEVERAL_EXPLAINED,
    SOURCES_EXPLAINED,
    add_baseline_arguments,
    add_model_arguments,
    add_reading_arguments,
    add_source_arguments,
    check_glasses,
    chosen_sources,
    for_each_source,
    positive_s,
    print_count,
    print_json,
    results_folder,
    worst,
)
from facefatigue.errors import SourceError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from facefatigue.estimate import Analysis, Estimator, Report

DESCRIPTION = """\
Turn videos of faces into fatigue timelines: a score from 0 (alert) to 1 (fatigued) for every window of time, with a
class, an interval and the picture quality. Where a face cannot be judged the answer is "abstain", with the reason.
Beside the score stand the signs that a person can see: blinks, eye closure (PERCLOS), microsleeps, yawns, nods."""

EPILOG = f"""\
{SOURCES_EXPLAINED}

files for each source, in the folder of --out:
  NAME.report.html   a page with timeline, pictures and numbers: open this first
  NAME.timeline.png  the timeline, ready for a paper
  NAME.report.json   everything, for programs (schema facefatigue.report/1)
  NAME.windows.csv   one row a window
  NAME.signs.csv     one row a frame: openness of either eye, mouth, gaze, turn of the head (not with --no-signs)
  NAME.events.csv    one row a blink, yawn, microsleep or nod (not with --no-signs)
  NAME.overlay.mp4   the video with score, class and box drawn in (--overlay)

examples:
  facefatigue predict talk.mp4                     score and signs: table, page, picture, JSON, CSV
  facefatigue predict talk.mp4 --no-signs          the score alone, in less time
  facefatigue predict *.mp4 --out results          many videos, one folder
  facefatigue predict meeting.mp4 --all-faces      everybody; reading the signs of each face takes its time
  facefatigue predict evening.mp4 --baseline me    compared with your usual (facefatigue baseline makes it)
  facefatigue signs talk.mp4                       the signs alone: no network of fatigue is loaded

Three things stand side by side: the network's score (the shipped one has learnt from synthetic people alone, and sees
windows of 3.2 s), the signs (measured; most need a minute) and a second estimate from the blinks (learnt from real people;
best against their own baseline). Where both estimates disagree, the interval of the joint score widens. Without --baseline
everything is compared with people at large, who differ widely.

{SEVERAL_EXPLAINED}"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "predict",
        help="videos, cameras or addresses -> fatigue timelines",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_source_arguments(parser)
    add_model_arguments(parser)
    parser.add_argument(
        "--no-signs", action="store_true", help="do not measure blinks, eye closure, yawns and nods, which takes time"
    )
    parser.add_argument("--overlay", action="store_true", help="also write the video with score, class and box drawn in")
    parser.add_argument(
        "--stride",
        type=positive_s,
        metavar="SECONDS",
        help="time from one window's start to the next (default: one window, so that windows do not overlap)",
    )
    add_baseline_arguments(parser)
    add_reading_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Analyse every source; returns the worst exit code."""
    sources = _sources(args)
    from facefatigue.estimate import Estimator
    from facefatigue.model.artefact import DEFAULT_MODEL
    from facefatigue.report import write_report

    out_dir = results_folder(args)
    model = DEFAULT_MODEL if args.model is None else args.model
    reports: list[Report] = []
    files: list[Path] = []
    with Estimator(
        model,
        engine=args.engine,
        all_faces=args.all_faces,
        stride_s=args.stride,
        signs=not args.no_signs,
        baseline=args.baseline,
        glasses=args.glasses or "unknown",
    ) as estimator:

        def work(source: str, stem: str) -> bool:
            analysis = _analyze(estimator, source, args, keep=out_dir is not None)
            if out_dir is not None:
                files.extend(write_report(analysis, out_dir, stem))
            reports.append(analysis.report)
            if args.overlay and out_dir is not None:
                files.append(_write_overlay(analysis, source, out_dir / f"{stem}.overlay.mp4", args.duration))
            return analysis.report.abstained

        codes = for_each_source(sources, work, reports, debug=args.debug)
    if args.json:
        print_json([report.to_dict() for report in reports], several=len(sources) > 1)
    else:
        _print_results(reports, files)
    print_count(codes, to_stderr=args.json)
    return worst(codes)


def _sources(args: argparse.Namespace) -> list[str]:
    sources = chosen_sources(args)
    check_glasses(args)
    if args.baseline is not None and args.no_signs:
        raise UsageError("--baseline is held against the signs; leave out --no-signs")
    if args.overlay and args.json and args.out is None:
        raise UsageError("--overlay writes a file; with --json also give --out DIR")
    if args.overlay:
        from facefatigue.video import locate

        for source in sources:
            with contextlib.suppress(SourceError):  # said when its turn comes
                if (location := locate(source)).live:
                    raise UsageError(f"{location}: --overlay reads a video twice, which a live source does not allow")
    return sources


def _analyze(estimator: Estimator, source: str, args: argparse.Namespace, *, keep: bool) -> Analysis:
    with Progress(source, args.duration) as progress:
        return estimator.analyze(
            source,
            max_duration_s=args.duration,
            progress=progress.at,
            keep_trajectories=args.overlay,
            keep_thumbnails=keep,
        )


def _write_overlay(analysis: Analysis, source: str, path: Path, limit_s: float | None) -> Path:
    from facefatigue.report import write_overlay

    total_s = analysis.report.source.duration_s
    frames = max(analysis.report.source.frames, 1)
    with Progress(f"{source} (overlay)", None) as progress:
        write_overlay(
            source,
            analysis,
            path,
            until_s=math.inf if limit_s is None else limit_s,
            progress=lambda n: progress.at(n, n / frames * total_s, total_s),
        )
    return path


def _print_results(reports: list[Report], files: list[Path]) -> None:
    from facefatigue.report import display_name
    from facefatigue.report.comparison_rows import comparison_line
    from facefatigue.report.estimates import fusion_line
    from facefatigue.report.sign_summary import signs_line
    from facefatigue.report.summary import summary_table

    print(summary_table(reports))
    for report in reports:
        name = display_name(report.source.path)
        for face in report.faces:
            if face.signs is not None:
                whose = name if len(report.faces) == 1 else f"{name}, face {face.track}"
                print(f"signs of {whose}: {signs_line(face.signs)}")
                if face.comparison is not None:
                    print(f"  {comparison_line(face.comparison)}")
                if face.fusion is not None:
                    print(f"  {fusion_line(face.fusion)}")
    for report in reports:
        for warning in report.warnings:
            print(f"note: {display_name(report.source.path)}: {warning}")
    pages = [path for path in files if path.suffix == ".html"]
    for page in pages:
        print(f"open {page}")
    for video in (path for path in files if path.suffix == ".mp4"):
        print(f"play {video}")
    if pages:
        print(f"and the pictures, JSON and CSV files beside {'it' if len(pages) == 1 else 'them'} in {files[0].parent}")
