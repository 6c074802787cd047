"""Inflation: the features of a 2D network on a face that stands still, and files that are no such network."""

from __future__ import annotations

import io
import os

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from facefatigue.errors import ConfigurationError, ModelError
from facefatigue.model.inflate import inflate_into, read_2d_checkpoint
from facefatigue.model.network import FatigueNet


class Block2d(nn.Module):
    """A residual block as torchvision names it: basic with two kernels, bottleneck with three."""

    def __init__(self, channels_in: int, channels_out: int, between: int, kernels: tuple[int, ...], stride: int) -> None:
        super().__init__()
        widths = [channels_in, *[between] * (len(kernels) - 1), channels_out]
        strided = kernels.index(3)
        for index, size in enumerate(kernels):
            step = stride if index == strided else 1
            conv = nn.Conv2d(widths[index], widths[index + 1], size, step, size // 2, bias=False)
            self.add_module(f"conv{index + 1}", conv)
            self.add_module(f"bn{index + 1}", nn.BatchNorm2d(widths[index + 1]))
        self.count = len(kernels)
        self.downsample = None
        if stride != 1 or channels_in != channels_out:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False), nn.BatchNorm2d(channels_out)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x
        for index in range(1, self.count + 1):
            y = self.get_submodule(f"bn{index}")(self.get_submodule(f"conv{index}")(y))
            y = torch.relu(y) if index < self.count else y
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet2d(nn.Module):
    """A 2D ResNet as torchvision names it."""

    def __init__(
        self, blocks: tuple[int, ...] = (2, 2, 2, 2), width: int = 8, classes: int = 7, bottleneck: bool = False
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        channels_in = width
        for stage, count in enumerate(blocks):
            layers = []
            for index in range(count):
                between = width * 2**stage
                channels_out, kernels = (4 * between, (1, 3, 1)) if bottleneck else (between, (3, 3))
                layers.append(Block2d(channels_in, channels_out, between, kernels, 2 if stage and not index else 1))
                channels_in = channels_out
            self.add_module(f"layer{stage + 1}", nn.Sequential(*layers))
        self.fc = nn.Linear(channels_in, classes)

    def stem(self, image: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.bn1(self.conv1(image)))

    def pooled(self, image: torch.Tensor) -> torch.Tensor:
        x = nn.functional.max_pool2d(self.stem(image), 3, 2, 1)
        return self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3))


