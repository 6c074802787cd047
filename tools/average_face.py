"""Make the average face of explain/: mean landmarks of rendered people who look into the camera, awake, mouth closed.

    python tools/average_face.py RIG [--people 60] [--out src/facefatigue/explain/average_face.npy]

Every person is rendered from the rig (MIT), cut out as `predict` does it and read by the landmark net. Nobody real is in it.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np

from facefatigue.atomic import atomic_path
from facefatigue.explain.regions import read_points
from facefatigue.landmarks import Landmarker
from facefatigue.synth.clips import film, rig_at
from facefatigue.synth.cues import make_temperament, perform
from facefatigue.synth.look import make_person
from facefatigue.synth.scene import make_scene

SIZE_PX = 224
TIME_S = np.arange(2) / 10
OUT = Path(__file__).parent.parent / "src" / "facefatigue" / "explain" / "average_face.npy"


def main() -> None:
    """Render, read, average, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rig", type=Path)
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    rig, visibility = rig_at(args.rig)
    landmarker = Landmarker()
    found = []
    for number in range(args.people):
        rng = np.random.default_rng([4603, number])
        person = make_person(rig, rng)
        rested = dataclasses.replace(make_temperament(rng), rest_closure=0.0, droop=0.0, asymmetry=0.0)
        act = perform(0.0, rested, TIME_S, rng, yawns=[], distract=False)
        act = dataclasses.replace(act, turn=np.zeros_like(act.turn))
        filmed = film(person, act, visibility, scene=make_scene(rng), size_px=SIZE_PX, rng=rng)
        points, was_read = read_points(landmarker, filmed.crops[:1])
        if was_read[0]:
            found.append((points[0] + 0.5) / SIZE_PX)
    with atomic_path(args.out) as partial, partial.open("wb") as file:
        np.save(file, np.mean(found, axis=0).astype(np.float32))
    print(f"{len(found)} of {args.people} people were read; written: {args.out}")


if __name__ == "__main__":
    main()
