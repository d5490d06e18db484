"""CUDA graphs acted on a CPU: what was done is noted operation by operation, and done again.

A replay repeats each operation on the very tensors that it had, and puts what comes out where it
lay then. Numbers of the host stay what they were at the recording, a tensor that was made anew
for a later step is not looked at, and nothing of the Python code runs: as with a CUDA graph.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lps_sweep.train.capture import Work


class Tape(TorchDispatchMode):
    """Notes all operations within; `replay` does them again."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._notes: list[tuple[Any, tuple[Any, ...], dict[str, Any], list[Any]]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        self._notes.append((func, args, kwargs or {}, tree_leaves(made)))
        return made

    def __len__(self) -> int:
        return len(self._notes)

    @torch.no_grad()
    def replay(self) -> None:
        for func, args, kwargs, noted in self._notes:
            made = tree_leaves(func(*args, **kwargs))
            for old, new in zip(noted, made, strict=True):
                if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


class TapeRecorder:
    """A `Recorder` for a CPU."""

    def __init__(self) -> None:
        self.num_warm_ups = 0
        self.tapes: list[Tape] = []
        self.num_replays = 0

    def warm_up(self, work: Work) -> None:
        self.num_warm_ups += 1
        work()

    def record(self, work: Work) -> Work:
        """Unlike CUDA, noting operations does them; the first replay is therefore left out."""
        tape = Tape()
        with tape:
            work()
        self.tapes.append(tape)
        fresh = [True]

        def replay() -> None:
            self.num_replays += 1
            if fresh:
                fresh.clear()
            else:
                tape.replay()

        return replay
