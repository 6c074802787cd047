"""Auxiliary targets: what else is known of a clip shapes the features in training, and is dropped afterwards.

A clip's score alone teaches slowly, since many things that are seen add up to it. A list may tell more of each clip (mean
eye closure, mouth opening); a linear layer reads these from the pooled features while the network is trained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


class AuxiliaryHead(nn.Module):
    """Reads auxiliary targets from pooled features; knows their mean and spread over the training list.

    Args:
        channels: Length C of the pooled features.
        targets: (N, K) float32, the targets of the whole training list; a constant one is left alone.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, channels: int, targets: NDArray[np.float32]) -> None:
        super().__init__()
        values = torch.from_numpy(targets)  # (N, K)
        spread = values.std(dim=0, correction=0)  # (K,)
        self.register_buffer("mean", values.mean(dim=0))
        self.register_buffer("spread", torch.where(spread > 0, spread, torch.ones_like(spread)))
        self.linear = nn.Linear(channels, targets.shape[1])

    def forward(self, pooled: Tensor) -> Tensor:
        """(N, C) pooled features → (N, K), the targets in standard deviations from their mean."""
        return cast("Tensor", self.linear(pooled))

    def loss(self, read: Tensor, targets: Tensor) -> Tensor:
        """Mean squared error of the standardised targets: 1 for a head that always says the mean.

        Args:
            read: (N, K) float32, what the head read.
            targets: (N, K) float32, the true targets.
        """
        standard = (targets - self.mean) / self.spread  # (N, K)
        return functional.mse_loss(read, standard)
