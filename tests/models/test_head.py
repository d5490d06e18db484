from __future__ import annotations

import math

import pytest
import torch

from lps_sweep.models import CosineHead


def head(feature_dim: int = 6, num_classes: int = 4, scale: float = 10.0) -> CosineHead:
    return CosineHead(feature_dim, num_classes, scale, torch.Generator().manual_seed(0))


def slow_logits(
    features: list[list[float]], weight: list[list[float]], scale: float
) -> list[list[float]]:
    """Cosine by cosine."""
    columns = list(zip(*weight, strict=True))
    return [
        [
            scale
            * sum(a * b for a, b in zip(f, w, strict=True))
            / (math.hypot(*f) * math.hypot(*w))
            for w in columns
        ]
        for f in features
    ]


@pytest.mark.parametrize("scale", [10.0, 3.5])
def test_logits_against_a_slow_reference(scale: float) -> None:
    module = head(scale=scale).double()
    with torch.no_grad():
        module.weight.mul_(torch.tensor([0.1, 1.0, 7.0, 300.0], dtype=torch.float64))
    features = torch.randn(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected = slow_logits(features.tolist(), module.weight.tolist(), scale)
    assert torch.allclose(module(features), torch.tensor(expected, dtype=torch.float64))


def test_closed_form() -> None:
    module = head(2, 3)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[2.0, 0.0, -1.0], [0.0, 5.0, 0.0]]))
    logits = module(torch.tensor([[3.0, 4.0]]))
    assert torch.allclose(logits, torch.tensor([[6.0, 8.0, -6.0]]))


def test_columns_start_with_norm_1_and_uniform_directions() -> None:
    weight = head(512, 100).weight.detach()
    assert weight.shape == (512, 100)
    assert torch.allclose(weight.norm(dim=0), torch.ones(100), atol=1e-6)
    assert abs(weight.mean().item()) < 1e-3
    # uniform(-1, 1) entries: the largest of a column is close to sqrt(3 / d), a normal's is not
    assert torch.allclose(weight.abs().amax(dim=0), torch.tensor(math.sqrt(3 / 512)), rtol=0.1)


def test_weights_come_from_the_generator_alone() -> None:
    state = torch.get_rng_state()
    first, again = head().weight, head().weight
    other = CosineHead(6, 4, 10.0, torch.Generator().manual_seed(1)).weight
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_state_is_the_weight_and_there_is_no_bias() -> None:
    module = head()
    assert list(module.state_dict()) == ["weight"]
    assert [name for name, _ in module.named_parameters()] == ["weight"]


def test_zero_features_have_zero_logits_and_a_finite_gradient() -> None:
    module = head()
    features = torch.zeros(2, 6, requires_grad=True)
    logits = module(features)
    logits.logsumexp(dim=1).sum().backward()
    assert torch.equal(logits, torch.zeros(2, 4))
    assert features.grad is not None
    assert module.weight.grad is not None
    assert bool(torch.isfinite(features.grad).all())
    assert bool(torch.isfinite(module.weight.grad).all())


def test_gradient() -> None:
    module = head(3, 2).double()
    features = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    weight = module.weight.detach().requires_grad_()

    def logits(features: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        result = torch.func.functional_call(module, {"weight": weight}, (features,))
        assert isinstance(result, torch.Tensor)
        return result

    assert torch.autograd.gradcheck(logits, (features, weight))


def test_precision_is_that_of_the_weights_under_autocast() -> None:
    module = head(64, 8)
    features = torch.randn(5, 64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = module(features)
        rounded = module(features.bfloat16())
    assert logits.dtype == rounded.dtype == torch.float32
    assert torch.equal(logits, module(features))
    assert torch.equal(rounded, module(features.bfloat16().float()))
