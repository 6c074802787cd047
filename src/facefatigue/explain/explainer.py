"""The explainer: one loaded network that says of clips why it scored them so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import torch

from facefatigue.clips import clip_from_crops
from facefatigue.errors import ConfigurationError
from facefatigue.estimate.aggregate import label_of
from facefatigue.explain.activation import activation_map
from facefatigue.explain.attention import attention_map, attention_over_time
from facefatigue.explain.gradients import guided_activation_map, guided_backpropagation, integrated_gradients
from facefatigue.explain.layers import READ
from facefatigue.explain.methods import Method, default_methods
from facefatigue.explain.regions import read_points, region_map, region_shares
from facefatigue.explain.removal import blurred, occlusion
from facefatigue.landmarks import Landmarker
from facefatigue.model.artefact import DEFAULT_MODEL, load_artefact
from facefatigue.model.logits import fatigue_probability
from facefatigue.model.weights import load_network

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from facefatigue.estimate.report import Label
    from facefatigue.explain.attention import Listener
    from facefatigue.explain.attribution import Attribution
    from facefatigue.explain.regions import RegionShares
    from facefatigue.explain.target import Target
    from facefatigue.model.config import ModelConfig

# "class" is what the window was called, "opposite" the other class.
Question = Literal["fatigue", "alert", "score", "class", "opposite"]
QUESTIONS: tuple[Question, ...] = get_args(Question)


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanation:
    """Why one clip was scored as it was.

    Attributes:
        score: In [0, 1].
        fatigue_probability: In [0, 1].
        label: The class it was called.
        target: What the attributions speak for.
        attributions: One for each method, in the order they were asked for.
        shares: By face region, one for each attribution.
        points: (T, 478, 2) float32, landmarks in pixels of the crops.
        was_read: (T,) bool, whether the landmarks are the frame's own.
        listening: (t, t) float32, how much each moment of the non-local block listens to each other one; None where
            attention was not asked for.
        listener: Whose attention its attribution shows; None: the mean over all.
    """

    score: float
    fatigue_probability: float
    label: Label
    target: Target
    attributions: tuple[Attribution, ...]
    shares: tuple[RegionShares, ...]
    points: NDArray[np.float32]
    was_read: NDArray[np.bool_]
    listening: NDArray[np.float32] | None
    listener: Listener | None = None

    @property
    def has_target(self) -> bool:
        """Whether the first attribution speaks for the target, which attention does not."""
        return self.attributions[0].method != "attention"


class Explainer:
    """Explains clips with one model, which it loads once; in float32 on the CPU.

    Args:
        model: Name of a shipped model or path of a model folder.
        methods: METHOD or METHOD@LAYER, most important first (:data:`facefatigue.explain.METHODS`); none: those of
            :func:`facefatigue.explain.default_methods`. Attention, which speaks for no target, comes last.
        question: What is explained.
        listener: Whose attention is shown; None: the mean over all.

    Attributes:
        folder: Of the model.
        network: The network.
        methods: The methods.
        question: What is explained.

    Raises:
        ModelError: No such model, or its files are damaged.
        ConfigurationError: No such method or layer, no such moment in a clip, or a listener without attention.
        MissingExtraError: safetensors is not installed.
    """

    def __init__(
        self,
        model: str | Path = DEFAULT_MODEL,
        *,
        methods: Sequence[str] = (),
        question: Question = "fatigue",
        listener: Listener | None = None,
    ) -> None:
        artefact = load_artefact(model)
        self.folder = artefact.folder
        self.network = load_network(artefact.config, artefact.safetensors_path).requires_grad_(requires_grad=False)
        chosen = dict.fromkeys(Method.parse(text, self.network) for text in methods) or default_methods(self.network)
        self.methods = tuple(sorted(chosen, key=lambda method: method.name == "attention"))
        self.question: Question = question
        if listener is not None and Method("attention") not in self.methods:
            Method.parse("attention", self.network)  # says so where there is no block
            raise ConfigurationError("a listener has its attention shown, but the methods do not have attention among them")
        if listener is not None and not 0 <= listener.frame < self.config.frames:
            raise ConfigurationError(f"a clip has {self.config.frames} frames, so there is no frame {listener.frame}")
        self._listener = listener
        self._landmarker = Landmarker()

    @property
    def config(self) -> ModelConfig:
        """What the model is."""
        return self.network.config

    def explain(self, crops: NDArray[np.uint8]) -> Explanation:
        """Explain one clip.

        Args:
            crops: (T, S, S, 3) uint8 RGB, the aligned crops of one window.

        Raises:
            ConfigurationError: The crops are not those of this model.
        """
        if crops.shape != self.config.clip_spec.shape:
            raise ConfigurationError(
                f"a clip of {self.config.name} is {self.config.clip_spec.shape}, but the crops are {crops.shape}"
            )
        clip = torch.from_numpy(clip_from_crops(crops))[None]
        with torch.inference_mode():
            logits, score = self.network(clip)
        probability = float(fatigue_probability(logits.numpy())[0])
        label = label_of(probability)
        target = self._target(label)
        attributions = tuple(self._attribution(method, clip, target) for method in self.methods)
        points, was_read = read_points(self._landmarker, crops)
        maps = [region_map(frame, crops.shape[1]) for frame in points]
        return Explanation(
            score=float(score[0]),
            fatigue_probability=probability,
            label=label,
            target=target,
            attributions=attributions,
            shares=tuple(region_shares(attribution, maps) for attribution in attributions),
            points=points,
            was_read=was_read,
            listening=attention_over_time(self.network, clip) if Method("attention") in self.methods else None,
            listener=self._listener,
        )

    def _target(self, label: Label) -> Target:
        if self.question in {"fatigue", "alert", "score"}:
            return self.question
        return "fatigue" if (label == "fatigue") == (self.question == "class") else "alert"

    def _attribution(self, method: Method, clip: Tensor, target: Target) -> Attribution:
        network = self.network
        if method.name == "attention":
            return attention_map(network, clip, listener=self._listener)
        if method.name == "guided":
            return guided_backpropagation(network, clip, target=target)
        if method.name == "integrated-gradients":
            return integrated_gradients(network, clip, blurred(clip), target=target)
        if method.name == "occlusion":
            return occlusion(network, clip, blurred(clip), target=target)
        assert method.layer is not None
        # Of places that are read one by one, a mean gradient says nothing.
        exact = method.name == "hires-cam" or (method.name == "guided-grad-cam" and method.layer == READ)
        activation = activation_map(
            network, clip, layer=method.layer, target=target, method="hires-cam" if exact else "grad-cam"
        )
        if method.name == "guided-grad-cam":
            return guided_activation_map(guided_backpropagation(network, clip, target=target), activation)
        return activation
