"""What a model said about clips or videos whose truth is known: the input of every figure."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.data.labels import BORDER
from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

MIXED = "mixed"
_KSS = (1.0, 9.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """N clips or N videos with their true and predicted scores; :meth:`of` makes one from any sequences.

    Attributes:
        item: (N,) str, a name for each clip or video; no two are the same.
        subject: (N,) str, who is seen.
        target: (N,) float64 in [0, 1], the true score; at least 0.5 is fatigue.
        score: (N,) float64 in [0, 1], the predicted score.
        fatigue_probability: (N,) float64 in [0, 1].
        called_fatigue: (N,) bool, the predicted class: for clips a probability above 0.5, for videos the majority of theirs.
        logits: (N, C) float64 from which score and probability come, or None.
        kss: (N,) float64 in [1, 9], the Karolinska Sleepiness Scale where it was asked for, else NaN; or None.
        video: (N,) str, the video that a clip is from, or None.
        fold: (N,) int64, the fold of a cross-validation in which the item was tested, or None.
        groups: For each name (scenario, glasses, light, …) an (N,) str array.

    Raises:
        ConfigurationError: There are no items, shapes disagree, or a value is missing or out of its range; all faults are
            named.
    """

    item: NDArray[np.str_]
    subject: NDArray[np.str_]
    target: NDArray[np.float64]
    score: NDArray[np.float64]
    fatigue_probability: NDArray[np.float64]
    called_fatigue: NDArray[np.bool_]
    logits: NDArray[np.float64] | None = None
    kss: NDArray[np.float64] | None = None
    video: NDArray[np.str_] | None = None
    fold: NDArray[np.int64] | None = None
    groups: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if faults := _faults(self):
            raise ConfigurationError(f"the predictions cannot be used: {'; '.join(faults)}")

    @classmethod
    def of(
        cls,
        *,
        item: Sequence[str] | NDArray[np.str_],
        subject: Sequence[str] | NDArray[np.str_],
        target: ArrayLike,
        score: ArrayLike,
        fatigue_probability: ArrayLike,
        called_fatigue: ArrayLike | None = None,
        logits: ArrayLike | None = None,
        kss: ArrayLike | None = None,
        video: Sequence[str] | NDArray[np.str_] | None = None,
        fold: ArrayLike | None = None,
        groups: Mapping[str, Sequence[str] | NDArray[np.str_]] | None = None,
    ) -> Predictions:
        """From lists or arrays of any number type.

        Args:
            item: As the attribute, like all that follow.
            subject: Who is seen.
            target: True scores.
            score: Predicted scores.
            fatigue_probability: Predicted probabilities.
            called_fatigue: Predicted classes; None: a probability above 0.5.
            logits: (N, C), or None.
            kss: Karolinska Sleepiness Scale, NaN where it was not asked for, or None.
            video: The video of each clip, or None.
            fold: The fold of each item, or None.
            groups: For each name N values, or None.

        Raises:
            ConfigurationError: As the class.
        """
        probability = np.asarray(fatigue_probability, np.float64)
        return cls(
            item=np.asarray(item, np.str_),
            subject=np.asarray(subject, np.str_),
            target=np.asarray(target, np.float64),
            score=np.asarray(score, np.float64),
            fatigue_probability=probability,
            called_fatigue=probability > BORDER if called_fatigue is None else np.asarray(called_fatigue, np.bool_),
            logits=None if logits is None else np.asarray(logits, np.float64),
            kss=None if kss is None else np.asarray(kss, np.float64),
            video=None if video is None else np.asarray(video, np.str_),
            fold=None if fold is None else np.asarray(fold, np.int64),
            groups={name: np.asarray(values, np.str_) for name, values in (groups or {}).items()},
        )

    def __len__(self) -> int:
        return len(self.item)

    @property
    def is_fatigue(self) -> NDArray[np.bool_]:
        """(N,) bool, the true class: a true score of at least 0.5."""
        return np.asarray(self.target >= BORDER, np.bool_)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Everyone who is seen, sorted."""
        return tuple(str(name) for name in np.unique(self.subject))

    @property
    def fingerprint(self) -> str:
        """SHA-256 over items, subjects and true scores, as 64 hex digits: which data this is, whatever a model said."""
        rows = zip(self.item.tolist(), self.subject.tolist(), self.target.tolist(), strict=True)
        digest = hashlib.sha256()
        for row in sorted(rows):
            digest.update(repr(row).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def in_fold(self, fold: int) -> Predictions:
        """The same items, all of one fold.

        Args:
            fold: Its number.
        """
        return replace(self, fold=np.full(len(self), fold, np.int64))

    def select(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Predictions:
        """Some of the items.

        Args:
            which: (N,) bool, or indices.

        Raises:
            ConfigurationError: None is left.
        """
        return replace(
            self,
            item=self.item[which],
            subject=self.subject[which],
            target=self.target[which],
            score=self.score[which],
            fatigue_probability=self.fatigue_probability[which],
            called_fatigue=self.called_fatigue[which],
            logits=None if self.logits is None else self.logits[which],
            kss=None if self.kss is None else self.kss[which],
            video=None if self.video is None else self.video[which],
            fold=None if self.fold is None else self.fold[which],
            groups={name: values[which] for name, values in self.groups.items()},
        )


def _faults(predictions: Predictions) -> list[str]:
    count = len(predictions)
    if not count:
        return ["there is not one item"]
    faults = []
    columns: dict[str, NDArray[np.generic] | None] = {
        "item": predictions.item,
        "subject": predictions.subject,
        "target": predictions.target,
        "score": predictions.score,
        "fatigue_probability": predictions.fatigue_probability,
        "called_fatigue": predictions.called_fatigue,
        "kss": predictions.kss,
        "video": predictions.video,
        "fold": predictions.fold,
        **{f"group {name!r}": values for name, values in predictions.groups.items()},
    }
    for name, column in columns.items():
        if column is not None and column.shape != (count,):
            faults.append(f"{name} has shape {column.shape}, expected ({count},) like item")
    logits = predictions.logits
    if logits is not None and (logits.ndim != 2 or len(logits) != count or not logits.shape[1]):
        faults.append(f"logits have shape {logits.shape}, expected ({count}, classes)")
    if faults:
        return faults
    names, times = np.unique(predictions.item, return_counts=True)
    faults += [f"item {name!r} is there {n} times" for name, n in zip(names.tolist(), times, strict=True) if n > 1][:3]
    if np.any(predictions.subject == ""):
        faults.append(f"the subject of item {str(predictions.item[predictions.subject == ''][0])!r} is empty")
    for name in ("target", "score", "fatigue_probability"):
        faults += _outside(name, getattr(predictions, name), predictions.item, 0.0, 1.0)
    if predictions.kss is not None:
        asked = ~np.isnan(predictions.kss)
        faults += _outside("kss", predictions.kss[asked], predictions.item[asked], *_KSS)
    if logits is not None and not np.isfinite(logits).all():
        faults.append("logits are not finite")
    if "" in predictions.groups:
        faults.append("a group has no name")
    return faults


def _outside(name: str, values: NDArray[np.float64], item: NDArray[np.str_], low: float, high: float) -> list[str]:
    wrong = ~((values >= low) & (values <= high))  # also if not a number
    if not wrong.any():
        return []
    first = int(np.argmax(wrong))
    more = f", and {int(wrong.sum()) - 1} more" if wrong.sum() > 1 else ""
    return [f"{name} of item {str(item[first])!r} is {float(values[first])!r}, not in [{low:g}, {high:g}]{more}"]


def by_video(predictions: Predictions) -> Predictions:
    """One item a video: mean score, mean probability, and the class by majority vote of its clips.

    As in the published method (arXiv:2104.10420) and in :mod:`facefatigue.estimate.aggregate`; a tie goes by the mean score.
    Logits are left out, for their mean means nothing. A group in which the clips of a video differ becomes ``"mixed"``.

    Args:
        predictions: Clips, each with its video.

    Returns:
        The videos, in the order of their first clips, named after ``video``.

    Raises:
        ConfigurationError: A clip has no video, or the clips of one video disagree about its subject, target, KSS or fold.
    """
    video = predictions.video
    if video is None:
        raise ConfigurationError("the predictions do not say which video a clip belongs to, so videos cannot be scored")
    if np.any(video == ""):
        raise ConfigurationError(f"item {str(predictions.item[video == ''][0])!r} belongs to no video")
    names, first, index = np.unique(video, return_index=True, return_inverse=True)
    clips = np.split(np.argsort(index, kind="stable"), np.cumsum(np.bincount(index))[:-1])
    _check_videos(predictions, names, clips)
    score = np.array([math.fsum(predictions.score[rows]) / len(rows) for rows in clips])
    probability = np.array([math.fsum(predictions.fatigue_probability[rows]) / len(rows) for rows in clips])
    votes = np.array([2 * int(predictions.called_fatigue[rows].sum()) - len(rows) for rows in clips])
    in_order = np.argsort(first)
    groups = {
        name: np.array([values[rows[0]] if np.all(values[rows] == values[rows[0]]) else MIXED for rows in clips], np.str_)
        for name, values in predictions.groups.items()
    }
    videos = Predictions(
        item=names,
        subject=predictions.subject[first],
        target=predictions.target[first],
        score=np.clip(score, 0.0, 1.0),
        fatigue_probability=np.clip(probability, 0.0, 1.0),
        called_fatigue=(votes > 0) | ((votes == 0) & (score > BORDER)),
        kss=None if predictions.kss is None else predictions.kss[first],
        fold=None if predictions.fold is None else predictions.fold[first],
        groups=groups,
    )
    return videos.select(in_order)


def _check_videos(predictions: Predictions, names: NDArray[np.str_], clips: list[NDArray[np.intp]]) -> None:
    faults = []
    columns: dict[str, NDArray[np.generic] | None] = {
        "subjects": predictions.subject,
        "targets": predictions.target,
        "KSS": None if predictions.kss is None else np.nan_to_num(predictions.kss, nan=0.0),
        "folds": predictions.fold,
    }
    for what, values in columns.items():
        for name, rows in zip(names.tolist(), clips, strict=True):
            if values is not None and np.any(values[rows] != values[rows[0]]):
                different = ", ".join(map(repr, np.unique(values[rows]).tolist()[:3]))
                faults.append(f"the clips of video {name!r} have different {what} ({different})")
    if faults:
        more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise ConfigurationError(f"videos cannot be scored: {'; '.join(faults[:5])}{more}")


def concatenate(parts: Sequence[Predictions]) -> Predictions:
    """Several predictions as one, such as those of the folds of a cross-validation.

    A part without KSS counts as not asked; every other optional column must be in all parts or in none.

    Args:
        parts: At least one.

    Raises:
        ConfigurationError: There are no parts, an item is in two of them, or their columns differ.
    """
    if not parts:
        raise ConfigurationError("there are no predictions to put together")
    faults = [
        f"some parts have {name} and some have not"
        for name in ("logits", "video", "fold")
        if len({getattr(part, name) is None for part in parts}) > 1
    ]
    widths = {part.logits.shape[1] for part in parts if part.logits is not None}
    if len(widths) > 1:
        faults.append(f"logits have {' and '.join(map(str, sorted(widths)))} classes")
    if len({tuple(sorted(part.groups)) for part in parts}) > 1:
        faults.append("the groups have different names")
    if faults:
        raise ConfigurationError(f"the predictions cannot be put together: {'; '.join(faults)}")

    kss = [np.full(len(part), np.nan) if part.kss is None else part.kss for part in parts]
    logits = [part.logits for part in parts if part.logits is not None]
    video = [part.video for part in parts if part.video is not None]
    fold = [part.fold for part in parts if part.fold is not None]
    return Predictions(
        item=np.concatenate([part.item for part in parts]),
        subject=np.concatenate([part.subject for part in parts]),
        target=np.concatenate([part.target for part in parts]),
        score=np.concatenate([part.score for part in parts]),
        fatigue_probability=np.concatenate([part.fatigue_probability for part in parts]),
        called_fatigue=np.concatenate([part.called_fatigue for part in parts]),
        logits=np.concatenate(logits) if logits else None,
        kss=None if all(part.kss is None for part in parts) else np.concatenate(kss),
        video=np.concatenate(video) if video else None,
        fold=np.concatenate(fold) if fold else None,
        groups={name: np.concatenate([part.groups[name] for part in parts]) for name in parts[0].groups},
    )
