"""Prepare: labelled recordings to aligned face clips, once, in parallel, and going on where it was stopped.

The folder that is made holds

    prepare.json      the form of the clips and how they are cut
    clips/ab/KEY.npy  the clips of one recording, (N, T, H, W, 3) uint8 RGB; KEY is a hash of the video's content, the
                      stretch and the settings, so that nothing is done twice and nothing is taken for something else
    clips/ab/KEY.json when each clip was, how well its face was seen, and what was left out; written last
    manifest.csv      one line for each clip: what `train` and `evaluate` take
    recordings.csv    one line for each recording: its clips and what was left out
    quarantine.csv    the recordings without a clip, each with the reason
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facefatigue.atomic import atomic_path, make_folder, output_error
from facefatigue.data.clipping import ClipPlace, Cut, cut_video, file_sha256
from facefatigue.data.manifest import MANIFEST, read_manifest
from facefatigue.data.prepared import (
    QUARANTINE_FILE,
    RECORDINGS_FILE,
    Outcome,
    Prepared,
    recording_name,
    write_lists,
)
from facefatigue.data.rows import FaultsError
from facefatigue.data.stretches import Stretch
from facefatigue.data.workers import WorkerDiedError, run_jobs
from facefatigue.errors import ConfigurationError, SourceError
from facefatigue.estimate import Limits
from facefatigue.estimate.estimator import MAX_STRIDE_S
from facefatigue.locks import only_run_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from facefatigue.clips import ClipSpec
    from facefatigue.data.manifest import Manifest, Recording

SCHEMA = "facefatigue.prepare/1"
# Counts up when faces/ or clips/ change what comes out of a video: old clips are then not taken for new ones.
PIPELINE = 1
SETTINGS_FILE = "prepare.json"
_HASHES_FILE = ".hashes.json"
_CLIPS_FOLDER = "clips"


@dataclass(frozen=True, kw_only=True)
class _Job:
    """One video, whose stretches are cut in one go."""

    video: Path
    stretches: tuple[Stretch, ...]
    targets: tuple[Path, ...]
    spec: ClipSpec
    stride_s: float | None


def prepare(
    source: str | Path,
    out: str | Path,
    spec: ClipSpec,
    *,
    stride_s: float | None = None,
    workers: int = 1,
    on_done: Callable[[str, int, int], None] | None = None,
) -> Prepared:
    """Cut the videos of a manifest into aligned face clips.

    A call that was stopped at any moment is continued by the same call: what is whole stays and is not done again.
    Recordings may be added to the manifest, and labels changed, at any time.

    Args:
        source: A manifest (:func:`facefatigue.data.manifest.read_manifest`), or the folder it is in.
        out: The folder for the clips; made if it is missing.
        spec: The form of the clips.
        stride_s: Time between the starts of clips; None: side by side, as published.
        workers: Processes.
        on_done: Called with "hashing" or "cutting", how many videos are done, and how many there are.

    Returns:
        What the folder then holds.

    Raises:
        FaultsError: The manifest has faults, or one video stands under two subjects; nothing has been cut then.
        ConfigurationError: The folder holds clips of another form, or ``workers`` or ``stride_s`` makes no sense.
        OutputError: The folder cannot be written.
    """
    if workers < 1:
        raise ConfigurationError(f"{workers} workers cannot do anything; give at least 1")
    if stride_s is not None and not 0 < stride_s <= MAX_STRIDE_S:
        raise ConfigurationError(f"the stride is {stride_s} s; it must be above 0 and at most {MAX_STRIDE_S:g} s (a day)")
    manifest = read_manifest(source)
    _refuse_foreign(Path(out), manifest.path)
    with only_run_in(Path(out)):
        return _prepare(manifest, Path(out), spec, stride_s=stride_s, workers=workers, report=on_done or _silent)


def _refuse_foreign(folder: Path, source: Path) -> None:
    """A list that is not ours must not be written over: it may be the user's only copy of the labels."""
    lists = [folder / name for name in (MANIFEST, RECORDINGS_FILE, QUARANTINE_FILE)]
    foreign = [path for path in lists if path.exists() and not (folder / SETTINGS_FILE).exists()]
    foreign += [path for path in lists if path.resolve() == source.resolve()]
    if foreign:
        raise ConfigurationError(
            f"{foreign[0]}: is a list that prepare did not write and would replace; choose another folder for the clips"
        )


