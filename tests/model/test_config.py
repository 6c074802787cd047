"""The configuration: validation and config.json."""

from __future__ import annotations

import dataclasses
import json

import pytest

from facefatigue.errors import ConfigurationError, ModelError
from facefatigue.model.config import ModelConfig

ABOUT = {
    "name": "m",
    "version": "1",
    "licence": "CC0-1.0",
    "training_data": "none",
    "metrics": {"auc": 0.5, "on": "nothing"},
}


def test_defaults_are_the_published_network():
    config = ModelConfig(**ABOUT)
    assert (config.depth, config.first_channel, config.non_local_position, config.classes) == (18, 64, 3, 10)
    assert config.feature_dim == 256
    assert config.window_s == pytest.approx(32 / 30)
    assert config.clip_shape == (3, 32, 224, 224)


def test_all_faults_are_reported_at_once():
    faults = {"depth": 19, "first_channel": True, "classes": 0, "dropout": 1.0, "frame_rate_hz": float("nan"), "size_px": 8}
    with pytest.raises(ConfigurationError) as caught:
        ModelConfig(**{**ABOUT, **faults, "name": "../m", "licence": " ", "non_local_mode": "gauss", "metrics": {"a": None}})
    for key in (*faults, "name", "licence", "non_local_mode", "metrics"):
        assert f"{key} is " in str(caught.value)
    assert "version" not in str(caught.value)
    assert "one of 10, 18, 34, 50, 101, 152, 200" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("head", "classes"), [("sigmoid", 10), ("classes", 1)])
def test_head_and_classes_fit_each_other(head, classes):
    with pytest.raises(ConfigurationError, match="classes is"):
        ModelConfig(**ABOUT, head=head, classes=classes)


def test_metrics_are_copied():
    metrics = {"auc": 0.5}
    config = ModelConfig(**{**ABOUT, "metrics": metrics})
    metrics["auc"] = 1.0
    assert config.metrics == {"auc": 0.5}
    assert isinstance(hash(config), int)


def test_json_round_trip(tmp_path):
    config = ModelConfig(**{**ABOUT, "training_data": "Gesichter, größtenteils"}, depth=34, head="sigmoid", classes=1)
    config.write(tmp_path / "config.json")
    assert ModelConfig.read(tmp_path / "config.json") == config


def test_unknown_and_missing_keys_are_named():
    entries = json.loads(ModelConfig(**ABOUT).to_json())
    del entries["licence"], entries["depth"]
    entries["width"] = 3
    with pytest.raises(ModelError, match=r"unknown key 'width'; missing keys 'depth', 'licence'"):
        ModelConfig.from_json(json.dumps(entries))


def test_a_file_from_before_there_were_backbones_means_resnet3d():
    entries = json.loads(ModelConfig(**ABOUT, backbone="r2plus1d").to_json())
    assert entries["backbone"] == "r2plus1d"
    assert ModelConfig.from_json(json.dumps(entries)).backbone == "r2plus1d"
    del entries["backbone"]
    assert ModelConfig.from_json(json.dumps(entries)) == ModelConfig(**ABOUT)


@pytest.mark.parametrize("backbone", ["resnet4d", "", None, 3])
def test_another_backbone_is_one_clear_error(backbone):
    with pytest.raises(ConfigurationError) as caught:
        ModelConfig(**ABOUT, backbone=backbone)
    assert str(caught.value) == (
        f"invalid model configuration: backbone is {backbone!r} but must be one of resnet3d, r2plus1d, resnet2d, "
        "resnet2d_attention, resnet2d_cues"
    )


@pytest.mark.parametrize(
    ("text", "said"), [("{", "not JSON"), ("[]", "no JSON object"), ('{"schema": "x/2"}', "schema is 'x/2'")]
)
def test_other_text_is_refused(text, said):
    with pytest.raises(ModelError, match=said):
        ModelConfig.from_json(text)


def test_a_bad_value_in_a_file_is_a_model_error(tmp_path):
    entries = {**json.loads(ModelConfig(**ABOUT).to_json()), "depth": "18"}
    (tmp_path / "config.json").write_text(json.dumps(entries))
    with pytest.raises(ModelError, match=r"config.json.*depth is '18'"):
        ModelConfig.read(tmp_path / "config.json")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_an_unreadable_file_is_a_model_error(tmp_path, content):
    path = tmp_path / "config.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match="cannot be read"):
        ModelConfig.read(path)


def test_config_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ModelConfig(**ABOUT).depth = 34
