"""What is behind a face."""

from __future__ import annotations

import numpy as np

from facefatigue.synth.background import make_background


def test_backgrounds_are_light_and_differ() -> None:
    drawn = [make_background(np.random.default_rng(seed), 60) for seed in range(40)]
    for picture in drawn:
        assert picture.shape == (60, 60, 3)
        assert picture.dtype == np.float32
        assert picture.min() >= 0
        assert picture.max() <= 1
    means = np.array([picture.mean() for picture in drawn])
    assert np.ptp(means) > 0.4
    assert sum(picture.std() > 0.05 for picture in drawn) > 20
    assert np.array_equal(drawn[3], make_background(np.random.default_rng(3), 60))
