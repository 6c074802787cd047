"""What is usual for people at large, where the literature says so: the yardstick where there is no baseline."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np


@dataclass(frozen=True)
class Norm:
    """A sign in awake adults; wide, since people differ, and so does what they do.

    Attributes:
        usual: The middle.
        spread: Standard deviation over people and occupations.
        source: Where both come from.
    """

    usual: float
    spread: float
    source: str = ""


# Yawns, nods and gaze have no norms that fit a camera: how often people yawn or look down depends on what they do.
NORMS: dict[str, Norm] = {
    "blink_rate_per_min": Norm(
        usual=17.0,
        spread=8.0,
        source="17 a minute at rest (Bentivoglio et al. 1997); 95 % limits 1.4, reading, to 32.5, talking (Doughty 2001)",
    ),
    "blink_duration_s": Norm(
        usual=0.16,
        spread=0.05,
        source="blinks take 0.1 to 0.4 s (Schiffman 2001); 0.64 of that lies between 20 % of the fall and 80 % of the rise",
    ),
    "incomplete_blink_share": Norm(
        usual=0.53,
        spread=0.25,
        source="53 % of blinks of healthy people at a video (Ousler et al. 2014); spread: our own estimate",
    ),
    "perclos": Norm(
        usual=0.03,
        spread=0.035,
        source="what 17 blinks a minute close; 10 % is put forward as the limit of alertness (drivers on a track, VSS 2012)",
    ),
}

# How long alert blinks of people take on average. The textbook's norm above and blinks found in video differ by more than
# chance, as definitions and cameras do; nobody knows which of them a person at hand is nearer to.
ALERT_BLINK_DURATION_S = Norm(
    usual=0.19,
    spread=0.055,
    source="0.16 ± 0.05 (above) or 0.22 ± 0.04, alert blinks of 57 people of UTA-RLDD (docs/blink-fatigue.md)",
)
# How much one person's alert blinks differ in how long they take: standard deviation over mean.
BLINK_DURATION_VARIATION = Norm(
    usual=0.22,
    spread=0.08,
    source="alert blinks of 57 people of UTA-RLDD (docs/blink-fatigue.md)",
)

_DRAWS = 3  # of each norm; with nine scores differ by 0.01 at most


@dataclass(frozen=True, kw_only=True)
class UsualBlinks:
    """How somebody may blink when alert.

    Attributes:
        interval_s: Mean time from blink to blink.
        duration_s: Mean and standard deviation.
    """

    interval_s: float
    duration_s: tuple[float, float]


@cache
def usual_blinks(
    rate_per_min: Norm = NORMS["blink_rate_per_min"],
    duration_s: Norm = ALERT_BLINK_DURATION_S,
    variation: Norm = BLINK_DURATION_VARIATION,
) -> tuple[UsualBlinks, ...]:
    """How people at large may blink when alert: 27 of them, all as likely.

    Rate, mean duration and its variation are taken to be normal and to have nothing to do with each other. Each takes three
    values: the middles of equal shares, moved apart until their standard deviation is that of the norm, so that nothing is
    left to chance.

    Args:
        rate_per_min: Of the means of people.
        duration_s: Of the means of people.
        variation: Of the standard deviation over the mean of a person's blinks.
    """
    points = np.array([NormalDist().inv_cdf((place + 0.5) / _DRAWS) for place in range(_DRAWS)])
    points /= points.std()

    def values(norm: Norm) -> list[float]:
        return [norm.usual + norm.spread * float(point) for point in points]

    return tuple(
        UsualBlinks(interval_s=60 / rate, duration_s=(mean, mean * share))
        for rate, mean, share in itertools.product(values(rate_per_min), values(duration_s), values(variation))
    )
