"""Everything about the real videos that does not depend on a model: faces, windows, eye readings, hand labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from default_model.figures import window_means
from default_model.labels import EyeLabels, frames_at, read_eye_labels, read_yawns
from default_model.store import code_digest
from default_model.windows import STRIDE_S, Followed, Windows, centred, follow
from facefatigue.errors import ConfigurationError, FaceFatigueError
from landmarker import MODEL_SHA256, Landmarker, faces_of, fetch, read_video

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from default_model.figures import ByVideo
    from default_model.store import Store
    from facefatigue.clips import ClipSpec

DRIVERS, TALKERS, LONG, OTHERS = "yawdd", "liveportrait", "talking_face", "edge_cases"
FRANCK = f"{LONG}/franck.mp4"
_READING_CODE = code_digest("video", "faces", "estimate/crowd.py", "estimate/session.py", "landmarker.py")
_SUFFIXES = frozenset({".avi", ".mp4", ".mov", ".mkv", ".webm"})


@dataclass(frozen=True, kw_only=True, eq=False)
class Labelled:
    """The hand-labelled frames of one video that can be used.

    Attributes:
        closure: (N,) float64, labelled by hand, 0 to 1.
        read: (N,) float64, what the landmarker reads in the same frames; NaN: nothing, or there is no landmarker.
        single: The N frames alone, as windows of one frame.
        windows: The M windows around those frames that have one.
        has_window: (N,) bool, which have one.
    """

    closure: NDArray[np.float64]
    read: NDArray[np.float64]
    single: Windows
    windows: Windows
    has_window: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Media:
    """The real videos, by path relative to the media folder, seen in windows of one form.

    Attributes:
        followed: The main face of each video.
        every: Its windows, one every 0.5 s.
        side: Its windows side by side, as `predict` makes them.
        readings: (F,) closure of the eyes by the landmarker in every frame; empty without a landmarker.
        yawns: Start and end of the yawns, by video; None without a list.
        labelled: Hand-labelled frames, by video.
        problems: Why something is missing, by what: "yawns", "landmarker", "labels".
        notes: What else belongs to labels: frames that could not be used.
    """

    followed: Mapping[str, Followed]
    every: Mapping[str, Windows]
    side: Mapping[str, Windows]
    readings: Mapping[str, NDArray[np.float64]]
    yawns: Mapping[str, list[tuple[float, float]]] | None
    labelled: Mapping[str, Labelled]
    problems: Mapping[str, str] = field(default_factory=dict)
    notes: str = ""

    def closure(self) -> ByVideo:
        """The landmarker's mean closure in each window of :attr:`every`; NaN where too few frames were read."""
        return {
            name: window_means(self.followed[name].frame_s, reading, self.every[name].start_s, self.every[name].end_s)
            for name, reading in self.readings.items()
        }

    def of(self, folder: str) -> list[str]:
        """The videos of one folder."""
        return [name for name in self.followed if name.startswith(f"{folder}/")]


def videos_in(folder: Path) -> list[str]:
    """Paths of the videos in the four folders, relative to the media folder.

    Raises:
        ConfigurationError: There is not one.
    """
    places = [folder / part for part in (DRIVERS, LONG, TALKERS, OTHERS)]
    found = [
        path.relative_to(folder).as_posix()
        for place in places
        for path in sorted(place.glob("*"))
        if path.suffix.lower() in _SUFFIXES
    ]
    if not found:
        wanted = ", ".join(place.name for place in places)
        raise ConfigurationError(f"{folder}: holds no videos; expected folders {wanted} with some")
    return found


def read_media(
    folder: Path, spec: ClipSpec, *, labels: Path, cache: Path, store: Store, threads: int, say: Callable[[str], None]
) -> Media:
    """Follow faces, cut windows, read eyes; what is missing is noted, not raised.

    Args:
        folder: The media folder.
        spec: Form of the windows.
        labels: The list of hand labels.
        cache: Where the landmarker's model is, or is fetched to.
        store: Where earlier work is kept.
        threads: Threads for the landmarker.
        say: Called with a line now and then.

    Raises:
        ConfigurationError: The folder holds no videos.
        SourceError: A video cannot be read.
    """
    names = videos_in(folder)
    followed = {}
    for name in names:
        say(f"following the face in {name}")
        followed[name] = follow(folder / name, spec, store)
    problems: dict[str, str] = {}
    yawns = None
    try:
        listed = {f"{DRIVERS}/{name}": own for name, own in read_yawns(folder / DRIVERS / "yawns.csv").items()}
        if unknown := sorted(set(listed) - set(followed)):
            raise ConfigurationError(f"yawns.csv names videos that are not in the media folder: {', '.join(unknown)}")
        yawns = listed
    except FaceFatigueError as error:
        problems["yawns"] = str(error)
    readings: dict[str, NDArray[np.float64]] = {}
    try:
        readings = _readings(followed, fetch(cache), store, threads, say)
    except FaceFatigueError as error:
        problems["landmarker"] = str(error)
    labelled: dict[str, Labelled] = {}
    notes = ""
    try:
        labelled, notes = _labelled(read_eye_labels(labels), followed, readings, store)
    except FaceFatigueError as error:
        problems["labels"] = str(error)
    return Media(
        followed=followed,
        every={name: one.every(STRIDE_S) for name, one in followed.items()},
        side={name: one.every(None) for name, one in followed.items()},
        readings=readings,
        yawns=yawns,
        labelled=labelled,
        problems=problems,
        notes=notes,
    )


def _readings(
    followed: Mapping[str, Followed], model: Path, store: Store, threads: int, say: Callable[[str], None]
) -> dict[str, NDArray[np.float64]]:
    landmarker = Landmarker(model, threads=threads)
    found = {}
    for name, one in followed.items():
        say(f"reading the eyes in {name}")

        def make(one: Followed = one) -> dict[str, NDArray[np.float64]]:
            faces = faces_of(one.seen_s.tolist(), one.boxes, one.landmarks)
            return {"closure": read_video(landmarker, one.video, faces)}

        found[name] = store.recall("eyes", (one.sha256, MODEL_SHA256, _READING_CODE), make)["closure"]
    return found


def _labelled(
    labels: Mapping[str, EyeLabels],
    followed: Mapping[str, Followed],
    readings: Mapping[str, NDArray[np.float64]],
    store: Store,
) -> tuple[dict[str, Labelled], str]:
    if unknown := sorted(set(labels) - set(followed)):
        raise ConfigurationError(f"hand labels name videos that are not in the media folder: {', '.join(unknown)}")
    found, given = {}, sum(len(own.time_s) for own in labels.values())
    for name, own in labels.items():
        one = followed[name]
        frames = frames_at(own.time_s, one.frame_s)
        frames, closure = frames[frames >= 0], own.closure[frames >= 0]
        single, seen = centred(one, one.frame_s[frames], store, frames=1)
        frames, closure = frames[seen], closure[seen]
        windows, has_window = centred(one, one.frame_s[frames], store)
        read = readings[name][frames] if name in readings else np.full(len(frames), np.nan)
        found[name] = Labelled(closure=closure, read=read, single=single, windows=windows, has_window=has_window)
    used = sum(len(own.closure) for own in found.values())
    centres = sum(int(own.has_window.sum()) for own in found.values())
    return (
        found,
        f"{given} labels, {used} of them in frames where the face is followed, {centres} with a whole window around",
    )
