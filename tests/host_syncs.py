"""Sees whatever makes the host wait for a device, or a shape depend on values, without a GPU.

A step is run on `fake_cuda`: tensors without content that say they are on a GPU, from which no
value can be had. `HostSyncs` stands above and names each operation that would wait for the device.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lps_sweep.data import pixel_ops, simclr, views, warp

CACHES = (views._constants, warp._source_table, pixel_ops._factors, simclr._hue_parts)
"""Constants on a device: made once, which waits for it."""


class HostSyncs(TorchDispatchMode):
    """Collects in `found` the names of operations that wait, or whose shapes depend on values.

    With `refuse` they raise an AssertionError instead.
    """

    def __init__(self, *, refuse: bool = True) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.refuse = refuse
        self.found: list[str] = []
        self.num_seen = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        self.num_seen += 1
        if waits(func, args, kwargs):
            name = func.overloadpacket.__name__
            if self.refuse:
                raise AssertionError(f"{name} waits for the device")
            self.found.append(name)
        return func(*args, **kwargs)


def waits(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether the host waits for the device in this operation."""
    name = func.overloadpacket.__name__
    if name in {"index", "index_put", "index_put_", "_index_put_impl_"}:
        indices = [i for i in args[1] if isinstance(i, Tensor)]
        return any(i.dtype in (torch.bool, torch.uint8) for i in indices)
    if name in {"_to_copy", "copy_"}:
        return _crosses(name, args, kwargs)
    if name == "where":  # it brings a number that lies on the host to the device, and waits
        return len({t.device.type for t in args if isinstance(t, Tensor)}) > 1
    values = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
    return bool(values & set(func.tags))


def _crosses(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a copy goes from one device to another while the host waits."""
    if name == "_to_copy":
        source, target = args[0].device, kwargs.get("device") or args[0].device
        patient = kwargs.get("non_blocking", False)
    else:
        source, target = args[1].device, args[0].device
        patient = args[2] if len(args) > 2 else kwargs.get("non_blocking", False)
    return source.type != torch.device(target).type and not patient


class _Undone(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Leaves undone what has no fake form and gives nothing back; sees that it is on the GPU."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func.overloadpacket.__name__ in {"_fused_sgd_", "_fused_adam_"}:
            assert all_on("cuda", (args, kwargs))
            return None
        return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def fake_cuda() -> Iterator[None]:
    """Tensors are fake within; constants that were made so are forgotten afterwards."""
    _forget()
    try:
        with FakeTensorMode(allow_non_fake_inputs=True), _Undone():  # type: ignore[no-untyped-call]
            yield
    finally:
        _forget()


def _forget() -> None:
    for cache in CACHES:
        cache.cache_clear()


def all_on(device: str, tree: Any) -> bool:
    """Whether all tensors of a nested structure are on a device of that type."""
    return all(t.device.type == device for t in tree_leaves(tree) if isinstance(t, Tensor))
