"""How found blinks are held against marked ones, and that the tool reads a video again from its cache."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import evaluate_signs
from default_model.store import Store
from facefatigue.signs import measure


def test_marks_are_read(tmp_path):
    path = tmp_path / "marks.csv"
    path.write_text("start_s,peak_s,end_s,complete\n1.0,1.1,1.2,1\n3.0,3.1,3.3,\n5,5.1,5.2,0\n", encoding="utf-8")
    marks = evaluate_signs.read_marks(path)
    assert marks.peak_s.tolist() == [1.1, 3.1, 5.1]
    assert marks.complete == (True, None, False)


def test_pairs_overlap_in_time_one_to_one(stage):
    act = stage.Act(blinks=[stage.Blink(start_s) for start_s in (2.0, 5.0, 8.0, 20.0)])
    blinks = measure(act.film(stage.moments(30, 30), 0.005)).blinks
    assert len(blinks) == 4
    start_s = np.array([1.95, 5.0, 11.0])
    marks = evaluate_signs.Marks(start_s, start_s + 0.1, start_s + 0.3, (True, True, True))
    pairs, found, marked = evaluate_signs.match(blinks, marks, [(0.0, 15.0)])
    assert (pairs, found, marked) == ([(0, 0), (1, 1)], 3, 3)


def test_a_video_is_read_once(stage, tmp_path, monkeypatch):
    series = stage.Act(blinks=[stage.Blink(2.0)]).film(stage.moments(10, 30), 0.005)
    calls = []
    monkeypatch.setattr(evaluate_signs, "follow", lambda video, step: calls.append((video.name, step)) or series)
    video = tmp_path / "v.mp4"
    video.write_bytes(b"any")
    store = Store(tmp_path / "cache")
    for _ in range(2):
        again = evaluate_signs.recall(video, 2, store)
    assert calls == [("v.mp4", 2)]
    for entry in dataclasses.fields(series):
        assert np.array_equal(getattr(again, entry.name), getattr(series, entry.name)), entry.name


def test_false_and_found_yawns_are_counted(stage):
    mouth = [stage.Swell(5.0 + 15 * n, 2.5, 1.5, 2.0, 0.8) for n in range(3)]
    signs = measure(stage.Act(mouth=mouth).film(stage.moments(50, 30), 0.01))
    (row,) = evaluate_signs.yawn_rows("v", {1: signs}, [(6.0, 9.0), (45.0, 48.0)])
    assert row[3:5] == ("1 found, 2 false", "2 found, 0 false")


def test_a_folder_without_videos_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["evaluate_signs.py", "--media", str(tmp_path)])
    with pytest.raises(SystemExit, match="holds no videos"):
        evaluate_signs.main()
