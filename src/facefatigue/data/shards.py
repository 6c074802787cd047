"""The files in which clips lie: each is looked at once, and only a few are open at a time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

Shape = tuple[int, int, int, int]

_MOST_OPEN = 64


class Shards:
    """The shards of a list: each is looked at once, and only a few are open at a time, for there may be thousands.

    Args:
        shape: (T, H, W, 3) that all clips must have; None: that of the first.
    """

    def __init__(self, shape: Shape | None) -> None:
        self.shape = shape
        self._lengths: dict[Path, int | None] = {}  # None: the shard is wrong
        self._opened: OrderedDict[Path, NDArray[np.uint8]] = OrderedDict()
        self._lock = threading.Lock()

    def length(self, path: Path, faults: list[str]) -> int | None:
        """How many clips a shard has; None if it is wrong, which is a fault the first time that it is asked for."""
        if path not in self._lengths:
            found = self._look(path)
            self._lengths[path] = found if isinstance(found, int) else None
            if isinstance(found, str):
                faults.append(found)
        return self._lengths[path]

    def open(self, path: Path) -> NDArray[np.uint8]:
        """A shard's clips, (N, T, H, W, 3) uint8, mapped into memory."""
        with self._lock:
            array = self._opened.pop(path, None)
            if array is None:
                array = np.lib.format.open_memmap(path, mode="r")
            self._opened[path] = array
            if len(self._opened) > _MOST_OPEN:
                self._opened.popitem(last=False)
            return array

    def _look(self, path: Path) -> int | str:
        try:
            array = np.lib.format.open_memmap(path, mode="r")
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or error
            cut_off = " (the file is cut off)" if "greater than file size" in str(error) else ""
            return f"{path.name} cannot be read: {reason}{cut_off}"
        if self.shape is None and array.ndim == 5:
            first, second, third, fourth = array.shape[1:]
            self.shape = (first, second, third, fourth)
        if array.dtype != np.uint8 or array.shape[1:] != self.shape:
            found, wanted = f"{array.shape} {array.dtype}", ", ".join(map(str, self.shape or ("T", "H", "W", 3)))
            return f"{path.name} is {found}, but (N, {wanted}) uint8 is wanted"
        return len(array)
