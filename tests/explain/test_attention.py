"""The attention of the non-local block, in all its forms and places."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facefatigue.errors import ConfigurationError
from facefatigue.explain import Listener, attention, attention_map, attention_over_time
from facefatigue.model.config import NON_LOCAL_MODES
from facefatigue.model.non_local import NonLocalBlock


@pytest.mark.parametrize("mode", NON_LOCAL_MODES)
def test_weights_are_what_the_block_weighs_by(mode):
    torch.manual_seed(3)
    block = NonLocalBlock(channels=8, mode=mode).eval()
    torch.nn.init.uniform_(block.norm.weight, 0.5, 1.5)
    x = torch.randn(2, 8, 3, 2, 4)
    with torch.inference_mode():
        weights = block.weights(x)
        assert weights.shape == (2, 24, 24)
        torch.testing.assert_close(block.weights(x, slice(5, 9)), weights[:, 5:9])
        g = block.g(x).flatten(2).transpose(1, 2)
        y = torch.matmul(weights, g).transpose(1, 2).reshape(2, 4, 3, 2, 4)
        torch.testing.assert_close(x + block.norm(block.output(y)), block(x), atol=1e-5, rtol=1e-4)
        if "gaussian" in mode:
            torch.testing.assert_close(weights.sum(dim=2), torch.ones(2, 24))


@pytest.mark.parametrize("settings", [{}, {"backbone": "resnet2d", "non_local_position": 4}, {"backbone": "resnet2d_cues"}])
def test_all_that_is_listened_to_sums_to_1(network_of, clip, settings, monkeypatch):
    network = network_of(**settings)
    whole = attention_map(network, clip)
    assert float(whole.values.sum()) == pytest.approx(1, rel=1e-4)
    assert whole.facts["change"] > 0
    over_time = attention_over_time(network, clip)
    np.testing.assert_allclose(over_time.sum(axis=1), 1, rtol=1e-4)
    monkeypatch.setattr(attention, "_ROWS", 3)  # however many positions are taken at a time
    np.testing.assert_allclose(attention_map(network, clip).values, whole.values, atol=1e-7)
    np.testing.assert_allclose(attention_over_time(network, clip), over_time, atol=1e-6)


def test_in_a_network_of_cues_attention_differs_over_time_alone(network_of, clip):
    values = attention_map(network_of(backbone="resnet2d_cues"), clip).values
    assert np.ptp(values, axis=(1, 2)).max() < 1e-9
    assert np.ptp(values[:, 0, 0]) > 0


def test_a_listener_is_the_nearest_position(network_of, clip):
    network = network_of(backbone="resnet2d", non_local_position=3)  # 8 x 2 x 2 positions at pixels 0 and 16
    near, same, other = (
        attention_map(network, clip, listener=Listener(frame=frame, x=x, y=y)).values
        for frame, x, y in ((2, 17.0, 3.0), (2, 16.0, 0.0), (5, 0.0, 16.0))
    )
    np.testing.assert_array_equal(near, same)
    assert abs(near - other).max() > 0
    mean = np.mean(
        [
            attention_map(network, clip, listener=Listener(frame=t, x=x, y=y)).values
            for t in range(8)
            for x in (0.0, 16.0)
            for y in (0.0, 16.0)
        ],
        axis=0,
    )
    np.testing.assert_allclose(mean, attention_map(network, clip).values, atol=1e-7)
    facts = attention_map(network, clip, listener=Listener(frame=2, x=17.0, y=3.0)).facts
    assert {name: facts[name] for name in facts if name != "change"} == {"from_frame": 2, "from_x": 17, "from_y": 3}


def test_a_block_that_has_learnt_nothing_changes_nothing(network_of, clip):
    network = network_of()
    block = next(module for module in network.modules() if isinstance(module, NonLocalBlock))
    block.norm.weight.zero_()
    block.norm.bias.zero_()
    assert attention_map(network, clip).facts["change"] == 0


def test_without_a_block_there_is_no_attention(network_of, clip):
    with pytest.raises(ConfigurationError, match="small has no non-local block"):
        attention_map(network_of(non_local_position=0), clip)
