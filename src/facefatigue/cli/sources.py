"""What the commands over videos share: their arguments, the folder for results, one source after the other, exit codes."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from facefatigue.errors import EXIT_ABSTAINED, EXIT_OK, OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence, Sized

Outcome = Literal["done", "abstained", "failed"]

DEFAULT_FOLDER = Path("facefatigue-out")
SOURCES_EXPLAINED = """\
SOURCE is a video file, a pattern of numbered images (shot_%04d.png), a camera number (0 is the first), or an address
(http, https, rtsp, ...). Write ./-name.mp4 for a name that begins with a dash."""
SEVERAL_EXPLAINED = """\
With several sources a bad one does not stop the others; the exit code is the worst one (failed, then abstained, then
done)."""


def add_sources(parser: argparse.ArgumentParser, what: str) -> None:
    """The sources, completed as files."""
    sources = parser.add_argument("sources", nargs="*", metavar="SOURCE", help=what)
    sources.complete = {"bash": "_shtab_compgen_files", "zsh": "_files", "tcsh": "f"}  # type: ignore[attr-defined]


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """The sources, and where results go."""
    add_sources(parser, "what to analyse; see below")
    parser.add_argument("--sample", action="store_true", help="analyse the sample video that ships with the package")
    parser.add_argument("--out", type=Path, metavar="DIR", help=f"folder for the results (default: {DEFAULT_FOLDER})")


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """Which faces, how much of a source, and the report on stdout."""
    parser.add_argument("--all-faces", action="store_true", help="report every face instead of the main one")
    parser.add_argument(
        "--duration", type=positive_s, metavar="SECONDS", help="stop after so much video; for cameras and streams"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the report (a list for several sources) on stdout and nothing else; files only with --out",
    )


def add_model_argument(parser: argparse.ArgumentParser) -> None:
    """Which network."""
    parser.add_argument("--model", metavar="NAME|PATH", help="a shipped model or a model folder (default: the shipped one)")


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Which network, and what runs it."""
    add_model_argument(parser)
    parser.add_argument(
        "--engine",
        choices=("auto", "onnxruntime", "openvino", "torch"),
        default="auto",
        help="what runs the network (default: auto, the fastest installed)",
    )


def add_baseline_arguments(parser: argparse.ArgumentParser) -> None:
    """Whose baseline to hold signs against."""
    parser.add_argument(
        "--baseline",
        metavar="NAME|FILE",
        help="what is usual for the person with the main face (facefatigue baseline makes it; default: people at large)",
    )
    parser.add_argument(
        "--glasses", choices=("yes", "no"), help="whether that person wears glasses here, to be held against the baseline's"
    )


def check_glasses(args: argparse.Namespace) -> None:
    """Raises UsageError where glasses are told, but there is no baseline to hold them against."""
    if args.glasses is not None and args.baseline is None:
        raise UsageError("--glasses is held against a baseline's; give --baseline NAME as well")


def positive_s(text: str) -> float:
    """A positive number of seconds, for ``type=``."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of seconds")
    return value


def chosen_sources(args: argparse.Namespace) -> list[str]:
    """The sources that were named, the sample first.

    Raises:
        UsageError: There is none.
    """
    sources = list(args.sources)
    if args.sample:
        from facefatigue.api import sample_video

        sources.insert(0, str(sample_video()))
    if not sources:
        command = f"facefatigue {args.command} --sample"
        raise UsageError(f"no SOURCE given; name a video file, or try the sample: {command}")
    return sources


def results_folder(args: argparse.Namespace) -> Path | None:
    """The folder for results, made and known to be writable; None where the report on stdout is all that was asked for.

    Raises:
        OutputError: It cannot be made or written to.
    """
    folder = args.out if args.out is not None else None if args.json else DEFAULT_FOLDER
    if folder is None:
        return None
    assert isinstance(folder, Path)
    make_writable(folder, "--out")
    return folder


def make_writable(folder: Path, option: str) -> None:
    """Make a folder, and try whether it can be written to: said before hours are spent.

    Args:
        folder: Made if it is missing.
        option: Which sets it, for the message.

    Raises:
        OutputError: It cannot be made or written to.
    """
    from facefatigue.atomic import make_folder, output_error

    try:
        make_folder(folder)
        tempfile.TemporaryFile(dir=folder).close()
    except OutputError as error:
        raise OutputError(f"{error} ({option})") from error
    except OSError as error:
        raise OutputError(f"{output_error(folder, error)} ({option})") from error


def for_each_source(sources: Sequence[str], work: Callable[[str, str], bool], finished: Sized, *, debug: bool) -> list[int]:
    """Work on one source after the other; what fails is said, and stops nobody else.

    Args:
        sources: What to work on.
        work: Takes a source and the stem of its files; tells whether it abstains.
        finished: The reports so far; a single source that fails before it has one ends everything.
        debug: Show tracebacks.

    Returns:
        An exit code for each source.
    """
    from facefatigue.cli import report_error
    from facefatigue.report import unique_stems

    codes = []
    for source, stem in zip(sources, unique_stems(sources), strict=True):
        try:
            codes.append(EXIT_ABSTAINED if work(source, stem) else EXIT_OK)
        except Exception as error:
            if len(sources) == 1 and not len(finished):
                raise
            codes.append(report_error(error, debug=debug))  # nothing may stop the other sources
    return codes


def print_json(reports: Sequence[dict[str, Any]], *, several: bool) -> None:
    """The reports as JSON on stdout, a list for several sources; ASCII, which is valid anywhere."""
    print(json.dumps(list(reports) if several else reports[0], indent=2, allow_nan=False))


def worst(codes: Sequence[int]) -> int:
    """The exit code for several sources: a failure is worse than an abstention, which is worse than success."""
    failures = [code for code in codes if _outcome(code) == "failed"]
    return max(failures) if failures else max(codes, default=EXIT_OK)


def print_count(codes: Sequence[int], *, to_stderr: bool) -> None:
    """A last line that counts the outcomes, where there are several sources."""
    if len(codes) > 1:
        counts = Counter(_outcome(code) for code in codes)
        text = f"{counts['done']} done, {counts['abstained']} abstained, {counts['failed']} failed"
        print(f"{len(codes)} sources: {text}", file=sys.stderr if to_stderr else sys.stdout)


def _outcome(code: int) -> Outcome:
    return "done" if code == EXIT_OK else "abstained" if code == EXIT_ABSTAINED else "failed"
