"""Where baselines are kept: one JSON file a person, under the name that the user gave, in a folder of the user's own."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from facefatigue.atomic import output_error
from facefatigue.errors import ConfigurationError, UsageError
from facefatigue.signs.baseline import Baseline
from facefatigue.signs.baseline_file import read_baseline

if TYPE_CHECKING:
    from collections.abc import Mapping

SUFFIX = ".json"
# Beside letters and digits of any script. What is made of these is a file name on every system, on one line of a terminal,
# and cannot lead out of the folder.
_MARKS = " ._-+@"
_MOST_BYTES = 200  # file systems allow 255
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def baselines_folder(environment: Mapping[str, str] | None = None) -> Path:
    """The user's folder of baselines; it need not exist yet.

    ``facefatigue/baselines`` in XDG_DATA_HOME if that is set (XDG Base Directory Specification: an absolute path), else in
    LOCALAPPDATA on Windows, else in ``~/.local/share``.

    Args:
        environment: Instead of that of the process.

    Raises:
        ConfigurationError: The user has no home folder.
    """
    given = os.environ if environment is None else environment
    data = given.get("XDG_DATA_HOME", "")
    if not Path(data).is_absolute():
        data = given.get("LOCALAPPDATA", "") if sys.platform == "win32" else ""
    if not data:
        try:
            data = str(Path.home() / ".local" / "share")
        except RuntimeError as error:
            raise ConfigurationError("there is no home folder for baselines; set XDG_DATA_HOME, or name a file") from error
    return Path(data) / "facefatigue" / "baselines"


def check_name(name: str) -> str:
    """The name (composed, NFC), if it can be that of a baseline.

    Raises:
        UsageError: It could be a path, or no file name on some system.
    """
    composed = unicodedata.normalize("NFC", name)
    fits = all(char in _MARKS or unicodedata.category(char)[0] in "LMN" for char in composed)
    fits = fits and composed[:1] not in tuple(" .-+@") and composed[-1:] not in tuple(" .")
    if (
        not fits
        or not composed
        or len(composed.encode()) > _MOST_BYTES
        or composed.lower().endswith(SUFFIX)
        or _RESERVED.fullmatch(composed)
    ):
        raise UsageError(
            f"{name!r} cannot name a baseline: a letter, a digit or _ first, then also spaces and . - + @, at most "
            f"{_MOST_BYTES} bytes; neither a path nor something that ends in {SUFFIX}"
        )
    return composed


def baseline_path(name: str) -> Path:
    """Where the baseline of this name is, or would be.

    Raises:
        UsageError: Not a name.
        ConfigurationError: The user has no home folder.
    """
    return baselines_folder() / f"{check_name(name)}{SUFFIX}"


def baseline_names() -> list[str]:
    """The names of the stored baselines, in order of the alphabet.

    Raises:
        ConfigurationError: The folder cannot be read, or the user has no home folder.
    """
    folder = baselines_folder()
    try:
        found = [path.stem for path in folder.iterdir() if path.suffix == SUFFIX and not path.name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigurationError(f"{folder}: the folder of baselines cannot be read ({error.strerror})") from error
    return sorted(found, key=lambda name: (name.casefold(), name))


def find_baseline(baseline: Baseline | str | os.PathLike[str]) -> Baseline:
    """A stored baseline by its name, one from a file, or the very one that is given.

    Args:
        baseline: A text that ends in ``.json`` or holds a separator names a file, any other text a stored baseline.

    Raises:
        UsageError: The name could not be that of a baseline.
        ConfigurationError: There is none of this name, or the file is damaged.
    """
    if isinstance(baseline, Baseline):
        return baseline
    text = os.fspath(baseline)
    if not isinstance(baseline, str) or text.lower().endswith(SUFFIX) or "/" in text or os.sep in text:
        return read_baseline(Path(text))
    path = baseline_path(text)
    if not path.is_file():
        raise _missing(text)
    return read_baseline(path)


def remove_baseline(name: str) -> Path:
    """Remove a stored baseline; returns where it was.

    Raises:
        UsageError: Not a name.
        ConfigurationError: There is none of this name, or it cannot be removed.
    """
    path = baseline_path(name)
    try:
        path.unlink()
    except FileNotFoundError:
        raise _missing(name) from None
    except OSError as error:
        raise output_error(path, error) from error
    return path


def _missing(name: str) -> ConfigurationError:
    names = baseline_names()
    there = f"there are: {', '.join(names)}" if names else "there is none yet"
    return ConfigurationError(
        f"there is no baseline {name!r}; {there} (facefatigue baseline VIDEO... --name {name!r} makes it; end the name of a "
        f"file in {SUFFIX})"
    )
