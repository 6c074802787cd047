"""From a fatigue value to what a face does: lids, blinks, yawns, nods, and much that only looks like them.

Times and amplitudes with their sources:

* Blink duration, alert 100-250 ms, drowsy up to 500 ms and more, with slower reopening: Caffier, Erdmann & Ullsperger 2003.
* PERCLOS, the share of time with the eyes at least 80 % closed, rises with drowsiness: Wierwille & Ellsworth 1994; Dinges &
  Grace 1998. Lids hang lower: Ftouni et al. 2013.
* Blink rate 10-20 a minute, higher in early drowsiness: Stern, Boyer & Schroeder 1994. Slower, longer and smaller blinks
  over 60 drowsy people: UTA-RLDD (Ghoddoosian, Galib & Athitsos 2019).
* Microsleeps: closures over 0.5 s: Harrison & Horne 1996.
* Yawns last 4-7 s: a slow wide opening of the jaw with narrowed eyes, a short hold, a faster close: Provine 1986.
* Hanging lids, drooping mouth corners, red and dark-rimmed eyes after sleep loss: Sundelin et al. 2013.

How strongly somebody shows each cue differs by person, so that no single cue decides. The amplitudes of talking, laughing,
surprise, looking down and squinting, which are no fatigue, are of our own making.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Track = NDArray[np.float64]

CLOSED_FROM = 0.8  # PERCLOS counts an eye as closed from this share of closure


@dataclass(frozen=True, kw_only=True)
class Temperament:
    """How strongly one person shows each cue (1: fully) and how the person's face rests.

    Attributes:
        droop, blinks, yawns, nods, stillness: Strength of the cues.
        rest_closure: Share of closure of the rested, open eye, 0 to 1.
        blink_rate_hz: Blinks a second when alert.
    """

    droop: float
    blinks: float
    yawns: float
    nods: float
    stillness: float
    rest_closure: float
    blink_rate_hz: float


def make_temperament(rng: np.random.Generator) -> Temperament:
    """Draw a person's temperament."""
    return Temperament(
        droop=float(rng.uniform(0.4, 1.0)),
        blinks=float(rng.uniform(0.5, 1.0)),
        yawns=float(rng.uniform(0.3, 1.0)),
        nods=float(rng.uniform(0.2, 1.0)),
        stillness=float(rng.uniform(0.3, 1.0)),
        rest_closure=float(rng.uniform(-0.1, 0.18)),
        blink_rate_hz=float(rng.uniform(10, 22) / 60),
    )


@dataclass(frozen=True, eq=False)
class Performance:
    """What a face does over F moments.

    Attributes:
        time_s: (F,) seconds.
        expressions: By name of the rig's expression, (F,) weights, mostly 0 to 1.
        turn: (F, 3) head turn in radians: nod (down is positive), yaw, tilt.
        place: (F, 3) head place in centimetres.
        closure: (F,) share of closure of the eyes by lids alone, 0 open to 1 closed: the truth for eye openness.
        mouth: (F,) opening of the jaw, 0 to 1.
        yawning: (F,) bool.
        heaviness: (F,) share of closure by fatigue alone: hanging lids, blinks and microsleeps, over the rested eye.
        nodding: (F,) sinking of the head by fatigue, in radians.
    """

    time_s: Track
    expressions: Mapping[str, Track]
    turn: Track
    place: Track
    closure: Track
    mouth: Track
    yawning: NDArray[np.bool_]
    heaviness: Track
    nodding: Track

    @property
    def expressed(self) -> float:
        """How much fatigue can be seen, 0 to 1: 1 - (1 - lids)(1 - yawn)(1 - nod), each from 0 (none) to 1 (full).

        Lids count as full from a mean of 0.5 of extra closure (above 0.08, what alert blinks make), a yawn when it takes
        40 % of the time, a sinking head from 0.3 rad and then with a weight of 0.7. A definition, not a finding.
        """
        lids = np.clip((float(self.heaviness.mean()) - 0.08) / 0.5, 0, 1)
        yawn = np.clip(float(self.yawning.mean()) / 0.4, 0, 1)
        nod = 0.7 * np.clip(float(self.nodding.max(initial=0)) / 0.3, 0, 1)
        return float(1 - (1 - lids) * (1 - yawn) * (1 - nod))

    @property
    def perclos(self) -> float:
        """Share of the moments with the eyes at least 80 % closed."""
        return float((self.closure >= CLOSED_FROM).mean())


