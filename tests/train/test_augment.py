from __future__ import annotations

import numpy as np
import pytest

from facefatigue.train.augment import Augmentation, augment_crops, draw_augmentation


@pytest.fixture
def still() -> np.ndarray:
    """(4, 20, 24, 3) uint8: one picture, four times."""
    picture = np.random.default_rng(0).integers(60, 190, (1, 20, 24, 3)).astype(np.uint8)
    return np.repeat(picture, 4, axis=0)


def test_one_draw_for_the_whole_clip(still: np.ndarray) -> None:
    for seed in range(40):
        augmented = augment_crops(still, draw_augmentation(np.random.default_rng(seed)))
        assert augmented.shape == still.shape
        assert augmented.dtype == np.uint8
        assert (augmented == augmented[:1]).all(), f"seed {seed}: frames of a still clip differ"


def test_deterministic_and_input_unchanged(still: np.ndarray) -> None:
    before = still.copy()
    first, second = (augment_crops(still, draw_augmentation(np.random.default_rng(7))) for _ in range(2))
    assert (first == second).all()
    assert (still == before).all()


def test_draws_follow_the_published_choices() -> None:
    random = np.random.default_rng(0)
    draws = [draw_augmentation(random) for _ in range(4000)]
    assert np.mean([draw.flip for draw in draws]) == pytest.approx(0.5, abs=0.03)
    sigmas = [draw.blur_sigma_px for draw in draws if draw.blur_sigma_px is not None]
    assert len(sigmas) / len(draws) == pytest.approx(0.5, abs=0.03)
    assert 0.1 <= min(sigmas) < 0.12
    assert 0.58 < max(sigmas) < 0.6
    for draw in draws:
        assert draw.brightness_levels == 0 or -50 <= draw.brightness_levels < -30 or 30 <= draw.brightness_levels < 50
        assert 0.8 <= draw.colour < 1.2
        assert 0.8 <= draw.contrast < 1.2
        assert draw.colour == 1 or draw.contrast == 1
        assert not (draw.brightness_levels > 0 and draw.colour != 1), "brightening goes with contrast"
        assert not (draw.brightness_levels < 0 and draw.contrast != 1), "darkening goes with colour"
    for share in (
        np.mean([draw.brightness_levels < 0 for draw in draws]),
        np.mean([draw.brightness_levels > 0 for draw in draws]),
        np.mean([draw.colour != 1 for draw in draws]),
        np.mean([draw.contrast != 1 for draw in draws]),
    ):
        assert share == pytest.approx(0.25, abs=0.03)


def test_each_part_does_what_it_says(still: np.ndarray) -> None:
    assert (augment_crops(still, Augmentation()) == still).all()
    assert (augment_crops(still, Augmentation(flip=True)) == still[:, :, ::-1]).all()
    assert (augment_crops(still, Augmentation(brightness_levels=40.0)) == still + 40).all()
    assert augment_crops(np.full_like(still, 250), Augmentation(brightness_levels=40.0)).min() == 255
    grey = np.full_like(still, 90)
    assert (augment_crops(grey, Augmentation(colour=1.2)) == grey).all()
    assert (augment_crops(grey, Augmentation(contrast=0.8)) == grey).all()
    weaker = augment_crops(still, Augmentation(contrast=0.8))
    assert weaker.std() == pytest.approx(0.8 * still.std(), rel=0.01)
    assert weaker.mean() == pytest.approx(still.mean(), abs=0.6)


def test_blur_is_a_gaussian() -> None:
    point = np.zeros((1, 9, 9, 3), np.uint8)
    point[0, 4, 4] = 255
    blurred = augment_crops(point, Augmentation(blur_sigma_px=0.6))[0, :, :, 0]
    density = np.exp(-0.5 * (np.arange(-4, 5) / 0.6) ** 2)
    expected = 255 * np.outer(density, density) / density.sum() ** 2
    assert np.abs(blurred - expected).max() <= 1.5
    assert (augment_crops(np.full_like(point, 200), Augmentation(blur_sigma_px=0.6)) == 200).all()
