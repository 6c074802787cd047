"""Published checkpoints: parity with the published code, inference of the architecture, and hostile or broken files."""

from __future__ import annotations

import io
import os
import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from facefatigue.errors import ModelError
from facefatigue.model.checkpoint import import_checkpoint, read_checkpoint
from facefatigue.model.config import DEPTHS, NON_LOCAL_MODES, ModelConfig

if TYPE_CHECKING:
    from pathlib import Path


def config_of(checkpoint, **changes):
    return ModelConfig(
        name="m", version="1", licence="x", training_data="x", metrics={}, **vars(checkpoint.architecture), **changes
    )


@pytest.mark.parametrize("name", ["seed_fc8_nl3_c10", "seed_fc8_nl0_c2"])
def test_logits_and_scores_of_the_published_code(shared: Path, name: str):
    expected = np.load(shared / "parity" / f"{name}.npz")
    checkpoint = read_checkpoint(shared / "parity" / f"{name}.pth")
    architecture = checkpoint.architecture
    assert architecture.depth == 18
    assert architecture.first_channel == expected["first_channel"]
    assert architecture.non_local_position == expected["non_local_pos"]
    assert architecture.classes == expected["num_classes"]
    assert checkpoint.recorded["epoch"] == 17
    network = import_checkpoint(checkpoint, config_of(checkpoint, size_px=112))
    clip = (torch.from_numpy(expected["clip"]).permute(0, 4, 1, 2, 3).float() / 255 - 0.5) / 0.5
    with torch.inference_mode():
        logits, score = network(clip)
    np.testing.assert_allclose(logits.numpy(), expected["logits"], atol=1e-4)
    np.testing.assert_allclose(score.numpy(), expected["expected_score"], atol=1e-4)


ARCHITECTURES = [
    *({"depth": depth, "non_local_position": 3} for depth in (10, 18, 34, 50)),
    *({"non_local_mode": mode, "non_local_position": 2} for mode in NON_LOCAL_MODES if mode != "dot"),
    *({"non_local_placement": "after", "non_local_position": position, "depth": 10} for position in (1, 4)),
    {"first_channel": 16, "non_local_position": 0, "classes": 2},
    {"head": "sigmoid", "classes": 1, "non_local_position": 4},
]


