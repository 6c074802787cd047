"""Rendered clips in shards, as training and evaluation take them.

One clip depends on the seed and its number alone, whatever the number of workers, and however often the work is stopped. A
shard ``clips-000000.npy`` has beside it ``clips-000000.frames.npz`` (what is known of each frame) and ``clips-000000.json``
(what is known of each clip, with the times of blinks and yawns); the folder has a ``manifest.csv``.
"""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from facefatigue.atomic import atomic_path, make_folder
from facefatigue.clips import ClipSpec
from facefatigue.data.workers import WorkerDiedError, run_jobs
from facefatigue.errors import ConfigurationError, OutputError
from facefatigue.synth.clips import make_clip, rig_at
from facefatigue.synth.rig import load_rig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefatigue.synth.clips import ClipSettings

SHARD_CLIPS = 50
MANIFEST = "manifest.csv"
LABEL_SOURCE = "synthetic: acted by a rendered person"
COLUMNS = (
    "clip", "subject", "score", "fatigue", "closure", "aperture", "perclos", "mouth", "yawning", "nodding", "eye_opening",
    "skin_tone", "glasses", "infrared", "brightness", "eye_distance_px", "label_source",
)  # fmt: skip


def render_clips(
    rig_path: Path,
    clips: int,
    out_dir: Path,
    settings: ClipSettings,
    *,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Render clips into shards of 50; what is already there stays, and is not rendered again.

    Args:
        rig_path: The rig file.
        clips: How many in all; a later call may ask for more.
        out_dir: Folder of the shards and of manifest.csv.
        settings: Must be those of an earlier call for the same folder.
        workers: Processes.
        progress: Called with (clips done, clips in all).

    Returns:
        Path of the manifest, whose rows are exactly the ``clips`` first clips.

    Raises:
        ConfigurationError: No rig, other settings in that folder, or a number that makes no sense.
        OutputError: The folder cannot be written.
    """
    if settings.seed < 0:
        raise ConfigurationError(f"the seed is {settings.seed}; it must be a whole number of at least 0")
    ClipSpec(
        frames=settings.frames, frame_rate_hz=settings.frame_rate_hz, size_px=settings.size_px
    )  # refuses what is no clip
    if clips < 1 or workers < 1 or settings.clips_a_person < 1:
        raise ConfigurationError(
            f"{clips} clips, {settings.clips_a_person} of each person, with {workers} workers cannot be rendered;"
            " give at least 1 of each"
        )
    load_rig(rig_path)
    if (out_dir / MANIFEST).exists() and not (out_dir / "settings.json").exists():
        raise ConfigurationError(f"{out_dir}: has a {MANIFEST} that was not rendered; choose another folder for the clips")
    make_folder(out_dir)
    _same_settings(out_dir / "settings.json", settings)
    starts = range(0, clips, SHARD_CLIPS)
    sizes = {start: min(SHARD_CLIPS, clips - start) for start in starts}
    missing = [start for start, size in sizes.items() if not _is_whole(out_dir, start, size)]
    done = clips - sum(sizes[start] for start in missing)
    for (start, size), result in run_jobs(
        partial(_render_shard, rig_path, settings, out_dir), [(start, sizes[start]) for start in missing], workers=workers
    ):
        if isinstance(result, WorkerDiedError):
            raise OutputError(f"{_shard(out_dir, start)}: {result}; run the command again with fewer workers")
        if isinstance(result, Exception):
            raise result
        done += size
        if progress is not None:
            progress(done, clips)
    return _write_manifest(out_dir, sizes)


def _same_settings(path: Path, settings: ClipSettings) -> None:
    wanted = asdict(settings)
    if path.exists():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            raise ConfigurationError(f"{path}: is damaged; choose another folder") from None
        if isinstance(found, dict):
            found = {"clips_a_person": type(settings).clips_a_person} | found  # which older folders do not say
        if found != wanted:
            raise ConfigurationError(f"{path.parent}: holds clips of other settings ({found}); choose another folder")
        return
    with atomic_path(path) as beside:
        beside.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")


def _shard(out_dir: Path, start: int) -> Path:
    return out_dir / f"clips-{start:06d}.npy"


def _is_whole(out_dir: Path, start: int, size: int) -> bool:
    """Whether a shard holds at least so many clips; its labels are written first, its clips last."""
    shard = _shard(out_dir, start)
    if not all(path.exists() for path in (shard, shard.with_suffix(".json"), shard.with_suffix(".frames.npz"))):
        return False
    try:
        return len(np.load(shard, mmap_mode="r")) >= size
    except (OSError, EOFError, ValueError):
        return False


def _render_shard(rig_path: Path, settings: ClipSettings, out_dir: Path, span: tuple[int, int]) -> None:
    start, size = span
    rig, visibility = rig_at(rig_path)
    clips = [make_clip(rig, visibility, settings, number) for number in range(start, start + size)]
    shard = _shard(out_dir, start)
    with atomic_path(shard.with_suffix(".json")) as beside:
        beside.write_text(json.dumps([{**clip.labels, **clip.times} for clip in clips]), encoding="utf-8")
    with atomic_path(shard.with_suffix(".frames.npz")) as beside, beside.open("wb") as file:
        frames: dict[str, Any] = {name: np.stack([clip.frames[name] for clip in clips]) for name in clips[0].frames}
        np.savez(file, **frames)
    with atomic_path(shard) as beside:
        np.save(beside, np.stack([clip.crops for clip in clips]))


def _write_manifest(out_dir: Path, sizes: dict[int, int]) -> Path:
    path = out_dir / MANIFEST
    with atomic_path(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for start, size in sizes.items():
            shard = _shard(out_dir, start)
            rows = json.loads(shard.with_suffix(".json").read_text(encoding="utf-8"))
            for index, row in enumerate(rows[:size]):
                kept = {key: value for key, value in row.items() if key in COLUMNS}
                shown = {key: round(value, 6) if isinstance(value, float) else value for key, value in kept.items()}
                writer.writerow({"clip": f"{shard.name}#{index}", **shown, "label_source": LABEL_SOURCE})
    return path
