"""What `prepare` leaves to read: the list of clips, the table of recordings, the quarantine."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facefatigue.data.manifest import MANIFEST
from facefatigue.data.rows import write_csv

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from facefatigue.data.clipping import ClipPlace, Cut
    from facefatigue.data.manifest import Recording

RECORDINGS_FILE, QUARANTINE_FILE = "recordings.csv", "quarantine.csv"
_CLIP_COLUMNS = (
    "clip", "subject", "score", "session", "scenario", "kss", "label_source", "recording", "window_start_s", "window_end_s",
    "coverage", "eye_distance_px", "brightness",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one recording.

    Attributes:
        recording: The recording.
        name: It in words, unique in its manifest.
        target: The file for its clips; None if it was not to be cut.
        cut: What is in the file and what was left out; None if it was not cut.
        problem: Why it has no clip; None if it has.
    """

    recording: Recording
    name: str
    target: Path | None
    cut: Cut | None
    problem: str | None


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What a folder of prepared clips holds; the counts add up.

    Attributes:
        manifest: Path of the list of clips.
        recordings: Recordings listed: those with clips and those in quarantine.
        done_before: Recordings that an earlier call had done.
        clips: Clips listed.
        windows: Windows of all main faces: clips and those left out.
        rejected: Windows left out, by reason.
        quarantine: The recordings without a clip.
    """

    manifest: Path
    recordings: int
    done_before: int
    clips: int
    windows: int
    rejected: Mapping[str, int]
    quarantine: tuple[Outcome, ...]


def recording_name(recording: Recording, named_from: Path) -> str:
    """A recording in words that are unique in its list: the video relative to a folder, and the stretch."""
    video = Path(os.path.relpath(recording.video, named_from)).as_posix()
    if recording.start_s is None and recording.end_s is None:
        return video
    end = "" if recording.end_s is None else f"{recording.end_s:g}"
    return f"{video}@{recording.start_s or 0.0:g}-{end}"


def write_lists(folder: Path, outcomes: Sequence[Outcome], *, done_before: int) -> Prepared:
    """Write manifest.csv, recordings.csv and quarantine.csv.

    Args:
        folder: The folder of the clips.
        outcomes: One for each recording, in order; at least one.
        done_before: Recordings that an earlier call had done.

    Raises:
        OutputError: A file cannot be written.
    """
    further = dict.fromkeys(name for outcome in outcomes for name in outcome.recording.further)
    clips = [row for outcome in outcomes for row in _clip_rows(folder, outcome)]
    quarantine = tuple(outcome for outcome in outcomes if outcome.problem is not None)
    rejected: Counter[str] = Counter()
    for outcome in outcomes:
        rejected.update({} if outcome.cut is None else outcome.cut.rejected)
    write_csv(folder / MANIFEST, [*_CLIP_COLUMNS, *further], clips)
    rows = [_recording_row(outcome) for outcome in outcomes]
    write_csv(folder / RECORDINGS_FILE, list(rows[0]), rows)
    columns = ["recording", "line", "subject", "problem"]
    picked = [{column: row[column] for column in columns} for row in rows if row["problem"]]
    write_csv(folder / QUARANTINE_FILE, columns, picked)
    return Prepared(
        manifest=folder / MANIFEST,
        recordings=len(outcomes),
        done_before=done_before,
        clips=len(clips),
        windows=len(clips) + rejected.total(),
        rejected=dict(sorted(rejected.items())),
        quarantine=quarantine,
    )


def _recording_row(outcome: Outcome) -> dict[str, object]:
    cut = outcome.cut
    return {
        "recording": outcome.name,
        "line": outcome.recording.line,
        "subject": outcome.recording.subject,
        "score": f"{outcome.recording.score:.6g}",
        "clips": 0 if cut is None else len(cut.clips),
        "left_out": "" if cut is None else "; ".join(f"{count} {reason}" for reason, count in cut.rejected.items()),
        "problem": outcome.problem,
        "notes": "" if cut is None else "; ".join(cut.notes),
    }


def _clip_rows(folder: Path, outcome: Outcome) -> list[dict[str, object]]:
    if outcome.problem is not None or outcome.cut is None or outcome.target is None:
        return []
    shard = outcome.target.relative_to(folder).as_posix()
    return [_clip_row(outcome, f"{shard}#{index}", place) for index, place in enumerate(outcome.cut.clips)]


def _clip_row(outcome: Outcome, clip: str, place: ClipPlace) -> dict[str, object]:
    recording = outcome.recording
    return {
        **recording.further,
        "clip": clip,
        "subject": recording.subject,
        "score": f"{recording.score:.6g}",
        "session": recording.session,
        "scenario": recording.scenario,
        "kss": recording.kss,
        "label_source": recording.label_source,
        "recording": outcome.name,
        "window_start_s": f"{place.start_s:.3f}",
        "window_end_s": f"{place.end_s:.3f}",
        "coverage": f"{place.coverage:.3f}",
        "eye_distance_px": f"{place.eye_distance_px:.1f}",
        "brightness": f"{place.brightness:.3f}",
    }
