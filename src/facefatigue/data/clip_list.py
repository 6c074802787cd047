"""Lists of labelled clips: read, checked as a whole before any training, and memory-mapped."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.clips.spec import ClipSpec
from facefatigue.data.frame_targets import SUFFIX
from facefatigue.data.leaks import leaks
from facefatigue.data.manifest import case_faults, manifest_path
from facefatigue.data.rows import FaultsError, Row, number_in, read_table
from facefatigue.data.shards import FrameShards, Shards
from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from facefatigue.data.shards import Shape

COLUMNS = ("clip", "subject", "score")


@dataclass(frozen=True, kw_only=True)
class LabelledClip:
    """One line of a list.

    Attributes:
        shard: The .npy file, (N, T, H, W, 3) uint8 RGB.
        index: Which of its N clips.
        subject: Who is seen.
        score: Fatigue in [0, 1].
        session: The occasion of the recording; empty if unknown.
        auxiliary: Further targets, in the order they were asked for.
        cells: All cells of the line, by column.
    """

    shard: Path
    index: int
    subject: str
    score: float
    session: str = ""
    auxiliary: tuple[float, ...] = ()
    cells: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def place(self) -> tuple[Path, int]:
        """Where its pixels are, however the list writes it."""
        return Path(os.path.realpath(self.shard)), self.index


@dataclass(frozen=True, kw_only=True, eq=False)
class ClipList:
    """A checked list of clips, whose pixels stay on the disk until they are asked for.

    Attributes:
        path: The manifest.
        clips: One entry for each line.
        fingerprint: SHA-256 over all entries, as 64 hex digits; not over pixels.
        part: Which part of the file it is, in words; empty for the whole.
        every: Every n-th frame of a clip is used.
        middle: How many of a clip's frames, those in its middle, are used before others are left out; 0: all.
    """

    path: Path
    clips: tuple[LabelledClip, ...]
    fingerprint: str
    part: str = ""
    every: int = 1
    middle: int = 0
    _shards: Shards = field(repr=False)
    _frames: FrameShards = field(repr=False, default_factory=lambda: FrameShards(()))

    def __len__(self) -> int:
        return len(self.clips)

    def __str__(self) -> str:
        return f"{self.path} ({self.part})" if self.part else str(self.path)

    @property
    def shape(self) -> Shape | None:
        """(T, H, W, 3) of its clips; None if it has none."""
        if not self.clips:
            return None
        assert self._shards.shape is not None
        frames, *rest = self._shards.shape
        height, width, channels = rest
        return len(range(frames)[self.used(frames)]), height, width, channels

    @property
    def subjects(self) -> frozenset[str]:
        """Everyone who is seen."""
        return frozenset(clip.subject for clip in self.clips)

    @property
    def sessions(self) -> frozenset[str]:
        """All sessions that are known."""
        return frozenset(clip.session for clip in self.clips) - {""}

    @property
    def scores(self) -> NDArray[np.float32]:
        """(N,) float32 in [0, 1], in the order of the list."""
        return np.array([clip.score for clip in self.clips], np.float32)

    @property
    def auxiliary(self) -> NDArray[np.float32]:
        """(N, K) float32, the further targets, in the order of the list and as they were asked for."""
        return np.array([clip.auxiliary for clip in self.clips], np.float32)

    def column(self, name: str) -> list[str]:
        """A column of the list as text; empty where the list does not have it."""
        return [clip.cells.get(name, "") for clip in self.clips]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all columns."""
        return tuple(self.clips[0].cells) if self.clips else ()

    def crops(self, number: int) -> NDArray[np.uint8]:
        """The frames of one clip: (T, H, W, 3) uint8 RGB, a read-only view of the file.

        Args:
            number: Its place in the list, from 0.

        Raises:
            ConfigurationError: The shard is not what it was when the list was read.
        """
        clip = self.clips[number]
        try:
            crops: NDArray[np.uint8] = self._shards.open(clip.shard)[clip.index]
        except (OSError, ValueError, IndexError) as error:
            raise ConfigurationError(f"{clip.shard} has changed since its list was read: {error}") from error
        return crops[self.used(len(crops))]

    @property
    def frame_targets(self) -> tuple[str, ...]:
        """The targets of every frame that the list was read with."""
        return self._frames.names

    def frame_values(self, number: int, names: Sequence[str]) -> NDArray[np.float32]:
        """What is known of every frame of one clip: (T, C) float32, the channels of all targets behind one another.

        Args:
            number: Its place in the list, from 0.
            names: Which targets, in order; among those that the list was read with.

        Returns:
            NaN where nothing is known; a landmark's x comes before its y.

        Raises:
            ConfigurationError: The file is not what it was when the list was read.
        """
        clip = self.clips[number]
        try:
            values = self._frames.read(clip.shard, clip.index, names)
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise ConfigurationError(f"{clip.shard.with_suffix(SUFFIX)} has changed since its list was read") from error
        return values[self.used(len(values))]

    def thinned(self, every: int) -> ClipList:
        """The same clips with every n-th of their frames.

        Args:
            every: n, at least 1.
        """
        return dataclasses.replace(self, every=self.every * every)

    def shortened(self, frames: int) -> ClipList:
        """The same clips, of which only the frames in the middle are used; of these, those that :meth:`thinned` leaves.

        Args:
            frames: How many, before others are left out; at least 1.
        """
        return dataclasses.replace(self, middle=min(frames, self.middle or frames))

    @property
    def whole(self) -> ClipList:
        """The same clips with all their frames."""
        return dataclasses.replace(self, middle=0, every=1)

    def used(self, frames: int) -> slice:
        """Which of a clip's frames are used.

        Args:
            frames: How many the clip has on the disk.
        """
        kept = min(self.middle or frames, frames)
        start = (frames - kept) // 2
        return slice(start, start + kept, self.every)

    def of_subjects(self, subjects: Iterable[str], part: str) -> ClipList:
        """The clips of some subjects, in the same order.

        Args:
            subjects: Whom to keep.
            part: What to call them.
        """
        wanted = frozenset(subjects)
        clips = tuple(clip for clip in self.clips if clip.subject in wanted)
        fingerprint = _fingerprint(self.path.parent, clips)
        return dataclasses.replace(self, clips=clips, fingerprint=fingerprint, part=part)


