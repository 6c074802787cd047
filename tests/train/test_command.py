from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import pytest

from facefatigue.cli import train as command
from facefatigue.errors import MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path


def parse(*arguments: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    return parser.parse_args(["train", *map(str, arguments)])


def test_published_flags_mean_the_same() -> None:
    published = parse(
        "--arg_rootTrain", "a", "--arg_rootEval", "b", "--out", "c", "--lr", "1e-5", "--loss_alpha", "0.2",
        "--num_classes", "2", "--first_channel", "8", "--non_local_pos", "4", "--batch_size", "4", "--momentum", "0.8",
        "--pf", "100", "--accumulation_step", "2", "--is_test", "False", "--is_pretreat", "False", "-e",
    )  # fmt: skip
    own = parse(
        "--train", "a", "--val", "b", "--out", "c", "--learning-rate", "1e-5", "--loss-alpha", "0.2",
        "--num-classes", "2", "--first-channel", "8", "--non-local-pos", "4", "--batch-size", "4", "--momentum", "0.8",
        "--print-freq", "100", "--accumulation", "2", "--validate", "false", "--no-augment", "--evaluate",
    )  # fmt: skip
    assert vars(published) == vars(own)


def test_train_says_what_it_did(lists: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = parse(
        "--train", lists[0], "--val", lists[1].parent, "--out", tmp_path / "first-run", "--epochs", 2, "--batch-size", 8,
        "--depth", 10, "--first-channel", 8, "--frames", 8, "--size", 32, "--threads", 1,
    )  # fmt: skip
    assert args.run(args) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == f"written: {tmp_path / 'first-run' / 'model'}"
    assert [line.split(":")[0] for line in printed.err.splitlines()] == ["epoch 1/2", "epoch 2/2"]


def test_without_torch_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("facefatigue.train.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    args = parse("--train", tmp_path, "--val", tmp_path, "--out", tmp_path)
    with pytest.raises(MissingExtraError, match=r"facefatigue\[train\]"):
        args.run(args)
