"""The measured signs of one face, as data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefatigue.signs.blinks import Blink
    from facefatigue.signs.closure import Microsleep
    from facefatigue.signs.head import Nod
    from facefatigue.signs.lids import LidLevels
    from facefatigue.signs.yawns import Yawn

_DIGITS = 5


@dataclass(frozen=True, kw_only=True)
class UsualPose:
    """Where a head was turned: medians, and how much it moved (1.4826 times the median distance from them), in radians."""

    yaw_rad: float
    pitch_rad: float
    roll_rad: float
    yaw_spread_rad: float
    pitch_spread_rad: float
    roll_spread_rad: float

    @classmethod
    def of(cls, yaw_rad: NDArray[np.float32], pitch_rad: NDArray[np.float32], roll_rad: NDArray[np.float32]) -> Self:
        """Of (T,) turns, T ≥ 1."""
        middle = [float(np.median(track)) for track in (yaw_rad, pitch_rad, roll_rad)]
        spread = [
            1.4826 * float(np.median(np.abs(track - usual)))
            for track, usual in zip((yaw_rad, pitch_rad, roll_rad), middle, strict=True)
        ]
        return cls(
            yaw_rad=middle[0], pitch_rad=middle[1], roll_rad=middle[2],
            yaw_spread_rad=spread[0], pitch_spread_rad=spread[1], roll_spread_rad=spread[2],
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MinuteSigns:
    """The signs of one minute, or of the rest at the end if that is at least half a minute.

    Attributes:
        start_s, end_s: From when to when.
        coverage: Share of it in which the face was read.
        blink_rate_per_min, perclos, openness, head_pose: As in :class:`Signs`; None where they could not be measured.
    """

    start_s: float
    end_s: float
    coverage: float
    blink_rate_per_min: float | None
    perclos: float | None
    openness: float | None
    head_pose: UsualPose | None


@dataclass(frozen=True, kw_only=True)
class Signs:
    """What could be measured of one face; a sign that could not is None, with the reason in ``not_measurable``.

    Attributes:
        start_s, end_s: What was watched.
        coverage: Share of it in which the face was read, 0 to 1; ``lid_coverage``: in which the lids could be read.
        frame_rate_hz: How often the face was read, by the median interval.
        lid_levels: What counts as this person's open and shut eyes.
        openness: Mean opening of the eyes between blinks, 1 for the person's own open level.
        perclos: Share of time with the eyes at least 80 % closed (P80), 0 to 1.
        perclos_quick: The part of ``perclos`` in closures of more than half a second that began within 0.15 s, as quickly as
            lids follow a glance far down. Whether these eyes sleep or look down cannot be seen; without any of this,
            PERCLOS would be lower by so much.
        perclos_over_time: (time in s, PERCLOS over the minute before), every 5 s; None where too little was measured.
        blinks: In order of time.
        blink_rate_per_min: Over the time in which blinks could be seen.
        blink_duration_s: Median from 20 % of the fall to 80 % of the rise.
        incomplete_blink_share: Share of blinks that close the eyes by less than 80 %.
        microsleeps: Closures of more than half a second.
        yawns, yawns_per_hour: Over the time in which the face was read.
        nods: A head that sinks and is jerked up.
        gaze_down_share: Share of the time with open eyes in which the gaze is turned down.
        head_pose: Usual turn of the head.
        minutes: The course, minute by minute.
        not_measurable: By name of the sign, why it is None.
    """

    start_s: float
    end_s: float
    coverage: float
    lid_coverage: float
    frame_rate_hz: float | None
    lid_levels: LidLevels
    openness: float | None
    perclos: float | None
    perclos_quick: float | None
    perclos_over_time: tuple[tuple[float, float | None], ...]
    blinks: tuple[Blink, ...] | None
    blink_rate_per_min: float | None
    blink_duration_s: float | None
    incomplete_blink_share: float | None
    microsleeps: tuple[Microsleep, ...] | None
    yawns: tuple[Yawn, ...] | None
    yawns_per_hour: float | None
    nods: tuple[Nod, ...] | None
    gaze_down_share: float | None
    head_pose: UsualPose | None
    minutes: tuple[MinuteSigns, ...] = ()
    not_measurable: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As plain dicts, lists, texts and numbers, ready for JSON; numbers with five decimals."""
        plain = _plain(self)
        assert isinstance(plain, dict)
        return plain


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {entry.name: _plain(getattr(value, entry.name)) for entry in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in value]
    return round(value, _DIGITS) if isinstance(value, float) else value
