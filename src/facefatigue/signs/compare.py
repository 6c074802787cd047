"""Signs of a video beside what is usual: for this person, or, without a baseline, for people at large."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from facefatigue.signs.baseline import SIGNS, least_spread
from facefatigue.signs.blink_fatigue import LEAST_ALERT_BLINKS, LEAST_BLINKS
from facefatigue.signs.norms import NORMS, Norm

if TYPE_CHECKING:
    from facefatigue.signs.baseline import Baseline, Conditions
    from facefatigue.signs.signs import Signs

Reference = Literal["own", "population"]

# In robust standard deviations: within 2 lie 95 % of a normal distribution.
UNUSUAL, VERY_UNUSUAL = 2.0, 3.0
# Light that differs by more than a factor of two changes what the nets read.
_OTHER_LIGHT = 2.0

_OF_BLINKS = ("blink_duration_s", "incomplete_blink_share")

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
    signs: Signs | Mapping[str, Any],
    baseline: Baseline | None = None,
    *,
    score: float | None = None,
    model: str | None = None,
    conditions: Conditions | None = None,
) -> Comparison:
    """Say how far signs are from usual, in robust standard deviations.

    With a baseline the signs should be measured by its lid levels (``measure(series, baseline.lid_levels)``). Without one,
    or for signs that it lacks, the norms of the literature are taken, whose spread is that of people and occupations at
    large: much wider, and flagged (``reference`` is "population").

    A short video gives few events to count: what chance makes of them is added in squares to the spread, √(rate / time) of a
    rate (Poisson) and √(p (1 - p) / n) of a share p of n blinks. Shares and durations of less than 5 blinks are left out.

    Args:
        signs: Of a video, or what :meth:`Signs.to_dict` made of them.
        baseline: Of the person.
        score: Of the network for the video.
        model: Name and version of that network: its score is left out if the baseline's scores are of another one.
        conditions: How the video was filmed, to be held against the baseline's.
    """
    plain = signs if isinstance(signs, Mapping) else signs.to_dict()
    pose = plain["head_pose"]
    other_score: tuple[str, ...] = ()
    if baseline is not None and score is not None and "score" in baseline.statistics and model != baseline.model:
        other_score = (f"scores are not compared: this one is of {model}, those of the baseline of {baseline.model}",)
    values = {
        **{sign: plain.get(sign) for sign in SIGNS},
        "pitch_rad": None if pose is None else pose["pitch_rad"],
        "score": None if other_score else score,
    }
    found = []
    for sign in SIGNS:
        value = values[sign]
        if value is None or (sign in _OF_BLINKS and len(plain["blinks"] or ()) < LEAST_BLINKS):
            continue
        statistic = None if baseline is None else baseline.statistics.get(sign)
        if statistic is not None:
            norm = Norm(statistic.median, least_spread(sign, statistic))
        elif sign in NORMS:
            norm = NORMS[sign]
        else:
            continue
        spread = math.hypot(norm.spread, _chance(sign, plain, value, norm.usual))
        found.append(_deviation(sign, value, replace(norm, spread=spread), "population" if statistic is None else "own"))
    return Comparison(
        name=None if baseline is None else baseline.name,
        deviations=tuple(found),
        cautions=tuple(_cautions(baseline, conditions, found)) + other_score,
    )


def _chance(sign: str, plain: Mapping[str, Any], value: float, usual: float) -> float:
    """Standard deviation of what counting makes of a rate or a share in this video; 0 for everything else."""
    if sign == "incomplete_blink_share":
        share = min(max(usual, 0.0), 1.0)
        return math.sqrt(share * (1 - share) / len(plain["blinks"]))
    if sign == "blink_rate_per_min":
        minutes = len(plain["blinks"]) / value if value > 0 else 1.0
        return math.sqrt(max(value, usual) / minutes)
    if sign == "yawns_per_hour":
        hours = plain["coverage"] * (plain["end_s"] - plain["start_s"]) / 3600
        return math.sqrt(max(value, usual) / hours) if hours > 0 else 0.0
    return 0.0


def _deviation(sign: str, value: float, norm: Norm, reference: Reference) -> Deviation:
    deviation = (value - norm.usual) / norm.spread
    more, less, same = _WORDS[sign]
    whose = "usual for you" if reference == "own" else "usual in people at large"
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
    if baseline.blinks is None:
        cautions.append(
            f"the baseline has less than {LEAST_ALERT_BLINKS} blinks: fatigue is told by those of people at large"
        )
    if now is not None:
        then = baseline.conditions
        if {then.glasses, now.glasses} == {"yes", "no"}:
            cautions.append(f"glasses: {now.glasses} now, {then.glasses} in the baseline")
        if then.brightness and now.brightness and abs(math.log(now.brightness / then.brightness)) > math.log(_OTHER_LIGHT):
            cautions.append("the light differs by more than a factor of two from the baseline's")
    return cautions
