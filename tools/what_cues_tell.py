"""How well a clip's score could be told if its cues were read without error: the ceiling of what training can reach.

    python tools/what_cues_tell.py TRAIN VALIDATION

TRAIN and VALIDATION are folders that `facefatigue synth render` made. Gradient boosting learns the score from simple
statistics over time of the true frame labels, for several choices of cues; what it reaches says how much of the label can be
seen at all, and which cue is worth reading better. Needs scikit-learn.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor  # type: ignore[import-untyped]

from facefatigue.data.clip_list import read_clips
from facefatigue.data.frame_targets import FRAME_TARGETS
from facefatigue.data.leaks import leaks
from facefatigue.evaluate.scores import score_figures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefatigue.data.clip_list import ClipList

CHOICES = {
    "all cues": tuple(name for name in FRAME_TARGETS if name != "landmarks"),
    "without closure": tuple(name for name in FRAME_TARGETS if name not in {"landmarks", "closure"}),
    "closure and mouth": ("closure", "mouth"),
    "closure, mouth, yawning, turn": ("closure", "mouth", "yawning", "turn"),
    "aperture and mouth": ("aperture", "mouth"),
}


def statistics(clips: ClipList, names: tuple[str, ...]) -> NDArray[np.float64]:
    """(N, F) mean, extremes, spread, median, speed, and share above 0.8 of every channel over time."""
    rows = []
    for number in range(len(clips)):
        track = clips.frame_values(number, names).astype(np.float64)  # (T, C)
        speed = np.abs(np.diff(track, axis=0)).mean(axis=0)
        parts = [track.mean(axis=0), track.max(axis=0), track.min(axis=0), track.std(axis=0), np.median(track, axis=0)]
        rows.append(np.concatenate([*parts, speed, (track > 0.8).mean(axis=0)]))
    return np.array(rows)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path)
    parser.add_argument("validation", type=Path)
    args = parser.parse_args()
    print("| cues known without error | MAE | CCC | accuracy |\n|---|---|---|---|")
    for name, cues in CHOICES.items():
        train, validation = (read_clips(place, frame_targets=cues) for place in (args.train, args.validation))
        if faults := leaks([("training", train), ("validation", validation)]):
            raise SystemExit(faults[0])
        model = HistGradientBoostingRegressor(max_iter=400, learning_rate=0.05, random_state=0)
        model.fit(statistics(train, cues), train.scores)
        found = np.clip(model.predict(statistics(validation, cues)), 0, 1)
        figures = score_figures(found, validation.scores)
        right = float(((found >= 0.5) == (validation.scores >= 0.5)).mean())
        print(f"| {name} | {figures['mae']:.3f} | {figures['ccc']:.3f} | {right:.3f} |")


if __name__ == "__main__":
    main()
