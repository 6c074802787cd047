"""From a fatigue value to what a face does: lids, blinks, yawns, gaze, nods, skin, and much that only looks like fatigue.

Fatigue runs from 0, wide awake, to 1, about to fall asleep. The states of UTA-RLDD are placed by the Karolinska Sleepiness
Scale of 1 to 9, level k at (k - 1) / 8: alert, taken as 1-3, at 0.125; low vigilance, 6-7, at 0.69; drowsy, 8-9, at 0.94.
Sources:

* Blinks of 58 people in these three states, each in units of the own alert blinks: UTA-RLDD (Ghoddoosian, Galib & Athitsos
  2019). ``tools/fit_blinks.py`` prints the constants from the data and compares acted blinks with real ones.
* Absolute alert values: 17 blinks a minute at rest, 26 in conversation, 4.5 reading, log-normal over people (Bentivoglio et
  al. 1997); 8 to 21 in silent primary gaze (Doughty 2001). Lids close within 66 ms (search coil: a comparison of spontaneous
  with voluntary blinks of normal adults) and open at little more than half that speed; 44 % of a young man's blinks close
  (nearly) completely (Sforza et al. 2008), 47 % of blinks at a video (Ousler et al. 2014). The opening is fast first and
  slow at last (Kwon et al. 2013).
* Duration and reopening time grow with drowsiness, and so does the share of long closures: Caffier, Erdmann & Ullsperger
  2003; Schleicher et al. 2008. Amplitude over velocity rises for many, not all blinks: Johns et al. 2007. Flurries of
  blinks: Stern, Boyer & Schroeder 1994.
* PERCLOS, the share of time with eyes at least 80 % closed: Wierwille et al. 1994; Dinges & Grace 1998.
* Yawns: a long opening, a climax, a shorter closing (Provine & Hamernik 1986); 6.5 s on average (Gallup et al. 2016).
* Speech moves the mouth at 3 to 8 Hz (Ghazanfar & Takahashi 2014); a laugh repeats every 0.2 s (Provine & Yong 1991).
* Saccades become slower with sleep loss: De Gennaro et al. 2000.
* Hanging lids, red, swollen and dark-rimmed eyes, paleness, drooping mouth corners after 31 h awake, each by 3 to 15 of 100
  points: Sundelin et al. 2013. Rubbing and a slack face as signs raters go by: Wierwille & Ellsworth 1994.

Of our own making are: how far lids hang, how often anything but a blink happens (far more often than in life, so that a few
seconds have something to show), the shapes of mouths, brows, hands and heads, how much people differ in anything but blinks,
and the rating.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from facefatigue.synth.performance import CLOSED_FROM, MICROSLEEP_S, Blink, Performance, SkinState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Track = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Rng = np.random.Generator

__all__ = ["CLOSED_FROM", "MICROSLEEP_S", "Blink", "Performance", "SkinState", "Temperament", "make_temperament", "perform"]

STATES = (0.125, 0.69, 0.94)  # fatigue of the alert, low-vigilant and drowsy people of UTA-RLDD

# Printed by tools/fit_blinks.py, for (low vigilance, drowsy); mean and spread are over people.
RATE_LOG, RATE_LOG_SPREAD = (0.26, 0.35), 0.72  # natural log of the blink rate over the own alert one
DURATION_SHIFT, DURATION_SPREAD = (0.11, 0.24), 0.66  # of a person's median, in alert standard deviations
SLOW_SHARE = (0.06, 0.11)  # share of blinks longer than the alert mean by 2 standard deviations, over the alert share
SLOW_EXCESS = 1.8  # their mean length beyond that, in alert standard deviations
DURATION_SD_S = 0.068  # the alert standard deviation within a person: 2.0 frames at 30 Hz
AMPLITUDE_DURATION = 0.68  # rank correlation within a person

# From the sources above.
CLOSING_S, CLOSED_S, OPENING_S = 0.070, 0.020, 0.130
DEPTH, DEPTH_SD = 0.86, 0.17  # share of the aperture that a blink covers; 1 at most, which 45 % come near
TALKING_BLINKS, READING_BLINKS = 26 / 17, 0.45  # times the rate at rest; reading 1 - 55 % (Bentivoglio et al. 1997)


@dataclass(frozen=True, kw_only=True)
class Temperament:
    """How strongly one person shows each cue (1: fully) and how the person's face rests.

    Attributes:
        droop, blinks, yawns, nods, stillness: Strength of the cues.
        rest_closure: Share of closure of the rested, open eye, 0 to 1; below 0 for wide eyes.
        blink_rate_hz: Blinks a second when alert, at rest.
        rate_change, slowing: How blink rate and duration answer to fatigue, in standard deviations over people.
        slow_blinks, microsleeps, struggle, corners, rubbing: Strength of further cues.
        asymmetry: Lids of the left eye hang lower (above 0) or higher, as a share of what they hang.
        blink_length: Times the usual duration of a blink.
        skin_rested: Of the rested person.
        skin_gain: What fatigue 1 adds.
    """

    droop: float
    blinks: float
    yawns: float
    nods: float
    stillness: float
    rest_closure: float
    blink_rate_hz: float
    rate_change: float = 0.0
    slowing: float = 0.0
    slow_blinks: float = 1.0
    microsleeps: float = 0.7
    struggle: float = 0.5
    corners: float = 0.6
    rubbing: float = 0.5
    asymmetry: float = 0.0
    blink_length: float = 1.0
    skin_rested: SkinState = field(default_factory=SkinState)
    skin_gain: SkinState = field(default_factory=SkinState)


def make_temperament(rng: Rng) -> Temperament:
    """Draw a person's temperament."""
    return Temperament(
        droop=float(rng.uniform(0.1, 1.0)),
        blinks=float(rng.uniform(0.5, 1.0)),
        yawns=float(rng.uniform(0.3, 1.0)),
        nods=float(rng.uniform(0.2, 1.0)),
        stillness=float(rng.uniform(0.3, 1.0)),
        rest_closure=float(np.clip(rng.normal(0.02, 0.06), -0.12, 0.16)),
        blink_rate_hz=float(np.clip(13 / 60 * np.exp(rng.normal(0, 0.45)), 4 / 60, 30 / 60)),
        rate_change=float(np.clip(rng.normal(), -2, 2)),
        slowing=float(np.clip(rng.normal(), -2, 2)),
        slow_blinks=float(np.clip(np.exp(rng.normal(-0.4, 0.9)), 0, 4)),
        microsleeps=float(np.clip(np.exp(rng.normal(-0.7, 0.8)), 0, 2)),
        struggle=float(rng.uniform(0.0, 1.0)),
        corners=float(rng.uniform(0.1, 1.0)),
        rubbing=float(rng.uniform(0.0, 1.0)),
        asymmetry=float(np.clip(rng.normal(0, 0.15), -0.4, 0.4)),
        blink_length=float(np.exp(rng.normal(0, 0.12))),
        skin_rested=SkinState(**{name: float(np.clip(rng.normal(0.2, 0.17), 0, 0.8)) for name in _SKIN}),
        skin_gain=SkinState(**{name: float(rng.uniform(0.0, 0.45)) for name in _SKIN}),
    )


