"""What a method is built from in tests: a tail that passes features on."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from lps_sweep.methods.protocol import Parts


def parts_of(**values: Any) -> Parts:
    """Small parts, with `values` in place of these."""
    small: dict[str, Any] = {
        "tail": nn.Identity(),
        "head_scale": 10.0,
        "num_steps": 2,
        "num_epochs": 3,
        "num_images": 9,
        "unlabeled": torch.arange(3),
        "generator": torch.Generator().manual_seed(0),
        "device": torch.device("cpu"),
        "pass_tail": lambda tail, activations: tail(activations),
    }
    return Parts(**(small | values))
