"""DAiSEE: ten-second clips of people who watch lectures at a computer, rated by a crowd.

Gupta, D'Cunha, Awasthi and Balasubramanian, "DAiSEE: Towards User Engagement Recognition in the Wild", arXiv:1609.01885.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from facefatigue.data.layouts.reading import Layout, Reading, Skipped, bare_name, files_below, folders_of, read_videos
from facefatigue.data.manifest import Recording
from facefatigue.data.rows import FaultsError, number_in, read_table
from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TARGETS = ("boredom", "engagement")
_STATES = ("boredom", "engagement", "confusion", "frustration")
_LEVELS = 3  # ratings are 0 (very low) to 3 (very high)
_SOURCES = {
    "boredom": "DAiSEE boredom (crowd-rated), not fatigue",
    "engagement": "DAiSEE lack of engagement (crowd-rated), not fatigue",
}
_LABEL_FILE = re.compile(r"(all|train|validation|test)labels\.csv", re.IGNORECASE)
_PARTS = ("train", "validation", "test")


def read_daisee(root: Path, *, target: str = "boredom") -> Reading:
    """Read DAiSEE: boredom / 3 becomes the score, or 1 − engagement / 3.

    The subject is named by the folder. Further columns: ``boredom``, ``engagement``, ``confusion`` and ``frustration`` as
    rated (0 to 3), and ``published_part`` (train, validation or test). Clips without a label are skipped.

    Args:
        root: The folder with ``DataSet`` and ``Labels``, at any depth.
        target: ``boredom`` or ``engagement``.

    Raises:
        ConfigurationError: Another target, there is no folder, there are no label files, or nothing can be used.
        FaultsError: Label files are damaged or disagree; all faults are in it, with their lines.
    """
    if target not in TARGETS:
        raise ConfigurationError(f"the target is {target!r}; it must be one of {', '.join(TARGETS)}")
    files = files_below(root, LAYOUT)
    tables = [path for path in files if _LABEL_FILE.fullmatch(path.name)]
    if not tables:
        raise ConfigurationError(f"{root}: there are no label files below it; {LAYOUT.expectation}")
    ratings = _read_labels(root, tables)

    def read(video: Path) -> Sequence[Recording | Skipped]:
        clip = bare_name(video)
        own = ratings.get(clip)
        if own is None:
            return [Skipped(path=video, reason="no label file lists it")]
        folders = [folder for folder in reversed(folders_of(video, root)) if folder != clip]
        parts = [folder.lower() for folder in folders if folder.lower() in _PARTS]
        if not parts or folders[0].lower() in {*_PARTS, "videos"}:
            return [Skipped(path=video, reason="its folders name no part with a subject")]
        level = own[target] / _LEVELS
        return [
            Recording(
                video=video,
                subject=folders[0],
                score=level if target == "boredom" else 1 - level,
                label_source=_SOURCES[target],
                further={**{state: str(own[state]) for state in _STATES}, "published_part": parts[0]},
            )
        ]

    return read_videos(root, LAYOUT, files, read, identity=lambda recording: bare_name(recording.video))


def _read_labels(root: Path, tables: Sequence[Path]) -> Mapping[str, Mapping[str, int]]:
    """The four ratings of each clip; a clip may be in several files (all, train) if they agree."""
    ratings: dict[str, dict[str, int]] = {}
    faults: list[str] = []
    for path in tables:
        shown = path.relative_to(root)
        try:
            table = read_table(path)
        except FaultsError as error:
            faults += [f"{shown}: {fault}" for fault in error.faults]
            continue
        names = {column.lower(): column for column in table.columns}
        missing = [name for name in ("clipid", *_STATES) if name not in names]
        if missing:
            faults.append(f"{shown} has no column {', '.join(missing)}")
            continue
        for row in table.rows:
            clip = bare_name(Path(row.cells[names["clipid"]]))
            texts = {state: row.cells[names[state]] for state in _STATES}
            wrong = [f"{state} is {text!r}" for state, text in texts.items() if number_in(text) not in range(_LEVELS + 1)]
            where = f"{shown} line {row.number}"
            if not clip:
                faults.append(f"{where}: the clip is empty")
            elif wrong:
                faults.append(f"{where}: {', '.join(wrong)}, not a whole number from 0 to {_LEVELS}")
            else:
                levels = {state: int(number_in(text)) for state, text in texts.items()}
                if ratings.setdefault(clip, levels) != levels:
                    faults.append(f"{where}: clip {clip} has other ratings than before")
    if faults:
        raise FaultsError(str(root), faults)
    return ratings


LAYOUT = Layout(
    name="daisee",
    title="DAiSEE",
    describes="How bored or engaged a crowd thought that somebody at a computer looks, which is not fatigue.",
    tree="ROOT/DataSet/{Train,Validation,Test}/SUBJECT/CLIP/CLIP.avi and ROOT/Labels/{Train,Validation,Test}Labels.csv",
    reader=read_daisee,
    options={"target": f"which rating becomes the score: {' or '.join(TARGETS)} (default: boredom)"},
)
