"""What a network whose look at frames stays as it is reads of a list, once for the whole training."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from facefatigue.train.batches import batches, validation_order

if TYPE_CHECKING:
    import numpy as np
    from lightning_fabric import Fabric
    from numpy.typing import NDArray
    from torch import Tensor

    from facefatigue.data.clip_list import ClipList
    from facefatigue.model.network import FatigueNet
    from facefatigue.train.settings import TrainSettings

# The parts of a network that look at single frames.
_OF_FRAMES = ("stem.", "stage1.", "stage2.", "stage3.", "stage4.", "reader.")


@dataclass(frozen=True, kw_only=True, eq=False)
class Readings:
    """What was read of the frames of all clips of a list.

    Attributes:
        moments: (clips, T, C) float32 on the CPU, the features of every frame.
        cues: (clips, T, K) float32 on the CPU, the standardised cues.
    """

    moments: Tensor
    cues: Tensor

    def of(self, numbers: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Features (N, T, C) and cues (N, T, K) of some clips."""
        places = torch.from_numpy(numbers)
        return self.moments[places], self.cues[places]


@torch.no_grad()
def read_frames(network: FatigueNet, clips: ClipList, *, settings: TrainSettings, fabric: Fabric) -> Readings:
    """Read the frames of all clips of a list; every process reads all of them.

    They are kept in memory, in place of clips that are looked at anew in every epoch: 4·T·(C + K) bytes a clip, 10 KB at
    width 16 with 32 frames. An epoch of what is behind them then takes a second or two instead of minutes.

    Args:
        network: With cues; its modules for frames are in evaluation mode.
        clips: The list.
        settings: Gives the batch size.
        fabric: Where it is computed.
    """
    moments, cues = [], []
    order = validation_order(len(clips), batch_size=settings.batch_size)
    for batch in batches(clips, order, pinned=fabric.device.type == "cuda"):
        with fabric.autocast():
            images = batch.clips_on(fabric.device)
            features, read = network.read(images, network.maps(images))  # (N, T, C), (N, T, K)
        moments.append(features.float().cpu())
        cues.append(read.float().cpu())
    return Readings(moments=torch.cat(moments), cues=torch.cat(cues))


class KeptReadings:
    """What was read in this process, for further trainings behind the very same frames.

    Args:
        most: How many lists are kept; the oldest goes first.
    """

    def __init__(self, most: int = 4) -> None:
        self._most = most
        self._kept: dict[str, Readings] = {}

    def read(self, network: FatigueNet, clips: ClipList, *, settings: TrainSettings, fabric: Fabric) -> Readings:
        """As :func:`read_frames`, but weights that read the list before, in the same way, do not read it again.

        Frames are read one by one, so that a list with some of the frames takes what was read of the whole clips.
        """
        weights = hashlib.sha256()
        for name, tensor in network.state_dict().items():
            if name.startswith(_OF_FRAMES):
                weights.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
        way = f"{weights.hexdigest()} {settings.batch_size} {settings.precision} {fabric.device}"
        keys = [f"{way} {own.fingerprint} {own.middle} {own.every}" for own in (clips, clips.whole)]
        if keys[0] not in self._kept and keys[1] in self._kept:
            whole = self._kept[keys[1]]
            used = clips.used(whole.moments.shape[1])
            return Readings(moments=whole.moments[:, used], cues=whole.cues[:, used])
        if keys[0] not in self._kept:
            while len(self._kept) >= self._most:
                del self._kept[next(iter(self._kept))]
            self._kept[keys[0]] = read_frames(network, clips, settings=settings, fabric=fabric)
        return self._kept[keys[0]]
