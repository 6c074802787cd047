"""Choosing windows and cutting them out a second time."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from facefatigue.errors import BrokenVideoError, UsageError
from facefatigue.estimate import Estimator, FaceReport, WindowResult
from facefatigue.explain.windows import choose_windows, cut_windows, face_at


def face_with(*scores: float | None) -> FaceReport:
    windows = tuple(
        WindowResult(
            start_s=3.2 * number,
            end_s=3.2 * (number + 1),
            score=score,
            fatigue_probability=score,
            label="abstain" if score is None else "alert",
            coverage=1.0,
        )
        for number, score in enumerate(scores)
    )
    return FaceReport(
        track=0, frames=1, coverage=1.0, score=0.5, score_interval=(0, 1), fatigue_probability=0.5, label="alert",
        abstain_reason=None, windows=windows,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "starts"),
    [("worst", [6.4]), ("best", [9.6]), ("all", [0.0, 6.4, 9.6]), (0.0, [0.0]), (6.4, [6.4]), (9.59, [6.4]), (12.0, [9.6])],
)
def test_windows_are_chosen_by_score_or_time(choice, starts):
    chosen = choose_windows(face_with(0.4, None, 0.9, 0.2), choice)
    assert [window.start_s for window in chosen] == pytest.approx(starts)


@pytest.mark.parametrize("time_s", [4.0, 99.0])
def test_a_time_without_a_scored_window_names_the_nearest(time_s):
    nearest = "from 6.4 to 9.6 s" if time_s == 4 else "from 9.6 to 12.8 s"
    with pytest.raises(UsageError, match=f"no scored window covers {time_s:g} s; the nearest one is {nearest}"):
        choose_windows(face_with(0.4, None, 0.9, 0.2), time_s)


def test_the_windows_that_are_cut_are_those_that_were_scored(sample):
    scored = []
    with Estimator(engine="onnxruntime", signs=False) as estimator:
        score = estimator._score
        estimator._score = lambda crops: (scored.append(crops.copy()), score(crops))[1]
        analysis = estimator.analyze(sample, max_duration_s=7.0, keep_trajectories=True)
        spec = estimator.config.clip_spec
    (face,), (trajectory,) = analysis.report.faces, analysis.trajectories
    cut = list(cut_windows(str(sample), trajectory, face.windows, spec))
    assert [window.result for window in cut] == list(face.windows)
    for window, crops in zip(cut, scored, strict=True):
        difference = abs(window.crops.astype(int) - crops)
        assert difference.max() <= 1  # the trajectory keeps landmarks in single precision
        assert (difference > 0).mean() < 0.001
    (second,) = cut_windows(str(sample), trajectory, face.windows[1:2], spec)
    np.testing.assert_array_equal(second.crops, cut[1].crops)
    seen = face_at(trajectory, float(trajectory.time_s[5]))
    np.testing.assert_allclose(seen.landmarks, trajectory.landmarks[5])
    assert face_at(trajectory, float(trajectory.time_s[5]) + 0.01) is None
    assert face_at(trajectory, 1e6) is None
    gone = dataclasses.replace(face.windows[1], start_s=1.0)
    with pytest.raises(BrokenVideoError, match="the window at 1.0 s is gone; did the file change"):
        list(cut_windows(str(sample), trajectory, [gone], spec))
