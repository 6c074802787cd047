"""What logits mean: a score, and the probability of fatigue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def bin_centres(classes: int) -> NDArray[np.float32]:
    """Centres of equal bins of [0, 1].

    Args:
        classes: Number of bins C, at least 2.

    Returns:
        (C,) float32, ascending: (c + 1/2) / C. They bound a score to [1/2C, 1 − 1/2C].

    Raises:
        ConfigurationError: Fewer than two bins.
    """
    if classes < 2:
        raise ConfigurationError(f"{classes} bins do not divide [0, 1]; at least 2 are needed")
    return ((np.arange(classes) + 0.5) / classes).astype(np.float32)


def score_from_logits(logits: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """The fatigue score of logits: Σ softmax(class) × bin centre, as in the published code (arXiv:2104.10420).

    Args:
        logits: (N, C); C = 1 is the sigmoid head, whose score is the sigmoid of its logit.

    Returns:
        (N,) float32 in [0, 1].

    Raises:
        ConfigurationError: The logits are not (N, C).
    """
    if _classes(logits) == 1:
        return _sigmoid(logits)
    return (_softmax(logits) @ bin_centres(logits.shape[1]).astype(np.float64)).astype(np.float32)


def fatigue_probability(logits: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """The probability that the score is above 0.5, the published border between alert and fatigue.

    It is the softmax probability of the bins whose centre is above 0.5; with an odd number of bins the middle bin, which
    the border cuts in two, counts half. The sigmoid head has no distribution: its output stands for the probability.

    Args:
        logits: (N, C); C = 1 is the sigmoid head.

    Returns:
        (N,) float32 in [0, 1].

    Raises:
        ConfigurationError: The logits are not (N, C).
    """
    if (classes := _classes(logits)) == 1:
        return _sigmoid(logits)
    above = (np.sign(2 * np.arange(classes) + 1 - classes) + 1) / 2  # 0 below 0.5, 1/2 astride, 1 above
    return (_softmax(logits) @ above).astype(np.float32)


def _classes(logits: NDArray[np.floating[Any]]) -> int:
    if logits.ndim != 2 or logits.shape[1] < 1:
        raise ConfigurationError(f"logits have shape {logits.shape}, expected (N, classes)")
    return int(logits.shape[1])


def _softmax(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float64)


def _sigmoid(logits: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    return (0.5 * (1 + np.tanh(0.5 * logits[:, 0].astype(np.float64)))).astype(np.float32)  # tanh never overflows
