"""When to say nothing: what a window must offer before it is scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facefatigue.clips import Window
    from facefatigue.estimate.report import AbstainReason


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Least coverage and quality of a window.

    Sharpness: a Gaussian blur of σ = 3 px, after which lids can no longer be told in a 112 px crop, leaves 1.6 to 4.2 on
    crops of twenty real videos; σ = 2 px leaves 3.9 to 15; undamaged ones have 51 to 2700. Size and brightness: below them
    an open eye is under three pixels high, or fewer than fifteen grey levels above black. None was chosen by looking at
    scores.

    Attributes:
        coverage: Share of samples that have a face of their own.
        eye_distance_px: Distance between the eyes in the source.
        brightness: Mean luma of the aligned crop, 0 to 1.
        sharpness: Variance of the Laplacian of the aligned crop at 112 px.
    """

    coverage: float = 0.9
    eye_distance_px: float = 12.0
    brightness: float = 0.06
    sharpness: float = 4.0

    def reason_against(self, window: Window) -> AbstainReason | None:
        """Why this window must not be scored, or None."""
        if window.crops is None or window.quality is None or window.coverage < self.coverage:
            return "low_coverage"
        if window.quality.eye_distance_px < self.eye_distance_px:
            return "too_small"
        if window.quality.brightness < self.brightness:
            return "too_dark"
        if window.quality.sharpness < self.sharpness:
            return "too_blurred"
        return None
