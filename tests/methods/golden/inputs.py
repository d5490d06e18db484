"""Inputs from the formulas that a file of expected values names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def tensor_of(formula: Mapping[str, Any]) -> Tensor:
    """(rows, cols) float64: row i, column j, both from 0.

    `sin` and `cos`: amp f(a i + b j (i + 1) + o) + shift. `blobs`: as `cos`, with `scale` more in
    column blob[i] of row i where that is not negative. `const`: the values.

    Raises:
        ValueError: There is no such kind.
    """
    kind = formula["kind"]
    if kind == "const":
        return torch.tensor(formula["values"], dtype=torch.float64)
    if kind not in ("sin", "cos", "blobs"):
        raise ValueError(f"unknown kind of input {kind!r}")
    i = torch.arange(formula["rows"], dtype=torch.float64).unsqueeze(1)
    j = torch.arange(formula["cols"], dtype=torch.float64)
    angle = formula["a"] * i + formula["b"] * j * (i + 1) + formula["o"]
    made: Tensor = formula["amp"] * (angle.sin() if kind == "sin" else angle.cos())
    if kind == "blobs":
        for row, column in enumerate(formula["blob"]):
            if column >= 0:
                made[row, column] += formula["scale"]
    return made + float(formula.get("shift", 0.0))


def inputs_of(parameters: Mapping[str, Any], *, with_gradient: bool) -> dict[str, Tensor]:
    """The inputs by name; those of `parameters.grad`, or all, are leaves `with_gradient`."""
    inputs = {name: tensor_of(formula) for name, formula in parameters["inputs"].items()}
    for name in parameters.get("grad", inputs) if with_gradient else ():
        inputs[name].requires_grad_()
    return inputs


def numbered(inputs: Mapping[str, Tensor], prefix: str) -> list[Tensor]:
    """The inputs named `prefix` and a number, in the order of the numbers."""
    found = {int(name[len(prefix) :]): x for name, x in inputs.items() if _matches(name, prefix)}
    return [found[number] for number in sorted(found)]


def _matches(name: str, prefix: str) -> bool:
    return re.fullmatch(re.escape(prefix) + r"\d+", name) is not None


def grad_norms(total: Tensor, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """2-norm of the gradient of `total` for each input that is a leaf; 0 where there is none."""
    leaves = {name: x for name, x in inputs.items() if x.requires_grad}
    if not total.requires_grad:
        return {name: torch.zeros(()) for name in leaves}
    found = torch.autograd.grad(
        total, list(leaves.values()), allow_unused=True, retain_graph=True, materialize_grads=True
    )
    return {name: gradient.norm() for name, gradient in zip(leaves, found, strict=True)}
