"""How often the host waits for the device."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "_unique2", "bincount", "is_nonzero")
"""Operations whose result the host must have before it can go on: a number or a shape."""


class _Waits(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts operations that would make the host wait, on whatever device they run."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in WAITING or (name.startswith("index") and _has_mask(args)):
            self.found[name] += 1
        return func(*args, **(kwargs or {}))


def _has_mask(args: Any) -> bool:
    """Whether a tensor is indexed by a mask, whose number of rows the host has to know."""
    indices = args[1] if len(args) > 1 and isinstance(args[1], list | tuple) else ()
    return any(isinstance(i, torch.Tensor) and i.dtype == torch.bool for i in indices)


def waits_of(call: Callable[[], object]) -> dict[str, int]:
    """The waiting operations of a call, by name. On a CPU: those that would wait on a GPU.

    What a captured graph replays is not seen, and does not wait.
    """
    with _Waits() as waits:
        call()
    return dict(waits.found)


def cuda_waits_of(call: Callable[[], object]) -> int:
    """Times that CUDA itself reports a wait of the host."""
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(warning.message) for warning in caught)
