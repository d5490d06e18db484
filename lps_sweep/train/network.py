"""How trunk and tails are laid out, compiled and run."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lps_sweep.config import LoopConfig


def layout(device: torch.device) -> torch.memory_format:
    """The order of activations and weights of tails: channels last on a GPU, which is faster there.

    On a CPU it is not.
    """
    return torch.channels_last if device.type == "cuda" else torch.contiguous_format


def to_device(part: nn.Module, device: torch.device) -> nn.Module:
    """`part` on `device`, its weights in the device's order."""
    if device.type == "cuda":
        return part.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
    return part.to(device)


def compiled(part: nn.Module) -> nn.Module:
    """`part`, compiled at its first use for one shape of input; weights and state are shared.

    Tails of one architecture come to one code within a process. Where torch can, it chooses
    kernels without a clock, so that other processes come to it too; each part has to say so,
    since torch switches a setting of the process off again after each graph.
    Anything that cannot be compiled is an error, never a silent return to the plain module.
    """
    from torch._inductor import config

    options: Any = {"deterministic": True} if hasattr(config, "deterministic") else {}
    made: Any = torch.compile(part, dynamic=False, fullgraph=True, options=options)
    module: nn.Module = made
    return module


def half_precision(loop: LoopConfig, device: torch.device) -> torch.autocast:
    """Autocast to bfloat16 where the configuration wants it; weights stay float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=loop.precision == "bfloat16")


def pass_tail(
    trained: nn.Module | None,
    loop: LoopConfig,
    device: torch.device,
    tail: nn.Module,
    activations: Tensor,
) -> Tensor:
    """The tail in the configured precision; `trained` is its compiled form, for training."""
    part = trained if trained is not None and tail.training else tail
    with half_precision(loop, device):
        features: Tensor = part(activations)
    return features
