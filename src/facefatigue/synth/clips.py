"""One labelled clip of a synthetic person: who, in which state and light, what is seen of it, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from facefatigue.faces import align_face
from facefatigue.faces.align import eye_transform
from facefatigue.synth.cues import make_temperament, perform
from facefatigue.synth.light import find_visibility
from facefatigue.synth.look import make_person
from facefatigue.synth.rig import EYES, NOSE_TIP, five_landmarks, load_rig
from facefatigue.synth.scene import Pose, frame_side_px, make_actor, make_scene, metered, move, render_frame

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from facefatigue.synth.cues import Temperament
    from facefatigue.synth.light import Visibility
    from facefatigue.synth.look import Person
    from facefatigue.synth.performance import Performance
    from facefatigue.synth.rig import Rig
    from facefatigue.synth.scene import Scene

_SHUTTER_HZ = 30.0  # a camera's own frame rate, of which a clip's frames are a part
_STUCK_SHARE = 0.08  # clips of which frames are repeated, as a bad connection does
_SHAKY_SHARE = 0.3
_FRONT = 0.45  # cosine of the largest turn of a head away from the camera
# Lids closed and jaw open: what a face shows beyond its neutral pose.
_SHOWING = {"eyeBlink_L": 1.0, "eyeBlink_R": 1.0, "jawOpen": 0.8}


@dataclass(frozen=True, kw_only=True)
class ClipSettings:
    """What is rendered; part of the folder, so that a folder never mixes two settings.

    Attributes:
        seed: Everything follows from it; other seeds give other people.
        frames, frame_rate_hz, size_px: Of a clip.
        clips_a_person: Clips in a row that show the same person.
    """

    seed: int = 0
    frames: int = 32
    frame_rate_hz: float = 12.5
    size_px: int = 112
    clips_a_person: int = 5


@dataclass(frozen=True, eq=False)
class Clip:
    """One labelled clip.

    Attributes:
        crops: (T, S, S, 3) uint8 RGB.
        labels: What is known of the whole clip, for the manifest.
        frames: What is known of each frame, float32 arrays with T rows (:mod:`facefatigue.data.frame_targets`).
        times: Blinks as [start_s, end_s, depth], yawns as [start_s, end_s], on the clock of ``time_s``.
    """

    crops: NDArray[np.uint8]
    labels: dict[str, Any]
    frames: dict[str, NDArray[np.float32]]
    times: dict[str, Any]


@lru_cache(maxsize=1)
def rig_at(path: Path) -> tuple[Rig, Visibility]:
    """A rig, and what its vertices see past each other."""
    rig = load_rig(path)
    showing = rig.pose(rig.neutral.copy(), _SHOWING)
    visibility = find_visibility([rig.neutral, showing], rig.triangles)
    front = visibility.directions[:, 2] > _FRONT
    return rig.without_hidden(visibility.seen[:, front].max(axis=1) > 0), visibility


@lru_cache(maxsize=2)
def _subject(rig: Rig, seed: int, number: int) -> tuple[Person, Temperament]:
    rng = np.random.default_rng([seed, number])
    return make_person(rig, rng), make_temperament(rng)


def make_clip(rig: Rig, visibility: Visibility, settings: ClipSettings, number: int) -> Clip:
    """Render clip ``number``; clips in a row show the same person, in other light and another state.

    Args:
        rig: The rig.
        visibility: Of its vertices.
        settings: Of the clips.
        number: From 0.
    """
    subject = number // settings.clips_a_person
    person, temperament = _subject(rig, settings.seed, subject)
    rng = np.random.default_rng([settings.seed, subject, number])
    uneven_s = 0.2 * min(1 / settings.frame_rate_hz, 0.1)
    time_s = np.arange(settings.frames) / settings.frame_rate_hz + rng.uniform(-uneven_s, uneven_s, settings.frames)
    fatigue = float(rng.uniform())
    opening = eye_aperture(person.vertices[rig.marks]) / eye_aperture(rig.neutral[rig.marks])
    performance = perform(fatigue, temperament, time_s, rng).by(opening)
    scene = make_scene(rng)
    filmed = film(person, performance, visibility, scene=scene, size_px=settings.size_px, rng=rng)
    labels = {
        "subject": f"rig-{settings.seed}-{subject:05d}",
        "score": performance.rated,
        "fatigue": fatigue,
        "closure": float(np.clip(performance.lid, 0, 1).mean()),
        "aperture": float(filmed.aperture.mean()),
        "perclos": performance.perclos,
        "mouth": float(performance.mouth.mean()),
        "yawning": float(performance.yawning.mean()),
        "nodding": float(performance.nodding.max()),
        "eye_opening": performance.eye_opening,
        "skin_tone": person.skin_tone,
        "glasses": int(person.glasses),
        "infrared": int(scene.infrared),
        "brightness": float(filmed.crops.mean() / 255),
        "eye_distance_px": scene.eye_distance_px,
    }
    times = {
        "time_s": [round(moment, 4) for moment in time_s.tolist()],
        "blinks": [[round(value, 4) for value in (blink.start_s, blink.end_s, blink.depth)] for blink in performance.blinks],
        "yawns": [[round(value, 4) for value in span] for span in performance.yawns],
    }
    return Clip(filmed.crops, labels, _known(performance, filmed), times)


@dataclass(frozen=True, eq=False)
class Filmed:
    """What a camera saw of T moments.

    Attributes:
        crops: (T, S, S, 3) uint8 RGB.
        landmarks: (T, 68, 2) in parts of the crop's side, x right, y down.
        aperture: (T,) gap between the lids in parts of the eye's width, mean of both eyes.
        shown: (T,) int: which moment each frame shows; an earlier one where the camera was stuck.
    """

    crops: NDArray[np.uint8]
    landmarks: NDArray[np.float64]
    aperture: NDArray[np.float64]
    shown: NDArray[np.int64]


def _known(performance: Performance, filmed: Filmed) -> dict[str, NDArray[np.float32]]:
    skin = performance.skin
    state = (skin.redness, skin.paleness, skin.dark_circles, skin.swelling)
    shown = filmed.shown
    known = {
        "closure": np.clip(performance.lid[shown], 0, 1),
        "aperture": filmed.aperture,
        "mouth": performance.mouth[shown],
        "yawning": performance.yawn[shown],
        "blinking": (performance.blinking | performance.microsleep)[shown],
        "gaze_down": performance.gaze_down[shown],
        "smile": performance.smile[shown],
        "squint": performance.squint[shown],
        "hand": performance.hand[shown],
        "turn": performance.turn[shown],
        "landmarks": filmed.landmarks,
        "skin": np.tile(state, (len(shown), 1)),
    }
    return {name: np.asarray(value, np.float32) for name, value in known.items()}


def film(
    person: Person,
    performance: Performance,
    visibility: Visibility,
    *,
    scene: Scene,
    size_px: int,
    rng: np.random.Generator,
) -> Filmed:
    """Render a performance and cut it out with the product's own alignment, landmarks shaking like a tracker's.

    Args:
        person: Who.
        performance: T moments.
        visibility: Of the rig's vertices.
        scene: Light, background and camera.
        size_px: Side of the crops.
        rng: For noise, shaking and the like.
    """
    actor = make_actor(person, performance, scene, visibility, rng)
    scene = metered(scene, actor, rng)
    side = frame_side_px(scene.eye_distance_px)
    count = len(performance.time_s)
    shake_px = scene.eye_distance_px * shaking(count, rng)
    place = performance.place.copy()
    if rng.uniform() < _SHAKY_SHARE:  # held in a hand, or in a moving car
        place += rng.normal(0, rng.uniform(0.05, 0.35), (count, 3))
    stuck = rng.uniform(0.05, 0.4) if rng.uniform() < _STUCK_SHARE else 0.0
    crops = np.empty((count, size_px, size_px, 3), np.uint8)
    landmarks, aperture, shown = np.empty((count, 68, 2)), np.empty(count), np.arange(count)
    noses: list[NDArray[np.float64]] = []
    seen_s: list[float] = []
    for index in range(count):
        if index and rng.uniform() < stuck:
            for track in (crops, landmarks, aperture, shown):
                track[index] = track[index - 1]
            continue
        vertices = move(actor, performance, index)
        aperture[index] = eye_aperture(vertices[person.rig.marks])
        speed_px_s = np.zeros(2)
        if len(noses) > 1:
            speed_px_s = (noses[-1] - noses[-2]) / (seen_s[-1] - seen_s[-2])
        pose = Pose(performance.turn[index], place[index])
        motion_px = (float(speed_px_s[0]) / _SHUTTER_HZ, float(speed_px_s[1]) / _SHUTTER_HZ)
        rgb, marks = render_frame(actor, vertices, pose, scene, size_px=(side, side), rng=rng, motion_px=motion_px)
        noses.append(marks[NOSE_TIP])
        seen_s.append(float(performance.time_s[index]))
        five = five_landmarks(marks)
        five[:2] += shake_px[index]
        landmarks[index] = _in_crop(marks, five, size_px)
        crops[index] = align_face(rgb, five, size_px)
    return Filmed(crops, landmarks, aperture, shown)


def eye_aperture(marks: NDArray[np.floating]) -> float:
    """Gap between the lids in parts of the eye's width, mean of both eyes: the eye aspect ratio of Soukupová & Čech (2016).

    Args:
        marks: (68, 3) cm, so that the turn of the head does not matter.
    """
    ratios = []
    for eye in EYES:
        outer, upper_a, upper_b, inner, lower_b, lower_a = marks[eye]
        gap = np.linalg.norm(upper_a - lower_a) + np.linalg.norm(upper_b - lower_b)
        ratios.append(float(gap / (2 * np.linalg.norm(outer - inner))))
    return sum(ratios) / len(ratios)


def _in_crop(marks: NDArray[np.float64], five: NDArray[np.float64], size_px: int) -> NDArray[np.float64]:
    """(68, 2) landmarks of a picture in parts of the side of the crop that is cut by ``five``."""
    matrix = eye_transform(five, size_px)
    crop_px = (marks - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    return np.asarray((crop_px + 0.5) / size_px)


def shaking(frames: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(F, 2, 2) errors of both eyes' landmarks, in eye distances: a constant, a slow and a white part.

    The constant part is what the detector differs from the rig's own eye centres by on rendered faces (0.04); the other two
    are estimates of its jitter from frame to frame.
    """
    constant = rng.normal(0, 0.04, (2, 2))
    white = rng.normal(0, rng.uniform(0.004, 0.016), (frames, 2, 2))
    slow = np.cumsum(rng.normal(0, 0.004, (frames, 2, 2)), axis=0)
    return np.asarray(constant + slow + white)
