"""The network of cues: what it reads of each frame, what it makes of them over time, and how it is exported."""

from __future__ import annotations

import itertools
import json

import numpy as np
import onnxruntime
import pytest
import torch

from facefatigue.engine import open_engine
from facefatigue.errors import ConfigurationError
from facefatigue.model.config import ModelConfig
from facefatigue.model.export import TOLERANCE, write_artefact
from facefatigue.model.network import FatigueNet
from facefatigue.model.non_local import NonLocalBlock
from facefatigue.model.weights import load_network

CUES = ("closure", "turn", "skin")  # 1 + 3 + 4 channels


@pytest.mark.parametrize("frames", [2, 3, 4, 9])
@pytest.mark.parametrize("takes", ["cues", "features", "both"])
def test_any_number_of_frames_gives_a_score_and_the_cues_of_each(small_config, random_network, frames, takes):
    network = random_network(small_config(backbone="resnet2d_cues", cues=CUES, temporal_input=takes))
    clip = torch.rand(2, 3, frames, 32, 32) * 2 - 1
    with torch.inference_mode():
        logits, score, cues = network.forward_with_cues(clip)
        plain = network(clip)
    assert (logits.shape, score.shape, cues.shape) == ((2, 10), (2,), (2, frames, 8))
    assert torch.equal(plain[0], logits)
    assert torch.equal(plain[1], score)


@pytest.mark.parametrize(("size_px", "sides"), [(32, (4, 2, 1)), (33, (5, 3, 2)), (112, (14, 7, 4)), (160, (20, 10, 5))])
def test_the_maps_of_a_frame_are_read_place_by_place(small_config, size_px, sides):
    with torch.device("meta"):
        network = FatigueNet(small_config(backbone="resnet2d_cues", size_px=size_px))
        maps = network.maps(torch.empty(1, 3, 4, size_px, size_px))
    assert [tuple(part.shape) for part in maps] == [
        (1, channels, 4, side, side) for channels, side in zip((16, 32, 64), sides, strict=True)
    ]
    places = sum(channels * side**2 for channels, side in zip((8, 16, 64), sides, strict=True))
    assert network.reader.features.in_features == places + network.reader.eyes.count
    assert network.moments_of(4) == (4, 32)


@pytest.mark.parametrize(("size_px", "seen"), [(32, (8, 8)), (112, (32, 40)), (160, (48, 56))])
def test_both_eyes_are_read_alike_and_where_alignment_puts_them(small_config, random_network, size_px, seen):
    network = random_network(small_config(backbone="resnet2d_cues", size_px=size_px))
    eyes = network.reader.eyes
    assert (eyes.height, eyes.width) == seen
    clip = torch.rand(2, 3, 3, size_px, size_px) * 2 - 1
    with torch.inference_mode():
        left, right = eyes(clip)
        mirrored = eyes(clip.flip(-1))
        x, y, away = round(0.35 * size_px), round(0.35 * size_px), round(0.8 * size_px)
        below, blink = clip.clone(), clip.clone()
        below[..., away:, :] = 0
        blink[..., y, x] = 0
        assert torch.equal(torch.cat(eyes(below)), torch.cat([left, right]))
        assert not torch.equal(eyes(blink)[0], left)
        assert torch.equal(eyes(blink)[1], right)
    assert left.shape == (2, 16, 3, seen[0] // 8, seen[1] // 8)
    assert eyes.count == 2 * left[0, :, 0].numel()
    torch.testing.assert_close(mirrored[0], right, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(mirrored[1], left, atol=1e-5, rtol=1e-4)


def test_each_frame_is_read_by_itself_and_in_units(small_config, random_network):
    network = random_network(small_config(backbone="resnet2d_cues", cues=CUES))
    mean, spread = torch.arange(8.0), torch.arange(8.0) + 0.5
    clip = torch.rand(1, 3, 5, 32, 32) * 2 - 1
    with torch.inference_mode():
        standard = network.cues(clip)
        network.set_cue_statistics(mean, spread)
        cues = network.cues(clip)
        torch.testing.assert_close(cues, standard * spread + mean)
        alone = torch.cat([network.cues(clip[:, :, t : t + 1]) for t in range(5)], dim=1)
        torch.testing.assert_close(cues, alone, atol=1e-5, rtol=1e-4)
    assert "reader.cue_mean" in network.state_dict(), "a shipped network says what its cues mean"


def test_of_cues_alone_nothing_else_decides(small_config, random_network):
    network = random_network(small_config(backbone="resnet2d_cues", cues=CUES, temporal_input="cues"))
    with torch.inference_mode():
        clip = torch.rand(1, 3, 6, 32, 32)
        moments, cues = network.read(clip, network.maps(clip))
        pooled = network.temporal(moments, cues)
        assert torch.equal(network.temporal(torch.rand_like(moments), cues), pooled)
        assert not torch.equal(network.temporal(moments, cues + 1), pooled)


def test_the_order_of_frames_matters(small_config, random_network):
    network = random_network(small_config(backbone="resnet2d_cues"))
    clip = torch.rand(1, 3, 8, 32, 32) * 2 - 1
    with torch.inference_mode():
        assert not torch.allclose(network(clip)[0], network(clip[:, :, [3, 0, 7, 1, 6, 2, 5, 4]])[0], atol=1e-4)


@pytest.mark.parametrize(("position", "present"), [(0, 0), (4, 1)])
def test_the_non_local_block_looks_over_time_alone(small_config, position, present):
    network = FatigueNet(small_config(backbone="resnet2d_cues", non_local_position=position))
    found = [name for name, module in network.named_modules() if isinstance(module, NonLocalBlock)]
    assert found == ["temporal.non_local"] * present


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"non_local_position": 3}, "non_local_position is 3 but must be 0 or 4"),
        ({"cues": ()}, "cues is empty but temporal_input is 'both'"),
        ({"cues": ("closure", "closure")}, "cues is"),
        ({"cues": ("landmarks",)}, "cues is"),
        ({"cues": ["closure"]}, "cues is"),
        ({"cues": (["closure"],)}, "cues is"),
        ({"temporal_input": "all"}, "temporal_input is 'all'"),
        ({"backbone": "resnet2d"}, "must be empty for the backbone 'resnet2d'"),
    ],
)
def test_senseless_configurations_are_refused(small_config, changes, words):
    with pytest.raises(ConfigurationError, match=words):
        small_config(**{"backbone": "resnet2d_cues", "cues": CUES, "non_local_position": 4, **changes})


