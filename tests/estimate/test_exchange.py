"""Two real people, one after the other at the same place: nothing of one gets into the signs of the other."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from facefatigue.estimate.sign_reader import SignReader
from facefatigue.faces import Mtcnn
from facefatigue.signs import SignSeries, measure
from facefatigue.video import open_video

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefatigue.faces import Face

SIZE = (320, 240)
RATE_HZ = 25
# The first is left, and the second begins, in the middle of a blink: read as one face, both are a blink over the exchange.
FIRST, SECOND = range(127), range(83, 223)


def cut_out(video: Path, chosen: range) -> list[np.ndarray]:
    with open_video(video) as frames:
        shown = (frame.rgb for frame in frames if frame.index in chosen)
        return [np.asarray(Image.fromarray(rgb).resize(SIZE, Image.Resampling.BILINEAR)) for rgb in shown]


def moved_onto(frames: list[np.ndarray], place: Face) -> list[np.ndarray]:
    """The frames, scaled and shifted as a whole, so that the face of the first lies where another one was."""
    own = main_face(frames[0])
    scale = own.size_px / place.size_px
    x, y = own.landmarks.mean(axis=0) - scale * place.landmarks.mean(axis=0)
    data = (scale, 0.0, x, 0.0, scale, y)
    return [
        np.asarray(Image.fromarray(rgb).transform(SIZE, Image.Transform.AFFINE, data, Image.Resampling.BILINEAR))
        for rgb in frames
    ]


def main_face(rgb: np.ndarray) -> Face:
    return max(Mtcnn().detect(rgb, min_face_px=40), key=lambda face: face.size_px)


def as_one(one: SignSeries, other: SignSeries) -> SignSeries:
    """Both as if they were of one face."""
    arrays = {
        entry.name: np.concatenate([getattr(one, entry.name), getattr(other, entry.name)])
        for entry in dataclasses.fields(SignSeries)
        if entry.name not in ("start_s", "end_s")
    }
    return SignSeries(**arrays, start_s=one.start_s, end_s=one.end_s)


def test_signs_end_where_somebody_else_takes_the_place(shared: Path, write_video: Callable[..., Path]) -> None:
    videos = [shared / "media" / "yawdd" / name for name in ("1.avi", "2.avi")]
    if not all(video.is_file() for video in videos):
        pytest.skip("no media/yawdd/1.avi and 2.avi beside the project")
    before, after = (cut_out(video, chosen) for video, chosen in zip(videos, (FIRST, SECOND), strict=True))
    after = moved_onto(after, main_face(before[-1]))
    exchange_s = len(before) / RATE_HZ
    analysis = SignReader(all_faces=True).analyze(write_video("exchange.mp4", before + after, rate=RATE_HZ))

    assert len(analysis.report.faces) == 2
    one, other = (analysis.sign_series[face.track] for face in analysis.report.faces)
    assert len(one) == pytest.approx(len(before), abs=2)
    assert len(other) == pytest.approx(len(after), abs=2)
    assert one.time_s[-1] < exchange_s <= other.time_s[0]
    events = [
        (event["start_s"], event["end_s"])
        for face in analysis.report.faces
        for kind in ("blinks", "microsleeps", "yawns", "nods")
        for event in face.signs[kind]
    ]
    assert all(end_s < exchange_s or start_s >= exchange_s for start_s, end_s in events)
    for face, own in zip(analysis.report.faces, (one, other), strict=True):
        assert face.signs["lid_levels"]["open"] == pytest.approx(measure(own).lid_levels.open, abs=1e-4)
        assert face.signs["coverage"] == pytest.approx(len(own) / (len(before) + len(after)), abs=0.02)

    joined = measure(as_one(one, other))
    assert any(blink.start_s < exchange_s < blink.end_s for blink in joined.blinks or ())
