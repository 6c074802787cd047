"""Stretches of a video's blinks: those that are learned from, and those that are judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from blink_fatigue.rldd import SEQUENCE, Video

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Source = Literal["interval", "frequency"]

LENGTHS = (5, 10, 20, SEQUENCE)
WHOLE = 0  # stands for the length of a whole video
LEARN_LENGTHS = (6, 10, 15, 20, 30, 45, 60, WHOLE)
LEARN_EACH = 8  # stretches of one length of one video
ANOTHER_DAY = 3  # moved copies of each alert video


@dataclass(frozen=True, kw_only=True, eq=False)
class Crop:
    """Blinks of one video in a row.

    Attributes:
        video: Where they come from.
        place: Which blinks.
        length: How many were asked for; WHOLE: all.
        weight: Of the crop in learning.
        moved: Whether the video was moved to another day.
    """

    video: Video
    place: slice
    length: int
    weight: float = 1.0
    moved: bool = False

    def blinks(self, source: Source) -> Floats:
        """(n, 4) with the interval or the published frequency in the first column."""
        return (self.video.blinks if source == "interval" else self.video.published)[self.place]


def judged_crops(videos: Sequence[Video], *, moved: bool = False) -> list[Crop]:
    """The last 5, 10, 20 and 30 blinks of every published sequence, and every video whole."""
    return [
        *(
            Crop(video=video, place=video.sequence(place, length), length=length, moved=moved)
            for video in videos
            for length in LENGTHS
            for place in range(video.sequences)
        ),
        *(Crop(video=video, place=slice(0, len(video.blinks)), length=WHOLE, moved=moved) for video in videos),
    ]


def learned_crops(videos: Sequence[Video], *, moved: bool = False) -> list[Crop]:
    """Stretches of several lengths, of which all of one video weigh 1 together; copied videos teach nothing."""
    found: list[Crop] = []
    for video in videos:
        if video.copied:
            continue
        own: list[tuple[slice, int]] = []
        for length in LEARN_LENGTHS:
            if length > len(video.blinks):
                continue
            size = length or len(video.blinks)
            starts = np.unique(np.linspace(0, len(video.blinks) - size, LEARN_EACH).astype(int)) if length else [0]
            own += [(slice(int(start), int(start) + size), length) for start in starts]
        found += [Crop(video=video, place=place, length=n, weight=1 / len(own), moved=moved) for place, n in own]
    return found


def on_another_day(videos: Sequence[Video], *, seed: int) -> list[Video]:
    """Alert videos as they might look if the baseline had been taken on another day: a stress test, not data.

    The alert blinks are normalised by blinks of the very same video, the others by those of another one. So a stretch can be
    called alert because nothing but the camera, the seat and the light is as in the baseline. Here the alert blinks get the
    shift and spread that the low-vigilant video of another person of the same fold has against that person's alert one, with
    signs drawn at random for each column. That includes true effects of low vigilance, so that it rather overdoes it.

    Args:
        videos: Of any number of people.
        seed: Equal seeds move equally.

    Returns:
        ANOTHER_DAY copies of each alert video that is not itself a copy.
    """
    of_person = {(video.person, video.state): video for video in videos if not video.copied}
    donors = {
        fold: [
            person
            for person in sorted({video.person for video in videos if video.fold == fold})
            if (person, 0) in of_person and (person, 1) in of_person
        ]
        for fold in {video.fold for video in videos}
    }
    moved: list[Video] = []
    for (person, state), video in of_person.items():
        if state:
            continue
        rng = np.random.default_rng([seed, person])
        for _ in range(ANOTHER_DAY):
            donor = int(rng.choice([other for other in donors[video.fold] if other != person]))
            shift, spread = _difference(of_person[donor, 0].blinks, of_person[donor, 1].blinks)
            signs = rng.choice((-1.0, 1.0), 4)
            blinks = video.blinks * spread**signs + shift * signs
            blinks[:, 0] = video.blinks[:, 0] * np.exp(shift[0] * signs[0])
            moved.append(replace(video, blinks=blinks))
    return moved


def _difference(alert: Floats, other: Floats) -> tuple[Floats, Floats]:
    shift, spread = np.zeros(4), np.ones(4)
    ratio = _mean_ratio(other) - _mean_ratio(alert)
    shift[0] = ratio if np.isfinite(ratio) else 0.0
    for column in (1, 2, 3):
        shift[column] = np.median(other[:, column]) - np.median(alert[:, column])
        ranges = [float(np.subtract(*np.quantile(blinks[:, column], (0.75, 0.25)))) for blinks in (other, alert)]
        spread[column] = np.clip(ranges[0] / max(ranges[1], 1e-6), 0.5, 2.0)
    return shift, spread


def _mean_ratio(blinks: Floats) -> float:
    known = blinks[np.isfinite(blinks[:, 0]), 0]
    return float(np.log(known.mean())) if len(known) else float("nan")
