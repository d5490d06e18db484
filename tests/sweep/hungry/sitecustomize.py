"""Put on a worker's path: packs with a trial of C = 99 take memory until they are killed.

With one of C = 98 they meet, once, a device that is broken from then on.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Hungry:
    """Finds `lps_sweep.train` as usual and then replaces its `train_pack`."""

    def find_spec(self, name: str, *_: object) -> Any:
        if name != "lps_sweep.train":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        run = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            run(module)

            def hungry(pack: Any, *rest: Any) -> Iterator[Any]:
                if any(member.config.method.C == 99 for member in pack.members):
                    eat()
                if any(member.config.method.C == 98 for member in pack.members):
                    break_once()
                from lps_sweep.train.pack import train_pack

                return train_pack(pack, *rest)

            module.train_pack = hungry

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def break_once() -> None:
    """The first process ever to come here can do no more work, and none comes here again."""
    import torch

    note = Path(os.environ["BROKEN_NOTE"])
    if not note.exists() or note.read_text() == str(os.getpid()):
        note.write_text(str(os.getpid()))
        raise torch.AcceleratorError("CUDA error: device-side assert triggered")


def eat() -> None:
    """Takes memory in pieces that are really used, 20 GB at the most."""
    taken = []
    for _ in range(100):
        taken.append(bytearray(b"x") * 200_000_000)
        time.sleep(0.1)
    raise RuntimeError("nobody stopped this")


sys.meta_path.insert(0, Hungry())
