"""Frame attention: one feature vector for a clip from those of its frames, each with a weight that the network learns."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus


class FrameAttention(nn.Module):
    """A weighted mean of frames, each beside the first estimate that its weight was judged by.

    From "Frame Attention Networks for Facial Expression Recognition in Videos" (Meng et al., ICIP 2019, arXiv:1907.00193),
    section 2: for the features f_i of the frames, with sums over i,

    - self-attention: α_i = σ(q₀ · f_i), e = Σ α_i f_i / Σ α_i, the first estimate;
    - relation-attention: β_i = σ(q₁ · [f_i, e]), f = Σ α_i β_i [f_i, e] / Σ α_i β_i.

    As in its published code, q₀ and q₁ have a bias; its dropout in front of them is left out. The order of the frames does
    not matter.

    Args:
        channels: Features C of a frame.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.self_attention = nn.Linear(channels, 1)
        self.relation_attention = nn.Linear(2 * channels, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """Combine frames.

        Args:
            frames: (N, T, C) float32.

        Returns:
            (N, 2C) float32.
        """
        # The softmax of log α is α / Σ α, also where the sigmoid itself would be 0 for every frame.
        log_alpha = _log_sigmoid(self.self_attention(frames)).transpose(1, 2)  # (N, 1, T)
        estimate = torch.matmul(torch.softmax(log_alpha, dim=2), frames)  # (N, 1, C)
        pairs = torch.cat([frames, estimate.expand_as(frames)], dim=2)  # (N, T, 2C)
        log_beta = _log_sigmoid(self.relation_attention(pairs)).transpose(1, 2)  # (N, 1, T)
        return torch.matmul(torch.softmax(log_alpha + log_beta, dim=2), pairs).squeeze(1)  # (N, 2C)


def _log_sigmoid(x: Tensor) -> Tensor:
    """Like torch's logsigmoid, which becomes log(sigmoid(x)) in ONNX: minus infinity for x below -104."""
    return -softplus(-x)
