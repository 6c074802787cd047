"""The watching of signs, with nets that read a dot instead of a face."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from facefatigue.errors import ModelError
from facefatigue.estimate.watch_signs import ReadingPace, SignWatch
from facefatigue.signs import SignSeries


def due(times_s: np.ndarray) -> np.ndarray:
    pace = ReadingPace()
    return np.array([pace.is_due(float(time_s)) for time_s in times_s])


@pytest.mark.parametrize("rate_hz", [5, 10, 15, 23.976, 24, 25, 29.97, 30])
def test_up_to_30_frames_a_second_every_one_is_read(rate_hz: float) -> None:
    times_s = np.arange(3000) / rate_hz
    assert due(times_s).all()
    assert due(np.round(times_s, 3)).all()  # as containers that count milliseconds have it
    jitter_s = np.random.default_rng(3).uniform(-0.01, 0.01, len(times_s))
    assert due(np.sort(times_s + jitter_s)).all()


@pytest.mark.parametrize("rate_hz", [40, 45, 48, 50, 59.94, 60, 90, 100, 120, 144, 240, 1000])
def test_above_30_readings_come_evenly_and_at_most_30_a_second(rate_hz: float) -> None:
    times_s = np.arange(int(60 * rate_hz)) / rate_hz
    read_s = times_s[due(times_s)]
    assert len(read_s) <= 60 * 30 + 1
    assert len(read_s) >= 60 * 29.9
    assert np.diff(read_s).max() <= 1 / 30 + 1 / rate_hz + 1e-9
    assert np.array_equal(due(times_s), due(times_s + 1000.0) if rate_hz != 1000 else due(times_s))


def test_of_60_frames_every_second_one_is_read() -> None:
    assert due(np.arange(600) / 60).tolist() == [True, False] * 300


def test_a_rate_that_changes_is_followed() -> None:
    slow, fast = np.arange(100) / 10, 10 + np.arange(1200) / 120
    read = due(np.concatenate([slow, fast]))
    assert read[:100].all()
    assert 299 <= read[100:].sum() <= 302


def test_the_same_in_a_thread_as_inline(scene: Any, landmarker: Any) -> None:
    def run(executor: ThreadPoolExecutor | None) -> dict[int, SignSeries]:
        watch = SignWatch(lambda: landmarker, executor)
        for index in range(300):
            places = {0: (100 + index % 7, 120), 1: (400, 120 + index % 5)}
            if 100 <= index < 140:
                del places[1]
            watch.see(scene.frame({1 + k: place for k, place in places.items()}), scene.faces(places), index / 25)
        watch.end(0)
        watch.end(1)
        return watch.series([0, 1], 299 / 25)

    inline = run(None)
    with ThreadPoolExecutor(1) as executor:
        threaded = run(executor)
    for track in (0, 1):
        for name in ("time_s", "openness", "mouth_open", "yaw_rad", "eye_visible"):
            np.testing.assert_array_equal(getattr(inline[track], name), getattr(threaded[track], name))
    assert len(inline[0]) == 300
    assert len(inline[1]) == 260
    assert np.diff(inline[1].time_s).max() == pytest.approx(41 / 25)  # a gap stays one
    assert (inline[1].start_s, inline[1].end_s) == (0.0, 299 / 25)


def test_two_people_who_change_places_keep_their_signs(scene: Any, landmarker: Any) -> None:
    watch = SignWatch(lambda: landmarker)
    left, right = (150, 120), (450, 120)
    for index in range(100):
        own = {0: left, 1: right} if index < 50 else {0: right, 1: left}  # all of a sudden, as in a cut
        watch.see(scene.frame({1: own[0], 2: own[1]}), scene.faces(own), index / 25)
    watch.end(0)
    watch.end(1)
    series = watch.series([0, 1], 4.0)
    for track in (0, 1):
        assert len(series[track]) == 100
        np.testing.assert_allclose(series[track].mouth_open, scene.mark(1 + track))


def test_a_tracker_that_points_at_nobody_gives_no_reading(scene: Any, landmarker: Any) -> None:
    watch = SignWatch(lambda: landmarker)
    for index in range(20):
        watch.see(scene.frame({2: (450, 120)}), scene.faces({0: (150, 120)}), index / 25)
    watch.end(0)
    (series,) = watch.series([0], 19 / 25).values()
    assert len(series) == 0
    assert (series.start_s, series.end_s) == (0.0, 19 / 25)


def test_tracks_of_one_person_are_joined_with_a_gap_between(scene: Any, landmarker: Any) -> None:
    watch = SignWatch(lambda: landmarker)
    for index in range(200):
        track = 0 if index < 50 else 3 if index >= 150 else None
        tracks = {} if track is None else {track: (150, 120)}
        watch.see(scene.frame({1: (150, 120)}), scene.faces(tracks), 5 + index / 25)
        if index == 100:
            watch.end(0)
    watch.end(3)
    watch.join(0, 3)
    (series,) = watch.series([0], 5 + 199 / 25).values()
    assert len(series) == 100
    assert np.diff(series.time_s).max() == pytest.approx(101 / 25)
    assert (series.start_s, series.end_s) == (5.0, 5 + 199 / 25)


def test_who_has_left_keeps_only_what_was_read(scene: Any, landmarker: Any) -> None:
    watch = SignWatch(lambda: landmarker)
    for track in range(40):
        for index in range(10):
            frame = scene.frame({1: (150, 120)})
            watch.see(frame, scene.faces({track: (150, 120)}), track + index / 25)
        watch.end(track)
    assert watch._readers == {}
    kept = [series for parts in watch._ended.values() for series in parts]
    assert len(kept) == 40
    names = [entry.name for entry in dataclasses.fields(SignSeries) if entry.name not in ("start_s", "end_s")]
    for series in kept:
        arrays = [getattr(series, name) for name in names]
        held = sum((array if array.base is None else array.base).nbytes for array in arrays)
        assert held <= 53 * 10


def test_nets_are_loaded_for_the_first_face_and_once(scene: Any, landmarker: Any) -> None:
    loaded = []

    def load() -> Any:
        loaded.append(1)
        return landmarker

    watch = SignWatch(load)
    for index in range(10):
        watch.see(scene.frame({}), (), index / 25)
    assert (loaded, landmarker.readings) == ([], 0)
    watch.see(scene.frame({1: (150, 120)}), scene.faces({0: (150, 120)}), 1.0)
    assert len(loaded) == 1


def test_what_goes_wrong_in_the_thread_is_raised_in_the_caller(scene: Any) -> None:
    def broken() -> Any:
        raise ModelError("the weights are damaged")

    def watch() -> None:
        with ThreadPoolExecutor(1) as executor:
            signs = SignWatch(broken, executor)
            for index in range(10):
                signs.see(scene.frame({1: (150, 120)}), scene.faces({0: (150, 120)}), index / 25)

    with pytest.raises(ModelError, match="damaged"):
        watch()
