"""Windows of real videos: the same that `predict` scores, and ones around labelled frames."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from default_model.labels import frames_at, read_eye_labels, read_yawns
from default_model.scoring import CueReader, Scorer
from default_model.store import Store
from default_model.windows import Windows, centred, follow, nearest_frames, steps_in_rows
from facefatigue import Estimator
from facefatigue.clips import clip_from_crops
from facefatigue.data.rows import FaultsError
from facefatigue.model.artefact import load_artefact
from facefatigue.model.weights import load_network

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_windows_and_scores_are_those_of_predict(short_film: Path, small_model: Path, tmp_path: Path) -> None:
    artefact = load_artefact(small_model)
    store = Store(tmp_path)
    followed = follow(short_film, artefact.config.clip_spec, store)
    scorer = Scorer(artefact, store, engine="onnxruntime", threads=2, untrained=0, say=lambda _: None)
    for stride_s in (None, 0.5):
        with Estimator(small_model, engine="onnxruntime", stride_s=stride_s) as estimator:
            wanted = [w for w in estimator.analyze(short_film).report.faces[0].windows if w.score is not None]
        windows = followed.every(stride_s)
        assert windows.start_s == pytest.approx([window.start_s for window in wanted])
        assert windows.end_s == pytest.approx([window.end_s for window in wanted])
        scores = scorer.score({"sample": windows}, controls=False)
        assert scores.model["sample"] == pytest.approx([window.score for window in wanted], abs=1e-4)
        assert scores.probability["sample"] == pytest.approx([w.fatigue_probability for w in wanted], abs=1e-4)
    again = follow(short_film, artefact.config.clip_spec, store)  # from the cache
    assert np.array_equal(again.windows.frames, followed.windows.frames)
    assert again.windows.digest == followed.windows.digest

    # A window around the moment of a frame that is the middle sample of one of predict's windows is that window.
    spec, own = artefact.config.clip_spec, followed.every(None)
    middle_s = own.start_s[1] + spec.frames // 2 / spec.frame_rate_hz
    frame_s = followed.frame_s[np.abs(followed.frame_s - middle_s).argmin()]
    around, there = centred(followed, np.array([0.1, frame_s]), store)
    assert there.tolist() == [False, True]
    assert around.start_s[0] == pytest.approx(own.start_s[1], abs=0.02)
    apart = around.frames[around.index[0]].astype(int) - own.frames[own.index[1]].astype(int)
    assert np.abs(apart).max() <= 1  # landmarks of a trajectory are kept in float32
    single, _ = centred(followed, np.array([frame_s]), store, frames=1)
    assert np.array_equal(single.frames[0], around.frames[around.index[0, spec.frames // 2]])


def test_a_gap_begins_a_new_row_of_windows() -> None:
    start_s = np.array([0.0, 0.08, 0.16, 3.0, 3.08, 9.5])
    assert steps_in_rows(start_s, 0.08).tolist() == [0, 1, 2, 0, 1, 0]
    assert steps_in_rows(np.zeros(0), 0.08).tolist() == []


def test_samples_take_the_nearest_frame_and_bridge_where_the_face_was_away() -> None:
    frame_s = np.arange(10) / 10
    seen_s = np.delete(frame_s, [4, 5])
    places, own = nearest_frames(
        np.array([[0.12, 0.31, 0.42, 0.52, 0.61], [-0.3, 0.0, 0.1, 0.2, 0.3]]), frame_s, seen_s, farthest_s=0.1
    )
    assert places.tolist() == [[1, 3, 3, 6, 6], [0, 0, 1, 2, 3]]
    assert own.tolist() == [[True, True, False, False, True], [False, True, True, True, True]]


def test_a_label_belongs_to_the_frame_at_its_time() -> None:
    frame_s = np.arange(5) / 25
    assert frames_at(np.array([0.0, 0.081, 0.16, 0.3]), frame_s).tolist() == [0, 2, 4, -1]
    assert frames_at(np.array([0.0]), np.zeros(0)).tolist() == [-1]


def test_eye_labels_are_read_by_video_and_wrong_lines_are_named(tmp_path: Path) -> None:
    path = tmp_path / "eyes.csv"
    path.write_text(
        "video,time_s,frame,eye_closure,note\na/1.avi,2.0,50,1,\na/1.avi,1.0,25,0.25,\na/1.avi,3.0,75,,hidden\nb.mp4,0,0,0,\n",
        encoding="utf-8",
    )
    found = read_eye_labels(path)
    assert sorted(found) == ["a/1.avi", "b.mp4"]
    assert found["a/1.avi"].time_s.tolist() == [1.0, 2.0]
    assert found["a/1.avi"].closure.tolist() == [0.25, 1.0]
    path.write_text("video,time_s,eye_closure\na,1,0.3\na,x,1\na,2,1\na,2.0,0\n", encoding="utf-8")
    with pytest.raises(
        FaultsError, match=r"line 2: the closure is '0.3'.*line 3: a label needs.*line 5: a has a label at 2 s"
    ):
        read_eye_labels(path)
    path.write_text("video,time_s\na,1\n", encoding="utf-8")
    with pytest.raises(FaultsError, match="no column eye_closure"):
        read_eye_labels(path)


def test_the_labels_that_ship_can_be_read() -> None:
    import evaluate_default

    found = read_eye_labels(evaluate_default.arguments(["--cache", "unused"]).labels)
    assert sum(len(own.time_s) for own in found.values()) > 100


def test_yawns_are_read_by_video(tmp_path: Path) -> None:
    path = tmp_path / "yawns.csv"
    path.write_text("video,start_s,end_s,label\n1.avi,4.5,9.7,yawn\n1.avi,12,13,yawn\n", encoding="utf-8")
    assert read_yawns(path) == {"1.avi": [(4.5, 9.7), (12.0, 13.0)]}
    path.write_text("video,start_s,end_s\n1.avi,4,4\n", encoding="utf-8")
    with pytest.raises(FaultsError, match="line 2"):
        read_yawns(path)


def test_a_store_makes_again_what_depends_on_something_else_or_is_damaged(tmp_path: Path) -> None:
    made = []

    def make() -> dict[str, np.ndarray]:
        made.append(1)
        return {"x": np.arange(len(made))}

    store = Store(tmp_path / "cache")
    assert store.recall("a", ("v1",), make)["x"].tolist() == store.recall("a", ("v1",), make)["x"].tolist() == [0]
    assert len(store.recall("a", ("v2",), make)["x"]) == 2
    for path in (tmp_path / "cache").glob("*.npz"):
        path.write_bytes(b"PK")
    assert len(store.recall("a", ("v1",), make)["x"]) == 3
    assert len(Store(None).recall("a", ("v1",), make)["x"]) == 4


def test_the_cue_is_read_at_the_middle_of_a_window_where_the_model_gives_one(small_model: Path) -> None:
    artefact = load_artefact(small_model)
    reader = CueReader(artefact, threads=1)
    assert reader.there
    frames = np.random.default_rng(0).integers(0, 256, (9, 112, 112, 3), np.uint8)
    index = np.stack([np.arange(8), np.arange(1, 9)]).astype(np.int32)
    windows = Windows(frames=frames, index=index, start_s=np.zeros(2), end_s=np.ones(2))
    clips = torch.from_numpy(np.stack([clip_from_crops(frames[row]) for row in index]))
    cues = load_network(artefact.config, artefact.safetensors_path).cues(clips).detach().numpy()
    assert reader.at_middle(windows) == pytest.approx(cues[:, 4, 3], abs=1e-3)  # behind the three channels of the turn
    still = reader.at_middle(windows, middle=True)  # each frame is read by itself, so its neighbours change nothing
    assert still == pytest.approx(cues[:, 4, 3], abs=1e-3)
    without = dataclasses.replace(artefact, config=dataclasses.replace(artefact.config, cues=("turn",)))
    assert not CueReader(without, threads=1).there