def _silent(_what: str, _done: int, _all: int) -> None:
    pass


def _prepare(
    manifest: Manifest,
    folder: Path,
    spec: ClipSpec,
    *,
    stride_s: float | None,
    workers: int,
    report: Callable[[str, int, int], None],
) -> Prepared:
    make_folder(folder / _CLIPS_FOLDER)
    settings = _settings(spec, stride_s)
    _same_settings(folder, settings)
    _sweep(folder)

    hashes, unreadable = _hash(manifest.recordings, folder, workers, report)
    _check_content(manifest, hashes)
    targets, problems = _targets(manifest.recordings, hashes, settings, folder)
    problems |= unreadable
    missing = {place: target for place, target in targets.items() if _read_cut(target, spec) is None}
    problems |= _cut(manifest.recordings, missing, spec=spec, stride_s=stride_s, workers=workers, report=report)
    outcomes = []
    for place, recording in enumerate(manifest.recordings):
        target = targets.get(place)
        cut = None if target is None else _read_cut(target, spec)
        problem = problems.get(place) or ("it was not done" if cut is None else cut.problem)
        name = recording_name(recording, manifest.path.parent)
        outcomes.append(Outcome(recording=recording, name=name, target=target, cut=cut, problem=problem))
    return write_lists(folder, outcomes, done_before=len(targets) - len(missing))


def _settings(spec: ClipSpec, stride_s: float | None) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "pipeline": PIPELINE,
        **dataclasses.asdict(spec),
        "stride_s": stride_s,
        "limits": dataclasses.asdict(Limits()),
    }


def _same_settings(folder: Path, settings: dict[str, Any]) -> None:
    path = folder / SETTINGS_FILE
    if path.exists():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise ConfigurationError(f"{path}: is damaged; choose another folder") from None
        if found != settings:
            keys = settings.keys() | (found.keys() if isinstance(found, dict) else set())
            other = [key for key in sorted(keys) if not isinstance(found, dict) or found.get(key) != settings.get(key)]
            raise ConfigurationError(
                f"{folder}: holds clips that were prepared otherwise ({', '.join(other)} differ); choose another folder"
            )
        return
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def _sweep(folder: Path) -> None:
    """Remove what a call that was killed has left half done."""
    for left in [*folder.glob(f"{_CLIPS_FOLDER}/*/.cut-*"), *folder.glob(f"{_CLIPS_FOLDER}/*/.*.part.*")]:
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _hash(
    recordings: Sequence[Recording], folder: Path, workers: int, report: Callable[[str, int, int], None]
) -> tuple[dict[Path, str], dict[int, str]]:
    """SHA-256 of every video, and the recordings (by place) whose video cannot be read.

    Videos whose size and time of change are those of an earlier call are not read again.
    """
    known = _known_hashes(folder)
    videos = list(dict.fromkeys(recording.video for recording in recordings))
    hashes = {video: known[key] for video in videos if (key := _identity(video)) in known}
    jobs = [video for video in videos if video not in hashes]
    failed: dict[Path, str] = {}
    for number, (video, result) in enumerate(run_jobs(file_sha256, jobs, workers=workers), start=1):
        if isinstance(result, str):
            hashes[video] = result
        elif isinstance(result, OSError):
            failed[video] = f"the video cannot be read: {result.strerror or result}"
        else:
            raise result
        report("hashing", number, len(jobs))
    entries = {_identity(video): sha for video, sha in hashes.items()}
    with atomic_path(folder / _HASHES_FILE) as partial:
        partial.write_text(json.dumps({**known, **entries}, indent=0), encoding="utf-8")
    return hashes, {place: failed[entry.video] for place, entry in enumerate(recordings) if entry.video in failed}