_SKIN = ("redness", "paleness", "dark_circles", "swelling")
_TWO_SIDED = {
    "browDown", "browInnerUp", "browOuterUp", "cheekPuff", "cheekRaiser", "cheekSquint", "eyeSquint", "mouthFrown",
    "mouthLowerDown", "mouthPress", "mouthSmile", "mouthStretch", "mouthUpperUp", "noseSneer",
}  # fmt: skip


class _Score:
    """What is being written, like a score for an orchestra."""

    def __init__(self, time_s: Track, level: Track, person: Temperament, rng: Rng) -> None:
        self.time_s, self.level, self.person, self.rng = time_s, level, person, rng
        self.tracks: defaultdict[str, Track] = defaultdict(self.nothing)
        self.droop, self.slow, self.blink, self.other, self.wide = (self.nothing() for _ in range(5))
        self.yawn, self.gaze_down, self.squint, self.nodding, self.hand = (self.nothing() for _ in range(5))
        self.yawning, self.blinking, self.microsleep = (np.zeros(len(time_s), bool) for _ in range(3))
        self.blink_rate, self.look, self.turn = np.ones(len(time_s)), np.zeros((len(time_s), 2)), np.zeros((len(time_s), 3))
        self.hand_place = ""
        self.blinks: list[Blink] = []
        self.yawns: list[tuple[float, float]] = []

    def nothing(self) -> Track:
        return np.zeros(len(self.time_s))

    def add(self, name: str, weight: Track | float) -> None:
        """Raise an expression; names without side raise both sides."""
        for side in ("_L", "_R") if name in _TWO_SIDED else ("",):
            self.tracks[name + side] = self.tracks[name + side] + weight

    def open_jaw(self, share: Track) -> None:
        """Open the jaw at least so far."""
        self.tracks["jawOpen"] = np.maximum(self.tracks["jawOpen"], share)

    def narrow(self, share: Track) -> None:
        """Close the eyes at least so far for a reason that is no fatigue."""
        self.other = np.maximum(self.other, share)

    def swell(self, start_s: float, rise_s: float, hold_s: float, fall_s: float) -> Track:
        """(F,) a smooth rise from 0 to 1, a hold, and a fall."""
        up = (self.time_s - start_s) / rise_s
        down = (start_s + rise_s + hold_s + fall_s - self.time_s) / fall_s
        return _ease(np.clip(np.minimum(up, down), 0, 1))

    def wander(self, size: float, scale_s: float = 1.0) -> Track:
        """(F,) smooth noise of standard deviation ``size``, whose ups and downs take about ``scale_s`` seconds."""
        frequency, phase = self.rng.normal(0, 1 / scale_s, 8), self.rng.uniform(0, 2 * np.pi, 8)
        return np.asarray(size * 0.5 * np.cos(self.time_s[:, None] * frequency + phase).sum(axis=1))

    def starts(self, rate_hz: Track | float, lead_s: float) -> Iterator[float]:
        """Random moments at a rate that may change over time, from ``lead_s`` before the window to its end."""
        rates = np.broadcast_to(rate_hz, self.time_s.shape)
        top = float(rates.max())
        time_s = float(self.time_s[0]) - lead_s
        while top > 0:
            time_s += self.rng.exponential(1 / top)
            if time_s > self.time_s[-1]:
                return
            if self.rng.uniform() * top < self.at(time_s, rates):
                yield time_s

    def at(self, time_s: float, track: Track) -> float:
        return float(np.interp(time_s, self.time_s, track))

    def take_hand(self, place: str) -> bool:
        """Whether the hand is free to go there: it has one place in a performance."""
        if self.hand_place in {"", place}:
            self.hand_place = place
            return True
        return False


