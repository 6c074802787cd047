"""What a synthetic face does over time, and how tired that looks: the label of a clip, by definition."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Track = NDArray[np.float64]
    Flags = NDArray[np.bool_]

CLOSED_FROM = 0.8  # PERCLOS counts an eye as closed from this share of closure (Wierwille et al. 1994)
MICROSLEEP_S = 0.5  # a closure from this length on is no blink (Harrison & Horne 1996)


@dataclass(frozen=True, kw_only=True)
class SkinState:
    """Redness of the eyes, paleness, dark circles under the eyes and their swelling, each 0 to 1."""

    redness: float = 0.2
    paleness: float = 0.2
    dark_circles: float = 0.2
    swelling: float = 0.2


@dataclass(frozen=True)
class Blink:
    """One closure of the eyes, from 20 % of its closing to 20 % left of its opening; a microsleep from 0.5 s on.

    Attributes:
        start_s, end_s: On the clock of the performance; may lie outside its moments.
        depth: Share of the open eye that it covers, 0 to 1.
    """

    start_s: float
    end_s: float
    depth: float

    @property
    def duration_s(self) -> float:
        """Its length in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True, eq=False)
class Performance:
    """What a face does over F moments.

    Attributes:
        time_s: (F,) seconds.
        expressions: By name of the rig's expression, (F,) weights, 0 to 1.1.
        turn: (F, 3) head turn in radians: nod (down is positive), yaw, tilt.
        place: (F, 3) head place in centimetres.
        fatigue: (F,) the state that is acted.
        closure: (F,) share of closure by lids, from 0, this person's own wide-awake lid, to 1; all causes, both eyes' mean.
        blinking: (F,) bool: inside a blink shorter than 0.5 s; ``microsleep``: (F,) bool: inside a longer closure.
        mouth: (F,) opening of the jaw, 0 to 1.
        yawning: (F,) bool; ``yawn``: (F,) how far a yawn shows, 0 to 1, a suppressed one less than half.
        gaze_down, smile, squint: (F,) 0 to 1: causes of narrow eyes that are no fatigue.
        heaviness: (F,) share of closure by fatigue alone (hanging lids, slow blinks, microsleeps) over the rested eye.
        rest: Share by which the lids of the rested eye hang lower than they could; below 0 for wide eyes.
        nodding: (F,) sinking of the head by fatigue, in radians.
        hand: (F,) 0, out of the picture, to 1, at its place; ``hand_place``: "mouth", "eye", "cheek", "chin" or "".
        blinks: Closures that meet the window, microsleeps among them; ``yawns``: (start, end) in seconds.
        skin: State of the skin.
        opening: How wide these eyes open, an average person's being 1; the shape of the face decides it.
        dense: The same act at 10 Hz if ``time_s`` has gaps of more than 0.15 s; what is summed over time is summed there.
    """

    time_s: Track
    expressions: Mapping[str, Track]
    turn: Track
    place: Track
    fatigue: Track
    closure: Track
    blinking: Flags
    microsleep: Flags
    mouth: Track
    yawning: Flags
    yawn: Track
    gaze_down: Track
    smile: Track
    squint: Track
    heaviness: Track
    rest: float
    nodding: Track
    hand: Track
    hand_place: str
    blinks: tuple[Blink, ...]
    yawns: tuple[tuple[float, float], ...]
    skin: SkinState
    opening: float = 1.0
    dense: Performance | None = None

    def by(self, opening: float) -> Performance:
        """The same act by somebody whose eyes open so wide."""
        return replace(self, opening=opening, dense=None if self.dense is None else replace(self.dense, opening=opening))

    @property
    def perclos(self) -> float:
        """Share of the time with the eyes at least 80 % closed."""
        act = self.dense or self
        return float(_over_time(act.time_s, act.closure >= CLOSED_FROM))

    @property
    def lid(self) -> Track:
        """(F,) share of closure that is seen: of an eye as open as an average one, 0, to 1 closed; below 0 for wide eyes."""
        return seen_closure(self.closure, self.rest, self.opening)

    @property
    def eye_opening(self) -> float:
        """How wide the rested eyes are open, an average person's being 1."""
        return self.opening * (1 - self.rest)

    @property
    def rated(self) -> float:
        """How tired the face looks in this window, 0 (wide awake) to 1 (about to fall asleep); see ``rate``."""
        return rate(self.dense or self)


