"""Running a model over clips or recordings whose truth is known."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.clips import clip_from_crops
from facefatigue.data.prepared import recording_name
from facefatigue.data.rows import number_in
from facefatigue.data.stretches import Stretch, follow_stretches
from facefatigue.errors import ConfigurationError, SourceError
from facefatigue.estimate import Limits
from facefatigue.estimate.session import Session
from facefatigue.evaluate.predictions import Predictions
from facefatigue.faces import Mtcnn
from facefatigue.model.logits import fatigue_probability

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from facefatigue.data.clip_list import ClipList
    from facefatigue.data.manifest import Recording
    from facefatigue.data.stretches import Followed
    from facefatigue.engine import Engine
    from facefatigue.model.config import ModelConfig

_BATCH = 8
# A column of numbers with more values than this is cut into thirds; one with fewer names groups.
_MOST_GROUPS = 8


@dataclass(frozen=True, kw_only=True)
class Unscored:
    """A recording that could not be scored, and why; figures are of the others."""

    name: str
    subject: str
    reason: str
    kss: int | None = None


def predict_clips(
    clips: ClipList, engine: Engine, *, by: Sequence[str] = (), on_done: Callable[[int, int], None] | None = None
) -> Predictions:
    """Score the clips of a list.

    Args:
        clips: The list.
        engine: The model; takes clips of that form.
        by: Columns of the list to keep as groups.
        on_done: Called with the clips done and all clips.

    Raises:
        ConfigurationError: The list has no clips, or no such column.
        ModelError: The network fails.
    """
    if missing := [name for name in by if name not in clips.columns]:
        raise ConfigurationError(
            f"{clips.path} has no column {', '.join(missing)}; it has {', '.join(clips.columns) or 'none'}"
        )
    logits, scores = [], []
    for start in range(0, len(clips), _BATCH):
        numbers = range(start, min(start + _BATCH, len(clips)))
        output = engine.run(np.stack([clip_from_crops(clips.crops(number)) for number in numbers]))
        logits.append(output.logits)
        scores.append(output.score)
        if on_done is not None:
            on_done(numbers.stop, len(clips))
    all_logits = np.concatenate(logits) if logits else np.empty((0, 1), np.float32)
    recordings = clips.column("recording")
    return Predictions.of(
        item=clips.column("clip"),
        subject=[clip.subject for clip in clips.clips],
        target=[clip.score for clip in clips.clips],
        score=np.concatenate(scores) if scores else [],
        fatigue_probability=fatigue_probability(all_logits) if scores else [],
        logits=all_logits,
        kss=_kss(clips.column("kss")),
        video=recordings if all(recordings) else None,
        groups={name: in_groups(clips.column(name)) for name in by},
    )


def predict_recordings(
    recordings: Sequence[Recording],
    engine: Engine,
    config: ModelConfig,
    *,
    named_from: Path,
    by: Sequence[str] = (),
    on_done: Callable[[int, int], None] | None = None,
) -> tuple[Predictions, tuple[Unscored, ...]]:
    """Score recordings from their videos, as `predict` does: main face, windows side by side, abstention.

    Args:
        recordings: From a manifest.
        engine: The model.
        config: Its configuration.
        named_from: The folder from which videos are named.
        by: Columns of the manifest to keep as groups, ``scenario`` among them.
        on_done: Called with the videos done and all videos.

    Returns:
        The scored windows, each with its recording as ``video``, and the recordings without any.

    Raises:
        ConfigurationError: Not one recording could be scored, or there is no such column.
        ModelError: The network fails.
    """
    known = {"scenario", "session", *(name for recording in recordings for name in recording.further)}
    if missing := [name for name in by if name not in known]:
        raise ConfigurationError(f"the manifest has no column {', '.join(missing)}; it has {', '.join(sorted(known))}")
    scorer = _Scorer(engine)
    spec = config.clip_spec
    detector = Mtcnn()
    rows: list[_Row] = []
    unscored: list[Unscored] = []
    videos: dict[Path, list[Recording]] = {}
    for recording in recordings:
        videos.setdefault(recording.video, []).append(recording)
    for done, (video, own) in enumerate(videos.items(), start=1):
        own.sort(key=lambda recording: recording.start_s or 0.0)
        with ThreadPoolExecutor(1, "facefatigue-engine") as executor:

            def open_session(_: int, executor: ThreadPoolExecutor = executor) -> Session:
                return Session(detector=detector, score=scorer, spec=spec, limits=Limits(), executor=executor)

            def finished(number: int, followed: Followed, own: list[Recording] = own) -> None:
                found, reason = _scored(own[number], followed, scorer, named_from)
                rows.extend(found)
                if reason is not None:
                    name = recording_name(own[number], named_from)
                    unscored.append(Unscored(name=name, subject=own[number].subject, reason=reason, kss=own[number].kss))

            try:
                stretches = [Stretch(start_s=recording.start_s or 0.0, end_s=recording.end_s) for recording in own]
                follow_stretches(video, stretches, open_session, finished)
            except SourceError as error:
                unscored.extend(
                    Unscored(
                        name=recording_name(recording, named_from),
                        subject=recording.subject,
                        reason=str(error),
                        kss=recording.kss,
                    )
                    for recording in own
                )
        if on_done is not None:
            on_done(done, len(videos))
    if not rows:
        raise ConfigurationError(f"none of the {len(recordings)} recordings could be scored ({unscored[0].reason})")
    return _predictions(rows, by), tuple(unscored)


def in_groups(values: Sequence[str]) -> list[str]:
    """The values of a column as names of groups: numbers with many values are cut into thirds by rank.

    Args:
        values: Text; an empty one becomes "unknown".
    """
    numbers = np.array([number_in(value) for value in values])
    known = numbers[~np.isnan(numbers)]
    if len(np.unique(known)) <= _MOST_GROUPS or any(value and np.isnan(n) for value, n in zip(values, numbers, strict=True)):
        return [value or "unknown" for value in values]
    low, high = np.quantile(known, [1 / 3, 2 / 3])
    names = [f"up to {low:.3g}", f"{low:.3g} to {high:.3g}", f"above {high:.3g}"]
    return ["unknown" if np.isnan(n) else names[int(n > low) + int(n > high)] for n in numbers]


class _Scorer:
    """Scores windows and remembers their logits; a window's score is its place among them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.logits: list[NDArray[np.float32]] = []
        self.scores: list[float] = []

    def __call__(self, crops: NDArray[np.uint8]) -> tuple[float, float]:
        output = self._engine.run(clip_from_crops(crops)[None])
        self.logits.append(output.logits[0])
        self.scores.append(float(output.score[0]))
        return float(len(self.scores) - 1), 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class _Row:
    item: str
    recording: Recording
    name: str
    score: float
    logits: NDArray[np.float32]


