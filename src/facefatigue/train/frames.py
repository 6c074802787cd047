"""Targets for every frame: their statistics, what reads them in training, the loss, and how well they are read.

From one score a clip a network learns slowly. What is known of every frame (how far the lids are closed, where the landmarks
are) tells it far more, and is dropped afterwards or, as a cue of "resnet2d_cues", stays in the network.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor, nn

from facefatigue.data.frame_targets import channels_of, places_of
from facefatigue.data.rows import FaultsError
from facefatigue.train.augment import augment_frames, draw_augmentation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefatigue.data.clip_list import ClipList
    from facefatigue.train.settings import Augmentations

_CHUNK = 64  # clips that are looked at together
# A channel whose spread is below this share of its size is constant: what is left is the rounding of float32.
_CONSTANT = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameStatistics:
    """What the targets of a list's frames are like, channel by channel.

    Attributes:
        names: The targets.
        mean: (C,) float32 of what is known, as the network sees it: augmented as in a first epoch.
        spread: (C,) float32, the standard deviation; 1 for a channel that is constant.
        known: (C,) float32, the share of frames of which the channel is known.
        sha256: Of the targets as they are stored.
    """

    names: tuple[str, ...]
    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    known: NDArray[np.float32]
    sha256: str

    def of(self, names: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Mean and spread of some of the targets, each (C,) float32."""
        places = places_of(self.names)
        chosen = [channel for name in names for channel in places[name]]
        return torch.from_numpy(self.mean[chosen]), torch.from_numpy(self.spread[chosen])


def statistics_of(
    clips: ClipList, names: Sequence[str], *, augmentation: Augmentations = "none", seed: int = 0
) -> FrameStatistics:
    """Look at all targets of a list.

    Args:
        clips: The list, which was read with these targets.
        names: Which targets.
        augmentation: The landmarks of faces that are moved about spread far more than those of aligned ones.
        seed: Of the augmentation.
    """
    total = np.zeros((3, channels_of(names)))
    digest = hashlib.sha256()
    for start in range(0, len(clips), _CHUNK):
        numbers = range(start, min(start + _CHUNK, len(clips)))
        values = np.stack([clips.frame_values(number, names) for number in numbers])  # (n, T, C)
        digest.update(values.tobytes())
        if augmentation != "none":
            drawn = [draw_augmentation(np.random.default_rng((seed, 0, number)), augmentation) for number in numbers]
            values = augment_frames(values, names, drawn)
        wide = values.astype(np.float64).reshape(-1, values.shape[2])  # (n·T, C)
        known = ~np.isnan(wide)
        wide = np.where(known, wide, 0)
        total += np.stack([known.sum(axis=0), wide.sum(axis=0), (wide**2).sum(axis=0)])  # (3, C)
    count = np.maximum(total[0], 1)
    mean = total[1] / count
    spread = np.sqrt(np.maximum(total[2] / count - mean**2, 0))
    spread = np.where(spread > _CONSTANT * np.maximum(np.abs(mean), 1), spread, 1)
    frames = len(clips) * (clips.shape or (0,))[0]
    return FrameStatistics(
        names=tuple(names),
        mean=mean.astype(np.float32),
        spread=spread.astype(np.float32),
        known=(total[0] / frames).astype(np.float32),
        sha256=digest.hexdigest(),
    )


def refuse_unknown(parts: Sequence[tuple[ClipList, FrameStatistics]]) -> None:
    """Refuse lists of which a target is not known for a single frame.

    Raises:
        FaultsError: There are such; all are named.
    """
    faults = [
        f"{clips}: {name} is not known (NaN) for any frame"
        for clips, statistics in parts
        for name, place in places_of(statistics.names).items()
        if not statistics.known[place.start : place.stop].any()
    ]
    if faults:
        raise FaultsError("the targets of the frames", faults)


