"""Class activation maps: Grad-CAM and HiRes-CAM, of one layer or of all that a network of cues reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from facefatigue.explain.attribution import Attribution
from facefatigue.explain.layers import Cut
from facefatigue.explain.target import target_of

if TYPE_CHECKING:
    from torch import Tensor

    from facefatigue.explain.target import Target
    from facefatigue.model.network import FatigueNet

ActivationMethod = Literal["grad-cam", "hires-cam"]


def activation_map(
    network: FatigueNet, clip: Tensor, *, layer: str, target: Target = "fatigue", method: ActivationMethod = "grad-cam"
) -> Attribution:
    """The class activation map of one clip.

    With A the maps of the layer, k a channel, i a place in time and space and y the target:

    - ``grad-cam``: Σ_k α_k A_k,i with α_k the mean of ∂y/∂A_k,i over all places ("Grad-CAM", Selvaraju et al., ICCV 2017,
      equations 1 and 2; its ReLU is in :attr:`Attribution.heat`);
    - ``hires-cam``: Σ_k ∂y/∂A_k,i · A_k,i ("Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional
      neural networks", Draelos and Carin, 2020, equation 4). Where places are averaged both are the same; where a network
      gives each place weights of its own, as "resnet2d_cues" does, the mean of Grad-CAM mixes them up.

    Both count, to first order, by how much y falls when a place is set to 0, in the unit of y whatever the layer. The
    parts of the layer ``read`` are therefore added as they are, each laid back where it looks.

    Args:
        network: In evaluation mode.
        clip: (1, 3, T, H, W) float32 in [-1, 1], RGB.
        layer: One of :func:`facefatigue.explain.layers.layer_names`.
        target: What is explained.
        method: The formula.

    Returns:
        The map; its ``parts`` name the paths where there are several.

    Raises:
        ConfigurationError: The network has no such layer.
    """
    with torch.enable_grad(), Cut(network, layer) as cut:
        value = target_of(network, clip, target).sum()
        gradients = torch.autograd.grad(value, [part.maps for part in cut.parts])
    total = torch.zeros(clip.shape[2:])
    weight = {}
    for part, gradient in zip(cut.parts, gradients, strict=True):
        alpha = gradient if method == "hires-cam" else gradient.mean(dim=(2, 3, 4), keepdim=True)
        values = (alpha * part.maps.detach()).sum(dim=1)[0]  # (t, h, w)
        weight[part.name] = float(values.abs().sum())
        total += part.lay(values)  # (T, H, W)
    whole = sum(weight.values())
    parts = {name: share / whole for name, share in sorted(weight.items())} if len(weight) > 1 and whole > 0 else {}
    return Attribution(method=f"{method}@{layer}", values=total.numpy(), parts=parts)