def read_clips(
    place: str | Path,
    *,
    shape: Shape | None = None,
    auxiliary: Sequence[str] = (),
    frame_targets: Sequence[str] = (),
) -> ClipList:
    """Read and check one list.

    A list is a ``manifest.csv`` or Parquet file (or the folder it is in) with at least the columns ``clip``, ``subject`` and
    ``score``, as ``facefatigue prepare`` and ``facefatigue synth render`` write it. ``clip`` is ``SHARD.npy#INDEX``, the
    shard's path relative to the list. ``session`` is used where it is there.

    Args:
        place: The list.
        shape: (T, H, W, 3) that all clips must have; None: that of the first.
        auxiliary: Columns with further targets.
        frame_targets: What must be told of every frame beside the shards (:mod:`facefatigue.data.frame_targets`).

    Raises:
        FaultsError: It cannot be read or lines are wrong; all faults are in it, with their line numbers.
    """
    faults: list[str] = []
    clips = _read(place, shape=shape, auxiliary=auxiliary, frame_targets=frame_targets, faults=faults)
    if faults:
        raise FaultsError(str(manifest_path(place)), faults)
    return clips


def read_lists(
    train: str | Path,
    validation: str | Path,
    *,
    shape: Shape,
    auxiliary: Sequence[str] = (),
    frame_targets: Sequence[str] = (),
) -> tuple[ClipList, ClipList]:
    """Read and check a training and a validation list together.

    Args:
        train: The training list.
        validation: The validation list; must not share a subject or a session with it, for then its figures would say
            nothing about people the network has not seen.
        shape: (T, H, W, 3) that clips must have.
        auxiliary: Columns with further targets, which the training list must have.
        frame_targets: What must be told of every frame in both.

    Returns:
        Both lists, in that order.

    Raises:
        FaultsError: A list cannot be read, lines are wrong, or somebody is in both; all faults are in it.
    """
    wrong: list[str] = []
    lists = [
        _read(place, shape=shape, auxiliary=names, frame_targets=frame_targets, faults=wrong)
        for place, names in ((train, auxiliary), (validation, ()))
    ]
    # Leaks come first: a list with a hundred other faults must not hide them.
    faults = leaks([(str(clips), clips) for clips in lists]) + wrong
    if faults:
        raise FaultsError("the lists of clips", faults)
    check_trainable(lists[0])
    return lists[0], lists[1]


def stated_spec(place: str | Path) -> ClipSpec | None:
    """The form of clips as the folder of their list states it; None where nothing does.

    Args:
        place: The list or its folder. Beside it, or where its clips are, `prepare` leaves a prepare.json, `synth render` a
            settings.json.
    """
    path = manifest_path(place)
    for folder in (path.parent, *_shard_folders(path)):
        for name in ("prepare.json", "settings.json"):
            try:
                entries = json.loads((folder / name).read_text(encoding="utf-8"))
                return ClipSpec(frames=entries["frames"], frame_rate_hz=entries["frame_rate_hz"], size_px=entries["size_px"])
            except (OSError, ValueError, KeyError, TypeError, ConfigurationError):
                continue
    return None


def _shard_folders(path: Path) -> tuple[Path, ...]:
    """The folder in which the first shard of a list lies, and two above it, where `prepare` has its prepare.json."""
    try:
        rows = read_table(path).rows
    except FaultsError:
        return ()
    if not rows or not (shard := rows[0].cells.get("clip", "").rpartition("#")[0]):
        return ()
    return tuple(Path(os.path.realpath(path.parent / shard)).parents[:3])