class _Score:
    """The weights being written, like a score for an orchestra."""

    def __init__(self, time_s: Track) -> None:
        self.time_s = time_s
        self.tracks: defaultdict[str, Track] = defaultdict(lambda: np.zeros(len(time_s)))
        self.closure = np.zeros(len(time_s))
        self.turn = np.zeros((len(time_s), 3))
        self.yawning = np.zeros(len(time_s), bool)
        self.heaviness = np.zeros(len(time_s))
        self.nodding = np.zeros(len(time_s))

    def open_jaw(self, share: Track) -> None:
        """Open the jaw at least so far."""
        self.tracks["jawOpen"] = np.maximum(self.tracks["jawOpen"], share)

    def add(self, name: str, weight: Track | float) -> None:
        """Raise an expression; names without side raise both sides."""
        for side in ("_L", "_R") if name in _TWO_SIDED else ("",):
            self.tracks[name + side] = self.tracks[name + side] + weight

    def close_eyes(self, share: Track) -> None:
        self.closure = np.maximum(self.closure, share)


_TWO_SIDED = {
    "browDown", "browInnerUp", "browOuterUp", "cheekRaiser", "cheekSquint", "eyeBlink", "eyeLookDown", "eyeLookUp",
    "eyeSquint", "eyeWide", "mouthFrown", "mouthSmile", "mouthStretch", "mouthLowerDown", "mouthUpperUp", "mouthPress",
    "noseSneer",
}  # fmt: skip


def perform(
    fatigue: float | Track,
    temperament: Temperament,
    time_s: Track,
    rng: np.random.Generator,
    *,
    yawns: list[tuple[float, float]] | None = None,
    distract: bool = True,
) -> Performance:
    """Act out a state of fatigue.

    Args:
        fatigue: Value in [0, 1], one for all or (F,).
        temperament: Of the person.
        time_s: (F,) ascending seconds; any rate.
        rng: For everything that is left to chance.
        yawns: (start, length) in seconds to act; None leaves yawns to chance.
        distract: Whether to talk, laugh, look down and so on.
    """
    level = np.broadcast_to(np.asarray(fatigue, float), time_s.shape).copy()
    score = _Score(time_s)
    _lids(score, level, temperament, rng)
    _blinks(score, level, temperament, rng)
    _microsleeps(score, level, temperament, rng)
    score.heaviness = np.clip(score.closure - temperament.rest_closure, 0, 1)
    for start_s, length_s in _chance_yawns(level, temperament, time_s, rng) if yawns is None else yawns:
        _yawn(score, start_s, length_s, rng)
    if distract:
        _distractions(score, level, rng)
    _face_at_rest(score, level, temperament, rng)
    _head(score, level, temperament, rng)
    closure = np.clip(score.closure, -0.15, 1.0)
    score.add("eyeBlink", np.maximum(closure, 0))
    score.add("eyeWide", np.maximum(-closure, 0) * 4)
    jaw = score.tracks["jawOpen"]
    return Performance(
        time_s=time_s,
        expressions={name: np.clip(track, 0, 1.1) for name, track in score.tracks.items()},
        turn=score.turn,
        place=np.stack([_wander(time_s, rng, 0.5), _wander(time_s, rng, 0.4), _wander(time_s, rng, 0.8)], axis=1),
        closure=np.clip(closure, 0, 1),
        mouth=np.clip(jaw, 0, 1),
        yawning=score.yawning,
        heaviness=score.heaviness,
        nodding=score.nodding,
    )


