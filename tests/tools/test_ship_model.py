"""What the shipping tool does to a network and to a card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from facefatigue.errors import ConfigurationError
from facefatigue.evaluate import Predictions
from facefatigue.model.config import ModelConfig
from facefatigue.model.network import FatigueNet
from ship_model import PLACES, calibration_text, fill, limits_text, recipe_text, training_text, with_temperature

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.fixture
def network() -> FatigueNet:
    torch.manual_seed(0)
    config = ModelConfig(
        name="small", version="1", licence="none", training_data="none", metrics={}, backbone="resnet2d_cues", depth=10,
        first_channel=8, non_local_position=4, cues=("closure",), frames=4, size_px=32, frame_rate_hz=10.0,
    )  # fmt: skip
    return FatigueNet(config).eval()


def predictions(score: Sequence[float], target: Sequence[float]) -> Predictions:
    count = len(score)
    return Predictions.of(
        item=[f"a.npy#{k}" for k in range(count)],
        subject=[f"s{k // 2}" for k in range(count)],
        target=target,
        score=score,
        fatigue_probability=score,
        logits=np.zeros((count, 2), np.float32),
    )


def test_a_temperature_divides_the_logits_and_leaves_the_first_network_alone(network: FatigueNet) -> None:
    clip = torch.rand(2, 3, 4, 32, 32)
    with torch.inference_mode():
        logits = network(clip)[0]
        halved = with_temperature(network, 2.0)(clip)[0]
        assert torch.allclose(halved, logits / 2, atol=1e-6)
        assert torch.equal(network(clip)[0], logits)


def test_a_card_tells_everything_or_is_refused() -> None:
    notes = "# x\n" + "\n".join(f"{{{name}}}" for name in PLACES)
    filled = fill(notes, {name: f"\n    {name} text\n" for name in PLACES})  # as a block of commands begins
    assert filled == "# x\n" + "\n".join(f"    {name} text" for name in PLACES)
    with pytest.raises(ConfigurationError, match="no place for limits"):
        fill(notes.replace("{limits}", ""), {})


def test_headings_go_one_level_down_and_commands_become_a_block() -> None:
    assert training_text("# name\n\n## Data\nrows\n") == "\n### Data\nrows"
    assert recipe_text("#!/bin/sh\nset -eu\nfacefatigue train\n") == "    facefatigue train"


def test_errors_below_a_limit_stand_apart() -> None:
    found = predictions([0.1, 0.2, 0.9, 0.8], [0.1, 0.2, 0.9, 0.0])
    text = limits_text(found, {"brightness": np.array([0.5, 0.6, 0.7, 0.01])})
    assert "MAE of all validation clips 0.200" in text
    assert "| brightness | 0.06 | 1, 0.800 |" in text


def test_both_lines_of_the_calibration_are_there() -> None:
    before, after = predictions([0.1, 0.2, 0.9, 0.8], [0, 0, 1, 1]), predictions([0.0, 0.1, 1.0, 0.9], [0, 0, 1, 1])
    text = calibration_text(before, after, 0.5, where="4 clips")
    assert "Temperature 0.500, fitted on 4 clips" in text
    assert "| as trained | 0.150 |" in text
    assert "| calibrated | 0.050 |" in text
