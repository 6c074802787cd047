"""Blinks: when the lids close and open again, how far and how fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.signs.dips import FAR, NEAR, find_dips
from facefatigue.signs.moving import frame_distances, noise_level, smoothed
from facefatigue.signs.series import MOST_GAP_S, stretches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefatigue.signs.dips import Dip

    Track = NDArray[np.float64]
    Flags = NDArray[np.bool_]

# How much of the open eye the lids have to cover. Partial blinks are common: in young men 44 % are (almost) complete, older
# men as often cover a quarter of the eye as a half (Sforza et al. 2008); less cannot be told from noise and glances.
LEAST_DROP = 0.3
# A drop counts if it is so many standard deviations of what the openness strays by when nothing happens ...
_NOISE_TIMES = 5.0
# ... and where that exceeds this, nothing is measured: blinks would have to cover more than 60 % of the eye.
MOST_NOISE = 0.12
# A blink with its fronts lies within: the longest endogenous blinks take 0.5 s (Stern, Walrath & Goldstein 1984), those of
# drowsy people up to twice that (Caffier et al. 2003 call them long-closure blinks).
_REACH_S = 0.6
_MOST_S, _MOST_PARTIAL_S = 1.0, 0.5
# Lids come down within 0.08 s (spontaneous 0.066 s, voluntary 0.078 s; scleral search coils), of which three fifths are
# measured; tired ones more slowly. Lids that follow the gaze down stay there, those of a laugh come down slowly.
_MOST_CLOSING_S = 0.2
_MOST_PARTIAL_LOW_S = 0.2
# Fall and rise of one blink are alike; the published detector of UTA-RLDD drops those that differ by a factor of 4.
_LEAST_BALANCE = 0.3
# A glint on glasses or a slip of the nets lasts a frame; the lids take longer than this from half shut to half open.
_LEAST_HALF_WIDTH_S = 0.045
_SURE_STEP_S = 0.035  # at less than 29 frames/s it cannot be told
# Both eyes blink; in a wink or a glint one does. The less moved eye moves at least by this share of their mean.
_LEAST_OTHER_EYE = 0.4
_PARTIAL_ABOVE = 0.3

# What frames that lie apart by so much can tell. Blinks: two frames within the shortest quarter of a second in which half of
# a blink is seen; their phases: two frames within a movement of the lids.
MOST_BLINK_STEP_S = 0.13
MOST_PHASE_STEP_S = 0.045
SMOOTHING_S = 0.03
_SPEED_OVER_S = 0.05
_GAUSSIAN_RISE = 1.68  # from 20 to 80 %, in standard deviations
# From this closure on a blink is complete: PERCLOS calls an eye closed from there (Wierwille et al. 1994).
CLOSED_FROM = 0.8


@dataclass(frozen=True, kw_only=True)
class Blink:
    """One blink of both eyes (of one, where only one can be seen). Openness is in the person's own measure.

    Attributes:
        start_s: When a fifth of the fall is done.
        peak_s: When the eyes are most closed.
        end_s: When four fifths of the rise are done.
        amplitude: How far the lids move, mean of fall and rise, as a share of the open eye.
        closure: How far the eyes are closed at the peak, 0 to 1.
        complete: Whether they are at least 80 % closed; None where frames lie too far apart to tell.
        closing_s: From 20 to 80 % of the fall; ``closed_s``: from there to 20 % of the rise; ``opening_s``: to 80 % of the
            rise. The three add up to ``duration_s``. None where frames lie too far apart.
        duration_s: From ``start_s`` to ``end_s``; None where frames lie too far apart.
        closing_velocity_per_s, opening_velocity_per_s: Highest speed of the lids over 0.05 s, in open eyes a second; None
            where frames lie too far apart.
        rate_so_far_per_min: Blinks so far, this one included, over the minutes so far in which blinks could be seen.
    """

    start_s: float
    peak_s: float
    end_s: float
    amplitude: float
    closure: float
    complete: bool | None
    closing_s: float | None
    closed_s: float | None
    opening_s: float | None
    duration_s: float | None
    closing_velocity_per_s: float | None
    opening_velocity_per_s: float | None
    rate_so_far_per_min: float


def blink_features(blinks: Sequence[Blink]) -> NDArray[np.float64]:
    """The four features of the UTA-RLDD blink work for each blink, in real time units.

    Ghoddoosian, Galib & Athitsos, "A Realistic Dataset and Baseline Temporal Model for Early Drowsiness Detection", CVPR
    workshops 2019, define with the eye aspect ratio EAR in the first, lowest and last frame of a blink: frequency,
    100 × (blinks so far) / (frames so far); amplitude, (EAR[first] - 2 EAR[lowest] + EAR[last]) / 2; duration, last - first
    + 1; and eye-opening velocity, (EAR[last] - EAR[lowest]) / (last - lowest). All four are then z-scored by the person's
    own alert blinks. Here they are the same up to factors that z-scores take away: blinks a minute so far; the amplitude as
    a share of the open eye; seconds; open eyes a second. They differ in that a blink reaches from 20 % of its fall to 80 %
    of its rise (theirs from top to top, in whole frames), and that the velocity is the mean from 20 to 80 % of the rise.

    Args:
        blinks: In order of time, all of one recording.

    Returns:
        (n, 4) float64: frequency, amplitude, duration, opening velocity of the blinks whose phases could be measured.
    """
    rows = [
        (blink.rate_so_far_per_min, blink.amplitude, blink.duration_s, (FAR - NEAR) * blink.amplitude / blink.opening_s)
        for blink in blinks
        if blink.duration_s is not None and blink.opening_s
    ]
    return np.array(rows, np.float64).reshape(-1, 4)


@dataclass(frozen=True, eq=False)
class LidSignal:
    """Openness in the person's own measure, smoothed, with what can be made of it.

    Attributes:
        openness: (T,) 0 shut, 1 open; NaN where no eye is seen.
        eyes: (T, 2) of either eye.
        usable: (T,) frames in which blinks can be seen: an eye is visible, the reading is steady, and frames are dense.
        steady: (T,) frames in which an eye is visible and the reading is steady.
        noise: (T,) what it strays by.
        step_s: (T,) distance of frames.
    """

    openness: Track
    eyes: NDArray[np.float64]
    usable: Flags
    steady: Flags
    noise: Track
    step_s: Track


def lid_signal(time_s: Track, eyes: NDArray[np.float64], openness: Track) -> LidSignal:
    """Smooth the openness, and say where it can be used.

    Args:
        time_s: (T,) strictly increasing.
        eyes: (T, 2) relative openness of either eye, NaN where one is not seen.
        openness: (T,) their mean.
    """
    smooth, noise = np.full(len(time_s), np.nan), np.full(len(time_s), np.inf)
    step_s = np.full(len(time_s), np.inf)
    seen = ~np.isnan(openness)
    for part in stretches(time_s, seen):
        smooth[part] = smoothed(time_s[part], openness[part], SMOOTHING_S)
        if part.stop - part.start > 1:
            step_s[part] = frame_distances(time_s[part], 4)
    if seen.any():
        noise[seen] = noise_level(time_s[seen], smooth[seen])
    steady = noise <= MOST_NOISE
    return LidSignal(smooth, eyes, steady & (step_s <= MOST_BLINK_STEP_S), steady, noise, step_s)


def find_blinks(time_s: Track, lids: LidSignal, excused: Flags, shares_s: Track) -> tuple[list[Blink], list[int]]:
    """Every blink, and the frames of their peaks.

    Args:
        time_s: (T,) strictly increasing.
        lids: The openness.
        excused: (T,) frames in which eyes close for another reason, such as a yawn; no blink is taken from there.
        shares_s: (T,) the time that each frame stands for.
    """
    seen_s = np.cumsum(np.where(lids.usable & ~excused, shares_s, 0.0))
    blinks: list[Blink] = []
    places: list[int] = []
    for part in stretches(time_s, lids.usable, MOST_GAP_S):
        seconds, values = time_s[part], lids.openness[part]
        least = np.maximum(LEAST_DROP, _NOISE_TIMES * lids.noise[part])
        for dip in find_dips(seconds, values, least, _REACH_S):
            step_s = float(lids.step_s[part][dip.place])
            if (
                excused[part][dip.place]
                or _is_glint(seconds, dip)
                or not _is_blink(dip, float(least[dip.place]), step_s)
                or not _of_both(lids.eyes[part], dip)
                or (blinks and dip.start_s < blinks[-1].end_s)
            ):
                continue
            minutes = max(float(seen_s[part][dip.last]), 1e-9) / 60
            blinks.append(_describe(seconds, values, dip, step_s, (len(blinks) + 1) / minutes))
            places.append(part.start + dip.place)
    return blinks, places


def _is_blink(dip: Dip, least: float, step_s: float) -> bool:
    low, high = sorted((dip.fall, dip.rise))
    partial = dip.bottom > _PARTIAL_ABOVE
    rest_s = max(step_s - _SURE_STEP_S, 0.0)  # straight lines between distant frames draw movements out
    return (
        low >= max(least, _LEAST_BALANCE * high)
        and dip.low_from_s - dip.start_s <= _MOST_CLOSING_S + 0.5 * rest_s
        and dip.end_s - dip.start_s <= (_MOST_PARTIAL_S if partial else _MOST_S) + rest_s
        and not (partial and dip.low_to_s - dip.low_from_s > _MOST_PARTIAL_LOW_S)
    )


def _is_glint(time_s: Track, dip: Dip) -> bool:
    apart_s = float(time_s[dip.place + 1] - time_s[dip.place - 1]) / 2
    return apart_s < _SURE_STEP_S and dip.half_width_s < _LEAST_HALF_WIDTH_S


def _of_both(eyes: NDArray[np.float64], dip: Dip) -> bool:
    drops = (eyes[dip.first] + eyes[dip.last]) / 2 - eyes[dip.place]
    drops = drops[~np.isnan(drops)]
    return len(drops) < 2 or float(drops.min()) >= _LEAST_OTHER_EYE * float(drops.mean())


def _describe(time_s: Track, values: Track, dip: Dip, step_s: float, rate_per_min: float) -> Blink:
    phases = step_s <= MOST_PHASE_STEP_S
    closure = float(np.clip(1 - dip.bottom, 0, 1))
    falling_s, rising_s = dip.low_from_s - dip.start_s, dip.end_s - dip.low_to_s
    closing_s, opening_s = _sharpened(falling_s, step_s), _sharpened(rising_s, step_s)
    duration_s = dip.end_s - dip.start_s
    closing = _speed(time_s, -values, dip.first, dip.place) * _slowed(falling_s, closing_s)
    opening = _speed(time_s, values, dip.place, dip.last) * _slowed(rising_s, opening_s)
    return Blink(
        start_s=dip.start_s,
        peak_s=dip.bottom_s,
        end_s=dip.end_s,
        amplitude=(dip.fall + dip.rise) / 2,
        closure=closure,
        complete=closure >= CLOSED_FROM if phases else None,
        closing_s=closing_s if phases else None,
        closed_s=duration_s - closing_s - opening_s if phases else None,
        opening_s=opening_s if phases else None,
        duration_s=duration_s if phases else None,
        closing_velocity_per_s=closing if phases else None,
        opening_velocity_per_s=opening if phases else None,
        rate_so_far_per_min=rate_per_min,
    )


def _sharpened(seen_s: float, step_s: float) -> float:
    """A movement's time from 20 to 80 % without what frames add to it.

    Straight lines between frames, and the smoothing, blur a movement; times add in squares, as rise times of filters in a
    row do (Elmore 1948). From 20 to 80 % is 1.68 standard deviations of a Gaussian step; the variance of straight lines
    between frames dt apart is dt²/6, that of a window w is w²/12.
    """
    added = _GAUSSIAN_RISE**2 * (step_s**2 / 6 + max(SMOOTHING_S - step_s, 0.0) ** 2 / 12)
    return float(np.sqrt(max(seen_s**2 - added, (0.3 * seen_s) ** 2)))


def _slowed(seen_s: float, true_s: float) -> float:
    """How much slower than in truth a movement seems, as the two times go when that of the window is added."""
    window = _GAUSSIAN_RISE**2 * _SPEED_OVER_S**2 / 12
    return float(np.sqrt((seen_s**2 + window) / (true_s**2 + window)))


def _speed(time_s: Track, values: Track, first: int, last: int) -> float:
    """Highest rise over ``_SPEED_OVER_S`` between two frames, a second."""
    begin = np.arange(float(time_s[first]) - _SPEED_OVER_S, float(time_s[last]), 0.005)
    part = slice(max(first - 2, 0), last + 3)
    seconds, track = time_s[part], values[part]
    rise = np.interp(begin + _SPEED_OVER_S, seconds, track) - np.interp(begin, seconds, track)
    return float(rise.max() / _SPEED_OVER_S)
