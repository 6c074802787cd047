"""The command line: one short file for each subcommand over the library."""


def main() -> int:
    """Run the command line; placeholder until the first subcommand."""
    return 0
