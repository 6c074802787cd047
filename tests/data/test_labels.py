from __future__ import annotations

import pytest

from facefatigue.data import labels
from facefatigue.errors import ConfigurationError


def test_ratings_are_averaged_and_scaled_as_published() -> None:
    assert labels.score_from_ratings([1, 1, 1]) == 0
    assert labels.score_from_ratings([5]) == 1
    assert labels.score_from_ratings([2, 2.5, 4.5]) == pytest.approx((3 - 1) / 4)
    for wrong in ([], [0.5], [5.5], [2.25], [3, float("nan")]):
        with pytest.raises(ConfigurationError, match="steps of 0.5"):
            labels.score_from_ratings(wrong)


def test_kss_and_classes_lie_evenly() -> None:
    assert [labels.score_from_kss(kss) for kss in (1, 5, 9)] == [0, 0.5, 1]
    assert [labels.score_from_class(name) for name in ("alert", "Low_Vigilance", "drowsy", "FATIGUE")] == [0, 0.5, 1, 1]
    for wrong in (0, 10):
        with pytest.raises(ConfigurationError, match="from 1 to 9"):
            labels.score_from_kss(wrong)
    with pytest.raises(ConfigurationError, match="the class is 'bored'"):
        labels.score_from_class("bored")