def _lids(score: _Score, level: Track, temperament: Temperament, rng: np.random.Generator) -> None:
    droop = 0.62 * temperament.droop * np.clip(level, 0, 1) ** 1.3
    struggle = 1 + 0.25 * level * _wander(score.time_s, rng, 1.0, scale_s=1.5)  # lids sink and are pulled up again
    score.closure = temperament.rest_closure + droop * struggle


def _blinks(score: _Score, level: Track, temperament: Temperament, rng: np.random.Generator) -> None:
    time_s = float(score.time_s[0]) - rng.exponential(1.0)
    while time_s < score.time_s[-1]:
        now = float(np.interp(time_s, score.time_s, level)) * temperament.blinks
        closing_s = rng.uniform(0.06, 0.10) * (1 + 1.2 * now)
        closed_s = rng.uniform(0.01, 0.05) + now**2 * rng.uniform(0.0, 0.45)
        opening_s = rng.uniform(0.10, 0.18) * (1 + 1.8 * now)
        depth = 1.0 if rng.uniform() < 0.85 else rng.uniform(0.5, 0.9)  # some stay incomplete
        score.close_eyes(depth * _pulse(score.time_s, time_s, closing_s, closed_s, opening_s))
        rate_hz = temperament.blink_rate_hz * (1 + 0.8 * now)
        time_s += closing_s + closed_s + opening_s + rng.exponential(1 / rate_hz)


def _microsleeps(score: _Score, level: Track, temperament: Temperament, rng: np.random.Generator) -> None:
    time_s = float(score.time_s[0]) - 2
    while time_s < score.time_s[-1]:
        now = float(np.interp(time_s, score.time_s, level))
        rate_hz = 0.35 * max(now - 0.6, 0) / 0.4 * temperament.droop
        time_s += rng.exponential(1 / max(rate_hz, 1e-3))
        closed_s = rng.uniform(0.5, 2.0)
        score.close_eyes(_pulse(score.time_s, time_s, rng.uniform(0.2, 0.6), closed_s, rng.uniform(0.15, 0.4)))
        time_s += closed_s


def _chance_yawns(
    level: Track, temperament: Temperament, time_s: Track, rng: np.random.Generator
) -> list[tuple[float, float]]:
    length_s = rng.uniform(3.5, 7.0)
    mean = float(level.mean())
    rate_hz = (0.002 + 0.09 * max(mean - 0.3, 0) ** 1.5 / 0.7**1.5) * temperament.yawns
    # Chance that a yawn of this length meets the window at all.
    if rng.uniform() < 1 - np.exp(-rate_hz * (float(time_s[-1] - time_s[0]) + length_s)):
        return [(float(rng.uniform(time_s[0] - 0.8 * length_s, time_s[-1] - 0.2 * length_s)), length_s)]
    return []


def _yawn(score: _Score, start_s: float, length_s: float, rng: np.random.Generator) -> None:
    opening = _pulse(score.time_s, start_s, 0.40 * length_s, 0.32 * length_s, 0.28 * length_s)
    score.yawning |= opening > 0.35
    wide = rng.uniform(0.65, 1.0)
    score.open_jaw(wide * opening)
    score.add("mouthStretch", rng.uniform(0.0, 0.4) * opening)
    score.add("mouthUpperUp", rng.uniform(0.0, 0.4) * opening)
    score.add("mouthFunnel", rng.uniform(0.0, 0.3) * opening)
    score.add("noseSneer", rng.uniform(0.0, 0.3) * opening)
    score.add("browDown" if rng.uniform() < 0.5 else "browInnerUp", rng.uniform(0.1, 0.8) * opening)
    score.add("eyeSquint", rng.uniform(0.0, 1.0) * opening)
    score.add("cheekRaiser", rng.uniform(0.0, 0.6) * opening)
    if rng.uniform() < 0.75:  # some yawn with open eyes
        score.close_eyes(rng.uniform(0.3, 1.0) * np.clip(2 * opening - 0.8, 0, 1))
    score.turn[:, 0] -= rng.uniform(-0.05, 0.25) * opening  # the head goes back
    score.turn[:, 2] += rng.normal(0, 0.06) * opening


