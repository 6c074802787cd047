"""What people have labelled by hand: yawns, and how far eyes are closed in single frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.data.rows import FaultsError, number_in, read_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLOSURES = (0.0, 0.25, 0.5, 0.75, 1.0)
# Labels from which an eye counts as shut, and up to which as open.
SHUT, OPEN = 0.75, 0.25


@dataclass(frozen=True, eq=False)
class EyeLabels:
    """Hand labels of one video.

    Attributes:
        time_s: (N,) float64, ascending, times of the labelled frames.
        closure: (N,) float64, 0 (open) to 1 (shut) in steps of a quarter.
    """

    time_s: NDArray[np.float64]
    closure: NDArray[np.float64]


def read_eye_labels(path: Path) -> dict[str, EyeLabels]:
    """Read the list of hand-labelled frames: columns ``video`` (relative to the media folder), ``time_s``, ``eye_closure``.

    Frames whose closure is empty (eyes not visible) are left out.

    Args:
        path: The CSV file.

    Returns:
        By video.

    Raises:
        FaultsError: It cannot be read, or lines are wrong; all are named.
    """
    table = read_table(path)
    _check_columns(path, table.columns, ("video", "time_s", "eye_closure"))
    faults: list[str] = []
    found: dict[str, dict[float, float]] = {}
    for row in table.rows:
        video, time_s = PurePosixPath(row.cells["video"]).as_posix(), number_in(row.cells["time_s"])
        if not row.cells["video"] or not time_s >= 0:
            faults.append(f"line {row.number}: a label needs a video and a time of at least 0 s")
            continue
        own = found.setdefault(video, {})
        if not (text := row.cells["eye_closure"]):
            continue
        if (closure := number_in(text)) not in CLOSURES:
            faults.append(f"line {row.number}: the closure is {text!r}, not one of 0, 0.25, 0.5, 0.75, 1")
        elif time_s in own:
            faults.append(f"line {row.number}: {video} has a label at {time_s:g} s already")
        else:
            own[time_s] = closure
    if faults:
        raise FaultsError(str(path), faults)
    return {
        video: EyeLabels(np.array(sorted(own), np.float64), np.array([own[time] for time in sorted(own)], np.float64))
        for video, own in found.items()
        if own
    }


def read_yawns(path: Path) -> dict[str, list[tuple[float, float]]]:
    """Start and end of every yawn in seconds, by name of the video: columns ``video``, ``start_s``, ``end_s``.

    Raises:
        FaultsError: The file cannot be read, or lines are wrong.
    """
    table = read_table(path)
    _check_columns(path, table.columns, ("video", "start_s", "end_s"))
    faults: list[str] = []
    yawns: dict[str, list[tuple[float, float]]] = {}
    for row in table.rows:
        start_s, end_s = number_in(row.cells["start_s"]), number_in(row.cells["end_s"])
        if not 0 <= start_s < end_s:
            faults.append(f"line {row.number}: a yawn needs a start of at least 0 s and a later end")
        yawns.setdefault(row.cells["video"], []).append((start_s, end_s))
    if faults:
        raise FaultsError(str(path), faults)
    return yawns


def frames_at(time_s: NDArray[np.float64], frame_s: NDArray[np.float64]) -> NDArray[np.intp]:
    """The frame of each labelled time: the nearest, if it is less than half a frame away; else -1.

    Args:
        time_s: (N,) seconds.
        frame_s: (F,) ascending, times of the frames.
    """
    if len(frame_s) < 2:
        return np.full(len(time_s), -1, np.intp)
    places = np.searchsorted((frame_s[1:] + frame_s[:-1]) / 2, time_s)
    near = np.abs(frame_s[places] - time_s) <= np.median(np.diff(frame_s)) / 2
    return np.where(near, places, -1)


def _check_columns(path: Path, columns: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    if missing := [name for name in wanted if name not in columns]:
        raise FaultsError(str(path), [f"it has no column {', '.join(missing)}"])
