"""DROZY: infrared videos of people in three vigilance tests over a night without sleep.

Massoz, Langohr, François and Verly, "The ULg Multimodality Drowsiness Database (called DROZY) and Examples of Use", WACV
2016.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from facefatigue.data.labels import KSS_SCALE, score_from_kss
from facefatigue.data.layouts.reading import Layout, Reading, Skipped, bare_name, files_below, read_videos
from facefatigue.data.manifest import Recording
from facefatigue.data.rows import FaultsError
from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LABEL_SOURCE = "KSS self-rating"
KSS_FILE = "KSS.txt"
_SUBJECTS, _TESTS = 14, 3
_NAME = re.compile(r"(\d+)-(\d+)")


def read_drozy(root: Path) -> Reading:
    """Read DROZY: the self-rating before each test is the label (:func:`~facefatigue.data.labels.score_from_kss`).

    The scenario is the test (``PVT 1`` rested, ``PVT 2`` and ``PVT 3`` after a night without sleep), the session the subject
    with the test; a further column ``light`` is ``infrared``.

    Args:
        root: The folder with ``KSS.txt`` and the videos, at any depth.

    Raises:
        ConfigurationError: There is no folder or no ``KSS.txt``, or nothing can be used.
        FaultsError: ``KSS.txt`` is damaged; all faults are in it, with their lines.
    """
    files = files_below(root, LAYOUT)
    ratings = [path for path in files if path.name.lower() == KSS_FILE.lower()]
    if not ratings:
        raise ConfigurationError(f"{root}: there is no {KSS_FILE} below it; {LAYOUT.expectation}")
    kss = _read_kss(min(ratings, key=lambda path: len(path.parts)))

    def read(video: Path) -> Sequence[Recording | Skipped]:
        name = _NAME.fullmatch(bare_name(video))
        if name is None:
            return [Skipped(path=video, reason="its name is not SUBJECT-TEST, as in 1-3.mp4")]
        subject, test = int(name[1]), int(name[2])
        rating = kss.get((subject, test))
        if rating is None:
            return [Skipped(path=video, reason=f"{KSS_FILE} has no subject {subject} with test {test}")]
        if rating == 0:
            return [Skipped(path=video, reason=f"{KSS_FILE} has 0 for it: this test was not done")]
        return [
            Recording(
                video=video,
                subject=str(subject),
                score=score_from_kss(rating),
                session=f"{subject}-{test}",
                scenario=f"PVT {test}",
                kss=rating,
                label_source=LABEL_SOURCE,
                further={"light": "infrared"},
            )
        ]

    return read_videos(root, LAYOUT, files, read, identity=lambda recording: recording.session)


def _read_kss(path: Path) -> Mapping[tuple[int, int], int]:
    """The rating by subject and test, from 1; 0 where the test was not done."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise FaultsError(str(path), [f"it cannot be read: {reason}"]) from None
    rows = [(number, cells) for number, line in enumerate(lines, start=1) if (cells := line.replace(",", " ").split())]
    faults, high = [], KSS_SCALE[1]
    kss = {}
    for subject, (number, cells) in enumerate(rows, start=1):
        if len(cells) != _TESTS:
            faults.append(f"line {number} has {len(cells)} numbers, not one for each of the {_TESTS} tests")
        for test, cell in enumerate(cells, start=1):
            if cell.isascii() and cell.isdecimal() and int(cell) <= high:
                kss[subject, test] = int(cell)
            else:
                faults.append(f"line {number}: {cell!r} is not a whole number from 0 (not done) to {high}")
    if len(rows) != _SUBJECTS:
        faults.append(f"it has {len(rows)} lines, not one for each of the {_SUBJECTS} subjects")
    if faults:
        raise FaultsError(str(path), faults)
    return kss


LAYOUT = Layout(
    name="drozy",
    title="DROZY",
    describes="How sleepy people said they were just before a vigilance test: a self-rating from 1 to 9 (KSS).",
    tree=f"ROOT/{KSS_FILE} and ROOT/videos_i8/SUBJECT-TEST.mp4",
    reader=read_drozy,
)
