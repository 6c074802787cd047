"""When each blink was: the published frequency column, with its normalisation undone.

The published code (blink_video.py and Preprocessing.py of github.com/rezaghoddoosian/Early-Drowsiness-Detection, MIT) writes
for each blink f = 100 × blinks so far / frames with a face so far, rounded to 4 decimals, and then normalises it as
z = (f − u) / s with mean u and standard deviation s of f over the last third of the person's alert blinks. As f is a running
mean, z depends on how long a video is and hardly moves at its end, so that nobody else can measure it. But it can be undone:

* f is a multiple of 10^-4, so that values of z of one person are whole multiples of 10^-4 / s apart, which gives s;
* u is then one of some ten thousand values, and only at the right one are the frame numbers 100 k / f of the first blinks,
  where rounding does not blur them, whole and ascending for all videos of the person.

The frames between a blink and the one before, over the mean interval of the person's alert baseline (100 / u), are what an
interval from any video can be compared with. The number of blinks k can jump: the code counts blinks that it does not write.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

DECIMAL = 1e-4  # of the text files
HIGHEST = 80_000  # of the least f of a person, in decimals: 8 blinks in 100 frames
LIKELIEST = 150  # values of u that are looked at closely
BLURRED = 0.2  # frames; where rounding hides more than that, whole numbers prove nothing
SLACK = 0.003
LEAST_FRAMES = 3.0  # of a blink
MOST_FRAMES = 22_000.0  # of a video: ten minutes at 30 Hz, and some more
ROUGH_PROOF, PROOF = 30, 60  # blinks of each run that u is found with: first among all values, then among the likeliest
MISSED, MOST_MISSED = 4, 40  # blinks that are counted, but not written: among these, and in a whole run
WRONG = 0.02  # probability that a frame number is not whole, or that a blink was not written
SURE = 8.0  # log likelihood over the next best u
UNLIKELY = -16.0  # log likelihood over chance of a run that fits nothing


def interval_ratios(videos: Sequence[Floats]) -> tuple[list[Floats], float]:
    """The interval before each blink over the mean interval of the person's alert baseline.

    Args:
        videos: (B, 4) the published features of each video of one person, each blink once, in order.

    Returns:
        For each video (B,), NaN where it is unknown: at the first blink, and in videos of which the column cannot be undone.
        And the mean interval of the baseline in frames, or NaN.
    """
    unknown = [np.full(len(video), np.nan) for video in videos]
    step = lattice_step(np.concatenate([video[:, 0] for video in videos]))
    if step is None:
        return unknown, float("nan")
    least = min(float(video[:, 0].min()) for video in videos)
    whole = [np.rint((video[:, 0] - least) / step).astype(np.int64) for video in videos]
    runs = [(place, run) for place, video in enumerate(videos) for run in _runs(video)]
    base = _least_frequency([whole[place][run] for place, run in runs])
    if base is None:
        return unknown, float("nan")
    usual = 100 / (DECIMAL * (base - least / step))
    for place, run in runs:
        frames, likelihood = _frame_numbers(base + whole[place][run][np.newaxis], MOST_MISSED)
        if frames[0, -1] <= MOST_FRAMES and likelihood[0] > UNLIKELY:
            unknown[place][run] = _gaps(frames[0]) / usual
    return unknown, usual


def lattice_step(values: Floats) -> float | None:
    """The number of which all differences of some values are whole multiples; None if there is none.

    Args:
        values: (N,) of one person.
    """
    gaps = np.diff(np.unique(values))
    step = 0.0
    for gap in np.sort(gaps[gaps > 1e-9])[:400]:
        big, small = max(step, float(gap)), min(step, float(gap))
        while small > 1e-7:
            rest = big - small * np.floor(big / small + 1e-9)
            big, small = small, 0.0 if small - rest < 1e-7 else rest
        step = big
    if step < 1e-6:
        return None
    multiples = (values - values.min()) / step
    return step if np.abs(multiples - np.rint(multiples)).max() < 1e-3 else None


def _runs(video: Floats) -> list[slice]:
    # The published code appends to its text file, so that a second run over a video starts again with the same blink.
    again = np.flatnonzero((np.abs(video[1:] - video[0]) < 1e-9).all(axis=1)) + 1
    return [slice(a, b) for a, b in itertools.pairwise([0, *again.tolist(), len(video)])]


def _least_frequency(runs: list[Whole]) -> int | None:
    candidates = np.arange(1, HIGHEST)
    rough = np.zeros(len(candidates))
    for run in runs:
        first = run[:ROUGH_PROOF]
        rough += _likelihood_of_whole(100 * _counted(first), candidates[:, np.newaxis] + first).sum(axis=1)
    best = candidates[np.argsort(-rough)[:LIKELIEST]]
    likelihood = np.zeros(len(best))
    for run in runs:
        likelihood += _frame_numbers(best[:, np.newaxis] + run[:PROOF], MISSED)[1]
        likelihood -= 10.0 * (100 * len(run) / (DECIMAL * (best + run[-1])) > MOST_FRAMES)
    order = np.argsort(-likelihood)
    return int(best[order[0]]) if likelihood[order[0]] - likelihood[order[1]] > SURE else None


def _counted(run: Whole) -> Floats:
    # Blinks that are found together are all written with the number of the last.
    last = np.append(np.flatnonzero(np.diff(run)), len(run) - 1)
    return np.asarray(last[np.searchsorted(last, np.arange(len(run)))] + 1, np.float64)


def _likelihood_of_whole(hundreds: Floats, frequency: Whole) -> Floats:
    """Log likelihood over chance that hundreds / frequency is a whole number, 0 where rounding hides it."""
    f: Floats = DECIMAL * frequency.astype(np.float64)
    frames = hundreds / f
    blur = _blur(frames, f)
    within = np.minimum(2 * (blur + SLACK), 0.9)
    is_whole = np.abs(frames - np.rint(frames)) <= blur + SLACK
    return np.where(blur > BLURRED, 0.0, np.where(is_whole, np.log((1 - WRONG) / within), np.log(WRONG / (1 - within))))


def _blur(frames: Floats, f: Floats) -> Floats:
    # Frames by which rounding of f to 4 decimals can move a frame number.
    return frames * DECIMAL / 2 / f


def _frame_numbers(frequency: Whole, most_missed: int) -> tuple[Floats, Floats]:
    """The likeliest frame of each blink, by Viterbi's algorithm over the blinks missed so far.

    Args:
        frequency: (C, B) in decimals, for C values of u.
        most_missed: M.

    Returns:
        (C, B) frames, and (C,) their log likelihoods.
    """
    groups = np.append(np.flatnonzero(np.diff(frequency[0])), frequency.shape[1] - 1)
    missed = np.arange(most_missed + 1)
    jump = missed[np.newaxis] - missed[:, np.newaxis]  # (before, after)
    cost = np.where(jump < 0, -np.inf, np.where(jump == 0, np.log(1 - WRONG), jump * np.log(WRONG)))
    score = np.broadcast_to(np.log(WRONG) * missed, (len(frequency), len(missed))).copy()
    numbers: list[Floats] = []
    sources: list[NDArray[np.intp]] = []
    for place, last in enumerate(groups):
        hundreds = 100.0 * (last + 1 + missed)
        f: Floats = DECIMAL * frequency[:, last, np.newaxis].astype(np.float64)
        frames = hundreds / f  # (C, M + 1)
        emission = _likelihood_of_whole(hundreds, np.broadcast_to(frequency[:, last, np.newaxis], frames.shape))
        if place:
            least = LEAST_FRAMES - 2 * _blur(frames, f)
            back = frames[:, np.newaxis, :] - numbers[-1][:, :, np.newaxis] < least[:, np.newaxis, :]  # (C, before, after)
            total = score[:, :, np.newaxis] + cost - 8.0 * back
            sources.append(total.argmax(axis=1))
            score = total.max(axis=1)
        score = score + emission
        numbers.append(frames)
    state = score.argmax(axis=1)
    likelihood = score.max(axis=1)
    rows = np.arange(len(frequency))
    frames = np.empty(frequency.shape)
    for place in range(len(groups) - 1, -1, -1):
        first = groups[place - 1] + 1 if place else 0
        frames[:, first : groups[place] + 1] = numbers[place][rows, state][:, np.newaxis]
        if place:
            state = sources[place - 1][rows, state]
    return frames, likelihood


def _gaps(frames: Floats) -> Floats:
    # Blinks found together share the frames since the one before them.
    change = np.diff(frames, prepend=np.nan)
    starts = np.flatnonzero(change != 0)
    sizes = np.diff(np.append(starts, len(frames)))
    gaps = np.repeat(change[starts] / sizes, sizes)
    return np.where(gaps < 0, np.nan, gaps)
