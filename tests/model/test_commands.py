"""``facefatigue models`` and ``facefatigue export``, as typed."""

from __future__ import annotations

import argparse
import json

import pytest
import torch

import facefatigue.model.artefact as artefact_module
from facefatigue.cli import export, models
from facefatigue.errors import ConfigurationError, ModelError
from facefatigue.model.artefact import load_artefact
from facefatigue.model.export import write_artefact


def facefatigue(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers(required=True)
    models.add_parser(subparsers)
    export.add_parser(subparsers)
    args = parser.parse_args([str(argument) for argument in arguments])
    return args.run(args)


@pytest.fixture
def checkpoint(tmp_path, small_config, random_network, published):
    path = tmp_path / "best.pth"
    torch.save({"state_dict": published(random_network(small_config(depth=10))), "epoch": 17, "acc": 0.75}, path)
    return path


@pytest.fixture
def model(tmp_path, small_config, random_network, monkeypatch):
    config = small_config(depth=10)
    monkeypatch.setattr(artefact_module, "ZOO", tmp_path / "zoo")
    return write_artefact(random_network(config), config, tmp_path / "zoo" / "small", "# A small model\n").artefact


def test_import_show_and_export(tmp_path, checkpoint, capsys):
    out = tmp_path / "mine"
    assert facefatigue("models", "import", checkpoint, out, "--frames", 8, "--size", 32, "--frame-rate", 15) == 0
    said = capsys.readouterr().out
    assert "3D-ResNet-10, first stage 8 channels, non-local position 3 (embedded_gaussian), 10 classes" in said
    config = load_artefact(out).config
    assert (config.name, config.frames, config.size_px, config.frame_rate_hz) == ("mine", 8, 32, 15.0)
    assert config.metrics == {"recorded_epoch": 17.0, "recorded_acc": 0.75}

    assert facefatigue("models", "show", out) == 0
    said = capsys.readouterr().out
    assert "clips of 8 frames at 15 Hz (0.53 s), 32 x 32 px" in said
    assert "nobody has verified" in said

    assert facefatigue("export", out, "--out", tmp_path / "again") == 0
    assert "score within" in capsys.readouterr().out
    assert load_artefact(tmp_path / "again").config == config


def test_show_as_json(model, capsys):
    assert facefatigue("models", "show", "small", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["onnx"]["sha256"] == model.sha256
    assert (shown["name"], shown["licence"], shown["card"]) == ("small", "CC0-1.0", "# A small model\n")


def test_list(model, capsys):
    assert facefatigue("models", "list") == 0
    assert "small, version 1, licence CC0-1.0" in capsys.readouterr().out
    assert facefatigue("models", "list", "--json") == 0
    assert [entry["name"] for entry in json.loads(capsys.readouterr().out)] == ["small"]


def test_import_with_bad_settings_names_the_options(tmp_path, checkpoint):
    with pytest.raises(ConfigurationError, match=r"frames is 0.*size_px is 4.*--frames"):
        facefatigue("models", "import", checkpoint, tmp_path / "m", "--frames", 0, "--size", 4)
    assert not (tmp_path / "m").exists()


def test_a_missing_model_is_a_model_error(tmp_path):
    for command in (("models", "show"), ("export",)):
        with pytest.raises(ModelError, match="there is no model called 'absent'"):
            facefatigue(*command, "absent")
