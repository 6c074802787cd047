"""Batches of clips, read by a thread while the network computes; seed and epoch decide them entirely."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from facefatigue.train.augment import Augmentation, augment_clips, augment_frames, draw_augmentation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from facefatigue.data.clip_list import ClipList
    from facefatigue.train.readings import Readings
    from facefatigue.train.settings import Augmentations

_PREPARED = 2  # batches that wait for the network; one of 16 clips, 32 frames and 112 px takes 19 MB


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Clips and their scores, on the CPU.

    Attributes:
        crops: (N, T, H, W, 3) uint8 RGB; in page-locked memory where a GPU is to fetch it. None where the frames were read
            before.
        score: (N,) float32 in [0, 1].
        auxiliary: (N, K) float32, further targets; K may be 0.
        frames: (N, T, C) float32, the targets of every frame, augmented as the clips will be; NaN where nothing is known;
            None without such targets.
        drawn: N augmentations.
        readings: What was read of these clips before, (N, T, C) and (N, T, K) float32; None where the crops are given.
    """

    crops: Tensor | None
    score: Tensor
    auxiliary: Tensor
    frames: Tensor | None
    drawn: tuple[Augmentation, ...]
    readings: tuple[Tensor, Tensor] | None = None

    def __len__(self) -> int:
        return len(self.score)

    def inputs_on(self, device: torch.device) -> tuple[Tensor | None, ...]:
        """What :class:`facefatigue.train.epoch.Task` takes: the clips, or None and what was read of them before."""
        if self.readings is None:
            return (self.clips_on(device),)
        moments, cues = (part.to(device, non_blocking=True) for part in self.readings)
        return None, moments, cues

    def clips_on(self, device: torch.device) -> Tensor:
        """The clips as the network takes them, augmented there.

        Args:
            device: Where the network is.

        Returns:
            (N, 3, T, H, W) float32 in [-1, 1], RGB, channels last in memory.
        """
        assert self.crops is not None
        crops = self.crops.to(device, non_blocking=True)  # (N, T, H, W, 3)
        clips = crops.permute(0, 4, 1, 2, 3).to(torch.float32)  # (N, 3, T, H, W)
        clips = augment_clips(clips, self.drawn)
        # The same operations as in facefatigue.clips.clip_from_crops, so that both round alike.
        clips = clips.mul_(torch.tensor(1 / 127.5, dtype=torch.float32, device=device)).sub_(1.0)
        return clips.contiguous(memory_format=torch.channels_last_3d)


def training_order(clips: int, *, batch_size: int, seed: int, epoch: int, processes: int = 1) -> list[NDArray[np.int64]]:
    """The clips of each batch of all processes in one epoch, every clip once, in an order that seed and epoch decide.

    A last batch with fewer than two clips for each process joins the batch before it, because batch normalisation cannot use
    a single clip.

    Args:
        clips: Length of the list.
        batch_size: Clips in a batch of one process; at least 2.
        seed: The run's seed.
        epoch: From 0.
        processes: How many work together; a batch has batch_size clips for each.

    Returns:
        Places in the list, one (N,) array for each batch.
    """
    order = np.random.default_rng((seed, epoch)).permutation(clips)
    size = batch_size * processes
    batches = np.split(order, range(size, clips, size))
    if len(batches) > 1 and len(batches[-1]) < 2 * processes:
        batches[-2:] = [np.concatenate(batches[-2:])]
    return batches


def validation_order(clips: int, *, batch_size: int) -> list[NDArray[np.int64]]:
    """The clips of each batch in the order of the list; the last batch may be smaller, and is kept."""
    return np.split(np.arange(clips), range(batch_size, clips, batch_size))


def batches(
    clips: ClipList,
    order: Sequence[NDArray[np.int64]],
    *,
    augmentation: Augmentations = "none",
    drawn_with: tuple[int, int] = (0, 0),
    frame_targets: Sequence[str] = (),
    pinned: bool = False,
    readings: Readings | None = None,
) -> Iterator[Batch]:
    """Read batches ahead of their use; never more than two wait.

    Args:
        clips: Where the clips are.
        order: The clips of each batch.
        augmentation: What kind is drawn.
        drawn_with: Seed and epoch, which with a clip's place in the list decide its augmentation, whatever batch and process
            it is in.
        frame_targets: Targets of every frame, among those that the list was read with.
        pinned: Put them into page-locked memory, from which a GPU fetches faster.
        readings: What was read of all clips before, without augmentation; it is then taken instead of the crops.

    Yields:
        One batch for each entry of the order.

    Raises:
        ConfigurationError: A shard, or what lies beside it, is not what it was when the list was read.
    """
    scores, auxiliary = clips.scores, clips.auxiliary

    def read(numbers: NDArray[np.int64]) -> Batch:
        crops = None
        if readings is None:
            crops = torch.from_numpy(np.stack([clips.crops(number) for number in numbers.tolist()]))
        drawn = tuple(
            draw_augmentation(np.random.default_rng((*drawn_with, number)), augmentation) for number in numbers.tolist()
        )
        frames = None
        if frame_targets:
            values = np.stack([clips.frame_values(number, frame_targets) for number in numbers.tolist()])
            frames = torch.from_numpy(augment_frames(values, frame_targets, drawn))
        return Batch(
            crops=crops.pin_memory() if pinned and crops is not None else crops,
            score=torch.from_numpy(scores[numbers]),
            auxiliary=torch.from_numpy(auxiliary[numbers]),
            frames=frames,
            drawn=drawn,
            readings=None if readings is None else readings.of(numbers),
        )

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="clips") as pool:
        waiting: deque[Future[Batch]] = deque()
        try:
            for numbers in order:
                waiting.append(pool.submit(read, numbers))
                if len(waiting) > _PREPARED:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
