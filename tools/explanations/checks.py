"""Whether maps mean something: where they point, what they take away, and whether the weights matter to them."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import nn

from facefatigue.evaluate.scores import spearman
from facefatigue.explain.regions import REGIONS
from facefatigue.explain.removal import CURVE_CELLS, cell_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from facefatigue.explain.regions import FaceRegion
    from facefatigue.model.network import FatigueNet

# "Top-down neural attention by excitation backprop" (Zhang et al., ECCV 2016, section 4.1): a hit may be 15 px off in
# pictures of some 224 px.
TOLERANCE = 15 / 224


@dataclass(frozen=True, kw_only=True)
class Pointing:
    """Whether the brightest pixel of a clip lies in a region, and how likely a random pixel would.

    Attributes:
        hit: Whether it does, or comes within the tolerance.
        chance: Share of the clip's pixels that would be a hit.
    """

    hit: bool
    chance: float


def point(values: NDArray[np.float32], maps: Sequence[NDArray[np.uint8]], region: FaceRegion) -> Pointing:
    """The pointing game over the places and frames of a clip.

    Args:
        values: (T, H, W), the attribution.
        maps: T maps of regions (:func:`facefatigue.explain.region_map`).
        region: Where the brightest pixel has to be.
    """
    reach = round(TOLERANCE * values.shape[1])
    wide = np.stack([_widened(codes == REGIONS.index(region), reach) for codes in maps])
    return Pointing(hit=bool(wide.ravel()[values.argmax()]), chance=float(wide.mean()))


def _widened(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    image = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(image.filter(ImageFilter.MaxFilter(2 * reach + 1))) > 0


def randomised(network: FatigueNet, clip: Tensor, seed: int = 0) -> Iterator[tuple[str, FatigueNet]]:
    """Copies of a network whose weights are shuffled, from the output down, each with all of the copy before.

    "Sanity checks for saliency maps" (Adebayo et al., NeurIPS 2018, section 3), with each tensor's own numbers in another
    order, a weight's less their mean, in place of new ones. Batch norms of shuffled parts take the statistics of the clip,
    since those of other weights let even less of a signal through.

    Args:
        network: The network, which is left as it is.
        clip: (1, 3, T, H, W) float32, the clip whose maps are compared.
        seed: Of the shuffling.

    Yields:
        The lowest part that is shuffled, and the copy.
    """
    copied = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(seed)
    norms: list[nn.BatchNorm3d] = []
    score_part: list[nn.Module] = copied.score_part()
    groups = [("score", score_part)]
    if copied.reader is not None:
        groups.append(("reader", [copied.reader]))
    groups += [(name, [getattr(copied, name)]) for name in ("stage4", "stage3", "stage2", "stage1", "stem")]
    for name, modules in groups:
        for module in modules:
            for weights in module.parameters():
                order = torch.randperm(weights.numel(), generator=generator)
                own = weights.data.flatten()
                # What comes out of a ReLU is above 0: in any order, weights with a mean below 0 would silence a unit.
                own = own - own.mean() if weights.ndim > 1 else own
                weights.data = own[order].reshape(weights.shape)
        norms += [norm for module in modules for norm in module.modules() if isinstance(norm, nn.BatchNorm3d)]
        _take_statistics(copied, norms, clip)
        yield name, copied


def _take_statistics(network: FatigueNet, norms: Sequence[nn.BatchNorm3d], clip: Tensor) -> None:
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    with torch.inference_mode():
        network(clip)
    for norm in norms:
        norm.eval()


def likeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float | None:
    """Spearman's correlation of two maps (T, H, W), over the cells that deletion takes away one by one.

    None where one of them is the same everywhere, as where no signal comes through a shuffled network.
    """
    return spearman(_cell_sums(one), _cell_sums(other))


def _cell_sums(values: NDArray[np.float32]) -> NDArray[np.float64]:
    numbers = cell_numbers(values.shape, CURVE_CELLS).numpy().ravel()
    return np.asarray(np.bincount(numbers, values.ravel().astype(np.float64)), np.float64)


def random_order(clip: Tensor, seed: int) -> NDArray[np.float32]:
    """(T, H, W) float32: a map without meaning, whose cells come in a random order."""
    numbers = cell_numbers(clip.shape[2:], CURVE_CELLS).numpy()
    worth = np.random.default_rng(seed).permutation(int(numbers.max()) + 1).astype(np.float32)
    return np.asarray(worth[numbers])
