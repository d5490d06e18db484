"""Clusters have no order of their own: they are numbered by their first row."""

from __future__ import annotations

import torch
from torch import Tensor


def by_first_row(ids: Tensor, first: int = 0) -> Tensor:
    """`ids` (N,) with those from `first` on renamed to first, first + 1, ... as they appear."""
    renamed: dict[int, int] = {}
    for found in ids.tolist():
        if found >= first:
            renamed.setdefault(found, first + len(renamed))
    return torch.tensor([renamed.get(found, found) for found in ids.tolist()])
