"""Lists of labelled clips: read, checked as a whole before any training, and memory-mapped."""

from __future__ import annotations

import csv
import hashlib
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefatigue.train.settings import TrainSettings

MANIFEST = "manifest.csv"
COLUMNS = ("clip", "subject", "score")
_SHOWN_FAULTS = 10


@dataclass(frozen=True, kw_only=True)
class LabelledClip:
    """One line of a list.

    Attributes:
        shard: The .npy file, (N, T, H, W, 3) uint8 RGB.
        index: Which of its N clips.
        subject: Who is seen.
        score: Fatigue in [0, 1].
        auxiliary: Further targets, in the order of the settings.
    """

    shard: Path
    index: int
    subject: str
    score: float
    auxiliary: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class ClipList:
    """A checked list of clips, whose pixels stay on the disk until they are asked for.

    Attributes:
        path: The manifest.
        clips: One entry for each line.
        fingerprint: SHA-256 over all entries, as 64 hex digits; not over pixels.
    """

    path: Path
    clips: tuple[LabelledClip, ...]
    fingerprint: str
    _shards: dict[Path, NDArray[np.uint8]] = field(repr=False)

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def subjects(self) -> frozenset[str]:
        """Everyone who is seen."""
        return frozenset(clip.subject for clip in self.clips)

    @property
    def scores(self) -> NDArray[np.float32]:
        """(N,) float32 in [0, 1], in the order of the list."""
        return np.array([clip.score for clip in self.clips], np.float32)

    @property
    def auxiliary(self) -> NDArray[np.float32]:
        """(N, K) float32, the further targets, in the order of the list and of the settings."""
        return np.array([clip.auxiliary for clip in self.clips], np.float32)

    def crops(self, number: int) -> NDArray[np.uint8]:
        """The frames of one clip: (T, H, W, 3) uint8 RGB, a read-only view of the file.

        Args:
            number: Its place in the list, from 0.
        """
        clip = self.clips[number]
        crops: NDArray[np.uint8] = self._shards[clip.shard][clip.index]
        return crops


def read_lists(train: str | Path, validation: str | Path, settings: TrainSettings) -> tuple[ClipList, ClipList]:
    """Read and check the training and the validation list.

    A list is a ``manifest.csv`` (or the folder it is in) with at least the columns ``clip``, ``subject`` and ``score``.
    ``clip`` is ``SHARD.npy#INDEX``, the shard's path relative to the manifest. The training list
    must also have the columns of auxiliary targets, if there are any; further columns are ignored.

    Args:
        train: The training list.
        validation: The validation list; must not share a subject with it, for then its figures would say nothing about
            people the network has not seen.
        settings: Gives the shape that clips must have, and the auxiliary targets.

    Returns:
        Both lists, in that order.

    Raises:
        ConfigurationError: A list cannot be read, a line is wrong, or a subject is in both. All faults are counted and
            the first ten are named, with their line numbers.
    """
    shape = (settings.frames, settings.size_px, settings.size_px, 3)
    faults: list[str] = []
    paths = [_manifest(place) for place in (train, validation)]
    further = [settings.auxiliary, ()]
    lines = [_lines(path, names, faults) for path, names in zip(paths, further, strict=True)]
    if len(lines[0]) == 1:
        faults.append(f"{paths[0]} has one clip; batch normalisation needs at least two")
    # Leaks come first, and from all lines: a list with a hundred other faults must not hide them.
    subjects = [{line["subject"] for _, line in entries} - {""} for entries in lines]
    faults += [
        f"subject {subject!r} is in both {paths[0]} and {paths[1]}; a person belongs to one side only"
        for subject in sorted(subjects[0] & subjects[1])
    ]
    lists = [_clips(path, entries, shape, names, faults) for path, entries, names in zip(paths, lines, further, strict=True)]
    if faults:
        rest = len(faults) - _SHOWN_FAULTS
        more = f"; and {rest} more" if rest > 0 else ""
        raise ConfigurationError(f"the clip lists cannot be used: {'; '.join(faults[:_SHOWN_FAULTS])}{more}")
    return lists[0], lists[1]


def _manifest(place: str | Path) -> Path:
    path = Path(place)
    return path / MANIFEST if path.is_dir() else path


def _clips(
    path: Path, lines: list[tuple[int, dict[str, str]]], shape: tuple[int, ...], further: tuple[str, ...], faults: list[str]
) -> ClipList:
    shards: dict[Path, NDArray[np.uint8] | str] = {}
    clips: list[LabelledClip] = []
    for number, line in lines:
        where = f"{path} line {number}"
        found = _clip(path.parent, line, shards, shape, further)
        if isinstance(found, LabelledClip):
            clips.append(found)
        else:
            faults += [f"{where}: {fault}" for fault in found]
    digest = hashlib.sha256()
    for clip in clips:
        entry = (clip.shard.relative_to(path.parent).as_posix(), clip.index, clip.subject, clip.score, *clip.auxiliary)
        digest.update(repr(entry).encode())
    arrays = {shard: array for shard, array in shards.items() if not isinstance(array, str)}
    return ClipList(path=path, clips=tuple(clips), fingerprint=digest.hexdigest(), _shards=arrays)


def _lines(path: Path, further: tuple[str, ...], faults: list[str]) -> list[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            wanted = (*COLUMNS, *further)
            missing = [column for column in wanted if column not in (reader.fieldnames or ())]
            if missing:
                faults.append(f"{path} has no column {', '.join(missing)}; it must have {', '.join(wanted)}")
                return []
            lines = [(reader.line_num, {column: (line[column] or "").strip() for column in wanted}) for line in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        faults.append(f"{path} cannot be read as a list of clips: {reason}")
        return []
    if not lines:
        faults.append(f"{path} lists no clips")
    return lines


def _clip(
    folder: Path,
    line: dict[str, str],
    shards: dict[Path, NDArray[np.uint8] | str],
    shape: tuple[int, ...],
    further: tuple[str, ...],
) -> LabelledClip | Sequence[str]:
    faults = [] if line["subject"] else ["the subject is empty"]
    score = _number(line["score"])
    if not 0 <= score <= 1:  # also if not a number
        faults.append(f"the score is {line['score']!r}, not a number in [0, 1]")
    auxiliary = tuple(_number(line[column]) for column in further)
    faults += [
        f"{column} is {line[column]!r}, not a finite number"
        for column, value in zip(further, auxiliary, strict=True)
        if not math.isfinite(value)
    ]
    name, hash_sign, index_text = line["clip"].rpartition("#")
    if not (hash_sign and name and index_text.isdecimal() and len(index_text) < 10) or Path(name).is_absolute():
        return [*faults, f"the clip is {line['clip']!r}, not SHARD.npy#INDEX with a path relative to the list"]
    shard, index = folder / name, int(index_text)
    if shard not in shards:
        shards[shard] = _shard(shard, shape)
        if not isinstance(shards[shard], np.ndarray):
            faults.append(str(shards[shard]))  # once, at the first line that names it
    array = shards[shard]
    if isinstance(array, str):
        return faults
    if index >= len(array):
        faults.append(f"{name} has {len(array)} clips, so there is none with index {index}")
    return faults or LabelledClip(shard=shard, index=index, subject=line["subject"], score=score, auxiliary=auxiliary)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _shard(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | str:
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        return f"{path.name} cannot be read: {reason}"
    if array.dtype != np.uint8 or array.shape[1:] != shape:
        found, wanted = f"{array.shape} {array.dtype}", ", ".join(map(str, shape))
        return f"{path.name} is {found}, but the settings want (N, {wanted}) uint8 (--frames and --size set this)"
    return array
