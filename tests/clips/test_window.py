from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from facefatigue.clips import Window, WindowSampler, clip_from_crops, crop_quality, median_quality
from facefatigue.faces import Face

MARKS = np.array([[40.0, 40], [80, 40], [60, 60], [45, 80], [75, 80]])
FACE = Face(np.array([20.0, 10, 100, 110]), 0.99, MARKS)


def frame(value: int) -> np.ndarray:
    return np.full((120, 120, 3), value % 256, np.uint8)


def feed(times: list[float], *, stop: bool = True, interrupted: bool = False, **settings: float) -> list[Window]:
    """Windows of frames whose grey value is their index."""
    options: dict = {"frames": 8, "frame_rate_hz": 10.0, "size_px": 16} | settings
    sampler = WindowSampler(**options)
    windows = [window for index, time_s in enumerate(times) for window in sampler.see(frame(index), FACE, time_s)]
    return windows + (list(sampler.finish(interrupted=interrupted)) if stop else [])


def values(window: Window) -> list[int]:
    assert window.crops is not None
    return [int(crop[8, 8, 0]) for crop in window.crops]


@pytest.mark.parametrize("rate", [10, 20, 30, 24, 25, 59.94])
def test_samples_are_nearest_in_time_at_any_rate(rate: float) -> None:
    windows = feed([index / rate for index in range(round(rate * 2.05))])
    assert [round(w.start_s, 3) for w in windows] == [0.0, 0.8]
    for window in windows:
        assert window.coverage == 1.0
        assert window.end_s - window.start_s == pytest.approx(0.8)
        for k, value in enumerate(values(window)):
            assert abs(value / rate - (window.start_s + k / 10)) <= 0.5 / rate + 1e-6


def test_time_not_frames_are_counted_under_a_variable_rate() -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.01, 0.09, 120)).tolist()
    for window in feed(times):
        for k, value in enumerate(values(window)):
            wanted_s = window.start_s + k / 10
            assert abs(times[value] - wanted_s) <= min(abs(t - wanted_s) for t in times) + 1e-9


def test_slow_video_repeats_frames_and_too_slow_is_uncovered() -> None:
    (half,) = feed([index / 5 for index in range(5)])
    assert half.coverage == 1.0
    assert values(half) == [0, 0, 1, 1, 2, 2, 3, 3]
    slow = feed([index / 2 for index in range(12)])
    assert slow
    assert all(window.coverage <= 0.75 for window in slow)  # well below what is scored


def test_windows_overlap_by_the_stride() -> None:
    windows = feed([index / 30 for index in range(60)], stride_s=0.3)
    assert [round(w.start_s, 3) for w in windows] == [0.0, 0.3, 0.6, 0.9, 1.2]
    assert values(windows[1])[:5] == values(windows[0])[3:]
    wide = feed([index / 30 for index in range(120)], stride_s=1.2)
    assert [round(w.start_s, 3) for w in wide] == [0.0, 1.2, 2.4]
    assert WindowSampler(frames=8, frame_rate_hz=10, size_px=16, stride_s=0.26).stride_s == pytest.approx(0.3)


def test_a_gap_is_never_joined_over() -> None:
    before = [index / 30 for index in range(40)]
    after = [3 + index / 30 for index in range(40)]
    windows = feed(before + after)
    whole = [w for w in windows if w.crops is not None]
    assert [round(w.start_s, 3) for w in whole] == [0.0, 3.0]
    (cut,) = [w for w in windows if w.crops is None]
    assert cut.start_s == pytest.approx(0.8)
    assert cut.end_s == pytest.approx(1.4)
    assert 0.5 < cut.coverage < 0.8
    for window in whole:
        times = [(before + after)[v] for v in values(window)]
        assert max(times) - min(times) < 1.0


