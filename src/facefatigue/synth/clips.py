"""Labelled clips of synthetic people, as training and evaluation take them.

One clip depends on the seed and its number alone, whatever the number of workers, and however often the work is stopped.
"""

from __future__ import annotations

import csv
import json
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from facefatigue.atomic import atomic_path, make_folder
from facefatigue.clips import ClipSpec
from facefatigue.errors import ConfigurationError
from facefatigue.faces import align_face
from facefatigue.synth.cues import make_temperament, perform
from facefatigue.synth.look import make_person
from facefatigue.synth.rig import load_rig
from facefatigue.synth.scene import Pose, Scene, make_background, render_frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from facefatigue.synth.cues import Performance
    from facefatigue.synth.look import Person
    from facefatigue.synth.rig import Rig

SHARD_CLIPS = 50
CLIPS_A_SUBJECT = 5
MANIFEST = "manifest.csv"
STATE_SHARE = 0.4
LABEL_SOURCE = "synthetic: acted by a rendered person"
COLUMNS = (
    "clip", "subject", "score", "fatigue", "expressed", "closure", "perclos", "mouth", "yawning", "skin_tone", "glasses",
    "infrared", "eye_distance_px", "label_source",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ClipSettings:
    """What is rendered; part of the folder, so that a folder never mixes two settings.

    Attributes:
        seed: Everything follows from it; other seeds give other people.
        frames, frame_rate_hz, size_px: Of a clip.
    """

    seed: int = 0
    frames: int = 32
    frame_rate_hz: float = 12.5
    size_px: int = 112


@dataclass(frozen=True, eq=False)
class Clip:
    """One labelled clip: crops (T, S, S, 3) uint8 RGB, and the row of the manifest but for where it is stored."""

    crops: NDArray[np.uint8]
    labels: dict[str, Any]


def score_of(fatigue: float, performance: Performance) -> float:
    """The label of a clip: 0.4 of the person's state and 0.6 of what this clip shows of it.

    A clip of a few seconds cannot show a state that happens not to show, and a rater would not guess it; the state's share
    keeps the slow signs (hanging corners of the mouth, little movement) worth learning.
    """
    return STATE_SHARE * fatigue + (1 - STATE_SHARE) * performance.expressed


def make_clip(rig: Rig, settings: ClipSettings, number: int) -> Clip:
    """Render clip ``number``; five clips in a row show the same person, in other light and another state."""
    subject = number // CLIPS_A_SUBJECT
    of_person = np.random.default_rng([settings.seed, subject])
    person = make_person(rig, of_person)
    temperament = make_temperament(of_person)
    rng = np.random.default_rng([settings.seed, subject, number])
    time_s = np.arange(settings.frames) / settings.frame_rate_hz + rng.uniform(-0.02, 0.02, settings.frames)
    fatigue = float(rng.uniform())
    performance = perform(fatigue, temperament, time_s, rng)
    scene = make_scene(rng)
    crops = film(rig, person, performance, scene=scene, size_px=settings.size_px, rng=rng)
    labels = {
        "subject": f"rig-{settings.seed}-{subject:05d}",
        "score": score_of(fatigue, performance),
        "fatigue": fatigue,
        "expressed": performance.expressed,
        "closure": float(performance.closure.mean()),
        "perclos": performance.perclos,
        "mouth": float(performance.mouth.mean()),
        "yawning": float(performance.yawning.mean()),
        "skin_tone": person.skin_tone,
        "glasses": int(person.glasses),
        "infrared": int(scene.infrared),
        "eye_distance_px": scene.eye_distance_px,
    }
    return Clip(crops, labels)


def make_scene(rng: np.random.Generator) -> Scene:
    """Draw light, background and camera at random."""
    light = rng.normal([0.0, 0.4, 0.9], [0.8, 0.5, 0.3])
    warmth = np.array([1.0, rng.uniform(0.85, 1.05), rng.uniform(0.65, 1.15)])
    ambient = rng.uniform(0.15, 0.6)
    return Scene(
        eye_distance_px=float(np.exp(rng.uniform(np.log(16), np.log(60)))),
        camera_cm=float(rng.uniform(35, 110)),
        light=light / np.linalg.norm(light),
        light_colour=rng.uniform(0.3, 1.0) * warmth,
        ambient=ambient * np.array([1.0, rng.uniform(0.9, 1.05), rng.uniform(0.85, 1.15)]),
        background=make_background(rng, 256),
        noise=float(rng.choice([0.0, 0.008, 0.02, 0.04])),
        blur_px=float(rng.choice([0.0, 0.4, 0.8, 1.3])),
        jpeg_quality=None if rng.uniform() < 0.3 else int(rng.integers(25, 90)),
        gain=float(np.exp(rng.normal(0.05, 0.25))),
        gamma=float(np.exp(rng.normal(-0.15, 0.2))),
        infrared=bool(rng.uniform() < 0.12),
        supersample=2,
    )


def film(
    rig: Rig, person: Person, performance: Performance, *, scene: Scene, size_px: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Render a performance and cut it out with the product's own alignment, landmarks shaking like a tracker's.

    Returns:
        (T, size_px, size_px, 3) uint8 RGB.
    """
    side = int(np.ceil(scene.eye_distance_px / 0.3 * 1.25))
    count = len(performance.time_s)
    shake_px = scene.eye_distance_px * shaking(count, rng)
    crops = np.empty((count, size_px, size_px, 3), np.uint8)
    for index in range(count):
        pose = Pose(performance.turn[index], performance.place[index])
        rgb, landmarks = render_frame(
            person, posed(rig, person, performance, index), pose, scene, size_px=(side, side), rng=rng
        )
        landmarks[:2] += shake_px[index]
        crops[index] = align_face(rgb, landmarks, size_px)
    return crops


def shaking(frames: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(F, 2, 2) errors of both eyes' landmarks, in eye distances: a constant, a slow and a white part.

    The constant part is what the detector differs from the rig's own eye centres by on rendered faces (0.04); the other two
    are estimates of its jitter from frame to frame.
    """
    constant = rng.normal(0, 0.04, (2, 2))
    white = rng.normal(0, 0.012, (frames, 2, 2))
    slow = np.cumsum(rng.normal(0, 0.004, (frames, 2, 2)), axis=0)
    return np.asarray(constant + slow + white)


def posed(rig: Rig, person: Person, performance: Performance, index: int) -> NDArray[np.float32]:
    """(V, 3) float32 vertices of a person at one moment of a performance."""
    vertices = person.vertices.copy()
    own = vertices[: person.rig_vertices]
    for name, weights in performance.expressions.items():
        if abs(weights[index]) > 1e-3:
            own += np.float32(weights[index]) * rig.expressions[name]
    return vertices


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
    if clips < 1 or workers < 1:
        raise ConfigurationError(f"{clips} clips with {workers} workers cannot be rendered; give at least 1 of each")
    load_rig(rig_path)
    if (out_dir / MANIFEST).exists() and not (out_dir / "settings.json").exists():
        raise ConfigurationError(f"{out_dir}: has a {MANIFEST} that was not rendered; choose another folder for the clips")
    make_folder(out_dir)
    _same_settings(out_dir / "settings.json", settings)
    starts = range(0, clips, SHARD_CLIPS)
    sizes = {start: min(SHARD_CLIPS, clips - start) for start in starts}
    missing = [start for start, size in sizes.items() if not _is_whole(out_dir, start, size)]
    done = clips - sum(sizes[start] for start in missing)
    with ProcessPoolExecutor(min(workers, max(len(missing), 1))) as pool:
        jobs = {pool.submit(_render_shard, rig_path, settings, start, sizes[start], out_dir): start for start in missing}
        try:
            for job in as_completed(jobs):
                job.result()
                done += sizes[jobs[job]]
                if progress is not None:
                    progress(done, clips)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return _write_manifest(out_dir, sizes)


def _same_settings(path: Path, settings: ClipSettings) -> None:
    wanted = asdict(settings)
    if path.exists():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            raise ConfigurationError(f"{path}: is damaged; choose another folder") from None
        if found != wanted:
            raise ConfigurationError(f"{path.parent}: holds clips of other settings ({found}); choose another folder")
        return
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")


def _shard(out_dir: Path, start: int) -> Path:
    return out_dir / f"clips-{start:06d}.npy"


def _is_whole(out_dir: Path, start: int, size: int) -> bool:
    """Whether a shard holds at least so many clips; its labels are written first, its clips last."""
    shard = _shard(out_dir, start)
    if not shard.exists() or not shard.with_suffix(".json").exists():
        return False
    try:
        return len(np.load(shard, mmap_mode="r")) >= size
    except (OSError, ValueError):
        return False


def _render_shard(rig_path: Path, settings: ClipSettings, start: int, size: int, out_dir: Path) -> None:
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    rig = _rig(rig_path)
    clips = [make_clip(rig, settings, number) for number in range(start, start + size)]
    shard = _shard(out_dir, start)
    with atomic_path(shard.with_suffix(".json")) as partial:
        partial.write_text(json.dumps([clip.labels for clip in clips]), encoding="utf-8")
    with atomic_path(shard) as partial:
        np.save(partial, np.stack([clip.crops for clip in clips]))


@lru_cache(maxsize=1)
def _rig(path: Path) -> Rig:
    return load_rig(path)


def _write_manifest(out_dir: Path, sizes: dict[int, int]) -> Path:
    path = out_dir / MANIFEST
    with atomic_path(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for start, size in sizes.items():
            shard = _shard(out_dir, start)
            rows = json.loads(shard.with_suffix(".json").read_text(encoding="utf-8"))
            for index, row in enumerate(rows[:size]):
                shown = {key: round(value, 6) if isinstance(value, float) else value for key, value in row.items()}
                writer.writerow({"clip": f"{shard.name}#{index}", **shown, "label_source": LABEL_SOURCE})
    return path
