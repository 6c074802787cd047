"""Export: the graph agrees with torch for the whole family, and a model folder is written whole or not at all."""

from __future__ import annotations

import dataclasses
import itertools
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import facefatigue.model.export as export_module
from facefatigue.engine import open_engine
from facefatigue.errors import ConfigurationError, MissingExtraError, ModelError, OutputError
from facefatigue.model.artefact import ARTEFACT_FILES, load_artefact
from facefatigue.model.config import BACKBONES, NON_LOCAL_MODES, NON_LOCAL_PLACEMENTS
from facefatigue.model.export import TOLERANCE, compare_with_torch, export_again, export_onnx, write_artefact
from facefatigue.model.weights import load_network

FAMILY = [
    *(
        {"non_local_position": position, "non_local_mode": mode, "non_local_placement": placement}
        for position, (mode, placement) in zip(
            itertools.cycle((1, 2, 3, 4)), itertools.product(NON_LOCAL_MODES, NON_LOCAL_PLACEMENTS), strict=False
        )
    ),
    *({"non_local_position": position, "depth": 10} for position in (0, 1, 2, 3, 4)),
    {"head": "sigmoid", "classes": 1},
    {"classes": 2, "frames": 5, "size_px": 31},
    {"depth": 50, "non_local_mode": "concatenate"},
    *({"backbone": backbone, "depth": depth} for backbone in BACKBONES[1:] for depth in (10, 18, 50)),
    *(
        {"backbone": backbone, "depth": 10, "frames": 5, "size_px": 31, "non_local_position": 0}
        for backbone in BACKBONES[1:]
    ),
]


@pytest.mark.parametrize("settings", FAMILY, ids=str)
def test_the_graph_agrees_with_torch(tmp_path, small_config, random_network, settings):
    config = small_config(**settings)
    check = export_onnx(random_network(config), config, tmp_path / "model.onnx")
    assert 0 <= check.logits_difference <= TOLERANCE
    assert 0 <= check.score_difference <= TOLERANCE
    assert check.batches == (1, 3)