def _distractions(score: _Score, level: Track, rng: np.random.Generator) -> None:
    lively = 1 - 0.5 * float(level.mean())
    if rng.uniform() < 0.40 * lively:
        _talk(score, rng)
    if rng.uniform() < 0.18 * lively:
        _laugh(score, rng)
    if rng.uniform() < 0.10 * lively:
        _gape(score, rng)
    if rng.uniform() < 0.16:
        _look_down(score, rng)
    if rng.uniform() < 0.12 * lively:
        score.add("eyeSquint", rng.uniform(0.4, 1.0))
        score.add("cheekRaiser", rng.uniform(0.0, 0.6))
        score.add("browDown", rng.uniform(0.0, 0.5))
    if rng.uniform() < 0.25:
        score.add("mouthSmile", rng.uniform(0.1, 0.5))


def _talk(score: _Score, rng: np.random.Generator) -> None:
    start_s = rng.uniform(score.time_s[0] - 2, score.time_s[-1])
    words = _pulse(score.time_s, start_s, 0.2, rng.uniform(0.8, 6.0), 0.3)
    syllables = np.abs(_wander(score.time_s, rng, 1.0, scale_s=1 / rng.uniform(4, 9)))
    score.open_jaw(words * np.clip(rng.uniform(0.12, 0.4) * syllables, 0, 0.6))
    for name in ("mouthFunnel", "mouthPucker", "mouthLowerDown", "mouthUpperUp", "mouthStretch"):
        score.add(name, words * np.clip(0.25 * _wander(score.time_s, rng, 1.0, scale_s=0.15), 0, 0.6))


def _laugh(score: _Score, rng: np.random.Generator) -> None:
    start_s = rng.uniform(score.time_s[0] - 1, score.time_s[-1])
    joy = _pulse(score.time_s, start_s, 0.3, rng.uniform(0.5, 2.5), 0.5)
    shaking = 1 + 0.2 * np.sin(2 * np.pi * rng.uniform(3, 5) * score.time_s)
    score.add("mouthSmile", rng.uniform(0.6, 1.0) * joy)
    score.open_jaw(rng.uniform(0.05, 0.5) * joy * shaking)
    score.add("cheekRaiser", rng.uniform(0.3, 0.9) * joy)
    score.add("eyeSquint", rng.uniform(0.2, 1.0) * joy)
    score.closure = score.closure + rng.uniform(0.0, 0.45) * joy


def _gape(score: _Score, rng: np.random.Generator) -> None:
    """Surprise, or a sung or exclaimed vowel: an open mouth with open eyes, opened fast."""
    start_s = rng.uniform(score.time_s[0] - 0.5, score.time_s[-1])
    opening = _pulse(score.time_s, start_s, rng.uniform(0.08, 0.3), rng.uniform(0.2, 1.2), rng.uniform(0.15, 0.4))
    score.open_jaw(rng.uniform(0.25, 0.75) * opening)
    score.add("browInnerUp", rng.uniform(0, 0.9) * opening)
    score.add("browOuterUp", rng.uniform(0, 0.9) * opening)
    score.closure = score.closure - rng.uniform(0.0, 0.2) * opening


def _look_down(score: _Score, rng: np.random.Generator) -> None:
    """Reading or typing: gaze and lids go down together, the head a little."""
    start_s = rng.uniform(score.time_s[0] - 2, score.time_s[-1])
    gaze = _pulse(score.time_s, start_s, 0.12, rng.uniform(0.4, 5.0), 0.12)
    score.add("eyeLookDown", rng.uniform(0.6, 1.0) * gaze)
    score.closure = score.closure + rng.uniform(0.15, 0.45) * gaze
    score.turn[:, 0] += rng.uniform(0.0, 0.3) * _smooth(gaze, score.time_s, 0.3)


