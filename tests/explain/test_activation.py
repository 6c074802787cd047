"""Class activation maps, of every backbone, against what they mean."""

from __future__ import annotations

import pytest
import torch

from facefatigue.errors import ConfigurationError
from facefatigue.explain.activation import activation_map
from facefatigue.explain.layers import Cut, default_layer, layer_names
from facefatigue.explain.target import target_of

BACKBONES = ("resnet3d", "r2plus1d", "resnet2d", "resnet2d_attention", "resnet2d_cues")


@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_layer_gives_a_map_and_cutting_changes_no_output(network_of, clip, backbone):
    network = network_of(backbone=backbone)
    logits = network(clip)[0]
    for layer in layer_names(network):
        with Cut(network, layer) as cut:
            torch.testing.assert_close(network(clip)[0], logits)
        assert len(cut.parts) == (5 if layer == "read" else 1)
        found = activation_map(network, clip, layer=layer)
        assert found.values.shape == (8, 32, 32)
        assert found.values.dtype == "float32"
        assert abs(found.values).max() > 0
        assert found.heat.min() >= 0
        assert found.heat.max() in (0, 1)
    torch.testing.assert_close(network(clip)[0], logits)  # no hook is left


def test_layers_are_named(network_of):
    stages = ("stage1", "stage2", "stage3", "stage4")
    assert layer_names(network_of(non_local_position=0)) == stages
    assert layer_names(network_of()) == (*stages, "non-local")
    assert layer_names(network_of(backbone="resnet2d_cues")) == (*stages, "read", "non-local")
    assert default_layer(network_of()) == "stage4"
    assert default_layer(network_of(backbone="resnet2d_cues")) == "read"
    with pytest.raises(ConfigurationError, match="small has no layer 'stage5'; it has stage1, stage2, stage3, stage4"):
        activation_map(network_of(non_local_position=0), torch.zeros(1, 3, 8, 32, 32), layer="stage5")


@pytest.mark.parametrize("backbone", ["resnet3d", "r2plus1d", "resnet2d"])
def test_where_places_are_averaged_both_formulas_are_the_same(network_of, clip, backbone):
    network = network_of(backbone=backbone)
    grad, hires = (activation_map(network, clip, layer="stage4", method=method) for method in ("grad-cam", "hires-cam"))
    torch.testing.assert_close(torch.from_numpy(grad.values), torch.from_numpy(hires.values), atol=1e-7, rtol=1e-4)


def test_the_parts_of_a_reader_sum_to_the_change_when_all_fade_together(network_of, clip):
    network = network_of(backbone="resnet2d_cues")
    found = activation_map(network, clip, layer="read", method="hires-cam")

    def with_maps_times(factor):
        modules = [network.reader.fine, network.reader.middle, network.stage4]
        handles = [module.register_forward_hook(lambda _, __, maps: maps * factor) for module in modules]
        handles.append(network.reader.eyes.register_forward_hook(lambda _, __, maps: (maps[0] * factor, maps[1] * factor)))
        value = float(target_of(network, clip, "fatigue"))
        for handle in handles:
            handle.remove()
        return value

    step = 1e-2
    slope = (with_maps_times(1 + step) - with_maps_times(1 - step)) / (2 * step)
    assert float(found.values.sum()) == pytest.approx(slope, rel=0.05)
    assert list(found.parts) == ["left eye", "right eye", "stage2", "stage3", "stage4"]
    assert sum(found.parts.values()) == pytest.approx(1)


@pytest.mark.parametrize("side", [0, 1])
def test_what_an_eye_is_read_of_is_laid_back_to_that_eye(network_of, side):
    network = network_of(backbone="resnet2d_cues", size_px=112, frames=2)
    eyes = network.reader.eyes
    weight = network.reader.features.weight
    one_eye = eyes.count // 2
    first = weight.shape[1] - (2 - side) * one_eye
    weight[:, : weight.shape[1] - 2 * one_eye] = 0
    weight[:, weight.shape[1] - (1 + side) * one_eye :][:, :one_eye] = 0
    assert bool(weight[:, first : first + one_eye].any())
    clip = torch.rand(1, 3, 2, 112, 112, generator=torch.Generator().manual_seed(2)) * 2 - 1
    found = abs(activation_map(network, clip, layer="read", method="hires-cam").values).sum(axis=0)
    left = eyes.left if side == 0 else eyes.right
    inside = found[eyes.top : eyes.top + eyes.height, left : left + eyes.width]
    assert inside.sum() == pytest.approx(found.sum())
    assert inside.sum() > 0


def test_a_mirrored_clip_gives_the_mirrored_eyes(network_of):
    network = network_of(backbone="resnet2d_cues", size_px=112, frames=2)
    eyes = network.reader.eyes
    values = torch.arange(2 * 4 * 5, dtype=torch.float32).reshape(2, 4, 5)
    from facefatigue.explain.layers import lay_eye

    left, right = (lay_eye(eyes, values, (2, 112, 112), mirrored=mirrored) for mirrored in (False, True))
    window = slice(eyes.top, eyes.top + eyes.height)
    torch.testing.assert_close(
        left[:, window, eyes.left : eyes.left + eyes.width],
        right[:, window, eyes.right : eyes.right + eyes.width].flip(-1),
    )
    assert float(left.sum()) == pytest.approx(float(values.sum()), rel=1e-5)
