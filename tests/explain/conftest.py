"""Small networks, a network whose answer is known, and a window of the sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import facefatigue
from facefatigue.clips import WindowSampler
from facefatigue.faces import FaceTracker, Mtcnn
from facefatigue.model.artefact import DEFAULT_MODEL, load_artefact
from facefatigue.model.config import ModelConfig
from facefatigue.model.network import FatigueNet
from facefatigue.video import open_video

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np


@pytest.fixture(scope="session")
def network_of() -> Callable[..., FatigueNet]:
    """A function that makes a small network in which every weight matters, in evaluation mode."""

    def make(**changes: Any) -> FatigueNet:
        cues = {"non_local_position": 4, "cues": ("closure", "turn")} if changes.get("backbone") == "resnet2d_cues" else {}
        settings: dict[str, Any] = {"first_channel": 8, "frames": 8, "size_px": 32, **cues, **changes}
        config = ModelConfig(name="small", version="1", licence="CC0-1.0", training_data="none", metrics={}, **settings)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = FatigueNet(config)
            for name, tensor in network.state_dict().items():
                if "norm" in name and tensor.is_floating_point():
                    positive = name.endswith(("weight", "var"))
                    tensor.copy_(torch.rand_like(tensor) + 0.5 if positive else 0.1 * torch.randn_like(tensor))
                elif name.startswith(("features.", "head.")):
                    tensor.mul_(3)
        return network.eval().requires_grad_(requires_grad=False)

    return make


@pytest.fixture
def clip() -> torch.Tensor:
    """(1, 3, 8, 32, 32) of noise."""
    return torch.rand(1, 3, 8, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


class Watcher(torch.nn.Module):
    """A network that looks at one corner in the first half of a clip, and at nothing else.

    Its log-odds of fatigue are 10 times the mean there; where it looks is ``seen``, (T, H, W) bool.
    """

    def __init__(self, size: tuple[int, int, int] = (8, 32, 32)) -> None:
        super().__init__()
        self.seen = torch.zeros(size, dtype=torch.bool)
        self.seen[: size[0] // 2, : size[1] // 4, : size[2] // 4] = True

    def forward(self, clip: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        odds = 10 * clip[:, :, self.seen].mean(dim=(1, 2))
        return torch.stack([torch.zeros_like(odds), odds], dim=1), torch.sigmoid(odds)


@pytest.fixture
def watcher() -> Watcher:
    """The network whose answer is known."""
    return Watcher()


@pytest.fixture(scope="session")
def sample_crops() -> np.ndarray:
    """(T, S, S, 3) uint8: the first window of the sample, as the shipped model sees it."""
    spec = load_artefact(DEFAULT_MODEL).config.clip_spec
    tracker = FaceTracker(Mtcnn())
    sampler = WindowSampler(frames=spec.frames, frame_rate_hz=spec.frame_rate_hz, size_px=spec.size_px)
    with open_video(facefatigue.sample_video()) as video:
        for frame in video:
            for tracked in tracker.step(frame.rgb, frame.time_s):
                for window in sampler.see(frame.rgb, tracked.face, frame.time_s):
                    assert window.crops is not None
                    return window.crops
    raise AssertionError("the sample has no window")
