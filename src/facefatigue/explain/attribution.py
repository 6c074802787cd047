"""An attribution: how much every pixel of every frame of a clip speaks for what the network says of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Attribution:
    """One map over the time and the places of a clip.

    Attributes:
        method: How it was made, e.g. "hires-cam@read".
        values: (T, H, W) float32, at the clip's own times and pixels. Above 0: speaks for the target; below 0: against it
            (methods that know no sign have none below 0). Its sum is the method's total, so that a share of it can be told.
        colour: (T, H, W, 3) float32 where the method tells the colours of a pixel apart; else None.
        parts: By name of a path through the network, how much of the sum of absolute values came that way; sums to 1.
            Empty where there is one path.
        facts: Figures that tell how far the map can be trusted, by name.
    """

    method: str
    values: NDArray[np.float32]
    colour: NDArray[np.float32] | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, float] = field(default_factory=dict)

    @property
    def scale(self) -> float:
        """The largest value above 0, which :attr:`heat` shows as 1; 0 where nothing speaks for the target."""
        return max(float(self.values.max()), 0.0)

    @property
    def heat(self) -> NDArray[np.float32]:
        """(T, H, W) float32 in [0, 1]: what speaks for the target (ReLU, as in Grad-CAM), normalised over the clip."""
        return np.asarray(np.maximum(self.values, 0) / (self.scale or 1.0), np.float32)
