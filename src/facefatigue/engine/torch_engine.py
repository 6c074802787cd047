"""The engine that needs no exported graph: PyTorch on the CPU, from model.safetensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from facefatigue.engine.interface import EngineOutput, checked_clip, checked_output, first_line, usable_threads
from facefatigue.errors import MissingExtraError, ModelError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from facefatigue.model.config import ModelConfig


class TorchEngine:
    """Runs model.safetensors in f32 with PyTorch.

    Args:
        safetensors_path: The weights.
        config: The network's configuration.
        threads: Threads to compute with; None: one for each core that this process may use. PyTorch has one number
            for the whole process; it is set during a run only.

    Raises:
        MissingExtraError: torch or safetensors is not installed.
        ModelError: The weights cannot be read or do not fit the configuration.
    """

    name = "torch"

    def __init__(self, safetensors_path: Path, config: ModelConfig, *, threads: int | None = None) -> None:
        try:
            import torch
        except ImportError:
            raise MissingExtraError("the torch engine", "train") from None
        from facefatigue.model.weights import load_network

        self._torch = torch
        self._network: Any = load_network(config, safetensors_path)
        self._config = config
        self._threads = usable_threads(threads)

    def run(self, clip: NDArray[np.float32]) -> EngineOutput:
        """Score clips: see :class:`facefatigue.engine.Engine`."""
        if self._network is None:
            raise UsageError("the engine is closed")
        clip = checked_clip(clip, self._config)
        before = self._torch.get_num_threads()
        self._torch.set_num_threads(self._threads)
        try:
            with self._torch.inference_mode():
                logits, score = self._network(self._torch.tensor(clip))
        except RuntimeError as error:
            raise ModelError(f"the network of {self._config.name} fails in PyTorch: {first_line(error)}") from error
        finally:
            self._torch.set_num_threads(before)
        return checked_output(logits.numpy(), score.numpy(), clips=len(clip), config=self._config)

    def close(self) -> None:
        """Free the network."""
        self._network = None
