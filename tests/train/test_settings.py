from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from facefatigue.errors import ConfigurationError
from facefatigue.train import TrainSettings
from facefatigue.train.presets import make_settings, to_toml

if TYPE_CHECKING:
    from pathlib import Path


STEPS = {"schedule": "steps", "warmup_epochs": 0.0}


def test_rate_falls_at_one_third_and_two_thirds() -> None:
    settings = TrainSettings(epochs=12, learning_rate=1e-3, **STEPS)
    rates = [settings.rate(epoch) for epoch in range(12)]
    assert rates == pytest.approx([1e-3] * 4 + [2e-4] * 4 + [4e-5] * 4)
    assert TrainSettings(epochs=1, learning_rate=1e-3, **STEPS).rate(0) == 1e-3
    assert [TrainSettings(epochs=10, learning_rate=1.0, **STEPS).rate(epoch) for epoch in (3, 4, 6, 7)] == pytest.approx(
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


def test_cosine_and_warm_up() -> None:
    settings = TrainSettings(epochs=10, learning_rate=1.0, schedule="cosine", warmup_epochs=2.0)
    assert [settings.rate(epoch, part=part) for epoch, part in ((0, 0), (0, 1), (4, 1), (9, 1))] == pytest.approx(
        [0, 0.5 * (1 + math.cos(math.pi / 10)) / 2, 0.5, 0], abs=1e-12
    )


def test_settings_that_contradict_each_other() -> None:
    for given in (
        {"classes": 1, "label_smoothing": 0.1},
        {"class_loss": "ordinal", "bootstrap": 0.5},
        {"warmup_epochs": 20.0},
    ):
        with pytest.raises(ConfigurationError, match="invalid training settings"):
            TrainSettings(**given)


def test_the_paper_preset_is_the_paper() -> None:
    paper = make_settings(preset="paper")
    assert (paper.learning_rate, paper.epochs, paper.batch_size, paper.weight_decay) == (1e-5, 500, 16, 1e-4)
    assert (paper.loss_alpha, paper.dropout, paper.classes, paper.seed, paper.patience) == (0.1, 0.6, 10, 4603, 20)
    assert (paper.depth, paper.first_channel, paper.non_local_position, paper.size_px, paper.frames) == (18, 64, 3, 224, 32)
    assert (paper.keep_best, paper.optimiser, paper.augmentation, paper.schedule) == (
        "loss_and_mse",
        "adam",
        "published",
        "steps",
    )
    assert [paper.rate(epoch) for epoch in (0, 166, 167, 333, 334, 499)] == pytest.approx(
        [1e-5, 1e-5, 2e-6, 2e-6, 4e-7, 4e-7]
    )


def test_a_file_flags_and_assignments_in_this_order(tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text('preset = "paper"\nepochs = 3\nlearning_rate = 1\nauxiliary = ["closure"]\nclip_norm = ""\n')
    settings = make_settings(config=config, overrides={"epochs": 4, "seed": None}, assignments=["dropout=0.1", "name=x"])
    assert (settings.epochs, settings.learning_rate, settings.dropout, settings.name) == (4, 1.0, 0.1, "x")
    assert (settings.auxiliary, settings.clip_norm, settings.first_channel, settings.seed) == (("closure",), None, 64, 4603)
    again = tmp_path / "again.toml"
    again.write_text(to_toml(settings, comments={"what": "a test"}))
    assert make_settings(config=again) == settings


def test_assignments_are_words_numbers_and_lists() -> None:
    settings = make_settings(assignments=["class_loss=ordinal", "auxiliary=['a','b']", "compile=true", "threads=2", "init="])
    assert (settings.class_loss, settings.auxiliary, settings.compile, settings.threads) == ("ordinal", ("a", "b"), True, 2)
    assert make_settings(assignments=["auxiliary=closure", "bootstrap=0.5"]).auxiliary == ("closure",)


@pytest.mark.parametrize(
    ("assignments", "words"),
    [
        (["epochs"], "write key=value"),
        (["epoch=3"], "there is no setting epoch"),
        (["epochs=many"], "epochs is 'many'"),
        (["preset=other"], "there is no setting preset"),
    ],
)
def test_wrong_assignments(assignments: list[str], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        make_settings(assignments=assignments)


def test_files_that_are_no_settings(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        make_settings(config=tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("epochs = = 3")
    with pytest.raises(ConfigurationError, match="is not TOML"):
        make_settings(config=tmp_path / "bad.toml")
    with pytest.raises(ConfigurationError, match="no preset 'best'"):
        make_settings(preset="best")