def _known_hashes(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / _HASHES_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _identity(video: Path) -> str:
    try:
        state = video.stat()
    except OSError:
        return ""
    return f"{video.absolute()}|{state.st_size}|{state.st_mtime_ns}"


def _check_content(manifest: Manifest, hashes: Mapping[Path, str]) -> None:
    """Refuse a video that is listed under two names and two subjects: one person would be taken for two.

    Raises:
        FaultsError: There is such a video; all are named.
    """
    first: dict[str, Recording] = {}
    faults = []
    for recording in manifest.recordings:
        if (sha := hashes.get(recording.video)) is None:
            continue
        earlier = first.setdefault(sha, recording)
        if earlier.video != recording.video and earlier.subject != recording.subject:
            faults.append(
                f"line {recording.line}: {recording.video.name} is the very same video as {earlier.video.name} in line "
                f"{earlier.line}, but the subjects are {recording.subject!r} and {earlier.subject!r}"
            )
    if faults:
        raise FaultsError(str(manifest.path), faults)


def _targets(
    recordings: Sequence[Recording], hashes: Mapping[Path, str], settings: dict[str, Any], folder: Path
) -> tuple[dict[int, Path], dict[int, str]]:
    """Where each recording's clips belong, and the recordings that show what another one shows already."""
    targets: dict[int, Path] = {}
    problems: dict[int, str] = {}
    first: dict[str, Recording] = {}
    for place, recording in enumerate(recordings):
        if recording.video not in hashes:
            continue
        what = [hashes[recording.video], recording.start_s or 0.0, recording.end_s, settings]
        key = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:32]
        if key in first:
            problems[place] = f"it shows the very same video as line {first[key].line} ({first[key].video.name})"
        else:
            first[key] = recording
            targets[place] = folder / _CLIPS_FOLDER / key[:2] / f"{key}.npy"
    return targets, problems


def _cut(
    recordings: Sequence[Recording],
    targets: Mapping[int, Path],
    *,
    spec: ClipSpec,
    stride_s: float | None,
    workers: int,
    report: Callable[[str, int, int], None],
) -> dict[int, str]:
    """Cut what is missing; returns the recordings (by place) for which that failed, which a later call tries again."""
    by_video: dict[Path, list[int]] = {}
    for place in targets:
        by_video.setdefault(recordings[place].video, []).append(place)
    jobs, places = [], {}
    for video, own in by_video.items():
        own.sort(key=lambda place: recordings[place].start_s or 0.0)
        places[video] = own
        for place in own:
            make_folder(targets[place].parent)
        jobs.append(
            _Job(
                video=video,
                stretches=tuple(
                    Stretch(start_s=recordings[place].start_s or 0.0, end_s=recordings[place].end_s) for place in own
                ),
                targets=tuple(targets[place] for place in own),
                spec=spec,
                stride_s=stride_s,
            )
        )
    problems: dict[int, str] = {}
    for number, (job, result) in enumerate(run_jobs(_work, jobs, workers=workers), start=1):
        if isinstance(result, (SourceError, WorkerDiedError)):
            problems |= dict.fromkeys(places[job.video], f"the video cannot be read: {result}")
        elif isinstance(result, Exception):
            raise result
        report("cutting", number, len(jobs))
    return problems


def _work(job: _Job) -> None:
    """Cut one video, in a worker; what came of a stretch is written after its clips."""
    try:
        cuts = cut_video(job.video, job.stretches, job.targets, spec=job.spec, stride_s=job.stride_s)
    except OSError as error:
        raise output_error(job.targets[0], error) from error
    for target, cut in zip(job.targets, cuts, strict=True):
        with atomic_path(target.with_suffix(".json")) as partial:
            partial.write_text(json.dumps(dataclasses.asdict(cut), indent=1) + "\n", encoding="utf-8")


def _read_cut(target: Path, spec: ClipSpec) -> Cut | None:
    """What came of a stretch, if its files are there and whole."""
    try:
        entries = json.loads(target.with_suffix(".json").read_text(encoding="utf-8"))
        clips = tuple(ClipPlace(**clip) for clip in entries["clips"])
        cut = Cut(clips=clips, rejected=entries["rejected"], problem=entries["problem"], notes=tuple(entries["notes"]))
        if clips and np.load(target, mmap_mode="r").shape != (len(clips), *spec.shape):
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return cut
