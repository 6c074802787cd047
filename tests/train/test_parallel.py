"""Two processes compute what one does with twice the batch."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from facefatigue.errors import ConfigurationError
from facefatigue.train.loop import train
from facefatigue.train.parallel import SharedBatchNorm, make_fabric

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefatigue.train import TrainSettings

PLAIN = ("optimiser=adam", "schedule=steps", "warmup_epochs=0", "weight_decay=1e-4", "clip_norm=")
TINY = (
    "depth=10",
    "first_channel=8",
    "frames=8",
    "size_px=32",
    "threads=1",
    "dropout=0.0",
    "epochs=2",
    "learning_rate=1e-3",
)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("RANK", "WORLD", "LOCAL"))}
    return subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment, check=False)


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["torchrun", "own"])
def test_two_processes_equal_one_with_twice_the_batch(
    lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path, launcher: str
) -> None:
    # Without augmentation, whose draws are tested elsewhere; 17 clips: batches of 8 and 9.
    given = ("augmentation=none", "batch_size=4", *PLAIN, *TINY)
    where = ("--train", str(lists[0]), "--val", str(lists[1]), "--out", str(tmp_path / "two"), "--device", "cpu")
    if launcher == "torchrun":
        start = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "facefatigue")
        done = run(*start, "train", *where, *given)
    else:
        done = run(sys.executable, "-m", "facefatigue", "train", *where, "--devices", "2", *given)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("written:") == 1, "the second process speaks, too"
    wanted = settings(epochs=2, batch_size=8, dropout=0.0, augmentation="none", learning_rate=1e-3)
    one = train(*lists, tmp_path / "one", wanted, device="cpu")
    for single, double in zip(one.rows, rows_of(tmp_path / "two"), strict=True):
        for name in ("train_loss", "train_mse", "train_accuracy", "validation_loss", "validation_mse"):
            assert float(double[name]) == pytest.approx(single[name], rel=2e-4), name
    first, second = (load_file(tmp_path / name / "best.safetensors") for name in ("one", "two"))
    assert first.keys() == second.keys()
    assert torch.allclose(first["stem.norm.running_var"], second["stem.norm.running_var"], rtol=1e-3)


def test_a_shared_norm_of_one_process_is_a_plain_one() -> None:
    plain = nn.BatchNorm3d(4)
    with torch.no_grad():
        plain.weight.uniform_(0.5, 2)
        plain.bias.uniform_(-1, 1)
    shared = SharedBatchNorm.taking_over(plain)
    torch.manual_seed(0)
    x = torch.randn(3, 4, 2, 5, 5) * 3 + 1
    first, second = x.clone().requires_grad_(), x.clone().requires_grad_()
    expected = nn.functional.batch_norm(first, None, None, plain.weight, plain.bias, training=True)
    found = shared(second)
    assert torch.allclose(found, expected, atol=1e-5)
    weights = torch.randn_like(x)
    (expected * weights).sum().backward()
    (found * weights).sum().backward()
    assert torch.allclose(first.grad, second.grad, atol=1e-5)
    assert torch.allclose(shared.running_mean, 0.1 * x.mean(dim=(0, 2, 3, 4)), atol=1e-6)
    assert torch.allclose(shared.running_var, 0.9 + 0.1 * x.var(dim=(0, 2, 3, 4)), atol=1e-5)
    shared.eval()
    plain.eval()
    assert torch.equal(shared(x), plain(x))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"device": "tpu"}, "no device called 'tpu'"),
        ({"precision": "bf16-mixed"}, "needs a GPU"),
        ({"devices": 0}, "0 devices"),
    ],
)
def test_places_that_cannot_train(given: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        make_fabric(**{"device": "cpu", "devices": 1, "precision": "32-true", **given})
