"""Frame attention: the paper's sums, its bounds, and gradients."""

from __future__ import annotations

import pytest
import torch

from facefatigue.model.frame_attention import FrameAttention


@pytest.fixture
def attention() -> FrameAttention:
    torch.manual_seed(0)
    attention = FrameAttention(6).eval()
    for layer in (attention.self_attention, attention.relation_attention):
        torch.nn.init.normal_(layer.weight)
        torch.nn.init.normal_(layer.bias)
    return attention


def test_it_computes_the_papers_sums(attention):
    frames = torch.randn(3, 5, 6)
    with torch.inference_mode():
        found = attention(frames)
        assert found.shape == (3, 12)
        for clip, combined in zip(frames, found, strict=True):
            alpha = [torch.sigmoid(attention.self_attention(f)) for f in clip]
            estimate = sum(a * f for a, f in zip(alpha, clip, strict=True)) / sum(alpha)
            pairs = [torch.cat([f, estimate]) for f in clip]
            weight = [a * torch.sigmoid(attention.relation_attention(p)) for a, p in zip(alpha, pairs, strict=True)]
            expected = sum(w * p for w, p in zip(weight, pairs, strict=True)) / sum(weight)
            torch.testing.assert_close(combined, expected, atol=1e-5, rtol=1e-5)


def test_weights_are_not_those_of_a_plain_mean(attention):
    frames = torch.randn(3, 5, 6)
    with torch.inference_mode():
        assert not torch.allclose(attention(frames)[:, :6], frames.mean(dim=1), atol=1e-2)


@pytest.mark.parametrize("frames", [1, 2, 9])
def test_frames_that_are_all_the_same_count_as_one(attention, frames):
    frame = torch.randn(2, 1, 6)
    with torch.inference_mode():
        found = attention(frame.expand(-1, frames, -1))
    torch.testing.assert_close(found, frame.repeat(1, 1, 2).squeeze(1), atol=1e-6, rtol=1e-5)


def test_frames_that_all_weigh_next_to_nothing_are_still_combined(attention):
    frames = torch.randn(2, 4, 6)
    with torch.inference_mode():
        attention.self_attention.bias.fill_(-300.0)  # the sigmoid is 0 in float32
        attention.relation_attention.bias.fill_(-300.0)
        found = attention(frames)
    assert torch.isfinite(found).all()
    assert (found[:, :6] <= frames.amax(dim=1) + 1e-6).all()


def test_gradients(attention):
    frames = torch.randn(2, 3, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(attention.double(), (frames,))
