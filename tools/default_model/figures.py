"""The statistics: which windows lie in a yawn, how well scores rank, and how that compares with controls and chance.

Scores come by video, for what differs between two recordings (light, camera, person) is no sign of tiredness: wherever a
figure can be had within videos, it is given so, too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.evaluate import area_under_roc, spearman

if TYPE_CHECKING:
    from numpy.typing import NDArray

ByVideo = Mapping[str, "NDArray[np.float64]"]
Truth = Mapping[str, "NDArray[np.bool_]"]

# A rank correlation of fewer windows than this says nothing about a video.
LEAST_WINDOWS = 8
# Share of a window's frames that need a reading, as predict needs it of its samples.
LEAST_READ = 0.9


def mostly_inside(
    start_s: NDArray[np.float64], end_s: NDArray[np.float64], stretches: Sequence[tuple[float, float]]
) -> NDArray[np.bool_]:
    """Which windows have more than half of their length inside one of some stretches.

    Args:
        start_s: (N,) seconds.
        end_s: (N,) seconds.
        stretches: Start and end of each, in seconds.

    Returns:
        (N,) bool.
    """
    inside = np.zeros(len(start_s), np.bool_)
    for first_s, last_s in stretches:
        inside |= np.minimum(end_s, last_s) - np.maximum(start_s, first_s) > (end_s - start_s) / 2
    return inside


def pooled_area(scores: ByVideo, truth: Truth) -> float | None:
    """Area under the ROC curve over the windows of all videos together; None when there is one kind only."""
    names = list(scores)
    return area_under_roc(_joined(scores, names), np.concatenate([np.zeros(0, np.bool_), *(truth[name] for name in names)]))


def paired_area(scores: ByVideo, truth: Truth) -> float | None:
    """The same over pairs from one video only: how often a positive is above a negative of its own video.

    It is the mean of the videos' areas weighted by their pairs (a tie counts half); None without any pair.
    """
    wins = pairs = 0.0
    for name, values in scores.items():
        area = area_under_roc(values, truth[name])
        if area is not None:
            count = float(truth[name].sum()) * float((~truth[name]).sum())
            wins, pairs = wins + area * count, pairs + count
    return wins / pairs if pairs else None


def pooled_spearman(scores: ByVideo, target: ByVideo) -> float | None:
    """Spearman's correlation over the windows of all videos together; windows with NaN are left out."""
    names = list(scores)
    return _spearman(_joined(scores, names), _joined(target, names))


def spearman_by_video(scores: ByVideo, target: ByVideo) -> dict[str, tuple[float, int]]:
    """Spearman's correlation and number of windows of each video with at least 8 windows, where it is defined.

    Args:
        scores: (N,) for each video; NaN is left out.
        target: (N,) for each video; NaN is left out.
    """
    found = {}
    for name, values in scores.items():
        known = ~(np.isnan(values) | np.isnan(target[name]))
        value = _spearman(values, target[name])
        if value is not None and known.sum() >= LEAST_WINDOWS:
            found[name] = (value, int(known.sum()))
    return found


def mean_spearman(scores: ByVideo, target: ByVideo, *, weighted: bool) -> float | None:
    """Mean of :func:`spearman_by_video`, every video the same or weighted by its windows; None without a video."""
    found = spearman_by_video(scores, target).values()
    if not found:
        return None
    return float(np.average([value for value, _ in found], weights=[count if weighted else 1 for _, count in found]))


def window_means(
    time_s: NDArray[np.float64], values: NDArray[np.float64], start_s: NDArray[np.float64], end_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean of a reading over the frames of each window.

    Args:
        time_s: (F,) ascending, of the frames, in seconds.
        values: (F,) readings; NaN: none.
        start_s: (N,) of the windows.
        end_s: (N,) of the windows; a frame at the end itself is no longer in it.

    Returns:
        (N,); NaN where fewer than nine in ten of a window's frames were read.
    """
    known = ~np.isnan(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(known)])
    first, last = np.searchsorted(time_s, start_s - 1e-6), np.searchsorted(time_s, end_s - 1e-6)
    read, frames = counts[last] - counts[first], last - first
    enough = (frames > 0) & (read >= LEAST_READ * frames)
    return np.where(enough, (sums[last] - sums[first]) / np.maximum(read, 1), np.nan)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How a figure differs between models of several training seeds.

    Attributes:
        mean: Over the models.
        deviation: Their standard deviation (over n − 1); NaN with one model.
        low, high: The least and the largest.
        count: n.
    """

    mean: float
    deviation: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """From at least one value."""
        deviation = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
        return cls(mean=float(np.mean(values)), deviation=deviation, low=min(values), high=max(values), count=len(values))


@dataclass(frozen=True, kw_only=True)
class Controls:
    """The same figure without a trained view of what happens over time.

    Attributes:
        chance: What knowing nothing gives: 0.5 for an area, 0 for a correlation.
        middle: Of the model on each window's middle frame, repeated; None: not measured.
        brightness: Of the mean of the crop.
        eye_band: Of the mean of the band of the crop that holds the eyes.
        untrained: Of networks of the same architecture with random weights, one for each seed.
        comparable: Whether more is better, so that a figure can be above its controls; not so for shares and means.
    """

    chance: float
    comparable: bool = True
    middle: float | None = None
    brightness: float | None = None
    eye_band: float | None = None
    untrained: tuple[float, ...] = ()

    @property
    def untrained_mean(self) -> float | None:
        """Mean over the seeds."""
        return float(np.mean(self.untrained)) if self.untrained else None

    @property
    def untrained_best(self) -> float | None:
        """The best of the seeds."""
        return max(self.untrained, default=None)

    def beaten_by(self, value: float) -> bool | None:
        """Whether a figure is above all controls; None without any.

        Brightness has no sign of its own, dark may stand for tired as well as bright, so it counts by its distance from
        chance on either side; networks have one, and count as they are.
        """
        signless = [self.chance + abs(v - self.chance) for v in (self.brightness, self.eye_band) if v is not None]
        signed = [v for v in (self.middle, self.untrained_best) if v is not None]
        return value > max(signless + signed) if self.comparable and signless + signed else None


def _joined(values: ByVideo, names: Sequence[str]) -> NDArray[np.float64]:
    return np.concatenate([np.zeros(0), *(values[name] for name in names)])


def _spearman(first: NDArray[np.float64], second: NDArray[np.float64]) -> float | None:
    known = ~(np.isnan(first) | np.isnan(second))
    return spearman(first[known], second[known]) if known.sum() > 1 else None
