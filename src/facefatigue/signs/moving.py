"""Means, medians and extremes over windows of time that move along frames at any, even at uneven, rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Track = NDArray[np.float64]
    Places = NDArray[np.int64]


def smoothed(time_s: Track, values: Track, width_s: float) -> Track:
    """Mean of the signal between frames, joined by straight lines, over windows around each frame.

    Frames that already lie apart by more than ``width_s`` see as little of the signal as the window would: the window is
    narrowed by the distance of the frames, and nothing is smoothed from that distance on. So the time resolution, and with
    it what is found, is about the same at all frame rates.

    Args:
        time_s: (T,) strictly increasing, without gaps.
        values: (T,) float64.
        width_s: Width of the window.

    Returns:
        (T,) float64.
    """
    if len(values) < 3:
        return values.copy()
    steps = np.diff(time_s)
    half = np.maximum(width_s - frame_distances(time_s), 0.0) / 2
    begin = np.maximum(time_s - half, time_s[0])
    end = np.minimum(time_s + half, time_s[-1])
    area = np.concatenate([[0.0], np.cumsum(steps * (values[1:] + values[:-1]) / 2)])
    slopes = np.diff(values) / steps

    def area_until(moment_s: Track) -> Track:
        place = np.clip(np.searchsorted(time_s, moment_s, side="right") - 1, 0, len(steps) - 1)
        rest_s = moment_s - time_s[place]
        return np.asarray(area[place] + rest_s * (values[place] + 0.5 * slopes[place] * rest_s))

    width = end - begin
    return np.where(width > 1e-9, (area_until(end) - area_until(begin)) / np.maximum(width, 1e-9), values)


def frame_distances(time_s: Track, frames: int = 1) -> Track:
    """(T,) seconds between frames around each frame: the mean over ``frames`` intervals on either side."""
    count = len(time_s)
    place = np.arange(count)
    first, last = np.maximum(place - frames, 0), np.minimum(place + frames, count - 1)
    return np.asarray((time_s[last] - time_s[first]) / np.maximum(last - first, 1))


def noise_level(time_s: Track, values: Track, around_s: float = 10.0, block_s: float = 1.0) -> Track:
    """How far a signal strays within a second when nothing happens, as a standard deviation, around each frame.

    1.4826 times the median distance from the median within blocks of ``block_s``, of these the median over ``around_s``.
    Neither a blink, which takes less than half of a block, nor a step, which moves the blocks it falls into, counts much.

    Args:
        time_s: (T,) strictly increasing, T ≥ 1.
        values: (T,) float64.
        around_s: Over how long the blocks are summed up.
        block_s: Length of a block; slower changes do not count.

    Returns:
        (T,) float64.
    """
    _, middle, block = _block_medians(time_s, values, block_s)
    centres, strayed, _ = _block_medians(time_s, np.abs(values - middle[block]), block_s)
    centres, usual, _ = _block_medians(centres, strayed, around_s)
    return np.asarray(1.4826 * np.interp(time_s, centres, usual))


def _block_medians(time_s: Track, values: Track, length_s: float) -> tuple[Track, Track, Places]:
    """Middle times and medians of blocks of time that hold frames, and the block of each frame."""
    number = np.floor((time_s - time_s[0]) / length_s).astype(np.int64)
    ordered = values[np.lexsort((values, number))]
    numbers, first, block, count = np.unique(number, return_index=True, return_inverse=True, return_counts=True)
    medians = (ordered[first + (count - 1) // 2] + ordered[first + count // 2]) / 2
    return time_s[0] + (numbers + 0.5) * length_s, medians, block


def highest(values: Track, first: Places, after: Places) -> Track:
    """Highest of ``values[first:after]`` for each pair, by a table of the highest of 1, 2, 4, … values in a row.

    Args:
        values: (T,) float64.
        first: (N,) int.
        after: (N,) int, above ``first``.

    Returns:
        (N,) float64.
    """
    found = np.empty(len(first))
    if not len(first):
        return found
    power = np.floor(np.log2(after - first)).astype(np.int64)
    table, reach = values, 1
    for level in range(int(power.max()) + 1):
        here = power == level
        found[here] = np.maximum(table[first[here]], table[after[here] - reach])
        if len(table) > reach:
            table = np.maximum(table[:-reach], table[reach:])
        reach *= 2
    return found
