"""NTHU-DDD: people who act drowsy and alert in a driving simulator, labelled frame by frame.

Weng, Lai and Lai, "Driver Drowsiness Detection via a Hierarchical Temporal Deep Belief Network", ACCV Workshops 2016.
"""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from facefatigue.data.layouts.reading import Layout, Reading, Skipped, bare_name, files_below, is_video, read_videos
from facefatigue.data.manifest import Recording
from facefatigue.data.rows import FaultsError
from facefatigue.errors import ConfigurationError, SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FRAME_SOURCE = "NTHU-DDD frame annotation (acted)"
VIDEO_SOURCE = "NTHU-DDD class of the whole video (acted)"
_ENDING = "_drowsiness.txt"
_BEHAVIOURS = {
    name.lower(): name for name in ("yawning", "slowBlinkWithNodding", "sleepyCombination", "nonsleepyCombination", "mix")
}
_BEHAVIOURS["mixing"] = "mix"  # so called in the names of annotations
_WHOLE_VIDEO = {"nonsleepyCombination": 0.0, "sleepyCombination": 1.0}
_BEHAVIOUR = rf"(?P<behaviour>{'|'.join(_BEHAVIOURS)})"
# 004_nightglasses_mix, and what folders and names make together: 001_night_noglasses_yawning
_FULL = re.compile(rf"(?P<subject>\d+)_(?P<night>night_?)?(?P<glasses>(?:no|sun)?glasses)_{_BEHAVIOUR}", re.IGNORECASE)
# yawning.avi and 001_yawning_drowsiness.txt, in 001/night_noglasses/
_SHORT = re.compile(rf"(?:(?P<subject>\d+)_)?{_BEHAVIOUR}", re.IGNORECASE)
_GLASSES = {"noglasses": "none", "glasses": "glasses", "sunglasses": "sunglasses"}
# Annotations of the right video are a few frames longer or shorter than it, never this much of its length.
_MISMATCH = 0.1


@dataclass(frozen=True)
class _Take:
    """What folders and name say about a video or its annotation."""

    subject: str
    night: bool
    glasses: str
    behaviour: str

    @property
    def scenario(self) -> str:
        return f"{'night_' if self.night else ''}{self.glasses}"


def read_nthu_ddd(root: Path, *, min_s: float = 1.0) -> Reading:
    """Read NTHU-DDD: each run of frames with one label becomes a recording, drowsy with score 1, else 0.

    Runs shorter than ``min_s`` are skipped. A video without annotation counts as a whole if its class says alert
    (nonsleepyCombination) or drowsy (sleepyCombination), and is skipped otherwise; so are all videos of the test part,
    unless its later annotations are there too. Further columns: ``glasses``, ``light``, ``behaviour``; the session is the
    subject with scenario and behaviour.

    Args:
        root: The folder with the parts, at any depth.
        min_s: The shortest run that becomes a recording, in seconds, at least 0.

    Raises:
        ConfigurationError: A wrong ``min_s``, there is no folder, or nothing in it can be used.
        FaultsError: Annotations are damaged; all faults are in it, with their lines.
    """
    if not (math.isfinite(min_s) and min_s >= 0):
        raise ConfigurationError(f"min_s is {min_s}; it must be a number of seconds of at least 0")
    files = files_below(root, LAYOUT)
    takes = {path: take for path in files if is_video(path) and (take := _take(path, bare_name(path)))}
    labels = _read_annotations(root, files, takes)

    def read(video: Path) -> Sequence[Recording | Skipped]:
        take = takes.get(video)
        if take is None:
            return [Skipped(path=video, reason="its folders and name give no subject, scenario and behaviour")]
        if video in labels:
            return _read_runs(video, take, labels[video], min_s)
        if take.behaviour in _WHOLE_VIDEO:
            return [_recording(video, take, _WHOLE_VIDEO[take.behaviour], VIDEO_SOURCE)]
        why = "the test part came without" if take.behaviour == "mix" else "its class shows both states"
        return [Skipped(path=video, reason=f"there is no annotation …{_ENDING} of it, and {why}")]

    return read_videos(root, LAYOUT, files, read, identity=lambda recording: recording.session)


def _take(path: Path, name: str) -> _Take | None:
    if short := _SHORT.fullmatch(name):
        subject = short["subject"] or path.parent.parent.name
        name = f"{subject}_{path.parent.name}_{short['behaviour']}"
    match = _FULL.fullmatch(name)
    if match is None:
        return None
    behaviour = _BEHAVIOURS[match["behaviour"].lower()]
    return _Take(f"{int(match['subject']):03d}", match["night"] is not None, match["glasses"].lower(), behaviour)


