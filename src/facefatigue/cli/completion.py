"""``facefatigue completion``: tab completion for the shell."""

from __future__ import annotations

import argparse

DESCRIPTION = """\
Print a script that teaches your shell to complete facefatigue's commands and options.

  bash:  facefatigue completion bash > ~/.local/share/bash-completion/completions/facefatigue
  zsh:   facefatigue completion zsh > ~/.zfunc/_facefatigue      (with ~/.zfunc in fpath)
  tcsh:  facefatigue completion tcsh > ~/.facefatigue.tcsh       (source it in ~/.tcshrc)"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "completion",
        help="print a tab-completion script for bash, zsh or tcsh",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    from facefatigue.cli import build_parser

    print(shtab.complete(build_parser(), shell=args.shell))
    return 0
