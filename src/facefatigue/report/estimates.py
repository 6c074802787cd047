"""The two estimates of a face and their joint score, as rows on one axis from 0 to 1 and as one line for the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Part = Literal["network", "blinks", "together"]


@dataclass(frozen=True, kw_only=True)
class EstimateRow:
    """One estimate on the axis.

    Attributes:
        part: Which.
        name: For people.
        score: 0 to 1; None where there is none.
        low, high: The 95 % interval with the method's own error in it.
        note: What it was compared with, or why there is none.
    """

    part: Part
    name: str
    score: float | None
    low: float | None
    high: float | None
    note: str

    @property
    def text(self) -> str:
        """The numbers, e.g. ``0.31 (0.05 – 0.57)``."""
        if self.score is None or self.low is None or self.high is None:
            return "–"
        return f"{self.score:.2f} ({self.low:.2f} – {self.high:.2f})"


def estimate_rows(fusion: Mapping[str, Any]) -> list[EstimateRow]:
    """The network, the blinks and both together, always three rows.

    Args:
        fusion: As the report holds it.
    """
    left_out = fusion.get("left_out") or {}
    network, signs = fusion.get("network"), fusion.get("signs")
    score, interval = fusion.get("score"), fusion.get("score_interval")
    alone = (network is None) != (signs is None)
    together = "abstains" if score is None else "one estimate alone" if alone else str(fusion["agreement"]["words"])
    return [
        _row("network", "network", network, "mean of its windows, with the model's own error", left_out.get("network")),
        _row("blinks", "blinks", signs, "compared with people at large", left_out.get("signs")),
        EstimateRow(
            part="together",
            name="together",
            score=score,
            low=None if interval is None else interval[0],
            high=None if interval is None else interval[1],
            note=together,
        ),
    ]


def fusion_line(fusion: Mapping[str, Any]) -> str:
    """Both estimates and what they come to, in one line.

    Returns:
        For example ``fatigue: network 0.14 (0.00 – 0.61), blinks 0.45 (0.10 – 0.80; compared with people at large); together
        0.25 (0.00 – 0.62): they agree``.
    """
    parts = []
    for row in estimate_rows(fusion)[:2]:
        if row.score is not None:
            text = row.text if row.part == "network" else f"{row.text[:-1]}; {row.note})"
            parts.append(f"{row.name} {text}")
    together = estimate_rows(fusion)[2]
    joint = "no joint score" if together.score is None else f"together {together.text}"
    if len(parts) == 1:
        return f"fatigue: {parts[0]}; {fusion['words']}"
    return f"fatigue: {'; '.join([', '.join(parts), joint] if parts else [joint])}: {fusion['words']}"


def _row(part: Part, name: str, estimate: Mapping[str, Any] | None, about: str, reason: object) -> EstimateRow:
    if estimate is None:
        return EstimateRow(part=part, name=name, score=None, low=None, high=None, note=str(reason or "not measured"))
    low, high = estimate["interval_with_own_error"]
    if estimate.get("reference") == "own":
        about = "compared with this person's own alert blinks"
    return EstimateRow(part=part, name=name, score=estimate["score"], low=low, high=high, note=about)
