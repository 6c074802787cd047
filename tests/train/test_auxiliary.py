"""Auxiliary targets: read with the list, standardised, learnt beside the score, and gone afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from facefatigue.data.clip_list import read_lists
from facefatigue.errors import ConfigurationError
from facefatigue.train.auxiliary import AuxiliaryHead
from facefatigue.train.loop import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefatigue.train import TrainSettings


SHAPE = (8, 32, 32, 3)


def test_saying_the_mean_costs_one_and_the_truth_nothing() -> None:
    targets = np.array([[1, 7], [3, 7], [8, 7]], np.float32)
    head = AuxiliaryHead(2, targets[:, :1])
    with torch.no_grad():
        head.linear.weight.zero_()
        head.linear.bias.zero_()
        assert float(head.loss(head(torch.zeros(3, 2)), torch.from_numpy(targets[:, :1]))) == pytest.approx(1)
        head.linear.weight[0, 0] = 1
        standard = (targets[:, 0] - 4) / np.std(targets[:, 0])
        pooled = torch.from_numpy(np.stack([standard, [9, 9, 9]], axis=1).astype(np.float32))
        assert float(head.loss(head(pooled), torch.from_numpy(targets[:, :1]))) == pytest.approx(0, abs=1e-10)
    both = AuxiliaryHead(2, targets)
    constant = both.loss(both(torch.ones(3, 2)), torch.from_numpy(targets))
    assert torch.isfinite(constant)


def test_the_columns_are_read_from_the_training_list_only(lists: tuple[Path, Path]) -> None:
    lists[1].write_text(lists[1].read_text(encoding="utf-8").replace("blinks", "other"), encoding="utf-8")
    clips, validation = read_lists(*lists, shape=SHAPE, auxiliary=("blinks",))
    assert clips.auxiliary.shape == (17, 1)
    assert clips.auxiliary[:5, 0].tolist() == [10, 11, 12, 13, 10]
    assert validation.auxiliary.shape == (7, 0)
    plain, _ = read_lists(*lists, shape=SHAPE)
    assert plain.fingerprint == clips.fingerprint, "the same clips"


def test_missing_columns_and_values_are_named(lists: tuple[Path, Path]) -> None:
    with pytest.raises(ConfigurationError, match="has no column yawns"):
        read_lists(*lists, shape=SHAPE, auxiliary=("blinks", "yawns"))
    lines = lists[0].read_text(encoding="utf-8").splitlines()
    lines[2] = lines[2].rpartition(",")[0] + ",inf"
    lists[0].write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="line 3: blinks is 'inf', not a finite number"):
        read_lists(*lists, shape=SHAPE, auxiliary=("blinks",))


@pytest.mark.parametrize("auxiliary", [("score",), ("a", "a"), (" ",), "a"])
def test_senseless_columns_are_refused(settings: Callable[..., TrainSettings], auxiliary: object) -> None:
    with pytest.raises(ConfigurationError, match="auxiliary is"):
        settings(auxiliary=auxiliary)


def test_they_change_the_training_and_are_not_in_the_model(
    lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    plain = train(*lists, tmp_path / "plain", settings(epochs=1))
    shaped = train(*lists, tmp_path / "shaped", settings(epochs=1, auxiliary=("blinks",)))
    without = train(*lists, tmp_path / "without", settings(epochs=1, auxiliary=("blinks",), auxiliary_weight=0.0))
    weights = [run.artefact.safetensors_path.read_bytes() for run in (plain, shaped, without)]
    assert len(weights[0]) == len(weights[1])
    assert weights[1] != weights[2]


def test_a_run_is_not_resumed_with_other_targets(
    lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    train(*lists, tmp_path / "run", settings(epochs=1, auxiliary=("blinks",)))
    text = lists[0].read_text(encoding="utf-8").splitlines()
    text[1] = text[1].rpartition(",")[0] + ",99"
    lists[0].write_text("\n".join(text), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="auxiliary_targets is"):
        train(*lists, tmp_path / "run", settings(epochs=1, auxiliary=("blinks",)), resume=True)