def _read_annotations(root: Path, files: Sequence[Path], takes: Mapping[Path, _Take]) -> dict[Path, str]:
    """One digit for each frame, by video; an annotation beside its video comes before one elsewhere."""
    annotations: dict[_Take, list[Path]] = {}
    for path in files:
        ending = path.name.lower().endswith(_ENDING)
        if ending and (take := _take(path, path.name[: -len(_ENDING)])):
            annotations.setdefault(take, []).append(path)
    chosen: dict[Path, Path] = {}
    for video, take in takes.items():
        own = annotations.get(take, [])
        beside = [path for path in own if path.parent == video.parent]
        if own:
            chosen[video] = (beside or own)[0]
    faults: list[str] = []
    digits = {path: _read_digits(path, str(path.relative_to(root)), faults) for path in sorted(set(chosen.values()))}
    if faults:
        raise FaultsError(str(root), faults)
    return {video: digits[path] for video, path in chosen.items()}


def _read_digits(path: Path, shown: str, faults: list[str]) -> str:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        faults.append(f"{shown} cannot be read: {reason}")
        return ""
    rows = ["".join(line.split()) for line in lines]
    wrong = [
        (number, "".join(dict.fromkeys(row.translate({48: None, 49: None})))) for number, row in enumerate(rows, start=1)
    ]
    faults += [f"{shown} line {number} has {odd[:20]!r}, not only 0 and 1" for number, odd in wrong if odd]
    if not any(rows):
        faults.append(f"{shown} is empty")
    return "".join(rows)


def _read_runs(video: Path, take: _Take, digits: str, min_s: float) -> Sequence[Recording | Skipped]:
    from facefatigue.video import probe

    try:
        info = probe(video)
    except SourceError as error:
        return [Skipped(path=video, reason=f"it cannot be read: {error}")]
    rate_hz, frames = info.frame_rate_hz, info.frames or len(digits)
    if not rate_hz:
        return [Skipped(path=video, reason="it has no frame rate, so its labels have no times")]
    if abs(frames - len(digits)) > _MISMATCH * frames:
        reason = f"it has {frames} frames, but its annotation {len(digits)} labels; they do not belong together"
        return [Skipped(path=video, reason=reason)]
    found: list[Recording | Skipped] = []
    first = 0
    # Frames after the last label are a run of their own.
    for label, group in itertools.groupby(digits[:frames].ljust(frames)):
        end = first + len(list(group))
        start_s, end_s = first / rate_hz, end / rate_hz
        long = (end - first) / rate_hz >= min_s
        if label == " ":
            if long:
                found.append(Skipped(path=video, reason="no label", start_s=start_s, end_s=end_s))
        elif long:
            found.append(_recording(video, take, float(label), FRAME_SOURCE, start_s=start_s, end_s=end_s))
        else:
            reason = f"a run of labels shorter than {min_s:g} s"
            found.append(Skipped(path=video, reason=reason, start_s=start_s, end_s=end_s))
        first = end
    if any(isinstance(one, Recording) for one in found):
        return found
    return [Skipped(path=video, reason=f"none of its runs of labels is as long as {min_s:g} s")]


def _recording(
    video: Path, take: _Take, score: float, source: str, *, start_s: float | None = None, end_s: float | None = None
) -> Recording:
    return Recording(
        video=video,
        subject=take.subject,
        score=score,
        session=f"{take.subject}-{take.scenario}-{take.behaviour}",
        scenario=take.scenario,
        start_s=start_s,
        end_s=end_s,
        label_source=source,
        # All its cameras were infrared, by day too.
        further={
            "glasses": _GLASSES[take.glasses],
            "light": f"infrared {'night' if take.night else 'day'}",
            "behaviour": take.behaviour,
        },
    )


LAYOUT = Layout(
    name="nthu-ddd",
    title="NTHU-DDD",
    describes="Whether somebody acts drowsy, frame by frame, as labelled by its authors.",
    tree="ROOT/SUBJECT/SCENARIO/{yawning,slowBlinkWithNodding,sleepyCombination,nonsleepyCombination}.avi with "
    "SUBJECT_…_drowsiness.txt beside, and SUBJECT_SCENARIO_mix.mp4 with SUBJECT_SCENARIO_mixing_drowsiness.txt",
    reader=read_nthu_ddd,
    options={"min_s": "the shortest run of equal labels that becomes a recording, in seconds (default: 1)"},
)
