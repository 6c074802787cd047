"""What is usual for people at large, where the literature says so: the yardstick where there is no baseline."""

from __future__ import annotations

from dataclasses import dataclass


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
