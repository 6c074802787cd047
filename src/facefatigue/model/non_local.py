"""The non-local block: every position of a feature map looks at every other one, in space and in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from facefatigue.model.config import NonLocalMode


class NonLocalBlock(nn.Module):
    """A residual block z = x + norm(output(y)), y_i = Σ_j f(x_i, x_j) g(x_j) / C(x), over the P = T·H·W positions.

    From "Non-local Neural Networks" (Wang et al., CVPR 2018), section 3.2; the four forms of f are

    - ``embedded_gaussian``: exp(θ_i · φ_j), normalised by its sum (a softmax over j);
    - ``gaussian``: exp(x_i · x_j), likewise, without θ and φ;
    - ``dot``: θ_i · φ_j, normalised by P;
    - ``concatenate``: ReLU(w · [θ_i, φ_j] + b), normalised by P.

    Section 4.1 of the paper initialises the scale of the last batch norm to zero, and so does this block (scale and shift):
    it starts as the identity and can be put into a trained network.

    All but ``dot`` hold P × P numbers for each clip. For 32 frames of 224 px that is 2 MB in stage 3, 160 MB in stage 2 and
    10 GB in stage 1; in the 2D backbones, which keep every frame, 160 MB in stage 3.

    Args:
        channels: Channels C of the input and output; θ, φ and g have C/2.
        mode: The form of f.
    """

    def __init__(self, *, channels: int, mode: NonLocalMode) -> None:
        super().__init__()
        inner = channels // 2
        self.mode = mode
        self.g = nn.Conv3d(channels, inner, kernel_size=1)
        if mode != "gaussian":
            self.theta = nn.Conv3d(channels, inner, kernel_size=1)
            self.phi = nn.Conv3d(channels, inner, kernel_size=1)
        if mode == "concatenate":
            self.relation = nn.Linear(2 * inner, 1)
        self.output = nn.Conv3d(inner, channels, kernel_size=1)
        self.norm = nn.BatchNorm3d(channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the last batch norm to zero, which makes the block the identity."""
        nn.init.zeros_(self.norm.weight)
        nn.init.zeros_(self.norm.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Add to every position what it gathers from all positions.

        Args:
            x: (N, C, T, H, W) float32.

        Returns:
            (N, C, T, H, W) float32.
        """
        g = self.g(x).flatten(2).transpose(1, 2)  # (N, P, C/2)
        y = self._gather(x, g)  # (N, P, C/2)
        y = y.transpose(1, 2).reshape(x.shape[0], g.shape[2], *x.shape[2:])  # (N, C/2, T, H, W)
        return x + cast("Tensor", self.norm(self.output(y)))  # (N, C, T, H, W)

    def weights(self, x: Tensor, rows: slice | None = None) -> Tensor:
        """How much positions listen to each other: f(x_i, x_j) / C(x), by which :meth:`forward` weighs g(x_j).

        A row sums to 1 in the Gaussian forms; in the other two it may not, and in ``dot`` a weight may be below 0.

        Args:
            x: (N, C, T, H, W) float32; its P = T·H·W positions are numbered in this order.
            rows: The listening positions i, R of them; None: all P.

        Returns:
            (N, R, P) float32.
        """
        query = (x if self.mode == "gaussian" else self.theta(x)).flatten(2).transpose(1, 2)  # (N, P, C or C/2)
        query = query if rows is None else query[:, rows]  # (N, R, C or C/2)
        key = (x if self.mode == "gaussian" else self.phi(x)).flatten(2)  # (N, C or C/2, P)
        if self.mode in {"gaussian", "embedded_gaussian"}:
            return torch.softmax(torch.matmul(query, key), dim=-1)  # (N, R, P)
        if self.mode == "dot":
            return torch.matmul(query, key) / key.shape[2]  # (N, R, P)
        weight_theta, weight_phi = self.relation.weight.chunk(2, dim=1)  # (1, C/2) each
        from_i = torch.matmul(query, weight_theta.transpose(0, 1)) + self.relation.bias  # (N, R, 1)
        from_j = torch.matmul(weight_phi, key)  # (N, 1, P)
        return torch.relu(from_i + from_j) / key.shape[2]  # (N, R, P)

    def _gather(self, x: Tensor, g: Tensor) -> Tensor:
        """Σ_j f(x_i, x_j) g_j / C(x), (N, P, C/2)."""
        if self.mode != "dot":
            return torch.matmul(self.weights(x), g)  # (N, P, C/2)
        theta = self.theta(x).flatten(2).transpose(1, 2)  # (N, P, C/2)
        phi = self.phi(x).flatten(2)  # (N, C/2, P)
        return torch.matmul(theta, torch.matmul(phi, g) / g.shape[1])  # (θ φᵀ) g = θ (φᵀ g): no P × P matrix
