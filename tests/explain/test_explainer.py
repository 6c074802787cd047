"""The explainer on a window of the sample, with the shipped model."""

from __future__ import annotations

import numpy as np
import pytest

from facefatigue.clips import clip_from_crops
from facefatigue.engine import open_engine
from facefatigue.errors import ConfigurationError
from facefatigue.explain import Explainer, Listener
from facefatigue.model.artefact import DEFAULT_MODEL, load_artefact


@pytest.fixture(scope="module")
def explainer() -> Explainer:
    return Explainer(methods=["hires-cam", "grad-cam@stage4", "attention"])


def test_it_explains_the_score_that_predict_gives(explainer, sample_crops):
    found = explainer.explain(sample_crops)
    engine = open_engine(load_artefact(DEFAULT_MODEL), engine="torch")
    assert found.score == pytest.approx(float(engine.run(clip_from_crops(sample_crops)[None]).score[0]), abs=1e-5)
    assert found.label == ("fatigue" if found.fatigue_probability > 0.5 else "alert")
    assert [entry.method for entry in found.attributions] == ["hires-cam@read", "grad-cam@stage4", "attention"]
    for entry, shares in zip(found.attributions, found.shares, strict=True):
        assert entry.values.shape == (32, 112, 112)
        assert np.isfinite(entry.values).all()
        assert shares.share.sum() == pytest.approx(1 if entry.scale else 0)
        assert shares.area.sum() == pytest.approx(1)
    assert found.listening.shape == (32, 32)
    assert found.has_target
    assert found.was_read.all()


@pytest.mark.parametrize("question", ["class", "opposite", "score"])
def test_a_class_can_be_asked_for_by_what_the_window_was_called(sample_crops, question):
    found = Explainer(methods=["grad-cam@stage4"], question=question).explain(sample_crops)
    other = {"fatigue": "alert", "alert": "fatigue"}[found.label]
    assert found.target == {"class": found.label, "opposite": other, "score": "score"}[question]
    assert found.listening is None


def test_whose_attention_is_kept_and_has_to_be_in_the_clip_and_among_the_methods(sample_crops):
    listener = Listener(frame=12, x=56.0, y=80.0, place="mouth")
    found = Explainer(methods=["attention"], listener=listener).explain(sample_crops)
    assert found.listener == listener
    assert found.attributions[0].facts["from_frame"] == 12
    with pytest.raises(ConfigurationError, match="the methods do not have attention among them"):
        Explainer(methods=["grad-cam"], listener=listener)
    with pytest.raises(ConfigurationError, match="there is no frame 32"):
        Explainer(listener=Listener(frame=32, x=0, y=0))


def test_other_crops_are_refused(explainer, sample_crops):
    with pytest.raises(ConfigurationError, match=r"a clip of .* is \(32, 112, 112, 3\), but the crops are \(31, 112"):
        explainer.explain(sample_crops[1:])
