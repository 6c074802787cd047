"""Candidates that see the blinks one after the other: a recurrent, a convolutional and an attention network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from blink_fatigue.crops import Crop, Source
    from blink_fatigue.rldd import Video

    Floats = NDArray[np.float64]

Kind = Literal["gru", "tcn", "transformer"]

CHANNELS = 5
WIDTH = 16
SHORTEST, LONGEST = 5, 45  # blinks that are learned from at a time
BATCH, STEPS, RATE = 64, 400, 5e-3


def channels_of(blinks: Floats, source: Source) -> NDArray[np.float32]:
    """(n, 5): how fast blinks follow, amplitude, duration and velocity in soft units, and whether the first is unknown."""
    first = -np.log(np.clip(blinks[:, 0], 0.05, 20)) if source == "interval" else np.arcsinh(blinks[:, 0]) / 2
    return np.column_stack([np.nan_to_num(first), np.arcsinh(blinks[:, 1:]), np.isnan(first)]).astype(np.float32)


class BlinkNet(nn.Module):
    """(N, T, 5) blinks and (N, T) which of them are there to (N, 3) log probabilities; the mean over the blinks decides."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind
        self.drop = nn.Dropout(0.25)
        self.first = nn.Linear(CHANNELS, WIDTH)
        if kind == "gru":
            self.body: nn.Module = nn.GRU(WIDTH, WIDTH, batch_first=True)
        elif kind == "tcn":
            self.body = nn.ModuleList(nn.Conv1d(WIDTH, WIDTH, 3, padding=step, dilation=step) for step in (1, 2, 4))
        else:
            self.body = nn.TransformerEncoderLayer(WIDTH, 2, 2 * WIDTH, dropout=0.25, batch_first=True, norm_first=True)
        self.last = nn.Linear(2 * WIDTH, 3)

    def forward(self, x: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """Log probabilities."""
        h = torch.relu(self.first(x))
        mask = there[:, :, None]
        plain = h
        if self.kind == "gru":
            h = self.body(h)[0]
        elif self.kind == "tcn":
            assert isinstance(self.body, nn.ModuleList)
            for layer in self.body:
                h = h + torch.relu(layer((h * mask).transpose(1, 2)).transpose(1, 2))
        else:
            h = self.body(h, src_key_padding_mask=~there)
        both = torch.cat([plain, h], dim=2)
        mean = (both * mask).sum(dim=1) / mask.sum(dim=1)
        out: torch.Tensor = self.last(self.drop(mean))
        return out.log_softmax(dim=1)


def fit_net(videos: Sequence[Video], *, kind: Kind, source: Source, seed: int) -> BlinkNet:
    """Train on random stretches of videos, each video as often as any other."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    tables = [channels_of(video.blinks if source == "interval" else video.published, source) for video in videos]
    states = np.array([video.state for video in videos])
    net = BlinkNet(kind).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    loss_of = nn.NLLLoss()
    for _ in range(STEPS):
        picks = rng.integers(0, len(videos), BATCH)
        sizes = [min(int(rng.integers(SHORTEST, LONGEST + 1)), len(tables[pick])) for pick in picks]
        starts = [int(rng.integers(0, len(tables[pick]) - size + 1)) for pick, size in zip(picks, sizes, strict=True)]
        x, there = padded([tables[p][a : a + n] for p, a, n in zip(picks, starts, sizes, strict=True)])
        optimizer.zero_grad()
        loss = loss_of(net(x, there), torch.tensor(states[picks]))
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return net.eval()


def padded(tables: Sequence[NDArray[np.float32]]) -> tuple[torch.Tensor, torch.Tensor]:
    """(N, T, 5) with zeros at the end, and (N, T) which are real."""
    longest = max(len(table) for table in tables)
    x = np.zeros((len(tables), longest, CHANNELS), np.float32)
    there = np.zeros((len(tables), longest), np.bool_)
    for row, table in enumerate(tables):
        x[row, : len(table)], there[row, : len(table)] = table, True
    return torch.tensor(x), torch.tensor(there)


def predictor(nets: Sequence[BlinkNet], source: Source) -> Callable[[Sequence[Crop]], Floats]:
    """The mean probability of some networks for crops."""

    def predict(crops: Sequence[Crop]) -> Floats:
        tables = [channels_of(crop.blinks(source), source) for crop in crops]
        order = np.argsort([len(table) for table in tables], kind="stable")
        found = np.empty((len(tables), 3))
        with torch.no_grad():
            for part in np.array_split(order, max(len(order) // 512, 1)):
                x, there = padded([tables[place] for place in part])
                found[part] = np.mean([net(x, there).exp().numpy() for net in nets], axis=0)
        return np.log(np.maximum(found, 1e-9))

    return predict
