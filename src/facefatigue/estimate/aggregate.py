"""From the windows of one face to one statement about it."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from facefatigue.estimate.report import FaceReport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facefatigue.estimate.report import AbstainReason, Label, WindowResult

# Two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom.
_T_95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
_NORMAL_95 = 1.960


def score_interval(scores: Sequence[float], *, overlap: float = 1.0) -> tuple[float, float]:
    """95 % interval of the mean score from the spread of the windows: mean ± t · s / √n, cut to [0, 1].

    One window says nothing about its spread: the interval is then the whole of [0, 1]. Windows that overlap do not count
    more than those that fit side by side into the same time: n is their number over how often they lie over each other.
    Neighbouring windows resemble each other, so the interval is rather too narrow than too wide; it says nothing about the
    model's own error.

    Args:
        scores: At least one score.
        overlap: How many windows lie over each other: the time of all windows over the time that they cover; at least 1.
    """
    mean = math.fsum(scores) / len(scores)
    count = round(len(scores) / max(overlap, 1.0))
    if count < 2:
        return 0.0, 1.0
    spread = math.sqrt(math.fsum((score - mean) ** 2 for score in scores) / (len(scores) - 1))
    quantile = _T_95[count - 2] if count - 1 <= len(_T_95) else _NORMAL_95
    half = quantile * spread / math.sqrt(count)
    return max(mean - half, 0.0), min(mean + half, 1.0)


def label_of(fatigue_probability: float) -> Label:
    """The class on whose side the probability is; exactly one half counts as alert."""
    return "fatigue" if fatigue_probability > 0.5 else "alert"


def majority(windows: Sequence[WindowResult], mean_score: float) -> Label:
    """Majority vote of scored windows, as published; a tie goes by the mean score."""
    tired = sum(window.label == "fatigue" for window in windows)
    if 2 * tired == len(windows):
        return label_of(mean_score)
    return "fatigue" if 2 * tired > len(windows) else "alert"


def aggregate(
    *,
    track: int,
    frames: int,
    coverage: float,
    seen_s: float,
    window_s: float,
    windows: Sequence[WindowResult],
) -> FaceReport:
    """One face's report: mean score, majority vote, interval; or why it abstains.

    Args:
        track: Number of the track.
        frames: Frames in which the face was followed.
        coverage: Share of the source's frames in which it was followed.
        seen_s: From its first to its last frame, in seconds.
        window_s: Length of a window, in seconds.
        windows: Its windows, in order of time.
    """
    scored = [window for window in windows if window.score is not None]
    scores = [window.score for window in scored if window.score is not None]
    if not scores:
        return FaceReport(
            track=track,
            frames=frames,
            coverage=coverage,
            score=None,
            score_interval=None,
            fatigue_probability=None,
            label="abstain",
            abstain_reason=_reason(windows, seen_s, window_s),
            windows=tuple(windows),
        )
    score = math.fsum(scores) / len(scores)
    probabilities = [window.fatigue_probability for window in scored if window.fatigue_probability is not None]
    return FaceReport(
        track=track,
        frames=frames,
        coverage=coverage,
        score=score,
        score_interval=score_interval(scores, overlap=_overlap(scored)),
        fatigue_probability=math.fsum(probabilities) / len(probabilities),
        label=majority(scored, score),
        abstain_reason=None,
        windows=tuple(windows),
    )


def _overlap(windows: Sequence[WindowResult]) -> float:
    """The time of all windows over the time that they cover together; 1 for windows side by side."""
    covered_s, end_s = 0.0, -math.inf
    for window in windows:  # in order of time
        covered_s += max(window.end_s - max(window.start_s, end_s), 0.0)
        end_s = max(window.end_s, end_s)
    return math.fsum(window.end_s - window.start_s for window in windows) / covered_s if covered_s > 0 else 1.0


def _reason(windows: Sequence[WindowResult], seen_s: float, window_s: float) -> AbstainReason:
    reasons = Counter(window.abstain_reason for window in windows if window.abstain_reason)
    if reasons and (most := reasons.most_common(1)[0][0]) != "low_coverage":
        return most
    return "too_short" if seen_s < window_s else "low_coverage"
