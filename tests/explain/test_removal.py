"""Occlusion, deletion and insertion on a network whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facefatigue.explain import blurred, deletion_and_insertion, occlusion
from facefatigue.explain.removal import cell_numbers


def test_blurring_keeps_colours_and_takes_features():
    plain = torch.full((1, 3, 2, 64, 64), 0.3)
    torch.testing.assert_close(blurred(plain), plain)
    stripes = torch.ones(1, 3, 2, 64, 64)
    stripes[..., ::2] = -1
    assert float(blurred(stripes)[..., 8:-8].abs().max()) < 0.02
    torch.testing.assert_close(blurred(stripes.transpose(3, 4)), blurred(stripes).transpose(3, 4))


def test_cells_are_counted_along_width_height_and_time():
    numbers = cell_numbers((4, 6, 6), (2, 3, 2))
    assert numbers.shape == (4, 6, 6)
    assert numbers[0, 0].tolist() == [0, 0, 0, 1, 1, 1]
    assert numbers[3, 5, 5] == 11
    assert torch.bincount(numbers.flatten()).tolist() == [12] * 12
    assert cell_numbers((2, 4, 4), (8, 4, 4)).max() == 31  # no more cells than frames


def test_occlusion_finds_what_the_network_looks_at_and_what_it_is_worth(watcher):
    clip, baseline = torch.ones(1, 3, 8, 32, 32), torch.zeros(1, 3, 8, 32, 32)
    found = occlusion(watcher, clip, baseline, cells=(2, 4, 4))
    np.testing.assert_array_equal(found.values != 0, watcher.seen.numpy())
    assert float(found.values.sum()) == pytest.approx(10, rel=1e-4)  # the log-odds fall from 10 to 0
    against = occlusion(watcher, clip, baseline, cells=(2, 4, 4), target="alert")
    np.testing.assert_allclose(against.values, -found.values)


def test_a_right_map_deletes_and_inserts_faster_than_a_wrong_one(watcher):
    clip, baseline = torch.ones(1, 3, 8, 32, 32), torch.zeros(1, 3, 8, 32, 32)
    right = watcher.seen.numpy().astype(np.float32)
    areas = {}
    for name, values in {"right": right, "wrong": 1 - right, "none": np.zeros_like(right)}.items():
        deletion, insertion = deletion_and_insertion(watcher, clip, baseline, values, cells=(4, 8, 8), steps=8)
        assert deletion.share.tolist() == [step / 8 for step in range(9)]
        assert deletion.value[0] == pytest.approx(float(watcher(clip)[1]))
        assert deletion.value[-1] == pytest.approx(0.5)
        assert insertion.value[0] == pytest.approx(0.5)
        assert insertion.value[-1] == pytest.approx(float(watcher(clip)[1]))
        areas[name] = (deletion.area, insertion.area)
    assert areas["right"][0] < areas["wrong"][0] - 0.3
    assert areas["right"][1] > areas["wrong"][1] + 0.3


def test_for_the_alert_class_the_curve_is_of_its_own_evidence(watcher):
    clip, baseline = -torch.ones(1, 3, 8, 32, 32), torch.zeros(1, 3, 8, 32, 32)
    right = watcher.seen.numpy().astype(np.float32)
    deletion, _ = deletion_and_insertion(watcher, clip, baseline, right, target="alert", cells=(4, 8, 8), steps=4)
    assert deletion.value[0] == pytest.approx(1, abs=1e-3)
    assert deletion.value[-1] == pytest.approx(0.5)