def perform(
    fatigue: float | Track,
    temperament: Temperament,
    time_s: Track,
    rng: Rng,
    *,
    yawns: list[tuple[float, float]] | None = None,
    distract: bool = True,
) -> Performance:
    """Act out a state of fatigue.

    Args:
        fatigue: Value in [0, 1], one for all or (F,).
        temperament: Of the person.
        time_s: (F,) ascending seconds; any rate, even moments that lie seconds apart.
        rng: For everything that is left to chance.
        yawns: (start, length) in seconds to act; None leaves yawns to chance.
        distract: Whether to talk, laugh, look down and so on.
    """
    level = np.broadcast_to(np.clip(np.asarray(fatigue, float), 0, 1), time_s.shape).copy()
    if len(time_s) < 2 or float(np.diff(time_s).max()) <= 0.15:
        return _act(level, temperament, time_s, rng, yawns=yawns, distract=distract)
    dense_s = np.union1d(time_s, np.arange(time_s[0], time_s[-1], 0.1))
    dense = _act(np.interp(dense_s, time_s, level), temperament, dense_s, rng, yawns=yawns, distract=distract)
    chosen = np.searchsorted(dense_s, time_s)
    shown: dict[str, Any] = {name: value[chosen] for name, value in vars(dense).items() if isinstance(value, np.ndarray)}
    weights = {name: track[chosen] for name, track in dense.expressions.items()}
    return replace(dense, **shown, expressions=weights, dense=dense)


def _act(
    level: Track, person: Temperament, time_s: Track, rng: Rng, *, yawns: list[tuple[float, float]] | None, distract: bool
) -> Performance:
    score = _Score(time_s, level, person, rng)
    _lids(score)
    for start_s, length_s in _chance_yawns(score) if yawns is None else yawns:
        _yawn(score, start_s, length_s)
    if distract:
        _distractions(score)
    _blinks(score)
    _microsleeps(score)
    _face_at_rest(score)
    _gaze(score)
    _head(score)
    _hands(score, distract=distract)
    heaviness = 1 - (1 - score.droop) * (1 - score.slow)
    closure = 1 - (1 - score.droop) * (1 - np.maximum(score.blink, score.slow)) * (1 - score.other)
    rest = person.rest_closure + float(rng.normal(0, 0.02))  # not the same every day
    _set_lids(score, closure, rest)
    mean = float(level.mean())
    tired = {name: getattr(person.skin_rested, name) + mean * getattr(person.skin_gain, name) for name in _SKIN}
    expressions = {name: np.clip(track, 0, 1.1) for name, track in score.tracks.items()}
    return Performance(
        time_s=time_s,
        expressions=expressions,
        turn=score.turn,
        place=np.stack([score.wander(0.5), score.wander(0.4), score.wander(0.8)], axis=1),
        fatigue=level,
        closure=np.clip(closure, 0, 1),
        blinking=score.blinking & ~score.microsleep,
        microsleep=score.microsleep,
        mouth=np.clip(score.tracks["jawOpen"], 0, 1),
        yawning=score.yawning,
        yawn=score.yawn,
        gaze_down=np.clip(score.gaze_down, 0, 1),
        smile=np.clip(expressions["mouthSmile_L"], 0, 1),
        squint=np.clip(score.squint, 0, 1),
        heaviness=heaviness,
        rest=rest,
        nodding=score.nodding,
        hand=score.hand,
        hand_place=score.hand_place,
        blinks=tuple(sorted(score.blinks, key=lambda blink: blink.start_s)),
        yawns=tuple(score.yawns),
        skin=SkinState(**{name: float(np.clip(value + rng.normal(0, 0.08), 0, 1)) for name, value in tired.items()}),
    )


