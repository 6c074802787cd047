from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from facefatigue.data.clip_list import read_lists
from facefatigue.engine import open_engine
from facefatigue.errors import ConfigurationError, ModelError, OutputError
from facefatigue.model.artefact import load_artefact
from facefatigue.model.network import FatigueNet
from facefatigue.train.batches import batches, validation_order
from facefatigue.train.log import out_of_patience
from facefatigue.train.loop import train
from facefatigue.train.presets import make_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefatigue.train import TrainSettings


def test_loss_falls_on_what_can_be_learnt(
    lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    # Without augmentation, for here brightness is the score.
    generator = torch.get_rng_state()
    result = train(*lists, tmp_path / "run", settings(epochs=15, dropout=0.0, learning_rate=1e-2, augmentation="none"))
    first, last = result.rows[0], result.rows[-1]
    assert last["train_loss"] < 0.5 * first["train_loss"]
    assert last["validation_mse"] < 0.2 * first["validation_mse"]
    assert last["validation_pearson"] > 0.9
    assert result.best["validation_loss"] == min(row["validation_loss"] for row in result.rows) < first["validation_loss"]
    assert (torch.get_rng_state() == generator).all()


def test_the_run_leaves_log_settings_and_a_model_that_runs(
    lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    out, seen = tmp_path / "run", []
    wanted = settings(epochs=3, learning_rate=1e-3, name="tiny", licence="CC0-1.0", training_data="noise")
    result = train(*lists, out, wanted, on_batch=lambda *values: seen.append(values[:3]))
    assert seen == [(epoch, done, 17) for epoch in (1, 2, 3) for done in (8, 17)]
    with (out / "log.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert [float(row["learning_rate"]) for row in rows] == pytest.approx([1e-3, 2e-4, 4e-5])
    assert make_settings(config=out / "settings.toml") == wanted
    assert (out / "curves.png").read_bytes()[:4] == b"\x89PNG"
    assert [path.name.startswith("events") for path in (out / "tensorboard").iterdir()] == [True]
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == [".lock"]

    artefact = load_artefact(out / "model")
    assert (artefact.config.name, artefact.config.licence, artefact.config.frame_rate_hz) == ("tiny", "CC0-1.0", 12.5)
    card = artefact.card_text()
    assert "| training | 17 | 3 |" in card
    assert "chose the checkpoint" in card
    clips = read_lists(*lists, shape=(8, 32, 32, 3))[1]
    whole = next(batches(clips, validation_order(7, batch_size=7)))
    engine = open_engine(artefact, engine="onnxruntime")
    score = engine.run(whole.clips_on(torch.device("cpu")).numpy()).score
    engine.close()
    assert float(np.mean((score - whole.score.numpy()) ** 2)) == pytest.approx(result.best["validation_mse"], abs=1e-5)
    assert artefact.config.metrics["validation_mse"] == pytest.approx(result.best["validation_mse"], abs=1e-4)


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("auxiliary", [(), ("blinks",)])
def test_resumed_equals_uninterrupted_bit_for_bit(
    lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path, auxiliary: tuple[str, ...]
) -> None:
    def stop_in_third_epoch(epoch: int, done: int, clips: int, loss: float) -> None:
        if epoch == 3:
            raise StoppedError

    wanted = settings(epochs=4, auxiliary=auxiliary)
    whole = train(*lists, tmp_path / "whole", wanted)
    with pytest.raises(StoppedError):
        train(*lists, tmp_path / "parts", wanted, on_batch=stop_in_third_epoch)
    parts = train(*lists, tmp_path / "parts", wanted, resume=True)

    def without_time(rows: tuple[dict, ...]) -> list[dict]:
        return [{key: value for key, value in row.items() if key not in {"seconds", "clips_per_s"}} for row in rows]

    assert without_time(parts.rows) == without_time(whole.rows)
    first, second = (torch.load(tmp_path / name / "last.pt", weights_only=True) for name in ("whole", "parts"))
    for part in ("network", "auxiliary"):
        assert first[part].keys() == second[part].keys()
        for name, tensor in first[part].items():
            assert torch.equal(tensor, second[part][name]), name
    assert bool(first["auxiliary"]) == bool(auxiliary)
    for name in ("best.safetensors", "model/model.safetensors"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()


def test_a_started_run_is_not_overwritten(
    lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with pytest.raises(ConfigurationError, match=r"no last\.pt to resume from"):
        train(*lists, out, settings(), resume=True)
    train(*lists, out, settings(epochs=1))
    before = (out / "last.pt").read_bytes()
    with pytest.raises(ConfigurationError, match="already holds a run"):
        train(*lists, out, settings(epochs=1))
    with pytest.raises(ConfigurationError, match=r"weight_decay is 0\.5 but was 0\.0001"):
        train(*lists, out, settings(epochs=1, weight_decay=0.5), resume=True)
    assert (out / "last.pt").read_bytes() == before
    renamed = train(*lists, out, settings(epochs=1, licence="MIT"), resume=True)
    assert renamed.artefact.config.licence == "MIT"
    (out / "last.pt").write_bytes(before[:2000])
    with pytest.raises(ModelError, match="cannot be read as a training state"):
        train(*lists, out, settings(epochs=1), resume=True)


def test_stops_at_the_first_loss_that_is_not_finite(
    lists: tuple[Path, Path],
    settings: Callable[..., TrainSettings],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pooled_of = FatigueNet.pooled
    calls = []

    def third_is_nan(network: FatigueNet, clip: torch.Tensor) -> torch.Tensor:
        pooled = pooled_of(network, clip)
        calls.append(network.training)
        return pooled * math.nan if sum(calls) == 3 else pooled

    monkeypatch.setattr(FatigueNet, "pooled", third_is_nan)
    with pytest.raises(ModelError, match="the loss is nan in epoch 2, batch 1"):
        train(*lists, tmp_path / "run", settings(epochs=3))
    state = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    assert state["epoch"] == 1
    assert not (tmp_path / "run" / "model").exists()


def test_stops_at_the_first_gradient_that_is_not_finite(
    lists: tuple[Path, Path],
    settings: Callable[..., TrainSettings],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.nn.utils, "get_total_norm", lambda *_: torch.tensor(math.inf))
    with pytest.raises(ModelError, match="norm of the gradient is inf in epoch 1, batch 1"):
        train(*lists, tmp_path / "run", settings())


def test_patience_counts_epochs_since_the_best() -> None:
    rows = [{"epoch": number, "validation_loss": loss} for number, loss in enumerate([0.5, 0.3, 0.4, 0.3, 0.35])]
    assert out_of_patience(rows, 3)
    assert not out_of_patience(rows, 4)
    assert not out_of_patience(rows[:2], 1)
    assert not out_of_patience([], 1)


def test_sigmoid_head_trains(lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path) -> None:
    result = train(*lists, tmp_path / "run", settings(epochs=1, classes=1))
    assert result.artefact.config.head == "sigmoid"
    assert result.best["validation_loss"] == pytest.approx(result.best["validation_mse"], abs=1e-6)


def test_bad_device_and_place(lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no device called 'toaster'"):
        train(*lists, tmp_path / "run", settings(), device="toaster")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="a file, not a folder"):
        train(*lists, tmp_path / "file" / "run", settings())
