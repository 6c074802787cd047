"""The same figures for parts of the data: each value of a group, and each person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from facefatigue.errors import ConfigurationError
from facefatigue.evaluate.bootstrap import DRAWS, Estimate, estimates
from facefatigue.evaluate.measures import figures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from facefatigue.evaluate.predictions import Predictions

FOLD = "fold"


@dataclass(frozen=True, kw_only=True)
class GroupFigures:
    """One part of the data.

    Attributes:
        value: The value that its items share: of the group, or the subject's name.
        items, subjects: How many there are.
        prevalence: The share of items that is fatigue, in [0, 1].
        figures: Each figure; with an interval where there are at least two subjects.
    """

    value: str
    items: int
    subjects: int
    prevalence: float
    figures: Mapping[str, Estimate]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "value": self.value,
            "items": self.items,
            "subjects": self.subjects,
            "prevalence": self.prevalence,
            "figures": {key: estimate.to_dict() for key, estimate in self.figures.items()},
        }


def by_group(predictions: Predictions, column: str, *, draws: int = DRAWS, seed: int = 0) -> tuple[GroupFigures, ...]:
    """Figures of each value of a group, in sorted order.

    Args:
        predictions: With that group; ``"fold"`` stands for the fold where no group is called so.
        column: Its name.
        draws: Resamples of the subjects of each part.
        seed: Equal seeds give equal intervals.

    Raises:
        ConfigurationError: There is no such group.
    """
    values = predictions.groups.get(column)
    if values is None and column == FOLD and predictions.fold is not None:
        return tuple(
            _part(predictions.select(predictions.fold == fold), str(fold), draws, seed)
            for fold in np.unique(predictions.fold).tolist()
        )
    if values is None:
        there = ", ".join(sorted(predictions.groups)) or "none at all"
        raise ConfigurationError(f"the predictions have no group {column!r}; there is {there}")
    return tuple(_part(predictions.select(values == value), value, draws, seed) for value in np.unique(values).tolist())


def by_subject(predictions: Predictions) -> tuple[GroupFigures, ...]:
    """Figures of each person, in sorted order, without intervals: one person says nothing about how people differ.

    Args:
        predictions: Of any number of subjects.
    """
    parts = []
    for name in predictions.subjects:
        part = predictions.select(predictions.subject == name)
        parts.append(_described(part, name, {key: Estimate(value=value) for key, value in figures(part).items()}))
    return tuple(parts)


def _part(part: Predictions, value: str, draws: int, seed: int) -> GroupFigures:
    return _described(part, value, estimates(part, draws=draws, seed=seed))


def _described(part: Predictions, value: str, found: Mapping[str, Estimate]) -> GroupFigures:
    return GroupFigures(
        value=value,
        items=len(part),
        subjects=len(part.subjects),
        prevalence=float(part.is_fatigue.mean()),
        figures=found,
    )