def _lids(score: _Score) -> None:
    """Lids hang, sink slowly further, and are pulled up again, often with the brows."""
    person, rng = score.person, score.rng
    droop = 0.54 * person.droop * score.level**2
    sinking = 1 + 0.35 * score.level * score.wander(1.0, scale_s=2.0) + score.level * rng.normal(0, 0.15)
    pull = score.nothing()
    for start_s in score.starts(0.12 * person.struggle * score.level, 3.0):
        pull = np.maximum(pull, score.swell(start_s, rng.uniform(0.15, 0.4), rng.uniform(0.2, 1.5), rng.uniform(0.5, 1.5)))
    score.add("browInnerUp", rng.uniform(0, 0.5) * pull)
    score.add("browOuterUp", rng.uniform(0, 0.5) * pull)
    score.droop = np.clip(droop * np.clip(sinking, 0.3, 1.7) * (1 - 0.8 * pull), 0, 0.95)


def _between(level: float, values: tuple[float, float]) -> float:
    """Of a constant given for low vigilance and drowsiness; 0 at fatigue 0."""
    return float(np.interp(level, (0.0, STATES[1], STATES[2]), (0.0, *values)))


def _blinks(score: _Score) -> None:
    person, rng = score.person, score.rng
    time_s = float(score.time_s[0]) - 3.0
    while time_s < score.time_s[-1]:
        now = score.at(time_s, score.level)
        change = _between(now, RATE_LOG) + RATE_LOG_SPREAD * person.rate_change * min(1.0, now / STATES[1])
        rate_hz = person.blink_rate_hz * np.exp(np.clip(change, -1.8, 1.6)) * score.at(time_s, score.blink_rate)
        flurry = 0.06 + 0.12 * now * person.blinks  # share of blinks that follow another one closely
        if rng.uniform() < flurry:
            time_s += rng.uniform(0.25, 0.7)
        else:
            time_s += 0.3 + rng.exponential(max(1 / (rate_hz * (1 - flurry)) - 0.5, 0.1))
        time_s += _blink(score, time_s, now)


def _blink(score: _Score, start_s: float, now: float) -> float:
    """Act one blink; returns how long it takes."""
    person, rng = score.person, score.rng
    size, own = rng.normal(size=2)
    longer = max(AMPLITUDE_DURATION * size + (1 - AMPLITUDE_DURATION**2) ** 0.5 * own, -1.8)
    times_s = np.array([CLOSING_S, CLOSED_S, OPENING_S]) * person.blink_length * np.exp(np.array([0.27, 0.6, 0.19]) * longer)
    shift = _between(now, DURATION_SHIFT) + DURATION_SPREAD * person.slowing * min(1.0, now / STATES[1])
    times_s *= max(0.7, 1 + shift * DURATION_SD_S / (CLOSING_S + CLOSED_S + OPENING_S))
    times_s[2] *= np.exp(rng.normal(0, 0.15))
    if rng.uniform() < _between(now, SLOW_SHARE) * person.slow_blinks:
        extra_s = DURATION_SD_S * (1.5 + rng.exponential(SLOW_EXCESS))
        times_s += extra_s * np.array([0.15, 0.45, 0.4])
    depth = float(np.clip(DEPTH + 0.05 * now + DEPTH_SD * size, 0.25, 1.0))
    _close(score, start_s, times_s, depth)
    return float(times_s.sum())


def _close(score: _Score, start_s: float, times_s: Track, depth: float) -> None:
    """Close the eyes; what counts as fatigue of it rises smoothly with its length, from hardly anything at 0.15 s."""
    closing_s, closed_s, opening_s = (float(value) for value in times_s)
    end_s = start_s + closing_s + closed_s + opening_s
    first, last = np.searchsorted(score.time_s, (start_s, end_s))
    # A fifth of the way is reached at these shares of the two movements.
    blink = Blink(start_s + 0.287 * closing_s, end_s - 0.392 * opening_s, depth)
    if blink.end_s >= score.time_s[0] and blink.start_s <= score.time_s[-1]:
        score.blinks.append(blink)
    if first == last:
        return
    part = slice(first, last)
    seconds = score.time_s[part]
    closing, opening = (seconds - start_s) / closing_s, (end_s - seconds) / opening_s
    shape = np.minimum(_ease(np.clip(closing, 0, 1)), _ease(np.clip(opening, 0, 1)) ** 1.5)
    tired = 1 - np.exp(-((blink.duration_s / 0.36) ** 4))
    score.blink[part] = np.maximum(score.blink[part], depth * shape)
    score.slow[part] = np.maximum(score.slow[part], depth * tired * shape)
    inside = (seconds >= blink.start_s) & (seconds <= blink.end_s)
    asleep = blink.duration_s >= MICROSLEEP_S
    (score.microsleep if asleep else score.blinking)[part] |= inside


