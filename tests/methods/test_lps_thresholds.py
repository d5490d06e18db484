from __future__ import annotations

import math
from typing import get_args

import pytest
import torch

from lps_sweep.methods.lps.thresholds import LambdaNovelShape, lambda_novel


def at(shape: LambdaNovelShape, progress: float, start: float = 0.4, end: float = 0.8) -> float:
    return lambda_novel(
        shape,
        torch.tensor(start, dtype=torch.float64),
        torch.tensor(end, dtype=torch.float64),
        torch.tensor(progress, dtype=torch.float64),
    ).item()


def slow(shape: str, p: float, a: float, b: float) -> float:
    e = math.exp
    return {
        "constant": b,
        "linear": a + (b - a) * p,
        "cosine": a + (b - a) * (1 - math.cos(math.pi * p)) / 2,
        "exponential": b - (b - a) * (e(-5 * p) - e(-5)) / (1 - e(-5)),
        "step": a + (b - a) * math.floor(5 * p) / 5,
    }[shape]


@pytest.mark.parametrize("shape", get_args(LambdaNovelShape))
@pytest.mark.parametrize(("start", "end"), [(0.4, 0.8), (0.9, 0.1)])
def test_formulas(shape: LambdaNovelShape, start: float, end: float) -> None:
    for progress in (0.0, 0.1, 0.35, 0.5, 0.79, 0.99, 1.0):
        wanted = slow(shape, progress, start, end)
        assert at(shape, progress, start, end) == pytest.approx(wanted, abs=1e-12)
    if shape != "constant":
        assert at(shape, 0.0, start, end) == pytest.approx(start, abs=1e-12)


def test_shapes_differ_half_way() -> None:
    found = {shape: round(at(shape, 0.45), 3) for shape in get_args(LambdaNovelShape)}

    assert found == {
        "constant": 0.8,
        "linear": 0.58,
        "cosine": 0.569,
        "exponential": 0.76,
        "step": 0.56,
    }
