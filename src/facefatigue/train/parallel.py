"""Where a run computes: one process or many, and what they must agree on."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, distributed, nn

from facefatigue.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from facefatigue.train.settings import Precision


def processes_here() -> int:
    """Processes of this run on this machine, which share its cores."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "0")) or (distributed.get_world_size() if _is_shared() else 1)


def _is_shared() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def make_fabric(*, device: str, devices: int, precision: Precision) -> Fabric:
    """Lightning Fabric for a device and a number of processes; inside torchrun, for those that it started.

    Args:
        device: "cpu", "cuda" or "auto" (cuda where there is one).
        devices: Processes on this machine, each with a device of its own; torchrun's own number counts instead.
        precision: See :class:`facefatigue.train.settings.TrainSettings`.

    Raises:
        ConfigurationError: There is no such device, not enough of them, or the precision needs another.
        MissingExtraError: lightning-fabric is not installed.
    """
    if device not in {"auto", "cpu", "cuda"}:
        raise ConfigurationError(f"there is no device called {device!r}; use auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigurationError(f"device 'cuda' is not available to torch {torch.__version__}; use cpu")
    accelerator = "cpu" if device == "cpu" or not torch.cuda.is_available() else "cuda"
    if precision != "32-true" and accelerator == "cpu":
        # bf16 through Conv3d on a CPU gave gradients of 1e35 in a first step (torch 2.13), and fp16 is not trained there.
        raise ConfigurationError(f"precision {precision!r} needs a GPU; on the CPU training is in 32-true")
    if devices < 1:
        raise ConfigurationError(f"{devices} devices cannot train; give at least 1")
    nodes = 1
    if "TORCHELASTIC_RUN_ID" in os.environ:
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // devices
    if accelerator == "cuda" and devices > torch.cuda.device_count():
        raise ConfigurationError(f"{devices} GPUs were asked for, but torch sees {torch.cuda.device_count()}")
    try:
        from lightning_fabric import Fabric
    except ImportError:
        raise MissingExtraError("training (lightning-fabric)", "train") from None
    strategy = "ddp" if devices * nodes > 1 else "auto"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it recommends settings that are chosen here on purpose
        return Fabric(accelerator=accelerator, devices=devices, num_nodes=nodes, strategy=strategy, precision=precision)


def share_batch_norm(network: nn.Module, fabric: Fabric) -> nn.Module:
    """Let batch normalisation see the batches of all processes as one; nothing changes for a single process.

    Args:
        network: Its batch norms may be replaced; the names and values of its tensors stay.
        fabric: After its launch.
    """
    if fabric.world_size == 1:
        return network
    if fabric.device.type == "cuda":
        return cast("nn.Module", nn.SyncBatchNorm.convert_sync_batchnorm(network))  # type: ignore[no-untyped-call]
    for module in network.modules():
        for name, child in module.named_children():
            if type(child) in {nn.BatchNorm3d, nn.BatchNorm2d, nn.BatchNorm1d}:
                setattr(module, name, SharedBatchNorm.taking_over(child))
    return network


class SharedBatchNorm(nn.BatchNorm3d):
    """Batch normalisation over all processes, on the CPU, where torch's own does not run.

    Mean and variance are taken over the clips of every process, and gradients flow through both, so that it computes what a
    single process would for the whole batch.
    """

    @classmethod
    def taking_over(cls, norm: Any) -> SharedBatchNorm:
        """A shared norm with the tensors of another one."""
        shared = cls(norm.num_features, eps=norm.eps, momentum=norm.momentum, affine=norm.affine)
        shared.weight, shared.bias = norm.weight, norm.bias
        shared.running_mean, shared.running_var = norm.running_mean, norm.running_var
        shared.num_batches_tracked = norm.num_batches_tracked
        return shared.train(norm.training)

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        if not self.training:
            return super().forward(x)
        axes = [0, *range(2, x.ndim)]
        shape = [1, -1, *[1] * (x.ndim - 2)]
        local = torch.tensor([x.numel() / x.shape[1]], dtype=x.dtype, device=x.device)
        count = summed(local)  # (1,)
        mean = summed(x.sum(dim=axes)) / count  # (C,)
        centred = x - mean.reshape(shape)
        variance = summed((centred**2).sum(dim=axes)) / count  # (C,)
        with torch.no_grad():
            assert self.running_mean is not None
            assert self.running_var is not None
            momentum = 0.1 if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * count / (count - 1), momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
        scale = (variance + self.eps).rsqrt() * self.weight  # (C,)
        return centred * scale.reshape(shape) + self.bias.reshape(shape)


class _Sum(torch.autograd.Function):
    """The sum over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        total = x.detach().clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        distributed.all_reduce(total)
        return total


def summed(x: Tensor) -> Tensor:
    """The sum of a tensor over all processes, with a gradient; the tensor itself where there is one process."""
    if not _is_shared():
        return x
    return _Sum.apply(x)  # type: ignore[no-any-return, no-untyped-call]


def gathered(thing: Any, fabric: Fabric) -> list[Any]:
    """An object of every process, by rank; must be called by all."""
    if fabric.world_size == 1:
        return [thing]
    things: list[Any] = [None] * fabric.world_size
    distributed.all_gather_object(things, thing)
    return things
