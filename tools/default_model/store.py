"""What takes long is kept in a cache folder, under a name that changes with all it depends on: video, model, code."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import facefatigue
from facefatigue.atomic import atomic_path, make_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]

_PACKAGE = Path(facefatigue.__file__).parent
_TOOLS = Path(__file__).parent.parent


class Store:
    """Arrays by name and by what they were made from.

    Args:
        folder: Where they are kept; None: in memory only, so that everything is made anew once.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._made: dict[str, Arrays] = {}

    def recall(self, what: str, made_from: tuple[str, ...], make: Callable[[], Arrays]) -> Arrays:
        """The arrays, made now unless they were made before.

        Args:
            what: First part of the file's name.
            made_from: Everything that they depend on.
            make: Makes them.

        Raises:
            OutputError: The cache folder cannot be written.
        """
        digest = hashlib.sha256("\n".join((what, *made_from)).encode()).hexdigest()[:24]
        if self._folder is None:
            if digest not in self._made:
                self._made[digest] = make()
            return dict(self._made[digest])
        path = self._folder / f"{what}-{digest}.npz"
        if path.exists():
            try:
                with np.load(path) as kept:
                    return {name: kept[name] for name in kept.files}
            except (OSError, ValueError, zipfile.BadZipFile):
                path.unlink()  # damaged: made again
        arrays = make()
        make_folder(self._folder)
        with atomic_path(path) as partial, partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        return arrays


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def code_digest(*places: str) -> str:
    """SHA-256 over the source of some modules, so that what older code made is not taken for what this code makes.

    To be called on import: what is loaded then is what runs, whatever is written into the files meanwhile.

    Args:
        places: Folders or files below the package ("faces", "estimate/session.py"), or files beside this package.
    """
    digest = hashlib.sha256()
    for place in places:
        path = _PACKAGE / place if (_PACKAGE / place).exists() else _TOOLS / place
        for file in [path] if path.is_file() else sorted(path.glob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()
