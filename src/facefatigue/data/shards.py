"""The files in which clips lie: each is looked at once, and only a few are open at a time."""

from __future__ import annotations

import threading
import zipfile
import zlib
from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.data.frame_targets import FRAME_TARGETS, SUFFIX

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

Shape = tuple[int, int, int, int]

_MOST_OPEN = 64
_MOST_BYTES = 256 << 20  # of compressed targets that are kept unpacked
_LOCAL_HEADER = 30  # bytes of a ZIP entry's own header, in front of its name; the two lengths that follow are its last four


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


class FrameShards:
    """The targets of every frame that lie beside shards, mapped into memory; few files are open at a time.

    Arrays that were saved compressed cannot be mapped: they are unpacked as a whole and kept while there is room.

    Args:
        names: Which targets, of :data:`facefatigue.data.frame_targets.FRAME_TARGETS`.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._looked: set[Path] = set()
        self._opened: OrderedDict[Path, tuple[dict[str, NDArray[np.float32]], int]] = OrderedDict()
        self._unpacked = 0  # bytes
        self._lock = threading.Lock()

    def look(self, shard: Path, clips: int, frames: int, faults: list[str]) -> None:
        """Check the targets of a shard the first time that it is asked for; what is wrong is added to the faults.

        Args:
            shard: The file of the clips.
            clips: How many it has.
            frames: Frames of each.
            faults: Texts, one for each fault.
        """
        if not self.names or shard in self._looked:
            return
        self._looked.add(shard)
        path = shard.with_suffix(SUFFIX)
        try:
            arrays, _ = _arrays(path, self.names)
        except FileNotFoundError:
            faults.append(f"{path.name} is missing, in which {', '.join(self.names)} of every frame should be")
            return
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
            faults.append(f"{path.name} cannot be read: {(error.strerror if isinstance(error, OSError) else None) or error}")
            return
        if lacking := [name for name in self.names if name not in arrays]:
            faults.append(f"{path.name} has no {', '.join(lacking)}")
        for name, array in arrays.items():
            wanted = (clips, frames, *FRAME_TARGETS[name].shape)
            if array.dtype != np.float32 or array.shape != wanted:
                faults.append(f"{path.name}: {name} is {array.shape} {array.dtype}, but {wanted} float32 is wanted")
            elif infinite := int(np.isinf(array).sum()):
                faults.append(f"{path.name}: {name} has {infinite} infinite values; write NaN for what is not known")

    def read(self, shard: Path, index: int, names: Sequence[str]) -> NDArray[np.float32]:
        """The targets of one clip, (T, C) with the channels of all behind one another.

        Args:
            shard: The file of the clips.
            index: Which of them.
            names: Which targets, in order; among those that were asked for.

        Raises:
            OSError, ValueError, KeyError, IndexError: The file is not what it was when it was looked at.
        """
        with self._lock:
            arrays, size = self._opened.pop(shard, (None, 0))
            if arrays is None:
                arrays, size = _arrays(shard.with_suffix(SUFFIX), self.names)
                self._unpacked += size
            self._opened[shard] = arrays, size
            while len(self._opened) > 1 and (len(self._opened) > _MOST_OPEN or self._unpacked > _MOST_BYTES):
                self._unpacked -= self._opened.popitem(last=False)[1][1]
        parts = [arrays[name][index] for name in names]
        return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


def _arrays(path: Path, names: Sequence[str]) -> tuple[dict[str, NDArray[np.float32]], int]:
    """Those of the named arrays that a file has, and how many bytes of them are not mapped but in memory."""
    arrays, size = {}, 0
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        mapped: NDArray[np.uint8] | None = None
        entries = {entry.filename: entry for entry in archive.infolist()}
        for name in names:
            entry = entries.get(f"{name}.npy")
            if entry is None:
                continue
            if entry.compress_type != zipfile.ZIP_STORED:
                with archive.open(entry) as packed:
                    arrays[name] = np.lib.format.read_array(packed, allow_pickle=False)
                size += arrays[name].nbytes
                continue
            if mapped is None:  # one map for the whole file: each holds a file open
                mapped = np.memmap(path, np.uint8, mode="r")
            file.seek(entry.header_offset + _LOCAL_HEADER - 4)
            lengths = file.read(4)
            file.seek(int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little"), 1)
            version = np.lib.format.read_magic(file)
            read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = read_header(file)
            if fortran or dtype.hasobject:
                raise ValueError(f"{name} is not an array of numbers in C order")
            arrays[name] = np.ndarray(shape, dtype, buffer=mapped, offset=file.tell())
    return arrays, size
