"""Signs as tables, a row a frame and a row an event, written piece by piece so that hours need little memory."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np

from facefatigue.atomic import atomic_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from facefatigue.signs import SignSeries

SIGN_COLUMNS = (
    "time_s", "track", "openness_left", "openness_right", "mouth_open", "gaze_down", "yaw_deg", "pitch_deg", "roll_deg",
    "eye_visible_left", "eye_visible_right", "mouth_visible",
)  # fmt: skip
# Where the report keeps the events, and what one of them is called.
EVENT_KINDS = {"blinks": "blink", "microsleeps": "microsleep", "yawns": "yawn", "nods": "nod"}
# As in the report; the columns that an event does not have are empty.
EVENT_COLUMNS = (
    "track", "kind", "start_s", "end_s", "peak_s", "amplitude", "closure", "complete", "closing_s", "closed_s", "opening_s",
    "duration_s", "closing_velocity_per_s", "opening_velocity_per_s", "rate_so_far_per_min", "opening", "lowest_s",
    "depth_rad", "sinking_s", "return_s",
)  # fmt: skip
_ROWS_AT_A_TIME = 4096
_DIGITS = 4
_TIME_DIGITS = 6


def write_signs_csv(sign_series: Mapping[int, SignSeries], path: Path) -> None:
    """Write one row for each frame in which a face was read, in UTF-8, face by face; the columns are ``SIGN_COLUMNS``.

    Openness, mouth and gaze are 0 to 1 as read from the picture; left and right are those of the image; turns are in
    degrees; ``eye_visible_*`` and ``mouth_visible`` are 1 where the lids of that eye, or the mouth, can be seen, else 0.

    Args:
        sign_series: By track.
        path: Where to.

    Raises:
        OutputError: The file cannot be written.
    """
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(SIGN_COLUMNS)
        for track, series in sign_series.items():
            for first in range(0, len(series), _ROWS_AT_A_TIME):
                writer.writerows(_frame_rows(track, series, slice(first, first + _ROWS_AT_A_TIME)))


def write_events_csv(signs: Mapping[int, Mapping[str, Any] | None], path: Path) -> None:
    """Write one row for each blink, microsleep, yawn and nod, in UTF-8, face by face and in order of time.

    Args:
        signs: By track, as the report holds them.
        path: Where to; the columns are ``EVENT_COLUMNS``.

    Raises:
        OutputError: The file cannot be written.
    """
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, EVENT_COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for track, own in signs.items():
            events = [(kind, event) for name, kind in EVENT_KINDS.items() for event in (own or {}).get(name) or ()]
            for kind, event in sorted(events, key=lambda entry: (entry[1]["start_s"], entry[0])):
                row = {name: int(value) if isinstance(value, bool) else value for name, value in event.items()}
                writer.writerow({**row, "track": track, "kind": kind})


def _frame_rows(track: int, series: SignSeries, part: slice) -> Iterator[Sequence[object]]:
    numbers: list[list[Any]] = [
        _rounded(values[part])
        for values in (series.openness[:, 0], series.openness[:, 1], series.mouth_open, series.gaze_down)
    ]
    turns = [_rounded(np.degrees(turn[part])) for turn in (series.yaw_rad, series.pitch_rad, series.roll_rad)]
    flags = (series.eye_visible[:, 0], series.eye_visible[:, 1], series.mouth_visible)
    visible = [flag[part].astype(int).tolist() for flag in flags]
    times = np.round(series.time_s[part], _TIME_DIGITS).tolist()
    tracks = [track] * len(times)
    return zip(times, tracks, *numbers, *turns, *visible, strict=True)


def _rounded(values: np.ndarray[Any, Any]) -> list[float]:
    rounded: list[float] = np.round(values.astype(np.float64), _DIGITS).tolist()
    return rounded