def test_other_networks_read_no_cues(small_config, random_network):
    network = random_network(small_config())
    clip = torch.zeros(1, 3, 8, 32, 32)
    for call in (network.cues, network.forward_with_cues):
        with pytest.raises(ConfigurationError, match="reads no cues"):
            call(clip)
    with pytest.raises(ConfigurationError, match="reads no cues"):
        network.set_cue_statistics(torch.zeros(0), torch.ones(0))


def test_a_configuration_is_read_back_and_older_ones_have_no_cues(small_config):
    config = small_config(backbone="resnet2d_cues", cues=CUES, temporal_input="cues")
    assert ModelConfig.from_json(config.to_json()) == config
    entries = json.loads(small_config().to_json())
    del entries["cues"], entries["temporal_input"], entries["backbone"]
    assert ModelConfig.from_json(json.dumps(entries)) == small_config()


@pytest.mark.parametrize(
    ("depth", "takes", "position"), [*itertools.product([10, 18], ["cues", "features", "both"], [4]), (50, "both", 0)]
)
def test_the_graph_gives_the_cues_as_well(tmp_path, small_config, random_network, depth, takes, position):
    config = small_config(
        backbone="resnet2d_cues", cues=CUES, depth=depth, temporal_input=takes, non_local_position=position, size_px=40
    )
    network = random_network(config)
    network.set_cue_statistics(torch.arange(8.0) / 8, torch.arange(8.0) / 8 + 0.1)
    if depth == 50:  # so many random layers end in logits of thousands, whose rounding alone is beyond the tolerance
        network.reader.features.weight.data /= 100
    written = write_artefact(network, config, tmp_path / "m", "# card")
    assert 0 < written.check.cues_difference <= TOLERANCE
    session = onnxruntime.InferenceSession(written.artefact.onnx_path, providers=["CPUExecutionProvider"])
    assert [entry.name for entry in session.get_outputs()] == ["logits", "score", "cues"]
    clip = np.random.default_rng(2).uniform(-1, 1, (2, *config.clip_shape)).astype(np.float32)
    with torch.inference_mode():
        expected = network.cues(torch.from_numpy(clip)).numpy()
        reread = load_network(config, written.artefact.safetensors_path)
        np.testing.assert_array_equal(reread.cues(torch.from_numpy(clip)).numpy(), expected)
    np.testing.assert_allclose(session.run(["cues"], {"clip": clip})[0], expected, atol=TOLERANCE)


def test_the_graph_without_cues_has_the_usual_outputs(tmp_path, small_config, random_network):
    config = small_config(backbone="resnet2d_cues", cues=(), temporal_input="features")
    artefact = write_artefact(random_network(config), config, tmp_path / "m", "# card").artefact
    session = onnxruntime.InferenceSession(artefact.onnx_path, providers=["CPUExecutionProvider"])
    assert [entry.name for entry in session.get_outputs()] == ["logits", "score"]


def test_every_engine_scores_alike(tmp_path, small_config, random_network):
    config = small_config(backbone="resnet2d_cues", cues=CUES)
    network = random_network(config)
    artefact = write_artefact(network, config, tmp_path / "m", "# card").artefact
    clip = np.random.default_rng(1).uniform(-1, 1, (2, *config.clip_shape)).astype(np.float32)
    with torch.inference_mode():
        logits, _ = network(torch.from_numpy(clip))
    for name in ("onnxruntime", "openvino", "torch"):
        engine = open_engine(artefact, engine=name, precision="f32", threads=1)
        np.testing.assert_allclose(engine.run(clip).logits, logits.numpy(), atol=TOLERANCE)
        engine.close()
