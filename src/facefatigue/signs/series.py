"""The signs of one face over time, as compact arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefatigue.signs.frame import FrameSigns

    Track = NDArray[np.float64]

# A face that is away for longer ends a stretch: a blink takes 0.1 to 0.4 s (Schiffman 2001), so whether there was one in a
# longer gap is not known. Nothing is measured across a gap.
MOST_GAP_S = 0.25

_TRACKS = ("mouth_open", "smile", "squint", "gaze_down", "yaw_rad", "pitch_rad", "roll_rad")
_BLOCK = 4096


@dataclass(frozen=True, kw_only=True, eq=False)
class SignSeries:
    """What one face showed in T frames; only frames in which it was read.

    Attributes:
        time_s: (T,) float64, strictly increasing.
        openness: (T, 2) float32, of the left and the right eye of the image, 0 (shut) to 1, as read from the picture.
        mouth_open, smile, squint, gaze_down: (T,) float32, 0 to 1.
        yaw_rad, pitch_rad, roll_rad: (T,) float32, turn of the head.
        eye_visible: (T, 2) bool.
        mouth_visible: (T,) bool; all of them by default.
        start_s, end_s: What was watched, with or without the face.

    Raises:
        ValueError: Shapes differ, a value is not finite, time does not increase, or the frames lie outside what was watched.
    """

    time_s: NDArray[np.float64]
    openness: NDArray[np.float32]
    mouth_open: NDArray[np.float32]
    smile: NDArray[np.float32]
    squint: NDArray[np.float32]
    gaze_down: NDArray[np.float32]
    yaw_rad: NDArray[np.float32]
    pitch_rad: NDArray[np.float32]
    roll_rad: NDArray[np.float32]
    eye_visible: NDArray[np.bool_]
    start_s: float
    end_s: float
    mouth_visible: NDArray[np.bool_] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        count = len(self.time_s)
        if self.mouth_visible is None:
            object.__setattr__(self, "mouth_visible", np.ones(count, np.bool_))
        shapes = dict.fromkeys(("time_s", *_TRACKS, "mouth_visible"), (count,)) | {
            "openness": (count, 2),
            "eye_visible": (count, 2),
        }
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.shape != shape:
                raise ValueError(f"{name} of a series of {count} frames has the shape {array.shape}, not {shape}")
            if not np.isfinite(array).all():
                raise ValueError(f"{name} of a series holds values that are not finite")
        if count > 1 and not (np.diff(self.time_s) > 0).all():
            place = int(np.flatnonzero(np.diff(self.time_s) <= 0)[0])
            raise ValueError(
                f"time must move forward, but {self.time_s[place + 1]:g} s follows {self.time_s[place]:g} s in a series"
            )
        if not (math.isfinite(self.start_s) and math.isfinite(self.end_s) and self.start_s <= self.end_s):
            raise ValueError(f"a series cannot be watched from {self.start_s:g} s to {self.end_s:g} s")
        if count and not (self.start_s <= self.time_s[0] and self.time_s[-1] <= self.end_s):
            raise ValueError(
                f"frames from {self.time_s[0]:g} to {self.time_s[-1]:g} s lie outside what was watched,"
                f" {self.start_s:g} to {self.end_s:g} s"
            )

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def watched_s(self) -> float:
        """How long was watched, with or without the face."""
        return self.end_s - self.start_s

    @property
    def frame_rate_hz(self) -> float | None:
        """Rate at which the face was read, by the median interval; None for fewer than two frames."""
        return float(1 / np.median(np.diff(self.time_s))) if len(self) > 1 else None


def time_shares(time_s: Track, most_gap_s: float = MOST_GAP_S) -> Track:
    """How many seconds each frame stands for: half the way to either neighbour, nothing across a gap.

    A share of time is estimated without bias at any frame rate if each frame counts for the time around it.

    Args:
        time_s: (T,) strictly increasing.
        most_gap_s: Intervals beyond this are gaps.

    Returns:
        (T,) float64 seconds; they add up to the time between frames without the gaps.
    """
    shares = np.zeros(len(time_s))
    steps = np.diff(time_s)
    half = np.where(steps <= most_gap_s, steps, 0.0) / 2
    shares[1:] += half
    shares[:-1] += half
    return shares


def stretches(time_s: Track, usable: NDArray[np.bool_], most_gap_s: float = MOST_GAP_S) -> list[slice]:
    """Runs of frames that can be used, without a gap inside.

    Args:
        time_s: (T,) strictly increasing.
        usable: (T,) which frames can be used.
        most_gap_s: Intervals beyond this are gaps.
    """
    if not usable.any():
        return []
    joined = usable[1:] & usable[:-1] & (np.diff(time_s) <= most_gap_s)
    firsts = np.flatnonzero(usable & ~np.concatenate([[False], joined]))
    lasts = np.flatnonzero(usable & ~np.concatenate([joined, [False]]))
    return [slice(int(first), int(last) + 1) for first, last in zip(firsts, lasts, strict=True)]


class SignCollector:
    """Collects the signs of one face frame by frame, in little memory: 3 hours at 30 frames/s are 17 MB.

    Args:
        start_s: From when on the source is watched.
    """

    def __init__(self, start_s: float = 0.0) -> None:
        self._start_s = self._end_s = float(start_s)
        self._times: list[NDArray[np.float64]] = []
        self._values: list[NDArray[np.float32]] = []
        self._filled = _BLOCK
        self._last_s: float | None = None

    def __len__(self) -> int:
        return max(len(self._times) - 1, 0) * _BLOCK + (self._filled if self._times else 0)

    def add(self, signs: FrameSigns) -> None:
        """Take the next frame in which the face was read.

        Raises:
            ValueError: It is not later than the one before, or before the start; or a value is not finite.
        """
        earliest_s = self._start_s if self._last_s is None else self._last_s
        if signs.time_s < earliest_s or signs.time_s == self._last_s:
            raise ValueError(f"time must move forward, but {signs.time_s:g} s follows {earliest_s:g} s")
        row = (*(getattr(signs, name) for name in _TRACKS), *signs.openness, *signs.eye_visible, signs.mouth_visible)
        if not all(math.isfinite(value) for value in row):
            raise ValueError(f"the signs at {signs.time_s:g} s hold values that are not finite")
        if self._filled == _BLOCK:
            self._times.append(np.empty(_BLOCK, np.float64))
            self._values.append(np.empty((_BLOCK, len(_TRACKS) + 5), np.float32))
            self._filled = 0
        self._times[-1][self._filled] = signs.time_s
        self._values[-1][self._filled] = row
        self._filled += 1
        self._last_s = signs.time_s
        self._end_s = max(self._end_s, signs.time_s)

    def watched_until(self, end_s: float) -> None:
        """Note that the source was watched until then, whether the face was read or not."""
        self._end_s = max(self._end_s, float(end_s))

    def series(self) -> SignSeries:
        """All that was collected so far, in arrays of its own: nothing that is added later changes or holds on to them."""
        count = len(self)
        times = np.concatenate(self._times)[:count].copy() if self._times else np.empty(0)
        values = np.concatenate(self._values)[:count] if self._values else np.empty((0, len(_TRACKS) + 5), np.float32)
        wide = len(_TRACKS)
        return SignSeries(
            time_s=times,
            openness=values[:, wide : wide + 2].copy(),
            eye_visible=values[:, wide + 2 : wide + 4] > 0.5,
            mouth_visible=values[:, wide + 4] > 0.5,
            start_s=self._start_s,
            end_s=self._end_s,
            **{name: values[:, place].copy() for place, name in enumerate(_TRACKS)},
        )
