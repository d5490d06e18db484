from __future__ import annotations

import torch

from lps_sweep.models import LinearHead


def head(feature_dim: int = 400, num_outputs: int = 5) -> LinearHead:
    return LinearHead(feature_dim, num_outputs, torch.Generator().manual_seed(0))


def test_outputs_are_linear_in_the_features() -> None:
    module = head(3, 2)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]]))
        module.bias.copy_(torch.tensor([10.0, 0.5]))

    assert module(torch.tensor([[1.0, 1.0, 2.0]])).tolist() == [[13.0, 5.5]]


def test_weights_come_from_the_generator_alone_and_are_small() -> None:
    state = torch.get_rng_state()
    first, again = head(), head()

    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first.weight, again.weight)
    assert torch.equal(first.bias, again.bias)
    for weight in (first.weight, first.bias):
        assert weight.requires_grad
        assert bool(weight.any())
        assert weight.abs().max().item() <= 1 / 20
    assert first.weight.abs().max().item() > 0.99 / 20


def test_autocast_does_not_lower_its_precision() -> None:
    features = torch.randn(8, 400, generator=torch.Generator().manual_seed(1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = head()(features.bfloat16())

    assert found.dtype == torch.float32
    assert torch.equal(found, head()(features.bfloat16().float()))
