"""UTA-RLDD: ten-minute videos of people at home, who named their own state.

Ghoddoosian, Galib and Athitsos, "A Realistic Dataset and Baseline Temporal Model for Early Drowsiness Detection", CVPR
Workshops 2019 (arXiv:1904.07312).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from facefatigue.data.labels import score_from_class
from facefatigue.data.layouts.reading import Layout, Reading, Skipped, bare_name, files_below, folders_of, read_videos
from facefatigue.data.manifest import Recording
from facefatigue.data.rows import FaultsError

if TYPE_CHECKING:
    from pathlib import Path

LABEL_SOURCE = "UTA-RLDD class (self-reported; KSS 1–3, 6–7, 8–9)"
# The paper, section 3: classes by file name.
_CLASSES = {"0": "alert", "5": "low vigilance", "10": "drowsy"}
# 10_1 and 10_2 are two parts of one recording.
_NAME = re.compile(r"(0|5|10)(?:[_-]\d+)?")
_FOLD = re.compile(r"fold[ _-]*(\d+)(?:[ _-]*part[ _-]*\d+)?", re.IGNORECASE)


def read_uta_rldd(root: Path) -> Reading:
    """Read UTA-RLDD: classes 0, 5 and 10 become scores 0, 0.5 and 1.

    The subject is the number of the folder, the session the subject with the class, and a further column ``fold`` has the
    number of the published fold where the folders tell it.

    Args:
        root: The folder with the folds, at any depth, or one of them.

    Raises:
        ConfigurationError: There is no folder, or nothing in it can be used.
        FaultsError: A subject is in several folds: the numbers are not the published ones.
    """
    reading = read_videos(
        root,
        LAYOUT,
        files_below(root, LAYOUT),
        lambda video: [_read(video, root)],
        identity=lambda recording: (recording.subject, recording.further.get("fold"), bare_name(recording.video)),
    )
    folds: dict[str, set[str]] = {}
    for recording in reading.recordings:
        folds.setdefault(recording.subject, set()).add(recording.further.get("fold", "none"))
    faults = [
        f"subject {subject} is in the folds {', '.join(sorted(own))}, but a published number is in one fold only"
        for subject, own in sorted(folds.items())
        if len(own) > 1
    ]
    if faults:
        raise FaultsError(str(root), faults)
    return reading


def _read(video: Path, root: Path) -> Recording | Skipped:
    name = _NAME.fullmatch(bare_name(video))
    if name is None:
        return Skipped(path=video, reason="its name is not 0, 5 or 10, the published classes")
    *above, number = folders_of(video, root)
    if not (number.isascii() and number.isdecimal()):
        return Skipped(path=video, reason="its folder is not the number of a subject")
    subject = f"{int(number):02d}"
    folds = [match[1] for part in reversed(above) if (match := _FOLD.fullmatch(part))]
    return Recording(
        video=video,
        subject=subject,
        score=score_from_class(_CLASSES[name[1]]),
        session=f"{subject}-{name[1]}",
        label_source=LABEL_SOURCE,
        further={"fold": str(int(folds[0]))} if folds else {},
    )


LAYOUT = Layout(
    name="uta-rldd",
    title="UTA-RLDD",
    describes="How awake people felt when they filmed themselves: alert, low vigilance or drowsy, self-reported.",
    tree="ROOT/FoldN_partM/SUBJECT/{0,5,10}.mov (or _1, _2; or .mp4, .m4v, …)",
    reader=read_uta_rldd,
)
