from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.errors import ConfigurationError
from facefatigue.train.batches import batches, training_order, validation_order
from facefatigue.train.data import read_lists

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefatigue.train import TrainSettings


def refusal(train: Path, validation: Path, settings: TrainSettings) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_lists(train, validation, settings)
    return str(caught.value)


def rewrite(path: Path, *lines: str) -> None:
    path.write_text("\n".join(["clip,subject,score", *lines]) + "\n", encoding="utf-8")


def test_lists_are_read_from_files_and_folders(lists: tuple[Path, Path], settings: Callable[..., TrainSettings]) -> None:
    train, validation = read_lists(lists[0], lists[1].parent, settings())
    assert (len(train), len(validation)) == (17, 7)
    assert train.subjects == {"train-0", "train-1", "train-2"}
    shard = np.load(lists[0].parent / "shards" / "0.npy")
    assert (train.crops(4) == shard[4]).all()
    assert train.scores.dtype == np.float32
    again, _ = read_lists(lists[0].parent, lists[1], settings())
    assert train.fingerprint == again.fingerprint != validation.fingerprint


def test_all_faults_are_named_with_their_lines(lists: tuple[Path, Path], settings: Callable[..., TrainSettings]) -> None:
    train, validation = lists
    np.save(train.parent / "floats.npy", np.zeros((2, 8, 32, 32, 3), np.float32))
    (train.parent / "short.npy").write_bytes((train.parent / "shards" / "0.npy").read_bytes()[:5000])
    rewrite(
        train,
        "shards/0.npy#0,a,0.5",
        "shards/0.npy#17,a,0.5",
        "shards/0.npy#1,a,1.01",
        "shards/0.npy#1,a,nan",
        "shards/0.npy#1,a,sleepy",
        "shards/0.npy#1,,0.5",
        "shards/0.npy,a,0.5",
        "missing.npy#0,a,0.5",
        "short.npy#0,a,0.5",
        "floats.npy#0,a,0.5",
    )
    text = refusal(train, validation, settings())
    for line, words in {
        3: "none with index 17", 4: "'1.01'", 5: "'nan'", 6: "'sleepy'", 7: "subject is empty", 8: "'shards/0.npy'",
        9: "missing.npy cannot be read", 10: "short.npy cannot be read", 11: "floats.npy is",
    }.items():  # fmt: skip
        assert any(f"line {line}:" in fault and words in fault for fault in text.split("; ")), (line, words, text)
    assert "line 2:" not in text


def test_a_subject_in_both_lists_is_refused(lists: tuple[Path, Path], settings: Callable[..., TrainSettings]) -> None:
    train, validation = lists
    text = validation.read_text(encoding="utf-8").replace("val-1", "train-2")
    validation.write_text(text, encoding="utf-8")
    assert "'train-2' is in both" in refusal(train, validation, settings())
    validation.write_text(text + "shards/0.npy#99,x,7\n" * 30, encoding="utf-8")
    many = refusal(train, validation, settings())
    assert "'train-2' is in both" in many
    assert many.endswith("and 51 more")


def test_lists_that_are_none(lists: tuple[Path, Path], settings: Callable[..., TrainSettings], tmp_path: Path) -> None:
    train, validation = lists
    assert "No such file" in refusal(tmp_path / "nothing.csv", validation, settings())
    assert "cannot be read as a list" in refusal(train.parent / "shards" / "0.npy", validation, settings())
    train.write_text("clip,name\n", encoding="utf-8")
    rewrite(validation)
    text = refusal(train, validation, settings())
    assert "no column subject, score" in text
    assert "lists no clips" in text


def test_clips_of_another_shape_are_refused_once_for_a_shard(
    lists: tuple[Path, Path], settings: Callable[..., TrainSettings]
) -> None:
    text = refusal(*lists, settings(frames=16, size_px=48))
    assert text.count("(N, 16, 48, 48, 3) uint8") == 2
    assert "(17, 8, 32, 32, 3) uint8" in text


@pytest.mark.parametrize("clips", [2, 8, 9, 16, 17, 30])
def test_every_clip_once_and_never_a_batch_of_one(clips: int) -> None:
    order = training_order(clips, batch_size=8, seed=1, epoch=0)
    assert sorted(np.concatenate(order).tolist()) == list(range(clips))
    assert all(2 <= len(batch) <= 9 for batch in order)
    assert np.concatenate(validation_order(clips, batch_size=8)).tolist() == list(range(clips))


def test_batches_depend_on_seed_and_epoch_alone(lists: tuple[Path, Path], settings: Callable[..., TrainSettings]) -> None:
    clips, _ = read_lists(*lists, settings())
    order = training_order(len(clips), batch_size=8, seed=3, epoch=1)
    first, again = (list(batches(clips, order, augmented_with=(3, 1))) for _ in range(2))
    assert [batch.clip.shape for batch in first] == [(8, 3, 8, 32, 32), (9, 3, 8, 32, 32)]
    for one, two, numbers in zip(first, again, order, strict=True):
        assert (one.clip == two.clip).all()
        assert (one.score == clips.scores[numbers]).all()
    alone = next(batches(clips, [order[1][:1]], augmented_with=(3, 1)))
    assert (alone.clip[0] == first[1].clip[0]).all()
    other = next(batches(clips, order, augmented_with=(3, 2)))
    assert not (other.clip == first[0].clip).all()
    plain = next(batches(clips, order, augmented_with=None))
    assert -1 <= plain.clip.min() <= plain.clip.max() <= 1
