"""The precision in which losses are computed."""

from __future__ import annotations

import torch
from torch import Tensor


def at_least_float32(*tensors: Tensor) -> list[Tensor]:
    """Half precision is raised to float32; float32 and float64 stay."""
    return [x if x.dtype in (torch.float32, torch.float64) else x.float() for x in tensors]
