"""``facefatigue predict``: from videos to fatigue timelines."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from facefatigue.cli.progress import Progress
from facefatigue.errors import EXIT_ABSTAINED, EXIT_OK, OutputError, SourceError, UsageError

if TYPE_CHECKING:
    from facefatigue.estimate import Analysis, Estimator, Report

Outcome = Literal["done", "abstained", "failed"]

DESCRIPTION = """\
Turn videos of faces into fatigue timelines: a score from 0 (alert) to 1 (fatigued) for every window of time, with a
class, an interval and the picture quality. Where a face cannot be judged the answer is "abstain", with the reason."""

EPILOG = """\
SOURCE is a video file, a pattern of numbered images (shot_%04d.png), a camera number (0 is the first), or an address
(http, https, rtsp, ...). Write ./-name.mp4 for a name that begins with a dash.

files for each source, in the folder of --out:
  NAME.report.html   a page with timeline, pictures and numbers: open this first
  NAME.timeline.png  the timeline, ready for a paper
  NAME.report.json   everything, for programs (schema facefatigue.report/1)
  NAME.windows.csv   one row a window
  NAME.overlay.mp4   the video with score, class and box drawn in (--overlay)

With several sources a bad one does not stop the others; the exit code is the worst one (failed, then abstained, then
done)."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "predict",
        help="videos, cameras or addresses -> fatigue timelines",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sources = parser.add_argument("sources", nargs="*", metavar="SOURCE", help="what to analyse; see below")
    sources.complete = {"bash": "_shtab_compgen_files", "zsh": "_files", "tcsh": "f"}  # type: ignore[attr-defined]
    parser.add_argument("--sample", action="store_true", help="analyse the sample video that ships with the package")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the results (default: facefatigue-out)")
    parser.add_argument("--model", metavar="NAME|PATH", help="a shipped model or a model folder (default: the shipped one)")
    parser.add_argument(
        "--engine",
        choices=("auto", "onnxruntime", "openvino", "torch"),
        default="auto",
        help="what runs the network (default: auto, the fastest installed)",
    )
    parser.add_argument("--all-faces", action="store_true", help="report every face instead of the main one")
    parser.add_argument("--overlay", action="store_true", help="also write the video with score, class and box drawn in")
    parser.add_argument(
        "--stride",
        type=_positive,
        metavar="SECONDS",
        help="time from one window's start to the next (default: one window, so that windows do not overlap)",
    )
    parser.add_argument(
        "--duration", type=_positive, metavar="SECONDS", help="stop after so much video; for cameras and streams"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the report (a list for several sources) on stdout and nothing else; files only with --out",
    )
    parser.set_defaults(run=run)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of seconds")
    return value


def run(args: argparse.Namespace) -> int:
    """Analyse every source; returns the worst exit code."""
    sources = _sources(args)
    from facefatigue.cli import report_error
    from facefatigue.estimate import Estimator
    from facefatigue.model.artefact import DEFAULT_MODEL
    from facefatigue.report import summary_table, unique_stems, write_report

    out_dir = args.out if args.out is not None else None if args.json else Path("facefatigue-out")
    if out_dir is not None:
        _make_folder(out_dir)
    model = DEFAULT_MODEL if args.model is None else args.model
    reports: list[Report] = []
    files: list[Path] = []
    codes: list[int] = []
    with Estimator(model, engine=args.engine, all_faces=args.all_faces, stride_s=args.stride) as estimator:
        for source, stem in zip(sources, unique_stems(sources), strict=True):
            try:
                analysis = _analyze(estimator, source, args, keep=out_dir is not None)
                if out_dir is not None:
                    files += write_report(analysis, out_dir, stem)
                reports.append(analysis.report)
                if args.overlay and out_dir is not None:
                    files.append(_write_overlay(analysis, source, out_dir / f"{stem}.overlay.mp4", args.duration))
            except Exception as error:
                if len(sources) == 1 and not reports:
                    raise
                codes.append(report_error(error, debug=args.debug))  # nothing may stop the other sources
                continue
            codes.append(EXIT_ABSTAINED if analysis.report.abstained else EXIT_OK)
    if args.json:
        plain = [report.to_dict() for report in reports]
        print(json.dumps(plain if len(sources) > 1 else plain[0], indent=2, allow_nan=False))  # ASCII: valid anywhere
    else:
        _print_results(summary_table(reports), reports, files)
    if len(sources) > 1:
        print(_counted(codes), file=sys.stderr if args.json else sys.stdout)
    return worst(codes)


def worst(codes: list[int]) -> int:
    """The exit code for several sources: a failure is worse than an abstention, which is worse than success."""
    failures = [code for code in codes if _outcome(code) == "failed"]
    return max(failures) if failures else max(codes, default=EXIT_OK)


def _outcome(code: int) -> Outcome:
    return "done" if code == EXIT_OK else "abstained" if code == EXIT_ABSTAINED else "failed"


def _counted(codes: list[int]) -> str:
    counts = Counter(_outcome(code) for code in codes)
    return f"{len(codes)} sources: {counts['done']} done, {counts['abstained']} abstained, {counts['failed']} failed"


def _sources(args: argparse.Namespace) -> list[str]:
    sources = list(args.sources)
    if args.sample:
        from facefatigue.api import sample_video

        sources.insert(0, str(sample_video()))
    if not sources:
        raise UsageError("no SOURCE given; name a video file, or try the sample: facefatigue predict --sample")
    if args.overlay and args.json and args.out is None:
        raise UsageError("--overlay writes a file; with --json also give --out DIR")
    if args.overlay:
        from facefatigue.video import locate

        for source in sources:
            with contextlib.suppress(SourceError):  # said when its turn comes
                if (location := locate(source)).live:
                    raise UsageError(f"{location}: --overlay reads a video twice, which a live source does not allow")
    return sources


def _make_folder(folder: Path) -> None:
    from facefatigue.atomic import make_folder, output_error

    try:
        make_folder(folder)
        tempfile.TemporaryFile(dir=folder).close()  # said before hours are spent
    except OutputError as error:
        raise OutputError(f"{error} (--out)") from error
    except OSError as error:
        raise OutputError(f"{output_error(folder, error)} (--out)") from error


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


def _print_results(table: str, reports: list[Report], files: list[Path]) -> None:
    from facefatigue.report import display_name

    if table:
        print(table)
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
