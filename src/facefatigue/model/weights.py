"""Weights on disk and how they fit a network: safetensors files, and torch's own, of which only tensors are read."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from facefatigue.errors import ModelError, OutputError
from facefatigue.model.network import FatigueNet

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from facefatigue.model.config import ModelConfig

_NAMED_FAULTS = 20


def build_network(config: ModelConfig, weights: Mapping[str, Tensor], *, where: str) -> FatigueNet:
    """A network with the given weights, in evaluation mode; torch's random generator is left alone.

    Args:
        config: The network's configuration.
        weights: Tensors by the network's own names; the network uses them without a copy.
        where: What to call the weights in an error.

    Raises:
        ModelError: Tensors are left over, missing, of the wrong shape, not dense floats or not finite; they are named.
    """
    with torch.device("meta"):  # no memory, no random numbers
        network = FatigueNet(config)
    faults = mismatches(network.state_dict(), weights)
    if faults:
        raise ModelError(f"{where} does not fit its network: {listed(faults)}")
    network.load_state_dict(dict(weights), assign=True)
    return network.eval()


def mismatches(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """What keeps tensors from being the weights of a network, one text for each tensor, which it names.

    Args:
        expected: Tensors of the right shape and kind, by name; their values do not matter.
        found: The tensors to check.
    """
    faults = [f"{name} is missing" for name in expected if name not in found]
    faults += [f"{name} is left over" for name in found if name not in expected]
    for name, wanted in expected.items():
        tensor = found.get(name)
        if tensor is None:
            continue
        if tensor.layout != torch.strided or tensor.is_floating_point() != wanted.is_floating_point():
            faults.append(f"{name} is no dense tensor of {wanted.dtype}")
        elif tensor.shape != wanted.shape:
            faults.append(f"{name} has shape {tuple(tensor.shape)}, expected {tuple(wanted.shape)}")
        elif not bool(torch.isfinite(tensor).all()):
            faults.append(f"{name} has values that are not finite")
    return faults


def listed(faults: list[str]) -> str:
    """Faults as one line; many are cut to the first few and a count."""
    rest = len(faults) - _NAMED_FAULTS
    return "; ".join(faults[:_NAMED_FAULTS]) + (f"; and {rest} more" if rest > 0 else "")


def save_weights(weights: FatigueNet | Mapping[str, Tensor], path: Path) -> None:
    """Write a network's weights as a safetensors file.

    Args:
        weights: A network or its state_dict; any device; written as it is, float32 unless you changed that.
        path: The file to write.

    Raises:
        OSError: The file cannot be written.
        OutputError: The weights cannot be written as safetensors.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save

    named = weights.state_dict() if isinstance(weights, FatigueNet) else weights
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in named.items()}
    try:
        data = save(tensors, metadata={"format": "pt"})
    except SafetensorError as error:
        raise OutputError(f"{path} cannot be written: {error}") from None
    path.write_bytes(data)


def load_network(config: ModelConfig, path: Path) -> FatigueNet:
    """The network of an artefact, from its config and its safetensors file, on the CPU in evaluation mode.

    Args:
        config: The artefact's configuration.
        path: Its model.safetensors.

    Raises:
        MissingExtraError: safetensors is not installed.
        ModelError: The file cannot be read or does not fit the configuration.
    """
    return build_network(config, read_safetensors(path), where=str(path))


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file, which holds numbers and cannot run code.

    Args:
        path: The file.

    Returns:
        Its tensors by name, on the CPU.

    Raises:
        MissingExtraError: safetensors is not installed.
        ModelError: The file cannot be read.
    """
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load
    except ImportError:
        from facefatigue.errors import MissingExtraError

        raise MissingExtraError("safetensors", "train") from None
    try:
        tensors: dict[str, Tensor] = load(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} cannot be read as safetensors: {error}") from None
    return tensors


def read_torch_file(path: Path) -> Mapping[Any, Any]:
    """Read a file of ``torch.save`` without running anything in it: tensors and plain containers only.

    Args:
        path: The file.

    Returns:
        The dict that was saved; its tensors are on the CPU.

    Raises:
        ModelError: The file cannot be read, holds more than tensors and plain containers, is damaged or holds no dict.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of pickles that it then refuses
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from None
    except Exception as error:  # damaged pickles and archives fail in every way there is
        if unsafe := re.search(r"GLOBAL (\S+)", str(error)):
            reason = f"it holds more than tensors ({unsafe[1]}), which could run code when loaded"
        else:
            reason = "it is damaged or no torch checkpoint"
        raise ModelError(f"{path} cannot be loaded safely: {reason}") from error
    if not isinstance(loaded, Mapping):
        raise ModelError(f"{path} holds no network weights: it holds a {type(loaded).__name__}, not a dict")
    return loaded


def state_dict_of(loaded: Mapping[Any, Any], *, where: str) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name, without the ``module.`` that a data-parallel network puts in front.

    Args:
        loaded: A state dict, or a dict with one under "state_dict".
        where: What to call the checkpoint in an error.

    Raises:
        ModelError: There is no state dict, two names differ only by their ``module.``, or a value is no tensor.
    """
    state = loaded.get("state_dict", loaded)
    if not isinstance(state, Mapping) or not any(isinstance(value, torch.Tensor) for value in state.values()):
        raise ModelError(f"{where} holds no network weights: expected a state dict, or a dict with one under 'state_dict'")
    named: dict[str, Tensor] = {}
    faults = []
    for key, value in state.items():
        name = _without_module(str(key))
        if not isinstance(value, torch.Tensor):
            faults.append(f"{name} is {type(value).__name__}, not a tensor")
        elif name in named:
            faults.append(f"{name} is there twice")
        else:
            named[name] = value
    if faults:
        raise ModelError(f"{where} holds other things than network weights: {listed(faults)}")
    return named


def _without_module(name: str) -> str:
    while name.startswith("module."):  # once for each time it was wrapped to run in parallel
        name = name.removeprefix("module.")
    return name
