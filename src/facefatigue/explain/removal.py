"""Taking away what a clip shows, and what the network then says: occlusion, deletion and insertion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from facefatigue.explain.attribution import Attribution
from facefatigue.explain.target import target_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from facefatigue.explain.target import Target
    from facefatigue.model.network import FatigueNet

# "Interpretable explanations of black boxes by meaningful perturbation" (Fong and Vedaldi, ICCV 2017, section 4.1).
BLUR = 10 / 224  # standard deviation, in parts of the side
CELLS = (4, 7, 7)  # of occlusion, over time, height and width
CURVE_CELLS = (8, 14, 14)  # of deletion and insertion
CURVE_STEPS = 12
_BATCH = 4


def blurred(clip: Tensor) -> Tensor:
    """The clip with each frame so blurred that colours and light are left, and no features: what stands for nothing.

    A Gaussian of σ = 10/224 of the side, 5 px at 112 px (Fong and Vedaldi, ICCV 2017); beyond the edges nothing is assumed.

    Args:
        clip: (N, 3, T, H, W) float32.

    Returns:
        The same shape.
    """
    rows, columns = (_gaussian(side) for side in clip.shape[3:])
    return torch.matmul(torch.matmul(rows, clip), columns.T)


def _gaussian(side: int) -> Tensor:
    place = torch.arange(side, dtype=torch.float32)
    weights = torch.exp(-0.5 * ((place[:, None] - place) / (BLUR * side)) ** 2)
    return weights / weights.sum(dim=1, keepdim=True)


def occlusion(
    network: FatigueNet,
    clip: Tensor,
    baseline: Tensor,
    *,
    target: Target = "fatigue",
    cells: tuple[int, int, int] = CELLS,
) -> Attribution:
    """By how much the target falls when a cell of space and time is replaced by the baseline.

    "Visualizing and understanding convolutional networks" (Zeiler and Fergus, ECCV 2014, section 4.2), over cells that lie
    side by side. It looks at outputs alone, so that it checks what gradients say.

    Args:
        network: In evaluation mode.
        clip: (1, 3, T, H, W) float32 in [-1, 1], RGB.
        baseline: The same shape.
        target: What is explained.
        cells: How many over time, height and width; each runs the network once.

    Returns:
        The map; what a cell is worth is spread evenly over it.
    """
    numbers = cell_numbers(clip.shape[2:], cells)  # (T, H, W)
    count = int(numbers.max()) + 1
    with torch.inference_mode():
        whole = float(target_of(network, clip, target)[0])
        values = torch.cat(
            [
                target_of(network, _replaced(clip, baseline, [numbers == n for n in batch]), target)
                for batch in (range(first, min(first + _BATCH, count)) for first in range(0, count, _BATCH))
            ]
        )
    worth = (whole - values) / torch.bincount(numbers.flatten(), minlength=count)  # (cells,) for each pixel
    return Attribution(method="occlusion", values=worth[numbers].numpy())


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """What the network says while pixels are taken away or come back.

    Attributes:
        share: (S,) float64, share of the clip that is replaced (deletion) or there (insertion), 0 to 1.
        value: (S,) float64, the score, or 1 − the score where the target is alert.
    """

    share: NDArray[np.float64]
    value: NDArray[np.float64]

    @property
    def area(self) -> float:
        """Area under the curve: low for a good deletion, high for a good insertion."""
        return float(np.trapezoid(self.value, self.share))


def deletion_and_insertion(
    network: FatigueNet,
    clip: Tensor,
    baseline: Tensor,
    values: NDArray[np.float32],
    *,
    target: Target = "fatigue",
    cells: tuple[int, int, int] = CURVE_CELLS,
    steps: int = CURVE_STEPS,
) -> tuple[Curve, Curve]:
    """Take cells away in the order of an attribution, most important first, and let them come back in the same order.

    "RISE" (Petsiuk et al., BMVC 2018, section 4.2), over cells of space and time, with the blurred clip for what is gone.

    Args:
        network: In evaluation mode.
        clip: (1, 3, T, H, W) float32 in [-1, 1], RGB.
        baseline: The same shape.
        values: (T, H, W), the attribution; its sum over a cell ranks the cell.
        target: The class whose evidence goes.
        cells: How many over time, height and width.
        steps: Of each curve.

    Returns:
        The deletion and the insertion.
    """
    numbers = cell_numbers(clip.shape[2:], cells)  # (T, H, W)
    worth = torch.bincount(numbers.flatten(), torch.from_numpy(np.ascontiguousarray(values, np.float64)).flatten())
    rank = torch.argsort(torch.argsort(worth, descending=True, stable=True), stable=True)  # (cells,)
    bounds = torch.linspace(0, len(worth), steps + 1).round()
    gone = [rank[numbers] < bound for bound in bounds]
    with torch.inference_mode():
        deleted = _scores(network, clip, baseline, gone)
        inserted = _scores(network, baseline, clip, gone)
    share = (bounds / len(worth)).double().numpy()
    curves = [1 - scores if target == "alert" else scores for scores in (deleted, inserted)]
    return Curve(share=share, value=curves[0]), Curve(share=share, value=curves[1])


def cell_numbers(size: torch.Size | tuple[int, ...], cells: tuple[int, int, int]) -> Tensor:
    """(T, H, W) int64: which cell each pixel of each frame is in, counted along width, height and time."""
    counts = [min(count, side) for count, side in zip(cells, size, strict=True)]
    t, y, x = (torch.arange(side) * count // side for side, count in zip(size, counts, strict=True))
    return (t[:, None, None] * counts[1] + y[:, None]) * counts[2] + x


def _scores(network: FatigueNet, clip: Tensor, other: Tensor, masks: list[Tensor]) -> NDArray[np.float64]:
    batches = (masks[first : first + _BATCH] for first in range(0, len(masks), _BATCH))
    scores = [target_of(network, _replaced(clip, other, batch), "score") for batch in batches]
    return torch.cat(scores).double().numpy()


def _replaced(clip: Tensor, other: Tensor, masks: list[Tensor]) -> Tensor:
    """(N, 3, T, H, W): the clip with the pixels of each mask, (T, H, W) bool, taken from another."""
    return torch.where(torch.stack(masks)[:, None], other, clip)
