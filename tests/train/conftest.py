"""Settings of a tiny network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from facefatigue.train import TrainSettings

if TYPE_CHECKING:
    from collections.abc import Callable

FRAMES, SIZE_PX = 8, 32


@pytest.fixture
def settings() -> Callable[..., TrainSettings]:
    """A function that makes settings of a tiny network; its arguments win."""

    def make(**given: object) -> TrainSettings:
        plain = {"schedule": "steps", "warmup_epochs": 0.0, "optimiser": "adam", "weight_decay": 1e-4, "learning_rate": 3e-4}
        tiny = {
            **plain,
            "clip_norm": None,
            "dropout": 0.6,
            "depth": 10,
            "first_channel": 8,
            "frames": FRAMES,
            "size_px": SIZE_PX,
            "batch_size": 8,
            "threads": 1,
        }
        return TrainSettings(**{**tiny, **given})

    return make
