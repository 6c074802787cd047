"""Attributions by gradients of the pixels: guided backpropagation, guided Grad-CAM, integrated gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from facefatigue.explain.attribution import Attribution
from facefatigue.explain.target import target_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from facefatigue.explain.target import Target
    from facefatigue.model.network import FatigueNet

STEPS = 16
_RELUS = (torch.relu, torch.relu_, torch.Tensor.relu, torch.Tensor.relu_, functional.relu, functional.relu_)


class _GuidedRelu(torch.autograd.Function):
    """A ReLU whose gradient passes only where both it and the input are above 0."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Tensor:
        (x,) = ctx.saved_tensors
        passed: Tensor = gradients[0] * (gradients[0] > 0) * (x > 0)
        return passed


class _Guided(TorchFunctionMode):
    """Puts the guided ReLU in place of every ReLU that is computed inside, module or function."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in _RELUS:
            return _GuidedRelu.apply(args[0])  # type: ignore[no-untyped-call]
        return func(*args, **(kwargs or {}))


def guided_backpropagation(network: FatigueNet, clip: Tensor, *, target: Target = "fatigue") -> Attribution:
    """Guided backpropagation of one clip: what in the picture lights up the layers that speak for the target.

    "Striving for simplicity: the all convolutional net" (Springenberg et al., ICLR 2015 workshop, section 3.4): gradients
    pass a ReLU only where they are above 0. The value of a pixel is the largest absolute gradient of its three colours, as
    in "Deep inside convolutional networks" (Simonyan et al., ICLR 2014 workshop, section 3.1). It is a picture for the eye:
    it changes little when a network's weights are randomised (Adebayo et al., NeurIPS 2018), so it proves nothing.

    Args:
        network: In evaluation mode.
        clip: (1, 3, T, H, W) float32 in [-1, 1], RGB.
        target: What is explained.

    Returns:
        The map, without values below 0, and the signed gradients as its ``colour``.
    """
    pixels = clip.detach().clone().requires_grad_()
    with torch.enable_grad(), _Guided():
        value = target_of(network, pixels, target).sum()
    (gradient,) = torch.autograd.grad(value, pixels)
    colour = _channels_last(gradient)  # (T, H, W, 3)
    return Attribution(method="guided", values=np.abs(colour).max(axis=3), colour=colour)


def guided_activation_map(guided: Attribution, activation: Attribution) -> Attribution:
    """Guided Grad-CAM: guided backpropagation where a class activation map is warm (Selvaraju et al. 2017, section 3.1).

    Args:
        guided: Of :func:`guided_backpropagation`.
        activation: A class activation map of the same clip and target.
    """
    assert guided.colour is not None
    heat = activation.heat
    layer = activation.method.partition("@")[2]
    return Attribution(
        method=f"guided-grad-cam@{layer}", values=guided.values * heat, colour=guided.colour * heat[..., None]
    )


def integrated_gradients(
    network: FatigueNet, clip: Tensor, baseline: Tensor, *, target: Target = "fatigue", steps: int = STEPS
) -> Attribution:
    """Integrated gradients of one clip, from a baseline that shows nothing.

    (x − x') ∫₀¹ ∂y(x' + a (x − x'))/∂x da, by the midpoint rule ("Axiomatic attribution for deep networks", Sundararajan et
    al., ICML 2017, equations 1 and 3). The values of all pixels sum to y(x) − y(x'); the fact ``gap`` says by which share of
    it the sum misses.

    Args:
        network: In evaluation mode.
        clip: (1, 3, T, H, W) float32 in [-1, 1], RGB.
        baseline: The same shape; see :func:`facefatigue.explain.removal.blurred`.
        target: What is explained.
        steps: Of the integral; each runs the network forth and back.

    Returns:
        The map, summed over colours, with the facts ``difference``, y(x) − y(x'), and ``gap``.
    """
    total = torch.zeros_like(clip)
    for step in range(steps):
        pixels = (baseline + (step + 0.5) / steps * (clip - baseline)).requires_grad_()
        with torch.enable_grad():
            value = target_of(network, pixels, target).sum()
        total += torch.autograd.grad(value, pixels)[0] / steps
    values = total * (clip - baseline)
    with torch.inference_mode():
        ends = target_of(network, torch.cat([clip, baseline]), target)
    difference = float(ends[0] - ends[1])
    gap = abs(float(values.sum()) - difference) / max(abs(difference), 1e-9)
    return Attribution(
        method="integrated-gradients",
        values=values.sum(dim=1)[0].numpy(),
        colour=_channels_last(values),
        facts={"difference": difference, "gap": gap},
    )


def _channels_last(values: Tensor) -> NDArray[np.float32]:
    """(1, 3, T, H, W) to (T, H, W, 3)."""
    return np.ascontiguousarray(values[0].permute(1, 2, 3, 0).numpy())
