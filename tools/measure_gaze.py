"""Whether eyes that look far down can be told from shut ones, in single pictures of synthetic (rendered) people.

    python tools/measure_gaze.py --rig ict_face.npz [--people 60] [--seed 9300]

Every person is shown in one pose and light: with open eyes, with shut ones, and looking down with lids that follow, as in
the performances of synth/ (docs/synthetic.md). All are read by the landmark nets. Openness is in the person's own measure, 1
as in the picture with open eyes, 0 as in the one with shut eyes. Of the pictures that read as closed (at most 0.2), shut or
looking down, the table gives what else is read from them, and the probability that a shut eye exceeds a lowered gaze in it
(area under the ROC curve): 0.5 tells nothing. Pictures say nothing about time: how fast lids fall is not asked here.
"""

from __future__ import annotations

import argparse
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.faces import Mtcnn
from facefatigue.landmarks import BLENDSHAPES, Landmarker, LandmarkFollower
from facefatigue.signs import observe
from facefatigue.signs.closure import OPEN_AT_MOST
from facefatigue.signs.frame import aspect_ratios
from facefatigue.synth.camera import make_camera
from facefatigue.synth.clips import rig_at
from facefatigue.synth.cues import make_temperament, perform
from facefatigue.synth.look import make_person
from facefatigue.synth.scene import Pose, make_actor, make_scene, metered, move, render_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from facefatigue.synth.light import Visibility
    from facefatigue.synth.rig import Rig

READINGS = ("eyeLookDown over open eyes", "eyeBlink", "eye aspect ratio", "pitch over open eyes")
GAZES = (0.6, 0.8, 1.0)  # weights of the rig's downward gaze; those of performances are 0.5 to 1
FOLLOWING = (0.2, 0.5)  # how far lids follow, as in performances
EYE_DISTANCES_PX = (36.0, 76.0)
MOST_BLUR = 0.02  # of the distance between the eyes: lids can be told
LEAST_RANGE = 0.15  # of the openness between shut and open eyes, as read; smaller ones cannot be divided by


@dataclass(frozen=True)
class Look:
    """What eyes do in a picture: ``kind``, closure by the lids alone and downward gaze, 0 to 1."""

    kind: str
    closure: float
    down: float


def looks(rng: np.random.Generator) -> list[Look]:
    """Open, shut (wholly and not quite), and down."""
    followed = [Look("down", gaze * float(rng.uniform(*FOLLOWING)), gaze) for gaze in GAZES]
    return [Look("open", 0.0, 0.0), Look("shut", 1.0, 0.0), Look("shut", 0.9, 0.0), *followed]


def pictures(rig: Rig, visibility: Visibility, rng: np.random.Generator, shown: list[Look]) -> Iterator[NDArray[np.uint8]]:
    """(H, W, 3) uint8 RGB of one person for each look, otherwise unmoved."""
    person = make_person(rig, rng)
    moments = perform(0.2, make_temperament(rng), 2.0 * np.arange(len(shown), dtype=np.float64), rng, distract=False)
    expressions = {name: np.full(len(shown), track[0]) for name, track in moments.expressions.items()}
    for side in ("_L", "_R"):
        expressions[f"eyeBlink{side}"] = np.array([look.closure for look in shown])
        expressions[f"eyeLookDown{side}"] = np.array([look.down for look in shown])
        expressions[f"eyeLookUp{side}"] = expressions[f"eyeWide{side}"] = np.zeros(len(shown))
    act = dataclasses.replace(moments, expressions=expressions, hand=np.zeros(len(shown)), dense=None)
    scene = make_scene(rng)
    eyes_px = float(np.exp(rng.uniform(*np.log(EYE_DISTANCES_PX))))
    side_px = int(5 * eyes_px)
    camera = make_camera(rng, side_px, infrared=scene.infrared, most_blur_px=MOST_BLUR * eyes_px)
    scene = dataclasses.replace(scene, eye_distance_px=eyes_px, supersample=1, camera=camera)
    actor = make_actor(person, act, scene, visibility, rng)
    scene = metered(scene, actor, rng)
    pose = Pose(0.5 * act.turn[0], act.place[0])
    for index in range(len(shown)):
        vertices = move(actor, act, index)
        yield render_frame(actor, vertices, pose, scene, size_px=(side_px, side_px), rng=rng)[0]


def read(rgb: NDArray[np.uint8], detector: Mtcnn, landmarker: Landmarker) -> NDArray[np.float64] | None:
    """Openness and what READINGS names, for the one face; None where it is not read."""
    faces = detector.detect(rgb, min_face_px=30)
    reading = LandmarkFollower(landmarker).read(rgb, max(faces, key=lambda face: face.size_px)) if faces else None
    if reading is None:
        return None
    signs = observe(reading, 0.0)
    blink = np.mean([reading.blendshapes[BLENDSHAPES.index(f"eyeBlink{side}")] for side in ("Left", "Right")])
    ratio = aspect_ratios(reading.points).mean()
    return np.array([np.mean(signs.openness), signs.gaze_down, blink, ratio, signs.pitch_rad])


def above(some: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Probability that one of the first exceeds one of the others."""
    differences = some[:, None] - others[None]
    return float((differences > 0).mean() + 0.5 * (differences == 0).mean())


def main() -> None:
    """Render, read and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rig", type=Path, required=True)
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--seed", type=int, default=9300)
    args = parser.parse_args()
    rig, visibility = rig_at(args.rig)
    detector, landmarker = Mtcnn(), Landmarker()
    found: list[tuple[Look, NDArray[np.float64]]] = []
    people = 0
    for number in range(args.people):
        rng = np.random.default_rng([args.seed, number])
        shown = looks(rng)
        readings = [read(rgb, detector, landmarker) for rgb in pictures(rig, visibility, rng, shown)]
        wide, shut = readings[:2]
        if wide is None or shut is None or wide[0] - shut[0] < LEAST_RANGE:
            continue
        people += 1
        for look, reading in zip(shown, readings, strict=True):
            if reading is not None:
                own = (reading[0] - shut[0]) / (wide[0] - shut[0])
                found.append((look, np.array([own, reading[1] - wide[1], reading[2], reading[3], reading[4] - wide[4]])))
    print(f"{people} of {args.people} people read with open and with shut eyes\n")
    for gaze in GAZES:
        own = np.array([reading[0] for look, reading in found if look.kind == "down" and look.down == gaze])
        closed = f"{(own <= OPEN_AT_MOST).sum()} of {len(own)} read as closed"
        print(f"gaze down by {gaze:g}: {closed}, openness {np.median(own):.2f} (median)")
    kinds = {
        kind: np.array([reading for look, reading in found if look.kind == kind and reading[0] <= OPEN_AT_MOST])
        for kind in ("shut", "down")
    }
    print(f"\n| read as closed | shut ({len(kinds['shut'])}) | looking down ({len(kinds['down'])}) | shut above down |")
    print("|---|---|---|---|")
    for place, name in enumerate(READINGS, start=1):
        shut, down = (kinds[kind][:, place] for kind in ("shut", "down"))
        shown_shut, shown_down = (
            "{1:.2f} ({0:.2f} to {2:.2f})".format(*np.quantile(values, (0.1, 0.5, 0.9))) for values in (shut, down)
        )
        print(f"| {name} | {shown_shut} | {shown_down} | {above(shut, down):.2f} |")


if __name__ == "__main__":
    main()
