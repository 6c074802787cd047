"""From a series of signs to named, measured signs of one face; what cannot be measured is None, with the reason."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.signs import head, yawns
from facefatigue.signs.blinks import MOST_BLINK_STEP_S, MOST_PHASE_STEP_S, find_blinks, lid_signal
from facefatigue.signs.closure import LEAST_MEASURED_S, find_microsleeps, perclos, perclos_at, quick_closures
from facefatigue.signs.frame import MOST_FAR_EYE_YAW_RAD, MOST_PITCH_RAD
from facefatigue.signs.lids import find_levels, relative_openness, with_shut_eyes
from facefatigue.signs.series import time_shares
from facefatigue.signs.signs import MinuteSigns, Signs, UsualPose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefatigue.signs.blinks import Blink, LidSignal
    from facefatigue.signs.closure import Microsleep
    from facefatigue.signs.lids import LidLevels
    from facefatigue.signs.series import SignSeries
    from facefatigue.signs.yawns import Yawn

    Track = NDArray[np.float64]
    Flags = NDArray[np.bool_]

# In less, the absence of an event says nothing: a yawn takes 6.5 s, and 17 blinks a minute are one in 3.5 s.
LEAST_EVENTS_S = 5.0
# A rate from fewer than about nine expected blinks is a guess (17 a minute at rest, Bentivoglio et al. 1997).
LEAST_RATE_S = 30.0
LEAST_YAWN_RATE_S = 300.0
# A minute without a blink is as rare as 1 % even while reading (4.5 a minute, Bentivoglio et al. 1997): lids that stay still
# for so long are not seen, whatever is read.
MOST_STILL_S = 60.0
LEAST_MOUTH_SHARE = 0.5
# Nobody knows whether eyes that are narrow in a broad smile sleep.
_LAUGH = 0.5
PERCLOS_STEP_S = 5.0
_WORTH_NAMING_S = 0.1
_LID_SIGNS = ("blinks", "blink_rate_per_min", "perclos", "microsleeps", "openness")


def measure(series: SignSeries, levels: LidLevels | None = None) -> Signs:
    """Measure every sign of one face.

    Args:
        series: What was read, frame by frame.
        levels: The person's open and shut eyes, from a baseline; found in the series itself by default, where heavy lids
            that never open fully pass for open ones.
    """
    return _Measurement(series, levels).signs()


class _Measurement:
    """The steps of :func:`measure`."""

    def __init__(self, series: SignSeries, levels: LidLevels | None) -> None:
        self.series = series
        self.given = levels
        self.why: dict[str, str] = {}
        self.shares_s = time_shares(series.time_s)
        self.read_s = float(self.shares_s.sum())
        self.slow_shares_s = time_shares(series.time_s, yawns.MOST_GAP_S)
        self.slow_read_s = float(self.slow_shares_s.sum())

    def signs(self) -> Signs:
        series = self.series
        found_yawns = self._yawns()
        excused = self._inside(found_yawns or ())
        lids, levels, blinks, steady_s, usable_s = self._lids(excused)
        laughing = excused | (series.smile > _LAUGH)
        counted = lids.steady & ~laughing
        closed_share, microsleeps = None, None
        if "perclos" not in self.why:
            closed_share, measured_s = perclos(lids.openness, counted, self.shares_s)
            if closed_share is None:
                self.why["perclos"] = (
                    f"PERCLOS needs {LEAST_MEASURED_S:g} s with the lids read, {_below(measured_s, LEAST_MEASURED_S)} s were"
                    f" measured{self._left_out(lids.steady, excused, laughing)}"
                )
        if "microsleeps" not in self.why:
            microsleeps = tuple(find_microsleeps(series.time_s, lids.openness, lids.steady, laughing))
        if blinks is not None and not blinks and not microsleeps and steady_s >= MOST_STILL_S:
            reason = f"the lids were never seen to close in {steady_s:.0f} s: covered (dark glasses?), or not a living face"
            self.why.update(dict.fromkeys(_LID_SIGNS, reason))
            blinks = closed_share = microsleeps = None
        quick_share = self._quick_share(lids, counted, closed_share, microsleeps or ())
        left_out = self._left_out(lids.usable, excused)
        if blinks is not None and usable_s < LEAST_EVENTS_S:
            self.why["blinks"] = self.why["blink_rate_per_min"] = (
                f"blinks need at least {LEAST_EVENTS_S:g} s in which they can be seen,"
                f" {_below(usable_s, LEAST_EVENTS_S)} s were measured{left_out}"
            )
            blinks = None
        rate = self._rate(blinks, usable_s, left_out)
        watched_s = series.watched_s
        phases = [b.duration_s for b in blinks or () if b.duration_s is not None]
        if blinks and not phases:
            self.why["blink_duration_s"] = f"{self._rate_text()}; the phases of blinks need {1 / MOST_PHASE_STEP_S:.0f}"
        moments = np.arange(series.start_s + LEAST_MEASURED_S, series.end_s + 1e-6, PERCLOS_STEP_S)
        over_time = perclos_at(moments, series.time_s, lids.openness, counted, self.shares_s)
        return Signs(
            start_s=series.start_s,
            end_s=series.end_s,
            coverage=min(self.slow_read_s / watched_s, 1.0) if watched_s > 0 else 0.0,
            lid_coverage=min(steady_s / watched_s, 1.0) if watched_s > 0 else 0.0,
            frame_rate_hz=series.frame_rate_hz,
            lid_levels=levels,
            openness=None if "openness" in self.why else _mean_open(lids, blinks or (), series.time_s, self.shares_s),
            perclos=closed_share,
            perclos_quick=quick_share,
            perclos_over_time=()
            if closed_share is None
            else tuple((float(t), None if np.isnan(v) else float(v)) for t, v in zip(moments, over_time, strict=True)),
            blinks=None if blinks is None else tuple(blinks),
            blink_rate_per_min=rate,
            blink_duration_s=float(np.median(phases)) if phases else None,
            incomplete_blink_share=float(np.mean([not b.complete for b in blinks or () if b.complete is not None]))
            if phases
            else None,
            microsleeps=microsleeps,
            yawns=None if found_yawns is None else tuple(found_yawns),
            yawns_per_hour=self._yawn_rate(found_yawns),
            nods=self._nods(found_yawns or ()),
            gaze_down_share=self._gaze_down(lids),
            head_pose=self._usual_pose(),
            minutes=self._minutes(lids, excused, counted, blinks),
            not_measurable=dict(self.why),
        )

    def _rate_text(self) -> str:
        return f"the face was read {self.series.frame_rate_hz or 0:.1f} times a second"

    def _too_short(self, read_s: float, what: str) -> str | None:
        if not len(self.series):
            return "no face was read"
        if read_s < LEAST_EVENTS_S:
            return f"{_below(read_s, LEAST_EVENTS_S)} s of the face were read; {what} need at least {LEAST_EVENTS_S:g} s"
        return None

    def _too_few(self, what: str) -> str | None:
        """Why frames that seem to come too slowly are single ones, read here and there."""
        count, rate = len(self.series), self.series.frame_rate_hz
        if rate is not None and count / rate < LEAST_EVENTS_S:
            return f"the face was read in {count} frames; {what} need at least {LEAST_EVENTS_S:g} s"
        return None

    def _slow(self, what: str, most_step_s: float) -> str | None:
        """Why a slow sign cannot be seen."""
        rate = self.series.frame_rate_hz
        if rate is not None and rate < 1 / most_step_s - 1e-6:
            return self._too_few(what) or f"{self._rate_text()}; {what} need {1 / most_step_s:.0f}"
        return self._too_short(self.slow_read_s, what)

    def _yawns(self) -> list[Yawn] | None:
        if reason := self._slow("yawns", yawns.MOST_STEP_S):
            self.why["yawns"] = self.why["yawns_per_hour"] = reason
            return None
        series = self.series
        seen = series.mouth_visible
        if seen.mean() < LEAST_MOUTH_SHARE:
            self.why["yawns"] = self.why["yawns_per_hour"] = (
                f"the mouth is covered (a mask?) in {1 - seen.mean():.0%} of frames"
            )
            return None
        return yawns.find_yawns(series.time_s, series.mouth_open.astype(np.float64), series.smile.astype(np.float64))

    def _yawn_rate(self, found: list[Yawn] | None) -> float | None:
        if found is None:
            return None
        if self.slow_read_s < LEAST_YAWN_RATE_S:
            least_min = LEAST_YAWN_RATE_S / 60
            read_min = _below(self.slow_read_s / 60, least_min)
            self.why["yawns_per_hour"] = f"{read_min} min of the face were read; a rate needs {least_min:g} min"
            return None
        return 3600 * len(found) / self.slow_read_s

    def _nods(self, found: list[Yawn] | tuple[()]) -> tuple[head.Nod, ...] | None:
        if reason := self._slow("nods", head.MOST_STEP_S):
            self.why["nods"] = reason
            return None
        nods = head.find_nods(self.series.time_s, self.series.pitch_rad.astype(np.float64))
        # A head that is thrown back in a yawn comes forward after it.
        return tuple(nod for nod in nods if not any(nod.start_s < y.end_s and nod.end_s > y.start_s for y in found))

    def _inside(self, found: list[Yawn] | tuple[()]) -> Flags:
        """(T,) frames within a yawn."""
        inside = np.zeros(len(self.series), np.bool_)
        for yawn in found:
            first, after = np.searchsorted(self.series.time_s, (yawn.start_s, yawn.end_s))
            inside[first:after] = True
        return inside

    def _lids(self, excused: Flags) -> tuple[LidSignal, LidLevels, list[Blink] | None, float, float]:
        """The openness, its levels, the blinks, and the seconds in which lids can be read and blinks are looked for."""
        series = self.series
        levels = self.given or find_levels(series)
        lids = lid_signal(series.time_s, *relative_openness(series, levels))
        blinks, peaks = find_blinks(series.time_s, lids, excused, self.shares_s)
        if self.given is None:
            levels = with_shut_eyes(levels, series, peaks)
            lids = lid_signal(series.time_s, *relative_openness(series, levels))
            blinks, _ = find_blinks(series.time_s, lids, excused, self.shares_s)
        steady_s = float(self.shares_s[lids.steady].sum())
        usable_s = float(self.shares_s[lids.usable & ~excused].sum())
        if reason := self._lid_reason(steady_s):
            self.why.update(dict.fromkeys(_LID_SIGNS, reason))
            return lids, levels, None, steady_s, usable_s
        if float(self.shares_s[lids.usable].sum()) < LEAST_EVENTS_S:
            reason = f"{self._rate_text()}; blinks need {1 / MOST_BLINK_STEP_S:.0f}"
            self.why["blinks"] = self.why["blink_rate_per_min"] = reason
            return lids, levels, None, steady_s, usable_s
        return lids, levels, blinks, steady_s, usable_s

    def _lid_reason(self, steady_s: float) -> str | None:
        """Why the lids cannot be read."""
        series = self.series
        if not len(series):
            return "no face was read"
        if (series.frame_rate_hz or 0.0) < 4 and len(series) > 1:
            return self._too_few("lids") or f"{self._rate_text()}; lids need 4"
        if reason := self._too_short(self.read_s, "lids"):
            return reason
        visible_s = float(self.shares_s[series.eye_visible.any(axis=1)].sum())
        if visible_s < LEAST_EVENTS_S:
            away = np.abs(series.yaw_rad) > MOST_FAR_EYE_YAW_RAD
            away |= np.abs(series.pitch_rad) > MOST_PITCH_RAD
            cause = "the head is turned away" if away.mean() > 0.5 else "they are covered (dark glasses?)"
            return f"the eyes could be seen in {visible_s:.1f} s: {cause}"
        if steady_s < LEAST_EVENTS_S:
            return f"the lids could be read steadily in {steady_s:.1f} s: eyes too small, too dark, or covered"
        return None

    def _quick_share(
        self, lids: LidSignal, counted: Flags, closed_share: float | None, found: tuple[Microsleep, ...] | tuple[()]
    ) -> float | None:
        """Which part of PERCLOS may as well be a gaze far down."""
        if closed_share is None:
            self.why["perclos_quick"] = self.why["perclos"]
            return None
        if (self.series.frame_rate_hz or 0.0) < 1 / MOST_PHASE_STEP_S:
            self.why["perclos_quick"] = f"{self._rate_text()}; how fast lids fall needs {1 / MOST_PHASE_STEP_S:.0f}"
            return None
        quick = quick_closures(self.series.time_s, lids.openness, found) & counted
        return float(self.shares_s[quick].sum() / self.shares_s[counted].sum())

    def _left_out(self, seen: Flags, yawning: Flags, laughing: Flags | None = None) -> str:
        """What of the frames with lids seen is not counted, as the end of a reason; empty if that is nothing."""
        yawned_s = float(self.shares_s[seen & yawning].sum())
        laughed_s = 0.0 if laughing is None else float(self.shares_s[seen & laughing & ~yawning].sum())
        parts = [
            f"{length_s:.1f} s of {what}"
            for what, length_s in (("yawns", yawned_s), ("broad smiles", laughed_s))
            if length_s >= _WORTH_NAMING_S
        ]
        return f": {' and '.join(parts)} left out" if parts else ""

    def _rate(self, blinks: list[Blink] | None, usable_s: float, left_out: str) -> float | None:
        if blinks is None:
            return None
        if usable_s < LEAST_RATE_S:
            self.why["blink_rate_per_min"] = (
                f"a rate needs {LEAST_RATE_S:g} s in which blinks can be seen, {_below(usable_s, LEAST_RATE_S)} s were"
                f" measured{left_out}"
            )
            return None
        if not blinks:
            self.why["blink_rate_per_min"] = (
                f"not one blink in {usable_s:.1f} s: too short to tell rare blinks from covered eyes"
            )
            return None
        return 60 * len(blinks) / usable_s

    def _gaze_down(self, lids: LidSignal) -> float | None:
        """Share of the time with open lids in which the gaze is turned down."""
        lids_open = lids.steady & (lids.openness > 0.3)
        open_s = float(self.shares_s[lids_open].sum())
        if open_s < LEAST_EVENTS_S:
            self.why["gaze_down_share"] = self.why.get("openness", f"open eyes could be seen in {open_s:.1f} s")
            return None
        gaze = self.series.gaze_down.astype(np.float64)
        down = head.looking_down(self.series.time_s, gaze, lids_open, self.shares_s)
        return float(self.shares_s[down].sum() / open_s)

    def _usual_pose(self) -> UsualPose | None:
        series = self.series
        if reason := self._too_short(self.slow_read_s, "head poses"):
            self.why["head_pose"] = reason
            return None
        return UsualPose.of(series.yaw_rad, series.pitch_rad, series.roll_rad)

    def _minutes(
        self, lids: LidSignal, excused: Flags, counted: Flags, blinks: list[Blink] | None
    ) -> tuple[MinuteSigns, ...]:
        """Whole minutes side by side, and what is left if it is half a minute or more."""
        series, found = self.series, []
        begin_s = series.start_s
        while series.end_s - begin_s >= LEAST_MEASURED_S:
            end_s = min(begin_s + 60.0, series.end_s)
            first, after = (int(place) for place in np.searchsorted(series.time_s, (begin_s, end_s)))
            part = slice(first, after)
            usable_s = float(self.shares_s[part][(lids.usable & ~excused)[part]].sum())
            own = [blink for blink in blinks or () if begin_s <= blink.peak_s < end_s]
            closed, _ = perclos(lids.openness[part], counted[part], self.shares_s[part])
            lasting = counted[part] & ~_in_blinks(series.time_s[part], own)
            weights = np.where(lasting, self.shares_s[part], 0.0)
            known = blinks is not None
            found.append(
                MinuteSigns(
                    start_s=begin_s,
                    end_s=end_s,
                    coverage=min(float(self.slow_shares_s[part].sum()) / (end_s - begin_s), 1.0),
                    blink_rate_per_min=60 * len(own) / usable_s if known and usable_s >= LEAST_RATE_S else None,
                    perclos=closed if "perclos" not in self.why else None,
                    openness=float(np.average(lids.openness[part][lasting], weights=weights[lasting]))
                    if weights.sum() >= LEAST_EVENTS_S and "openness" not in self.why
                    else None,
                    head_pose=UsualPose.of(series.yaw_rad[part], series.pitch_rad[part], series.roll_rad[part])
                    if after - first >= 2
                    else None,
                )
            )
            begin_s = end_s
        return tuple(found)


def _below(length: float, least: float) -> str:
    """A length that falls short, with one decimal, or two where one would make it look like enough."""
    text = f"{length:.1f}"
    return text if float(text) < least else f"{math.floor(100 * length) / 100:.2f}"


def _in_blinks(time_s: Track, blinks: list[Blink] | tuple[Blink, ...]) -> Flags:
    """(T,) frames within a blink or 0.1 s of it."""
    inside = np.zeros(len(time_s), np.bool_)
    for blink in blinks:
        first, after = np.searchsorted(time_s, (blink.start_s - 0.1, blink.end_s + 0.1))
        inside[first:after] = True
    return inside


def _mean_open(lids: LidSignal, blinks: list[Blink] | tuple[()], time_s: Track, shares_s: Track) -> float | None:
    lasting = lids.steady & ~_in_blinks(time_s, blinks)
    weights = shares_s[lasting]
    return float(np.average(lids.openness[lasting], weights=weights)) if weights.sum() > 0 else None
