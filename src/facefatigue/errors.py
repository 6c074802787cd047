"""Every error that facefatigue raises on purpose, and the exit code each one becomes on the command line.

    FaceFatigueError
    ├── UsageError            2    the call makes no sense
    ├── SourceError           3    the input cannot be read as a video
    │   ├── SourceNotFoundError
    │   ├── NotAVideoError
    │   └── BrokenVideoError
    ├── ModelError            5    model or weights missing, damaged or of an unknown kind
    ├── ConfigurationError    6    a setting is invalid, or the output cannot be written
    │   └── OutputError
    └── MissingExtraError     7    an optional part is not installed

Library code raises; the command line turns an error into its exit code and one line on stderr. Exit code 4 ("finished, but
no face could be scored") is a result, not an error, and 130 is an interrupt.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_ABSTAINED = 4
EXIT_INTERRUPTED = 130


class FaceFatigueError(Exception):
    """Base of all errors raised on purpose; its text is one line: what is wrong, and what to do."""

    exit_code = 1


class UsageError(FaceFatigueError):
    """The call itself makes no sense (exit code 2)."""

    exit_code = 2


class SourceError(FaceFatigueError):
    """The input cannot be read as a video (exit code 3)."""

    exit_code = 3


class SourceNotFoundError(SourceError):
    """There is no such file, camera or address, or it may not be read."""


class NotAVideoError(SourceError):
    """The input exists but holds no video that can be decoded."""


class BrokenVideoError(SourceError):
    """The input is a video, but not one frame of it can be decoded, or it stopped answering."""


class ModelError(FaceFatigueError):
    """A model or its weights are missing, damaged or of an unknown kind (exit code 5)."""

    exit_code = 5


class ConfigurationError(FaceFatigueError):
    """A setting is invalid (exit code 6)."""

    exit_code = 6


class OutputError(ConfigurationError):
    """A result cannot be written where it was asked for: read-only folder, full disk."""


class MissingExtraError(FaceFatigueError):
    """An optional part is not installed (exit code 7).

    Args:
        what: What was asked for, e.g. ``"the OpenVINO engine"``.
        extra: The extra that installs it, e.g. ``"openvino"``.
    """

    exit_code = 7

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} is not installed; install it with: pip install 'facefatigue[{extra}]'")
        self.extra = extra
