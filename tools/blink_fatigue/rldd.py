"""The blinks of UTA-RLDD by person and video, each blink once, with the intervals between them.

Ghoddoosian, Galib and Athitsos, "A Realistic Dataset and Baseline Temporal Model for Early Drowsiness Detection", CVPR
Workshops 2019; features and code MIT. A video gives one sequence of 30 blinks every two blinks; zeros fill up the front of a
shorter one. The videos of a person follow each other as alert, low vigilance, drowsy, as the published code writes them.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from blink_fatigue.intervals import interval_ratios, lattice_step

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

STATES = ("alert", "low vigilance", "drowsy")
LABELS = (0, 5, 10)
SEQUENCE, STEP = 30, 2
RATE_HZ = 30.0  # of most videos: they end at about 18,000 frames, and last ten minutes


@dataclass(frozen=True, kw_only=True, eq=False)
class Video:
    """One video.

    Attributes:
        fold: 1 to 5, the published one.
        person: Over all folds, from 0.
        state: Place in STATES.
        published: (B, 4) the published features: frequency, amplitude, duration, opening velocity.
        blinks: (B, 4) the same with the first column replaced by the interval before the blink over the mean interval of the
            person's alert baseline; NaN where unknown.
        units_s: Mean interval and standard deviation of the duration of the person's alert baseline, at RATE_HZ; NaN where
            unknown. Durations are whole frames, so that their normalised values are multiples of 1 / the deviation.
        sequences: How many sequences it gives: sequence s holds blinks 2 s to 2 s + 30, or all if there are less.
        copied: Its blinks are those of another video in the published files, so that its label proves nothing.
    """

    fold: int
    person: int
    state: int
    published: Floats
    blinks: Floats
    units_s: tuple[float, float]
    sequences: int
    copied: bool

    def sequence(self, place: int, length: int = SEQUENCE) -> slice:
        """The last blinks of a sequence."""
        end = min(STEP * place + SEQUENCE, len(self.blinks))
        return slice(max(end - length, 0), end)


def read_videos(folder: Path) -> list[Video]:
    """Every video, by fold, person and state.

    Args:
        folder: With BlinksTest_30_FoldN.npy, LabelsTest_30_FoldN.npy and video_starts.json.

    Raises:
        SystemExit: The files are not the published ones.
    """
    starts = json.loads((folder / "video_starts.json").read_text(encoding="utf-8"))["fold"]
    found: list[tuple[int, list[Floats], list[int]]] = []
    for fold, firsts in starts.items():
        sequences = np.load(folder / f"BlinksTest_{SEQUENCE}_Fold{fold}.npy")
        labels = np.load(folder / f"LabelsTest_{SEQUENCE}_Fold{fold}.npy")[:, 0]
        if [int(labels[first]) for first in firsts] != list(LABELS) * (len(firsts) // 3):
            raise SystemExit(f"fold {fold}: its videos are not alert, low-vigilant, drowsy in turn")
        pieces = [sequences[a:b] for a, b in itertools.pairwise([*firsts, len(sequences)])]
        people = [pieces[i : i + 3] for i in range(0, len(pieces), 3)]
        found += [(int(fold), [unroll(piece) for piece in person], [len(piece) for piece in person]) for person in people]
    copies = _copies([blinks for _, person, _ in found for blinks in person])
    videos: list[Video] = []
    for person, (fold, published, counts) in enumerate(found):
        copied = [3 * person + state in copies for state in range(3)]
        own = [blinks for blinks, copy in zip(published, copied, strict=True) if not copy]
        known, usual = interval_ratios(own) if own else ([], float("nan"))
        ratios = iter(known)
        step = lattice_step(np.concatenate([blinks[:, 2] for blinks in own])) if own else None
        units_s = (usual / RATE_HZ, 1 / step / RATE_HZ if step else float("nan"))
        for state, blinks in enumerate(published):
            interval = np.full(len(blinks), np.nan) if copied[state] else next(ratios)
            videos.append(
                Video(
                    fold=fold, person=person, state=state, published=blinks, sequences=counts[state], copied=copied[state],
                    blinks=np.column_stack([interval, blinks[:, 1:]]), units_s=units_s,
                )
            )  # fmt: skip
    return videos


def unroll(sequences: Floats) -> Floats:
    """(B, 4) blinks of one video, each once, from its (S, 30, 4) overlapping sequences."""
    if not all(np.allclose(a[STEP:], b[:-STEP]) for a, b in itertools.pairwise(sequences)):
        raise SystemExit("sequences of one video do not overlap as expected; is video_starts.json of the same data?")
    blinks = np.concatenate([sequences[0], *(sequence[-STEP:] for sequence in sequences[1:])])
    return np.asarray(blinks[(blinks != 0).any(axis=1)])


def _copies(videos: list[Floats]) -> set[int]:
    # Preprocessing.py keeps the blinks of the person before when a text file is missing. A video that is the start of
    # another person's is the copy; where all videos of one person are the same, none has a label that can be believed.
    found: set[int] = set()
    for first, second in itertools.combinations(range(len(videos)), 2):
        shared = min(len(videos[first]), len(videos[second]))
        if np.allclose(videos[first][:shared], videos[second][:shared]):
            found |= {second} if first // 3 != second // 3 else {first, second}
    return found
