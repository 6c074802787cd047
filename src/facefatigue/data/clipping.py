"""One video, cut into the aligned clips that `predict` would score."""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.atomic import atomic_path
from facefatigue.data.stretches import follow_stretches
from facefatigue.estimate import Limits
from facefatigue.estimate.session import Session
from facefatigue.faces import Mtcnn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefatigue.clips import ClipSpec
    from facefatigue.data.stretches import Followed, Stretch
    from facefatigue.estimate.report import FaceReport

_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class ClipPlace:
    """When a clip was, and how well its face was seen."""

    start_s: float
    end_s: float
    coverage: float
    eye_distance_px: float
    brightness: float


@dataclass(frozen=True, kw_only=True)
class Cut:
    """What came of a stretch.

    Attributes:
        clips: One entry for each clip in the target file, in order; empty where there is no file.
        rejected: Windows that were left out, by reason.
        problem: Why there is no clip at all; None where there are clips.
        notes: What is odd about the video, one text each.
    """

    clips: tuple[ClipPlace, ...]
    rejected: dict[str, int]
    problem: str | None
    notes: tuple[str, ...] = ()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits.

    Raises:
        OSError: It cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def cut_video(
    video: Path,
    stretches: Sequence[Stretch],
    targets: Sequence[Path],
    *,
    spec: ClipSpec,
    stride_s: float | None = None,
    limits: Limits | None = None,
) -> list[Cut]:
    """Cut the main face of each stretch into clips, each file whole or not at all.

    Windows are found, aligned, sampled and refused by the very code that `predict` runs
    (:class:`facefatigue.estimate.session.Session`). Clips go to the disk as they come, so that a video of hours needs no
    more memory than a short one.

    Args:
        video: The file.
        stretches: In order of time, not overlapping.
        targets: The .npy file for the clips of each, in folders that exist.
        spec: The form of the clips.
        stride_s: Time between the starts of clips; None: side by side.
        limits: Which windows are left out; None: as in `predict`.

    Returns:
        One entry for each stretch.

    Raises:
        SourceError: The video cannot be read.
        OutputError, OSError: A file cannot be written.
    """
    detector, results = Mtcnn(), list[Cut]()
    with tempfile.TemporaryDirectory(prefix=".cut-", dir=targets[0].parent) as folder:
        spool = _Spool(Path(folder) / "windows.raw", spec)

        def open_session(_: int) -> Session:
            spool.begin()
            return Session(detector=detector, score=spool.keep, spec=spec, limits=limits or Limits(), stride_s=stride_s)

        def finished(number: int, followed: Followed) -> None:
            if followed.face is None:
                results.append(Cut(clips=(), rejected={}, problem=followed.problem))
                return
            cut, places = _chosen(followed.face)
            if places:
                spool.write(places, targets[number])
            results.append(cut)

        notes = follow_stretches(video, stretches, open_session, finished)
    return [dataclasses.replace(cut, notes=notes) for cut in results]


class _Spool:
    """Takes the place of a network: what would be scored is kept in a file, and a window's score is its place there."""

    def __init__(self, path: Path, spec: ClipSpec) -> None:
        self._path = path
        self._spec = spec
        self._kept = 0

    def begin(self) -> None:
        """Start anew for another stretch."""
        self._path.write_bytes(b"")
        self._kept = 0

    def keep(self, crops: NDArray[np.uint8]) -> tuple[float, float]:
        """Keep one window, (T, S, S, 3) uint8 RGB; gives its place, and a probability that means nothing."""
        with self._path.open("ab") as file:
            file.write(crops.tobytes())
        self._kept += 1
        return float(self._kept - 1), 0.0

    def write(self, places: Sequence[int], target: Path) -> None:
        """Write some of the windows as (N, T, S, S, 3) uint8."""
        shape = self._spec.shape
        spooled = np.memmap(self._path, np.uint8, "r", shape=(self._kept, *shape))
        with atomic_path(target) as partial:
            clips = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=(len(places), *shape))
            for number, place in enumerate(places):
                clips[number] = spooled[place]
            clips.flush()
            del clips


def _chosen(face: FaceReport) -> tuple[Cut, list[int]]:
    """What a face's windows come to, and the places of those that are kept."""
    kept = [window for window in face.windows if window.score is not None]
    places = tuple(
        ClipPlace(
            start_s=window.start_s,
            end_s=window.end_s,
            coverage=window.coverage,
            eye_distance_px=window.quality.eye_distance_px,
            brightness=window.quality.brightness,
        )
        for window in kept
        if window.quality is not None
    )
    rejected = Counter(window.abstain_reason for window in face.windows if window.abstain_reason is not None)
    problem = None if places else f"no clip of its face can be used ({face.abstain_reason})"
    cut = Cut(clips=places, rejected=dict(sorted(rejected.items())), problem=problem)
    return cut, [int(window.score) for window in kept if window.score is not None]
