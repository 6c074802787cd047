"""What is explained: one number that the network gives for a clip."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, get_args

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from facefatigue.model.network import FatigueNet

Target = Literal["fatigue", "alert", "score"]
TARGETS: tuple[Target, ...] = get_args(Target)


def target_of(network: FatigueNet, clip: Tensor, target: Target) -> Tensor:
    """The number that is explained.

    - ``fatigue``: the log-odds of the class fatigue, log p / (1 − p). Unlike p itself they do not flatten where the network
      is sure, as Grad-CAM (section 3) takes a class's logit and not its softmax.
    - ``alert``: their negative, so that what speaks for one class speaks against the other.
    - ``score``: the score, in [0, 1].

    Args:
        network: In evaluation mode.
        clip: (N, 3, T, H, W) float32 in [-1, 1], RGB.
        target: Which number.

    Returns:
        (N,) float32.
    """
    logits, score = network(clip)
    if target == "score":
        return score  # type: ignore[no-any-return]  # modules are called untyped
    odds = log_odds(logits)
    return odds if target == "fatigue" else -odds


def log_odds(logits: Tensor) -> Tensor:
    """Log-odds of fatigue: of a score above 0.5, the middle bin of an odd number of bins counting half to either side.

    The probability is that of :func:`facefatigue.model.logits.fatigue_probability`.

    Args:
        logits: (N, classes) float32; one class is the sigmoid head, whose logit they are.

    Returns:
        (N,) float32.
    """
    classes = logits.shape[1]
    if classes == 1:
        return logits[:, 0]
    half = classes // 2
    alert, fatigue = logits[:, :half], logits[:, classes - half :]
    if classes % 2:
        middle = logits[:, half : half + 1] - math.log(2)
        alert, fatigue = torch.cat([alert, middle], dim=1), torch.cat([fatigue, middle], dim=1)
    return torch.logsumexp(fatigue, dim=1) - torch.logsumexp(alert, dim=1)