def trained(**settings) -> ResNet2d:
    """A 2D network in which every weight matters."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        network = ResNet2d(**settings)
        for name, tensor in network.state_dict().items():
            if tensor.ndim == 1 and "fc" not in name:
                tensor.copy_(
                    torch.rand_like(tensor) + 0.5 if name.endswith(("weight", "var")) else 0.2 * torch.randn_like(tensor)
                )
    return network.eval()


def saved(network: nn.Module, path, *, prefix: str = "module.", **further: torch.Tensor):
    state = {f"{prefix}{name}": tensor for name, tensor in (network.state_dict() | further).items()}
    torch.save({"state_dict": state, "epoch": 7, "arch": "resnet18"} if prefix else state, path)
    return path


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(1)) * 2 - 1


def still(image: torch.Tensor, frames: int = 8) -> torch.Tensor:
    return image.unsqueeze(2).expand(-1, -1, frames, -1, -1)


COUNTER = "stem.norm.num_batches_tracked"
DEPTHS_2D = {
    10: {"blocks": (1, 1, 1, 1)},
    18: {"blocks": (2, 2, 2, 2)},
    34: {"blocks": (3, 4, 6, 3)},
    50: {"blocks": (3, 4, 6, 3), "bottleneck": True},
}


@pytest.mark.parametrize("depth", DEPTHS_2D)
@pytest.mark.parametrize(("position", "placement"), [(0, "inside"), (1, "inside"), (3, "inside"), (4, "after")])
def test_a_face_that_stands_still_has_the_2d_features(tmp_path, small_config, image, depth, position, placement):
    network_2d = trained(**DEPTHS_2D[depth])
    checkpoint = read_2d_checkpoint(saved(network_2d, tmp_path / "face.pth.tar"))
    assert (checkpoint.depth, checkpoint.first_channel) == (depth, 8)
    network = FatigueNet(small_config(depth=depth, non_local_position=position, non_local_placement=placement)).eval()
    inflate_into(network, checkpoint)
    with torch.inference_mode():
        expected = network_2d.pooled(image)
        assert expected.std() > 0.1
        torch.testing.assert_close(network.pooled(still(image)), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("inflation", ["centre", "mean"])
def test_2d_backbones_become_the_2d_network(tmp_path, small_config, image, inflation):
    network_2d = trained()
    checkpoint = read_2d_checkpoint(saved(network_2d, tmp_path / "face.pth"))
    with torch.inference_mode():
        expected = network_2d.pooled(image)
        for backbone, copies in (("resnet2d", 1), ("resnet2d_attention", 2)):
            network = FatigueNet(small_config(backbone=backbone)).eval()
            inflate_into(network, checkpoint, inflation=inflation)
            torch.testing.assert_close(network.pooled(still(image)), expected.repeat(1, copies), atol=1e-4, rtol=1e-4)


def test_all_forms_of_the_file_hold_the_same_network(tmp_path):
    network_2d = trained()
    head = {"feature.weight": torch.zeros(256, 64), "feature.bias": torch.zeros(256), "fc.weight": torch.zeros(87020, 256)}
    save_file(network_2d.state_dict(), tmp_path / "vision.safetensors")
    trunk = {name: tensor for name, tensor in network_2d.state_dict().items() if not name.startswith("fc.")}
    for path in (
        saved(network_2d, tmp_path / "vision.pth", prefix=""),
        saved(network_2d, tmp_path / "celeb.pth.tar", **head),
        saved(network_2d.half(), tmp_path / "half.pt"),
        tmp_path / "vision.safetensors",
    ):
        found = read_2d_checkpoint(path).weights
        assert found.keys() == trunk.keys()
        assert {tensor.dtype for tensor in found.values()} == {torch.float32, torch.int64}
        for name, tensor in trunk.items():
            torch.testing.assert_close(found[name], tensor, atol=1e-3, rtol=0, check_dtype=False)


def test_only_stem_and_stages_are_set_and_named(tmp_path, small_config):
    network_2d = trained()
    del network_2d.bn1.num_batches_tracked  # torch before 0.4.1 had none
    checkpoint = read_2d_checkpoint(saved(network_2d, tmp_path / "face.pth"))
    for backbone in ("resnet3d", "resnet2d_attention"):
        network = FatigueNet(small_config(backbone=backbone))
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        names = set(inflate_into(network, checkpoint))
        changed = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
        assert changed == {name for name in names if "num_batches" not in name}
        others = before.keys() - names
        assert COUNTER in others
        assert all(name.startswith(("features.", "head.", "attention.", "stage3.1.")) for name in others - {COUNTER})


def test_mean_inflation_is_exact_away_from_the_ends(tmp_path, small_config, image):
    network_2d = trained()
    network = FatigueNet(small_config()).eval()
    inflate_into(network, read_2d_checkpoint(saved(network_2d, tmp_path / "face.pth")), inflation="mean")
    with torch.inference_mode():
        expected = network_2d.stem(image)
        x = torch.relu(network.stem.norm(network.stem.conv(still(image, 9))))
        for frame in (3, 4, 5):
            torch.testing.assert_close(x[:, :, frame], expected, atol=1e-4, rtol=1e-4)
        assert not torch.allclose(x[:, :, 0], expected, atol=1e-2)


def test_an_inflated_network_trains(tmp_path, small_config, image):
    network = FatigueNet(small_config()).train()
    inflate_into(network, read_2d_checkpoint(saved(trained(), tmp_path / "face.pth")))
    network(still(image))[1].sum().backward()
    for name in ("stem.conv.weight", "stage2.0.conv1.weight"):  # the zeros around the centre learn, too
        gradient = network.get_parameter(name).grad
        assert (gradient.abs().amax((0, 1, 3, 4)) > 0).all()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"backbone": "r2plus1d"}, "cannot be inflated into r2plus1d"),
        ({"first_channel": 16}, r"first_channel is 16 but .*face\.pth has 8"),
        ({"depth": 34}, r"depth is 34 but .*face\.pth has 18"),
        ({"depth": 50, "first_channel": 32}, r"depth is 50 but .* has 18; first_channel is 32 but .* has 8"),
    ],
)
def test_a_network_that_does_not_fit_is_left_as_it_was(tmp_path, small_config, settings, said):
    checkpoint = read_2d_checkpoint(saved(trained(), tmp_path / "face.pth"))
    network = FatigueNet(small_config(**settings))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(ConfigurationError, match=said):
        inflate_into(network, checkpoint)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_an_unknown_inflation_is_refused(tmp_path, small_config):
    checkpoint = read_2d_checkpoint(saved(trained(), tmp_path / "face.pth"))
    with pytest.raises(ConfigurationError, match="inflation is 'center' but must be one of centre, mean"):
        inflate_into(FatigueNet(small_config()), checkpoint, inflation="center")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("module.layer2.0.downsample.0.weight"), "layer2.0.downsample.0.weight is missing"),
        (lambda s: s.pop("module.layer1.1.conv1.weight"), "layer1.1.conv1.weight is missing"),
        (lambda s: s.pop("module.layer4.1.bn2.running_var"), "layer4.1.bn2.running_var is missing"),
        (lambda s: s.pop("module.conv1.weight"), "conv1.weight is missing"),
        (lambda s: s.update({"module.alpha.0.weight": torch.zeros(1, 64)}), "alpha.0.weight is left over"),
        (lambda s: s.update({"module.layer1.0.conv3.weight": torch.zeros(1)}), r"\(2, 2, 2, 2\) bottleneck blocks"),
        (lambda s: s.update({"module.layer1.2.conv1.weight": torch.zeros(1)}), r"\(3, 2, 2, 2\) basic blocks"),
        (lambda s: s.update({"module.conv1.weight": torch.zeros(8, 3, 7, 7, 7)}), r"shape \(8, 3, 7, 7, 7\), expected 4"),
        (lambda s: s.update({"module.conv1.weight": torch.zeros(12, 3, 7, 7)}), "12 channels in its first layer"),
        (lambda s: s.update({"module.conv1.weight": torch.zeros(8, 1, 7, 7)}), r"conv1.weight has shape \(8, 1, 7, 7\)"),
        (lambda s: s.update({"module.bn1.bias": torch.full((8,), torch.nan)}), "bn1.bias has values that are not finite"),
        (lambda s: s.update({"bn1.bias": torch.zeros(8)}), "bn1.bias is there twice"),
        (lambda s: s.update({"module.lr": 0.1}), "lr is float, not a tensor"),
        (lambda s: s.clear(), "holds no network weights"),
    ],
)
def test_other_networks_are_refused(tmp_path, change, said):
    state = {f"module.{name}": tensor for name, tensor in trained().state_dict().items()}
    change(state)
    torch.save({"state_dict": state}, tmp_path / "face.pth")
    with pytest.raises(ModelError, match=said) as caught:
        read_2d_checkpoint(tmp_path / "face.pth")
    assert "\n" not in str(caught.value)


class Hostile:
    def __init__(self, target: str) -> None:
        self.target = target

    def __reduce__(self):
        return os.mkdir, (self.target,)


def test_a_hostile_pickle_runs_nothing(tmp_path):
    torch.save({"state_dict": Hostile(str(tmp_path / "owned"))}, tmp_path / "face.pth.tar")
    with pytest.raises(ModelError, match="cannot be loaded safely"):
        read_2d_checkpoint(tmp_path / "face.pth.tar")
    assert not (tmp_path / "owned").exists()


def test_half_a_file_is_one_line(tmp_path):
    buffer = io.BytesIO()
    torch.save(trained().state_dict(), buffer)
    (tmp_path / "face.pth").write_bytes(buffer.getvalue()[: buffer.tell() // 2])
    save_file(trained().state_dict(), tmp_path / "whole.safetensors")
    whole = (tmp_path / "whole.safetensors").read_bytes()
    (tmp_path / "face.safetensors").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.safetensors").write_bytes(b"")
    for name in ("face.pth", "face.safetensors", "empty.safetensors", "absent.safetensors", "absent.pth"):
        with pytest.raises(ModelError, match=name) as caught:
            read_2d_checkpoint(tmp_path / name)
        assert "\n" not in str(caught.value)
