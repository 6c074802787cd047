"""Alert, low-vigilant or drowsy: what a person's blinks tell when compared with the person's own alert blinks.

The model learned from the blinks of 58 people in three self-reported states (UTA-RLDD: Ghoddoosian, Galib and Athitsos, "A
Realistic Dataset and Baseline Temporal Model for Early Drowsiness Detection", CVPR Workshops 2019). What it was found to be
worth is in weights/blink_fatigue.md and docs/blink-fatigue.md.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from facefatigue.errors import ConfigurationError, ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from facefatigue.signs.blinks import Blink

    Floats = NDArray[np.float64]

State = Literal["alert", "low_vigilance", "drowsy"]
Reason = Literal["too_few_blinks", "no_durations"]

STATES: tuple[State, ...] = ("alert", "low_vigilance", "drowsy")
SCORES = (0.0, 0.5, 1.0)  # the labels 0, 5 and 10 of UTA-RLDD over 10
COLUMNS = ("interval", "amplitude", "duration", "velocity")
STATISTICS = (
    "rate", "irregularity", "long intervals", "short intervals",
    "amplitude mean", "amplitude p10", "amplitude p50", "amplitude p90",
    "duration mean", "duration p10", "duration p50", "duration p90", "slow", "very slow",
    "velocity mean", "velocity p10", "velocity p50", "velocity p90",
    "amplitude with duration", "amplitude with velocity", "duration with velocity",
    "longer by", "0.1 s longer", "0.2 s longer", "0.5 s longer", "seconds p50", "seconds p90",
    "closed longer", "closed much longer", "blinks a minute",
)  # fmt: skip

LEAST_BLINKS = 5
# A baseline of less says little of how much blinks vary.
LEAST_ALERT_BLINKS = 15
_LEAST_INTERVAL = 0.02
_LONG, _SHORT = 2.0, 1 / 3
_SLOW, _VERY_SLOW = 2.0, 4.0
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

    def normalise(self, table: NDArray[np.floating]) -> Floats:
        """Blinks in the measure of this person.

        Args:
            table: (n, 4) as :func:`blink_table` gives them.

        Returns:
            (n, 4) for :meth:`BlinkFatigue.estimate`.
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
    """

    probabilities: tuple[float, float, float]
    score: float
    interval: tuple[float, float]
    blinks: int
    columns: tuple[str, ...]

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

    def estimate(self, blinks: NDArray[np.floating]) -> BlinkEstimate | NoBlinkEstimate:
        """What blinks tell; more of them tell more, and their order does not matter.

        Args:
            blinks: (n, 4), as :meth:`AlertBlinks.normalise` gives them: the interval before the blink over the person's mean
                interval when alert; amplitude, duration and opening velocity less the person's mean when alert, over the
                person's standard deviation then. NaN for what was not measured: intervals may have gaps, a blink without
                a duration is left out, and amplitudes and velocities are used if all the others have them.

        Returns:
            An estimate, or the reason why there is none.

        Raises:
            ConfigurationError: It is no such array, a value is infinite, or an interval is below 0.
        """
        blinks = _checked(blinks)
        if (blinks[:, 0] < 0).any():
            raise ConfigurationError("an interval between two blinks is below 0; are the blinks in order?")
        measured = blinks[np.isfinite(blinks[:, 2])]
        if len(blinks) >= LEAST_BLINKS and len(measured) < LEAST_BLINKS:
            return NoBlinkEstimate(
                reason="no_durations",
                text=f"only {len(measured)} of {len(blinks)} blinks have a duration, {LEAST_BLINKS} must",
            )
        if len(measured) < LEAST_BLINKS:
            return NoBlinkEstimate(
                reason="too_few_blinks", text=f"{len(measured)} blinks are too few: at least {LEAST_BLINKS} are needed"
            )
        statistics = describe(measured)
        model = next(model for model in self._models.values() if np.isfinite(statistics[model.places]).all())
        probability = model.probabilities(statistics, len(measured))
        score = float(probability @ SCORES)
        spread = float(np.sqrt(probability @ (np.array(SCORES) - score) ** 2))
        reach = model.reach * spread
        return BlinkEstimate(
            probabilities=(float(probability[0]), float(probability[1]), float(probability[2])), score=score,
            interval=(max(score - reach, 0.0), min(score + reach, 1.0)), blinks=len(measured), columns=model.columns,
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

    def probabilities(self, statistics: Floats, blinks: int) -> Floats:
        """(3,) calibrated."""
        x = np.clip((statistics[self.places] - self.mean) / self.spread, -self.farthest, self.farthest)
        found = [_map(x, layers, half) for layers, half in zip(self.maps, self.half_steps, strict=True)]
        raw = np.average(found, axis=0, weights=self.shares)
        offset, slope = self.temperature
        logits = np.log(np.maximum(raw, 1e-12)) / np.exp(offset + slope * np.log(blinks / 30))
        probability = np.exp(logits - logits.max())
        return np.asarray(probability / probability.sum())


def _map(x: Floats, layers: Sequence[_Layer], half: float | None) -> Floats:
    for layer in layers[:-1]:
        x = np.tanh(x @ layer.weight + layer.bias)
    out = x @ layers[-1].weight + layers[-1].bias
    if half is None:
        found = np.exp(out - out.max())
        return np.asarray(found / found.sum())
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
    )


def describe(blinks: NDArray[np.floating], units_s: tuple[float, float] = (np.nan, np.nan)) -> Floats:
    """Statistics of blinks, whatever their order.

    Args:
        blinks: (n, 4) in the measure of the person, n at least 1: see :meth:`BlinkFatigue.estimate`.
        units_s: Mean interval and standard deviation of the duration of the person's alert blinks; NaN: unknown.

    Returns:
        (30,) in the order of STATISTICS. NaN where a column has a gap, or a unit is unknown; intervals may be missing for
        some blinks.
    """
    blinks = np.asarray(blinks, np.float64)
    found = np.full(len(STATISTICS), np.nan)
    interval = blinks[np.isfinite(blinks[:, 0]), 0]
    if len(interval) > 1:
        logs = np.log(np.maximum(interval, _LEAST_INTERVAL))
        rate = -np.log(max(interval.mean(), _LEAST_INTERVAL))
        found[:4] = (rate, logs.std(), (interval > _LONG).mean(), (interval < _SHORT).mean())
    # Some blinks lie 100 standard deviations out: asinh is linear near 0 and logarithmic far from it.
    soft = np.arcsinh(blinks[:, 1:])
    mean = soft.mean(axis=0)
    known = np.isfinite(mean)
    quantiles = _quantiles(soft)
    for column, place in ((0, 4), (1, 8), (2, 14)):
        if known[column]:
            found[place], found[place + 1 : place + 4] = mean[column], quantiles[:, column]
    if known[1]:
        found[12:14] = (blinks[:, 2] > _SLOW).mean(), (blinks[:, 2] > _VERY_SLOW).mean()
    centred = soft - mean
    together = centred.T @ centred / len(blinks)
    found[18:21] = together[0, 1], together[0, 2], together[1, 2]
    longer_s = blinks[:, 2] * units_s[1]
    if known[1] and np.isfinite(units_s[1]):
        more_s = np.maximum(longer_s, 0.0)
        found[21] = np.log(0.01 + more_s.mean())
        found[22:25] = [(longer_s > least_s).mean() for least_s in (0.1, 0.2, 0.5)]
        found[25:27] = _quantiles(np.arcsinh(longer_s[:, np.newaxis] / 0.05))[1:, 0]
        if len(interval) > 1 and np.isfinite(units_s[0]):
            # Shares of the time: PERCLOS, as far as blinks that are longer than usual make it.
            mean_s = max(interval.mean() * units_s[0], 0.1)
            found[27] = np.log(0.001 + more_s.mean() / mean_s)
            found[28] = np.log(0.001 + (more_s * (more_s > 0.2)).mean() / mean_s)
            found[29] = np.log(60 / mean_s)
    return found


def _quantiles(values: Floats) -> Floats:
    """(3, C) deciles 1, 5 and 9 of each column, between neighbours in proportion, as NumPy has them, but faster."""
    ordered = np.sort(values, axis=0)
    place = np.array((0.1, 0.5, 0.9)) * (len(values) - 1)
    low = place.astype(np.intp)
    share = (place - low)[:, np.newaxis]
    return np.asarray(ordered[low] * (1 - share) + ordered[np.minimum(low + 1, len(values) - 1)] * share)


def _checked(table: NDArray[np.floating]) -> Floats:
    numbers = np.asarray(table, np.float64)
    if numbers.ndim != 2 or numbers.shape[1] != len(COLUMNS):
        raise ConfigurationError(f"blinks are an (n, {len(COLUMNS)}) array of {', '.join(COLUMNS)}, not {numbers.shape}")
    if np.isinf(numbers).any():
        raise ConfigurationError("a blink has an infinite value; write NaN for what was not measured")
    return numbers
