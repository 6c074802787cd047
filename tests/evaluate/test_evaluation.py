from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

import facefatigue.evaluate
from facefatigue.errors import ConfigurationError
from facefatigue.evaluate import (
    MEASURES,
    NO_SPLIT,
    Predictions,
    Provenance,
    by_video,
    estimates,
    evaluate_predictions,
    fit_isotonic,
    fit_temperature,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def test_everything_is_in_the_result(
    make_predictions: Callable[..., Predictions], predictions: Predictions, provenance: Provenance
) -> None:
    calibration = fit_temperature(make_predictions(prefix="v", seed=7), fitted_on="fold 2, validation")
    evaluation = evaluate_predictions(
        predictions, provenance=provenance, by=("light", "fold"), calibration=calibration, draws=100, seed=5
    )
    values = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
    assert values["schema"] == "facefatigue.evaluation/1"
    assert values["provenance"]["split"] == "5 folds by subject, fold 2, part test"
    assert values["provenance"]["model"]["sha256"] == "5f" * 32
    assert (values["items"], values["subjects"], values["bootstrap"]["draws"]) == (120, 12, 100)
    assert list(values["figures"]) == [one.key for one in MEASURES]
    assert values["figures"]["auc"] == estimates(predictions, draws=100, seed=5)["auc"].to_dict()
    assert sum(values["confusion"].values()) == 120
    assert [one["value"] for one in values["groups"]["light"]] == ["bright", "dark"]
    assert len(values["groups"]["fold"]) == 3
    assert len(values["per_subject"]) == 12
    assert isinstance(values["per_subject"][0]["figures"]["mae"], float)
    assert len(values["roc"]["band"]["low"]) == 101
    assert (values["roc"]["false_positive_rate"][0], values["roc"]["true_positive_rate"][-1]) == (0, 1)
    assert values["precision_recall"]["recall"][-1] == 1
    assert sum(one["items"] for one in values["reliability"]) == 120
    assert values["calibrated"]["method"]["fitted_on"] == "fold 2, validation"
    assert values["calibrated"]["figures"]["ece"]["value"] < values["figures"]["ece"]["value"]
    assert values["drowsiness"]["participants"] > 5
    assert "not a medical or safety device" in values["disclaimer"]
    assert any("All other figures are of the uncalibrated predictions." in note for note in values["notes"])


def test_equal_seeds_give_equal_results(predictions: Predictions, provenance: Provenance) -> None:
    one, other = (evaluate_predictions(predictions, provenance=provenance, by=("light",), draws=50) for _ in range(2))
    assert json.dumps(one.to_dict()) == json.dumps(other.to_dict())


def test_videos_are_evaluated_like_clips(predictions: Predictions, make_provenance: Callable[..., Provenance]) -> None:
    videos = by_video(predictions)
    evaluation = evaluate_predictions(videos, provenance=make_provenance(unit="videos"), by=("light",), draws=20)
    assert evaluation.items == len(videos) < 120


def test_one_class_gives_nulls_and_a_reason(predictions: Predictions, provenance: Provenance) -> None:
    tired = predictions.select(predictions.is_fatigue)
    evaluation = evaluate_predictions(tired, provenance=provenance, draws=20)
    values = evaluation.to_dict()
    json.dumps(values, allow_nan=False)
    assert values["figures"]["auc"] == {"value": None, "low": None, "high": None}
    assert values["figures"]["recall_fatigue"]["value"] is not None
    assert (values["roc"], values["precision_recall"]) == (None, None)
    note = next(note for note in evaluation.notes if note.startswith("No item is alert in truth"))
    for named in ("Area under the ROC curve", "Balanced accuracy", "Recall (alert)", "Matthews correlation"):
        assert named in note
    undefined = {one.name for one in MEASURES if evaluation.figures[one.key].value is None}
    assert all(any(name in note for note in evaluation.notes) for name in undefined)


def test_one_subject_gives_no_intervals_and_a_reason(
    make_predictions: Callable[..., Predictions], provenance: Provenance
) -> None:
    evaluation = evaluate_predictions(make_predictions(20, 1), provenance=provenance, draws=20)
    assert all(estimate.low is None for estimate in evaluation.figures.values())
    assert evaluation.roc_band is None
    assert (
        "There is one subject, so there are no intervals: they are over subjects, and need at least two." in evaluation.notes
    )


def test_constant_predictions_give_a_reason(predictions: Predictions, provenance: Provenance) -> None:
    same = np.full(len(predictions), 0.2)
    constant = dataclasses.replace(
        predictions, score=same, fatigue_probability=same, called_fatigue=np.zeros(len(predictions), bool), logits=None
    )
    evaluation = evaluate_predictions(constant, provenance=provenance, draws=20)
    assert evaluation.figures["auc"].value == 0.5
    assert evaluation.figures["pearson"].value is None
    assert any(
        note.startswith("Predicted or true scores are constant, so these are undefined: Pearson")
        for note in evaluation.notes
    )
    assert any(note.startswith("No item was called fatigue, so these are undefined: Matthews") for note in evaluation.notes)


def test_one_item_does_not_crash(make_predictions: Callable[..., Predictions], provenance: Provenance) -> None:
    evaluation = evaluate_predictions(make_predictions(1, 1), provenance=provenance, by=("light", "fold"), draws=5)
    json.dumps(evaluation.to_dict(), allow_nan=False)


def test_few_subjects_and_lone_groups_are_noted(
    make_predictions: Callable[..., Predictions], provenance: Provenance
) -> None:
    evaluation = evaluate_predictions(make_predictions(30, 3), provenance=provenance, by=("light",), draws=20)
    assert "There are 3 subjects; intervals over so few are too narrow." in evaluation.notes
    assert "One subject alone, so no interval: light = dark." in evaluation.notes


def test_a_calibration_of_the_same_people_is_refused(predictions: Predictions, provenance: Provenance) -> None:
    calibration = fit_isotonic(predictions, fitted_on="test")
    with pytest.raises(ConfigurationError, match="subject 's00'"):
        evaluate_predictions(predictions, provenance=provenance, calibration=calibration, draws=5)


def test_nothing_is_measured_without_saying_how(make_provenance: Callable[..., Provenance]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make_provenance(split=" ", label_source="", unit="frames")
    for part in ("split is empty", "label_source is empty", "unit is 'frames', not one of clips, videos"):
        assert part in str(caught.value)
    assert make_provenance(split=NO_SPLIT).split == "no split file: the whole list"
    facts = dict(make_provenance(synthetic=False, command="").facts)
    assert facts["Faces"] == "recorded"
    assert "Command" not in facts


def test_the_public_names_are_these() -> None:
    for name in facefatigue.evaluate.__all__:
        assert hasattr(facefatigue.evaluate, name)
    assert sorted(facefatigue.evaluate.__all__, key=lambda name: (name.upper() != name, name[0].islower(), name)) == (
        facefatigue.evaluate.__all__
    )


def test_importing_loads_nothing_slow() -> None:
    code = "import sys, facefatigue.evaluate; print([m for m in ('scipy', 'matplotlib', 'jinja2', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
