"""One pass over the training clips, and one over the validation clips."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import torch
from torch import Tensor, nn

from facefatigue.data.labels import BORDER
from facefatigue.errors import ModelError
from facefatigue.model.logits import fatigue_probability
from facefatigue.train.batches import batches, training_order, validation_order
from facefatigue.train.frames import frame_figures, frame_moments
from facefatigue.train.losses import LossForm, fatigue_loss
from facefatigue.train.parallel import gathered

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning_fabric import Fabric
    from numpy.typing import NDArray

    from facefatigue.data.clip_list import ClipList
    from facefatigue.model.network import FatigueNet
    from facefatigue.train.auxiliary import AuxiliaryHead
    from facefatigue.train.batches import Batch
    from facefatigue.train.frames import FrameFigures, FrameHead
    from facefatigue.train.readings import Readings
    from facefatigue.train.settings import TrainSettings


@dataclass(frozen=True)
class Sums:
    """What the batches of an epoch add up to, over all processes; each batch is measured before the step that it causes.

    Attributes:
        clips: Clips.
        loss: Loss of the score times clips.
        mse: MSE times clips.
        right: Clips whose class was right.
        frames: Loss of the frame targets times clips.
    """

    clips: float = 0.0
    loss: float = 0.0
    mse: float = 0.0
    right: float = 0.0
    frames: float = 0.0

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(mine + yours for mine, yours in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Validation:
    """What a list was found to be; the same in every process.

    Attributes:
        loss: Mean loss of the score; None where the score is not trained.
        logits: (clips, classes) float32 on the CPU; None likewise.
        scores: (clips,) float32 on the CPU; None likewise.
        frames: How well the frame targets were read; None without such.
    """

    loss: float | None
    logits: Tensor | None
    scores: Tensor | None
    frames: FrameFigures | None


class Task(nn.Module):
    """What is trained: the network, and beside it the heads for what is known of clips and of frames.

    Args:
        network: The network.
        auxiliary: The head for auxiliary targets; None without such.
        frames: The head for frame targets; None without such.
        scores: Whether the score is trained; what serves it alone is else left as it is.
        frozen: Whether what the network reads of each frame stays as it is, its batch norms' statistics included.
    """

    def __init__(
        self,
        network: FatigueNet,
        auxiliary: AuxiliaryHead | None,
        frames: FrameHead | None = None,
        *,
        scores: bool = True,
        frozen: bool = False,
    ) -> None:
        super().__init__()
        self.network = network
        self.auxiliary = auxiliary
        self.frames = frames
        self.scores = scores
        self.frozen = frozen
        for part in self._left():
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """Set the mode of all that is trained; the rest stays in evaluation mode."""
        super().train(mode)
        for part in self._left():
            part.eval()
        return self

    def forward(
        self, clips: Tensor | None, moments: Tensor | None = None, cues: Tensor | None = None
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None]:
        """Clips to all that is read from them.

        Args:
            clips: (N, 3, T, H, W) float32; None where their frames were read before.
            moments: (N, T, C) float32, what was read before (:class:`facefatigue.train.readings.Readings`).
            cues: (N, T, K) float32, likewise.

        Returns:
            Logits (N, classes) and score (N,), or None where the score is not trained; what the auxiliary head read, (N, K);
            what the frame head read, (N, T, C).
        """
        network = self.network
        if clips is None or self.frames is not None or self.frozen:
            maps = None
            if clips is not None:
                with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
                    maps = network.maps(clips)
                    moments, cues = network.read(clips, maps)  # (N, T', C), (N, T, K)
            assert moments is not None
            assert cues is not None
            length = cues.shape[1] if clips is None else clips.shape[2]
            found = None if self.frames is None else self.frames(moments, cues, length)  # (N, T, C)
            if not self.scores:
                return None, None, None, found
            pooled = network.combined(maps, moments, cues)  # (N, C)
        else:
            pooled = network.pooled(clips)  # (N, C)
            found = None
        logits = network.classify(pooled)  # (N, classes)
        read = None if self.auxiliary is None else self.auxiliary(pooled)  # (N, K)
        return logits, network.score(logits), read, found

    def _left(self) -> list[nn.Module]:
        return [*(self.network.frame_part() if self.frozen else []), *([] if self.scores else self.network.score_part())]


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
    readings: Readings | None = None,
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
        readings: What was read of the clips before; they are then not read again.
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
        frame_targets=settings.frame_targets,
        pinned=fabric.device.type == "cuda",
        readings=readings,
    )
    for step, size in zip(steps, sizes, strict=True):
        if step.start < start:
            continue
        set_rate(optimiser, settings.rate(epoch, part=(step.start + step.stop) / 2 / len(order)))
        optimiser.zero_grad(set_to_none=True)
        for number in step:
            batch = next(coming)
            with fabric.no_backward_sync(wrapped, enabled=number != step[-1]):
                whole, parts = _batch_loss(task, wrapped, batch, form, settings=settings, device=fabric.device)
                # Gradients are averaged over processes; each clip of the step must count alike.
                fabric.backward(whole * (len(batch) * processes / size))
            done = parts.new_tensor([len(batch)])
            added = cast("Tensor", fabric.all_reduce(torch.cat([done, parts * len(batch)]), reduce_op="sum"))
            clips_done, *sums_done, whole_sum = added.tolist()
            _refuse_non_finite("loss", whole_sum / clips_done, epoch=epoch, batch=number + 1)
            total += Sums(clips_done, *sums_done)
        _check_gradient(wrapped, optimiser, settings, fabric, epoch=epoch, batch=step[-1] + 1)
        optimiser.step()
        after_step(step[-1] + 1, total)
    return total


def _batch_loss(
    task: Task, wrapped: Any, batch: Batch, form: LossForm, *, settings: TrainSettings, device: torch.device
) -> tuple[Tensor, Tensor]:
    """The loss of a batch, a scalar, and its parts (5,) float64: loss, MSE, share right, frame loss, and all together."""
    logits, score, read, found = wrapped(*batch.inputs_on(device))  # (N, classes), (N,), (N, K), (N, T, C)
    whole = torch.zeros((), device=device)
    loss = mse = right = frames = whole.double()
    if logits is not None:
        of_score = fatigue_loss(logits, score, batch.score.to(device), form)
        loss, mse = of_score.total.detach().double(), of_score.mse.detach().double()
        called = torch.from_numpy(fatigue_probability(logits.detach().float().cpu().numpy()) > BORDER)  # (N,)
        right = (called == (batch.score >= BORDER)).double().mean().to(device)  # ()
        whole = settings.score_weight * of_score.total  # ()
    if task.auxiliary is not None and read is not None:
        whole = whole + settings.auxiliary_weight * task.auxiliary.loss(read, batch.auxiliary.to(device))  # ()
    if task.frames is not None and found is not None and batch.frames is not None:
        of_frames = task.frames.loss(found, batch.frames.to(device))  # ()
        frames = of_frames.detach().double()
        whole = whole + settings.frame_weight * of_frames  # ()
    return whole, torch.stack([loss, mse, right, frames, whole.detach().double()])


def set_rate(optimiser: Any, rate: float) -> None:
    """Give all parameters a learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = rate


