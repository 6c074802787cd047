"""Measure how much faces resemble themselves and each other: what the limits in faces/identity.py rest on.

    python tools/measure_identity.py VIDEO ... [--seconds 10]

Each video must show one person, another one in each. Printed are quantiles of the correlation of looks: of one person from
one frame to the next, of two people at any time, and how surely the albums of two people, and of both halves of one
person's video, match.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.faces import FaceTracker, Mtcnn
from facefatigue.faces.identity import NEXT_FRAME, SAME_PERSON, Album
from facefatigue.video import open_video

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Looks = NDArray[np.float32]

LOOK_EVERY = 12  # frames


def looks_of(video: Path, seconds: float) -> Looks:
    """(N, 506) looks of the main face, frame by frame."""
    tracker = FaceTracker(Mtcnn(), max_faces=1)
    found = []
    with open_video(video) as frames:
        for frame in frames:
            if frame.time_s >= seconds:
                break
            found += [face.look for face in tracker.step(frame.rgb, frame.time_s) if face.look is not None]
    return np.array(found, np.float32).reshape(len(found), -1)


def album_of(looks: Looks) -> Album:
    """An album of some of the looks."""
    album = Album()
    for look in looks[::LOOK_EVERY]:
        album.add(look)
    return album


def show(what: str, values: Sequence[float], limit: float) -> None:
    """One line of quantiles, and the share at or above a limit."""
    array = np.array(values)
    quantiles = ", ".join(f"{share:g}: {value:.3f}" for share, value in zip(SHARES, np.quantile(array, SHARES), strict=True))
    print(f"{what} ({len(array)}): {quantiles}; {100 * (array >= limit).mean():.2f} % at least {limit:g}")


SHARES = (0, 0.001, 0.01, 0.5, 0.99, 0.999, 1)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--seconds", type=float, default=10)
    args = parser.parse_args()
    people = [looks for video in args.videos if len(looks := looks_of(video, args.seconds)) > 4 * LOOK_EVERY]
    print(f"{len(people)} people")
    show("one person, next frame", [float(a @ b) for looks in people for a, b in itertools.pairwise(looks)], NEXT_FRAME)
    pairs = list(itertools.combinations(people, 2))
    others = np.concatenate([(a[::LOOK_EVERY] @ b[::LOOK_EVERY].T).ravel() for a, b in pairs])
    show("two people, one look each", others.tolist(), NEXT_FRAME)
    show("albums of two people", [album_of(a).match(album_of(b)) for a, b in pairs], SAME_PERSON)
    halves = [(looks[: len(looks) // 2], looks[len(looks) // 2 :]) for looks in people]
    show("albums of one person, both halves", [album_of(a).match(album_of(b)) for a, b in halves], SAME_PERSON)


if __name__ == "__main__":
    main()
