"""What a face is measured by: the baseline of one person, for that person's face alone, or people at large."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facefatigue.estimate.fusion import ANYTHING, fuse
from facefatigue.estimate.measured_signs import FATIGUE, measured_signs
from facefatigue.signs import Conditions, compare
from facefatigue.signs.baseline_store import find_baseline

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from facefatigue.estimate.report import FaceReport, WindowResult
    from facefatigue.signs import Baseline, SignSeries
    from facefatigue.signs.baseline import Glasses


@dataclass(frozen=True, kw_only=True)
class Yardstick:
    """What signs, scores and blinks of one face are held against.

    Attributes:
        baseline: Of the person whose face it is; None: people at large.
        glasses: Whether that person wears glasses now.
        model: Name and version of the network that scores.
        network_error: Its own error, for the fusion.
    """

    baseline: Baseline | None = None
    glasses: Glasses = "unknown"
    model: str | None = None
    network_error: float = ANYTHING

    @property
    def of_others(self) -> Yardstick:
        """For the faces of other people: no one's own measure fits anybody else."""
        return Yardstick(model=self.model, network_error=self.network_error)

    def signs(self, series: SignSeries) -> dict[str, Any]:
        """The signs of a face by this measure, as the report holds them."""
        own = self.baseline
        return measured_signs(series) if own is None else measured_signs(series, alert=own.blinks, levels=own.levels)

    def comparison(self, signs: dict[str, Any], face: FaceReport | None = None) -> dict[str, Any]:
        """What is usual beside the signs, and the score, of a face.

        Args:
            signs: As :meth:`signs` gives them.
            face: With its score and windows; None where nobody scored it.
        """
        brightness = None if face is None else median_brightness(face.windows)
        return compare(
            signs,
            self.baseline,
            score=None if face is None else face.score,
            model=self.model,
            conditions=Conditions(glasses=self.glasses, brightness=brightness),
        ).to_dict()

    def fusion(self, signs: dict[str, Any], face: FaceReport) -> dict[str, Any]:
        """The network's score and the blinks' estimate, and what they come to.

        Args:
            signs: As :meth:`signs` gives them.
            face: With its score.
        """
        return fuse(
            score=face.score,
            score_interval=face.score_interval,
            blinks=signs[FATIGUE],
            network_error=self.network_error,
            no_score=f"there is no score ({(face.abstain_reason or 'no window').replace('_', ' ')})",
            no_blinks=signs["not_measurable"].get(FATIGUE, "blinks were not measured"),
        ).to_dict()


def median_brightness(windows: Sequence[WindowResult]) -> float | None:
    """Median over windows of the brightness of their crops; None where there is none."""
    known = [window.quality.brightness for window in windows if window.quality is not None]
    return statistics.median(known) if known else None


def find_person(baseline: Baseline | str | os.PathLike[str] | None) -> Baseline | None:
    """The baseline that was asked for, if one was; see :func:`facefatigue.signs.baseline_store.find_baseline`."""
    return None if baseline is None else find_baseline(baseline)
