"""Windows: a face's frames, sampled at the model's frame rate by their timestamps, never joined over a gap."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.clips.quality import CropQuality, crop_quality, median_quality
from facefatigue.faces import align_face

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from facefatigue.faces import Face

# A face that is away for longer than this ends its row of windows; the next one starts when it is back.
MAX_BRIDGE_S = 0.5
_ROUNDING_S = 1e-6


@dataclass(frozen=True, eq=False)
class Window:
    """One window of one face.

    Attributes:
        start_s: Time of its first sample, in seconds.
        end_s: Start plus the length of the window (less where the face left before).
        crops: (T, S, S, 3) uint8 RGB; samples without a face repeat the nearest one that has it. None when the window was
            cut short or no sample has a face.
        coverage: Share of the window's samples that have a face of their own, 0 to 1.
        quality: Medians over those samples; None without any.
    """

    start_s: float
    end_s: float
    crops: NDArray[np.uint8] | None
    coverage: float
    quality: CropQuality | None


@dataclass(frozen=True, eq=False)
class _Sighting:
    time_s: float
    rgb: NDArray[np.uint8]
    face: Face


_Sample = tuple["NDArray[np.uint8]", CropQuality] | None


class WindowSampler:
    """Collects one track's frames into windows.

    Samples lie 1 / frame_rate_hz apart, starting with the first frame in which the face is seen; each takes the frame
    nearest in time, if that is no further away than one sampling interval. A face that is away for more than 0.5 s ends the
    row: the unfinished window comes out uncovered, and a new row starts when the face is back.

    Args:
        frames: Samples in a window, T.
        frame_rate_hz: Samples a second.
        size_px: Side of the aligned crops, S.
        stride_s: Time from one window's start to the next, rounded to whole samples; None: windows do not overlap.
    """

    def __init__(self, *, frames: int, frame_rate_hz: float, size_px: int, stride_s: float | None = None) -> None:
        self._frames = frames
        self._interval_s = 1.0 / frame_rate_hz
        self._size_px = size_px
        self._stride = frames if stride_s is None else max(round(stride_s * frame_rate_hz), 1)
        self._bridge_s = max(MAX_BRIDGE_S, 2 * self._interval_s)
        self._last: _Sighting | None = None
        self._row_s = 0.0  # time of sample 0 of this row
        self._next = 0  # number of the next sample of this row
        self._samples: deque[_Sample] = deque(maxlen=frames)
        self._emitted = False

    @property
    def stride_s(self) -> float:
        """Time from one window's start to the next, as used."""
        return self._stride * self._interval_s

    def see(self, rgb: NDArray[np.uint8], face: Face, time_s: float) -> Iterator[Window]:
        """Take a frame in which the face is seen; yields the windows that it completes.

        Args:
            rgb: (H, W, 3) uint8 frame; kept until the next call, so it must not be written to.
            face: The face in it.
            time_s: Its time, greater than in the call before.
        """
        sighting = _Sighting(time_s, rgb, face)
        if self._last is not None and time_s - self._last.time_s > self._bridge_s:
            yield from self._end_row(interrupted=True)
        if self._last is None:
            self._row_s = time_s
            self._last = sighting
        while self._time_of(self._next) <= time_s + _ROUNDING_S:
            yield from self._add(self._nearest(self._last, sighting))
        self._last = sighting

    def finish(self, *, interrupted: bool = False) -> Iterator[Window]:
        """End the row; yields what is left.

        Args:
            interrupted: The face left before the video ended: the unfinished window comes out, uncovered. At the end of the
                video it comes out only when the row has no other window.
        """
        if self._last is not None:
            yield from self._end_row(interrupted=interrupted)

    def _time_of(self, sample: int) -> float:
        return self._row_s + sample * self._interval_s

    def _nearest(self, before: _Sighting, after: _Sighting) -> _Sample:
        time_s = self._time_of(self._next)
        nearest = before if time_s - before.time_s <= after.time_s - time_s + _ROUNDING_S else after
        if abs(nearest.time_s - time_s) > self._interval_s + _ROUNDING_S:
            return None
        return self._sample(nearest)

    def _sample(self, sighting: _Sighting) -> _Sample:
        try:
            crop = align_face(sighting.rgb, sighting.face.landmarks, self._size_px)
        except ValueError:
            return None
        return crop, crop_quality(crop, sighting.face)

    def _add(self, sample: _Sample) -> Iterator[Window]:
        self._samples.append(sample)
        self._next += 1
        first = self._next - self._frames
        if first >= 0 and first % self._stride == 0:
            self._emitted = True
            yield self._window(first, list(self._samples))

    def _end_row(self, *, interrupted: bool) -> Iterator[Window]:
        # The last frame stands for the samples that fall into its own time.
        assert self._last is not None
        while self._time_of(self._next) <= self._last.time_s + self._interval_s / 2 - _ROUNDING_S:
            yield from self._add(self._sample(self._last))
        first = math.ceil(max(self._next - self._frames + 1, 0) / self._stride) * self._stride
        left = self._next - first
        if left > 0 and (interrupted or not self._emitted):
            samples = list(self._samples)[-left:]
            yield self._window(first, samples + [None] * (self._frames - left), cut_short=True)
        self._last = None
        self._next = 0
        self._samples.clear()
        self._emitted = False

    def _window(self, first: int, samples: list[_Sample], *, cut_short: bool = False) -> Window:
        seen = [index for index, sample in enumerate(samples) if sample is not None]
        start_s = self._time_of(first)
        length = seen[-1] + 1 if cut_short and seen else self._frames
        crops = None
        if seen and not cut_short:
            nearest = [min(seen, key=lambda have: abs(have - index)) for index in range(self._frames)]
            crops = np.stack([sample[0] for index in nearest if (sample := samples[index]) is not None])
        qualities = [sample[1] for sample in samples if sample is not None]
        return Window(
            start_s=start_s,
            end_s=start_s + length * self._interval_s,
            crops=crops,
            coverage=len(seen) / self._frames,
            quality=median_quality(qualities) if qualities else None,
        )
