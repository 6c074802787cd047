"""Presentation time: from whatever timestamps a container carries to a clock that only moves forward."""

from __future__ import annotations

import math
from collections import Counter
from typing import Literal

Repair = Literal["missing", "duplicate", "backwards", "jump"]

# A step back or ahead beyond these is a cut in the recording (a restarted camera, a wrapped counter), not jitter. Time then
# goes on after CUT_GAP_S, which is longer than any window bridges, so that nothing is joined over the cut.
MAX_STEP_BACK_S = 0.5
MAX_STEP_AHEAD_S = 10.0
CUT_GAP_S = 1.0

# The rate counts as variable when more than this share of the intervals is off their median by more than a quarter.
_VARIABLE_SHARE = 0.02
_VARIABLE_DEVIATION = 0.25


class PresentationClock:
    """Turns raw timestamps into seconds from the first frame, strictly ascending, and counts what it had to repair.

    * a missing timestamp, a duplicate, or a small step back becomes the last time plus the usual interval;
    * a step back of more than 0.5 s or ahead of more than 10 s is taken as a cut: time goes on one second later and the
      timestamps that follow are counted from there.

    Args:
        nominal_rate_hz: Frame rate to assume until intervals have been seen; None assumes 25.

    Attributes:
        repairs: Number of repaired timestamps by kind: "missing", "duplicate", "backwards", "jump".
    """

    def __init__(self, nominal_rate_hz: float | None = None) -> None:
        rate = nominal_rate_hz if nominal_rate_hz and math.isfinite(nominal_rate_hz) and nominal_rate_hz > 0 else 25.0
        self.repairs: Counter[str] = Counter()
        self._nominal_s = 1.0 / rate
        self._origin_s: float | None = None  # raw time that stands for time 0 of the clock
        self._last_s = 0.0
        self._intervals_ms: Counter[int] = Counter()  # bounded: at most 10,000 different keys

    def tick(self, raw_s: float | None) -> float:
        """The time of the next frame.

        Args:
            raw_s: The frame's own timestamp in seconds, of any origin; None (or NaN) when it has none.

        Returns:
            Seconds since the first frame, greater than the previous return value.
        """
        if raw_s is not None and not math.isfinite(raw_s):
            raw_s = None
        if self._origin_s is None:
            if raw_s is None:
                self.repairs["missing"] += 1
            self._origin_s = raw_s or 0.0
            return 0.0
        previous_s = self._last_s
        self._last_s = self._repaired(raw_s)
        step_s = self._last_s - previous_s
        if step_s <= MAX_STEP_AHEAD_S:
            self._intervals_ms[round(step_s * 1000)] += 1
        return self._last_s

    def _repaired(self, raw_s: float | None) -> float:
        assert self._origin_s is not None
        usual_s = self._last_s + (self.median_interval_s or self._nominal_s)
        if raw_s is None:
            self.repairs["missing"] += 1
            return usual_s
        step_s = raw_s - self._origin_s - self._last_s
        if step_s < -MAX_STEP_BACK_S or step_s > MAX_STEP_AHEAD_S:
            self.repairs["jump"] += 1
            time_s = self._last_s + CUT_GAP_S
            self._origin_s = raw_s - time_s
            return time_s
        if step_s > 0:
            return self._last_s + step_s
        self.repairs["duplicate" if step_s == 0 else "backwards"] += 1
        return usual_s

    @property
    def median_interval_s(self) -> float | None:
        """Median time between frames so far, in seconds (to the millisecond); None before the second frame."""
        total = self._intervals_ms.total()
        if not total:
            return None
        seen = 0
        for interval_ms in sorted(self._intervals_ms):
            seen += self._intervals_ms[interval_ms]
            if 2 * seen >= total:
                return max(interval_ms, 1) / 1000
        raise AssertionError

    @property
    def mean_interval_s(self) -> float | None:
        """Mean time between frames so far, in seconds, leaving out cuts; None before the second frame."""
        total = self._intervals_ms.total()
        if not total:
            return None
        return sum(interval_ms * count for interval_ms, count in self._intervals_ms.items()) / total / 1000

    @property
    def variable(self) -> bool:
        """Whether more than 2 % of the intervals differ from their median by more than a quarter of it (and 2 ms)."""
        median_s = self.median_interval_s
        if median_s is None:
            return False
        limit_ms = max(median_s * 1000 * _VARIABLE_DEVIATION, 2)
        off = sum(n for ms, n in self._intervals_ms.items() if abs(ms - median_s * 1000) > limit_ms)
        return off > _VARIABLE_SHARE * self._intervals_ms.total()

    @property
    def duration_s(self) -> float:
        """Time of the last frame plus the usual interval, in seconds; 0 before the first frame."""
        if self._origin_s is None:
            return 0.0
        return self._last_s + (self.median_interval_s or self._nominal_s)
