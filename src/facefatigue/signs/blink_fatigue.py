"""Alert, low-vigilant or drowsy: what a person's blinks tell when compared with the person's own alert blinks.

The model learned from the blinks of 58 people in three self-reported states (UTA-RLDD: Ghoddoosian, Galib and Athitsos, "A
Realistic Dataset and Baseline Temporal Model for Early Drowsiness Detection", CVPR Workshops 2019). What it was found to be
worth is in weights/blink_fatigue.md and docs/blink-fatigue.md.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from facefatigue.errors import ConfigurationError, ModelError
from facefatigue.signs.blink_statistics import STATISTICS, describe
from facefatigue.signs.norms import usual_blinks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from facefatigue.signs.blinks import Blink

    Floats = NDArray[np.float64]

State = Literal["alert", "low_vigilance", "drowsy"]
Reference = Literal["own", "population"]
Reason = Literal["too_few_blinks", "no_durations"]

STATES: tuple[State, ...] = ("alert", "low_vigilance", "drowsy")
SCORES = (0.0, 0.5, 1.0)  # the labels 0, 5 and 10 of UTA-RLDD over 10
COLUMNS = ("interval", "amplitude", "duration", "velocity")
LEAST_BLINKS = 5
# A baseline of less says little of how much blinks vary.
LEAST_ALERT_BLINKS = 15
_WEIGHTS = "blink_fatigue.npz"


@dataclass(frozen=True, kw_only=True)
class AlertBlinks:
    """How a person blinks when alert: what blinks are measured by.

    Attributes:
        blinks: Of how many.
        interval_s: Mean time from blink to blink, of the time in which blinks could be seen.
        amplitude, duration_s, velocity: Mean and standard deviation.
    """

    blinks: int
    interval_s: float
    amplitude: tuple[float, float]
    duration_s: tuple[float, float]
    velocity: tuple[float, float]

    @classmethod
    def of(cls, table: NDArray[np.floating]) -> AlertBlinks:
        """Sum up the blinks of somebody who is alert.

        Args:
            table: (n, 4) as :func:`blink_table` gives them.

        Raises:
            ConfigurationError: There are less than LEAST_ALERT_BLINKS, or they do not vary at all.
        """
        table = _checked(table)
        table = table[np.isfinite(table[:, 1:]).all(axis=1)]
        known = table[np.isfinite(table[:, 0]), 0]
        if len(table) < LEAST_ALERT_BLINKS or len(known) < LEAST_ALERT_BLINKS - 1:
            raise ConfigurationError(f"{len(table)} blinks make no baseline; at least {LEAST_ALERT_BLINKS} are needed")
        mean, spread = table[:, 1:].mean(axis=0), table[:, 1:].std(axis=0)
        if not (spread > 0).all() or known.mean() <= 0:
            raise ConfigurationError("blinks that do not vary at all make no baseline: they cannot have been measured")
        pairs = [(float(m), float(s)) for m, s in zip(mean, spread, strict=True)]
        return cls(
            blinks=len(table), interval_s=float(known.mean()), amplitude=pairs[0], duration_s=pairs[1], velocity=pairs[2]
        )

    @property
    def units_s(self) -> tuple[float, float]:
        """Mean interval and standard deviation of the duration, for :func:`describe`."""
        return self.interval_s, self.duration_s[1]

    def normalise(self, table: NDArray[np.floating]) -> Floats:
        """Blinks in the measure of this person.

        Args:
            table: (n, 4) as :func:`blink_table` gives them.

        Returns:
            (n, 4) for :func:`describe`: the interval before the blink over the person's mean interval when alert; amplitude,
            duration and opening velocity less the person's mean when alert, over the person's standard deviation then.
        """
        table = _checked(table)
        pairs = np.array((self.amplitude, self.duration_s, self.velocity))
        return np.column_stack([table[:, 0] / self.interval_s, (table[:, 1:] - pairs[:, 0]) / pairs[:, 1]])


def blink_table(blinks: Sequence[Blink]) -> Floats:
    """Blinks as numbers, in real units.

    The velocity is that of opening on average, as in the published work, not the highest.

    Args:
        blinks: All blinks of one recording, in order of time.

    Returns:
        (n, 4): seconds in which blinks could be seen since the blink before (NaN for the first), amplitude as a share of the
        open eye, duration in s, opening velocity in open eyes a second; NaN where it was not measured.
    """
    rate = np.array([blink.rate_so_far_per_min for blink in blinks], np.float64)
    seen_s = 60 * np.arange(1, len(blinks) + 1) / rate
    return np.column_stack(
        [
            np.diff(seen_s, prepend=np.nan),
            np.array([blink.amplitude for blink in blinks], np.float64),
            np.array([np.nan if blink.duration_s is None else blink.duration_s for blink in blinks], np.float64),
            np.array([blink.amplitude / blink.opening_s if blink.opening_s else np.nan for blink in blinks], np.float64),
        ]
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class BlinkEstimate:
    """What the blinks tell.

    Attributes:
        probabilities: Of alert, low vigilance and drowsy; calibrated for people who are as often in one state as in another.
        score: 0 alert, 0.5 low vigilance, 1 drowsy: the mean of these by the probabilities.
        interval: Holds the self-reported state of people whom the model never saw in 80 % of the cases.
        blinks: From how many.
        columns: Which of COLUMNS were used.
        reference: Whether the blinks were compared with the person's own alert ones, or with those of people at large.
    """

    probabilities: tuple[float, float, float]
    score: float
    interval: tuple[float, float]
    blinks: int
    columns: tuple[str, ...]
    reference: Reference

    @property
    def state(self) -> State:
        """The most probable state."""
        return STATES[int(np.argmax(self.probabilities))]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "state": self.state,
            "probabilities": dict(zip(STATES, self.probabilities, strict=True)),
            "score": self.score,
            "score_interval": list(self.interval),
            "blinks": self.blinks,
            "columns": list(self.columns),
            "reference": self.reference,
        }


@dataclass(frozen=True, kw_only=True)
class NoBlinkEstimate:
    """Why the blinks tell nothing.

    Attributes:
        reason: For programs.
        text: For people.
    """

    reason: Reason
    text: str


class BlinkFatigue:
    """The model that ships: statistics of the blinks, and small maps of them to three states.

    There is one model for each set of columns that can be measured, from all four down to durations alone.

    Args:
        weights: Of another model of the same kind; None: the one that ships.

    Raises:
        ModelError: The weights are missing, damaged or of another kind.
    """

    def __init__(self, weights: Path | None = None) -> None:
        self._models = _models(None if weights is None else str(weights))

    @property
    def variants(self) -> Mapping[str, tuple[str, ...]]:
        """The columns of each model, by its name, in the order in which they are preferred."""
        return {name: model.columns for name, model in self._models.items()}

    def estimate(self, table: NDArray[np.floating], alert: AlertBlinks | None = None) -> BlinkEstimate | NoBlinkEstimate:
        """What blinks tell; more of them tell more, and their order does not matter.

        Without the person's own alert blinks the estimate is the mean over those that people at large may have
        (:func:`facefatigue.signs.norms.usual_blinks`), from intervals and durations alone.

        Args:
            table: (n, 4) as :func:`blink_table` gives them. NaN for what was not measured: intervals may have gaps, a blink
                without a duration is left out, and amplitudes and velocities are used if all the others have them.
            alert: How this person blinks when alert; None: not known.

        Returns:
            An estimate, or the reason why there is none.

        Raises:
            ConfigurationError: It is no such array, a value is infinite, or an interval, an amplitude, a duration or a
                velocity is below 0.
        """
        table = _checked(table)
        if (table < 0).any():
            column = COLUMNS[int(np.flatnonzero((table < 0).any(axis=0))[0])]
            raise ConfigurationError(f"a blink's {column} is below 0; the blinks should be in order, and in real units")
        measured = table[np.isfinite(table[:, 2])]
        if len(table) >= LEAST_BLINKS and len(measured) < LEAST_BLINKS:
            return NoBlinkEstimate(
                reason="no_durations",
                text=f"only {len(measured)} of {len(table)} blinks have a duration, {LEAST_BLINKS} must",
            )
        if len(measured) < LEAST_BLINKS:
            return NoBlinkEstimate(
                reason="too_few_blinks",
                text=f"{len(measured)} {'blink is' if len(measured) == 1 else 'blinks are'} too few: "
                f"at least {LEAST_BLINKS} are needed",
            )
        if alert is not None:
            statistics = describe(alert.normalise(measured), alert.units_s)
            model = next(model for model in self._models.values() if np.isfinite(statistics[model.places]).all())
            return _estimate(model, model.probabilities(statistics, len(measured)), model.reach, len(measured), "own")
        compared = [describe(usual.normalise(measured), usual.units_s) for usual in _people()]
        model = next(model for model in self._models.values() if np.isfinite(compared[0][model.places]).all())
        found = np.mean([model.probabilities(statistics, len(measured)) for statistics in compared], axis=0)
        temperature, reach = model.people
        return _estimate(model, _softmax(np.log(found) / temperature), reach, len(measured), "population")


@cache
def _people() -> tuple[AlertBlinks, ...]:
    """Alert blinks of people at large; amplitudes and velocities have no norms, and NaN leaves their columns out."""
    unknown = (math.nan, math.nan)
    return tuple(
        AlertBlinks(blinks=0, interval_s=own.interval_s, amplitude=unknown, duration_s=own.duration_s, velocity=unknown)
        for own in usual_blinks()
    )


def _estimate(model: _Model, probability: Floats, reach: float, blinks: int, reference: Reference) -> BlinkEstimate:
    score = float(probability @ SCORES)
    away = reach * float(np.sqrt(probability @ (np.array(SCORES) - score) ** 2))
    return BlinkEstimate(
        probabilities=(float(probability[0]), float(probability[1]), float(probability[2])), score=score, blinks=blinks,
        interval=(max(score - away, 0.0), min(score + away, 1.0)), columns=model.columns, reference=reference,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class _Layer:
    """x ↦ x weight + bias."""

    weight: Floats
    bias: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class _Model:
    """Maps of one set of columns; the mean of their probabilities counts, at a temperature for n blinks."""

    columns: tuple[str, ...]
    places: NDArray[np.intp]
    mean: Floats
    spread: Floats
    maps: tuple[tuple[_Layer, ...], ...]
    shares: tuple[float, ...]  # of each map in the mean
    half_steps: tuple[float | None, ...]  # of ordered maps, half the distance of the thresholds
    temperature: tuple[float, float]
    farthest: float
    reach: float  # of the interval, in standard deviations of the score
    people: tuple[float, float]  # temperature and reach where people at large are the measure; NaN: they have no norms

    def probabilities(self, statistics: Floats, blinks: int) -> Floats:
        """(3,) calibrated."""
        x = np.clip((statistics[self.places] - self.mean) / self.spread, -self.farthest, self.farthest)
        found = [_map(x, layers, half) for layers, half in zip(self.maps, self.half_steps, strict=True)]
        raw = np.average(found, axis=0, weights=self.shares)
        offset, slope = self.temperature
        return _softmax(np.log(np.maximum(raw, 1e-12)) / np.exp(offset + slope * np.log(blinks / 30)))


def _softmax(logits: Floats) -> Floats:
    found = np.exp(logits - logits.max())
    return np.asarray(found / found.sum())


def _map(x: Floats, layers: Sequence[_Layer], half: float | None) -> Floats:
    for layer in layers[:-1]:
        x = np.tanh(x @ layer.weight + layer.bias)
    out = x @ layers[-1].weight + layers[-1].bias
    if half is None:
        return _softmax(out)
    # Log odds of being at least low-vigilant, and of being drowsy (McCullagh, J. R. Stat. Soc. B 1980).
    least, most = 1 / (1 + np.exp(-(out[0] + half))), 1 / (1 + np.exp(-(out[0] - half)))
    return np.array([1 - least, least - most, most])


@cache
def _models(path: str | None) -> dict[str, _Model]:
    try:
        if path is None:
            content = (resources.files("facefatigue.signs") / "weights" / _WEIGHTS).read_bytes()
        else:
            with open(path, "rb") as file:  # noqa: PTH123 - a string is what can be cached
                content = file.read()
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            config = json.loads(str(arrays["config"]))
            return {name: _model(name, part, arrays) for name, part in config["variants"].items()}
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path or _WEIGHTS}: no model of blinks ({error}); install facefatigue again") from None


def _model(name: str, part: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> _Model:
    maps = []
    for number, depth in enumerate(part["layers"]):
        keys = [f"{name}/{number}/{layer}" for layer in range(depth)]
        maps.append(tuple(_Layer(weight=arrays[f"{key}/weight"], bias=arrays[f"{key}/bias"]) for key in keys))
    return _Model(
        columns=tuple(part["columns"]),
        places=np.array([STATISTICS.index(own) for own in part["statistics"]]),
        mean=arrays[f"{name}/mean"],
        spread=arrays[f"{name}/spread"],
        maps=tuple(maps),
        shares=tuple(part["shares"]),
        half_steps=tuple(part["half_steps"]),
        temperature=(part["temperature"][0], part["temperature"][1]),
        farthest=part["farthest"],
        reach=part["reach"],
        people=tuple(part["people"]) if "people" in part else (math.nan, math.nan),
    )


def _checked(table: NDArray[np.floating]) -> Floats:
    numbers = np.asarray(table, np.float64)
    if numbers.ndim != 2 or numbers.shape[1] != len(COLUMNS):
        raise ConfigurationError(f"blinks are an (n, {len(COLUMNS)}) array of {', '.join(COLUMNS)}, not {numbers.shape}")
    if np.isinf(numbers).any():
        raise ConfigurationError("a blink has an infinite value; write NaN for what was not measured")
    return numbers
