"""Runs with targets for every frame: learnt, logged, resumed, taken over, alone, and with a part left as it was."""

from __future__ import annotations

import csv
import dataclasses
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from facefatigue.cli import main
from facefatigue.data.clip_list import read_lists
from facefatigue.errors import ConfigurationError
from facefatigue.model.network import FatigueNet
from facefatigue.model.weights import load_network
from facefatigue.train import loop, readings
from facefatigue.train.loop import train
from facefatigue.train.readings import KeptReadings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefatigue.data.clip_list import ClipList
    from facefatigue.train import TrainSettings

NAMES = ("closure", "mouth", "landmarks")
CUES: dict[str, Any] = {"backbone": "resnet2d_cues", "cues": ("mouth", "closure"), "non_local_position": 4}


class StoppedError(Exception):
    """Stands for a kill."""


def without_time(rows: Any) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in {"seconds", "clips_per_s"}} for row in rows]


def is_of_frames(name: str) -> bool:
    return name.startswith(("stem.", "stage", "reader."))


@pytest.mark.parametrize("network", [CUES, {"backbone": "resnet3d"}], ids=["cues", "resnet3d"])
@pytest.mark.parametrize("scores", [1.0, 0.0])
def test_resumed_equals_uninterrupted_bit_for_bit(
    framed_lists: tuple[Path, Path],
    settings: Callable[..., TrainSettings],
    tmp_path: Path,
    network: dict[str, Any],
    scores: float,
) -> None:
    def stop(epoch: int, done: int, clips: int, loss: float) -> None:
        if epoch == 2 and done > 8:
            raise StoppedError

    wanted = settings(
        epochs=3, batch_size=4, frame_targets=NAMES, augmentation="strong", score_weight=scores, optimiser="adamw", **network
    )
    whole = train(*framed_lists, tmp_path / "whole", wanted)
    with pytest.raises(StoppedError):
        train(*framed_lists, tmp_path / "parts", dataclasses.replace(wanted, checkpoint_minutes=1e-9), on_batch=stop)
    stopped = torch.load(tmp_path / "parts" / "last.pt", weights_only=True)
    assert (stopped["epoch"], stopped["batches"] > 0) == (1, True)
    parts = train(*framed_lists, tmp_path / "parts", wanted, resume=True)
    assert without_time(parts.rows) == without_time(whole.rows)
    first, second = (torch.load(tmp_path / name / "last.pt", weights_only=True) for name in ("whole", "parts"))
    for part in ("network", "frames"):
        assert first[part].keys() == second[part].keys()
        assert all(torch.equal(tensor, second[part][name]) for name, tensor in first[part].items())
    for name in ("best.safetensors", "model/model.safetensors"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()


def test_a_run_is_not_resumed_with_other_targets(
    framed_lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    wanted = settings(epochs=1, frame_targets=("closure",))
    train(*framed_lists, tmp_path / "run", wanted)
    path = framed_lists[1].parent / "shards" / "0.frames.npz"
    known = dict(np.load(path))
    known["closure"][0, 0] += 0.5
    np.savez(path, **known)
    with pytest.raises(ConfigurationError, match="validation_frames is") as caught:
        train(*framed_lists, tmp_path / "run", wanted, resume=True)
    assert "training_frames" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="frame_targets is"):
        train(*framed_lists, tmp_path / "run", settings(epochs=1, frame_targets=("closure", "mouth")), resume=True)


@pytest.mark.parametrize("network", [CUES, {"backbone": "resnet2d", "non_local_position": 0}], ids=["cues", "resnet2d"])
def test_a_bright_patch_is_learnt_and_told(
    framed_lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path, network: dict[str, Any]
) -> None:
    given = {"augmentation": "none", "dropout": 0.0, "learning_rate": 3e-3, "batch_size": 4, **network}
    names = ("closure", "mouth")
    run = train(*framed_lists, tmp_path / "run", settings(epochs=25, frame_targets=names, score_weight=0.0, **given))
    assert run.best["validation_r_closure"] > 0.97, "seen in every frame"
    assert abs(run.best["validation_r_mouth"]) < 0.6, "drawn at random, and not in the picture"
    assert run.rows[-1]["train_frame_loss"] < 0.6 * run.rows[0]["train_frame_loss"]
    if network is CUES:
        trained = load_network(run.artefact.config, run.artefact.safetensors_path)
        clips = np.load(framed_lists[1].parent / "shards" / "0.npy").astype(np.float32) / 127.5 - 1
        with torch.inference_mode():
            cues = trained.cues(torch.from_numpy(clips).permute(0, 4, 1, 2, 3)).numpy()
        true = np.load(framed_lists[1].parent / "shards" / "0.frames.npz")["closure"]
        assert run.artefact.config.cues == ("mouth", "closure")
        assert np.abs(cues[..., 1] - true).mean() < 0.1, "in the units of the targets"


def test_what_the_log_the_board_and_the_line_say(
    framed_lists: tuple[Path, Path],
    settings: Callable[..., TrainSettings],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ["depth=10", "first_channel=8", "frames=8", "size_px=32", "threads=1", "epochs=1", "batch_size=8"]
    flags = ["--backbone", "resnet2d_cues", "--cues", "closure", "--non-local-pos", "0", "--temporal-input", "cues"]
    where = ["--train", str(framed_lists[0]), "--val", str(framed_lists[1]), "--out", str(tmp_path / "run")]
    chosen = ["--frame-targets", "closure,landmarks", "--frame-weight", "2", "--score-weight", "0"]
    assert main(["train", *where, "--device", "cpu", *flags, *chosen, *given]) == 0
    said = capsys.readouterr()
    assert "the score is not trained (score_weight 0): the loss of the frame targets chooses the checkpoint" in said.err
    assert "epoch 1/1: training frame loss " in said.err
    assert ", validation frame loss " in said.err
    assert "r closure " in said.out
    with (tmp_path / "run" / "log.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["train_loss"] == row["validation_loss"] == row["validation_auc"] == ""
    assert float(row["train_frame_loss"]) > 0
    assert float(row["validation_frame_loss"]) > 0
    assert -1 <= float(row["validation_r_closure"]) <= 1
    assert -1 <= float(row["validation_r_landmarks"]) <= 1
    board = b"".join(path.read_bytes() for path in (tmp_path / "run" / "tensorboard").iterdir())
    assert b"frame_loss/validation" in board
    assert b"r_closure/validation" in board
    assert (tmp_path / "run" / "curves.png").stat().st_size > 1000
    settings_text = (tmp_path / "run" / "settings.toml").read_text(encoding="utf-8")
    assert 'frame_targets = ["closure", "landmarks"]' in settings_text
    again = ["--config", str(tmp_path / "run" / "settings.toml"), "--device", "cpu", "--resume"]
    assert main(["train", *where, *again]) == 0


def test_without_frame_targets_the_log_is_as_before(
    lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    (row,) = train(*lists, tmp_path / "run", settings(epochs=1)).rows
    assert not any("frame" in name or name.startswith("validation_r_") for name in row)


def test_the_frames_alone_choose_the_checkpoint_and_leave_the_rest_as_it_was(
    framed_lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    given = {"frame_targets": NAMES, "score_weight": 0.0, "optimiser": "adamw", "weight_decay": 0.5, **CUES}
    one, more = (
        train(*framed_lists, tmp_path / name, settings(epochs=epochs, learning_rate=rate, **given))
        for name, epochs, rate in (("one", 1, 1e-12), ("more", 4, 3e-3))
    )
    losses = [row["validation_frame_loss"] for row in more.rows]
    assert more.best["epoch"] == 1 + int(np.argmin(losses))
    before, after = (load_file(run.artefact.safetensors_path) for run in (one, more))
    for name, tensor in before.items():
        if not is_of_frames(name):
            assert torch.equal(tensor, after[name]), name
    assert not torch.equal(before["reader.cues.weight"], after["reader.cues.weight"])
    assert "score was not trained and means nothing" in more.artefact.card_text()
    assert "lowest validation loss of the frame targets" in more.artefact.card_text()
    assert "not trained" in str(more.artefact.config.metrics["score_note"])


def test_patience_goes_by_the_frames_where_no_score_is_trained(
    framed_lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    wanted = settings(epochs=5, patience=1, frame_targets=("turn",), score_weight=0.0, learning_rate=1e-300, dropout=0.0)
    run = train(*framed_lists, tmp_path / "run", dataclasses.replace(wanted, augmentation="none"))
    assert len(run.rows) < 5


def test_frozen_frames_are_read_once_and_the_run_ends_alike(
    framed_lists: tuple[Path, Path],
    settings: Callable[..., TrainSettings],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taught = {"frame_targets": NAMES, **CUES}
    init = str(train(*framed_lists, tmp_path / "first", settings(epochs=1, **taught)).artefact.folder)
    behind = settings(init=init, epochs=2, learning_rate=1e-2, freeze="frames", augmentation="none", **taught)
    looks = []
    maps = FatigueNet.maps

    def counted(network: FatigueNet, clip: torch.Tensor) -> Any:
        looks.append(len(clip))
        return maps(network, clip)

    monkeypatch.setattr(FatigueNet, "maps", counted)
    once = train(*framed_lists, tmp_path / "once", behind)
    seen = sum(looks)
    looks.clear()
    monkeypatch.setattr(loop, "read_frames", lambda *_, **__: None)
    anew = train(*framed_lists, tmp_path / "anew", behind)
    # Two epochs look twice at all clips; what is exported is looked at a little in either run.
    assert sum(looks) - seen == sum(map(len, read_lists(*framed_lists, shape=(8, 32, 32, 3))))
    for one, other in zip(once.rows, anew.rows, strict=True):
        assert one["validation_loss"] == pytest.approx(other["validation_loss"], rel=1e-4)
        assert one["validation_frame_loss"] == pytest.approx(other["validation_frame_loss"], rel=1e-4)
    ours, theirs = (load_file(run.artefact.safetensors_path) for run in (once, anew))
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-4) for name in ours)


def test_frames_that_were_read_before_are_not_read_again_by_the_same_weights(
    framed_lists: tuple[Path, Path],
    settings: Callable[..., TrainSettings],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taught = {"frame_targets": NAMES, **CUES}
    inits = [
        str(train(*framed_lists, tmp_path / f"first-{seed}", settings(epochs=1, seed=seed, **taught)).artefact.folder)
        for seed in (1, 2)
    ]
    read, lists = readings.read_frames, []

    def counted(network: FatigueNet, clips: Any, **given: Any) -> Any:
        lists.append(clips.fingerprint)
        return read(network, clips, **given)

    monkeypatch.setattr(readings, "read_frames", counted)
    kept = KeptReadings()
    behind = {"epochs": 1, "learning_rate": 1e-2, "freeze": "frames", "augmentation": "none", **taught}

    def losses(name: str, init: str, **further: Any) -> float:
        run = train(*framed_lists, tmp_path / name, settings(init=init, **{**behind, **further}), kept=kept)
        return run.rows[0]["validation_loss"]

    one = losses("one", inits[0])
    assert len(lists) == 2
    again = losses("again", inits[0])
    losses("seed", inits[0], seed=7)
    losses("flat", inits[0], non_local_position=0)
    assert len(lists) == 2
    assert again == one
    losses("other", inits[1])
    assert len(lists) == 4
    assert lists[:2] == lists[2:]
    losses("batch", inits[1], batch_size=3)
    assert len(lists) == 6
    losses("first-again", inits[0])  # kept lists are four; these two were the oldest
    assert len(lists) == 8


def test_frames_of_one_part_of_the_clips_are_not_those_of_another(
    framed_lists: tuple[Path, Path],
    settings: Callable[..., TrainSettings],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taught = {"frame_targets": NAMES, **CUES}
    first = train(*framed_lists, tmp_path / "first", settings(epochs=1, **taught))
    whole = read_lists(*framed_lists, shape=(8, 32, 32, 3), frame_targets=NAMES)
    behind = settings(init=str(first.artefact.folder), epochs=1, frames=4, freeze="frames", augmentation="none", **taught)

    def losses(name: str, kept: KeptReadings, part: Callable[[ClipList], ClipList]) -> float:
        return train(part(whole[0]), part(whole[1]), tmp_path / name, behind, kept=kept).rows[0]["validation_loss"]

    def middle(clips: ClipList) -> ClipList:
        return clips.shortened(4)

    def thinned(clips: ClipList) -> ClipList:
        return clips.thinned(2)

    kept = KeptReadings()
    shared = [losses("middle", kept, middle), losses("thinned", kept, thinned)]
    assert shared == [losses("middle-alone", KeptReadings(), middle), losses("thinned-alone", KeptReadings(), thinned)]
    assert shared[0] != shared[1]

    def whole_clips(clips: ClipList) -> ClipList:
        return clips

    kept, behind = KeptReadings(), dataclasses.replace(behind, frames=8)
    losses("whole", kept, whole_clips)
    monkeypatch.setattr(readings, "read_frames", None)  # nothing is read again
    behind = dataclasses.replace(behind, frames=4)
    assert [losses("middle-of-whole", kept, middle), losses("thinned-of-whole", kept, thinned)] == pytest.approx(
        shared, rel=1e-4
    )


def test_frozen_frames_keep_their_weights_and_statistics(
    framed_lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    first = train(*framed_lists, tmp_path / "first", settings(epochs=1, frame_targets=NAMES, **CUES))
    init = str(first.artefact.folder)
    faster = {"epochs": 2, "learning_rate": 1e-2, "optimiser": "adamw", "weight_decay": 0.5, "freeze": "frames", **CUES}
    frozen = train(*framed_lists, tmp_path / "frozen", settings(init=init, **faster))
    before, after = (load_file(run.artefact.safetensors_path) for run in (first, frozen))
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        assert torch.equal(tensor, after[name]) == is_of_frames(name) or "num_batches" in name, name
    measured = train(*framed_lists, tmp_path / "measured", settings(init=init, frame_targets=NAMES, **faster))
    assert measured.rows[0]["validation_r_closure"] == measured.rows[1]["validation_r_closure"]
    assert measured.rows[0]["validation_r_closure"] == pytest.approx(first.rows[0]["validation_r_closure"], abs=1e-6)
    changed = settings(init=init, **{**faster, "temporal_input": "cues", "non_local_position": 0, "classes": 1})
    other = train(*framed_lists, tmp_path / "other", changed)
    weights = load_file(other.artefact.safetensors_path)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in before.items() if is_of_frames(name))
    assert weights["temporal.conv.weight"].shape[1] == 2
    assert "drawn at random, because temporal_input is 'both' there and 'cues' here" in other.artefact.card_text()
    anew = train(
        *framed_lists,
        tmp_path / "anew",
        settings(init=init, init_part="frames", seed=7, **{**faster, "learning_rate": 1e-12}),
    )
    weights = load_file(anew.artefact.safetensors_path)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in before.items() if is_of_frames(name))
    assert not torch.allclose(weights["temporal.conv.weight"], before["temporal.conv.weight"], atol=1e-3)
    assert "only the frames were to be taken over" in anew.artefact.card_text()
    resumed = train(*framed_lists, tmp_path / "other", dataclasses.replace(changed, init=""), resume=True)
    assert resumed.best == other.best
    with pytest.raises(ConfigurationError, match="freeze is 'frames', but init names no model"):
        train(*framed_lists, tmp_path / "none", settings(**faster))
    with pytest.raises(ConfigurationError, match="init_part is 'frames', but init names no model"):
        train(*framed_lists, tmp_path / "none", settings(init_part="frames", frame_targets=NAMES, **CUES))


def shortened(manifest: Path, folder: Path, frames: int) -> Path:
    """The same clips with their first frames."""
    (folder / "shards").mkdir(parents=True)
    np.save(folder / "shards" / "0.npy", np.load(manifest.parent / "shards" / "0.npy")[:, :frames])
    known = np.load(manifest.parent / "shards" / "0.frames.npz")
    np.savez(folder / "shards" / "0.frames.npz", **{name: known[name][:, :frames] for name in known})
    (folder / "manifest.csv").write_text(manifest.read_text(encoding="utf-8"), encoding="utf-8")
    return folder / "manifest.csv"


def test_a_network_taught_on_short_clips_goes_on_with_long_ones(
    framed_lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    short = [shortened(manifest, tmp_path / "short" / manifest.parent.name, 4) for manifest in framed_lists]
    taught = settings(epochs=2, frames=4, frame_rate_hz=0.5, frame_targets=NAMES, score_weight=0.0, **CUES)
    first = train(*short, tmp_path / "first", taught)
    init = str(first.artefact.folder)
    still = {"init": init, "learning_rate": 1e-12, "dropout": 0.1}
    second = train(*framed_lists, tmp_path / "second", settings(epochs=1, frame_targets=(*NAMES, "turn"), **CUES, **still))
    before, after = (load_file(run.artefact.safetensors_path) for run in (first, second))
    assert before.keys() == after.keys()
    for name in ("reader.cue_mean", "reader.cue_spread"):
        assert torch.equal(before[name], after[name]), "the weights were taught with these"
    torch.testing.assert_close(before["reader.features.weight"], after["reader.features.weight"])
    assert second.artefact.config.frames == 8
    with pytest.raises(ConfigurationError, match=r"for 32 px cannot be trained on at 40 px: reader\.features\.weight has"):
        train(
            *resized(framed_lists, tmp_path, 40),
            tmp_path / "large",
            settings(epochs=1, init=init, size_px=40, frame_targets=NAMES, **CUES),
        )
    other = settings(epochs=1, init=init, frame_targets=NAMES, **{**CUES, "cues": ("closure",)})
    with pytest.raises(ConfigurationError, match="cues is .* there and .* here"):
        train(*framed_lists, tmp_path / "cues", other)


def resized(lists: tuple[Path, Path], folder: Path, size_px: int) -> list[Path]:
    """The same lists with grey clips of another size."""
    found = []
    for manifest in lists:
        own = shortened(manifest, folder / "resized" / manifest.parent.name, 8)
        clips = len(np.load(own.parent / "shards" / "0.npy"))
        np.save(own.parent / "shards" / "0.npy", np.full((clips, 8, size_px, size_px, 3), 128, np.uint8))
        found.append(own)
    return found


def test_lists_that_were_read_must_tell_what_is_asked_for(
    framed_lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    shape = (8, 32, 32, 3)
    lists = read_lists(*framed_lists, shape=shape, frame_targets=("closure", "mouth"))
    with pytest.raises(ConfigurationError, match="read without the frame targets turn"):
        train(*lists, tmp_path / "run", settings(epochs=1, frame_targets=("closure", "turn")))
    run = train(*lists, tmp_path / "run", settings(epochs=1, frame_targets=("mouth",)))
    assert run.best["validation_r_mouth"] is not None
    with pytest.raises(ConfigurationError, match=r"smile is not known \(NaN\) for any frame"):
        train(*framed_lists, tmp_path / "other", settings(epochs=1, frame_targets=("smile",)))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"frame_targets": ("eyes",)}, "frame_targets is"),
        ({"frame_targets": ("mouth", "mouth")}, "frame_targets is"),
        ({"frame_weight": -1.0}, "frame_weight is"),
        ({"score_weight": 0.0}, "nothing to train"),
        ({"score_weight": 0.0, "frame_targets": ("mouth",), "frame_weight": 0.0}, "nothing to train"),
        ({"score_weight": 0.0, "frame_targets": ("mouth",), "auxiliary": ("a",)}, "score_weight is 0 but auxiliary"),
        ({"score_weight": 0.0, "frame_targets": ("mouth",), "keep_best": "loss_and_mse"}, "score_weight is 0 but keep_best"),
        ({"freeze": "all"}, "freeze is 'all'"),
        ({"freeze": "frames"}, "only the backbone 'resnet2d_cues'"),
        ({"init_part": "time"}, "init_part is 'time'"),
        ({"init_part": "frames"}, "only the backbone 'resnet2d_cues' has such a part"),
        ({**CUES, "frame_targets": ("closure",)}, "cues has mouth, which must be among frame_targets"),
        ({"cues": ("closure",)}, "must be empty for the backbone 'resnet3d'"),
    ],
)
def test_senseless_settings_are_refused(settings: Callable[..., TrainSettings], given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        settings(**given)


@pytest.mark.slow
def test_two_processes_equal_one_with_twice_the_batch(
    framed_lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    same = {"augmentation": "none", "dropout": 0.0, "learning_rate": 1e-3, "frame_targets": NAMES, **CUES}
    one = train(*framed_lists, tmp_path / "one", settings(epochs=2, batch_size=8, **same), device="cpu")
    config = tmp_path / "one" / "settings.toml"
    where = ("--train", str(framed_lists[0]), "--val", str(framed_lists[1]), "--out", str(tmp_path / "two"))
    command = [sys.executable, "-m", "facefatigue", "train", *where, "--config", str(config)]
    done = subprocess.run(
        [*command, "--device", "cpu", "--devices", "2", "--batch-size", "4"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with (tmp_path / "two" / "log.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for single, double in zip(one.rows, rows, strict=True):
        for name in ("train_loss", "train_frame_loss", "validation_frame_loss", "validation_r_closure"):
            assert float(double[name]) == pytest.approx(single[name], rel=1e-3, abs=1e-3), name
