"""Nods of a head that falls asleep, and gaze that is turned down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.signs.dips import find_dips
from facefatigue.signs.lids import weighted_quantile
from facefatigue.signs.moving import smoothed
from facefatigue.signs.series import stretches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Track = NDArray[np.float64]
    Flags = NDArray[np.bool_]

# The head of a drowsy person sinks slowly as its muscles slacken, and is jerked up (Wierwille & Ellsworth 1994 name it among
# the signs raters go by; sizes and times: our own, as in synth/cues.py). A nod of agreement is quick both ways, a look at a
# phone goes down about as fast as it comes back.
LEAST_NOD_RAD = 0.12
_LEAST_SINKING_S = 0.4
_MOST_RETURN_S = 0.3
_LEAST_RATIO = 2.5
_LEAST_BACK = 0.5
_LEAST_BELOW = 0.8  # below where the head usually is: one that was leant back and comes forward does not nod
_REACH_S = 8.0
_SMOOTHING_S = 0.15
MOST_GAP_S = 0.5
MOST_STEP_S = 0.15
# eyeLookDown rises by more than this over a person's usual when the gaze is turned down, but not when it rests (synthetic
# people; docs/signs.md); it has to stay for a fixation, since it also rises in every blink.
_GAZE_RISE = 0.2
_LEAST_GAZE_S = 0.3


@dataclass(frozen=True, kw_only=True)
class Nod:
    """A head that sinks slowly and comes up fast.

    Attributes:
        start_s: When a fifth of the sinking is done; ``end_s``: when four fifths of the way back are.
        lowest_s: When the head is lowest.
        depth_rad: How far it sinks.
        sinking_s, return_s: From 20 to 80 % of the way down, and of the way up.
    """

    start_s: float
    end_s: float
    lowest_s: float
    depth_rad: float
    sinking_s: float
    return_s: float


def find_nods(time_s: Track, pitch_rad: Track) -> list[Nod]:
    """Every nod of a drowsy head.

    Args:
        time_s: (T,) strictly increasing.
        pitch_rad: (T,) above 0: chin down.
    """
    found = []
    for part in stretches(time_s, np.ones(len(time_s), np.bool_), MOST_GAP_S):
        seconds = time_s[part]
        height = -smoothed(seconds, pitch_rad[part], _SMOOTHING_S)
        usual = float(np.median(height))
        least = np.full(len(seconds), _LEAST_BACK * LEAST_NOD_RAD)
        for dip in find_dips(seconds, height, least, _REACH_S, rest_s=1.0):
            sinking_s, return_s = dip.low_from_s - dip.start_s, dip.end_s - dip.low_to_s
            if (
                dip.fall >= LEAST_NOD_RAD
                and dip.bottom <= usual - _LEAST_BELOW * LEAST_NOD_RAD
                and dip.rise >= _LEAST_BACK * dip.fall
                and sinking_s >= max(_LEAST_SINKING_S, _LEAST_RATIO * return_s)
                and return_s <= _MOST_RETURN_S
            ):
                found.append(
                    Nod(
                        start_s=dip.start_s,
                        end_s=dip.end_s,
                        lowest_s=dip.bottom_s,
                        depth_rad=dip.fall,
                        sinking_s=sinking_s,
                        return_s=return_s,
                    )
                )
    return found


def looking_down(time_s: Track, gaze_down: Track, lids_open: Flags, shares_s: Track) -> Flags:
    """(T,) whether the gaze is turned down further than this person's usually is.

    Args:
        time_s: (T,) strictly increasing.
        gaze_down: (T,) 0 to 1.
        lids_open: (T,) frames in which the eyes are open.
        shares_s: (T,) the time each frame stands for.
    """
    usual = weighted_quantile(gaze_down, np.where(lids_open, shares_s, 0.0), 0.5)
    down = np.zeros(len(time_s), np.bool_)
    if usual is None:
        return down
    for part in stretches(time_s, lids_open & (gaze_down >= usual + _GAZE_RISE)):
        if time_s[part.stop - 1] - time_s[part.start] >= _LEAST_GAZE_S:
            down[part] = True
    return down
