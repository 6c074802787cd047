"""The published loss, the class of a score and the score itself together, and its variants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from torch import Tensor

    from facefatigue.train.settings import ClassLoss, TrainSettings


@dataclass(frozen=True, kw_only=True, eq=False)
class Loss:
    """A loss and its parts, each a scalar tensor.

    Attributes:
        total: α · class_loss + mse; mse alone for the sigmoid head.
        class_loss: Mean class loss against the bin of the true score; 0 for the sigmoid head.
        mse: Mean squared difference between the predicted and the true score.
    """

    total: Tensor
    class_loss: Tensor
    mse: Tensor


@dataclass(frozen=True, kw_only=True)
class LossForm:
    """Which loss is meant; the default is the published one (arXiv:2104.10420).

    Attributes:
        alpha: α, weight of the class loss.
        class_loss: "cross_entropy" or "ordinal".
        label_smoothing: Share of the target that is spread evenly over all classes (Szegedy et al. 2016).
        target_weight: Weight β of the target in the bootstrapped cross-entropy (Reed et al. 2015); 1 for the plain one.
    """

    alpha: float = 0.1
    class_loss: ClassLoss = "cross_entropy"
    label_smoothing: float = 0.0
    target_weight: float = 1.0

    @classmethod
    def of(cls, settings: TrainSettings, epoch: int) -> LossForm:
        """The loss of an epoch, counted from 0: the target's weight is (1 − epoch / epochs)^λ in the published code."""
        weight = 1.0 if settings.bootstrap is None else (1 - epoch / settings.epochs) ** settings.bootstrap
        return cls(
            alpha=settings.loss_alpha,
            class_loss=settings.class_loss,
            label_smoothing=settings.label_smoothing,
            target_weight=weight,
        )


def score_bin(target: Tensor, classes: int) -> Tensor:
    """The bin of [0, 1] that a true score falls into: min(int(score × classes), classes − 1).

    Args:
        target: (N,) float32 in [0, 1].
        classes: Number of bins.

    Returns:
        (N,) int64 in [0, classes − 1].
    """
    return (target * classes).long().clamp(max=classes - 1)


def fatigue_loss(logits: Tensor, score: Tensor, target: Tensor, form: LossForm) -> Loss:
    """The loss of arXiv:2104.10420: α · cross-entropy(bin of the score) + MSE(expected score, score), or a variant.

    Args:
        logits: (N, classes) float32; one class is the sigmoid head, whose loss is the MSE alone.
        score: (N,) float32 in [0, 1], the network's score of the same clips.
        target: (N,) float32 in [0, 1], the true score.
        form: Which loss.

    Returns:
        The mean over the N clips, and its parts.
    """
    mse = functional.mse_loss(score, target)
    classes = logits.shape[1]
    if classes == 1:
        return Loss(total=mse, class_loss=torch.zeros_like(mse), mse=mse)
    bins = score_bin(target, classes)  # (N,)
    if form.class_loss == "ordinal":
        class_loss = squared_earth_movers_distance(logits, bins)
    else:
        class_loss = bootstrapped_cross_entropy(
            logits, bins, target_weight=form.target_weight, label_smoothing=form.label_smoothing
        )
    return Loss(total=form.alpha * class_loss + mse, class_loss=class_loss, mse=mse)


def bootstrapped_cross_entropy(
    logits: Tensor, bins: Tensor, *, target_weight: float, label_smoothing: float = 0.0
) -> Tensor:
    """Soft bootstrapping: cross-entropy against β · target + (1 − β) · the network's own probabilities.

    "Training deep neural networks on noisy labels with bootstrapping" (Reed et al. 2015), equation 6; β = 1 is the plain
    cross-entropy. The gradient flows through both places where the probabilities stand, as there.

    Args:
        logits: (N, classes) float32.
        bins: (N,) int64, the true classes.
        target_weight: β, in [0, 1].
        label_smoothing: Share of the target that is spread evenly over all classes.

    Raises:
        ConfigurationError: β is out of range.
    """
    if not 0 <= target_weight <= 1:
        raise ConfigurationError(f"the target's weight is {target_weight}; it must be in [0, 1]")
    plain = functional.cross_entropy(logits, bins, label_smoothing=label_smoothing)
    if target_weight == 1:
        return plain
    log_probability = functional.log_softmax(logits, dim=1)  # (N, classes)
    entropy = -(log_probability.exp() * log_probability).sum(dim=1).mean()
    return target_weight * plain + (1 - target_weight) * entropy


def squared_earth_movers_distance(logits: Tensor, bins: Tensor) -> Tensor:
    """Mean over clips of Σ (CDF of the prediction − CDF of the target)², over the ordered classes.

    "Squared earth mover's distance-based loss for training deep neural networks" (Hou et al. 2016), equation 4 with l = 2.
    Being wrong by k classes with certainty costs k.

    Args:
        logits: (N, classes) float32.
        bins: (N,) int64, the true classes.
    """
    predicted = torch.softmax(logits, dim=1).cumsum(dim=1)  # (N, classes)
    target = functional.one_hot(bins, logits.shape[1]).to(logits.dtype).cumsum(dim=1)  # (N, classes)
    return ((predicted - target) ** 2).sum(dim=1).mean()
