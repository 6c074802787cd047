"""What is usual for one person: robust statistics of signs and scores of alert videos. No pictures are kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from facefatigue.errors import ConfigurationError
from facefatigue.signs.blink_fatigue import LEAST_ALERT_BLINKS, AlertBlinks, blink_table
from facefatigue.signs.lids import LidLevels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from facefatigue.signs.signs import Signs

Glasses = Literal["unknown", "yes", "no"]
GLASSES: tuple[Glasses, ...] = get_args(Glasses)

# A minute is one measurement of most signs; spreads of one or two measurements would be chance.
LEAST_READ_S = 60.0
ROBUST = 1.4826  # times the median distance from the median is the standard deviation of a normal distribution

# Name, and the least spread that is believed: finer differences are noise of the readings, or chance.
SIGNS: dict[str, float] = {
    "blink_rate_per_min": 1.0,
    "blink_duration_s": 0.01,
    "incomplete_blink_share": 0.1,
    "perclos": 0.01,
    "openness": 0.05,
    "yawns_per_hour": 1.0,
    "pitch_rad": 0.05,
    "score": 0.03,
}


@dataclass(frozen=True, kw_only=True)
class Statistic:
    """What is usual: the median, 1.4826 times the median distance from it, and of how many measurements."""

    median: float
    spread: float
    n: int


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """How a person was filmed, as far as that moves readings.

    Attributes:
        glasses: Whether glasses were worn.
        brightness: Mean brightness of the face's crops, 0 to 1; None where it is not known.
    """

    glasses: Glasses = "unknown"
    brightness: float | None = None


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What is usual for one person when alert.

    Attributes:
        name: Of the person, as the user gives it.
        recordings: Number of videos.
        read_s: How long the face was read in them.
        lid_levels: Open and shut eyes, for :func:`facefatigue.signs.measure`; medians over the videos.
        statistics: By name of the sign (:data:`SIGNS`): of minutes for the blink rate, PERCLOS, openness and pitch; of
            blinks, of windows for the score, of videos for the rest. What was not measured is left out.
        blinks: What blinks are normalised by before fatigue is told from them; None for less than 15 measured blinks.
        conditions: How the person was filmed.
        model: Name and version of the network of the scores; None where there are none, or it was not noted. Scores of one
            network say nothing about those of another.
    """

    name: str
    recordings: int
    read_s: float
    lid_levels: LidLevels
    statistics: Mapping[str, Statistic]
    blinks: AlertBlinks | None = None
    conditions: Conditions = field(default_factory=Conditions)
    model: str | None = None

    @property
    def levels(self) -> LidLevels | None:
        """Lid levels to measure by; None where no eye has both."""
        pairs = zip(self.lid_levels.open, self.lid_levels.shut, strict=True)
        return self.lid_levels if any(opened is not None and shut is not None for opened, shut in pairs) else None


