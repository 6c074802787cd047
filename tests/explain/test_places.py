"""Places of a map lie where the network looks, and what they hold is kept."""

from __future__ import annotations

import pytest
import torch

from facefatigue.explain.places import spread, step_between


@pytest.mark.parametrize(("pixels", "places", "step"), [(112, 4, 32), (112, 7, 16), (33, 5, 8), (33, 3, 16), (9, 9, 1)])
def test_the_stride_follows_from_the_sizes(pixels, places, step):
    assert step_between(places, pixels) == step


def test_sizes_that_no_halving_explains_are_refused():
    with pytest.raises(ValueError, match="5 places out of 112 pixels"):
        step_between(5, 112)


@pytest.mark.parametrize(
    ("shape", "size"), [((2, 4, 4), (32, 112, 112)), ((32, 14, 7), (32, 112, 112)), ((8, 1, 1), (8, 33, 9))]
)
def test_the_sum_is_kept_and_nothing_is_below_0(shape, size):
    values = torch.rand(shape)
    spreaded = spread(values, size)
    assert spreaded.shape == size
    assert float(spreaded.sum()) == pytest.approx(float(values.sum()), rel=1e-5)
    assert float(spreaded.min()) >= 0


def test_a_place_is_brightest_where_it_is_centred_and_fades_to_its_neighbours():
    values = torch.zeros(1, 4, 4)
    values[0, 1, 2] = 1
    spreaded = spread(values, (1, 112, 112))[0]
    assert divmod(int(spreaded.argmax()), 112) == (32, 64)
    assert float(spreaded[0].max()) == 0
    assert float(spreaded[64].max()) == 0
    assert float(spreaded[48, 64]) == pytest.approx(float(spreaded[32, 64]) / 2)


@pytest.mark.parametrize(("layer", "place"), [("stage1", 12), ("stage2", 7)])
@pytest.mark.parametrize("backbone", ["resnet3d", "resnet2d"])
def test_a_place_of_a_layer_looks_around_the_pixel_that_it_is_laid_back_to(network_of, layer, place, backbone):
    network = network_of(backbone=backbone, depth=10, size_px=112, frames=2, non_local_position=0)
    maps: list[torch.Tensor] = []
    handle = getattr(network, layer).register_forward_hook(lambda _, __, output: maps.append(output))
    clip = torch.zeros(1, 3, 2, 112, 112).uniform_(generator=torch.Generator().manual_seed(0)).requires_grad_()
    network(clip)
    handle.remove()
    (gradient,) = torch.autograd.grad(maps[0][0, :, 0, place, place].sum(), clip)
    seen = torch.nonzero(gradient[0].abs().sum(dim=(0, 1)))
    centre = (seen.min(dim=0).values + seen.max(dim=0).values) / 2
    values = torch.zeros(maps[0].shape[2:])
    values[0, place, place] = 1
    peak = torch.nonzero(spread(values, (2, 112, 112))[0] >= spread(values, (2, 112, 112))[0].max() * (1 - 1e-6))
    assert centre.tolist() == peak[0].tolist()
