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
from facefatigue.model.weights import listed, load_network, mismatches
from facefatigue.train.frames import FrameHead

if TYPE_CHECKING:
    from facefatigue.model.config import ModelConfig
    from facefatigue.train.frames import FrameStatistics
    from facefatigue.train.settings import TrainSettings

# What decides the form of a network; with cues, of what looks at each frame by itself, and of what follows over time.
_FORM = (
    "backbone", "depth", "first_channel", "non_local_position", "non_local_mode", "non_local_placement", "head", "classes"
)  # fmt: skip
_FRAME_FORM = ("backbone", "depth", "first_channel", "cues")
_TEMPORAL_FORM = ("temporal_input", "non_local_position", "non_local_mode", "head", "classes")


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


def starts_from_model(settings: TrainSettings) -> bool:
    """Whether the first weights are those of a model, not drawn or inflated."""
    return bool(settings.init) and not Path(settings.init).is_file()


def first_network(settings: TrainSettings) -> tuple[FatigueNet, str]:
    """A network with first weights, drawn from torch's generator where they are drawn.

    ``settings.init`` is a model folder (or the name of a shipped model), whose network must have the same form but may
    differ in dropout and clips, or the file of a trained 2D ResNet. Of a network with cues, what follows over time may have
    another form, too, and is then drawn, as it is where ``settings.init_part`` is "frames".

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
    with_cues = ours.backbone == "resnet2d_cues"
    other = _differences(ours, theirs, _FRAME_FORM if with_cues else _FORM)
    if other:
        raise ConfigurationError(f"the model {settings.init} cannot be trained on with these settings: {'; '.join(other)}")
    weights = load_network(theirs, artefact.safetensors_path).state_dict()
    origin = f"the model {theirs.name} {theirs.version} (sha256 {artefact.safetensors_sha256()[:12]})"
    changed = _differences(ours, theirs, _TEMPORAL_FORM) if with_cues else []
    if with_cues and settings.init_part == "frames":
        changed.insert(0, "only the frames were to be taken over")
    if changed:
        drawn = network.state_dict()
        kept = tuple(f"{name}." for name, part in network.named_children() if part in network.frame_part())
        weights = {name: weights[name] if name.startswith(kept) else tensor for name, tensor in drawn.items()}
        origin += f", but for what looks over time, drawn at random, because {'; '.join(changed)}"
    # A frame of another size may give a map of another size, and with it other weights.
    if faults := mismatches(network.state_dict(), weights):
        raise ConfigurationError(
            f"the model {settings.init} for {theirs.size_px} px cannot be trained on at {ours.size_px} px: {listed(faults)}"
        )
    network.load_state_dict(weights)
    return network, origin


def _differences(ours: ModelConfig, theirs: ModelConfig, names: tuple[str, ...]) -> list[str]:
    return [
        f"{name} is {getattr(theirs, name)!r} there and {getattr(ours, name)!r} here"
        for name in names
        if getattr(theirs, name) != getattr(ours, name)
    ]


def frame_head(network: FatigueNet, statistics: FrameStatistics, settings: TrainSettings) -> FrameHead:
    """The head for frame targets; its weights are drawn from torch's generator.

    A new network is told the mean and the spread of its cues; an earlier model keeps those that its weights were taught
    with, and the head measures by them.

    Args:
        network: With its first weights.
        statistics: Of the training list.
        settings: Of the run.
    """
    config = network.config
    if config.cues and not starts_from_model(settings) and set(config.cues) <= set(statistics.names):
        network.set_cue_statistics(*statistics.of(config.cues))
    moments, channels = network.moments_of(config.frames)
    head = FrameHead(statistics, cues=config.cues, channels=channels, frames=config.frames, moments=moments)
    if network.reader is not None:
        head.take_cue_statistics(config.cues, network.reader.cue_mean, network.reader.cue_spread)
    return head
