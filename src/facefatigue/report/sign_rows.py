"""The signs of a face as rows of a table: what was measured, what is usual, what it means, or why there is nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facefatigue.report.face_signs import FaceSigns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# What the short names in SignRow.source stand for.
REFERENCES = {
    "Bentivoglio et al. 1997": (
        "A. R. Bentivoglio and others, “Analysis of blink rate patterns in normal subjects”, Movement Disorders 12"
        " (6), 1028–1034"
    ),
    "Caffier et al. 2003": (
        "P. P. Caffier, U. Erdmann, P. Ullsperger, “Experimental evaluation of eye-blink parameters as a "
        "drowsiness measure”, European Journal of Applied Physiology 89, 319–325"
    ),
    "Gallup et al. 2016": (
        "A. C. Gallup, A. M. Church, A. J. Pelegrino, “Yawn duration predicts brain weight and cortical neuron "
        "number in mammals”, Biology Letters 12"
    ),
    "Ghoddoosian et al. 2019": (
        "R. Ghoddoosian, M. Galib, V. Athitsos, “A realistic dataset and baseline temporal model for early "
        "drowsiness detection”, CVPR Workshops"
    ),
    "Ousler et al. 2014": (
        "G. W. Ousler and others, “Blink patterns and lid-contact times in dry-eye and normal subjects”, Clinical "
        "Ophthalmology 8, 869–874"
    ),
    "Stern et al. 1984": "J. A. Stern, L. C. Walrath, R. Goldstein, “The endogenous eyeblink”, Psychophysiology 21, 22–33",
    "VSS 2012": (
        "Vision Sciences Society 2012, meeting abstract on the PERCLOS of 38 drivers on a closed road, Journal of "
        "Vision 12 (9)"
    ),
    "Wierwille et al. 1994": (
        "W. W. Wierwille and others, “Research on vehicle-based driver status/performance monitoring”, DOT HS 808 247"
    ),
    "Wierwille & Ellsworth 1994": (
        "W. W. Wierwille, L. A. Ellsworth, “Evaluation of driver drowsiness by trained raters”, Accident Analysis "
        "and Prevention 26, 571–581"
    ),
    "Zilli et al. 2007": (
        "I. Zilli, F. Giganti, P. Salzarulo, “Yawning in morning and evening types”, Physiology and Behavior 91, 218–222"
    ),
}


@dataclass(frozen=True, kw_only=True)
class SignRow:
    """One sign in words.

    Attributes:
        key: Its name in the JSON of the report.
        name: Its name for people.
        value: What was measured; empty where it could not be.
        unit: Of the value; may be empty.
        usual: What is usual.
        meaning: What it is.
        source: Where the usual value, or the definition, is from: names of REFERENCES, joined by "; ". May be empty.
        reason: Why it could not be measured; empty where it was.
    """

    key: str
    name: str
    value: str
    unit: str
    usual: str
    meaning: str
    source: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class _Sign:
    """The words of a sign, and how its value becomes a number and a unit."""

    key: str
    name: str
    write: Callable[[Any], tuple[str, str]]
    usual: str
    meaning: str
    source: str


def sign_rows(signs: Mapping[str, Any]) -> list[SignRow]:
    """One row a sign, always the same ones in the same order.

    Args:
        signs: As in the report; a sign that is missing has a row that says that it was not measured.
    """
    face = FaceSigns(track=0, signs=signs)
    return [_row(face, sign) for sign in _SIGNS]


def _row(face: FaceSigns, sign: _Sign) -> SignRow:
    reason = face.reason_against(sign.key) or ""
    value, unit = ("", "") if reason else sign.write(face.signs[sign.key])
    return SignRow(
        key=sign.key, name=sign.name, value=value, unit=unit, usual=sign.usual, meaning=sign.meaning, source=sign.source,
        reason=reason,
    )  # fmt: skip


def _share(value: float) -> tuple[str, str]:
    return f"{100 * value:.1f}", "% of the time"


def _share_of_blinks(value: float) -> tuple[str, str]:
    return f"{100 * value:.0f}", "% of the blinks"


def _count(entries: list[Any]) -> tuple[str, str]:
    return f"{len(entries):,}", ""


def _lasting(entries: list[Mapping[str, float]]) -> tuple[str, str]:
    """Their number, and how long they lasted."""
    lengths_s = [entry["end_s"] - entry["start_s"] for entry in entries]
    if not lengths_s:
        return "0", ""
    return f"{len(entries):,}", f"{'of' if len(entries) == 1 else 'longest'} {max(lengths_s):.1f} s"


def _a_minute(value: float) -> tuple[str, str]:
    return f"{value:.1f}", "a minute"


def _an_hour(value: float) -> tuple[str, str]:
    return f"{value:.1f}", "an hour"


def _seconds(value: float) -> tuple[str, str]:
    return f"{value:.2f}", "s"


def _of_usual(value: float) -> tuple[str, str]:
    return f"{100 * value:.0f}", "% of the open eye"


def _pose(pose: Mapping[str, float]) -> tuple[str, str]:
    yaw, pitch, roll = (round(math.degrees(pose[f"{axis}_rad"])) for axis in ("yaw", "pitch", "roll"))
    turns = (f"yaw {abs(yaw)}°{_side(yaw, 'right', 'left')}", f"pitch {abs(pitch)}°{_side(pitch, 'down', 'up')}")
    return f"{', '.join(turns)}, roll {abs(roll)}°{_side(roll, 'right', 'left')}", ""


def _side(degrees: int, above: str, below: str) -> str:
    return "" if not degrees else f" {above if degrees > 0 else below}"


def _estimate(estimate: Mapping[str, Any]) -> tuple[str, str]:
    low, high = estimate["score_interval"]
    whose = "this person" if estimate.get("reference") == "own" else "people at large"
    state = str(estimate["state"]).replace("_", " ")
    return f"{estimate['score']:.2f}", f"({low:.2f} – {high:.2f}), {state}, by the alert blinks of {whose}"


_SIGNS = (
    _Sign(
        key="fatigue",
        name="fatigue from blinks",
        write=_estimate,
        usual="0 when alert, 1 when drowsy",
        meaning=(
            "A second estimate, from the blinks alone, by a model that learnt from people who rated themselves. In "
            "brackets: what holds their own rating in 80 % of the cases."
        ),
        source="Ghoddoosian et al. 2019",
    ),
    _Sign(
        key="perclos",
        name="PERCLOS",
        write=_share,
        usual="about 1 from blinks alone; drivers: 6 at the start of a long drive, 12 at its end",
        meaning="Time with the eyes at least 80 % closed (P80), blinks included.",
        source="Wierwille et al. 1994; VSS 2012",
    ),
    _Sign(
        key="perclos_quick",
        name="PERCLOS, shut at once",
        write=_share,
        usual="depends on how far down somebody looks",
        meaning=(
            "The part of PERCLOS in closures of more than half a second that began within 0.15 s. Eyes that look far down "
            "close as quickly and look the same."
        ),
        source="",
    ),
    _Sign(
        key="microsleeps",
        name="microsleeps",
        write=_lasting,
        usual="hardly any; 0.2 % of the blinks of healthy people stay shut as long",
        meaning="Eyes at least 80 % closed for more than half a second, other than in a yawn or a laugh.",
        source="Ousler et al. 2014",
    ),
    _Sign(
        key="blinks",
        name="blinks",
        write=_count,
        usual="see the rate",
        meaning="Both lids close by at least 30 % and open again. Looking down, winks and laughs do not count.",
        source="",
    ),
    _Sign(
        key="blink_rate_per_min",
        name="blink rate",
        write=_a_minute,
        usual="on average 17 at rest, 26 in conversation, 4.5 when reading",
        meaning="Over the time in which blinks could be seen. It depends more on what somebody does than on fatigue.",
        source="Bentivoglio et al. 1997",
    ),
    _Sign(
        key="blink_duration_s",
        name="blink duration",
        write=_seconds,
        usual="at most 0.5; longer when drowsy",
        meaning="Median time from a fifth of the closing to four fifths of the opening.",
        source="Stern et al. 1984; Caffier et al. 2003",
    ),
    _Sign(
        key="incomplete_blink_share",
        name="partial blinks",
        write=_share_of_blinks,
        usual="about half (53 while watching a film)",
        meaning="Blinks that close the eyes by less than 80 %.",
        source="Ousler et al. 2014",
    ),
    _Sign(
        key="openness",
        name="opening of the eyes",
        write=_of_usual,
        usual="about 100 by definition; heavy lids lower it",
        meaning=(
            "Mean between blinks. 100 is what this person's eyes exceed for a quarter of the time, so it tells "
            "changes, not people, apart."
        ),
        source="",
    ),
    _Sign(
        key="yawns",
        name="yawns",
        write=_lasting,
        usual="one takes 6.5 s; most come after waking and before sleep",
        meaning="A slow, wide, steady opening of the mouth; neither talking nor laughing.",
        source="Gallup et al. 2016; Zilli et al. 2007",
    ),
    _Sign(
        key="yawns_per_hour",
        name="yawn rate",
        write=_an_hour,
        usual="depends on the time of day",
        meaning="Over the time in which the face was read, at least five minutes.",
        source="Zilli et al. 2007",
    ),
    _Sign(
        key="nods",
        name="nods",
        write=_count,
        usual="none when awake; raters count them as a sign of drowsiness",
        meaning="A head that sinks slowly and is jerked up; not a nod of agreement.",
        source="Wierwille & Ellsworth 1994",
    ),
    _Sign(
        key="gaze_down_share",
        name="gaze down",
        write=_share,
        usual="depends on what somebody does",
        meaning="Of the time with open eyes: looking further down than usual for at least 0.3 s.",
        source="",
    ),
    _Sign(
        key="head_pose",
        name="usual turn of the head",
        write=_pose,
        usual="depends on the camera",
        meaning="Median turn against the camera; right and left are those of the image.",
        source="",
    ),
    _Sign(
        key="lid_coverage",
        name="lids read",
        write=_share,
        usual="100 with a still head in good light",
        meaning="Part of the time in which the lids could be read; everything about eyes rests on it.",
        source="",
    ),
    _Sign(
        key="coverage",
        name="face read",
        write=_share,
        usual="100",
        meaning="Part of the time in which the landmarks of the face were found.",
        source="",
    ),
)
