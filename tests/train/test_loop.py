from __future__ import annotations

import csv
import dataclasses
import errno
import json
import math
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from facefatigue.data.clip_list import read_lists
from facefatigue.engine import open_engine
from facefatigue.errors import ConfigurationError, ModelError, OutputError
from facefatigue.locks import only_run_in
from facefatigue.model.artefact import load_artefact
from facefatigue.model.network import FatigueNet
from facefatigue.train.batches import batches, validation_order
from facefatigue.train.log import best_row, out_of_patience
from facefatigue.train.loop import train
from facefatigue.train.people import read_people
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


def without_time(rows: tuple[dict, ...]) -> list[dict]:
    return [{key: value for key, value in row.items() if key not in {"seconds", "clips_per_s"}} for row in rows]


@pytest.mark.parametrize(
    ("given", "minutes"),
    [
        ({}, 10.0),
        ({"auxiliary": ("blinks",)}, 10.0),
        ({"accumulation": 2, "augmentation": "strong", "clip_norm": 1.0}, 1e-9),
    ],
    ids=["at the epoch", "auxiliary", "within the epoch"],
)
def test_resumed_equals_uninterrupted_bit_for_bit(
    lists: tuple[Path, Path],
    settings: Callable[..., TrainSettings],
    tmp_path: Path,
    given: dict[str, object],
    minutes: float,
) -> None:
    def stop_in_third_epoch(epoch: int, done: int, clips: int, loss: float) -> None:
        if epoch == 3 and done > 8:
            raise StoppedError

    wanted = settings(epochs=4, batch_size=4, **given)
    whole = train(*lists, tmp_path / "whole", wanted)
    interrupted = dataclasses.replace(wanted, checkpoint_minutes=minutes)
    with pytest.raises(StoppedError):
        train(*lists, tmp_path / "parts", interrupted, on_batch=stop_in_third_epoch)
    stopped = torch.load(tmp_path / "parts" / "last.pt", weights_only=True)
    assert (stopped["epoch"], bool(stopped["batches"])) == (2, minutes < 1)
    parts = train(*lists, tmp_path / "parts", wanted, resume=True)

    assert without_time(parts.rows) == without_time(whole.rows)
    first, second = (torch.load(tmp_path / name / "last.pt", weights_only=True) for name in ("whole", "parts"))
    for part in ("network", "auxiliary"):
        assert first[part].keys() == second[part].keys()
        for name, tensor in first[part].items():
            assert torch.equal(tensor, second[part][name]), name
    assert bool(first["auxiliary"]) == ("auxiliary" in given)
    for name in ("best.safetensors", "model/model.safetensors"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()


@pytest.mark.slow
def test_a_killed_process_resumes_bit_for_bit(
    lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    given = ["depth=10", "first_channel=8", "frames=8", "size_px=32", "threads=1", "epochs=40", "batch_size=4"]
    command = [
        sys.executable,
        "-m",
        "facefatigue",
        "train",
        "--train",
        str(lists[0]),
        "--val",
        str(lists[1]),
        "--device",
        "cpu",
    ]
    out = tmp_path / "killed"
    process = subprocess.Popen([*command, "--out", str(out), "checkpoint_minutes=1e-6", *given], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (out / "log.csv").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    done = torch.load(out / "last.pt", weights_only=True)["epoch"]
    assert 1 <= done < 40, "it was to be killed on the way"
    short = ["epochs=40", "name=killed"]
    resumed = subprocess.run(
        [*command, "--out", str(out), "--resume", *given, *short], capture_output=True, text=True, check=False
    )
    assert resumed.returncode == 0, resumed.stderr
    whole = subprocess.run([*command, "--out", str(tmp_path / "whole"), *given], capture_output=True, text=True, check=False)
    assert whole.returncode == 0, whole.stderr
    for name in ("best.safetensors", "model/model.safetensors"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_accumulated_batches_make_one_step_of_their_whole(
    lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Batch norms, which see each batch by itself, are switched off here. 17 clips: steps of 8 and 9, in parts of 4, 4, 4, 5.
    monkeypatch.setattr(torch.nn.BatchNorm3d, "forward", lambda norm, x: x * norm.weight.reshape(1, -1, 1, 1, 1))
    given = {"epochs": 2, "dropout": 0.0, "augmentation": "none", "learning_rate": 1e-3}
    one = train(*lists, tmp_path / "one", settings(batch_size=8, **given))
    two = train(*lists, tmp_path / "two", settings(batch_size=4, accumulation=2, **given))
    for first, second in zip(one.rows, two.rows, strict=True):
        assert first["train_loss"] == pytest.approx(second["train_loss"], rel=1e-4)
        assert first["validation_loss"] == pytest.approx(second["validation_loss"], rel=1e-4)


def test_without_validation_the_last_weights_are_kept(
    lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    result = train(*lists, tmp_path / "run", settings(epochs=3, validate=False, patience=1))
    assert result.best["epoch"] == len(result.rows) == 3
    assert result.best["validation_loss"] is None
    assert "nothing was validated" in result.artefact.card_text()


def test_first_weights_of_an_earlier_model_and_of_a_2d_network(
    lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    first = train(*lists, tmp_path / "first", settings(epochs=1))
    again = train(*lists, tmp_path / "again", settings(epochs=1, init=str(first.artefact.folder), learning_rate=1e-12))
    before, after = (load_file(run.artefact.safetensors_path) for run in (first, again))
    assert torch.allclose(before["stage1.0.conv1.weight"], after["stage1.0.conv1.weight"], atol=1e-9)
    card = again.artefact.card_text()
    assert "First weights: the model my-model 1" in card
    assert str(tmp_path) not in card  # which is published
    with pytest.raises(ConfigurationError, match="first_channel is 8 there and 16 here"):
        train(*lists, tmp_path / "other", settings(epochs=1, init=str(first.artefact.folder), first_channel=16))
    with pytest.raises(ModelError, match="no model called"):
        train(*lists, tmp_path / "none", settings(epochs=1, init="nothing-of-this-name"))
    (tmp_path / "broken.pth").write_bytes(b"no checkpoint")
    with pytest.raises(ModelError, match="cannot be loaded safely"):
        train(*lists, tmp_path / "broken", settings(epochs=1, init=str(tmp_path / "broken.pth")))


def test_a_full_disk_leaves_the_state_before(
    lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, states = tmp_path / "run", []

    def fill_up(row: dict) -> None:
        states.append((out / "last.pt").read_bytes())
        monkeypatch.setattr(type(out), "write_bytes", full)

    def full(path: Path, data: bytes) -> int:
        if path.suffix == ".pt":
            raise OSError(errno.ENOSPC, "No space left on device")
        with path.open("wb") as file:
            return file.write(data)

    with pytest.raises(OutputError, match="the disk is full"):
        train(*lists, out, settings(epochs=3), on_epoch=fill_up)
    monkeypatch.undo()
    assert (out / "last.pt").read_bytes() == states[0]
    assert len(train(*lists, out, settings(epochs=3), resume=True).rows) == 3


def test_a_run_can_be_resumed_from_its_very_start_and_keeps_its_first_weights(
    lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    first = train(*lists, tmp_path / "first", settings(epochs=1))
    wanted = settings(epochs=2, init=str(first.artefact.folder))
    whole = train(*lists, tmp_path / "whole", wanted)

    def stop(*_: object) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        train(*lists, tmp_path / "run", wanted, on_batch=stop)
    with pytest.raises(ConfigurationError, match=r"already holds a run \(last.pt, settings.toml\)"):
        train(*lists, tmp_path / "run", wanted)
    shutil.rmtree(tmp_path / "first")
    resumed = train(*lists, tmp_path / "run", settings(epochs=2), resume=True)
    assert without_time(resumed.rows) == without_time(whole.rows)
    assert "First weights: the model my-model 1" in resumed.artefact.card_text()
    assert make_settings(config=tmp_path / "run" / "settings.toml").init == wanted.init
    assert read_people(resumed.artefact.folder).unknown == "", "who shaped the first weights was known when it was started"


def test_who_shaped_the_first_weights_is_remembered(
    lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path, write_clips: Callable[..., Path]
) -> None:
    first = train(*lists, tmp_path / "first", settings(epochs=1))
    others = [write_clips(tmp_path / name, np.random.default_rng(5).random(9), subjects=2) for name in ("more", "most")]
    second = train(*others, tmp_path / "second", settings(epochs=1, init=str(first.artefact.folder)))
    people = read_people(second.artefact.folder)
    assert people.train == {"train-0", "train-1", "train-2", "more-0", "more-1"}
    assert people.validation == {"val-0", "val-1", "val-2", "most-0", "most-1"}
    assert people.unknown == ""
    with pytest.raises(ConfigurationError, match="were trained on 'train-0', who is in the validation list"):
        train(others[0], lists[0], tmp_path / "leak", settings(epochs=1, init=str(first.artefact.folder)))
    assert not (tmp_path / "leak").exists()
    (tmp_path / "first" / "people.json").unlink()
    third = train(*others, tmp_path / "third", settings(epochs=1, init=str(first.artefact.folder)))
    assert "first weights" in read_people(third.artefact.folder).unknown


def test_two_runs_never_share_a_folder(
    lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    with only_run_in(tmp_path / "run"), pytest.raises(ConfigurationError, match="another run is at work"):
        train(*lists, tmp_path / "run", settings(epochs=1))
    assert not (tmp_path / "run" / "settings.toml").exists()


def test_lists_from_which_nothing_can_be_learnt(
    lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    text = lists[0].read_text(encoding="utf-8").splitlines()
    same = [text[0], *(",".join([line.split(",")[0], line.split(",")[1], "0.5", "1"]) for line in text[1:])]
    lists[0].write_text("\n".join(same), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="every clip has the score 0.5"):
        train(*lists, tmp_path / "run", settings(epochs=1))
    lists[0].write_text("\n".join(text[:2]), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="it has 1 clips"):
        train(*lists, tmp_path / "run", settings(epochs=1))
    lists[0].write_text(text[0], encoding="utf-8")
    with pytest.raises(ConfigurationError, match="lists no clips"):
        train(*lists, tmp_path / "run", settings(epochs=1))
    assert not (tmp_path / "run").exists()


def test_clips_of_another_rate_are_refused(
    lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    stated = {"frames": 8, "frame_rate_hz": 25.0, "size_px": 32}
    (lists[1].parent / "prepare.json").write_text(json.dumps(stated), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="25 frames a second, but 12.5 are wanted"):
        train(*lists, tmp_path / "run", settings(epochs=1))


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


def test_the_published_choice_wants_both_to_get_lower() -> None:
    figures = [(0.5, 0.20), (0.4, 0.21), (0.45, 0.19), (0.3, 0.18), (0.2, 0.18)]
    rows = [
        {"epoch": number, "validation_loss": loss, "validation_mse": mse}
        for number, (loss, mse) in enumerate(figures, start=1)
    ]
    assert best_row(rows)["epoch"] == 5
    assert best_row(rows, "loss_and_mse")["epoch"] == 4
    assert best_row(rows[:2], "loss_and_mse")["epoch"] == 1


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
