"""What came of an explanation, in figures and words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from facefatigue.explain.regions import REGIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from facefatigue.estimate.report import Label
    from facefatigue.explain.sheet import ExplainedWindow
    from facefatigue.explain.target import Target

SCHEMA = "facefatigue.explanation/1"


@dataclass(frozen=True, kw_only=True)
class MethodSummary:
    """One attribution of one window in figures.

    Attributes:
        method: How it was made.
        scale: Its largest value, in the unit of the target for a pixel of a frame.
        shares: By region, of what speaks for the target; they sum to 1, or to 0 where nothing does.
        area: By region, share of the pixels.
        beside_the_face: Whether the background has at least the share that it would have by its area.
        background_leads: Whether it has a larger share than any region of the face.
        parts: By path through the network, share of the absolute values; empty where there is one path.
        facts: As of :class:`facefatigue.explain.Attribution`.
    """

    method: str
    scale: float
    shares: Mapping[str, float]
    area: Mapping[str, float]
    beside_the_face: bool
    background_leads: bool
    parts: Mapping[str, float]
    facts: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class WindowSummary:
    """One explained window in figures; ``text`` is its sentence."""

    start_s: float
    end_s: float
    score: float
    fatigue_probability: float
    label: Label
    target: Target
    text: str
    landmarks_read: float
    methods: tuple[MethodSummary, ...]

    @classmethod
    def of(cls, window: ExplainedWindow) -> WindowSummary:
        """The figures of a window."""
        found = window.explanation
        methods = []
        for attribution, shares in zip(found.attributions, found.shares, strict=True):
            methods.append(
                MethodSummary(
                    method=attribution.method,
                    scale=attribution.scale,
                    shares=dict(zip(REGIONS, shares.share.tolist(), strict=True)),
                    area=dict(zip(REGIONS, shares.area.tolist(), strict=True)),
                    beside_the_face=shares.beside_the_face,
                    background_leads=shares.background_leads,
                    parts=dict(attribution.parts),
                    facts=dict(attribution.facts),
                )
            )
        return cls(
            start_s=window.start_s,
            end_s=window.end_s,
            score=found.score,
            fatigue_probability=found.fatigue_probability,
            label=found.label,
            target=found.target,
            text=window.verdict,
            landmarks_read=float(found.was_read.mean()),
            methods=tuple(methods),
        )


@dataclass(frozen=True, kw_only=True)
class VideoExplanation:
    """What came of a video.

    Attributes:
        source: The source as the user gave it.
        model: Name of the model.
        windows: The explained windows; empty where no face could be scored.
        why_nothing: In that case a sentence that says why.
        files: What was written.
        warnings: Plain sentences about what the reader should know.
    """

    source: str
    model: str
    windows: tuple[WindowSummary, ...]
    files: tuple[Path, ...]
    warnings: tuple[str, ...]
    why_nothing: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Windows and warnings as plain dicts, lists, strings and numbers (``facefatigue.explanation/1``)."""
        fields = asdict(self)
        del fields["files"], fields["why_nothing"]
        return {"schema": SCHEMA, **fields}


def warnings_of(summaries: Sequence[WindowSummary]) -> list[str]:
    """What the reader should know of where the attribution lies, and of what was taken for the face's regions."""
    warnings = []
    first = [summary.methods[0] for summary in summaries if summary.methods[0].method != "attention"]
    beside = sum(method.beside_the_face for method in first)
    leads = sum(method.background_leads and not method.beside_the_face for method in first)
    if leads:
        warnings.append(
            f"{_counted(leads, summaries)} the background has a larger share than any region of the face, though a smaller "
            "one than if the attribution were the same everywhere: a good part of what the model goes by is not on the face."
        )
    if beside:
        warnings.append(
            f"{_counted(beside, summaries)} the attribution is no more on the face than if it were the same everywhere: "
            "the model looks beside the face, or the method cannot tell where it looks."
        )
    unread = sum(summary.landmarks_read == 0 for summary in summaries)
    if unread:
        warnings.append(f"{_counted(unread, summaries)} no landmarks were found; its regions are those of an average face.")
    return warnings


def _counted(count: int, summaries: Sequence[WindowSummary]) -> str:
    """The beginning of a sentence about some of the windows."""
    return "In this window" if len(summaries) == 1 else f"In {count} of {len(summaries)} windows"
