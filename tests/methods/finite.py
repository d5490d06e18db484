"""Gradients by central differences, of losses that are computed in plain Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Matrix = list[list[float]]
STEP = 1e-5


def differences(loss: Callable[..., float], inputs: Sequence[Matrix]) -> list[Matrix]:
    """Of `loss(*inputs)`, with respect to every number of every input."""
    found: list[Matrix] = []
    for matrix in inputs:
        gradient = [[0.0] * len(row) for row in matrix]
        for i, row in enumerate(matrix):
            for j, value in enumerate(row):
                row[j] = value + STEP
                above = loss(*inputs)
                row[j] = value - STEP
                gradient[i][j] = (above - loss(*inputs)) / (2 * STEP)
                row[j] = value
        found.append(gradient)
    return found
