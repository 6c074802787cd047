"""One pass over the training clips, and one over the validation clips."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from facefatigue.data.labels import BORDER
from facefatigue.errors import ModelError
from facefatigue.model.logits import fatigue_probability
from facefatigue.train.batches import batches, training_order, validation_order
from facefatigue.train.losses import LossForm, fatigue_loss
from facefatigue.train.parallel import gathered

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning_fabric import Fabric

    from facefatigue.data.clip_list import ClipList
    from facefatigue.model.network import FatigueNet
    from facefatigue.train.auxiliary import AuxiliaryHead
    from facefatigue.train.settings import TrainSettings


@dataclass(frozen=True)
class Sums:
    """What the batches of an epoch add up to, over all processes; each batch is measured before the step that it causes.

    Attributes:
        clips: Clips.
        loss: Loss, without the auxiliary one, times clips.
        mse: MSE times clips.
        right: Clips whose class was right.
    """

    clips: float = 0.0
    loss: float = 0.0
    mse: float = 0.0
    right: float = 0.0

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(mine + yours for mine, yours in zip(astuple(self), astuple(other), strict=True)))


class Task(nn.Module):
    """What is trained: the network, and the head for auxiliary targets beside it.

    Args:
        network: The network.
        auxiliary: The head; None without auxiliary targets.
    """

    def __init__(self, network: FatigueNet, auxiliary: AuxiliaryHead | None) -> None:
        super().__init__()
        self.network = network
        self.auxiliary = auxiliary

    def forward(self, clips: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """(N, 3, T, H, W) → logits (N, classes), score (N,), and what the auxiliary head read, (N, K)."""
        pooled = self.network.pooled(clips)  # (N, C)
        logits = self.network.classify(pooled)  # (N, classes)
        read = None if self.auxiliary is None else self.auxiliary(pooled)  # (N, K)
        return logits, self.network.score(logits), read


def train_epoch(
    task: Task,
    wrapped: Any,
    optimiser: Any,
    clips: ClipList,
    *,
    settings: TrainSettings,
    fabric: Fabric,
    epoch: int,
    start: int = 0,
    sums: Sums | None = None,
    after_step: Callable[[int, Sums], None],
) -> Sums:
    """One pass over the training clips, or the rest of one.

    Args:
        task: Is changed, and left in training mode.
        wrapped: The same, as Fabric set it up.
        optimiser: Likewise; has the parameters of the task.
        clips: The training list.
        settings: Gives batch size, rate, seed, augmentation and the losses.
        fabric: Where it is computed.
        epoch: From 0.
        start: Batches that were done before; the start of a step.
        sums: What those add up to.
        after_step: Called after every step with the batches done and what they add up to.

    Returns:
        What all batches add up to.

    Raises:
        ModelError: The loss or the norm of the gradient is not finite; the weights are those before that step.
    """
    wrapped.train()
    task.train()
    processes = fabric.world_size
    order = training_order(len(clips), batch_size=settings.batch_size, seed=settings.seed, epoch=epoch, processes=processes)
    several = settings.accumulation
    steps = [range(first, min(first + several, len(order))) for first in range(0, len(order), several)]
    sizes = [sum(len(order[number]) for number in step) for step in steps]
    form = LossForm.of(settings, epoch)
    total = sums or Sums()
    coming = batches(
        clips,
        [numbers[fabric.global_rank :: processes] for numbers in order[start:]],
        augmentation=settings.augmentation,
        drawn_with=(settings.seed, epoch),
        pinned=fabric.device.type == "cuda",
    )
    for step, size in zip(steps, sizes, strict=True):
        if step.start < start:
            continue
        set_rate(optimiser, settings.rate(epoch, part=(step.start + step.stop) / 2 / len(order)))
        optimiser.zero_grad(set_to_none=True)
        for number in step:
            batch = next(coming)
            with fabric.no_backward_sync(wrapped, enabled=number != step[-1]):
                logits, score, read = wrapped(batch.clips_on(fabric.device))  # (N, classes), (N,), (N, K)
                target = batch.score.to(fabric.device)  # (N,)
                loss = fatigue_loss(logits, score, target, form)
                whole = loss.total  # ()
                if task.auxiliary is not None and read is not None:
                    further = task.auxiliary.loss(read, batch.auxiliary.to(fabric.device))  # ()
                    whole = whole + settings.auxiliary_weight * further  # ()
                # Gradients are averaged over processes; each clip of the step must count alike.
                fabric.backward(whole * (len(batch) * processes / size))
            called = torch.from_numpy(fatigue_probability(logits.detach().float().cpu().numpy()) > BORDER)  # (N,)
            right = (called == (batch.score >= BORDER)).double().mean().to(fabric.device)  # ()
            parts = torch.stack([loss.total.detach().double(), loss.mse.detach().double(), right, whole.detach().double()])
            done = parts.new_tensor([len(batch)])
            added = cast("Tensor", fabric.all_reduce(torch.cat([done, parts * len(batch)]), reduce_op="sum"))
            clips_done, loss_sum, mse_sum, right_sum, whole_sum = added.tolist()
            _refuse_non_finite("loss", whole_sum / clips_done, epoch=epoch, batch=number + 1)
            total += Sums(clips=clips_done, loss=loss_sum, mse=mse_sum, right=right_sum)
        _check_gradient(wrapped, optimiser, settings, fabric, epoch=epoch, batch=step[-1] + 1)
        optimiser.step()
        after_step(step[-1] + 1, total)
    return total


def set_rate(optimiser: Any, rate: float) -> None:
    """Give all parameters a learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = rate


