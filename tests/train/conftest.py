"""Small lists of clips whose brightness is their score."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.train import TrainSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FRAMES, SIZE_PX = 8, 32


def write_list(folder: Path, scores: np.ndarray, *, subjects: int = 3) -> Path:
    """A manifest and one shard; the left half of every frame is the brighter the higher the score is."""
    (folder / "shards").mkdir(parents=True)
    crops = np.random.default_rng(len(scores)).integers(0, 40, (len(scores), FRAMES, SIZE_PX, SIZE_PX, 3))
    crops[:, :, :, : SIZE_PX // 2] += (scores * 200).astype(int).reshape(-1, 1, 1, 1, 1)
    np.save(folder / "shards" / "0.npy", crops.astype(np.uint8))
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["clip", "subject", "score", "blinks"])
        writer.writerows(
            [f"shards/0.npy#{index}", f"{folder.name}-{index % subjects}", score, 10 + index % 4]
            for index, score in enumerate(scores)
        )
    return folder / "manifest.csv"


@pytest.fixture
def lists(tmp_path: Path) -> tuple[Path, Path]:
    """A training list of 17 clips and a validation list of 7, the manifests."""
    random = np.random.default_rng(1)
    return (
        write_list(tmp_path / "train", random.random(17)),
        write_list(tmp_path / "val", np.append(random.random(5), [0.1, 0.9])),
    )


@pytest.fixture
def settings() -> Callable[..., TrainSettings]:
    """A function that makes settings of a tiny network; its arguments win."""

    def make(**given: object) -> TrainSettings:
        tiny = {"depth": 10, "first_channel": 8, "frames": FRAMES, "size_px": SIZE_PX, "batch_size": 8, "threads": 1}
        return TrainSettings(**{**tiny, **given})

    return make
