"""Where class activation maps look into a network: its layers by name, and the cut that makes a layer's maps the input."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import nn

from facefatigue.errors import ConfigurationError
from facefatigue.explain.places import spread
from facefatigue.model.non_local import NonLocalBlock

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor
    from torch.utils.hooks import RemovableHandle

    from facefatigue.model.cues import EyeReader, FrameReader
    from facefatigue.model.network import FatigueNet

STAGES = ("stage1", "stage2", "stage3", "stage4")
NON_LOCAL = "non-local"
READ = "read"


def layer_names(network: FatigueNet) -> tuple[str, ...]:
    """The layers whose maps can be looked at, from the input to the output.

    ``stage1`` to ``stage4``; ``non-local``, the output of the non-local block, where there is one; and in "resnet2d_cues"
    ``read``, all that is read of a frame: the maps behind stages 2, 3 and 4 and those of either eye.
    """
    names = [*STAGES]
    if network.reader is not None:
        names.append(READ)
    if find_non_local(network) is not None:
        names.append(NON_LOCAL)
    return tuple(names)


def default_layer(network: FatigueNet) -> str:
    """The last layer that holds all that the network knows of places: ``read`` where there is one, else ``stage4``."""
    return STAGES[-1] if network.reader is None else READ


def find_non_local(network: FatigueNet) -> NonLocalBlock | None:
    """The non-local block of a network; None where it has none."""
    return next((module for module in network.modules() if isinstance(module, NonLocalBlock)), None)


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """The maps of one path through a cut.

    Attributes:
        name: Of the path.
        maps: (1, C, t, h, w) float32, a leaf that takes gradients.
        lay: Takes (t, h, w) and lays it back into the clip, (T, H, W), keeping its sum.
    """

    name: str
    maps: Tensor
    lay: Callable[[Tensor], Tensor]


@dataclass(eq=False)
class Cut:
    """Makes the maps of a layer the input of all that follows; a context manager, inside of which the network is run once.

    What lies before the layer is computed without gradients, so that it costs no more than a prediction. Every way from the
    clip to the output that meets the layer meets it once; ways around it (in "resnet2d_cues" around any stage) are not seen.

    Args:
        network: The network.
        layer: One of :func:`layer_names`.

    Attributes:
        parts: The maps, once the network has run.

    Raises:
        ConfigurationError: The network has no such layer; the text names those it has.
    """

    network: FatigueNet
    layer: str
    parts: list[Part] = field(default_factory=list)
    _handles: list[RemovableHandle] = field(default_factory=list)
    _size: tuple[int, int, int] = (0, 0, 0)

    def __post_init__(self) -> None:
        if self.layer not in layer_names(self.network):
            known = ", ".join(layer_names(self.network))
            raise ConfigurationError(f"{self.network.config.name} has no layer {self.layer!r}; it has {known}")

    def __enter__(self) -> Self:
        network = self.network
        self._handles.append(network.register_forward_pre_hook(self._begin))
        if self.layer == READ:
            assert network.reader is not None
            self._cut_reader(network.reader)
        else:
            module: nn.Module | None = getattr(network, self.layer, None) or find_non_local(network)
            assert module is not None
            self._cut(self.layer, module)
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _begin(self, _: nn.Module, arguments: tuple[Any, ...]) -> None:
        self._size = tuple(arguments[0].shape[2:])

    def _cut_reader(self, reader: FrameReader) -> None:
        self._cut("stage2", reader.fine)
        self._cut("stage3", reader.middle)
        self._cut("stage4", self.network.stage4)
        self._handles.append(reader.eyes.register_forward_hook(self._cut_eyes))

    def _cut(self, name: str, module: nn.Module) -> None:
        def replace(_: nn.Module, __: Any, maps: Tensor) -> Tensor:
            return self._part(name, maps, lambda values: spread(values, self._size))

        self._handles.append(module.register_forward_hook(replace))

    def _cut_eyes(self, eyes: EyeReader, _: Any, maps: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        return (
            self._part("left eye", maps[0], lambda values: lay_eye(eyes, values, self._size, mirrored=False)),
            self._part("right eye", maps[1], lambda values: lay_eye(eyes, values, self._size, mirrored=True)),
        )

    def _part(self, name: str, maps: Tensor, lay: Callable[[Tensor], Tensor]) -> Tensor:
        leaf = maps.detach().requires_grad_()
        self.parts.append(Part(name=name, maps=leaf, lay=lay))
        return leaf


def lay_eye(eyes: EyeReader, values: Tensor, size: tuple[int, int, int], *, mirrored: bool) -> Tensor:
    """Lay a map of an eye back to where :class:`facefatigue.model.cues.EyeReader` cut the eye out.

    Args:
        eyes: The layers that made it.
        values: (T, h, w).
        size: (T, H, W) of the clip.
        mirrored: The eye at the image's right, which was mirrored to be read.

    Returns:
        (T, H, W), with the sum of ``values``, and 0 outside of the eye's rectangle.
    """
    inside = spread(values, (size[0], eyes.height, eyes.width))  # (T, h, w)
    left = eyes.right if mirrored else eyes.left
    whole = torch.zeros(size)
    whole[:, eyes.top : eyes.top + eyes.height, left : left + eyes.width] = inside.flip(-1) if mirrored else inside
    return whole
