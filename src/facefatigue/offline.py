"""Importing inference libraries so that they stay off the network: both report themselves to their makers by default."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

from facefatigue.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPENVINO_TELEMETRY = "openvino_telemetry"
_ONNXRUNTIME_SWITCH = "ORT_DISABLE_TELEMETRY"


def import_onnxruntime() -> Any:
    """The onnxruntime module, imported with its telemetry off.

    ONNX Runtime writes a device id and events below the home folder and sends them over the internet, unless the environment
    says otherwise before it is imported; its own ``disable_telemetry_events`` comes too late. The variable is set for this
    process, and stays as it is where a user has set it.

    Raises:
        MissingExtraError: onnxruntime is not installed.
    """
    os.environ.setdefault(_ONNXRUNTIME_SWITCH, "1")
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtraError("ONNX Runtime (a part of the core install)", "all") from None
    return onnxruntime


def import_openvino() -> Any:
    """The openvino module, imported with its telemetry off.

    ``import openvino`` reports itself over the internet when the package openvino_telemetry is there, and it is a dependency
    of openvino. While it is imported here, that package seems not to be installed, for which OpenVINO has a silent stand-in.

    Raises:
        MissingExtraError: openvino is not installed.
    """
    with _without(_OPENVINO_TELEMETRY):
        try:
            import openvino
        except ImportError:
            raise MissingExtraError("the OpenVINO engine", "openvino") from None
    return openvino


@contextlib.contextmanager
def _without(module: str) -> Iterator[None]:
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]  # what makes an import fail
    try:
        yield
    finally:
        del sys.modules[module]
