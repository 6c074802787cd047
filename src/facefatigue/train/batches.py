"""Batches of clips, prepared by a thread while the network computes; seed and epoch decide them entirely."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.clips import clip_from_crops
from facefatigue.train.augment import augment_crops, draw_augmentation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from facefatigue.train.data import ClipList

_PREPARED = 2  # batches that wait for the network; one of 16 clips, 32 frames and 112 px takes 77 MB


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Clips and their scores.

    Attributes:
        clip: (N, 3, T, H, W) float32 in [-1, 1], RGB.
        score: (N,) float32 in [0, 1].
        auxiliary: (N, K) float32, further targets; K may be 0.
    """

    clip: NDArray[np.float32]
    score: NDArray[np.float32]
    auxiliary: NDArray[np.float32]


def training_order(clips: int, *, batch_size: int, seed: int, epoch: int) -> list[NDArray[np.int64]]:
    """The clips of each batch of one epoch, every clip once, in an order that only seed and epoch decide.

    A last batch of one clip joins the batch before it, because batch normalisation cannot use it alone.

    Args:
        clips: Length of the list.
        batch_size: Clips in a batch; at least 2.
        seed: The run's seed.
        epoch: From 0.

    Returns:
        Places in the list, one (N,) array for each batch.
    """
    order = np.random.default_rng((seed, epoch)).permutation(clips)
    batches = np.split(order, range(batch_size, clips, batch_size))
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [np.concatenate(batches[-2:])]
    return batches


def validation_order(clips: int, *, batch_size: int) -> list[NDArray[np.int64]]:
    """The clips of each batch in the order of the list; the last batch may be smaller, and is kept."""
    return np.split(np.arange(clips), range(batch_size, clips, batch_size))


def batches(
    clips: ClipList, order: Sequence[NDArray[np.int64]], *, augmented_with: tuple[int, int] | None
) -> Iterator[Batch]:
    """Prepare batches ahead of their use.

    Args:
        clips: Where the clips are.
        order: The clips of each batch.
        augmented_with: Seed and epoch, which together with a clip's place in the list decide its augmentation, whatever
            batch it is in; None leaves clips as they are.

    Yields:
        One batch for each entry of the order.

    Raises:
        OSError: A shard cannot be read any more.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="clips") as pool:
        waiting: deque[Future[Batch]] = deque()
        try:
            for numbers in order:
                waiting.append(pool.submit(_prepare, clips, numbers, augmented_with))
                if len(waiting) > _PREPARED:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _prepare(clips: ClipList, numbers: NDArray[np.int64], augmented_with: tuple[int, int] | None) -> Batch:
    prepared = []
    for number in numbers.tolist():
        crops = clips.crops(number)
        if augmented_with is not None:
            random = np.random.default_rng((*augmented_with, number))
            crops = augment_crops(crops, draw_augmentation(random))
        prepared.append(clip_from_crops(crops))
    return Batch(clip=np.stack(prepared), score=clips.scores[numbers], auxiliary=clips.auxiliary[numbers])
