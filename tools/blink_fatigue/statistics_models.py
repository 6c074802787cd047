"""Candidates that learn from statistics of a stretch of blinks, whatever their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import nn

from facefatigue.signs.blink_statistics import STATISTICS, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from blink_fatigue.crops import Crop, Source

    Floats = NDArray[np.float64]
    Predict = Callable[[Floats], Floats]  # (N, S) statistics to (N, 3) log probabilities

Kind = Literal["ordinal", "softmax"]
Columns = Literal["all", "timing", "duration", "shape", "seconds", "timing in seconds"]

FARTHEST = 4.0  # standard deviations that a statistic may count
_INTERVAL, _DURATION = STATISTICS[:4], STATISTICS[8:14]
_GROUPS: dict[Columns, tuple[str, ...]] = {
    "all": STATISTICS[:21],
    "timing": _INTERVAL + _DURATION,
    "duration": _DURATION,
    "shape": STATISTICS[4:21],
    "seconds": STATISTICS,
    "timing in seconds": _INTERVAL + _DURATION + STATISTICS[21:],
}


def columns_of(columns: Columns) -> NDArray[np.intp]:
    """Which statistics can be worked out from some columns alone."""
    return np.array([STATISTICS.index(name) for name in _GROUPS[columns]])


def describe_published(blinks: Floats) -> Floats:
    """(26,) mean, spread and deciles of each published column, slope of the frequency, and shares of slow blinks."""
    soft = np.arcsinh(blinks)
    return np.concatenate(
        [
            soft.mean(axis=0), soft.std(axis=0), *np.quantile(soft, (0.1, 0.25, 0.5, 0.75, 0.9), axis=0)[[0, 2, 3, 4]],
            [soft[-1, 0] - soft[0, 0], (blinks[:, 2] > 2).mean()],
        ]
    )  # fmt: skip


def statistics_of(crops: Sequence[Crop], source: Source) -> Floats:
    """(N, S) statistics."""
    if source == "frequency":
        return np.array([describe_published(crop.blinks(source)) for crop in crops])
    return np.array([describe(crop.blinks(source), crop.video.units_s) for crop in crops])


class Scale:
    """Statistics in standard deviations of those learned from, 0 where unknown."""

    def __init__(self, values: Floats, weights: Floats) -> None:
        known = np.isfinite(values)
        share = weights[:, np.newaxis] * known
        filled = np.where(known, values, 0.0)
        self.mean = (share * filled).sum(axis=0) / share.sum(axis=0)
        self.spread = np.sqrt((share * (filled - self.mean) ** 2).sum(axis=0) / share.sum(axis=0)) + 1e-6

    def __call__(self, values: Floats) -> Floats:
        """(N, S) in standard deviations."""
        return np.asarray(np.nan_to_num(np.clip((values - self.mean) / self.spread, -FARTHEST, FARTHEST), nan=0.0))


class Head(nn.Module):
    """A linear or one-hidden-layer map to three classes, ordered or not.

    Ordered: log odds of being at least low-vigilant and of being drowsy differ by a constant ("Regression models for ordinal
    data", McCullagh, Journal of the Royal Statistical Society B 1980), so that nothing can count for both ends.
    """

    def __init__(self, inputs: int, kind: Kind, hidden: int = 0) -> None:
        super().__init__()
        outputs = 1 if kind == "ordinal" else 3
        self.kind = kind
        self.layers = nn.ModuleList(
            [nn.Linear(inputs, hidden), nn.Linear(hidden, outputs)] if hidden else [nn.Linear(inputs, outputs)]
        )
        self.drop = nn.Dropout(0.2)
        self.border = nn.Parameter(torch.zeros(()))  # log of half the distance between the two thresholds

    @property
    def slopes(self) -> torch.Tensor:
        """The weights of the last map."""
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        return last.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, S) to (N, 3) log probabilities."""
        for layer in self.layers[:-1]:
            x = self.drop(torch.tanh(layer(x)))
        out: torch.Tensor = self.layers[-1](x)
        if self.kind == "softmax":
            return out.log_softmax(dim=1)
        half = self.border.exp()
        low, high = out[:, 0] + half, out[:, 0] - half  # log odds of at least 1, of at least 2
        middle = torch.sigmoid(low) - torch.sigmoid(high)
        return torch.stack([-nn.functional.softplus(low), middle.clamp_min(1e-12).log(), -nn.functional.softplus(-high)], 1)


class Fitted:
    """Maps of statistics in the same scale; the mean of their probabilities counts.

    Args:
        scale: Of the statistics.
        heads: The maps.
    """

    def __init__(self, scale: Scale, heads: Sequence[Head]) -> None:
        self.scale, self.heads = scale, list(heads)

    def __call__(self, values: Floats) -> Floats:
        """(N, S) statistics to (N, 3) log probabilities."""
        x = torch.tensor(self.scale(values))
        with torch.no_grad():
            return np.asarray(np.log(np.mean([head(x).exp().numpy() for head in self.heads], axis=0)))


def linear(x: Floats, state: NDArray[np.intp], weight: Floats, *, kind: Kind, penalty: float) -> Fitted:
    """Fit without a hidden layer, to the optimum.

    Args:
        x: (N, S) statistics.
        state: (N,) 0 to 2.
        weight: (N,)
        kind: Ordered or not.
        penalty: Of half the squared weights, against the weighted mean of the losses.
    """
    scale = Scale(x, weight)
    head = Head(x.shape[1], kind).double()
    inputs, target, share = torch.tensor(scale(x)), torch.tensor(state), torch.tensor(weight / weight.sum())
    for parameter in head.parameters():
        nn.init.zeros_(parameter)
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=300, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss: torch.Tensor = -(share * head(inputs).gather(1, target[:, None])[:, 0]).sum()
        loss = loss + penalty / 2 * head.slopes.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return Fitted(scale, [head])


def hidden(
    x: Floats, state: NDArray[np.intp], weight: Floats, *, units: int = 12, seeds: int = 4, steps: int = 200
) -> Fitted:
    """Some networks with one hidden layer."""
    scale = Scale(x, weight)
    inputs, share = (torch.tensor(part, dtype=torch.float32) for part in (scale(x), weight / weight.sum()))
    target = torch.tensor(state)
    heads = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        head = Head(x.shape[1], "softmax", units).train()
        optimizer = torch.optim.AdamW(head.parameters(), lr=0.015, weight_decay=0.1)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        for _ in range(steps):
            optimizer.zero_grad()
            loss = -(share * head(inputs).gather(1, target[:, None])[:, 0]).sum()
            loss.backward()
            optimizer.step()
            schedule.step()
        heads.append(head.eval().double())
    return Fitted(scale, heads)


def boosting(x: Floats, state: NDArray[np.intp], weight: Floats | None, **settings: Any) -> Predict:
    """Gradient boosting on trees (scikit-learn)."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # type: ignore[import-untyped]

    trees = HistGradientBoostingClassifier(random_state=0, early_stopping=False, **settings)
    trees.fit(x, state, sample_weight=None if weight is None else weight / weight.mean())
    return lambda values: np.log(np.maximum(trees.predict_proba(values), 1e-9))
