"""Making a probability mean what it says: fitted on validation people, applied to test people, never to the same."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from facefatigue.data.labels import BORDER
from facefatigue.errors import ConfigurationError
from facefatigue.model.logits import fatigue_probability

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from facefatigue.evaluate.predictions import Predictions

TEMPERATURES = (0.05, 20.0)
_GRID = 121
_TOLERANCE = 1e-7  # of the logarithm of the temperature
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, kw_only=True)
class TemperatureCalibration:
    """Logits are divided by a temperature ("On calibration of modern neural networks", Guo et al., ICML 2017).

    Attributes:
        temperature: Above 1 makes the model less sure, below 1 surer; in [0.05, 20].
        fitted_on: Which predictions it was fitted on: a name or a fingerprint.
        subjects: Who was seen in them.
    """

    temperature: float
    fitted_on: str
    subjects: tuple[str, ...]

    @property
    def description(self) -> str:
        """What was done, in a few words."""
        return f"temperature {self.temperature:.3g}, fitted on {self.fitted_on} ({len(self.subjects)} subjects)"

    def apply(self, predictions: Predictions) -> Predictions:
        """The predictions of other people with calibrated probabilities; scores and logits stay.

        The class follows the new probability (above 0.5), so clips are calibrated before they are put together to videos.

        Raises:
            ConfigurationError: There are no logits, or a subject was seen in fitting.
        """
        _check_subjects(self.subjects, self.fitted_on, predictions)
        if predictions.logits is None:
            raise ConfigurationError(
                "a temperature is applied to logits, and these predictions have none; calibrate clips before their videos"
            )
        return _with_probability(predictions, fatigue_probability(predictions.logits / self.temperature))

    def to_dict(self) -> dict[str, Any]:
        """For JSON; :func:`calibration_from_dict` reads it."""
        return {
            "method": "temperature",
            "temperature": self.temperature,
            "fitted_on": self.fitted_on,
            "subjects": list(self.subjects),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TemperatureCalibration:
        """From :meth:`to_dict`.

        Raises:
            ConfigurationError: A value is missing or of the wrong kind.
        """
        try:
            made = cls(temperature=float(values["temperature"]), **_origin(values))
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"this is no temperature calibration: {error!r}") from error
        if not 0 < made.temperature < float("inf"):
            raise ConfigurationError(f"the temperature is {made.temperature!r}, not a number above 0")
        return made


@dataclass(frozen=True, kw_only=True)
class IsotonicCalibration:
    """Probabilities are mapped by a rising, piecewise linear curve.

    ("Transforming classifier scores into accurate multiclass probability estimates", Zadrozny and Elkan, KDD 2002.)

    Attributes:
        probability: Ascending probabilities at which the curve is known; outside of them it is constant.
        calibrated: The calibrated probability at each, not falling.
        fitted_on: Which predictions it was fitted on: a name or a fingerprint.
        subjects: Who was seen in them.
    """

    probability: tuple[float, ...]
    calibrated: tuple[float, ...]
    fitted_on: str
    subjects: tuple[str, ...]

    @property
    def description(self) -> str:
        """What was done, in a few words."""
        return f"isotonic regression, fitted on {self.fitted_on} ({len(self.subjects)} subjects)"

    def apply(self, predictions: Predictions) -> Predictions:
        """The predictions of other people with calibrated probabilities; scores and logits stay.

        The class follows the new probability (above 0.5), so clips are calibrated before they are put together to videos.

        Raises:
            ConfigurationError: A subject was seen in fitting.
        """
        _check_subjects(self.subjects, self.fitted_on, predictions)
        return _with_probability(predictions, np.interp(predictions.fatigue_probability, self.probability, self.calibrated))

    def to_dict(self) -> dict[str, Any]:
        """For JSON; :func:`calibration_from_dict` reads it."""
        return {
            "method": "isotonic",
            "probability": list(self.probability),
            "calibrated": list(self.calibrated),
            "fitted_on": self.fitted_on,
            "subjects": list(self.subjects),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> IsotonicCalibration:
        """From :meth:`to_dict`.

        Raises:
            ConfigurationError: A value is missing or of the wrong kind.
        """
        try:
            probability = tuple(float(value) for value in values["probability"])
            calibrated = tuple(float(value) for value in values["calibrated"])
            made = cls(probability=probability, calibrated=calibrated, **_origin(values))
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"this is no isotonic calibration: {error!r}") from error
        x, y = np.array(probability), np.array(calibrated)
        rising = len(x) == len(y) > 0 and bool(np.all(np.diff(x) > 0) and np.all(np.diff(y) >= 0))
        if not rising or not np.all((x >= 0) & (x <= 1)) or not np.all((y >= 0) & (y <= 1)):
            raise ConfigurationError("an isotonic calibration must rise, and be within [0, 1]")
        return made


Calibration = TemperatureCalibration | IsotonicCalibration


def calibration_from_dict(values: Mapping[str, Any]) -> Calibration:
    """The calibration that ``to_dict`` of either kind describes.

    Raises:
        ConfigurationError: It describes none.
    """
    kinds: dict[str, type[Calibration]] = {"temperature": TemperatureCalibration, "isotonic": IsotonicCalibration}
    method = values.get("method")
    if not isinstance(method, str) or method not in kinds:
        raise ConfigurationError(f"the calibration method is {method!r}, not one of {', '.join(kinds)}")
    return kinds[method].from_dict(values)


def fit_temperature(validation: Predictions, *, fitted_on: str) -> TemperatureCalibration:
    """Fit a temperature to validation predictions.

    Args:
        validation: With logits, and of people who are not in the test.
        fitted_on: Their name or fingerprint, to be kept with the result.

    Raises:
        ConfigurationError: There are no logits, or only one class.
    """
    if validation.logits is None:
        raise ConfigurationError("a temperature is fitted to logits, and the validation predictions have none")
    temperature = best_temperature(validation.logits, validation.is_fatigue)
    return TemperatureCalibration(temperature=temperature, fitted_on=_named(fitted_on), subjects=validation.subjects)


def fit_isotonic(validation: Predictions, *, fitted_on: str) -> IsotonicCalibration:
    """Fit an isotonic curve to validation predictions.

    Args:
        validation: Of people who are not in the test.
        fitted_on: Their name or fingerprint, to be kept with the result.

    Raises:
        ConfigurationError: There is only one class.
    """
    x, y = isotonic_curve(validation.fatigue_probability, validation.is_fatigue)
    return IsotonicCalibration(
        probability=tuple(x.tolist()),
        calibrated=tuple(y.tolist()),
        fitted_on=_named(fitted_on),
        subjects=validation.subjects,
    )


def best_temperature(logits: NDArray[np.floating], is_fatigue: NDArray[np.bool_]) -> float:
    """The temperature in [0.05, 20] that gives the truth the highest likelihood.

    A grid of its logarithm, then golden section around the best: with more than two classes the likelihood of fatigue may
    have several maxima. Data that the logits separate without an error would be best at 0; they get 0.05.

    Args:
        logits: (N, C).
        is_fatigue: (N,) bool, both classes.

    Raises:
        ConfigurationError: There is only one class, or a shape is wrong.
    """
    _check_classes(is_fatigue)
    fatigue_probability(logits)  # checks the shape
    z = logits.astype(np.float64)
    grid = np.linspace(math.log(TEMPERATURES[0]), math.log(TEMPERATURES[1]), _GRID)
    losses = [_loss(z, is_fatigue, log_t) for log_t in grid]
    best = int(np.argmin(losses))
    low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, _GRID - 1)])
    while high - low > _TOLERANCE:
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if _loss(z, is_fatigue, left) <= _loss(z, is_fatigue, right):
            high = right
        else:
            low = left
    return float(np.clip(np.exp((low + high) / 2), *TEMPERATURES))


def isotonic_curve(
    probability: NDArray[np.floating], is_fatigue: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Isotonic regression of the truth on the probability by pooling adjacent violators.

    ("An empirical distribution function for sampling with incomplete information", Ayer et al., Annals of Mathematical
    Statistics 1955.) Equal probabilities are one point.

    Args:
        probability: (N,) in [0, 1].
        is_fatigue: (N,) bool, both classes.

    Returns:
        Probabilities, ascending, and calibrated ones at the ends of each flat piece, both float64.

    Raises:
        ConfigurationError: There is only one class.
    """
    _check_classes(is_fatigue)
    points, place, sizes = np.unique(probability.astype(np.float64), return_inverse=True, return_counts=True)
    tired = np.bincount(place, weights=is_fatigue)
    blocks: list[tuple[float, float, int]] = []  # fatigue, items, points
    for fatigue, items in zip(tired.tolist(), sizes.tolist(), strict=True):
        block = (fatigue, float(items), 1)
        while blocks and blocks[-1][0] * block[1] >= block[0] * blocks[-1][1]:
            before = blocks.pop()
            block = (before[0] + block[0], before[1] + block[1], before[2] + block[2])
        blocks.append(block)
    last = np.cumsum([length for _, _, length in blocks]) - 1
    first = np.append(0, last[:-1] + 1)
    height = np.array([fatigue / items for fatigue, items, _ in blocks])
    ends = np.stack([first, last], axis=1).ravel()
    kept = np.append(True, np.diff(ends) > 0)  # a piece of one point has one end
    return points[ends[kept]], np.repeat(height, 2)[kept]