def _microsleeps(score: _Score) -> None:
    person, rng = score.person, score.rng
    for start_s in score.starts(0.12 * person.microsleeps * np.maximum(2 * score.level - 1, 0) ** 14, 6.0):
        closed_s = float(np.clip(0.9 * np.exp(rng.normal(0, 0.6)), 0.4, 6.0))
        times_s = np.array([rng.uniform(0.15, 0.7), closed_s, rng.uniform(0.15, 0.5)])
        _close(score, start_s, times_s, float(rng.uniform(0.85, 1.0)))


def _chance_yawns(score: _Score) -> list[tuple[float, float]]:
    rate_hz = (0.007 + 0.09 * (np.maximum(score.level - 0.25, 0) / 0.75) ** 1.3) * score.person.yawns
    found: list[tuple[float, float]] = []
    for start_s in score.starts(rate_hz, 8.0):
        length_s = float(np.clip(5.4 * np.exp(score.rng.normal(0, 0.3)), 2.0, 10.0))
        if not found or start_s > found[-1][0] + found[-1][1] + 4.0:
            found.append((start_s, length_s))
    return [(start_s, length_s) for start_s, length_s in found if start_s + length_s > score.time_s[0]]


def _yawn(score: _Score, start_s: float, length_s: float) -> None:
    rng = score.rng
    rise, hold = rng.uniform(0.36, 0.52), rng.uniform(0.18, 0.32)
    opening = score.swell(start_s, rise * length_s, hold * length_s, (1 - rise - hold) * length_s) ** rng.uniform(0.7, 1.3)
    climax = np.clip(2.2 * opening - 1.0, 0, 1)
    score.yawns.append((start_s, start_s + length_s))
    score.yawning |= opening > 0.35
    wide = rng.uniform(0.6, 1.0)
    if rng.uniform() < 0.14:  # suppressed: the lips stay (almost) closed over an open jaw, the nostrils widen
        wide *= 0.5
        score.add("mouthClose", rng.uniform(0.75, 1.0) * wide * opening)
        score.add("mouthPress", rng.uniform(0.1, 0.5) * opening)
        score.add("noseSneer", rng.uniform(0.3, 0.8) * opening)
        score.yawn = np.maximum(score.yawn, 0.4 * opening)
    else:
        score.yawn = np.maximum(score.yawn, opening * (0.55 + 0.45 * wide))
        for name, most in (("mouthStretch", 0.4), ("mouthUpperUp", 0.4), ("mouthFunnel", 0.3), ("mouthLowerDown", 0.3)):
            score.add(name, rng.uniform(0, most) * opening)
        score.add("noseSneer", rng.uniform(0.0, 0.35) * opening)
    score.open_jaw(wide * opening)
    score.add("browDown" if rng.uniform() < 0.45 else "browInnerUp", rng.uniform(0.1, 0.8) * climax)
    score.add("eyeSquint", rng.uniform(0.0, 1.0) * climax)
    score.add("cheekRaiser", rng.uniform(0.0, 0.6) * climax)
    how = rng.uniform()
    closed = rng.uniform(0.9, 1.0) if how < 0.45 else rng.uniform(0.3, 0.75) if how < 0.7 else rng.uniform(0.0, 0.15)
    score.narrow(closed * climax)
    score.turn[:, 0] -= rng.uniform(-0.06, 0.28) * opening  # the head goes back
    score.turn[:, 2] += rng.normal(0, 0.06) * opening
    if rng.uniform() < 0.3 and score.take_hand("mouth"):
        come_s = rng.uniform(0.3, 0.8)
        up = score.swell(start_s + 0.2 * length_s, come_s, 0.55 * length_s, rng.uniform(0.3, 0.7))
        score.hand = np.maximum(score.hand, up)


# Where people are: share of rested and of tired people there, and what happens how often a second.
_SETTINGS: dict[str, tuple[float, float, dict[str, float]]] = {
    "quiet": (0.24, 0.36, {"talk": 0.01, "surprise": 0.01, "concentrate": 0.04, "glance": 0.03}),
    "driving": (0.20, 0.24, {"mirror": 0.14, "look_down": 0.04, "talk": 0.03, "sing": 0.04}),
    "conversation": (0.22, 0.16, {"talk": 0.45, "laugh": 0.14, "surprise": 0.05, "glance": 0.05}),
    "reading": (0.11, 0.10, {"look_down": 0.4, "concentrate": 0.06}),
    "meal": (0.08, 0.05, {"chew": 0.25, "bite": 0.12, "talk": 0.05, "look_down": 0.06}),
    "song": (0.13, 0.08, {"sing": 0.6, "glance": 0.02}),
}