def _face_at_rest(score: _Score, level: Track, temperament: Temperament, rng: np.random.Generator) -> None:
    dull = level * temperament.stillness
    score.add("mouthFrown", 0.35 * dull * rng.uniform(0.3, 1.0) + np.clip(rng.normal(0, 0.08), 0, 0.3))
    score.add("browDown", np.clip(rng.normal(0.0, 0.15), 0, 0.6))
    # Some hold heavy lids up with the brows.
    score.add(
        "browInnerUp", np.clip(rng.normal(0, 0.15), 0, 0.5) + (rng.uniform(0, 0.5) if rng.uniform() < 0.3 else 0.0) * level
    )
    score.open_jaw(np.clip(rng.normal(-0.02, 0.04), 0, 0.12) + 0.06 * dull)
    restless = (1 - 0.7 * dull) * _wander(score.time_s, rng, 1.0, scale_s=0.6)
    for name, size in (("mouthPress", 0.2), ("mouthPucker", 0.12), ("cheekSquint", 0.1)):
        score.add(name, np.clip(size * restless * rng.normal(), 0, 0.5))
    horizontal = np.clip(0.5 * _wander(score.time_s, rng, 1.0, scale_s=0.7) * (1 - 0.5 * dull), -0.8, 0.8)
    for name, share in (
        ("eyeLookOut_L", horizontal),
        ("eyeLookIn_R", horizontal),
        ("eyeLookIn_L", -horizontal),
        ("eyeLookOut_R", -horizontal),
    ):
        score.tracks[name] = np.clip(share, 0, 1)


def _head(score: _Score, level: Track, temperament: Temperament, rng: np.random.Generator) -> None:
    seconds = score.time_s
    lively = 1 - 0.5 * level * temperament.stillness
    score.turn[:, 0] += rng.normal(0, 0.10) + lively * _wander(seconds, rng, 0.03)
    score.turn[:, 1] += rng.normal(0, 0.22) + lively * _wander(seconds, rng, 0.06)
    score.turn[:, 2] += rng.normal(0, 0.06) + lively * _wander(seconds, rng, 0.02)
    score.turn[:, 0] += 0.10 * level * temperament.nods * rng.uniform(0, 1)
    mean = float(level.mean())
    if rng.uniform() < 0.45 * temperament.nods * max(mean - 0.5, 0) / 0.5:  # the head sinks slowly and is jerked up
        start_s = rng.uniform(seconds[0] - 1, seconds[-1])
        sinking = _pulse(seconds, start_s, rng.uniform(0.8, 2.0), 0.2, rng.uniform(0.2, 0.4))
        score.nodding = rng.uniform(0.12, 0.4) * sinking
        score.turn[:, 0] += score.nodding


def _pulse(time_s: Track, start_s: float, rise_s: float, hold_s: float, fall_s: float) -> Track:
    """(F,) a smooth rise from 0 to 1, a hold, and a fall."""
    up = np.clip((time_s - start_s) / rise_s, 0, 1)
    down = np.clip((start_s + rise_s + hold_s + fall_s - time_s) / fall_s, 0, 1)
    shape = np.minimum(up, down)
    return np.asarray(shape * shape * (3 - 2 * shape))


def _smooth(track: Track, time_s: Track, width_s: float) -> Track:
    distance = (time_s[:, None] - time_s[None, :]) / width_s
    weight = np.exp(-0.5 * distance**2)
    return np.asarray((weight @ track) / weight.sum(axis=1))


def _wander(time_s: Track, rng: np.random.Generator, size: float, *, scale_s: float = 1.0) -> Track:
    """(F,) smooth noise of standard deviation ``size``, whose ups and downs take about ``scale_s`` seconds, at any rate."""
    frequency = rng.normal(0, 1 / scale_s, 10)
    phase = rng.uniform(0, 2 * np.pi, 10)
    return np.asarray(size * np.sqrt(2 / 10) * np.cos(time_s[:, None] * frequency + phase).sum(axis=1))