@torch.no_grad()
def validate(task: Task, clips: ClipList, *, settings: TrainSettings, fabric: Fabric) -> tuple[float, Tensor, Tensor]:
    """The network over all clips of a list, the last partial batch included; the processes share the work.

    Args:
        task: Left in evaluation mode.
        clips: The validation list.
        settings: Gives batch size and the loss.
        fabric: Where it is computed.

    Returns:
        The mean loss, logits (clips, classes) and scores (clips,), float32 on the CPU; the same in every process.

    Raises:
        ModelError: The loss is not finite.
    """
    task.eval()
    order = validation_order(len(clips), batch_size=settings.batch_size)[fabric.global_rank :: fabric.world_size]
    logits_parts, score_parts = [], []
    for batch in batches(clips, order, pinned=fabric.device.type == "cuda"):
        with fabric.autocast():
            logits, score, _ = task(batch.clips_on(fabric.device))  # (N, classes), (N,)
        logits_parts.append(logits.float().cpu().numpy())
        score_parts.append(score.float().cpu().numpy())
    shared = gathered((logits_parts, score_parts), fabric)
    # The batches were dealt out in turn.
    turns = range(max(len(parts[0]) for parts in shared))
    ordered = [(parts, turn) for turn in turns for parts in shared if turn < len(parts[0])]
    logits, scores = (torch.from_numpy(np.concatenate([parts[kind][turn] for parts, turn in ordered])) for kind in (0, 1))
    form = LossForm.of(settings, 0)  # a target whose weight falls would make later epochs look better
    loss = float(fatigue_loss(logits, scores, torch.from_numpy(clips.scores), form).total)
    if not math.isfinite(loss):
        raise ModelError(f"training stopped: the validation loss is {loss}; try a lower learning rate")
    return loss, logits, scores


def _check_gradient(
    wrapped: Any, optimiser: Any, settings: TrainSettings, fabric: Fabric, *, epoch: int, batch: int
) -> None:
    """Clip the gradient, and refuse one that is not finite; the scaler of 16-mixed meets such and passes over them."""
    if settings.clip_norm is not None:
        norm = fabric.clip_gradients(wrapped, optimiser, max_norm=settings.clip_norm, error_if_nonfinite=False)
    elif settings.precision == "16-mixed":
        return
    else:
        gradients = [p.grad for group in optimiser.param_groups for p in group["params"] if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)  # ()
    if settings.precision != "16-mixed" and norm is not None:
        _refuse_non_finite("norm of the gradient", float(norm), epoch=epoch, batch=batch)


def _refuse_non_finite(what: str, value: float, *, epoch: int, batch: int) -> None:
    if not math.isfinite(value):
        raise ModelError(
            f"training stopped: the {what} is {value} in epoch {epoch + 1}, batch {batch}; try a lower learning rate"
        )
