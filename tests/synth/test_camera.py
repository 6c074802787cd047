"""What the camera makes of known light."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from facefatigue.synth.camera import Camera, develop, make_camera

ONES = np.ones(3, np.float32)


def _even(light: float | tuple[float, ...], side: int = 40) -> np.ndarray:
    return np.broadcast_to(np.asarray(light, np.float32), (side, side, 3)).copy()


def _develop(light: np.ndarray, *, seed: int = 0, motion_px: tuple[float, float] = (0, 0), **settings: Any) -> np.ndarray:
    camera = Camera(**{"balance": ONES, **settings})
    return develop(light, camera, np.random.default_rng(seed), motion_px=motion_px)


def _grain(noise: float, side: int = 80) -> np.ndarray:
    return (noise * np.random.default_rng(1).standard_normal((side, side, 3))).astype(np.float32)


def test_light_becomes_levels() -> None:
    picture = _develop(_even((0.0, 0.5, 1.0)))
    assert picture.dtype == np.uint8
    assert picture.shape == (40, 40, 3)
    assert picture[20, 20].tolist() == [0, 128, 255]
    assert (picture == picture[0, 0]).all()


@pytest.mark.parametrize(
    ("settings", "levels"),
    [
        ({"gain": 2.0}, (128, 255, 255)),
        ({"gain": 0.5}, (32, 64, 96)),
        ({"balance": np.array([2, 1, 0.5], np.float32)}, (128, 128, 96)),
        ({"gamma": 0.5}, (128, 180, 221)),
        ({"contrast": 1.0}, (40, 128, 215)),
        ({"grey": True}, (115, 115, 115)),
        ({"grey": True, "balance": np.array([2, 1, 0.5], np.float32)}, (115, 115, 115)),
    ],
)
def test_gain_balance_and_tone(settings: dict[str, Any], levels: tuple[int, ...]) -> None:
    assert _develop(_even((0.25, 0.5, 0.75)), **settings)[20, 20] == pytest.approx(levels, abs=1)


def test_corners_lose_light() -> None:
    picture = _develop(_even(0.8), vignette=0.5)[..., 0].astype(int)
    assert picture[20, 20] == pytest.approx(204, abs=1)
    assert picture[0, 0] == pytest.approx(102, abs=1)
    assert picture[0, 20] == pytest.approx(153, abs=2)


@pytest.mark.parametrize(("level", "shot", "deviation"), [(0.5, 0.0, 12.75), (0.25, 1.0, 6.375), (0.25, 0.5, 9.5625)])
def test_noise_has_its_strength_and_no_bias(level: float, shot: float, deviation: float) -> None:
    picture = _develop(_even(level, 64), grain=_grain(0.05), shot_noise=shot).astype(float)
    assert picture.std() == pytest.approx(deviation, rel=0.03)
    assert picture.mean() == pytest.approx(255 * level, abs=0.5)


def test_noise_does_not_wrap_around() -> None:
    assert (_develop(_even(1.0), grain=_grain(0.05)) > 150).all()
    assert (_develop(_even(0.0), grain=_grain(0.05)) < 100).all()
    assert not _develop(_even(0.0), grain=_grain(0.05), shot_noise=1.0).any()
    assert (_develop(_even(5.0), gain=4.0) == 255).all()


def _line() -> np.ndarray:
    light = np.zeros((41, 41, 3), np.float32)
    light[20, 20] = 0.9
    return light


@pytest.mark.parametrize(
    ("motion_px", "shutter", "rows", "columns"),
    [
        ((8, 0), 1.0, 1, 9),
        ((0, 8), 1.0, 9, 1),
        ((8, 0), 0.5, 1, 5),
        ((-8, 0), 1.0, 1, 9),
        ((6, 6), 1.0, 7, 7),
        ((8, 0), 0.0, 1, 1),
    ],
)
def test_movement_smears_along_its_way(motion_px: tuple[float, float], shutter: float, rows: int, columns: int) -> None:
    level = _develop(_line(), motion_px=motion_px, shutter=shutter)[..., 0]
    lit = np.argwhere(level)
    assert np.ptp(lit, axis=0).tolist() == [rows - 1, columns - 1]
    assert lit.mean(axis=0) == pytest.approx([20, 20])
    assert level.sum() == pytest.approx(0.9 * 255, abs=9)


def test_lens_and_sharpening() -> None:
    edge = _even(0.3)
    edge[:, 20:] = 0.6
    plain, soft, crisp = (
        _develop(edge, **settings)[20, :, 0].astype(int) for settings in ({}, {"blur_px": 2.0}, {"sharpen": 1.0})
    )
    assert np.diff(plain).max() == pytest.approx(76.5, abs=1)
    assert np.diff(soft).max() < 25
    assert crisp.max() > plain.max() + 10
    assert crisp.min() < plain.min() - 10


def test_compression_changes_little_and_less_at_high_quality() -> None:
    light = np.random.default_rng(0).uniform(0.3, 0.6, (40, 40, 3)).astype(np.float32)
    plain = _develop(light).astype(int)
    rough, fine = (np.abs(_develop(light, jpeg_quality=quality).astype(int) - plain).mean() for quality in (20, 95))
    assert 0 < fine < rough < 40


def test_exposure_flickers() -> None:
    steady = [_develop(_even(0.5), seed=seed).mean() for seed in range(20)]
    restless = [_develop(_even(0.5), seed=seed, flicker=0.03).mean() for seed in range(20)]
    assert np.std(steady) == 0
    assert np.std(restless) == pytest.approx(0.03 * 128, rel=0.5)


def test_drawn_cameras_develop_alike_for_the_same_seed() -> None:
    light = np.random.default_rng(0).uniform(0, 1, (40, 40, 3)).astype(np.float32)
    for seed in range(60):
        one, other = (make_camera(np.random.default_rng(seed), 40, infrared=seed % 2 == 0) for _ in range(2))
        softest = make_camera(np.random.default_rng(seed), 40, infrared=seed % 2 == 0, most_blur_px=0.5)
        assert softest.blur_px == min(one.blur_px, 0.5)
        if one.grain is not None:
            assert one.grain.shape == (88, 88, 3)
            assert 0.004 < one.grain.std() < 0.06
        picture = develop(light, one, np.random.default_rng(3), motion_px=(3, -2))
        assert np.array_equal(picture, develop(light, other, np.random.default_rng(3), motion_px=(3, -2)))
        if seed % 2 == 0:
            assert one.grey
        if one.grey and one.jpeg_quality is None and (one.grain is None or seed % 2 == 0):
            assert (picture == picture[..., :1]).all()
