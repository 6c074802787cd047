"""The command line: one short file for each subcommand over the library."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from facefatigue._version import __version__
from facefatigue.errors import EXIT_INTERRUPTED, FaceFatigueError

if TYPE_CHECKING:
    from collections.abc import Sequence

SUBCOMMANDS = ("predict", "synth", "train", "export", "models", "doctor", "completion")
_TERMINATED = 128 + signal.SIGTERM

EPILOG = """\
examples:
  facefatigue predict my_video.mp4         a timeline of one video: table, picture, web page, JSON, CSV
  facefatigue predict *.mp4 --out results  many videos, one folder
  facefatigue predict 0 --duration 60      one minute of the first camera
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
    args = build_parser().parse_args(arguments)
    args.debug = debug
    _on_terminate()
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("facefatigue: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (as `head` does): not an error of ours, and nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except FaceFatigueError as error:
        if debug:
            raise
        print_error(error)
        return error.exit_code
    except Exception as error:
        if debug:
            raise
        print(f"facefatigue: unexpected {type(error).__name__}: {_one_line(error)} (--debug shows more)", file=sys.stderr)
        return 1
    return code


def print_error(error: BaseException) -> None:
    """Say in one line on stderr what went wrong."""
    print(f"facefatigue: {_one_line(error)}", file=sys.stderr)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _on_terminate() -> None:
    def stop(*_: object) -> NoReturn:
        sys.exit(_TERMINATED)  # unwinds, so that half-written files are removed

    try:
        signal.signal(signal.SIGTERM, stop)
    except ValueError:
        return  # not in the main thread: whoever called us handles signals