def _loss(logits: NDArray[np.float64], is_fatigue: NDArray[np.bool_], log_temperature: float) -> float:
    """Mean negative log-likelihood of the true class, without overflow; the probability of model/logits.py."""
    z = logits / np.exp(log_temperature)
    classes = z.shape[1]
    if classes == 1:
        return float(np.mean(np.logaddexp(0.0, np.where(is_fatigue, -z[:, 0], z[:, 0]))))
    above = (np.sign(2 * np.arange(classes) + 1 - classes) + 1) / 2
    share = np.where(is_fatigue[:, np.newaxis], above, 1 - above)
    highest = z.max(axis=1, where=share > 0, initial=-np.inf)
    part = highest + np.log(np.sum(share * np.exp(np.minimum(z - highest[:, np.newaxis], 0.0)), axis=1))
    top = z.max(axis=1)
    whole = top + np.log(np.sum(np.exp(z - top[:, np.newaxis]), axis=1))
    return float(np.mean(whole - part))


def _check_classes(is_fatigue: NDArray[np.bool_]) -> None:
    if is_fatigue.all() or not is_fatigue.any():
        raise ConfigurationError("a calibration is fitted to alert and fatigue items; there is only one of the two")


def _check_subjects(subjects: tuple[str, ...], fitted_on: str, predictions: Predictions) -> None:
    shared = sorted(set(subjects) & set(predictions.subjects))
    if shared:
        more = f" and {len(shared) - 3} more" if len(shared) > 3 else ""
        raise ConfigurationError(
            f"the calibration was fitted on {fitted_on}, which shows subject {', '.join(map(repr, shared[:3]))}{more}; "
            "it cannot be applied to predictions of the same people"
        )


def _with_probability(predictions: Predictions, probability: NDArray[np.floating]) -> Predictions:
    calibrated = np.clip(probability.astype(np.float64), 0.0, 1.0)
    return replace(predictions, fatigue_probability=calibrated, called_fatigue=calibrated > BORDER)


def _origin(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"fitted_on": _named(values["fitted_on"]), "subjects": tuple(str(name) for name in values["subjects"])}


def _named(fitted_on: object) -> str:
    if not isinstance(fitted_on, str) or not fitted_on.strip():
        raise ConfigurationError("a calibration must say what it was fitted on: a name or a fingerprint of the predictions")
    return fitted_on
