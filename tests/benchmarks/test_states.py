"""How far two states are apart: nothing is equal that should not be."""

from __future__ import annotations

import math

import torch

from benchmarks.states import difference, relative_error


def test_differences_of_states() -> None:
    state = {"a": torch.tensor([1.0, 2.0]), "b": [1, {"c": 0.5}]}
    assert difference(state, {"a": torch.tensor([1.0, 2.0]), "b": [1, {"c": 0.5}]}) == 0.0
    assert difference(state, {"a": torch.tensor([1.0, 2.5]), "b": [1, {"c": 0.5}]}) == 0.5
    assert difference(state, {"a": torch.tensor([1.0, 2.0]), "b": [1, {"c": 0.75}]}) == 0.25


def test_what_cannot_be_compared_is_infinitely_far() -> None:
    state = {"a": torch.tensor([1.0, 2.0]), "b": [1, {"c": 0.5}]}
    for other in (
        {"a": torch.tensor([1.0, math.nan]), "b": [1, {"c": 0.5}]},
        {"a": torch.tensor([1.0, 2.0]), "b": [1]},
        {"a": torch.tensor([1.0]), "b": [1, {"c": 0.5}]},
        {"a": torch.tensor([1.0, 2.0]).double(), "b": [1, {"c": 0.5}]},
        {},
    ):
        assert difference(state, other) == math.inf
    assert difference({}, {}) == math.inf
    assert difference({"a": "x"}, {"a": "y"}) == math.inf


def test_relative_errors() -> None:
    right = torch.tensor([3.0, 4.0], requires_grad=True)
    assert relative_error(right + torch.tensor([0.0, 0.5]), right) == 0.1
    assert relative_error(torch.zeros(2), torch.zeros(2)) == 0.0
    assert relative_error(torch.ones(2), torch.zeros(2)) == math.inf
    assert relative_error(torch.tensor([math.nan, 4.0]), right) == math.inf
