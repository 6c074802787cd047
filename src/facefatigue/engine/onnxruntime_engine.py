"""The engine of the core install: ONNX Runtime on the CPU."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from facefatigue.engine.interface import EngineOutput, checked_clip, checked_output, first_line, usable_threads
from facefatigue.errors import ModelError, UsageError
from facefatigue.offline import import_onnxruntime

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from facefatigue.model.config import ModelConfig

_FATAL_ONLY = 4  # other errors come as exceptions


class OnnxRuntimeEngine:
    """Runs model.onnx in f32 with ONNX Runtime.

    Args:
        onnx_path: The graph.
        config: Its configuration.
        threads: Threads to compute with; None: one for each core that this process may use.

    Raises:
        MissingExtraError: onnxruntime is not installed.
        ModelError: The graph cannot be loaded or is not that of the configuration.
    """

    name = "onnxruntime"

    def __init__(self, onnx_path: Path, config: ModelConfig, *, threads: int | None = None) -> None:
        onnxruntime = import_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = usable_threads(threads)
        options.inter_op_num_threads = 1
        options.log_severity_level = _FATAL_ONLY
        # Both measured to cost no time here: without the arena, buffers go back after each run; without spinning, idle
        # threads leave the cores to the decoding of frames.
        options.enable_cpu_mem_arena = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session: Any = onnxruntime.InferenceSession(
                os.fspath(onnx_path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's errors have no common type but this
            raise ModelError(f"{onnx_path} cannot be loaded by ONNX Runtime: {first_line(error)}") from error
        names = [entry.name for entry in (*self._session.get_inputs(), *self._session.get_outputs())]
        if names[:3] != ["clip", "logits", "score"]:  # cues may follow
            raise ModelError(f"{onnx_path} has inputs and outputs {names}, expected clip, logits, score")
        self._config = config

    def run(self, clip: NDArray[np.float32]) -> EngineOutput:
        """Score clips: see :class:`facefatigue.engine.Engine`."""
        if self._session is None:
            raise UsageError("the engine is closed")
        clip = checked_clip(clip, self._config)
        try:
            logits, score = self._session.run(["logits", "score"], {"clip": clip})
        except Exception as error:  # as above
            raise ModelError(f"the network of {self._config.name} fails in ONNX Runtime: {first_line(error)}") from error
        return checked_output(logits, score, clips=len(clip), config=self._config)

    def close(self) -> None:
        """Free the session."""
        self._session = None
