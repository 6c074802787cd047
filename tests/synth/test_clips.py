"""Rendered clips: decided by seed and number alone, and labelled with what they show."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.data.frame_targets import FRAME_TARGETS
from facefatigue.synth import clips as clips_module
from facefatigue.synth.clips import Clip, ClipSettings, eye_aperture, film, make_clip, shaking
from facefatigue.synth.look import make_person
from facefatigue.synth.scene import make_scene
from facefatigue.synth.shards import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from facefatigue.synth.light import Visibility
    from facefatigue.synth.performance import Performance
    from facefatigue.synth.rig import Rig

SMALL = ClipSettings(seed=5, frames=6, frame_rate_hz=10.0, size_px=32)


@pytest.fixture(scope="module")
def clips(stage: tuple[Rig, Visibility]) -> list[Clip]:
    return [make_clip(*stage, SMALL, number) for number in range(40)]


def _same(one: Clip, other: Clip) -> bool:
    return (
        one.crops.tobytes() == other.crops.tobytes()
        and one.labels == other.labels
        and one.times == other.times
        and all(np.array_equal(one.frames[name], other.frames[name]) for name in one.frames)
    )


def test_a_clip_depends_on_seed_and_number_alone(stage: tuple[Rig, Visibility], clips: list[Clip]) -> None:
    # In another order, so that what is kept of the last people must not matter; then with nothing kept.
    for number in (33, 7, 8, 31, 7, 0, 38):
        assert _same(make_clip(*stage, SMALL, number), clips[number])
    clips_module._subject.cache_clear()
    assert _same(make_clip(*stage, SMALL, 8), clips[8])
    other = make_clip(*stage, dataclasses.replace(SMALL, seed=6), 7)
    assert not np.array_equal(other.crops, clips[7].crops)
    assert other.labels["subject"] == "rig-6-00001"


def test_each_clip_can_show_somebody_else(stage) -> None:
    alone = dataclasses.replace(SMALL, clips_a_person=1)
    shown = [make_clip(*stage, alone, number).labels for number in range(3)]
    assert [labels["subject"] for labels in shown] == [f"rig-5-{number:05d}" for number in range(3)]
    assert len({labels["skin_tone"] for labels in shown}) == 3


def test_five_clips_in_a_row_show_one_person(clips: list[Clip]) -> None:
    assert [clip.labels["subject"] for clip in clips] == [f"rig-5-{number // 5:05d}" for number in range(40)]
    for first in range(0, 40, 5):
        own = [clip.labels for clip in clips[first : first + 5]]
        assert len({(labels["skin_tone"], labels["glasses"]) for labels in own}) == 1
        assert len({labels["fatigue"] for labels in own}) == 5
        assert len({labels["eye_distance_px"] for labels in own}) == 5


def test_what_is_known_of_a_clip(clips: list[Clip]) -> None:
    for clip in clips:
        assert clip.crops.shape == (6, 32, 32, 3)
        assert clip.crops.dtype == np.uint8
        assert set(clip.labels) | {"clip", "label_source"} == set(COLUMNS)
        for name in ("score", "fatigue", "closure", "perclos", "mouth", "yawning", "skin_tone", "brightness"):
            assert 0 <= clip.labels[name] <= 1
        assert clip.labels["brightness"] == pytest.approx(clip.crops.mean() / 255)
        assert clip.labels["aperture"] == pytest.approx(clip.frames["aperture"].mean(), abs=1e-5)
        assert {clip.labels["glasses"], clip.labels["infrared"]} <= {0, 1}
        time_s = clip.times["time_s"]
        assert len(time_s) == 6
        assert np.allclose(time_s, np.arange(6) / 10, atol=0.0201)
        assert all(start_s < end_s and 0 <= depth <= 1 for start_s, end_s, depth in clip.times["blinks"])
        assert all(start_s < end_s for start_s, end_s in clip.times["yawns"])
    assert len({round(clip.labels["score"], 6) for clip in clips}) == 40


def test_what_is_known_of_every_frame(clips: list[Clip]) -> None:
    for clip in clips:
        assert set(clip.frames) == set(FRAME_TARGETS)
        for name, values in clip.frames.items():
            assert values.shape == (6, *FRAME_TARGETS[name].shape)
            assert values.dtype == np.float32
            assert np.isfinite(values).all()
        for name in ("closure", "mouth", "yawning", "blinking", "gaze_down", "smile", "squint", "hand", "skin"):
            assert clip.frames[name].min() >= 0
            assert clip.frames[name].max() <= 1
        assert set(np.unique(clip.frames["blinking"])) <= {0, 1}
        assert np.abs(clip.frames["turn"]).max() < 1.5
        assert (clip.frames["skin"] == clip.frames["skin"][0]).all()
    assert max(clip.frames["closure"].max() for clip in clips) > 0.8


def test_the_eyes_stand_where_the_alignment_puts_them(clips: list[Clip]) -> None:
    half_px = 0.5 / 32  # landmarks are in parts of the side, from the edge of the first pixel
    eyes = np.stack([
        [clip.frames["landmarks"][:, eye].mean(axis=1) for eye in (slice(36, 42), slice(42, 48))] for clip in clips
    ])  # fmt: skip
    away = eyes - np.array([(0.35, 0.35), (0.65, 0.35)])[:, None] - half_px
    # Shaking is 0.04 of the eye distance, 0.3 of the side, and a little more from frame to frame.
    assert np.abs(away.mean(axis=(0, 2))).max() < 0.01
    assert 0.008 < away.std() < 0.02
    assert np.abs(away).max() < 5 * 0.3 * 0.045


def test_the_gap_between_the_lids_falls_when_they_close(clips: list[Clip]) -> None:
    closure, aperture = (np.concatenate([clip.frames[name] for clip in clips]) for name in ("closure", "aperture"))
    assert np.corrcoef(closure, aperture)[0, 1] < -0.8
    marks = np.zeros((68, 3))
    for first in (36, 42):
        marks[first : first + 6, :2] = [(0, 0), (1, 0.5), (2, 0.5), (3, 0), (2, -0.4), (1, -0.4)]
    assert eye_aperture(marks) == pytest.approx(0.9 / 3)
    turn = np.array([[0.6, 0, 0.8], [0, 1, 0], [-0.8, 0, 0.6]])
    assert eye_aperture(marks @ turn) == pytest.approx(0.9 / 3)
    marks[42:48, 1] = 0
    assert eye_aperture(marks) == pytest.approx(0.45 / 3)


def _film(stage: tuple[Rig, Visibility], performance: Performance, seed: int) -> clips_module.Filmed:
    rig, visibility = stage
    person = make_person(rig, np.random.default_rng(seed))
    scene = make_scene(np.random.default_rng(seed))
    return film(person, performance, visibility, scene=scene, size_px=32, rng=np.random.default_rng(seed))


def test_a_stuck_camera_repeats_frames_and_what_is_known_of_them(
    stage: tuple[Rig, Visibility], act: Callable[..., Performance], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips_module, "_STUCK_SHARE", 1.0)
    repeated = 0
    for seed in range(4):
        performance = act(seed, fatigue=0.9, frames=20)
        filmed = _film(stage, performance, seed)
        known = clips_module._known(performance, filmed)
        stuck = np.flatnonzero(filmed.shown != np.arange(20))
        repeated += len(stuck)
        for index in stuck:
            assert filmed.shown[index] == filmed.shown[index - 1]
            assert np.array_equal(filmed.crops[index], filmed.crops[index - 1])
            for values in known.values():
                assert np.array_equal(values[index], values[index - 1])
        assert np.array_equal(known["closure"], np.clip(performance.lid[filmed.shown], 0, 1).astype(np.float32))
    assert 4 < repeated < 40


def test_other_cameras_show_every_moment(
    stage: tuple[Rig, Visibility], act: Callable[..., Performance], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips_module, "_STUCK_SHARE", 0.0)
    filmed = _film(stage, act(1, frames=20), 1)
    assert np.array_equal(filmed.shown, np.arange(20))


@pytest.mark.parametrize(("frames", "rate_hz", "size_px"), [(2, 0.01, 16), (3, 1000.0, 40), (4, 0.5, 224)])
def test_unusual_forms_are_rendered(stage: tuple[Rig, Visibility], frames: int, rate_hz: float, size_px: int) -> None:
    clip = make_clip(*stage, ClipSettings(frames=frames, frame_rate_hz=rate_hz, size_px=size_px), 1)
    assert clip.crops.shape == (frames, size_px, size_px, 3)
    assert (np.diff(clip.times["time_s"]) > 0).all()


def test_landmarks_shake_like_a_trackers() -> None:
    shaken = np.stack([shaking(30, np.random.default_rng(seed)) for seed in range(200)])
    assert shaken.shape == (200, 30, 2, 2)
    assert shaken[:, 0].std() == pytest.approx(0.042, rel=0.1)
    assert 0.006 < np.diff(shaken, axis=1).std() < 0.025