def rate(act: Performance) -> float:
    """What a careful rater would say from what can be seen in this window alone: a definition, not a finding.

    1 - (1 - lids)(1 - yawn)(1 - head)(1 - hand)(1 - face), each smooth and rising from 0:

    * lids = 1 - exp(-x), x = (H/0.27)² + P/0.5 + 0.2 (L/0.4 s)². H is the mean closure that looks tired: heaviness in
      full, over an average person's open eye, since a rater does not know how wide this person's are when awake (eyes that
      are a tenth narrower by nature, about one standard deviation, count 0.13), and of the closure beyond it 0.25, or 0.03
      where a downward gaze, a squint, a smile or a yawn is seen to be the cause. P is the share of time that heaviness
      covers at least 80 %, softened: 1 / (1 + exp((0.8 - heaviness)/0.04)). L is the mean length of the blinks that are no
      microsleeps.
    * yawn = 0.78 (1 - exp(-3.2 y)), y the mean of the visible yawn.
    * head = 0.7 (1 - exp(-n/0.15)), n the deepest sinking in radians.
    * hand = 0.35 of the share of time with a hand rubbing an eye.
    * face = 0.05 (mean of the four skin states) + 0.05 (hanging corners of the mouth, full at 0.5) + 0.04 exp(-v/0.05), v
      the mean speed of the head in rad/s.

    In a window of T > 3.2 s, the shares of time of a yawn and of a rubbing hand count √(T/3.2 s) times: one yawn says less
    about a long window than about a short one, but more than its share of time.
    """
    t = act.time_s
    length_s = max(float(t[-1] - t[0]), 1e-3)
    crowd = max(1.0, (length_s / 3.2) ** 0.5)
    excused = np.maximum.reduce([act.gaze_down, act.squint, act.smile, act.yawn])
    beyond = np.maximum(act.closure - act.heaviness, 0)
    lowered = np.maximum(seen_closure(act.heaviness, act.rest, act.opening), 0)
    heavy = float(_over_time(t, lowered + beyond * (0.25 - 0.22 * np.clip(excused, 0, 1))))
    shut = float(_over_time(t, 1 / (1 + np.exp((CLOSED_FROM - act.heaviness) / 0.04))))
    lengths = [b.duration_s for b in act.blinks if b.duration_s < MICROSLEEP_S and b.end_s > t[0] and b.start_s < t[-1]]
    long = (float(np.mean(lengths)) / 0.4) ** 2 if lengths else 0.0
    lids = 1 - np.exp(-((heavy / 0.27) ** 2 + shut / 0.5 + 0.2 * long))
    yawn = 0.78 * (1 - np.exp(-3.2 * crowd * float(_over_time(t, act.yawn))))
    head = 0.7 * (1 - np.exp(-max(float(act.nodding.max()), 0) / 0.15))
    hand = 0.35 * min(1.0, crowd * float(_over_time(t, act.hand))) if act.hand_place == "eye" else 0.0
    skin = (act.skin.redness + act.skin.paleness + act.skin.dark_circles + act.skin.swelling) / 4
    corners = min(1.0, float(_over_time(t, act.expressions["mouthFrown_L"])) / 0.5)
    moved = np.abs(np.diff(act.turn - act.nodding[:, None], axis=0)).sum() / length_s
    face = 0.05 * skin + 0.05 * corners + 0.04 * np.exp(-moved / 0.05)
    return float(1 - (1 - lids) * (1 - yawn) * (1 - head) * (1 - hand) * (1 - face))


def seen_closure(closure: Track, rest: float, opening: float) -> Track:
    """(F,) closure over the person's own rested lid as closure over an average person's."""
    return 1 - opening * (1 - rest) * (1 - closure)


def _over_time(time_s: Track, track: NDArray[np.generic]) -> float:
    """Mean over time of what was seen at moments that need not be evenly spaced."""
    values = track.astype(float)
    if len(values) < 2:
        return float(values.mean())
    gaps = np.diff(time_s)
    return float((0.5 * (values[1:] + values[:-1]) * gaps).sum() / gaps.sum())
