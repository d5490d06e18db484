"""How often the host waits for the device."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable

import torch

from benchmarks.frame import Setting
from tests.host_syncs import HostSyncs


def waits_of(call: Callable[[], object]) -> Counter[str]:
    """The waiting operations of a call, by name. On a CPU: those that would wait on a GPU.

    What a captured graph replays is not seen, and does not wait.
    """
    with HostSyncs(refuse=False) as syncs:
        call()
    return Counter(syncs.found)


def num_waits(call: Callable[[], object], setting: Setting) -> int:
    """Times that CUDA itself reports a wait of the host; on a CPU, the waiting operations."""
    if not setting.on_cuda:
        return waits_of(call).total()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(warning.message) for warning in caught)
