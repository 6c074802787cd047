from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from facefatigue.train.augment import Augmentation, augment_clips, draw_augmentation


@pytest.fixture
def still() -> torch.Tensor:
    """(3, 4, 20, 24) float32 in [60, 190): one picture, four times."""
    picture = np.random.default_rng(0).integers(60, 190, (3, 1, 20, 24)).astype(np.float32)
    return torch.from_numpy(np.repeat(picture, 4, axis=1))


def apply(clip: torch.Tensor, *drawn: Augmentation) -> torch.Tensor:
    return augment_clips(torch.stack([clip] * len(drawn)), drawn)


@pytest.mark.parametrize("kind", ["published", "strong"])
def test_one_draw_for_the_whole_clip(still: torch.Tensor, kind: str) -> None:
    drawn = [draw_augmentation(np.random.default_rng(seed), kind) for seed in range(40)]
    drawn = [dataclasses.replace(one, noise_levels=0.0) for one in drawn]  # noise is of each frame
    augmented = apply(still, *drawn)
    assert augmented.shape == (40, *still.shape)
    assert 0 <= augmented.min() <= augmented.max() <= 255
    assert torch.equal(augmented, augmented[:, :, :1].expand_as(augmented)), "frames of a still clip differ"


@pytest.mark.parametrize("kind", ["published", "strong"])
def test_a_clip_is_augmented_alike_in_any_batch(still: torch.Tensor, kind: str) -> None:
    drawn = [draw_augmentation(np.random.default_rng(seed), kind) for seed in range(12)]
    together = apply(still, *drawn)
    for number, one in enumerate(drawn):
        assert torch.allclose(apply(still, one)[0], together[number], atol=1e-3)


def test_no_augmentation_leaves_clips_alone(still: torch.Tensor) -> None:
    assert draw_augmentation(np.random.default_rng(0), "none") == Augmentation()
    assert torch.equal(apply(still, Augmentation())[0], still)


def test_draws_follow_the_published_choices() -> None:
    random = np.random.default_rng(0)
    draws = [draw_augmentation(random, "published") for _ in range(4000)]
    assert np.mean([draw.flip for draw in draws]) == pytest.approx(0.5, abs=0.03)
    sigmas = [draw.blur_sigma_px for draw in draws if draw.blur_sigma_px]
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
        assert (draw.turn_deg, draw.scale, draw.shift, draw.coarse, draw.noise_levels) == (0, 1, (0, 0), 1, 0)
    for share in (
        np.mean([draw.brightness_levels < 0 for draw in draws]),
        np.mean([draw.brightness_levels > 0 for draw in draws]),
        np.mean([draw.colour != 1 for draw in draws]),
        np.mean([draw.contrast != 1 for draw in draws]),
    ):
        assert share == pytest.approx(0.25, abs=0.03)


def test_each_part_does_what_it_says(still: torch.Tensor) -> None:
    assert torch.equal(apply(still, Augmentation(flip=True))[0], still.flip(-1))
    assert torch.equal(apply(still, Augmentation(brightness_levels=40.0))[0], still + 40)
    assert apply(torch.full_like(still, 250), Augmentation(brightness_levels=40.0)).min() == 255
    grey = torch.full_like(still, 90)
    assert torch.allclose(apply(grey, Augmentation(colour=1.2))[0], grey, atol=1e-3)
    assert torch.allclose(apply(grey, Augmentation(contrast=0.8))[0], grey, atol=1e-3)
    weaker = apply(still, Augmentation(contrast=0.8))
    assert float(weaker.std()) == pytest.approx(0.8 * float(still.std()), rel=0.01)
    assert float(weaker.mean()) == pytest.approx(float(still.mean()), abs=0.1 * 60)
    bare = apply(still, Augmentation(colour=0.0))[0]
    assert torch.allclose(bare[0], bare[1])
    assert torch.allclose(bare[0], 0.299 * still[0] + 0.587 * still[1] + 0.114 * still[2], atol=1e-2)


def test_blur_is_a_gaussian() -> None:
    point = torch.zeros(3, 1, 9, 9)
    point[:, 0, 4, 4] = 255
    blurred = apply(point, Augmentation(blur_sigma_px=0.6))[0, 0, 0].numpy()
    density = np.exp(-0.5 * (np.arange(-4, 5) / 0.6) ** 2)
    expected = 255 * np.outer(density, density) / density.sum() ** 2
    assert np.abs(blurred - expected).max() <= 0.01
    assert torch.allclose(apply(torch.full_like(point, 200), Augmentation(blur_sigma_px=0.6)), torch.tensor(200.0))


def test_turn_scale_and_shift_move_a_point_where_they_say() -> None:
    def middle(clip: torch.Tensor) -> tuple[float, float]:
        weights = clip[0, 0, 0] / clip[0, 0, 0].sum()
        rows, columns = torch.arange(64) + 0.5, torch.arange(64) + 0.5
        return float((weights.sum(0) * columns).sum()), float((weights.sum(1) * rows).sum())

    spot = torch.zeros(3, 1, 64, 64)
    spot[:, :, 30:34, 46:50] = 100  # middle at x = 48, y = 32: 16 px right of the centre
    assert middle(apply(spot, Augmentation(shift=(0.125, -0.0625)))) == pytest.approx((56, 28), abs=0.1)
    assert middle(apply(spot, Augmentation(scale=1.25))) == pytest.approx((52, 32), abs=0.2)
    x, y = middle(apply(spot, Augmentation(turn_deg=30.0)))
    assert (x, y) == pytest.approx((32 + 16 * math.cos(math.pi / 6), 32 - 16 * math.sin(math.pi / 6)), abs=0.2)


def test_noise_and_coarseness_have_the_stated_strength() -> None:
    flat = torch.full((3, 4, 64, 64), 128.0)
    noisy = apply(flat, Augmentation(noise_levels=5.0, noise_seed=3), Augmentation(noise_levels=5.0, noise_seed=4))
    assert float((noisy - 128).std()) == pytest.approx(5, rel=0.05)
    assert not torch.equal(noisy[0], noisy[1])
    fine = torch.zeros(3, 1, 64, 64)
    fine[..., ::2] = 255
    assert float(apply(fine, Augmentation(coarse=0.5)).std()) < 5
