from __future__ import annotations

import math
from collections import Counter

import pytest
import torch

from lps_sweep.methods.orca.partners import partners
from tests.methods.orca_cases import LABELS, wave_outputs

ALMOST_ONE = 1 - 2.0**-24


def slow_partners(features: list[list[float]], labels: list[int], draws: list[float]) -> list[int]:
    def cosine(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))

    found = []
    for i, row in enumerate(features):
        if i < len(labels):
            same = [j for j, label in enumerate(labels) if label == labels[i] and j != i]
            found.append(same[int(draws[i] * len(same))] if same else i)
        else:
            others = [j for j in range(len(features)) if j != i]
            found.append(max(others, key=lambda j, row=row: cosine(row, features[j])))  # type: ignore[misc]
    return found


@pytest.mark.parametrize("draw", [0.0, ALMOST_ONE])
def test_the_golden_case(draw: float) -> None:
    features = wave_outputs()[0].features

    found = partners(features, LABELS, torch.full((10,), draw))

    assert found.tolist() == [3, 2, 1, 0, 3, 4, 9, 8, 7, 6]
    assert not found.requires_grad


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("num_labeled", [0, 1, 9, 20])
def test_agrees_with_the_slow_reference(seed: int, num_labeled: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(20, 6, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 4, (num_labeled,), generator=generator)
    draws = torch.rand(20, generator=generator)

    found = partners(features, labels, draws)

    assert found.dtype == torch.int64
    wanted = slow_partners(features.tolist(), labels.tolist(), draws.tolist())
    assert found.tolist() == wanted


def test_each_of_the_class_is_as_likely_and_never_the_row_itself() -> None:
    labels = torch.tensor([0, 1, 0, 0, 1, 0])
    draws = [torch.full((6,), (i + 0.5) / 30) for i in range(30)]
    counts = Counter(int(partners(torch.ones(6, 2), labels, draw)[2]) for draw in draws)

    assert counts == {0: 10, 3: 10, 5: 10}


@pytest.mark.parametrize("count", [2, 34, 128])
def test_the_largest_draw_is_the_last_of_the_class(count: int) -> None:
    draws = torch.full((count,), ALMOST_ONE)

    found = partners(torch.ones(count, 2), torch.zeros(count, dtype=torch.int64), draws)

    assert found.tolist() == [count - 1] * (count - 1) + [count - 2]


def test_an_unlabeled_row_may_be_nearest_to_a_labeled_one_whatever_the_length() -> None:
    features = torch.tensor([[0.0, 9.0], [1.0, 0.0], [0.0, 0.1], [5.0, 1.0]])

    assert partners(features, torch.tensor([0]), torch.zeros(4)).tolist() == [0, 3, 0, 1]


@pytest.mark.parametrize("labels", [[], [0]])
def test_a_row_alone_is_its_own_partner(labels: list[int]) -> None:
    given = torch.tensor(labels, dtype=torch.int64)

    assert partners(torch.ones(1, 3), given, torch.zeros(1)).tolist() == [0]
