"""The mean of several trainings of one network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from average_models import arguments, average, mean_weights
from facefatigue.errors import ConfigurationError
from facefatigue.model.artefact import load_artefact
from facefatigue.model.config import ModelConfig
from facefatigue.model.export import write_artefact
from facefatigue.model.network import FatigueNet
from facefatigue.model.weights import load_network
from facefatigue.train.people import People, read_people, write_people

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def model(folder: Path, seed: int, **own: object) -> str:
    """A small model in the folder of a run."""
    torch.manual_seed(seed)
    given: dict[str, object] = {
        "name": f"seed-{seed}", "version": str(seed), "licence": "none", "training_data": "none", "metrics": {"mae": seed},
        "backbone": "resnet2d_cues", "depth": 10, "first_channel": 8, "non_local_position": 4, "cues": ("closure",),
        "frames": 8, "size_px": 32, "frame_rate_hz": 10.0,
    }  # fmt: skip
    config = ModelConfig(**{**given, **own})  # type: ignore[arg-type]
    network = FatigueNet(config)
    network.train()(torch.rand(2, 3, 8, 32, 32))  # so that the running statistics differ, too
    write_artefact(network.eval(), config, folder / "model", "# small\n")
    return str(folder / "model")


@pytest.fixture
def clips(tmp_path: Path, write_clips: Callable[..., Path]) -> Path:
    return write_clips(tmp_path / "clips", np.array([0.1, 0.9, 0.3, 0.8, 0.6, 0.2]), subjects=3)


def test_every_weight_is_the_mean_and_counts_stay_whole() -> None:
    mean = mean_weights(
        [{"w": torch.tensor([1.0, 4.0]), "n": torch.tensor(3)}, {"w": torch.tensor([2.0, -4.0]), "n": torch.tensor(9)}]
    )
    assert torch.equal(mean["w"], torch.tensor([1.5, 0.0]))
    assert torch.equal(mean["n"], torch.tensor(3))
    assert (mean["w"].dtype, mean["n"].dtype) == (torch.float32, torch.int64)


def test_the_mean_is_written_measured_and_knows_its_people(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = [model(tmp_path / f"run-{seed}", seed) for seed in (1, 2)]
    for seed in (1, 2):
        write_people(tmp_path / f"run-{seed}", People(train=frozenset({f"p{seed}"}), validation=frozenset({"v"})))
    out = tmp_path / "mean"
    average(arguments([*places, places[0], "--validation", str(clips), "--engine", "onnxruntime", "--out", str(out)]))
    made = load_artefact(out / "model")
    weights = [load_network(own.config, own.safetensors_path).state_dict() for own in (*map(load_artefact, places), made)]
    for name, tensor in weights[2].items():
        if tensor.is_floating_point():
            assert torch.allclose(tensor, (2 * weights[0][name] + weights[1][name]) / 3, atol=1e-6), name
    assert read_people(out / "model") == People(train=frozenset({"p1", "p2"}), validation=frozenset({"v"}))
    printed = capsys.readouterr().out
    assert [line.split(" | ")[0] for line in printed.splitlines()[2:6]] == [
        f"| {places[0]}", f"| {places[1]}", "| mean of the weights", "",
    ]  # fmt: skip
    assert printed.splitlines()[4] in made.card_text()
    assert f"{json.loads((out / 'model' / 'config.json').read_text())['metrics']['validation_mae']:.4f}" in printed


def test_people_are_not_claimed_to_be_known_when_one_model_has_left_its_run(clips: Path, tmp_path: Path) -> None:
    places = [model(tmp_path / f"run-{seed}", seed) for seed in (1, 2)]
    write_people(tmp_path / "run-1", People(train=frozenset({"p1"}), validation=frozenset()))
    average(arguments([*places, "--validation", str(clips), "--engine", "onnxruntime", "--out", str(tmp_path / "mean")]))
    assert read_people(tmp_path / "mean" / "model") is None


def test_other_networks_and_a_single_one_are_refused(clips: Path, tmp_path: Path) -> None:
    places = [model(tmp_path / "one", 1), model(tmp_path / "two", 2, temporal_input="cues")]
    given = ["--validation", str(clips), "--out", str(tmp_path / "mean")]
    with pytest.raises(ConfigurationError, match="two.* is another network than .*one"):
        average(arguments([*places, *given]))
    with pytest.raises(ConfigurationError, match="needs at least two models"):
        average(arguments([places[0], *given]))
    assert not (tmp_path / "mean").exists()
