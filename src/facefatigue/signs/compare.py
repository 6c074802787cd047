"""Signs of a video beside what is usual: for this person, or, without a baseline, for people at large."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from facefatigue.signs.baseline import SIGNS, least_spread
from facefatigue.signs.norms import NORMS, Norm

if TYPE_CHECKING:
    from facefatigue.signs.baseline import Baseline, Conditions
    from facefatigue.signs.signs import Signs

Reference = Literal["own", "population"]

# In robust standard deviations: within 2 lie 95 % of a normal distribution.
UNUSUAL, VERY_UNUSUAL = 2.0, 3.0
# Light that differs by more than a factor of two changes what the nets read.
_OTHER_LIGHT = 2.0

_WORDS = {
    "blink_rate_per_min": ("blinks more often", "blinks less often", "blinks as often"),
    "blink_duration_s": ("blinks take longer", "blinks are shorter", "blinks are as long"),
    "incomplete_blink_share": ("more blinks are incomplete", "fewer blinks are incomplete", "as many blinks are complete"),
    "perclos": ("eyes are closed for more of the time", "eyes are closed for less of the time", "eyes are closed as long"),
    "openness": ("eyes are opened wider", "lids hang lower", "eyes are open as wide"),
    "yawns_per_hour": ("yawns more often", "yawns less often", "yawns as often"),
    "pitch_rad": ("head is held lower", "head is held higher", "head is held as high"),
    "score": ("fatigue score is higher", "fatigue score is lower", "fatigue score is the same"),
}


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """One sign beside what is usual.

    Attributes:
        sign: Its name.
        value: As measured.
        usual: As usual.
        spread: The standard deviation to reckon with.
        deviation: (value - usual) / spread.
        words: The same in plain words.
        reference: Usual for whom.
        source: Where the norm comes from; empty for a person's own.
    """

    sign: str
    value: float
    usual: float
    spread: float
    deviation: float
    words: str
    reference: Reference
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All signs that have a usual value.

    Attributes:
        name: Whose baseline; None for people at large.
        deviations: In the order of :data:`facefatigue.signs.baseline.SIGNS`.
        cautions: Plain sentences on what makes the comparison less sure.
    """

    name: str | None
    deviations: tuple[Deviation, ...]
    cautions: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain dicts, lists, texts and numbers, ready for JSON; numbers with five decimals."""
        return {
            "name": self.name,
            "deviations": [
                {name: round(value, 5) if isinstance(value, float) else value for name, value in vars(own).items()}
                for own in self.deviations
            ],
            "cautions": list(self.cautions),
        }


def compare(
    signs: Signs,
    baseline: Baseline | None = None,
    *,
    score: float | None = None,
    conditions: Conditions | None = None,
) -> Comparison:
    """Say how far signs are from usual, in robust standard deviations.

    With a baseline the signs should be measured by its lid levels (``measure(series, baseline.lid_levels)``). Without one,
    or for signs that it lacks, the norms of the literature are taken, whose spread is that of people and occupations at
    large: much wider, and flagged (``reference`` is "population").

    Args:
        signs: Of a video.
        baseline: Of the person.
        score: Of the network for the video.
        conditions: How the video was filmed, to be held against the baseline's.
    """
    values = {
        "blink_rate_per_min": signs.blink_rate_per_min,
        "blink_duration_s": signs.blink_duration_s,
        "incomplete_blink_share": signs.incomplete_blink_share,
        "perclos": signs.perclos,
        "openness": signs.openness,
        "yawns_per_hour": signs.yawns_per_hour,
        "pitch_rad": None if signs.head_pose is None else signs.head_pose.pitch_rad,
        "score": score,
    }
    found = []
    for sign in SIGNS:
        value = values[sign]
        if value is None:
            continue
        statistic = None if baseline is None else baseline.statistics.get(sign)
        if statistic is not None:
            found.append(_deviation(sign, value, Norm(statistic.median, least_spread(sign, statistic)), "own"))
        elif sign in NORMS:
            found.append(_deviation(sign, value, NORMS[sign], "population"))
    return Comparison(
        name=None if baseline is None else baseline.name,
        deviations=tuple(found),
        cautions=tuple(_cautions(baseline, conditions, found)),
    )


def _deviation(sign: str, value: float, norm: Norm, reference: Reference) -> Deviation:
    deviation = (value - norm.usual) / norm.spread
    more, less, same = _WORDS[sign]
    whose = "usual for you" if reference == "own" else "most people's"
    if abs(deviation) < UNUSUAL:
        words = f"{same} as {whose}"
    else:
        much = "much " if abs(deviation) >= VERY_UNUSUAL else ""
        words = f"{more if deviation > 0 else less}, {much}beyond {whose}"
    return Deviation(
        sign=sign,
        value=value,
        usual=norm.usual,
        spread=norm.spread,
        deviation=deviation,
        words=words,
        reference=reference,
        source=norm.source,
    )


def _cautions(baseline: Baseline | None, now: Conditions | None, found: list[Deviation]) -> list[str]:
    if baseline is None:
        return ["there is no baseline of this person: compared with people at large, who differ widely"]
    cautions = []
    if any(own.reference == "population" for own in found):
        cautions.append("some signs are missing in the baseline and are compared with people at large")
    if baseline.read_s < 180:
        cautions.append(f"the baseline rests on {baseline.read_s / 60:.1f} min only")
    if now is not None:
        then = baseline.conditions
        if {then.glasses, now.glasses} == {"yes", "no"}:
            cautions.append(f"glasses: {now.glasses} now, {then.glasses} in the baseline")
        if then.brightness and now.brightness and abs(math.log(now.brightness / then.brightness)) > math.log(_OTHER_LIGHT):
            cautions.append("the light differs by more than a factor of two from the baseline's")
    return cautions
