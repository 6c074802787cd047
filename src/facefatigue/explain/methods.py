"""Which attributions are made, by names that a command line can take: METHOD or METHOD@LAYER."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self, get_args

from facefatigue.errors import ConfigurationError
from facefatigue.explain.layers import STAGES, default_layer, find_non_local, layer_names

if TYPE_CHECKING:
    from facefatigue.model.network import FatigueNet

MethodName = Literal["grad-cam", "hires-cam", "guided", "guided-grad-cam", "integrated-gradients", "occlusion", "attention"]
METHODS: tuple[MethodName, ...] = get_args(MethodName)
_WITH_LAYER: frozenset[MethodName] = frozenset({"grad-cam", "hires-cam", "guided-grad-cam"})
# Their maps follow the edges of the picture, by which a face can be recognised.
SHOW_THE_FACE: frozenset[MethodName] = frozenset({"guided", "guided-grad-cam", "integrated-gradients"})


@dataclass(frozen=True)
class Method:
    """One way to make an attribution.

    Attributes:
        name: The method.
        layer: Where it looks; None for methods that look at the clip itself.
    """

    name: MethodName
    layer: str | None = None

    def __str__(self) -> str:
        return self.name if self.layer is None else f"{self.name}@{self.layer}"

    @classmethod
    def parse(cls, text: str, network: FatigueNet) -> Self:
        """Read METHOD or METHOD@LAYER; the layer of a method that needs one is the network's default one.

        Raises:
            ConfigurationError: There is no such method or layer, or the method takes none.
        """
        name, at, layer = text.partition("@")
        if name not in METHODS:
            raise ConfigurationError(f"there is no method {name!r}; there are {', '.join(METHODS)}")
        if name not in _WITH_LAYER:
            if at:
                raise ConfigurationError(f"the method {name} looks at the whole network, so {text!r} names no layer of it")
            if name == "attention" and find_non_local(network) is None:
                raise ConfigurationError(f"{network.config.name} has no non-local block, so there is no attention to show")
            return cls(name)
        layer = layer if at else default_layer(network)
        if layer not in layer_names(network):
            known = ", ".join(layer_names(network))
            raise ConfigurationError(f"{network.config.name} has no layer {layer!r}; it has {known}")
        return cls(name, layer)


def default_methods(network: FatigueNet) -> tuple[Method, ...]:
    """What is shown when nothing is asked for, most important first.

    For a network that averages over places, Grad-CAM behind stage 4, and behind the stage of the non-local block where that
    is an earlier one; for one that reads each place by weights of its own, HiRes-CAM of all that it reads. The attention of
    the non-local block, where there is one.
    """
    layer = default_layer(network)
    methods = [Method("grad-cam" if layer == STAGES[-1] else "hires-cam", layer)]
    position = network.config.non_local_position
    if layer == STAGES[-1] and 0 < position < len(STAGES):
        methods.append(Method("grad-cam", STAGES[position - 1]))
    if find_non_local(network) is not None:
        methods.append(Method("attention"))
    return tuple(methods)
