"""The published loss: the class of a score and the score itself, together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Loss:
    """A loss and its parts, each a scalar tensor.

    Attributes:
        total: α · cross_entropy + mse; mse alone for the sigmoid head.
        cross_entropy: Mean cross-entropy against the bin of the true score; 0 for the sigmoid head.
        mse: Mean squared difference between the predicted and the true score.
    """

    total: Tensor
    cross_entropy: Tensor
    mse: Tensor


def score_bin(target: Tensor, classes: int) -> Tensor:
    """The bin of [0, 1] that a true score falls into: min(int(score × classes), classes − 1).

    Args:
        target: (N,) float32 in [0, 1].
        classes: Number of bins.

    Returns:
        (N,) int64 in [0, classes − 1].
    """
    return (target * classes).long().clamp(max=classes - 1)


def fatigue_loss(logits: Tensor, score: Tensor, target: Tensor, *, alpha: float) -> Loss:
    """The loss of arXiv:2104.10420: α · cross-entropy(bin of the score) + MSE(expected score, score).

    Args:
        logits: (N, classes) float32; one class is the sigmoid head, whose loss is the MSE alone.
        score: (N,) float32 in [0, 1], the network's score of the same clips.
        target: (N,) float32 in [0, 1], the true score.
        alpha: α; published: 0.1.

    Returns:
        The mean over the N clips, and its parts.
    """
    mse = functional.mse_loss(score, target)
    classes = logits.shape[1]
    if classes == 1:
        return Loss(total=mse, cross_entropy=torch.zeros_like(mse), mse=mse)
    cross_entropy = functional.cross_entropy(logits, score_bin(target, classes))
    return Loss(total=alpha * cross_entropy + mse, cross_entropy=cross_entropy, mse=mse)
