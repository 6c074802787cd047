"""Manifests: lists of labelled recordings, read and checked as a whole."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from facefatigue.data import labels
from facefatigue.data.rows import FaultsError, Row, number_in, read_table, write_csv
from facefatigue.errors import ConfigurationError, FaceFatigueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

MANIFEST = "manifest.csv"
RATER_PREFIX = "rater"
_OWN_COLUMNS = ("video", "subject", "score", "session", "scenario", "start_s", "end_s", "kss", "class", "label_source")
# Columns that lists of clips have besides; a recording cannot bring its own.
RESERVED_COLUMNS = frozenset(
    {"clip", "recording", "window_start_s", "window_end_s", "coverage", "eye_distance_px", "brightness"}
)
_AGREES_WITHIN = 0.005  # scores are often written with two digits


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A labelled stretch of video of one person.

    Attributes:
        video: The video file.
        subject: Who is seen.
        score: Fatigue in [0, 1].
        session: The occasion of the recording, unique over the whole list; recordings of one session never end up on two
            sides of a split. Empty if unknown.
        scenario: When or where it was made (waking up, off work, …); empty if unknown.
        start_s: Where the stretch starts, in seconds; None: at the start of the video.
        end_s: Where it ends; None: at the end of the video.
        kss: Self-rating on the Karolinska sleepiness scale, 1 to 9, if there is one.
        ratings: Ratings 1 to 5 by rater; a rater who did not rate it is missing.
        label_source: What the score is, in words ("mean of 3 raters", "KSS self-rating", "acted").
        further: Any other column (glasses, skin tone, light, …), by name.
        line: Line of the manifest; 0 if it does not come from one.
    """

    video: Path
    subject: str
    score: float
    session: str = ""
    scenario: str = ""
    start_s: float | None = None
    end_s: float | None = None
    kss: int | None = None
    ratings: Mapping[str, float] = field(default_factory=dict, hash=False)
    label_source: str = ""
    further: Mapping[str, str] = field(default_factory=dict, hash=False)
    line: int = 0

    def cell(self, column: str) -> str:
        """What a column that results can be grouped by says of it; empty where it says nothing.

        Args:
            column: ``session``, ``scenario`` or a further column.
        """
        own = {"session": self.session, "scenario": self.scenario}
        return own[column] if column in own else self.further.get(column, "")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A checked list of recordings.

    Attributes:
        path: The file.
        recordings: One for each line, in order; at least one.
    """

    path: Path
    recordings: tuple[Recording, ...]

    @property
    def raters(self) -> tuple[str, ...]:
        """Everybody who rated something, by name."""
        return tuple(sorted({rater for recording in self.recordings for rater in recording.ratings}))


def read_manifest(place: str | Path) -> Manifest:
    """Read and check a manifest.

    It is a CSV or Parquet file (or a folder with a ``manifest.csv``) with the columns ``video`` (a path, relative to the
    manifest) and ``subject``, and a label: ``score`` in [0, 1], or columns ``rater…`` with ratings from 1 to 5 in steps of
    0.5, or ``kss`` from 1 to 9, or ``class`` (:mod:`facefatigue.data.labels` has the rules). Where several are given the
    first of these is the label, and a score must agree with the ratings. Optional: ``session``, ``scenario``, ``start_s``,
    ``end_s``, ``label_source``; further columns are kept.

    Args:
        place: The file or its folder.

    Raises:
        FaultsError: It cannot be read, or lines are wrong; all faults are in it, with their line numbers.
        MissingExtraError: It is Parquet and pyarrow is not installed.
    """
    path = manifest_path(place)
    table = read_table(path)
    raters = tuple(name for name in table.columns if name.lower().startswith(RATER_PREFIX))
    faults = _column_faults(table.columns, raters)
    if not faults and not table.rows:
        faults = ["it lists no recordings"]
    recordings: list[Recording] = []
    if not faults:
        for row in table.rows:
            found = _recording(row, path.parent, raters)
            if isinstance(found, Recording):
                recordings.append(found)
            else:
                faults += [f"line {row.number}: {fault}" for fault in found]
        faults += overlaps(recordings) + case_faults(recording.subject for recording in recordings)
    if faults:
        raise FaultsError(str(path), faults)
    return Manifest(path=path, recordings=tuple(recordings))


def manifest_path(place: str | Path) -> Path:
    """The manifest that a file or a folder stands for."""
    path = Path(place)
    return path / MANIFEST if path.is_dir() else path


def write_manifest(recordings: Sequence[Recording], path: str | Path) -> None:
    """Write a manifest that :func:`read_manifest` reads back; videos are named relative to it.

    Raises:
        OutputError: It cannot be written.
        ConfigurationError: There is no recording.
    """
    if not recordings:
        raise ConfigurationError(f"{path}: there is no recording to write")
    final = Path(path)
    here = final.absolute().parent
    raters = sorted({name for recording in recordings for name in recording.ratings})
    further = list(dict.fromkeys(name for recording in recordings for name in recording.further))
    columns = [*(name for name in _OWN_COLUMNS if name != "class"), *raters, *further]
    rows = [
        {
            **recording.further,
            **recording.ratings,
            "video": os.path.relpath(recording.video.absolute(), here),
            "subject": recording.subject,
            "score": f"{recording.score:.6g}",
            "session": recording.session,
            "scenario": recording.scenario,
            "start_s": recording.start_s,
            "end_s": recording.end_s,
            "kss": recording.kss,
            "label_source": recording.label_source,
        }
        for recording in recordings
    ]
    used = [
        name
        for name in columns
        if name in {"video", "subject", "score"} or any(row.get(name) not in {None, ""} for row in rows)
    ]
    write_csv(final, used, [{name: row.get(name) for name in used} for row in rows])


def unreadable(recordings: Sequence[Recording], *, on_done: Callable[[int, int], None] | None = None) -> list[str]:
    """Faults of videos that cannot be opened, or are shorter than where a recording starts; each video is opened once.

    Args:
        recordings: From a manifest.
        on_done: Called with the videos done and all videos.
    """
    from facefatigue.video import open_video

    faults: list[str] = []
    videos: dict[Path, list[Recording]] = {}
    for recording in recordings:
        videos.setdefault(recording.video, []).append(recording)
    for number, (video, own) in enumerate(videos.items(), start=1):
        try:
            with open_video(video) as opened:
                length_s = opened.info.duration_s
        except FaceFatigueError as error:
            faults.append(f"line {own[0].line}: {error}")
        else:
            faults += [
                f"line {recording.line}: it starts at {recording.start_s:g} s, but {video.name} is {length_s:.1f} s long"
                for recording in own
                if recording.start_s is not None and length_s is not None and recording.start_s >= length_s
            ]
        if on_done is not None:
            on_done(number, len(videos))
    return faults


def overlaps(recordings: Sequence[Recording]) -> list[str]:
    """Faults of recordings that show the same stretch of the same video."""
    by_video: dict[Path, list[Recording]] = {}
    for recording in recordings:
        by_video.setdefault(Path(os.path.normpath(recording.video)), []).append(recording)
    faults = []
    for own in by_video.values():
        ordered = sorted(own, key=lambda recording: (recording.start_s or 0.0, recording.line))
        before, end_s = ordered[0], _end(ordered[0])
        for after in ordered[1:]:
            if (after.start_s or 0.0) < end_s:
                faults.append(
                    f"line {after.line}: shows the same stretch of {after.video.name} as line {before.line}; "
                    "list it once, or give start_s and end_s that do not overlap"
                )
            if _end(after) > end_s:
                before, end_s = after, _end(after)
    return faults


def _end(recording: Recording) -> float:
    return math.inf if recording.end_s is None else recording.end_s


def case_faults(names: Iterable[str]) -> list[str]:
    """Faults of subjects that differ in case only: most likely one person, who would be taken for two."""
    seen: dict[str, str] = {}
    faults = []
    for name in dict.fromkeys(names):
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            faults.append(f"the subjects {other!r} and {name!r} differ in case only; write one person's name in one way")
    return faults


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, a folder that may not be looked into
        return False


def _column_faults(columns: Sequence[str], raters: Sequence[str]) -> list[str]:
    faults = [f"it has no column {name}" for name in ("video", "subject") if name not in columns]
    if not raters and not {"score", "kss", "class"} & set(columns):
        faults.append("it has no label: a column score, columns rater…, a column kss or a column class is needed")
    faults += [
        f"it has a column {name}, a name that is kept for lists of clips" for name in columns if name in RESERVED_COLUMNS
    ]
    return faults


def _recording(row: Row, folder: Path, raters: Sequence[str]) -> Recording | list[str]:
    cells, faults = row.cells, []
    video = folder / cells["video"]
    if not cells["video"]:
        faults.append("the video is empty")
    elif not _is_file(video):
        faults.append(f"{cells['video']}: no such file (paths are relative to the manifest)")
    if not cells["subject"]:
        faults.append("the subject is empty")
    start_s, end_s = (_time(cells, name, faults) for name in ("start_s", "end_s"))
    if end_s is not None and (start_s or 0.0) >= end_s:
        faults.append(f"it ends at {end_s:g} s, which is not after its start at {start_s or 0.0:g} s")
    ratings = _ratings(cells, raters, faults)
    kss = _kss(cells, faults)
    score, source = _score(cells, ratings, kss, faults)
    if faults:
        return faults
    taken = {*_OWN_COLUMNS, *raters}
    return Recording(
        video=video,
        subject=cells["subject"],
        score=score,
        session=cells.get("session", ""),
        scenario=cells.get("scenario", ""),
        start_s=start_s,
        end_s=end_s,
        kss=kss,
        ratings=ratings,
        label_source=cells.get("label_source", "") or source,
        further={name: cell for name, cell in cells.items() if name not in taken},
        line=row.number,
    )


def _time(cells: Mapping[str, str], name: str, faults: list[str]) -> float | None:
    if not (text := cells.get(name, "")):
        return None
    value = number_in(text)
    if not value >= 0:
        faults.append(f"{name} is {text!r}, not a number of seconds of at least 0")
        return None
    return value


def _ratings(cells: Mapping[str, str], raters: Sequence[str], faults: list[str]) -> dict[str, float]:
    ratings = {}
    for rater in raters:
        if not (text := cells[rater]):
            continue
        value = number_in(text)
        if math.isnan(value) or not labels.is_rating(value):
            faults.append(f"{rater} is {text!r}, not a rating from 1 to 5 in steps of 0.5")
        else:
            ratings[rater] = value
    return ratings


def _kss(cells: Mapping[str, str], faults: list[str]) -> int | None:
    if not (text := cells.get("kss", "")):
        return None
    value = number_in(text)
    low, high = labels.KSS_SCALE
    if not (low <= value <= high and value.is_integer()):
        faults.append(f"kss is {text!r}, not a whole number from {low} to {high}")
        return None
    return int(value)


def _score(cells: Mapping[str, str], ratings: Mapping[str, float], kss: int | None, faults: list[str]) -> tuple[float, str]:
    """The score and what it is, by the first label that the line has."""
    rated = labels.score_from_ratings(list(ratings.values())) if ratings else None
    if text := cells.get("score", ""):
        score = number_in(text)
        if not 0 <= score <= 1:
            faults.append(f"the score is {text!r}, not a number in [0, 1]")
        elif rated is not None and abs(score - rated) > _AGREES_WITHIN:
            faults.append(f"the score is {score:g}, but the ratings give (mean − 1) / 4 = {rated:.4g}")
        return score, f"mean of {len(ratings)} raters" if rated is not None else ""
    if rated is not None:
        return rated, f"mean of {len(ratings)} rater{'s' if len(ratings) > 1 else ''}"
    if kss is not None:
        return labels.score_from_kss(kss), "KSS self-rating"
    if name := cells.get("class", ""):
        try:
            return labels.score_from_class(name), "class"
        except ConfigurationError as error:
            faults.append(str(error))
            return math.nan, ""
    if not faults:  # a wrong label has been named already
        faults.append("it has no label (score, ratings, kss or class)")
    return math.nan, ""
