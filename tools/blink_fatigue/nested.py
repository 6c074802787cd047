"""Every candidate fitted without one fold, to be judged on it, and without two, to choose by.

The choice among candidates that are judged on fold i is made by predictions for the other four folds, each by a fit that saw
neither it nor fold i. Ten fits without two folds and five without one serve all of that. Folds are disjoint in people.
"""

from __future__ import annotations

import itertools
import logging
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from blink_fatigue.crops import ANOTHER_DAY, Crop, Source, judged_crops, learned_crops, on_another_day
from blink_fatigue.sequence_models import fit_net, predictor
from blink_fatigue.statistics_models import Columns, boosting, columns_of, hidden, linear, statistics_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from blink_fatigue.rldd import Video

    Floats = NDArray[np.float64]

FOLDS: tuple[int, ...] = (1, 2, 3, 4, 5)
EXCLUSIONS = [*((fold,) for fold in FOLDS), *itertools.combinations(FOLDS, 2)]
NET_SEEDS = 2
DAY_SEED = 71

LOG = logging.getLogger("train_blink_fatigue")
TREES = {"max_iter": 60, "learning_rate": 0.08, "max_leaf_nodes": 6, "min_samples_leaf": 60, "l2_regularization": 5.0}


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A way to learn.

    Attributes:
        name: In tables and files.
        source: Whether the first column is the interval or the published frequency.
        fit: From statistics, states and weights to log probabilities; None: a network.
        net: Which network.
        columns: What of the statistics it sees.
        another_day: Whether it also learns from moved alert videos.
        as_published: Learns from the published sequences alone, each with the same weight.
    """

    name: str
    source: Source = "interval"
    fit: Callable[..., Callable[[Floats], Floats]] | None = None
    net: str | None = None
    columns: Columns = "all"
    another_day: bool = False
    as_published: bool = False


def candidates() -> list[Candidate]:
    """All of them, cheap ones first."""
    trees: Callable[..., Callable[[Floats], Floats]] = partial(boosting, **TREES)  # type: ignore[arg-type]
    ways: dict[str, Callable[..., Callable[[Floats], Floats]]] = {
        **{f"ordinal {p:g}": partial(linear, kind="ordinal", penalty=p) for p in (0.01, 0.1)},
        **{f"logistic {p:g}": partial(linear, kind="softmax", penalty=p) for p in (0.01, 0.1)},
        "hidden layer": hidden,
        "boosting": trees,
    }
    found = [Candidate(name="boosting, quick baseline", source="frequency", fit=boosting, as_published=True)]
    found += [Candidate(name=name, fit=fit) for name, fit in ways.items()]
    found += [Candidate(name=f"{name}, frequency", source="frequency", fit=fit) for name, fit in ways.items()]
    three = ("ordinal 0.01", "logistic 0.01", "hidden layer")
    subsets: tuple[Columns, ...] = ("timing", "duration", "shape", "timing in seconds", "seconds")
    found += [Candidate(name=f"{name}, {columns}", fit=ways[name], columns=columns) for columns in subsets for name in three]
    found += [Candidate(name="boosting, seconds", fit=trees, columns="seconds")]
    found += [
        Candidate(
            name=f"{name}{'' if columns == 'all' else f', {columns}'}, another day", fit=ways[name], columns=columns,
            another_day=True,
        )
        for columns in ("all", *subsets)
        for name in three
    ]  # fmt: skip
    found += [Candidate(name=net, net=net) for net in ("tcn", "gru", "transformer")]
    found += [Candidate(name=f"{net}, frequency", source="frequency", net=net) for net in ("tcn", "gru", "transformer")]
    return found


class Study:
    """The videos, what is judged of them, and the fits, kept on disk.

    Args:
        videos: All.
        folder: Where predictions are kept; what is there is not made again.
    """

    def __init__(self, videos: Sequence[Video], folder: Path) -> None:
        self.videos = list(videos)
        self.moved = on_another_day(self.videos, seed=DAY_SEED)
        self.judged = [*judged_crops(self.videos), *judged_crops(self.moved, moved=True)]
        self.learned = learned_crops(self.videos)
        self.learned_moved = learned_crops(self.moved, moved=True)
        self.sequences = [crop for crop in self.judged if crop.length == 30 and not crop.moved and not crop.video.copied]
        self.fold = np.array([crop.video.fold for crop in self.judged])
        self.folder = folder
        self._statistics: dict[tuple[str, Source], Floats] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def predictions(self, candidate: Candidate, excluded: tuple[int, ...]) -> Floats:
        """(N, 3) log probabilities of the judged crops of the excluded folds by a fit on the others; NaN elsewhere."""
        path = self.folder / f"{candidate.name.replace(' ', '_').replace(',', '')}-{'-'.join(map(str, excluded))}.npy"
        if not path.exists():
            began = time.monotonic()
            np.save(path, self._fit(candidate, excluded).astype(np.float32))
            LOG.info("%s without %s: %.0f s", candidate.name, excluded, time.monotonic() - began)
        return np.asarray(np.load(path), np.float64)

    def train(self, candidate: Candidate, excluded: tuple[int, ...] = ()) -> Callable[[Sequence[Crop]], Floats]:
        """Fit a candidate on all folds but some."""
        if candidate.net:
            videos = [v for v in self.videos if v.fold not in excluded and not v.copied]
            if candidate.another_day:
                moved = [v for v in self.moved if v.fold not in excluded]
                videos = [v for v in videos for _ in range(6 if v.state else 3)] + moved
            nets = [fit_net(videos, kind=candidate.net, source=candidate.source, seed=s) for s in range(NET_SEEDS)]  # type: ignore[arg-type]
            return predictor(nets, candidate.source)
        fitted, places = self.train_statistics(candidate, excluded), self._places(candidate)

        def predict(crops: Sequence[Crop]) -> Floats:
            known = crops is self.judged
            values = self.statistics("judged", candidate.source) if known else statistics_of(crops, candidate.source)
            return fitted(values[:, places])

        return predict

    def train_statistics(self, candidate: Candidate, excluded: tuple[int, ...] = ()) -> Callable[[Floats], Floats]:
        """Fit a candidate that sees statistics on all folds but some."""
        assert candidate.fit is not None
        names = ("sequences",) if candidate.as_published else ("learned", "learned_moved")[: 1 + candidate.another_day]
        crops = [crop for name in names for crop in getattr(self, name)]
        values = np.concatenate([self.statistics(name, candidate.source) for name in names])
        use = np.array([crop.video.fold not in excluded for crop in crops])
        state = np.array([crop.video.state for crop in crops])
        weight = np.array([crop.weight for crop in crops])
        if candidate.another_day:
            # A person's alert video and its moved copies together weigh as much as any other video.
            moved = np.array([crop.moved for crop in crops])
            weight *= np.where(moved, 1 / 2 / ANOTHER_DAY, np.where(state == 0, 1 / 2, 1.0))
        weights = None if candidate.as_published else weight[use]
        return candidate.fit(values[use][:, self._places(candidate)], state[use], weights)

    def _places(self, candidate: Candidate) -> NDArray[np.intp]:
        if candidate.source == "interval":
            return columns_of(candidate.columns)
        return np.arange(self.statistics("judged", candidate.source).shape[1])

    def statistics(self, name: str, source: Source) -> Floats:
        """Statistics of the crops of one list of this study."""
        key = (name, source)
        if key not in self._statistics:
            self._statistics[key] = statistics_of(getattr(self, name), source)
        return self._statistics[key]

    def _fit(self, candidate: Candidate, excluded: tuple[int, ...]) -> Floats:
        predict = self.train(candidate, excluded)
        wanted = np.isin(self.fold, excluded)
        if candidate.net:
            found = np.full((len(self.judged), 3), np.nan)
            found[wanted] = predict([crop for crop, want in zip(self.judged, wanted, strict=True) if want])
            return found
        return np.where(wanted[:, np.newaxis], predict(self.judged), np.nan)
