"""Lists of the published code: one video and its mean rating on each line (arXiv:2104.10420)."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from facefatigue.data.labels import RATING_SCALE, score_from_mean_rating
from facefatigue.data.layouts.reading import Layout, Reading, Skipped, bare_name, files_below, is_video
from facefatigue.data.manifest import Recording
from facefatigue.data.rows import FaultsError, number_in, read_table
from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LABEL_SOURCE = "mean rating from 1 to 5 of a list of the published code"


class _Line(NamedTuple):
    """The fields of a line, as text; the subject is empty if it is not on the line."""

    name: str
    rating: str
    subject: str = ""


def read_published_list(
    path: Path, *, root: Path | None = None, subjects: Path | None = None, subject_pattern: str | None = None
) -> Reading:
    """Read a list of the published code: ``name score`` on each line, split at blanks, the mean rating from 1 to 5.

    Such a list does not say who is seen, and without that no split is fair. So the subject comes from a third field, or from
    a table, or out of the name. A name may contain blanks; where that leaves two ways to read a line, fields can be split by
    tabs. The suffix of a video may be missing.

    Args:
        path: The list.
        root: The folder that names are relative to; by default the list's own. Its videos that are not listed are skipped.
        subjects: A CSV file with the columns ``name`` (as in the list, or without suffix) and ``subject``; lines then have
            two fields.
        subject_pattern: A regular expression that is searched for in the name without suffix, and whose one group is the
            subject; lines then have two fields.

    Raises:
        ConfigurationError: Both ways to the subject are given, the pattern is none with one group, or the root has no video.
        FaultsError: Anything is wrong with the list or the table of subjects; all faults are in it, with their lines.
    """
    texts = _read_lines(path)
    find_subject = _subject_finder(subjects, subject_pattern)
    folder = path.parent if root is None else Path(root)
    files = files_below(folder, LAYOUT)
    find_videos = _video_finder(folder, files)
    faults: list[str] = []
    recordings: list[Recording] = []
    first: dict[Path, int] = {}
    for number, text in enumerate(texts, start=1):
        if not text.strip():
            continue
        line = _split(text.strip(), find_videos, named=find_subject is not None)
        found = _recording(number, line, find_videos, find_subject) if isinstance(line, _Line) else [line]
        if isinstance(found, Recording):
            before = first.setdefault(found.video.resolve(), number)
            recordings.append(found)
            found = [] if before == number else [f"{found.video.name} is in line {before} already"]
        faults += [f"line {number}: {fault}" for fault in found]
    if not recordings and not faults:
        faults = ["it lists no videos"]
    if faults:
        raise FaultsError(str(path), faults)
    others = (file for file in files if is_video(file) and file.resolve() not in first)
    skipped = tuple(Skipped(path=file, reason="it is not in the list") for file in others)
    return Reading(recordings=tuple(recordings), skipped=skipped)


def _read_lines(path: Path) -> Sequence[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise FaultsError(str(path), [f"it cannot be read: {reason}"]) from None


def _video_finder(folder: Path, files: Sequence[Path]) -> Callable[[str], list[Path]]:
    """A function that gives the file of a name, else those that have it with the suffix of a video."""
    by_name: dict[str, list[Path]] = {}
    for file in filter(is_video, files):
        by_name.setdefault(os.path.normpath(file.with_suffix("")), []).append(file)

    def find(name: str) -> list[Path]:
        named = folder / name
        return [named] if named.is_file() else by_name.get(os.path.normpath(named), [])

    return find


def _split(text: str, find_videos: Callable[[str], list[Path]], *, named: bool) -> _Line | str:
    """The fields of a line, or what is wrong with it; ``named`` says that the subject is not on it."""
    tabs = [cell.strip() for cell in text.split("\t")]
    if len(tabs) == (2 if named else 3):
        return _Line(*tabs)
    fields = text.rsplit(maxsplit=1)
    if len(fields) < 2:
        return f"{text!r} is not a name and a score"
    two = _Line(*fields)
    fields = text.rsplit(maxsplit=2)
    if named or len(fields) < 3:
        return two
    three = _Line(*fields)
    # "video 1 3.5" is "video 1" without a subject, or "video" of a subject 3.5: what exists decides.
    found = [line for line in (three, two) if find_videos(line.name)]
    with_score = [line for line in found or (three, two) if not math.isnan(number_in(line.rating))]
    if len(found) > 1 and len(with_score) > 1:
        return f"{text!r} can be read in two ways; put tabs between name, score and subject"
    return (with_score or found or [three])[0]


def _recording(
    number: int, line: _Line, find_videos: Callable[[str], list[Path]], find_subject: Callable[[str], str] | None
) -> Recording | list[str]:
    faults = []
    videos = find_videos(line.name)
    if not videos:
        faults.append(f"{line.name}: no such file, with or without the suffix of a video")
    elif len(videos) > 1:
        faults.append(f"{line.name} can be {' or '.join(video.name for video in videos)}; write its suffix")
    rating = number_in(line.rating)
    low, high = RATING_SCALE
    if not low <= rating <= high:  # also if it is no number
        faults.append(f"the score is {line.rating!r}, not a number from {low:g} to {high:g}")
    subject = line.subject if find_subject is None else find_subject(line.name)
    if not subject and find_subject is None:
        faults.append("there is no third field with the subject; add it, or give a table of subjects or a subject pattern")
    elif not subject:
        faults.append(f"the table of subjects or the subject pattern gives no subject for {line.name}")
    if faults:
        return faults
    score = score_from_mean_rating(rating)
    return Recording(video=videos[0], subject=subject, score=score, label_source=LABEL_SOURCE, line=number)


def _subject_finder(subjects: Path | None, pattern: str | None) -> Callable[[str], str] | None:
    """A function that gives the subject of a name, empty if there is none; None if the lines have it."""
    if subjects is not None and pattern is not None:
        raise ConfigurationError("a table of subjects and a subject pattern are given; give one of them")
    if subjects is not None:
        table = _read_subjects(Path(subjects))
        return lambda name: table.get(_key(name), "")
    return None if pattern is None else _from_pattern(pattern)


def _from_pattern(pattern: str) -> Callable[[str], str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ConfigurationError(f"the subject pattern {pattern!r} is no regular expression: {error}") from None
    if compiled.groups != 1:
        raise ConfigurationError(f"the subject pattern {pattern!r} has {compiled.groups} groups; it must have one")

    def find(name: str) -> str:
        match = compiled.search(_key(name))
        return (match[1] or "").strip() if match else ""

    return find


def _read_subjects(path: Path) -> dict[str, str]:
    table = read_table(path)
    faults = [f"it has no column {name}" for name in ("name", "subject") if name not in table.columns]
    subjects: dict[str, str] = {}
    for row in () if faults else table.rows:
        name, subject = _key(row.cells["name"]), row.cells["subject"]
        if not name or not subject:
            faults.append(f"line {row.number}: the {'subject' if name else 'name'} is empty")
        elif subjects.setdefault(name, subject) != subject:
            faults.append(f"line {row.number}: {name} has the subject {subject}, but {subjects[name]} before")
    if faults:
        raise FaultsError(str(path), faults)
    return subjects


def _key(name: str) -> str:
    """A name of a list without its suffix; its folders stay."""
    return (Path(name).parent / bare_name(Path(name))).as_posix() if name else ""


LAYOUT = Layout(
    name="published",
    title="A list of the published code",
    describes="The mean of what raters gave a recording, from 1 to 5.",
    tree="a text file with NAME SCORE SUBJECT on each line, its videos below the same folder or below root",
    reader=read_published_list,
    options={
        "root": "the folder that names are relative to (default: the list's own)",
        "subjects": "a CSV file with the columns name and subject",
        "subject_pattern": "a regular expression whose one group is the subject in the name",
    },
)