def _scored(recording: Recording, followed: Followed, scorer: _Scorer, named_from: Path) -> tuple[list[_Row], str | None]:
    """The scored windows of a recording, or why there are none."""
    if followed.face is None:
        return [], followed.problem
    name = recording_name(recording, named_from)
    rows = [
        _Row(
            item=f"{name}#{window.start_s:.3f}",
            recording=recording,
            name=name,
            score=scorer.scores[int(window.score)],
            logits=scorer.logits[int(window.score)],
        )
        for window in followed.face.windows
        if window.score is not None
    ]
    return rows, None if rows else f"abstains: {followed.face.abstain_reason}"


def _predictions(rows: Sequence[_Row], by: Sequence[str]) -> Predictions:
    logits = np.stack([row.logits for row in rows])
    columns: Mapping[str, list[str]] = {name: [row.recording.cell(name) for row in rows] for name in by}
    return Predictions.of(
        item=[row.item for row in rows],
        subject=[row.recording.subject for row in rows],
        target=[row.recording.score for row in rows],
        score=[row.score for row in rows],
        fatigue_probability=fatigue_probability(logits),
        logits=logits,
        kss=_kss(["" if row.recording.kss is None else str(row.recording.kss) for row in rows]),
        video=[row.name for row in rows],
        groups={name: in_groups(values) for name, values in columns.items()},
    )


def _kss(cells: Sequence[str]) -> list[float] | None:
    values = [number_in(cell) for cell in cells]
    return None if np.isnan(values).all() else values
