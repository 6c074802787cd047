"""Settings of a tiny network, and lists that tell of every frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.train import TrainSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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


@pytest.fixture
def framed_lists(lists: tuple[Path, Path]) -> tuple[Path, Path]:
    """The lists of clips with what is known of every frame beside them, and a patch in every frame that is as bright as its
    closure; of some frames the mouth is not known, and of no frame smile and hand."""
    for manifest in lists:
        shard = manifest.parent / "shards" / "0.npy"
        crops = np.load(shard)
        random = np.random.default_rng(len(crops))
        closure = random.random(crops.shape[:2])
        crops[:, :, 4:16, 16:28] = (40 + 200 * closure)[:, :, None, None, None]
        np.save(shard, crops)
        mouth = random.random(crops.shape[:2])
        mouth[3] = mouth[5, :2] = np.nan
        turn = random.normal(0, 0.2, (*crops.shape[:2], 3))
        turn[..., 2] = 0.1
        unknown = np.full(crops.shape[:2], np.nan)
        known = {
            "closure": closure,
            "mouth": mouth,
            "turn": turn,
            "landmarks": random.normal(0.5, 0.1, (*crops.shape[:2], 68, 2)),
            "smile": unknown,
            "hand": unknown,
        }
        np.savez(shard.with_suffix(".frames.npz"), **{name: values.astype(np.float32) for name, values in known.items()})
    return lists