def check_rate(place: str | Path, spec: ClipSpec, *, every: int = 1) -> None:
    """Refuse clips that were sampled at another rate than a network is told; pixels alone do not show it.

    Args:
        place: The list or its folder; one that does not state its rate passes.
        spec: What the network is told.
        every: Every n-th frame is used.

    Raises:
        ConfigurationError: The rates differ.
    """
    stated = stated_spec(place)
    rate_hz = None if stated is None else stated.frame_rate_hz / every
    if rate_hz is not None and abs(rate_hz - spec.frame_rate_hz) > 1e-3 * spec.frame_rate_hz:
        raise ConfigurationError(
            f"{manifest_path(place)} has clips at {rate_hz:g} frames a second, but {spec.frame_rate_hz:g} are wanted"
        )


def check_trainable(clips: ClipList) -> None:
    """Refuse a list from which nothing can be learnt.

    Raises:
        FaultsError: It has fewer than two clips, or all of them have the same score.
    """
    faults = []
    if len(clips) < 2:
        faults.append(f"it has {len(clips)} clips; batch normalisation needs at least two")
    elif len(set(clips.scores.tolist())) == 1:
        faults.append(f"every clip has the score {clips.clips[0].score:g}, from which nothing can be learnt")
    if faults:
        raise FaultsError(f"the training list {clips}", faults)


def _read(
    place: str | Path,
    *,
    shape: Shape | None,
    auxiliary: Sequence[str],
    frame_targets: Sequence[str],
    faults: list[str],
) -> ClipList:
    path = manifest_path(place)
    empty = ClipList(path=path, clips=(), fingerprint="", _shards=Shards(None))
    try:
        table = read_table(path)
    except FaultsError as error:
        faults += [f"{path}: {fault}" for fault in error.faults]
        return empty
    wanted = (*COLUMNS, *auxiliary)
    if missing := [column for column in wanted if column not in table.columns]:
        faults.append(f"{path} has no column {', '.join(missing)}; it must have {', '.join(wanted)}")
        return empty
    if not table.rows:
        faults.append(f"{path} lists no clips")
    shards, frames = Shards(shape), FrameShards(frame_targets)
    clips: list[LabelledClip] = []
    seen: dict[tuple[Path, int], int] = {}
    for row in table.rows:
        found = _clip(path.parent, row, shards, frames, auxiliary)
        if isinstance(found, LabelledClip):
            first = seen.setdefault(found.place, row.number)
            if first != row.number:
                found = [f"{row.cells['clip']} is listed in line {first} already"]
        if isinstance(found, LabelledClip):
            clips.append(found)
        else:
            faults += [f"{path} line {row.number}: {fault}" for fault in found]
            clips += _person(row)
    faults += [f"{path}: {fault}" for fault in case_faults(clip.subject for clip in clips)]
    fingerprint = _fingerprint(path.parent, clips)
    return ClipList(path=path, clips=tuple(clips), fingerprint=fingerprint, _shards=shards, _frames=frames)


def _person(row: Row) -> list[LabelledClip]:
    """A faulty line's subject and session still count when leaks are looked for."""
    subject, session = row.cells["subject"], row.cells.get("session", "")
    return [LabelledClip(shard=Path(), index=0, subject=subject, session=session, score=0.0)] if subject else []


def _fingerprint(folder: Path, clips: Iterable[LabelledClip]) -> str:
    digest = hashlib.sha256()
    for clip in clips:
        place = clip.shard.relative_to(folder).as_posix() if clip.shard.is_relative_to(folder) else ""
        digest.update(repr((place, clip.index, clip.subject, clip.session, clip.score)).encode())
    return digest.hexdigest()


def _clip(folder: Path, row: Row, shards: Shards, frames: FrameShards, auxiliary: Sequence[str]) -> LabelledClip | list[str]:
    cells = row.cells
    faults = [] if cells["subject"] else ["the subject is empty"]
    score = number_in(cells["score"])
    if not 0 <= score <= 1:  # also if not a number
        faults.append(f"the score is {cells['score']!r}, not a number in [0, 1]")
    further = tuple(number_in(cells[column]) for column in auxiliary)
    faults += [
        f"{column} is {cells[column]!r}, not a finite number"
        for column, value in zip(auxiliary, further, strict=True)
        if math.isnan(value)
    ]
    name, hash_sign, index_text = cells["clip"].rpartition("#")
    if (
        not (hash_sign and name and index_text.isascii() and index_text.isdecimal() and len(index_text) < 10)
        or Path(name).is_absolute()
    ):
        return [*faults, f"the clip is {cells['clip']!r}, not SHARD.npy#INDEX with a path relative to the list"]
    shard, index = folder / name, int(index_text)
    length = shards.length(shard, faults)
    if length is not None and shards.shape is not None:
        frames.look(shard, length, shards.shape[0], faults)
    if length is not None and index >= length:
        faults.append(f"{name} has {length} clips, so there is none with index {index}")
    if faults or length is None:
        return faults
    session = cells.get("session", "")
    return LabelledClip(
        shard=shard, index=index, subject=cells["subject"], session=session, score=score, auxiliary=further, cells=cells
    )