class FrameHead(nn.Module):
    """Reads the targets of every frame, standardised, and says how wrong that is.

    A network that shrinks time leaves T' moments of T frames: from each moment the targets of ⌈T / T'⌉ frames are read. What
    the network reads itself, as a cue, is taken from it.

    Args:
        statistics: Of the training list.
        cues: Those of the targets that the network reads itself, in its order.
        channels: Features C of a moment.
        frames: Frames T of a clip.
        moments: T'.
    """

    mean: Tensor
    spread: Tensor
    weight: Tensor

    def __init__(
        self, statistics: FrameStatistics, *, cues: Sequence[str], channels: int, frames: int, moments: int
    ) -> None:
        super().__init__()
        self.names = statistics.names
        self.register_buffer("mean", torch.from_numpy(statistics.mean))
        self.register_buffer("spread", torch.from_numpy(statistics.spread))
        self.register_buffer("weight", torch.from_numpy(_weights(statistics)))
        own = tuple(name for name in self.names if name not in cues)
        given, read = places_of(cues), places_of(own)
        behind = sum(len(place) for place in given.values())
        self._order = [
            channel if name in given else behind + channel
            for name in self.names
            for channel in (given[name] if name in given else read[name])
        ]
        self._count = sum(len(place) for place in read.values())
        self._each = -(-frames // moments)
        self.linear = nn.Linear(channels, self._each * self._count) if self._count else None

    def take_cue_statistics(self, cues: Sequence[str], mean: Tensor, spread: Tensor) -> None:
        """Measure the network's cues as the network does, whose mean and spread may be those of an earlier list.

        Args:
            cues: The network's cues.
            mean: (K,) float32, of the cues' channels.
            spread: Likewise.
        """
        places = places_of(self.names)
        for name, theirs in places_of(cues).items():
            if name in places:
                ours = slice(places[name].start, places[name].stop)
                self.mean[ours] = mean[theirs.start : theirs.stop]
                self.spread[ours] = spread[theirs.start : theirs.stop]

    def forward(self, moments: Tensor, cues: Tensor, frames: int) -> Tensor:
        """Read the targets of all frames, in standard deviations from their mean.

        Args:
            moments: (N, T', C) float32.
            cues: (N, T, K) float32, what the network read itself; K may be 0.
            frames: T.

        Returns:
            (N, T, channels of all targets) float32.
        """
        if self.linear is None:
            return cues[:, :, self._order]
        own = self.linear(moments)  # (N, T', each · own channels)
        own = own.reshape(len(own), -1, self._count)[:, :frames]  # (N, T, own channels)
        if not cues.shape[2]:
            return cast("Tensor", own)
        return torch.cat([cues, own], dim=2)[:, :, self._order]

    def standardised(self, values: Tensor) -> Tensor:
        """Targets (N, T, C) in standard deviations from their mean; NaN stays."""
        return (values - self.mean) / self.spread

    def loss(self, read: Tensor, values: Tensor) -> Tensor:
        """The mean over targets of their mean squared error, standardised: 1 for a head that always says the mean.

        What is not known is left out. Each error is weighted by the share of frames that are known in the whole list, not in
        these clips, so that a frame counts alike in whatever batch it is.

        Args:
            read: (N, T, C) float32, what was read.
            values: (N, T, C) float32, the targets; NaN where nothing is known.
        """
        known = ~torch.isnan(values)  # (N, T, C)
        standard = torch.nan_to_num(self.standardised(values))  # (N, T, C)
        squares = torch.where(known, read.float() - standard, 0.0) ** 2  # (N, T, C)
        return (squares.mean(dim=(0, 1)) * self.weight).sum()


def _weights(statistics: FrameStatistics) -> NDArray[np.float32]:
    """(C,) what a channel's squared error counts: its part of its target, over the share of frames that are known."""
    weights = np.zeros(len(statistics.mean), np.float32)
    places = places_of(statistics.names)
    for place in places.values():
        known = statistics.known[place.start : place.stop]
        usable = known > 0
        weights[place.start : place.stop][usable] = 1 / (known[usable] * usable.sum() * len(places))
    return weights


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameFigures:
    """How well the targets of a list's frames were read.

    Attributes:
        loss: Mean over targets of the mean squared error, standardised, over all frames that are known.
        correlations: By target, Pearson's between what was read and what is true over all frames that are known; the mean
            over its channels where it has several; None where it is not defined.
    """

    loss: float
    correlations: dict[str, float | None]


def frame_moments(read: Tensor, standard: Tensor) -> NDArray[np.float64]:
    """What a batch adds to the figures: (6, C) float64.

    Args:
        read: (N, T, C) float32, standardised, on the CPU.
        standard: (N, T, C) float32, the targets, standardised; NaN where nothing is known.
    """
    found, wanted = (tensor.double().flatten(0, 1).numpy() for tensor in (read, standard))  # (N·T, C)
    known = ~np.isnan(wanted)
    found, wanted = np.where(known, found, 0), np.where(known, wanted, 0)
    return np.stack(
        [
            known.sum(axis=0),
            found.sum(axis=0),
            wanted.sum(axis=0),
            (found**2).sum(axis=0),
            (wanted**2).sum(axis=0),
            (found * wanted).sum(axis=0),
        ]
    )


def frame_figures(names: Sequence[str], moments: Sequence[NDArray[np.float64]]) -> FrameFigures:
    """The figures of a whole list.

    Args:
        names: The targets.
        moments: What each batch adds, in order.
    """
    count, read, true, read2, true2, both = np.sum(moments, axis=0)  # (C,) each
    some = np.maximum(count, 1)
    errors = (read2 - 2 * both + true2) / some
    variances = (read2 / some - (read / some) ** 2) * (true2 / some - (true / some) ** 2)
    # As above: what rounding leaves of a constant is no spread.
    defined = (count > 1) & (variances > _CONSTANT**2)
    correlations = np.where(defined, (both / some - read * true / some**2) / np.sqrt(np.where(defined, variances, 1)), 0)
    losses, figures = [], {}
    for name, place in places_of(names).items():
        own = np.array(place)
        losses.append(errors[own][count[own] > 0].mean())
        usable = own[defined[own]]
        figures[name] = float(correlations[usable].mean()) if len(usable) else None
    return FrameFigures(loss=float(np.mean(losses)), correlations=figures)