@pytest.mark.parametrize("settings", ARCHITECTURES, ids=str)
def test_the_architecture_follows_from_the_weights(tmp_path, small_config, random_network, published, settings):
    config = small_config(**settings)
    network = random_network(config)
    torch.save({"state_dict": published(network), "epoch": 3, "best": True, "acc": 0.5}, tmp_path / "c.pth")
    checkpoint = read_checkpoint(tmp_path / "c.pth")
    assert vars(checkpoint.architecture).items() <= vars(config).items()
    assert checkpoint.recorded == {"epoch": 3, "acc": 0.5}
    clip = torch.rand(2, 3, 8, 32, 32) * 2 - 1
    with torch.inference_mode():
        torch.testing.assert_close(import_checkpoint(checkpoint, config)(clip), network(clip), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("depth", DEPTHS)
def test_every_depth_is_told_from_its_names(small_config, depth, published):
    from facefatigue.model.checkpoint import _infer
    from facefatigue.model.network import FatigueNet

    with torch.device("meta"):
        state = published(FatigueNet(small_config(depth=depth, non_local_position=2)))
    assert _infer({name.removeprefix("module."): tensor for name, tensor in state.items()}, None).depth == depth


@pytest.mark.parametrize("form", ["bare", "without module", "twice module", "half", "no counters"])
def test_other_forms_of_the_file(tmp_path, small_config, random_network, published, form):
    state = published(random_network(small_config()))
    if form == "without module":
        state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    elif form == "twice module":
        state = {f"module.{name}": tensor for name, tensor in state.items()}
    elif form == "half":
        state = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    elif form == "no counters":
        state = {name: tensor for name, tensor in state.items() if "num_batches" not in name}
    torch.save(state if form == "bare" else {"state_dict": state}, tmp_path / "c.pth")
    checkpoint = read_checkpoint(tmp_path / "c.pth")
    assert {tensor.dtype for tensor in checkpoint.weights.values()} == {torch.float32, torch.int64}
    assert import_checkpoint(checkpoint, small_config())(torch.zeros(1, 3, 8, 32, 32))[0].shape == (1, 10)


def test_dot_has_to_be_said(tmp_path, small_config, random_network, published):
    torch.save(published(random_network(small_config(non_local_mode="dot"))), tmp_path / "c.pth")
    assert read_checkpoint(tmp_path / "c.pth").architecture.non_local_mode == "embedded_gaussian"
    assert read_checkpoint(tmp_path / "c.pth", non_local_mode="dot").architecture.non_local_mode == "dot"
    with pytest.raises(ModelError, match="weights of embedded_gaussian or dot, not of gaussian"):
        read_checkpoint(tmp_path / "c.pth", non_local_mode="gaussian")


@pytest.fixture
def state(small_config, random_network, published):
    return published(random_network(small_config()))


def test_every_wrong_tensor_is_named(tmp_path, state):
    prefix = "module.visual_encoder."
    state[f"{prefix}layer1.0.conv1.weight"] = torch.zeros(8, 8, 3, 3)
    state[f"{prefix}extra.weight"] = torch.zeros(1)
    state[f"{prefix}bn1.weight"] = torch.full((8,), float("nan"))
    state[f"{prefix}bn1.bias"] = torch.zeros(8, dtype=torch.int64)
    del state[f"{prefix}layer2.0.downsample.0.weight"]
    torch.save({"state_dict": state}, tmp_path / "c.pth")
    with pytest.raises(ModelError) as caught:
        read_checkpoint(tmp_path / "c.pth")
    text = str(caught.value)
    for said in (
        "layer1.0.conv1.weight has shape (8, 8, 3, 3), expected (8, 8, 3, 3, 3)",
        "visual_encoder.extra.weight is left over",
        "bn1.weight has values that are not finite",
        "bn1.bias is no dense tensor of torch.float32",
        "stage2.0.shortcut.conv.weight is missing",
    ):
        assert said in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("module.liner.2.weight"), r"liner.2.weight is missing"),
        (lambda s: s.update({"module.visual_encoder.conv1.weight": torch.zeros(9, 3, 7, 7, 7)}), "9 channels"),
        (lambda s: s.update({"module.visual_encoder.conv1.weight": torch.zeros(8)}), r"shape \(8,\)"),
        (lambda s: s.update({"module.visual_encoder.layer1.2.conv1.weight": torch.zeros(8)}), r"\(3, 2, 2, 2\) basic"),
        (lambda s: s.update({"module.visual_encoder.layer4.1.g.weight": torch.zeros(8)}), "2 non-local blocks"),
        (lambda s: s.update({"module.epoch": "three"}), "epoch is str, not a tensor"),
        (lambda s: s.clear(), "holds no network weights"),
    ],
)
def test_other_networks_are_refused(tmp_path, state, change, said):
    change(state)
    torch.save({"state_dict": state}, tmp_path / "c.pth")
    with pytest.raises(ModelError, match=said):
        read_checkpoint(tmp_path / "c.pth")


class Hostile:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("form", ["archive", "legacy", "pickle"])
def test_a_hostile_pickle_runs_nothing(tmp_path, form):
    content = {"state_dict": Hostile(tmp_path / "owned")}
    if form == "pickle":
        (tmp_path / "c.pth").write_bytes(pickle.dumps(content))
    else:
        torch.save(content, tmp_path / "c.pth", _use_new_zipfile_serialization=form == "archive")
    with pytest.raises(ModelError, match="cannot be loaded safely"):
        read_checkpoint(tmp_path / "c.pth")
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.9, 0.9999])
def test_a_truncated_checkpoint_is_one_line(tmp_path, state, share):
    buffer = io.BytesIO()
    torch.save({"state_dict": state}, buffer)
    (tmp_path / "c.pth").write_bytes(buffer.getvalue()[: int(share * buffer.tell())])
    with pytest.raises(ModelError, match="it is damaged or no torch checkpoint") as caught:
        read_checkpoint(tmp_path / "c.pth")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [torch.zeros(3), [1, 2], {"state_dict": 3}, {}, {"a": 1}])
def test_other_content_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "c.pth")
    with pytest.raises(ModelError):
        read_checkpoint(tmp_path / "c.pth")


def test_missing_file_folder_and_text(tmp_path):
    (tmp_path / "text.pth").write_text("not a checkpoint\n")
    for path in (tmp_path / "absent.pth", tmp_path, tmp_path / "text.pth"):
        with pytest.raises(ModelError, match=str(path)):
            read_checkpoint(path)
