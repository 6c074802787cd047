from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from facefatigue.clips import clip_from_crops
from facefatigue.data.clip_list import read_lists
from facefatigue.train.batches import batches, training_order, validation_order

if TYPE_CHECKING:
    from pathlib import Path

CPU = torch.device("cpu")


@pytest.mark.parametrize("clips", [2, 8, 9, 16, 17, 30])
def test_every_clip_once_and_never_a_batch_of_one(clips: int) -> None:
    order = training_order(clips, batch_size=8, seed=1, epoch=0)
    assert sorted(np.concatenate(order).tolist()) == list(range(clips))
    assert all(2 <= len(batch) <= 9 for batch in order)
    assert np.concatenate(validation_order(clips, batch_size=8)).tolist() == list(range(clips))


def test_two_processes_share_the_batches_of_one_with_twice_the_size() -> None:
    one = training_order(70, batch_size=16, seed=1, epoch=2)
    two = training_order(70, batch_size=8, seed=1, epoch=2, processes=2)
    assert [batch.tolist() for batch in one] == [batch.tolist() for batch in two]
    for clips in range(4, 60):
        order = training_order(clips, batch_size=4, seed=1, epoch=0, processes=2)
        assert min(len(batch[rank::2]) for batch in order for rank in (0, 1)) >= 2


def test_batches_depend_on_seed_and_epoch_alone(lists: tuple[Path, Path]) -> None:
    clips, _ = read_lists(*lists, shape=(8, 32, 32, 3))
    order = training_order(len(clips), batch_size=8, seed=3, epoch=1)
    first, again = (list(batches(clips, order, augmentation="strong", drawn_with=(3, 1))) for _ in range(2))
    assert [batch.clips_on(CPU).shape for batch in first] == [(8, 3, 8, 32, 32), (9, 3, 8, 32, 32)]
    for one, two, numbers in zip(first, again, order, strict=True):
        assert torch.equal(one.clips_on(CPU), two.clips_on(CPU))
        assert (one.score.numpy() == clips.scores[numbers]).all()
    alone = next(batches(clips, [order[1][:1]], augmentation="strong", drawn_with=(3, 1)))
    assert torch.allclose(alone.clips_on(CPU)[0], first[1].clips_on(CPU)[0], atol=1e-6)
    other = next(batches(clips, order, augmentation="strong", drawn_with=(3, 2)))
    assert not torch.equal(other.clips_on(CPU), first[0].clips_on(CPU))


def test_without_augmentation_training_sees_exactly_what_prediction_sees(lists: tuple[Path, Path]) -> None:
    clips, _ = read_lists(*lists, shape=(8, 32, 32, 3))
    order = validation_order(len(clips), batch_size=8)
    for batch, numbers in zip(batches(clips, order), order, strict=True):
        seen = batch.clips_on(CPU)
        served = np.stack([clip_from_crops(clips.crops(number)) for number in numbers.tolist()])
        assert (seen.numpy() == served).all()
        assert seen.is_contiguous(memory_format=torch.channels_last_3d)
