"""The first weights of a run: drawn, inflated from a trained 2D network, or those of an earlier model."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from facefatigue.errors import ConfigurationError
from facefatigue.model.artefact import load_artefact
from facefatigue.model.inflate import inflate_into, read_2d_checkpoint
from facefatigue.model.network import FatigueNet
from facefatigue.model.weights import load_network

if TYPE_CHECKING:
    from facefatigue.train.settings import TrainSettings


_FORM = (
    "backbone", "depth", "first_channel", "non_local_position", "non_local_mode", "non_local_placement", "head", "classes"
)  # fmt: skip


def fingerprint_of(init: str) -> str:
    """SHA-256 of the file that first weights come from, 64 hex digits; empty where they are drawn.

    Args:
        init: The setting.

    Raises:
        ModelError: There is no such model.
    """
    if not init:
        return ""
    path = Path(init)
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return load_artefact(init).safetensors_sha256()


def first_network(settings: TrainSettings) -> tuple[FatigueNet, str]:
    """A network with first weights, drawn from torch's generator where they are drawn.

    ``settings.init`` is a model folder (or the name of a shipped model), whose network must have the same form but may
    differ in dropout and clips, or the file of a trained 2D ResNet.

    Args:
        settings: The settings.

    Returns:
        The network, and where its weights come from, in words.

    Raises:
        ConfigurationError: The model or the 2D network has another form.
        ModelError: It cannot be read.
    """
    torch.manual_seed(settings.seed)
    network = FatigueNet(settings.model_config({}))
    if not settings.init:
        return network, "drawn at random"
    path = Path(settings.init)
    if path.is_file():
        names = inflate_into(network, read_2d_checkpoint(path), inflation=settings.inflation)
        return network, f"{len(names)} tensors inflated from the 2D network {path.name} ({settings.inflation})"
    artefact = load_artefact(settings.init)
    ours, theirs = network.config, artefact.config
    other = [
        f"{name} is {getattr(theirs, name)!r} there and {getattr(ours, name)!r} here"
        for name in _FORM
        if getattr(theirs, name) != getattr(ours, name)
    ]
    if other:
        raise ConfigurationError(f"the model {settings.init} cannot be trained on with these settings: {'; '.join(other)}")
    trained = load_network(theirs, artefact.safetensors_path)
    network.load_state_dict(trained.state_dict())
    return network, f"the model {theirs.name} {theirs.version} (sha256 {artefact.safetensors_sha256()[:12]})"