def _distractions(score: _Score) -> None:
    rng, mean = score.rng, float(score.level.mean())
    shares = np.array([(1 - mean) * rested + mean * tired for rested, tired, _ in _SETTINGS.values()])
    happenings = list(_SETTINGS.values())[int(rng.choice(len(shares), p=shares / shares.sum()))][2]
    for name, rate_hz in happenings.items():
        for start_s in score.starts(rate_hz * (1 - 0.4 * score.level), 4.0):
            _HAPPENINGS[name](score, start_s)
    if rng.uniform() < 0.09:  # the sun
        bright = rng.uniform(0.4, 1.0) * np.clip(0.85 + score.wander(0.2, scale_s=2.0), 0, 1)
        score.squint = np.maximum(score.squint, bright)
        score.add("eyeSquint", bright)
        score.add("cheekRaiser", rng.uniform(0.0, 0.6) * bright)
        score.add("browDown", rng.uniform(0.0, 0.6) * bright)
        score.narrow(rng.uniform(0.1, 0.45) * bright)
    if rng.uniform() < 0.25 * (1 - 0.6 * mean):
        score.add("mouthSmile", rng.uniform(0.1, 0.5))


def _talk(score: _Score, start_s: float) -> None:
    rng = score.rng
    words = score.swell(start_s, 0.15, rng.uniform(0.5, 3.0), 0.2) * (1 - score.yawn)
    beat = 0.5 + 0.5 * np.cos(2 * np.pi * rng.uniform(3, 7) * score.time_s + score.wander(1.5, scale_s=0.4))
    score.open_jaw(words * np.clip(rng.uniform(0.12, 0.45) * beat * (1 + score.wander(0.5, scale_s=0.3)), 0, 0.7))
    for name in ("mouthFunnel", "mouthPucker", "mouthLowerDown", "mouthUpperUp", "mouthStretch", "mouthPress"):
        score.add(name, words * np.clip(score.wander(0.22, scale_s=0.12), 0, 0.6))
    score.blink_rate += (TALKING_BLINKS - 1) * words


def _laugh(score: _Score, start_s: float) -> None:
    rng = score.rng
    joy = score.swell(start_s, rng.uniform(0.15, 0.5), rng.uniform(0.4, 2.5), rng.uniform(0.3, 0.9)) * (1 - score.yawn)
    shaking = 1 + 0.2 * np.sin(2 * np.pi * rng.uniform(4, 5.5) * score.time_s)
    score.add("mouthSmile", rng.uniform(0.5, 1.0) * joy)
    score.open_jaw(rng.uniform(0.05, 0.7) * joy * shaking)
    for name, most in (("cheekRaiser", 0.9), ("eyeSquint", 1.0), ("mouthUpperUp", 0.4), ("noseSneer", 0.3)):
        score.add(name, rng.uniform(0.1, most) * joy)
    score.squint = np.maximum(score.squint, 0.7 * joy)
    score.narrow(rng.uniform(0.0, 0.75) * joy)
    score.turn[:, 0] -= rng.uniform(-0.08, 0.2) * joy


def _sing(score: _Score, start_s: float) -> None:
    """A held vowel: as wide as a yawn, but opened and closed faster, with a rounded or broad mouth."""
    rng = score.rng
    vowel = score.swell(start_s, rng.uniform(0.12, 0.4), rng.uniform(0.5, 2.5), rng.uniform(0.12, 0.4)) * (1 - score.yawn)
    score.open_jaw(rng.uniform(0.3, 0.95) * vowel * (1 + 0.04 * np.sin(2 * np.pi * rng.uniform(4.5, 6.5) * score.time_s)))
    for name in ("mouthFunnel", "mouthStretch", "mouthUpperUp", "mouthLowerDown", "browInnerUp"):
        score.add(name, max(rng.uniform(-0.4, 0.6), 0) * vowel)
    if rng.uniform() < 0.3:  # some sing with closed eyes
        score.narrow(rng.uniform(0.4, 1.0) * vowel)
        score.squint = np.maximum(score.squint, 0.6 * vowel)
    score.turn[:, 0] -= rng.uniform(-0.05, 0.2) * vowel


def _gape(score: _Score, start_s: float) -> None:
    """Surprise: a mouth opened fast, with raised brows and wide eyes."""
    rng = score.rng
    opening = score.swell(start_s, rng.uniform(0.08, 0.25), rng.uniform(0.2, 1.2), rng.uniform(0.2, 0.6)) * (1 - score.yawn)
    score.open_jaw(rng.uniform(0.2, 0.75) * opening)
    score.add("browInnerUp", rng.uniform(0.2, 0.9) * opening)
    score.add("browOuterUp", rng.uniform(0.2, 0.9) * opening)
    score.wide = np.maximum(score.wide, rng.uniform(0.2, 0.8) * opening)


def _chew(score: _Score, start_s: float) -> None:
    rng = score.rng
    eating = score.swell(start_s, 0.3, rng.uniform(2, 8), 0.4) * (1 - score.yawn)
    phase = 2 * np.pi * rng.uniform(1, 2) * score.time_s
    jaw = rng.uniform(0.08, 0.28) * (0.5 + 0.5 * np.cos(phase)) * eating
    score.open_jaw(jaw)
    score.add("mouthClose", rng.uniform(0.7, 1.0) * jaw)
    score.add("jawLeft" if rng.uniform() < 0.5 else "jawRight", 0.3 * np.clip(np.sin(phase), 0, 1) * eating)
    score.add("mouthPress", rng.uniform(0, 0.4) * (0.5 - 0.5 * np.cos(phase)) * eating)
    score.add("cheekPuff", rng.uniform(0, 0.25) * eating)


