"""The memory of a GPU as torch tells of it, without a GPU.

Only what asks the driver is replaced; a device without an index is refused by torch itself where
it does not take one.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch


class FakeMemory:
    """A card with other processes, and this one's allocator with its cache.

    Attributes:
        total: Bytes of the card.
        others: What other processes hold of it, and this one outside its allocator.
        allocated: Bytes of this process's tensors.
        reserved: What its allocator holds for them, `allocated` among it.
        held: What it cannot give back though no tensor lies in it: pools of graphs.
        fraction: Of the card that it may reserve.
        peak: The most that was `allocated`.
        num_emptied: How often its cache was emptied.
    """

    def __init__(self, total: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.total = total
        self.others = self.allocated = self.reserved = self.held = self.peak = 0
        self.fraction = 1.0
        self.num_emptied = 0
        for name in ("_lazy_init", "reset_peak_memory_stats"):
            monkeypatch.setattr(torch.cuda, name, lambda *_: None)
        monkeypatch.setattr(torch.cuda.memory, "_lazy_init", lambda: None)
        monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
        monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", self._forget)
        monkeypatch.setattr(torch.cuda, "mem_get_info", self._info)
        monkeypatch.setattr(torch.cuda, "memory_allocated", lambda *_: self.allocated)
        monkeypatch.setattr(torch.cuda, "memory_reserved", lambda *_: self.reserved)
        monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda *_: self.peak)
        monkeypatch.setattr(torch.cuda, "empty_cache", self._emptied)
        for name, call in (("set", self._limit), ("get", lambda _: self.fraction)):
            monkeypatch.setattr(torch._C, f"_cuda_{name}MemoryFraction", call, raising=False)

    def take(self, num_bytes: int) -> None:
        """New tensors, from the cache as far as it reaches."""
        self.allocated += num_bytes
        self.reserved = max(self.reserved, self.allocated + self.held)
        self.peak = max(self.peak, self.allocated)

    def drop(self, num_bytes: int) -> None:
        """Tensors are forgotten; the cache keeps their memory."""
        self.allocated -= num_bytes

    def _forget(self, *_: Any) -> None:
        self.peak = self.allocated

    def _info(self, *_: Any) -> tuple[int, int]:
        return self.total - self.others - self.reserved, self.total

    def _emptied(self) -> None:
        self.num_emptied += 1
        self.reserved = self.allocated + self.held

    def _limit(self, fraction: float, device: int) -> None:
        assert device == 0
        self.fraction = fraction
