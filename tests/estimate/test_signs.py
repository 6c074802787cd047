"""Signs beside scores, and signs alone, read by the nets that ship."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

import facefatigue
from facefatigue.estimate import Analysis, Estimator, Report, SignReader
from facefatigue.signs import SignSeries
from facefatigue.video import open_video

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DURATION_S = 7.0
ARRAYS = [entry.name for entry in dataclasses.fields(SignSeries) if entry.name not in ("start_s", "end_s")]


@pytest.fixture(scope="module")
def estimator() -> Iterator[Estimator]:
    with Estimator(engine="onnxruntime") as opened:
        yield opened


@pytest.fixture(scope="module")
def analysis(estimator: Estimator, sample: Path) -> Analysis:
    """The first seconds of the sample."""
    return estimator.analyze(sample, max_duration_s=DURATION_S)


@pytest.fixture(scope="module")
def frames(sample: Path) -> list[np.ndarray]:
    with open_video(sample) as video:
        return [frame.rgb for frame in video if frame.time_s < DURATION_S]


def test_the_sample_gives_blinks(analysis: Analysis) -> None:
    (face,) = analysis.report.faces
    assert face.signs is not None
    assert face.signs["coverage"] == pytest.approx(1.0)
    blinks = face.signs["blinks"]
    assert 1 <= len(blinks) <= 5
    assert all(0 <= blink["start_s"] < blink["peak_s"] < blink["end_s"] <= DURATION_S for blink in blinks)
    assert all(0.3 <= blink["amplitude"] <= 1.2 for blink in blinks)
    assert face.signs["fatigue"] is None
    assert "blinks are too few: at least 5 are needed" in face.signs["not_measurable"]["fatigue"]
    assert "30 s" in face.signs["not_measurable"]["perclos"]


def test_there_is_a_reading_for_every_frame(analysis: Analysis) -> None:
    assert list(analysis.sign_series) == [0]
    series = analysis.sign_series[0]
    assert len(series) == analysis.report.source.frames
    np.testing.assert_allclose(series.time_s, np.arange(len(series)) / 25)
    assert (series.start_s, series.end_s) == (0.0, series.time_s[-1])


def test_the_report_comes_back_from_json(analysis: Analysis) -> None:
    assert Report.from_json(analysis.report.to_json()) == analysis.report


def test_pushed_frames_give_the_signs_of_the_file(
    estimator: Estimator, analysis: Analysis, frames: list[np.ndarray]
) -> None:
    buffer = np.empty_like(frames[0])
    for index, rgb in enumerate(frames):
        buffer[...] = rgb  # one buffer for all frames, as cameras have it
        estimator.push(buffer, index / 25)
    assert estimator.finish().faces[0].signs == analysis.report.faces[0].signs


def test_signs_alone_are_the_signs_beside_a_score(analysis: Analysis, sample: Path) -> None:
    alone = SignReader().analyze(sample, max_duration_s=DURATION_S)
    (face,) = alone.report.faces
    beside = analysis.report.faces[0]
    assert (face.track, face.frames, face.coverage, face.signs) == (0, beside.frames, beside.coverage, beside.signs)
    assert alone.report.source == analysis.report.source
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(alone.sign_series[0], name), getattr(analysis.sign_series[0], name))


def test_without_signs_there_are_none(sample: Path) -> None:
    with Estimator(engine="onnxruntime", signs=False) as estimator:
        analysis = estimator.analyze(sample, max_duration_s=1)
        assert estimator._landmarker is None
    assert analysis.report.faces[0].signs is None
    assert analysis.sign_series == {}
    assert facefatigue.analyze(sample, engine="onnxruntime", max_duration_s=0.2, signs=False).faces[0].signs is None


def test_no_face_no_signs_and_no_nets(write_video: Callable[..., Path]) -> None:
    path = write_video("room.mp4", [np.full((120, 160, 3), 127, np.uint8)] * 30)
    with Estimator(engine="onnxruntime") as estimator:
        analysis = estimator.analyze(path)
        assert estimator._landmarker is None
    assert (analysis.report.faces, analysis.sign_series) == ((), {})
    report = facefatigue.measure_signs(path)
    assert report.abstained
    assert (report.faces, report.source.frames) == ((), 30)


def test_three_seconds_are_too_short_for_signs(estimator: Estimator, sample: Path) -> None:
    (face,) = estimator.analyze(sample, max_duration_s=3).report.faces
    assert face.signs is not None
    assert face.signs["blinks"] is None
    assert "3.0 s of the face" in face.signs["not_measurable"]["blinks"]
    assert face.signs["yawns"] is face.signs["nods"] is face.signs["perclos"] is None
    assert facefatigue.measure_signs(sample, max_duration_s=3).abstained


def test_five_frames_a_second_tell_nothing_about_blinks(frames: list[np.ndarray], write_video: Callable[..., Path]) -> None:
    report = facefatigue.measure_signs(write_video("slow.mp4", frames[::5], rate=5))
    signs = report.faces[0].signs
    assert signs["frame_rate_hz"] == pytest.approx(5.0)
    for name in ("blinks", "blink_rate_per_min", "nods"):
        assert signs[name] is None
        assert signs["not_measurable"][name].startswith("the face was read 5.0 times a second")
    assert signs["yawns"] is not None


def test_a_face_that_abstains_has_signs(sample: Path) -> None:
    strict = facefatigue.Limits(sharpness=1e9)
    with Estimator(engine="onnxruntime", limits=strict) as estimator:
        (face,) = estimator.analyze(sample, max_duration_s=6).report.faces
    assert (face.label, face.abstain_reason) == ("abstain", "too_blurred")
    assert face.signs is not None
    assert face.signs["blinks"] is not None


def test_two_people_have_their_own_signs(frames: list[np.ndarray], write_video: Callable[..., Path]) -> None:
    still = frames[10]
    pairs = [np.concatenate([rgb, still[:, ::-1] // 2 + 60], axis=1) for rgb in frames[:150]]
    path = write_video("two.mp4", pairs)
    analysis = SignReader(all_faces=True).analyze(path)
    assert [face.track for face in analysis.report.faces] == [0, 1]
    assert list(analysis.sign_series) == [0, 1]
    course = [analysis.sign_series[track].openness.mean(axis=1) for track in (0, 1)]
    spread = sorted(float(np.ptp(openness)) for openness in course)
    assert spread[0] < 0.1  # a picture that never changes
    assert spread[1] > 0.4  # somebody who blinks
    main = SignReader().analyze(path).report
    assert len(main.faces) == 1
    assert any("--all-faces" in warning for warning in main.warnings)


def test_who_returns_is_one_face_with_a_gap(frames: list[np.ndarray], write_video: Callable[..., Path]) -> None:
    away = [np.full_like(frames[0], 127)] * 90
    path = write_video("back.mp4", frames[:140] + away + frames[:140])
    analysis = SignReader().analyze(path)
    (face,) = analysis.report.faces
    assert analysis.report.warnings == ()
    series = analysis.sign_series[face.track]
    assert len(series) == pytest.approx(face.frames, abs=2)
    assert np.diff(series.time_s).max() == pytest.approx(91 / 25, abs=0.3)
    assert face.signs["coverage"] == pytest.approx(280 / 370, abs=0.03)
    assert all(blink["end_s"] < 5.8 or blink["start_s"] > 9.0 for blink in face.signs["blinks"])