@torch.no_grad()
def validate(
    task: Task, clips: ClipList, *, settings: TrainSettings, fabric: Fabric, readings: Readings | None = None
) -> Validation:
    """The network over all clips of a list, the last partial batch included; the processes share the work.

    Args:
        task: Left in evaluation mode.
        clips: The validation list.
        settings: Gives batch size and the loss.
        fabric: Where it is computed.
        readings: What was read of the clips before; they are then not read again.

    Raises:
        ModelError: A loss is not finite.
    """
    task.eval()
    order = validation_order(len(clips), batch_size=settings.batch_size)[fabric.global_rank :: fabric.world_size]
    parts: list[tuple[Any, Any, Any]] = []
    pinned = fabric.device.type == "cuda"
    for batch in batches(clips, order, frame_targets=settings.frame_targets, pinned=pinned, readings=readings):
        with fabric.autocast():
            logits, score, _, found = task(*batch.inputs_on(fabric.device))  # (N, classes), (N,), _, (N, T, C)
        moments = None
        if task.frames is not None and found is not None and batch.frames is not None:
            standard = task.frames.standardised(batch.frames.to(fabric.device))  # (N, T, C)
            moments = frame_moments(found.float().cpu(), standard.cpu())  # (6, C)
        parts.append((None if logits is None else _as_numpy(logits), None if score is None else _as_numpy(score), moments))
    shared = gathered(parts, fabric)
    # The batches were dealt out in turn.
    ordered = [own[turn] for turn in range(max(map(len, shared))) for own in shared if turn < len(own)]
    loss = logits_found = scores_found = frames = None
    if task.scores:
        logits_found, scores_found = (torch.from_numpy(np.concatenate([part[kind] for part in ordered])) for kind in (0, 1))
        form = LossForm.of(settings, 0)  # a target whose weight falls would make later epochs look better
        loss = float(fatigue_loss(logits_found, scores_found, torch.from_numpy(clips.scores), form).total)
    if task.frames is not None:
        frames = frame_figures(settings.frame_targets, [part[2] for part in ordered])
    for found_loss in (loss, None if frames is None else frames.loss):
        if found_loss is not None and not math.isfinite(found_loss):
            raise ModelError(f"training stopped: the validation loss is {found_loss}; try a lower learning rate")
    return Validation(loss=loss, logits=logits_found, scores=scores_found, frames=frames)


def _as_numpy(output: Tensor) -> NDArray[np.float32]:
    return output.float().cpu().numpy()


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
