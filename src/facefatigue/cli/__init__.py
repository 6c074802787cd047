"""The command line: one short file for each subcommand over the library."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import logging
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

from facefatigue._version import __version__
from facefatigue.errors import EXIT_INTERRUPTED, FaceFatigueError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SUBCOMMANDS = (
    "predict",
    "signs",
    "baseline",
    "data",
    "prepare",
    "synth",
    "train",
    "evaluate",
    "ablate",
    "explain",
    "export",
    "models",
    "studio",
    "doctor",
    "completion",
)
_TERMINATED = 128 + signal.SIGTERM
# Signals that came during the running command: a library may swallow what their handler raises.
_caught: list[int] = []

EPILOG = """\
examples:
  facefatigue predict my_video.mp4         a timeline of one video: table, picture, web page, JSON, CSV
  facefatigue predict *.mp4 --out results  many videos, one folder
  facefatigue predict 0 --duration 60      one minute of the first camera
  facefatigue signs my_video.mp4           blinks, eye closure, yawns and nods alone, in less time
  facefatigue baseline ok.mp4 --name me    what is usual for you when alert
  facefatigue predict x.mp4 --baseline me  compared with your usual
  facefatigue explain my_video.mp4         why: which parts of the face speak for fatigue
  facefatigue studio                       record, rate and export a data set of your own, in the browser
  facefatigue doctor                       what is installed, and whether it works

exit codes: 0 done, 2 usage, 3 input unreadable, 4 no face could be scored, 5 model, 6 configuration or output,
7 optional part not installed, 130 interrupted

facefatigue is not a medical or safety device."""


def build_parser() -> argparse.ArgumentParser:
    """The whole command line, with every subcommand; imports nothing heavy."""
    parser = argparse.ArgumentParser(
        prog="facefatigue",
        description="A fatigue timeline from any video of a face.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"facefatigue {__version__}")
    parser.add_argument("--debug", action="store_true", help="show a traceback and log messages")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, dest="command")
    for name in SUBCOMMANDS:
        importlib.import_module(f"facefatigue.cli.{name}").add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    Args:
        argv: Arguments; None takes those of the process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments[: arguments.index("--") if "--" in arguments else None]
    if debug:  # wherever it stands
        arguments.remove("--debug")
        logging.basicConfig(level=logging.DEBUG)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115  # open to the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file name may hold what the terminal's encoding does not
    args = build_parser().parse_args(arguments)
    args.debug = debug
    with _signals():
        try:
            return _run(args)
        except KeyboardInterrupt:
            print("facefatigue: interrupted", file=sys.stderr)
            return EXIT_INTERRUPTED


def _run(args: argparse.Namespace) -> int:
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output went away (as `head` does): not an error of ours, and nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except Exception as error:  # noqa: BLE001  # whatever it is, the user gets one line and a code
        return report_error(error, debug=args.debug)
    return code


def report_error(error: Exception, *, debug: bool) -> int:
    """Say in one line on stderr what went wrong; returns the exit code.

    Args:
        error: The error; one that is not of our own error tree is called unexpected.
        debug: Show its traceback, too.

    Raises:
        KeyboardInterrupt, SystemExit: The error is what a library made of a signal.
    """
    if _caught:
        _unwind()
    if int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")) or 0) > 0 and not debug:
        return error.exit_code if isinstance(error, FaceFatigueError) else 1  # the first process of a run speaks for all
    if debug:
        traceback.print_exception(error)
    if isinstance(error, FaceFatigueError):
        print(f"facefatigue: {_one_line(error)}", file=sys.stderr)
        return error.exit_code
    print(f"facefatigue: unexpected {type(error).__name__}: {_one_line(error)} (--debug shows more)", file=sys.stderr)
    return 1


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """Let an interrupt and a termination unwind everything, so that half-written files are removed."""

    def stop(number: int, _: object) -> NoReturn:
        _caught.append(number)
        _unwind()

    _caught.clear()
    before: dict[int, Any] = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as in a background job
                before[number] = signal.signal(number, stop)
    except ValueError:  # not in the main thread: whoever called us handles signals
        before.clear()
    try:
        yield
    finally:
        for caught, handler in before.items():
            signal.signal(caught, handler)


def _unwind() -> NoReturn:
    if _caught[0] == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(_TERMINATED)
