"""The fastest engine on x86 CPUs: OpenVINO, in bf16 where the CPU computes with it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from facefatigue.engine.interface import EngineOutput, checked_clip, checked_output, first_line, usable_threads
from facefatigue.errors import ConfigurationError, ModelError, UsageError
from facefatigue.offline import import_openvino

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from facefatigue.model.config import ModelConfig


class OpenVinoEngine:
    """Runs model.onnx with OpenVINO on the CPU.

    Args:
        onnx_path: The graph.
        config: Its configuration.
        precision: "f32", "bf16", or "auto": bf16 where OpenVINO finds that the CPU computes with it, else f32.
        threads: Threads to compute with; None: one for each core that this process may use.

    Raises:
        MissingExtraError: openvino is not installed.
        ModelError: The graph cannot be loaded or is not that of the configuration.
        ConfigurationError: bf16 was asked for and the CPU does not compute with it.
    """

    def __init__(
        self,
        onnx_path: Path,
        config: ModelConfig,
        *,
        precision: str = "auto",
        threads: int | None = None,
    ) -> None:
        core = import_openvino().Core()
        # OpenVINO's own default on this CPU: bf16 only with instructions for it, never emulated.
        native = core.get_property("CPU", "INFERENCE_PRECISION_HINT").to_string()
        if precision == "bf16" and native != "bf16":
            raise ConfigurationError("this CPU does not compute in bf16; use precision auto or f32")
        precision = "bf16" if precision != "f32" and native == "bf16" else "f32"
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": usable_threads(threads),
            "INFERENCE_PRECISION_HINT": precision,
        }
        try:
            self._model: Any = core.compile_model(core.read_model(os.fspath(onnx_path)), "CPU", settings)
        except RuntimeError as error:
            raise ModelError(f"{onnx_path} cannot be loaded by OpenVINO: {_reason(error)}") from error
        names = [port.get_any_name() for port in (*self._model.inputs, *self._model.outputs)]
        if names[:3] != ["clip", "logits", "score"]:  # cues may follow
            raise ModelError(f"{onnx_path} has inputs and outputs {names}, expected clip, logits, score")
        self._request: Any = self._model.create_infer_request()
        self._config = config
        self.name = "openvino-bf16" if precision == "bf16" else "openvino"

    def run(self, clip: NDArray[np.float32]) -> EngineOutput:
        """Score clips: see :class:`facefatigue.engine.Engine`."""
        if self._request is None:
            raise UsageError("the engine is closed")
        clip = checked_clip(clip, self._config)
        try:
            found = self._request.infer({"clip": clip})
        except RuntimeError as error:
            raise ModelError(f"the network of {self._config.name} fails in OpenVINO: {_reason(error)}") from error
        return checked_output(found["logits"], found["score"], clips=len(clip), config=self._config)

    def close(self) -> None:
        """Free the compiled network."""
        self._request = self._model = None


def _reason(error: RuntimeError) -> str:
    """The telling line of OpenVINO's errors, which begin with places in its source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(("Exception from", "Check '"))]
    return (telling or lines or [first_line(error)])[0]
