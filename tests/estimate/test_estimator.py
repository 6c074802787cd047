"""From frames to a report, with the shipped model on the shipped sample."""

from __future__ import annotations

import math

import numpy as np
import pytest

import facefatigue
from facefatigue.errors import BrokenVideoError, ConfigurationError, ModelError
from facefatigue.estimate import Estimator, Limits, WindowResult
from facefatigue.estimate.aggregate import aggregate, majority, score_interval
from facefatigue.video import open_video


def window(score: float | None, label: str = "alert", reason: str | None = None) -> WindowResult:
    return WindowResult(
        start_s=0.0,
        end_s=1.0,
        score=score,
        fatigue_probability=score,
        label=label,  # type: ignore[arg-type]
        coverage=1.0,
        abstain_reason=reason,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def estimator():
    with Estimator(engine="onnxruntime", signs=False) as opened:
        yield opened


def test_pushed_frames_give_the_scores_of_the_file(estimator: Estimator, sample) -> None:
    report = estimator.analyze(sample, max_duration_s=8).report
    live = []
    with open_video(sample) as video:
        for frame in video:
            if frame.time_s >= 8:
                break
            live += estimator.push(frame.rgb, 1000 + frame.time_s)
    pushed = estimator.finish()
    assert [w.window.score for w in live] == [w.score for w in report.faces[0].windows]
    assert pushed.faces[0].score == report.faces[0].score
    assert pushed.faces[0].frames == report.faces[0].frames


def test_the_sample_is_scored_from_end_to_end(estimator: Estimator, sample) -> None:
    (face,) = estimator.analyze(sample).report.faces
    window_s = estimator.config.clip_spec.window_s
    assert [round(w.start_s, 2) for w in face.windows] == [round(window_s * k, 2) for k in range(int(20 / window_s))]
    assert all(w.score is not None and w.coverage >= 0.9 for w in face.windows)


def test_stride_makes_more_windows(estimator: Estimator, sample) -> None:
    stride_s = 8 / estimator.config.frame_rate_hz
    with Estimator(engine="onnxruntime", stride_s=stride_s) as dense:
        windows = dense.analyze(sample, max_duration_s=6).report.faces[0].windows
    assert [round(w.start_s, 2) for w in windows[:3]] == [0.0, round(stride_s, 2), round(2 * stride_s, 2)]


def test_too_dark_too_blurred_too_small_too_short(estimator: Estimator, sample, write_video) -> None:
    with open_video(sample) as video:
        frames = [frame.rgb for frame in video if frame.index < 80]
    for name, limits, reason in (
        ("dark", Limits(brightness=0.99), "too_dark"),
        ("blurred", Limits(sharpness=1e9), "too_blurred"),
        ("small", Limits(eye_distance_px=1e4), "too_small"),
        ("uncovered", Limits(coverage=1.1), "low_coverage"),
    ):
        with Estimator(engine="onnxruntime", limits=limits, signs=False) as strict:
            (face,) = strict.analyze(sample, max_duration_s=4).report.faces
        assert (face.label, face.score, face.abstain_reason) == ("abstain", None, reason), name
    (short,) = estimator.analyze(write_video("short.mp4", frames[:30])).report.faces
    assert short.abstain_reason == "too_short"
    (single,) = estimator.analyze(write_video("one.mp4", frames[:1])).report.faces
    assert single.abstain_reason == "too_short"


def test_a_face_only_at_the_end_and_one_that_leaves_and_returns(estimator: Estimator, sample, write_video) -> None:
    with open_video(sample) as video:
        frames = [frame.rgb for frame in video if frame.index < 90]
    empty = [np.full_like(frames[0], 127)] * 90
    late = estimator.analyze(write_video("late.mp4", empty + frames)).report.faces[0]
    assert late.windows[0].start_s >= 3.5
    assert late.score is not None
    assert 0.4 < late.coverage < 0.6
    back = estimator.analyze(write_video("back.mp4", frames + empty[:35] + frames)).report.faces[0]
    scored = [w for w in back.windows if w.score is not None]
    assert scored
    for result in scored:  # no window reaches over the absence, from 3.6 to 5.0 s
        assert result.end_s <= 3.7 or result.start_s >= 4.9


def test_who_has_left_for_good_costs_no_memory(estimator: Estimator, sample) -> None:
    with open_video(sample) as video:
        frames = [frame.rgb for frame in video if frame.index < 90]
    session = estimator._session(None)
    for index, rgb in enumerate(frames + [np.full_like(frames[0], 127)] * 60):
        session.see(rgb, index / 25)
    timeline = session._timelines[0]
    assert timeline.sampler is None
    assert [window.abstain_reason for window in timeline.windows] == []  # nothing was collected yet
    assert [live.window.abstain_reason for live in session.ready(wait=True)] == [None, "low_coverage"]
    faces, _ = session.finish()
    assert len(faces[0].windows) == 2


@pytest.mark.parametrize("time_s", [float("nan"), float("inf"), None, "0"])
def test_a_time_that_is_none_spoils_nothing(estimator: Estimator, time_s: object) -> None:
    frame = np.zeros((64, 64, 3), np.uint8)
    with pytest.raises((ValueError, TypeError)):
        estimator.push(frame, time_s)  # type: ignore[arg-type]
    estimator.push(frame, 5.0)
    with pytest.raises((ValueError, TypeError)):
        estimator.push(frame, time_s)  # type: ignore[arg-type]
    estimator.push(frame, 5.5)
    assert estimator.finish().source.duration_s == pytest.approx(1.0)


def test_a_limit_shortens_the_stated_length(estimator: Estimator, sample) -> None:
    report = estimator.analyze(sample, max_duration_s=4).report
    assert (report.source.frames, report.source.duration_s) == (100, pytest.approx(4.0))


def test_the_hash_is_that_of_the_file_that_runs() -> None:
    with Estimator(engine="torch") as torch_estimator, Estimator(engine="onnxruntime") as onnx_estimator:
        assert torch_estimator.model_info.sha256 != onnx_estimator.model_info.sha256


def test_overlapping_windows_do_not_narrow_the_interval() -> None:
    def face(stride_s: float):
        windows = [
            WindowResult(
                start_s=t, end_s=t + 2, score=0.5 + 0.1 * np.sin(t), fatigue_probability=0.5, label="alert", coverage=1
            )
            for t in np.arange(0, 40, stride_s).tolist()
        ]
        return aggregate(track=0, frames=1, coverage=1, seen_s=40, window_s=2, windows=windows).score_interval

    (low, high), (low_dense, high_dense) = face(2.0), face(0.1)
    assert high_dense - low_dense == pytest.approx(high - low, rel=0.1)


def test_one_person_who_is_away_for_long_is_one_face(estimator: Estimator, sample, write_video) -> None:
    with open_video(sample) as video:
        frames = [frame.rgb for frame in video if frame.index < 140]
    away = [np.full_like(frames[0], 127)] * 90
    analysis = estimator.analyze(
        write_video("back.mp4", frames + away + frames), keep_trajectories=True, keep_thumbnails=True
    )
    (face,) = analysis.report.faces
    assert analysis.report.warnings == ()
    assert face.track == 0
    assert face.frames >= 275
    assert [w.start_s for w in face.windows] == sorted(w.start_s for w in face.windows)
    for result in face.windows:  # no window reaches over the absence, from 5.6 to 9.2 s
        assert result.end_s <= 5.7 or result.start_s >= 9.1
    assert sum(w.score is not None for w in face.windows) == 2 * int(5.6 / estimator.config.window_s)
    (trajectory,) = analysis.trajectories
    assert len(trajectory.time_s) == face.frames
    assert {picture.track for picture in analysis.thumbnails} == {0}


def test_two_people(sample, write_video) -> None:
    with open_video(sample) as video:
        frames = [np.concatenate([f.rgb, np.asarray(f.rgb[:, ::-1] // 2 + 60)], axis=1) for f in video if f.index < 80]
    path = write_video("two.mp4", frames)
    main = facefatigue.analyze(path, engine="onnxruntime", signs=False)
    assert len(main.faces) == 1
    assert any("--all-faces" in warning for warning in main.warnings)
    everybody = facefatigue.analyze(path, engine="onnxruntime", all_faces=True, signs=False)
    assert [face.track for face in everybody.faces] == [0, 1]
    assert all(face.score is not None for face in everybody.faces)


def test_engines_agree_on_a_video(sample) -> None:
    scores = {}
    for engine in ("onnxruntime", "openvino", "torch"):
        with Estimator(engine=engine, precision="f32", signs=False) as opened:  # type: ignore[arg-type]
            report = opened.analyze(sample, max_duration_s=6).report
            scores[engine] = [w.score for w in report.faces[0].windows]
    np.testing.assert_allclose(scores["openvino"], scores["onnxruntime"], atol=1e-3)
    np.testing.assert_allclose(scores["torch"], scores["onnxruntime"], atol=1e-3)


def test_trajectories_and_thumbnails(estimator: Estimator, sample) -> None:
    analysis = estimator.analyze(sample, max_duration_s=4, keep_trajectories=True, keep_thumbnails=True)
    (trajectory,) = analysis.trajectories
    assert trajectory.boxes.shape == (100, 4)
    assert trajectory.landmarks.shape == (100, 5, 2)
    assert np.all(np.diff(trajectory.time_s) > 0)
    assert analysis.thumbnails[0].jpeg.startswith(b"\xff\xd8")


def test_wrong_use_is_refused(estimator: Estimator) -> None:
    with pytest.raises(BrokenVideoError, match="no frame was pushed"):
        estimator.finish()
    with pytest.raises(ValueError, match="uint8 RGB"):
        estimator.push(np.zeros((10, 10)), 0.0)
    estimator.push(np.zeros((32, 32, 3), np.uint8), 1.0)
    with pytest.raises(ValueError, match="forward"):
        estimator.push(np.zeros((32, 32, 3), np.uint8), 1.0)
    assert estimator.finish().abstained
    for stride_s in (0, -1, math.nan, math.inf):
        with pytest.raises(ConfigurationError, match="stride"):
            Estimator(stride_s=stride_s)
    with pytest.raises(ModelError):
        Estimator("no-such-model")


def test_interval_of_the_mean() -> None:
    assert score_interval([0.4]) == (0.0, 1.0)
    low, high = score_interval([0.4, 0.6])
    assert (low, high) == (0.0, 1.0)  # 0.5 ± 12.7 · 0.1
    low, high = score_interval([0.4, 0.5, 0.6])
    assert (high - low) / 2 == pytest.approx(4.303 * 0.1 / math.sqrt(3), rel=1e-3)
    assert score_interval([0.3] * 50) == pytest.approx((0.3, 0.3))
    low, high = score_interval([0.0, 1.0] * 100)
    assert (high - low) / 2 == pytest.approx(1.96 * math.sqrt(0.25 * 200 / 199) / math.sqrt(200), rel=1e-3)


def test_majority_and_mean() -> None:
    tired, awake = window(0.9, "fatigue"), window(0.2)
    assert majority([tired, tired, awake], 0.66) == "fatigue"
    assert majority([tired, awake], 0.55) == "fatigue"
    assert majority([tired, awake], 0.5) == "alert"
    windows = [tired, awake, awake, window(None, "abstain", "too_dark")]
    face = aggregate(track=0, frames=9, coverage=1.0, seen_s=4.0, window_s=1.0, windows=windows)
    assert face.label == "alert"
    assert face.score == pytest.approx(1.3 / 3)
    dark = [window(None, "abstain", "too_dark")] * 2 + [window(None, "abstain", "low_coverage")]
    assert aggregate(track=0, frames=9, coverage=1.0, seen_s=4.0, window_s=1.0, windows=dark).abstain_reason == "too_dark"


def test_public_names() -> None:
    for name in facefatigue.__all__:
        assert getattr(facefatigue, name) is not None
    with pytest.raises(AttributeError):
        facefatigue.nothing  # noqa: B018
