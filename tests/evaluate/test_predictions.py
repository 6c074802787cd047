from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.errors import ConfigurationError
from facefatigue.estimate.aggregate import majority
from facefatigue.evaluate import Predictions, by_video, concatenate

if TYPE_CHECKING:
    from collections.abc import Callable


def few(**changes: object) -> Predictions:
    values: dict[str, object] = {
        "item": ["a", "b", "c", "d"],
        "subject": ["p", "p", "q", "q"],
        "target": [0.5, 0.5, 0.1, 0.1],
        "score": [0.9, 0.2, 0.4, 0.3],
        "fatigue_probability": [0.8, 0.5, 0.4, 0.1],
    }
    return Predictions.of(**{**values, **changes})  # type: ignore[arg-type]


def test_classes_are_split_at_one_half() -> None:
    predictions = few()
    assert predictions.is_fatigue.tolist() == [True, True, False, False]
    assert predictions.called_fatigue.tolist() == [True, False, False, False]  # exactly one half is alert


def test_no_items_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="there is not one item"):
        few(item=[], subject=[], target=[], score=[], fatigue_probability=[])


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        few(
            item=["a", "a", "c", "d"],
            subject=["p", "", "q", "q"],
            target=[0.5, np.nan, 0.1, 0.1],
            score=[0.9, 1.2, -0.1, 0.3],
            fatigue_probability=[0.8, 0.5, 0.4, np.inf],
            kss=[1, 10, np.nan, 9],
            logits=[[0.0], [np.nan], [0.0], [0.0]],
        )
    for part in (
        "item 'a' is there 2 times",
        "the subject of item 'a' is empty",
        "target of item 'a' is nan",
        "score of item 'a' is 1.2, not in [0, 1], and 1 more",
        "fatigue_probability of item 'd' is inf",
        "kss of item 'a' is 10.0, not in [1, 9]",
        "logits are not finite",
    ):
        assert part in str(caught.value)


def test_lengths_must_agree() -> None:
    with pytest.raises(ConfigurationError) as caught:
        few(score=[0.1], groups={"light": ["dark"]}, logits=np.zeros((3, 2)))
    for part in ("score has shape (1,), expected (4,)", "group 'light' has shape (1,)", "logits have shape (3, 2)"):
        assert part in str(caught.value)


def test_the_fingerprint_is_of_the_data_not_of_the_model() -> None:
    assert few().fingerprint == few(score=[0.0] * 4).fingerprint
    assert few().fingerprint == few().select(np.array([2, 0, 3, 1])).fingerprint
    assert few().fingerprint != few(target=[0.5, 0.5, 0.1, 0.2]).fingerprint
    assert len(few().fingerprint) == 64


def test_a_video_is_the_mean_and_the_majority_of_its_clips() -> None:
    predictions = Predictions.of(
        item=list("abcdefg"),
        subject=["p", "q", "p", "p", "q", "r", "r"],
        target=[0.6, 0.2, 0.6, 0.6, 0.2, 0.9, 0.9],
        score=[0.3, 0.1, 0.9, 0.2, 0.2, 0.9, 0.2],
        fatigue_probability=[0.6, 0.1, 0.6, 0.2, 0.3, 0.8, 0.4],
        video=["v2", "v1", "v2", "v2", "v1", "v3", "v3"],
        groups={"light": ["dark", "dark", "dark", "bright", "dark", "bright", "bright"]},
        kss=[8, np.nan, 8, 8, np.nan, 9, 9],
        fold=[1, 2, 1, 1, 2, 1, 1],
    )
    videos = by_video(predictions)
    assert videos.item.tolist() == ["v2", "v1", "v3"]
    assert videos.subject.tolist() == ["p", "q", "r"]
    assert videos.score == pytest.approx([(0.3 + 0.9 + 0.2) / 3, 0.15, 0.55])
    assert videos.fatigue_probability == pytest.approx([1.4 / 3, 0.2, 0.6])
    assert videos.called_fatigue.tolist() == [True, False, True]  # a majority; none; a tie, which the mean of 0.55 decides
    assert videos.groups["light"].tolist() == ["mixed", "dark", "bright"]
    assert videos.fold is not None
    assert videos.fold.tolist() == [1, 2, 1]
    assert videos.kss is not None
    assert np.array_equal(videos.kss, [8, np.nan, 9], equal_nan=True)
    assert videos.logits is None


def test_videos_are_scored_as_reports_score_them(make_predictions: Callable[..., Predictions]) -> None:
    predictions = make_predictions(200, 5)
    videos = by_video(predictions)
    for number, name in enumerate(videos.item.tolist()):
        inside = predictions.video == name
        windows = [SimpleNamespace(label="fatigue" if called else "alert") for called in predictions.called_fatigue[inside]]
        mean = float(predictions.score[inside].mean())
        assert videos.score[number] == pytest.approx(mean)
        assert videos.called_fatigue[number] == (majority(windows, mean) == "fatigue")  # type: ignore[arg-type]


def test_clips_of_a_video_must_agree() -> None:
    with pytest.raises(ConfigurationError) as caught:
        by_video(few(video=["v", "v", "v", "w"], kss=[9, np.nan, 9, 9]))
    for part in ("video 'v' have different subjects ('p', 'q')", "different targets (0.1, 0.5)", "different KSS"):
        assert part in str(caught.value)


def test_without_videos_there_are_none() -> None:
    with pytest.raises(ConfigurationError, match="do not say which video"):
        by_video(few())
    with pytest.raises(ConfigurationError, match="item 'b' belongs to no video"):
        by_video(few(video=["v", "", "w", "w"]))


def test_folds_are_put_together(make_predictions: Callable[..., Predictions]) -> None:
    first, second = make_predictions(10, 2, prefix="a"), make_predictions(20, 4, prefix="b")
    both = concatenate([first, dataclasses.replace(second, kss=None)])
    assert len(both) == 30
    assert both.subjects == (*first.subjects, *second.subjects)
    assert both.logits is not None
    assert both.logits.shape == (30, 10)
    assert both.kss is not None
    assert np.isnan(both.kss).sum() == 20
    assert len(both.groups["light"]) == 30


def test_what_does_not_fit_is_not_put_together(make_predictions: Callable[..., Predictions]) -> None:
    first, second = make_predictions(10, 2, prefix="a"), make_predictions(10, 2, prefix="b")
    with pytest.raises(ConfigurationError, match="item 'a-clip-0' is there 2 times"):
        concatenate([first, first])
    with pytest.raises(ConfigurationError) as caught:
        concatenate([first, dataclasses.replace(second, fold=None, groups={}, logits=np.zeros((10, 2)))])
    for part in ("some parts have fold", "logits have 2 and 10 classes", "the groups have different names"):
        assert part in str(caught.value)
    with pytest.raises(ConfigurationError, match="no predictions"):
        concatenate([])