def make_baseline(
    name: str,
    signs: Sequence[Signs],
    scores: Sequence[float] = (),
    *,
    conditions: Conditions | None = None,
    model: str | None = None,
) -> Baseline:
    """Sum up what is usual for a person.

    Args:
        name: Of the person.
        signs: Of one or several videos in which the person is alert.
        scores: Of the network for the windows of all these videos.
        conditions: How the person was filmed.
        model: Name and version of the network.

    Raises:
        ConfigurationError: Less than a minute of the face was read, a score is not in [0, 1], or the name is empty.
    """
    if not name.strip():
        raise ConfigurationError("a baseline needs a name")
    if wrong := [score for score in scores if not 0 <= score <= 1]:
        raise ConfigurationError(f"a score lies between 0 and 1, not at {wrong[0]:g}")
    read_s = sum(seconds_read(own) for own in signs)
    if read_s < LEAST_READ_S:
        raise ConfigurationError(
            f"{read_s:.1f} s of the face were read; a baseline needs {LEAST_READ_S:g} s of an alert person"
        )
    minutes = [minute for own in signs for minute in own.minutes]
    values: dict[str, list[float | None]] = {
        "blink_rate_per_min": [minute.blink_rate_per_min for minute in minutes],
        "blink_duration_s": [blink.duration_s for own in signs for blink in own.blinks or ()],
        "incomplete_blink_share": [own.incomplete_blink_share for own in signs],
        "perclos": [minute.perclos for minute in minutes],
        "openness": [minute.openness for minute in minutes],
        "yawns_per_hour": [own.yawns_per_hour for own in signs],
        "pitch_rad": [None if minute.head_pose is None else minute.head_pose.pitch_rad for minute in minutes],
        "score": list(scores),
    }
    statistics = {}
    for sign, found in values.items():
        known = np.array([value for value in found if value is not None], np.float64)
        if len(known):
            middle = float(np.median(known))
            spread = ROBUST * float(np.median(np.abs(known - middle)))
            statistics[sign] = Statistic(median=middle, spread=spread, n=len(known))
    return Baseline(
        name=name,
        recordings=len(signs),
        read_s=read_s,
        lid_levels=_usual_levels([own.lid_levels for own in signs]),
        statistics=statistics,
        blinks=_alert_blinks(signs),
        conditions=conditions or Conditions(),
        model=model if scores else None,
    )


def seconds_read(signs: Signs) -> float:
    """For how long the face was read."""
    return signs.coverage * (signs.end_s - signs.start_s)


def least_spread(sign: str, statistic: Statistic) -> float:
    """The spread to reckon with: not below what chance makes of rates, nor below what readings can tell.

    Counts vary by their square root (Poisson) even where nothing changes: a minute's blinks by that of the rate, an hour's
    yawns likewise. With few measurements the usual itself is not well known: times √(1 + 1/n), as in a prediction interval.
    """
    spread = max(statistic.spread, SIGNS.get(sign, 0.0))
    if sign in {"blink_rate_per_min", "yawns_per_hour"}:
        spread = max(spread, math.sqrt(max(statistic.median, 0.0)))
    return spread * math.sqrt(1 + 1 / statistic.n)


def _usual_levels(levels: Sequence[LidLevels]) -> LidLevels:
    def middle(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return float(np.median(known)) if known else None

    opened = [middle([own.open[eye] for own in levels]) for eye in (0, 1)]
    shut = [middle([own.shut[eye] for own in levels]) for eye in (0, 1)]
    return LidLevels(open=(opened[0], opened[1]), shut=(shut[0], shut[1]))


def _alert_blinks(signs: Sequence[Signs]) -> AlertBlinks | None:
    tables = [blink_table(own.blinks) for own in signs if own.blinks]
    if sum(int(np.isfinite(table).all(axis=1).sum()) for table in tables) < LEAST_ALERT_BLINKS:
        return None
    return AlertBlinks.of(np.concatenate(tables))


def plain(baseline: Baseline) -> dict[str, Any]:
    """The baseline as plain dicts, lists, texts and numbers (without the schema's name)."""
    blinks = baseline.blinks
    return {
        "name": baseline.name,
        "recordings": baseline.recordings,
        "read_s": baseline.read_s,
        "model": baseline.model,
        "conditions": {"glasses": baseline.conditions.glasses, "brightness": baseline.conditions.brightness},
        "lid_levels": {"open": list(baseline.lid_levels.open), "shut": list(baseline.lid_levels.shut)},
        "statistics": {
            sign: {"median": own.median, "spread": own.spread, "n": own.n} for sign, own in baseline.statistics.items()
        },
        "blinks": None
        if blinks is None
        else {
            "blinks": blinks.blinks,
            "interval_s": blinks.interval_s,
            "amplitude": list(blinks.amplitude),
            "duration_s": list(blinks.duration_s),
            "velocity": list(blinks.velocity),
        },
    }
