"""Small networks and checkpoints, made on the spot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from facefatigue.model.config import ModelConfig
from facefatigue.model.network import FatigueNet

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def small_config() -> Callable[..., ModelConfig]:
    """A function that makes a small configuration."""

    def make(**changes: Any) -> ModelConfig:
        cues = {"non_local_position": 4, "cues": ("closure", "turn")} if changes.get("backbone") == "resnet2d_cues" else {}
        settings: dict[str, Any] = {"first_channel": 8, "frames": 8, "size_px": 32, **cues, **changes}
        return ModelConfig(
            name="small", version="1", licence="CC0-1.0", training_data="none: random weights", metrics={}, **settings
        )

    return make


@pytest.fixture
def random_network() -> Callable[[ModelConfig], FatigueNet]:
    """A function that makes a network in which every weight matters: no zero scale, no unit statistics."""

    def make(config: ModelConfig, seed: int = 0) -> FatigueNet:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = FatigueNet(config)
            for name, tensor in network.state_dict().items():
                if "norm" in name and tensor.is_floating_point():
                    tensor.copy_(
                        torch.rand_like(tensor) + 0.5 if name.endswith(("weight", "var")) else 0.1 * torch.randn_like(tensor)
                    )
                elif name.startswith(("features.", "head.")):
                    tensor.mul_(3)
        return network.eval()

    return make


_PUBLISHED = (
    ("stem.conv.", "visual_encoder.conv1."),
    ("stem.norm.", "visual_encoder.bn1."),
    ("features.", "visual_encoder.fc."),
    ("head.", "liner.2."),
    ("stage", "visual_encoder.layer"),
    (".norm1.", ".bn1."),
    (".norm2.", ".bn2."),
    (".norm3.", ".bn3."),
    (".shortcut.conv.", ".downsample.0."),
    (".shortcut.norm.", ".downsample.1."),
    (".output.", ".W_z.0."),
    (".norm.", ".W_z.1."),
    (".relation.", ".W_f.0."),
)


@pytest.fixture
def published() -> Callable[[FatigueNet], dict[str, torch.Tensor]]:
    """A function that gives a network's weights as the published code would name and shape them."""

    def convert(network: FatigueNet) -> dict[str, torch.Tensor]:
        return {f"module.{theirs(name)}": shaped(name, tensor) for name, tensor in network.state_dict().items()}

    def theirs(name: str) -> str:
        for our_part, their_part in _PUBLISHED:
            name = name.replace(our_part, their_part)
        return name

    def shaped(name: str, tensor: torch.Tensor) -> torch.Tensor:
        return tensor[:, :, None, None] if name.endswith("relation.weight") else tensor

    return convert