def _bite(score: _Score, start_s: float) -> None:
    bite = score.swell(start_s, 0.3, score.rng.uniform(0.1, 0.4), 0.25) * (1 - score.yawn)
    score.open_jaw(score.rng.uniform(0.3, 0.7) * bite)
    score.turn[:, 0] += score.rng.uniform(0, 0.15) * bite


def _look_down(score: _Score, start_s: float) -> None:
    """Reading, a phone, the dashboard: gaze and lids go down together, the head a little later."""
    rng = score.rng
    hold_s = rng.uniform(0.6, 5.0)
    down = score.swell(start_s, 0.1, hold_s, 0.12)
    amount = rng.uniform(0.5, 1.0)
    score.gaze_down = np.maximum(score.gaze_down, amount * down)
    score.narrow(amount * rng.uniform(0.2, 0.5) * down)
    head = score.swell(start_s + 0.05, rng.uniform(0.3, 0.6), max(hold_s - 0.4, 0.1), rng.uniform(0.3, 0.6))
    score.turn[:, 0] += rng.uniform(0.0, 0.35) * head
    score.turn[:, 1] += rng.normal(0, 0.15) * head
    score.blink_rate *= 1 - (1 - READING_BLINKS) * down


def _glance(score: _Score, start_s: float) -> None:
    """To a mirror or another person: the eyes first, the head after them."""
    rng = score.rng
    hold_s, side = rng.uniform(0.5, 1.4), rng.choice((-1.0, 1.0))
    score.look[:, 0] += side * rng.uniform(0.2, 0.6) * score.swell(start_s, 0.08, hold_s, 0.1)
    score.turn[:, 1] += side * rng.uniform(0.1, 0.55) * score.swell(start_s + 0.05, 0.35, max(hold_s - 0.3, 0.1), 0.4)
    score.turn[:, 0] += rng.normal(0, 0.04) * score.swell(start_s, 0.3, hold_s, 0.3)


def _concentrate(score: _Score, start_s: float) -> None:
    rng = score.rng
    effort = score.swell(start_s, 0.5, rng.uniform(1, 6), 0.6)
    score.add("browDown", rng.uniform(0.2, 0.8) * effort)
    score.add("eyeSquint", rng.uniform(0.1, 0.6) * effort)
    score.add("mouthPress", rng.uniform(0, 0.5) * effort)
    score.squint = np.maximum(score.squint, 0.5 * effort)
    score.narrow(rng.uniform(0.0, 0.2) * effort)


_HAPPENINGS: dict[str, Callable[[_Score, float], None]] = {
    "talk": _talk, "laugh": _laugh, "sing": _sing, "surprise": _gape, "chew": _chew, "bite": _bite, "look_down": _look_down,
    "mirror": _glance, "glance": _glance, "concentrate": _concentrate,
}  # fmt: skip


def _face_at_rest(score: _Score) -> None:
    rng, level = score.rng, score.level
    dull = level * score.person.stillness
    score.add(
        "mouthFrown", 0.45 * level * score.person.corners * rng.uniform(0.4, 1.0) + np.clip(rng.normal(0, 0.1), 0, 0.35)
    )
    score.add("browDown", np.clip(rng.normal(0.0, 0.15), 0, 0.6))
    # Some hold heavy lids up with the brows.
    score.add(
        "browInnerUp", np.clip(rng.normal(0, 0.15), 0, 0.5) + (rng.uniform(0, 0.5) if rng.uniform() < 0.3 else 0) * level
    )
    score.open_jaw(np.clip(rng.normal(-0.02, 0.04), 0, 0.12) + 0.06 * dull)
    score.add("mouthSmile", 0.0)
    restless = (1 - 0.7 * dull) * score.wander(1.0, scale_s=0.6)
    for name, size in (("mouthPress", 0.2), ("mouthPucker", 0.12), ("cheekSquint", 0.1)):
        score.add(name, np.clip(size * restless * rng.normal(), 0, 0.5))


