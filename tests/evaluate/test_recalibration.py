from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.isotonic import IsotonicRegression

from facefatigue.errors import ConfigurationError
from facefatigue.evaluate import (
    IsotonicCalibration,
    Predictions,
    TemperatureCalibration,
    by_video,
    calibration_from_dict,
    expected_calibration_error,
    fit_isotonic,
    fit_temperature,
)
from facefatigue.evaluate.recalibration import best_temperature, isotonic_curve
from facefatigue.model.logits import fatigue_probability

if TYPE_CHECKING:
    from collections.abc import Callable


def loss(logits: np.ndarray, truth: np.ndarray, temperature: float) -> float:
    probability = fatigue_probability(logits / temperature).astype(float)
    return float(-np.mean(np.log(np.clip(np.where(truth, probability, 1 - probability), 1e-9, 1))))


@pytest.mark.parametrize("classes", [1, 2, 5, 10])
def test_the_temperature_is_the_most_likely_one(classes: int) -> None:
    random = np.random.default_rng(classes)
    logits = random.normal(0, 2, (400, classes))
    truth = random.random(400) < fatigue_probability(logits / 2.5)
    found = best_temperature(logits, truth)
    wanted = minimize_scalar(lambda log_t: loss(logits, truth, np.exp(log_t)), bounds=(-3, 3), method="bounded").x
    assert found == pytest.approx(np.exp(wanted), rel=0.01)
    assert found == pytest.approx(2.5, rel=0.35)


def test_separable_and_hopeless_data_stay_within_bounds() -> None:
    logits = np.array([[5.0, -5.0], [-5.0, 5.0], [1000.0, -1000.0]])
    truth = np.array([False, True, False])
    assert best_temperature(logits, truth) == pytest.approx(0.05)
    assert best_temperature(logits, ~truth) == pytest.approx(20)


def test_a_temperature_lowers_the_error_on_other_people(make_predictions: Callable[..., Predictions]) -> None:
    validation, test = make_predictions(400, 20, seed=1, prefix="v"), make_predictions(400, 20, seed=2, prefix="t")
    calibration = fit_temperature(validation, fitted_on="validation")
    after = calibration.apply(test)
    assert calibration.temperature > 1
    assert calibration.subjects == validation.subjects
    assert expected_calibration_error(after.fatigue_probability, test.is_fatigue) < expected_calibration_error(
        test.fatigue_probability, test.is_fatigue
    )
    assert np.array_equal(after.score, test.score)
    assert np.array_equal(after.called_fatigue, after.fatigue_probability > 0.5)


@pytest.mark.parametrize("levels", [7, 10**9])
def test_isotonic_regression_equals_that_of_sklearn(levels: int) -> None:
    random = np.random.default_rng(levels % 97)
    probability = random.integers(0, levels, 300) / levels
    truth = random.random(300) < probability**2
    x, y = isotonic_curve(probability, truth)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(probability, truth)
    new = np.linspace(0, 1, 101)
    assert np.interp(new, x, y) == pytest.approx(theirs.predict(new))
    assert np.interp(probability, x, y) == pytest.approx(theirs.predict(probability))
    assert np.all(np.diff(y) >= 0)


def test_isotonic_by_hand() -> None:
    x, y = isotonic_curve(np.array([0.1, 0.2, 0.3, 0.4]), np.array([False, True, False, True]))
    assert x.tolist() == [0.1, 0.2, 0.3, 0.4]
    assert y.tolist() == [0, 0.5, 0.5, 1]


def test_it_is_not_applied_to_people_it_was_fitted_on(make_predictions: Callable[..., Predictions]) -> None:
    validation = make_predictions(prefix="v")
    for calibration in (fit_temperature(validation, fitted_on="val 3"), fit_isotonic(validation, fitted_on="val 3")):
        with pytest.raises(ConfigurationError, match="fitted on val 3, which shows subject 'v03'; it cannot be applied"):
            calibration.apply(validation.select(validation.subject == "v03"))
        with pytest.raises(ConfigurationError, match="'v00', 'v01', 'v02' and 9 more"):
            calibration.apply(validation)


def test_calibrations_go_through_json(make_predictions: Callable[..., Predictions]) -> None:
    validation, test = make_predictions(prefix="v"), make_predictions(prefix="t")
    for calibration in (fit_temperature(validation, fitted_on="a"), fit_isotonic(validation, fitted_on="a")):
        again = calibration_from_dict(json.loads(json.dumps(calibration.to_dict())))
        assert again == calibration
        assert np.array_equal(again.apply(test).fatigue_probability, calibration.apply(test).fatigue_probability)
        assert "fitted on a (12 subjects)" in again.description


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"method": "magic"},
        {"method": ["temperature"]},
        {"method": "temperature", "temperature": 0, "fitted_on": "a", "subjects": []},
        {"method": "temperature", "temperature": "x", "fitted_on": "a", "subjects": []},
        {"method": "temperature", "temperature": 1.0, "fitted_on": " ", "subjects": []},
        {"method": "isotonic", "probability": [0.2, 0.1], "calibrated": [0, 1], "fitted_on": "a", "subjects": []},
        {"method": "isotonic", "probability": [0.1, 0.2], "calibrated": [1, 0], "fitted_on": "a", "subjects": []},
        {"method": "isotonic", "probability": [], "calibrated": [], "fitted_on": "a", "subjects": []},
        {"method": "isotonic", "probability": [0.1, 0.2], "calibrated": [0], "fitted_on": "a", "subjects": []},
    ],
)
def test_what_is_no_calibration_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        calibration_from_dict(values)


def test_what_cannot_be_fitted_is_refused(predictions: Predictions) -> None:
    with pytest.raises(ConfigurationError, match="have none"):
        fit_temperature(by_video(predictions), fitted_on="a")
    for fit in (fit_temperature, fit_isotonic):
        with pytest.raises(ConfigurationError, match="only one of the two"):
            fit(predictions.select(predictions.is_fatigue), fitted_on="a")
        with pytest.raises(ConfigurationError, match="must say what it was fitted on"):
            fit(predictions, fitted_on="")
    with pytest.raises(ConfigurationError, match="calibrate clips before their videos"):
        TemperatureCalibration(temperature=2, fitted_on="a", subjects=()).apply(
            dataclasses.replace(predictions, logits=None)
        )


def test_outside_of_what_was_seen_the_curve_is_constant(predictions: Predictions) -> None:
    calibration = IsotonicCalibration(probability=(0.4, 0.6), calibrated=(0.3, 0.9), fitted_on="a", subjects=("x",))
    two = dataclasses.replace(predictions, fatigue_probability=np.linspace(0, 1, len(predictions)))
    after = calibration.apply(two).fatigue_probability
    assert (after[0], after[-1]) == (0.3, 0.9)
    assert np.interp(0.5, two.fatigue_probability, after) == pytest.approx(0.6)