def test_a_blink_of_absence_is_bridged_but_not_counted_as_seen() -> None:
    times = [index / 30 for index in range(60) if not 8 <= index < 17]  # 0.33 s without the face
    first = feed(times)[0]
    assert first.crops is not None
    assert first.coverage == pytest.approx(7 / 8)  # the sample at 0.4 s has no frame within 0.1 s


def test_a_row_that_never_fills_a_window_says_so() -> None:
    (short,) = feed([index / 30 for index in range(15)])
    assert short.crops is None
    assert short.coverage == pytest.approx(6 / 8)
    (single,) = feed([0.0])
    assert single.crops is None
    assert single.coverage == pytest.approx(1 / 8)
    assert list(WindowSampler(frames=8, frame_rate_hz=10, size_px=16).finish()) == []


def test_the_rest_at_the_end_of_a_video_is_dropped_but_not_before_a_departure() -> None:
    times = [index / 30 for index in range(36)]
    assert len(feed(times)) == 1
    rest = feed(times, interrupted=True)[1]
    assert rest.crops is None
    assert rest.start_s == pytest.approx(0.8)


def test_the_last_sample_of_an_exactly_long_enough_video_is_there() -> None:
    # 24 frames/s: the last sample, at 0.7 s, lies after the last frame, at 0.6667 s.
    (window,) = feed([index / 24 for index in range(17)])
    assert window.crops is not None
    assert window.coverage == 1.0


def test_an_eyeless_frame_counts_as_unseen() -> None:
    blind = Face(FACE.box, 0.9, np.full((5, 2), 50.0))
    sampler = WindowSampler(frames=8, frame_rate_hz=10.0, size_px=16)
    windows = []
    for index in range(30):
        windows += sampler.see(frame(index), blind if index % 2 else FACE, index / 10)
    assert windows[0].coverage == pytest.approx(0.5)


def test_memory_is_bounded() -> None:
    sampler = WindowSampler(frames=8, frame_rate_hz=10.0, size_px=16)
    for index in range(3000):
        for window in sampler.see(frame(index), FACE, index / 30):
            del window
    assert len(sampler._samples) <= 8


@pytest.mark.parametrize("size_px", [56, 224])
def test_sharpness_means_the_same_at_every_crop_size(size_px: int) -> None:
    grain = np.random.default_rng(3).integers(0, 255, (28, 28, 3), np.uint8)
    crops = {
        side: np.asarray(Image.fromarray(grain).resize((side, side), Image.Resampling.BICUBIC)) for side in (112, size_px)
    }
    sharpness = {side: crop_quality(crop, FACE).sharpness for side, crop in crops.items()}
    assert sharpness[size_px] == pytest.approx(sharpness[112], rel=0.5)


def test_quality_measures() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (112, 112, 3), np.uint8)
    flat = np.full((112, 112, 3), 51, np.uint8)
    sharp, dull = crop_quality(noise, FACE), crop_quality(flat, FACE)
    assert dull.brightness == pytest.approx(0.2, abs=1e-3)
    assert dull.sharpness == pytest.approx(0, abs=1e-3)
    assert sharp.sharpness > 1000
    assert sharp.eye_distance_px == 40
    assert sharp.yaw == pytest.approx(0)
    assert sharp.roll_deg == pytest.approx(0)
    turned = Face(FACE.box, 0.99, np.array([[40.0, 40], [68.28, 68.28], [68.28, 68.28], [0, 0], [0, 0]]))
    assert crop_quality(flat, turned).roll_deg == pytest.approx(45)
    assert crop_quality(flat, turned).yaw == pytest.approx(1)
    assert median_quality([sharp, dull, dull]).brightness == dull.brightness


def test_clips_are_normalised_as_published() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (5, 6, 7, 3), np.uint8)
    clip = clip_from_crops(crops)
    assert clip.shape == (3, 5, 6, 7)
    assert clip.dtype == np.float32
    assert clip.flags["C_CONTIGUOUS"]
    np.testing.assert_allclose(clip, ((crops / 255 - 0.5) / 0.5).transpose(3, 0, 1, 2), atol=1e-6)
