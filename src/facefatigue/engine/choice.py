"""Which engine runs a model."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal, get_args

from facefatigue.engine.onnxruntime_engine import OnnxRuntimeEngine
from facefatigue.engine.openvino_engine import OpenVinoEngine
from facefatigue.engine.torch_engine import TorchEngine
from facefatigue.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from facefatigue.engine.interface import Engine
    from facefatigue.model.artefact import Artefact

EngineName = Literal["auto", "onnxruntime", "openvino", "torch"]
Precision = Literal["auto", "f32", "bf16"]

ENGINES: tuple[EngineName, ...] = get_args(EngineName)
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

# Fastest first: one clip of 32 frames at 112 px through a width-16 network on 2 cores with AVX512-BF16 takes 17 ms (bf16) or
# 23 ms in OpenVINO, 54 ms in ONNX Runtime and 70 ms in PyTorch.
_FASTEST_FIRST: tuple[EngineName, ...] = ("openvino", "onnxruntime", "torch")

_log = logging.getLogger(__name__)


def open_engine(artefact: Artefact, *, engine: str = "auto", precision: str = "auto", threads: int | None = None) -> Engine:
    """Load a model into an engine.

    Args:
        artefact: The model.
        engine: "onnxruntime", "openvino", "torch", or "auto": the fastest that is installed.
        precision: "f32", in which all engines agree within 1e-3; "bf16", which only OpenVINO has, and only where the CPU
            computes with it; or "auto": bf16 where it can be had, else f32. Against f32, bf16 moved the scores of the
            reference checkpoints by at most 0.0012, and those of a width-16 network with random weights by at most 0.004.
        threads: Threads to compute with; None: one for each core that this process may use.

    Raises:
        UsageError: No such engine or precision, or the engine has no bf16, or fewer than one thread.
        MissingExtraError: The engine is not installed.
        ModelError: The model's files are damaged.
        ConfigurationError: bf16 was asked for and the CPU does not compute with it.
    """
    if engine not in ENGINES:
        raise UsageError(f"there is no engine {engine!r}; choose one of {', '.join(ENGINES)}")
    if precision not in PRECISIONS:
        raise UsageError(f"there is no precision {precision!r}; choose one of {', '.join(PRECISIONS)}")
    if precision == "bf16" and engine not in ("auto", "openvino"):
        raise UsageError(f"{engine} runs in f32 only; bf16 needs the openvino engine")
    if engine != "auto":
        return _open(artefact, engine, precision, threads)
    for name in _FASTEST_FIRST if precision != "bf16" else ("openvino",):
        try:
            return _open(artefact, name, precision, threads)
        except MissingExtraError as error:
            _log.debug("engine %s is passed over: %s", name, error)
            missing = error
    raise missing


def _open(artefact: Artefact, engine: str, precision: str, threads: int | None) -> Engine:
    if engine == "openvino":
        return OpenVinoEngine(artefact.onnx_path, artefact.config, precision=precision, threads=threads)
    if engine == "onnxruntime":
        return OnnxRuntimeEngine(artefact.onnx_path, artefact.config, threads=threads)
    return TorchEngine(artefact.safetensors_path, artefact.config, threads=threads)