def _gaze(score: _Score) -> None:
    """Fixations and saccades, rarer and slower when tired, and then slow drifts; looking down comes on top."""
    rng, level = score.rng, score.level
    times, places = [float(score.time_s[0]) - 9.0], [rng.normal(0, 0.12, 2)]
    for start_s in score.starts(rng.uniform(0.6, 2.2) * (1 - 0.6 * level), 2.0):
        now = score.at(start_s, level)
        next_place = rng.normal(0, (0.22, 0.12)) * (1 - 0.3 * now)
        leave_s = max(start_s, times[-1] + 0.1)
        times += [leave_s, leave_s + rng.uniform(0.03, 0.06) * (1 + 0.8 * now)]
        places += [places[-1], next_place]
    across, up = (np.interp(score.time_s, times, [place[axis] for place in places]) for axis in (0, 1))
    across = np.clip(across + score.look[:, 0] + 0.12 * level * score.wander(1.0, scale_s=2.5), -0.9, 0.9)
    up = np.clip(up - score.gaze_down - 0.1 * level + 0.06 * level * score.wander(1.0, scale_s=2.5), -1, 0.6)
    for name, share in (
        ("eyeLookOut_L", across), ("eyeLookIn_R", across), ("eyeLookIn_L", -across), ("eyeLookOut_R", -across),
        ("eyeLookUp_L", up), ("eyeLookUp_R", up), ("eyeLookDown_L", -up), ("eyeLookDown_R", -up),
    ):  # fmt: skip
        score.tracks[name] = np.clip(share, 0, 1)
    score.gaze_down = np.maximum(score.gaze_down, np.clip(-up - 0.3, 0, 1))


def _head(score: _Score) -> None:
    rng, level, person = score.rng, score.level, score.person
    mean = float(level.mean())
    lively = 1 - 0.75 * level * person.stillness
    pose = rng.normal(0, (0.10, 0.22, 0.06))
    if rng.uniform() < 0.04 + 0.10 * mean:  # leaning back, awake or not
        pose[0] -= rng.uniform(0.12, 0.35)
    score.turn += pose + _column(lively) * np.stack([score.wander(0.03), score.wander(0.06), score.wander(0.02)], axis=1)
    score.turn[:, 0] += 0.12 * level * person.nods * rng.uniform(0, 1)
    for start_s in score.starts(0.11 * person.nods * (np.maximum(level - 0.5, 0) / 0.5) ** 1.3, 4.0):
        sink_s, stays = rng.uniform(0.8, 2.5), rng.uniform() < 0.25  # a quarter sinks and is not jerked up for long
        back_s = rng.uniform(0.2, 0.45)
        sinking = score.swell(start_s, sink_s, rng.uniform(3.0, 8.0) if stays else rng.uniform(0.0, 0.4), back_s)
        score.nodding = np.maximum(score.nodding, rng.uniform(0.12, 0.45) * sinking)
        if rng.uniform() < 0.75:
            score.slow = np.maximum(score.slow, rng.uniform(0.5, 1.0) * np.clip(1.6 * sinking - 0.3, 0, 1))
        waking = score.swell(start_s + sink_s + 0.2, 0.25, 0.3, 0.6) if not stays else score.nothing()
        score.wide = np.maximum(score.wide, rng.uniform(0, 0.5) * waking * (score.nodding < 0.2))
    score.turn[:, 0] += score.nodding


def _hands(score: _Score, *, distract: bool) -> None:
    """Eyes rubbed and heads rested on a hand, more when tired; a hand at the chin or the mouth in thought."""
    rng, level = score.rng, score.level
    mean = float(level.mean())
    for start_s in score.starts(0.035 * score.person.rubbing * level, 3.0):
        if score.take_hand("eye"):
            rubbing = score.swell(start_s, rng.uniform(0.25, 0.5), rng.uniform(0.6, 2.5), rng.uniform(0.25, 0.5))
            score.hand = np.maximum(score.hand, rubbing)
            score.narrow(np.clip(1.5 * rubbing - 0.4, 0, 1) * rng.uniform(0.7, 1.0))
            score.add("browDown", rng.uniform(0.1, 0.6) * rubbing)
    if distract and rng.uniform() < 0.05 + 0.07 * mean:
        place = str(rng.choice(("cheek", "chin", "mouth"), p=(0.45, 0.4, 0.15)))
        if score.take_hand(place):
            start_s = rng.uniform(score.time_s[0] - 8, score.time_s[-1])
            rest = score.swell(start_s, 0.6, rng.uniform(4, 20), 0.6)
            score.hand = np.maximum(score.hand, rest)
            if place != "mouth":
                score.turn[:, 2] += rng.choice((-1.0, 1.0)) * rng.uniform(0.05, 0.3) * rest
                score.turn[:, 0] += rng.uniform(-0.05, 0.15) * rest


def _set_lids(score: _Score, closure: Track, rest: float) -> None:
    """From shares of closure over the rested eye to weights of the rig, lower on one side."""
    aside = score.person.asymmetry * (score.droop + 0.1) * (1 - closure)
    for side, sign in (("_L", 1.0), ("_R", -1.0)):
        shut = np.clip(closure + sign * aside, 0, 1)
        score.tracks["eyeBlink" + side] = max(rest, 0.0) + (1 - max(rest, 0.0)) * shut
        score.tracks["eyeWide" + side] = np.clip((4 * max(-rest, 0.0) + score.wide) * (1 - shut), 0, 1)


def _ease(share: Track) -> Track:
    return np.asarray(share * share * (3 - 2 * share))


def _column(track: Track) -> Track:
    return track[:, None]
