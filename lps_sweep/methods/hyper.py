"""A method's hyper-parameters as tensors, and the precision in which losses are computed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor


class Hyper(SimpleNamespace):
    """The fields of a method's configuration, numbers as 0-d tensors.

    One captured step thus serves all values. Words stay words: each selects another computation.
    """

    @classmethod
    def of(cls, config: Any, device: torch.device | str, dtype: torch.dtype) -> Hyper:
        """The numbers of `config` as tensors of `dtype` on `device`."""
        return cls(
            **{
                name: x if isinstance(x, str) else torch.tensor(x, dtype=dtype, device=device)
                for name, x in vars(config).items()
            }
        )


def at_least_float32(*tensors: Tensor) -> list[Tensor]:
    """Half precision is raised to float32; float32 and float64 stay."""
    return [x if x.dtype in (torch.float32, torch.float64) else x.float() for x in tensors]
