from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from facefatigue.errors import ConfigurationError
from facefatigue.evaluate import Predictions, by_group, by_subject, estimates, figures

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_group_is_measured_as_if_it_were_alone(predictions: Predictions) -> None:
    bright, dark = by_group(predictions, "light", draws=50, seed=3)
    assert (bright.value, dark.value) == ("bright", "dark")
    alone = predictions.select(predictions.groups["light"] == "dark")
    assert dark.items == len(alone)
    assert dark.subjects == 6
    assert dark.prevalence == pytest.approx(alone.is_fatigue.mean())
    assert dark.figures == estimates(alone, draws=50, seed=3)
    assert dark.to_dict()["figures"]["mae"]["low"] is not None


def test_folds_are_a_group(predictions: Predictions) -> None:
    assert [part.value for part in by_group(predictions, "fold", draws=5)] == ["0", "1", "2"]


def test_a_group_of_one_person_has_no_interval(make_predictions: Callable[..., Predictions]) -> None:
    two = make_predictions(20, 2)
    for part in by_group(two, "light", draws=5):
        assert part.figures["mae"].value is not None
        assert part.figures["mae"].low is None


def test_each_person_is_measured(predictions: Predictions) -> None:
    people = by_subject(predictions)
    assert [part.value for part in people] == list(predictions.subjects)
    assert sum(part.items for part in people) == len(predictions)
    alone = figures(predictions.select(predictions.subject == "s03"))
    assert {key: estimate.value for key, estimate in people[3].figures.items()} == alone


def test_an_unknown_group_is_refused(predictions: Predictions) -> None:
    with pytest.raises(ConfigurationError, match="no group 'glasses'; there is light"):
        by_group(predictions, "glasses")
    with pytest.raises(ConfigurationError, match="there is none at all"):
        by_group(dataclasses.replace(predictions, groups={}, fold=None), "fold")
