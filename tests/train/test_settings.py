from __future__ import annotations

import pytest

from facefatigue.errors import ConfigurationError
from facefatigue.train import TrainSettings


def test_rate_falls_at_one_third_and_two_thirds() -> None:
    settings = TrainSettings(epochs=12, learning_rate=1e-3)
    rates = [settings.rate(epoch) for epoch in range(12)]
    assert rates == pytest.approx([1e-3] * 4 + [2e-4] * 4 + [4e-5] * 4)
    assert TrainSettings(epochs=1, learning_rate=1e-3).rate(0) == 1e-3
    assert [TrainSettings(epochs=10, learning_rate=1.0).rate(epoch) for epoch in (3, 4, 6, 7)] == pytest.approx(
        [1, 0.2, 0.2, 0.04]
    )


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        TrainSettings(epochs=0, learning_rate=float("nan"), batch_size=1, dropout=1.5, first_channel=17, name="a/b")
    for name in ("epochs", "learning_rate", "batch_size", "dropout", "first_channel", "name"):
        assert f"{name} is" in str(caught.value)


def test_one_class_is_the_sigmoid_head() -> None:
    assert TrainSettings(classes=1).model_config({}).head == "sigmoid"
    assert TrainSettings(classes=10).model_config({}).head == "classes"


def test_names_and_threads_do_not_decide_the_weights() -> None:
    assert TrainSettings(name="a", threads=1).decisive() == TrainSettings(name="b", licence="MIT").decisive()
    assert TrainSettings(seed=1).decisive() != TrainSettings(seed=2).decisive()
