"""How well the landmarker finds the turn of a head: synthetic people whose turn is known.

    python tools/measure_head_pose.py --rig ict_face.npz [--people 60] [--frames 6] [--seed 7002] [--wide]

Each person is rendered in some moments 2.5 s apart, as `facefatigue synth render` would, but with a frame around the face.
Turns are those that the person acts out, or with ``--wide`` drawn at random: up to 54 degrees to either side, 29 up and
down, 26 of tilt. Faces are found by the product's detector. Needs the extra "train" (numba).
"""

from __future__ import annotations

import argparse
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.faces import Mtcnn
from facefatigue.landmarks import HeadPose, Landmarker, LandmarkFollower, head_pose
from facefatigue.synth.camera import make_camera
from facefatigue.synth.clips import rig_at
from facefatigue.synth.cues import make_temperament, perform
from facefatigue.synth.look import make_person
from facefatigue.synth.rig import five_landmarks
from facefatigue.synth.scene import Pose, make_actor, make_scene, metered, move, render_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from facefatigue.synth.light import Visibility
    from facefatigue.synth.rig import Rig

WIDE_RAD = (0.5, 0.95, 0.45)  # nod, turn, tilt
MOMENTS_APART_S = 2.5
EYE_DISTANCES_PX = (25, 76)
MOST_BLUR = 0.045  # of the distance between the eyes, as in clips
BOUND_RAD = np.radians(30)


@dataclass(frozen=True, eq=False)
class Turned:
    """A picture of somebody whose turn is known.

    Attributes:
        person: Number.
        rgb: (H, W, 3) uint8 RGB.
        landmarks: (5, 2) true landmarks in its pixels.
        pose: The true turn.
    """

    person: int
    rgb: NDArray[np.uint8]
    landmarks: NDArray[np.float64]
    pose: HeadPose


def turned_people(rig: Rig, visibility: Visibility, *, seed: int, people: int, frames: int, wide: bool) -> Iterator[Turned]:
    """Render people.

    Args:
        rig: The rig.
        visibility: Of its vertices.
        seed: Everything follows from it.
        people: How many.
        frames: Pictures of each.
        wide: Turn heads at random.
    """
    for number in range(people):
        rng = np.random.default_rng([seed, number])
        person = make_person(rig, rng)
        time_s = np.arange(0, frames, dtype=np.float64) * MOMENTS_APART_S
        performance = perform(float(rng.uniform()), make_temperament(rng), time_s, rng)
        scene = make_scene(rng)
        eyes_px = float(np.exp(rng.uniform(*np.log(EYE_DISTANCES_PX))))
        side_px = int(6 * eyes_px)
        camera = make_camera(rng, side_px, infrared=scene.infrared, most_blur_px=MOST_BLUR * eyes_px)
        scene = dataclasses.replace(scene, eye_distance_px=eyes_px, supersample=2 if eyes_px < 36 else 1, camera=camera)
        actor = make_actor(person, performance, scene, visibility, rng)
        scene = metered(scene, actor, rng)
        for index in range(frames):
            turn = rng.uniform(-1, 1, 3) * WIDE_RAD if wide else performance.turn[index]
            pose = Pose(turn, performance.place[index])
            vertices = move(actor, performance, index)
            rgb, marks = render_frame(actor, vertices, pose, scene, size_px=(side_px, side_px), rng=rng)
            # The rig tilts against the clock for angles above 0.
            yield Turned(number, rgb, five_landmarks(marks), HeadPose(float(turn[1]), float(turn[0]), -float(turn[2])))


class Reader:
    """The turn of the one face in a picture."""

    def __init__(self) -> None:
        self._detector, self._landmarker = Mtcnn(), Landmarker()

    def error(self, turned: Turned) -> tuple[float, float, float] | None:
        """Yaw, pitch and roll read less the true ones, in radians; None where the face is not found or not read."""
        faces = self._detector.detect(turned.rgb, min_face_px=30)
        face = next(
            (f for f in faces if np.hypot(*(f.landmarks - turned.landmarks).T).mean() < 0.5 * f.size_px),
            None,
        )
        reading = LandmarkFollower(self._landmarker).read(turned.rgb, face)
        if reading is None:
            return None
        seen = head_pose(reading.points)
        true = turned.pose
        return (seen.yaw_rad - true.yaw_rad, seen.pitch_rad - true.pitch_rad, seen.roll_rad - true.roll_rad)


def main() -> None:
    """Render, read and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rig", type=Path, required=True)
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--frames", type=int, default=6)
    parser.add_argument("--seed", type=int, default=7002)
    parser.add_argument("--wide", action="store_true")
    args = parser.parse_args()
    rig, visibility = rig_at(args.rig)
    reader = Reader()
    rows = [
        (turned, reader.error(turned))
        for turned in turned_people(rig, visibility, seed=args.seed, people=args.people, frames=args.frames, wide=args.wide)
    ]
    person = np.array([turned.person for turned, error in rows if error is not None])
    yaw_rad = np.array([abs(turned.pose.yaw_rad) for turned, error in rows if error is not None])
    errors = np.degrees([error for _, error in rows if error is not None])
    own = errors.copy()
    for number in np.unique(person):
        own[person == number] -= own[person == number].mean(axis=0)
    print(f"{len(errors)} of {len(rows)} pictures read; yaw, pitch, roll in degrees")
    print("| turned by | pictures | mean error | bias | 95 % below | spread within a person |")
    print("|---|---|---|---|---|---|")
    for name, kept in (("any", yaw_rad >= 0), ("< 30", yaw_rad < BOUND_RAD), (">= 30", yaw_rad >= BOUND_RAD)):
        if kept.sum() < 2:
            continue
        columns = (
            np.abs(errors[kept]).mean(axis=0), errors[kept].mean(axis=0), np.quantile(np.abs(errors[kept]), 0.95, axis=0),
            own[kept].std(axis=0),
        )  # fmt: skip
        shown = [", ".join(f"{value:.1f}" for value in column) for column in columns]
        print(f"| {name} | {int(kept.sum())} | {' | '.join(shown)} |")


if __name__ == "__main__":
    main()
