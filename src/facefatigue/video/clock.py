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
# So many timestamps in a row that do not move forward are no slip: the recording's clock stands, or was set back.
STUCK_FRAMES = 3

# The rate counts as variable when more than this share of the intervals is off their median by more than a quarter.
_VARIABLE_SHARE = 0.02
_VARIABLE_DEVIATION = 0.25
_TICK_S = 1e-4
_SAME_S = 1e-6


class PresentationClock:
    """Turns raw timestamps into seconds from the first frame, strictly ascending, and counts what it had to repair.

    * a missing timestamp becomes the last time plus the usual interval;
    * a duplicate, or a small step back, becomes the last time plus half that, then a quarter: never so much that the good
      timestamps which follow would be overtaken. The third in a row becomes the last time plus the usual interval, and the
      timestamps that follow are counted from there;
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
        self._raw_s = -math.inf  # the last timestamp as it came
        self._slips = 0  # duplicates and small steps back in a row
        self._intervals: Counter[int] = Counter()  # in ticks of 0.1 ms, so at most 100,000 different keys
        self._intervals_sum_s = 0.0

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
            self._origin_s = self._raw_s = raw_s or 0.0
            return 0.0
        previous_s, jumps = self._last_s, self.repairs["jump"]
        self._last_s = self._repaired(raw_s)
        step_s = self._last_s - previous_s
        # The gap of a cut and the half steps after a slip are not the recording's own intervals.
        if self.repairs["jump"] == jumps and not 0 < self._slips < STUCK_FRAMES:
            self._intervals[round(step_s / _TICK_S)] += 1
            self._intervals_sum_s += step_s
        return self._last_s

    def _repaired(self, raw_s: float | None) -> float:
        assert self._origin_s is not None
        if raw_s is None:
            self.repairs["missing"] += 1
            return self._last_s + self._usual_s
        step_s = raw_s - self._origin_s - self._last_s
        before_s, self._raw_s = self._raw_s, raw_s
        if step_s < -MAX_STEP_BACK_S or step_s > MAX_STEP_AHEAD_S:
            self.repairs["jump"] += 1
            self._slips = 0
            return self._restart(raw_s, self._last_s + CUT_GAP_S)
        if step_s > _SAME_S:
            self._slips = 0
            return self._last_s + step_s
        self.repairs["duplicate" if abs(raw_s - before_s) <= _SAME_S else "backwards"] += 1
        self._slips += 1
        if self._slips >= STUCK_FRAMES:
            return self._restart(raw_s, self._last_s + self._usual_s)
        return self._last_s + self._usual_s / (1 << self._slips)

    def _restart(self, raw_s: float, time_s: float) -> float:
        self._origin_s = raw_s - time_s
        return time_s

    @property
    def _usual_s(self) -> float:
        return self.median_interval_s or self._nominal_s

    @property
    def median_interval_s(self) -> float | None:
        """Median time between frames so far, in seconds (to 0.1 ms); None before the second frame."""
        total = self._intervals.total()
        if not total:
            return None
        seen = 0
        for interval in sorted(self._intervals):
            seen += self._intervals[interval]
            if 2 * seen >= total:
                return max(interval, 1) * _TICK_S
        raise AssertionError

    @property
    def mean_interval_s(self) -> float | None:
        """Mean time between frames so far, in seconds, leaving out cuts; None before the second frame."""
        total = self._intervals.total()
        return self._intervals_sum_s / total if total else None

    @property
    def variable(self) -> bool:
        """Whether more than 2 % of the intervals differ from their median by more than a quarter of it (and 2 ms)."""
        median_s = self.median_interval_s
        if median_s is None:
            return False
        limit_s = max(median_s * _VARIABLE_DEVIATION, 0.002) + _TICK_S / 2
        off = sum(count for interval, count in self._intervals.items() if abs(interval * _TICK_S - median_s) > limit_s)
        return off > _VARIABLE_SHARE * self._intervals.total()

    @property
    def duration_s(self) -> float:
        """Time of the last frame plus the usual interval, in seconds; 0 before the first frame."""
        if self._origin_s is None:
            return 0.0
        return self._last_s + self._usual_s
