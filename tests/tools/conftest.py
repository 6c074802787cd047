"""A short film of a face, so that tests of whole ways stay short."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from facefatigue.model.config import ModelConfig
from facefatigue.video import open_video

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECONDS = 9.0


@pytest.fixture
def short_film(sample: Path, write_video: Callable[..., Path]) -> Path:
    """The first 9 s of the rendered (synthetic) sample, 25 frames a second."""
    frames = []
    with open_video(sample) as video:
        for frame in video:
            if frame.time_s >= SECONDS:
                break
            frames.append(frame.rgb)
    return write_video("short.mp4", frames, rate=25, options={"crf": "16"})


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small model with random weights that reads cues: windows of 8 frames, 0.64 s."""
    import torch

    from facefatigue.model.export import write_artefact
    from facefatigue.model.network import FatigueNet

    config = ModelConfig(
        name="small", version="1", licence="CC0-1.0", training_data="none: random weights", metrics={}, first_channel=8,
        frames=8, size_px=112, frame_rate_hz=12.5, backbone="resnet2d_cues", non_local_position=4, cues=("turn", "closure"),
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = FatigueNet(config).eval()
    folder: Path = tmp_path_factory.mktemp("model") / "small"
    write_artefact(network, config, folder, "# small\n")
    return folder
