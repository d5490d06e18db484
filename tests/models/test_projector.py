from __future__ import annotations

import math

import pytest
import torch

from lps_sweep.models import LinearHead, Projector


def projector(seed: int = 0) -> Projector:
    return Projector(40, 60, 7, torch.Generator().manual_seed(seed))


def gelu(x: float) -> float:
    return x * (1 + math.erf(x / math.sqrt(2))) / 2


def test_agrees_with_three_layers_in_plain_python() -> None:
    net = Projector(2, 3, 2, torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        for given in net.parameters():
            given.copy_(torch.randn(given.shape))
    row = [0.3, -1.2]
    for i, layer in enumerate(part for part in net.layers if isinstance(part, LinearHead)):
        weight, bias = layer.weight.tolist(), layer.bias.tolist()
        sums = [
            sum(w * x for w, x in zip(line, row, strict=True)) + b
            for line, b in zip(weight, bias, strict=True)
        ]
        row = [gelu(x) for x in sums] if i < 2 else sums

    found = net(torch.tensor([[0.3, -1.2]], dtype=torch.float64))

    assert found[0].tolist() == pytest.approx(row, abs=1e-12)


def test_first_weights_are_small_and_of_the_generator_alone() -> None:
    before = torch.random.get_rng_state()
    one, same, other = projector(), projector(), projector(1)

    assert torch.equal(before, torch.random.get_rng_state())
    for name, weight in one.state_dict().items():
        assert torch.equal(weight, same.state_dict()[name])
        if name.endswith("bias"):
            assert not weight.any()
        else:
            assert not torch.equal(weight, other.state_dict()[name])
            assert weight.std().item() == pytest.approx(0.02, rel=0.15)
            assert weight.mean().abs().item() < 0.003


def test_half_precision_is_raised() -> None:
    features = torch.randn(4, 40)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = projector()(features.bfloat16())

    assert found.dtype == torch.float32
    assert torch.equal(found, projector()(features.bfloat16().float()))