def test_the_graph_is_as_the_contract_says(tmp_path, small_config, random_network):
    config = small_config()
    export_onnx(random_network(config), config, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    found = {entry.name: (entry.shape, entry.type) for entry in (*session.get_inputs(), *session.get_outputs())}
    assert found == {
        "clip": (["N", 3, 8, 32, 32], "tensor(float)"),
        "logits": (["N", 10], "tensor(float)"),
        "score": (["N"], "tensor(float)"),
    }
    assert str(Path.cwd()).encode() not in (tmp_path / "model.onnx").read_bytes()


def test_a_graph_of_other_weights_is_refused(tmp_path, small_config, random_network):
    config = small_config()
    export_onnx(random_network(config), config, tmp_path / "model.onnx")
    with pytest.raises(ModelError, match="differs from torch by"):
        compare_with_torch(random_network(config, seed=1), config, tmp_path / "model.onnx")


def test_export_leaves_the_network_as_it_was(tmp_path, small_config, random_network):
    config = small_config()
    network = random_network(config).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    random_state = torch.get_rng_state()
    write_artefact(network, config, tmp_path / "m", "# card")
    assert network.training
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert torch.equal(random_state, torch.get_rng_state())


def test_a_model_folder_holds_the_network(tmp_path, small_config, random_network):
    config = small_config()
    network = random_network(config)
    described = dataclasses.replace(config, name="other", metrics={"auc": 0.9})
    result = write_artefact(network, described, tmp_path / "deep" / "m", "# Kärtchen\n")
    assert sorted(path.name for path in (tmp_path / "deep" / "m").iterdir()) == sorted(ARTEFACT_FILES)
    artefact = load_artefact(tmp_path / "deep" / "m")
    assert artefact == result.artefact
    assert artefact.config == described
    assert artefact.card_text() == "# Kärtchen\n"
    clip = torch.rand(2, 3, 8, 32, 32) * 2 - 1
    with torch.inference_mode():
        assert torch.equal(load_network(artefact.config, artefact.safetensors_path)(clip)[0], network(clip)[0])
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["m"]


@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_backbone_runs_from_its_folder_in_every_engine(tmp_path, small_config, random_network, backbone):
    config = small_config(backbone=backbone)
    network = random_network(config)
    artefact = write_artefact(network, config, tmp_path / "m", "# card").artefact
    assert load_artefact(tmp_path / "m").config.backbone == backbone
    clip = np.random.default_rng(1).uniform(-1, 1, (2, *config.clip_shape)).astype(np.float32)
    with torch.inference_mode():
        logits, score = network(torch.from_numpy(clip))
    for name in ("onnxruntime", "openvino", "torch"):
        engine = open_engine(artefact, engine=name, precision="f32", threads=1)
        output = engine.run(clip)
        engine.close()
        np.testing.assert_allclose(output.logits, logits.numpy(), atol=TOLERANCE)
        np.testing.assert_allclose(output.score, score.numpy(), atol=TOLERANCE)


def test_a_model_folder_and_an_empty_folder_are_replaced(tmp_path, small_config, random_network):
    config = small_config(depth=10)
    (tmp_path / "m").mkdir()
    first = write_artefact(random_network(config), config, tmp_path / "m", "# one").artefact
    second = write_artefact(random_network(config, seed=1), config, tmp_path / "m", "# two").artefact
    assert first.sha256 != second.sha256
    assert load_artefact(tmp_path / "m").card_text() == "# two"
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize("foreign", ["thesis.doc", "model.onnx/inside"])
def test_a_foreign_folder_is_left_alone(tmp_path, small_config, random_network, foreign):
    (tmp_path / "m" / foreign).parent.mkdir(parents=True)
    (tmp_path / "m" / foreign).write_text("mine")
    config = small_config(depth=10)
    with pytest.raises(OutputError, match="holds other things"):
        write_artefact(random_network(config), config, tmp_path / "m", "# card")
    assert (tmp_path / "m" / foreign).read_text() == "mine"


def test_a_file_in_the_way_is_left_alone(tmp_path, small_config, random_network):
    (tmp_path / "m").write_text("mine")
    config = small_config(depth=10)
    for folder in (tmp_path / "m", tmp_path / "m" / "below"):
        with pytest.raises(OutputError):
            write_artefact(random_network(config), config, folder, "# card")
    assert (tmp_path / "m").read_text() == "mine"


@pytest.mark.parametrize("moment", ["export_onnx", "save_weights", "load_artefact"])
def test_a_failure_leaves_the_old_folder_and_nothing_else(tmp_path, small_config, random_network, monkeypatch, moment):
    config = small_config(depth=10)
    old = write_artefact(random_network(config), config, tmp_path / "m", "# old").artefact

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export_module, moment, fail)
    with pytest.raises(OutputError, match="No space left"):
        write_artefact(random_network(config, seed=1), config, tmp_path / "m", "# new")
    monkeypatch.undo()
    assert load_artefact(tmp_path / "m") == old
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_weights_that_are_not_finite_are_not_written(tmp_path, small_config, random_network):
    config = small_config(depth=10)
    network = random_network(config)
    torch.nn.init.constant_(network.head.bias, float("inf"))
    with pytest.raises(ModelError, match=r"head\.bias has values that are not finite"):
        write_artefact(network, config, tmp_path / "m", "# card")
    assert list(tmp_path.iterdir()) == []


def test_a_configuration_of_another_network_is_refused(tmp_path, small_config, random_network):
    with pytest.raises(ConfigurationError, match=r"depth is 18.*classes is 10"):
        write_artefact(random_network(small_config(depth=10, classes=2)), small_config(), tmp_path / "m", "# card")
    with pytest.raises(ConfigurationError, match=r"backbone is 'resnet3d' but the network has 'resnet2d'"):
        write_artefact(random_network(small_config(backbone="resnet2d")), small_config(), tmp_path / "m", "# card")


def test_export_again_mends_a_damaged_graph(tmp_path, small_config, random_network):
    config = small_config(depth=10)
    artefact = write_artefact(random_network(config), config, tmp_path / "m", "# card").artefact
    artefact.onnx_path.write_bytes(b"damaged")
    assert export_again(tmp_path / "m").artefact == artefact
    copied = export_again(tmp_path / "m", tmp_path / "copy").artefact
    assert copied.safetensors_sha256() == artefact.safetensors_sha256()
    np.testing.assert_equal(copied.sha256, artefact.sha256)


def test_without_onnx_the_extra_is_named(tmp_path, small_config, random_network, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"facefatigue\[train\]"):
        export_onnx(random_network(small_config()), small_config(), tmp_path / "model.onnx")
