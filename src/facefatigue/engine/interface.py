"""What every engine does: it takes clips and gives logits and scores."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from facefatigue.errors import ModelError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefatigue.model.config import ModelConfig

_LARGEST = 1 + 1e-3  # room for rounding


@dataclass(frozen=True, kw_only=True, eq=False)
class EngineOutput:
    """What the network says about N clips.

    Attributes:
        logits: (N, classes) float32.
        score: (N,) float32 in [0, 1].
    """

    logits: NDArray[np.float32]
    score: NDArray[np.float32]


class Engine(Protocol):
    """Runs one model's network. Not for use from several threads at once.

    Attributes:
        name: The engine as a report gives it: "onnxruntime", "openvino", "openvino-bf16" or "torch".
    """

    @property
    def name(self) -> str:
        """The engine as a report gives it."""
        ...

    def run(self, clip: NDArray[np.float32]) -> EngineOutput:
        """Score clips.

        Args:
            clip: (N, 3, T, H, W) float32 in [-1, 1], RGB, N at least 1; T, H and W as in the model's configuration.

        Returns:
            Logits and scores, fresh arrays.

        Raises:
            UsageError: The clip has another shape, type or range.
            ModelError: The network fails or gives numbers that are not finite.
        """
        ...

    def close(self) -> None:
        """Free the network; closing twice is fine, running afterwards is a UsageError."""
        ...


def checked_clip(clip: NDArray[np.float32], config: ModelConfig) -> NDArray[np.float32]:
    """The clip itself, contiguous, if an engine can take it.

    Args:
        clip: Should be (N, 3, T, H, W) float32 in [-1, 1].
        config: Gives T, H and W.

    Raises:
        UsageError: It is not; the text gives both shapes.
    """
    wanted = f"(N, {', '.join(map(str, config.clip_shape))}) float32"
    if not isinstance(clip, np.ndarray):
        raise UsageError(f"the clip is a {type(clip).__name__}, but {config.name} takes an array {wanted}")
    if clip.dtype != np.float32 or clip.ndim != 5 or clip.shape[1:] != config.clip_shape or clip.shape[0] < 1:
        raise UsageError(f"the clip is {clip.shape} {clip.dtype}, but {config.name} takes {wanted}")
    # Engines differ in what they make of NaN (OpenVINO's ReLU turns it into 0 and a score), so it stops here.
    if not (clip.min() >= -_LARGEST and clip.max() <= _LARGEST):
        raise UsageError(f"the clip has values from {clip.min():g} to {clip.max():g}, but {config.name} takes [-1, 1]")
    return np.ascontiguousarray(clip)


def checked_output(logits: NDArray[Any], score: NDArray[Any], *, clips: int, config: ModelConfig) -> EngineOutput:
    """Logits and scores as an output, if they are what the model's configuration promises.

    Args:
        logits: Should be (N, classes).
        score: Should be (N,).
        clips: N.
        config: Gives the number of classes.

    Raises:
        ModelError: Other shapes, or numbers that are not finite.
    """
    if logits.shape != (clips, config.classes) or score.shape != (clips,):
        raise ModelError(
            f"the network of {config.name} gave logits {logits.shape} and scores {score.shape} for {clips} clips, "
            f"but its config.json says {config.classes} classes"
        )
    if not (np.isfinite(logits).all() and np.isfinite(score).all()):
        raise ModelError(f"the network of {config.name} gave numbers that are not finite")
    return EngineOutput(logits=logits.astype(np.float32), score=score.astype(np.float32))


def usable_threads(threads: int | None) -> int:
    """The number of threads to compute with: as asked for, or one for each core that this process may use.

    Args:
        threads: At least 1, or None.

    Raises:
        UsageError: Fewer than one.
    """
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if threads < 1:
        raise UsageError(f"{threads} threads cannot compute anything; give at least 1")
    return threads


def first_line(error: BaseException) -> str:
    """The first line of an engine's error, which tend to be long."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
