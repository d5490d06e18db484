from __future__ import annotations

import functools

import pytest
import torch
import torchvision
from torch import Tensor, nn

from lps_sweep.errors import BadInputError
from lps_sweep.models import NETWORKS, Network, build_network, split_network

PARTS = {
    "small_cnn": ["stage1", "stage2", "stage3", "stage4"],
    "resnet18": ["stem", "stage1", "stage2", "stage3", "stage4"],
    "resnet50": ["stem", "stage1", "stage2", "stage3", "stage4"],
}
CHOICES = [
    *(("small_cnn", part) for part in ("none", *PARTS["small_cnn"])),
    *(("resnet18", part) for part in ("none", "stem", "stage4")),
    ("resnet50", "stage3"),
]


@functools.cache
def built(name: str, in_channels: int = 3) -> Network:
    """Not to be changed."""
    torch.manual_seed(0)
    return build_network(name, in_channels)


def without_numbers(name: str, in_channels: int = 3) -> Network:
    with torch.device("meta"):
        return build_network(name, in_channels)


def network_and_images(name: str) -> tuple[Network, Tensor]:
    torch.manual_seed(0)
    network = build_network(name, 3)
    return network, torch.randn(4, 3, 8, 8)


def num_parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("name", "in_channels", "expected", "feature_dim"),
    [
        ("small_cnn", 1, 60_400, 64),
        ("small_cnn", 3, 60_688, 64),
        ("resnet18", 3, 11_168_832, 512),
        ("resnet50", 3, 23_508_032, 2048),
        ("resnet50", 1, 23_508_032 - 2 * 49 * 64, 2048),
    ],
)
def test_number_of_parameters(name: str, in_channels: int, expected: int, feature_dim: int) -> None:
    network = without_numbers(name, in_channels)
    assert num_parameters(network) == expected
    assert network.feature_dim == feature_dim


def test_each_network_is_covered_here() -> None:
    assert set(NETWORKS) == set(PARTS)


@pytest.mark.parametrize(
    ("name", "side", "shapes"),
    [
        ("small_cnn", 8, [(16, 8), (32, 4), (64, 4), (64, 2)]),
        ("resnet18", 32, [(64, 32), (64, 32), (128, 16), (256, 8), (512, 4)]),
        ("resnet50", 64, [(64, 16), (256, 16), (512, 8), (1024, 4), (2048, 2)]),
    ],
)
def test_shape_behind_each_part(name: str, side: int, shapes: list[tuple[int, int]]) -> None:
    network = built(name).eval()
    assert list(network.parts) == PARTS[name]
    activations = torch.randn(2, 3, side, side)
    for part, (channels, part_side) in zip(network.parts.values(), shapes, strict=True):
        activations = part(activations)
        assert activations.shape == (2, channels, part_side, part_side)
    assert torch.allclose(network.pool(activations), activations.flatten(2).mean(2))


def test_no_convolution_has_a_bias_and_each_has_a_batch_norm() -> None:
    for name, expected in (("small_cnn", 4), ("resnet18", 20), ("resnet50", 53)):
        modules = list(without_numbers(name).modules())
        convolutions = [m for m in modules if isinstance(m, nn.Conv2d)]
        assert len(convolutions) == sum(isinstance(m, nn.BatchNorm2d) for m in modules) == expected
        assert all(c.bias is None for c in convolutions)


def test_resnet_follows_the_published_block() -> None:
    """Stage 2's first block, written out: projection shortcut, ReLU after the sum."""
    network, _ = network_and_images("resnet18")
    block = network.get_submodule("parts.stage2.0")
    block.eval()
    x = torch.randn(2, 64, 8, 8)
    state: dict[str, Tensor] = dict(block.state_dict())

    def conv_bn(x: Tensor, conv: str, bn: str, stride: int, padding: int) -> Tensor:
        y: Tensor = torch.conv2d(x, state[f"{conv}.weight"], stride=stride, padding=padding)
        shape = (1, -1, 1, 1)
        y = (y - state[f"{bn}.running_mean"].view(shape)) / torch.sqrt(
            state[f"{bn}.running_var"].view(shape) + 1e-5
        )
        weight: Tensor = state[f"{bn}.weight"].view(shape)
        bias: Tensor = state[f"{bn}.bias"].view(shape)
        return y * weight + bias

    inner = conv_bn(x, "conv1", "bn1", 2, 1).clamp(min=0)
    outer = conv_bn(inner, "conv2", "bn2", 1, 1)
    expected = (outer + conv_bn(x, "shortcut.0", "shortcut.1", 2, 0)).clamp(min=0)
    assert torch.allclose(block(x), expected, atol=1e-5)


def test_resnet50_computes_what_torchvision_does() -> None:
    network = built("resnet50")
    torch.manual_seed(0)
    published = torchvision.models.resnet50(weights=None, num_classes=1).eval()
    published.fc = nn.Identity()
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        features = network.eval()(images)
        assert torch.allclose(features, published(images), rtol=1e-5, atol=1e-6)
        published.layer3[1].bn2.weight += 0.1
        assert not torch.allclose(features, published(images), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize(("name", "frozen_through"), CHOICES)
def test_trunk_then_tail_is_the_whole_network_and_leaves_its_input_as_it_is(
    name: str, frozen_through: str
) -> None:
    network, images = built(name), torch.randn(4, 3, 8, 8)
    trunk, tail = split_network(network.eval(), frozen_through)
    parts = PARTS[name]
    num_frozen = 0 if frozen_through == "none" else parts.index(frozen_through) + 1
    assert [n for n, _ in trunk.named_children()] == parts[:num_frozen]
    assert [n for n, _ in tail.named_children()] == [*parts[num_frozen:], "pool"]
    assert num_parameters(trunk) + num_parameters(tail) == num_parameters(network)
    given = images.clone()
    with torch.no_grad():
        activations = trunk(images)
        kept = activations.clone()
        features = tail(activations)
        assert features.shape == (4, network.feature_dim)
        assert torch.equal(features, network(images))
    assert torch.equal(activations, kept)
    assert torch.equal(images, given)


@pytest.mark.parametrize("name", ["small_cnn", "resnet18"])
def test_weights_are_shared_and_the_tail_learns_behind_a_trunk_without_gradient(name: str) -> None:
    network, images = network_and_images(name)
    trunk, tail = split_network(network, "stage3")
    mine = [*trunk.parameters(), *tail.parameters()]
    assert {id(p) for p in mine} == {id(p) for p in network.parameters()}
    with torch.no_grad():
        activations = trunk(images)
    tail(activations).square().sum().backward()
    assert all(p.grad is None for p in trunk.parameters())
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in tail.parameters())


def test_small_cnn_has_no_stem() -> None:
    with pytest.raises(BadInputError, match=r"^frozen_through: .*'stem'.*none, stage1"):
        split_network(build_network("small_cnn", 1), "stem")


def test_unknown_network() -> None:
    with pytest.raises(BadInputError, match=r"^network: .*did you mean 'resnet50'"):
        build_network("resnet-50", 3)


@pytest.mark.parametrize("name", ["small_cnn", "resnet18"])
def test_weights_follow_the_global_generator(name: str) -> None:
    first, again = built(name).state_dict(), network_and_images(name)[0].state_dict()
    other = build_network(name, 3).state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)
