"""What the tests for a GPU stand on, seen without one: every way to wait for it is seen."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from lps_sweep import train
from tests import conftest
from tests.host_syncs import HostSyncs, fake_cuda

WAITS: dict[str, Callable[[Tensor], object]] = {
    "item": lambda x: x.sum().item(),
    "tolist": lambda x: x.tolist(),
    "cpu": lambda x: x.cpu(),
    "to": lambda x: x.to("cpu"),
    "from the host": lambda x: torch.ones(3).to(x.device),
    "copied in": lambda x: x.copy_(torch.ones(3)),
    "mask": lambda x: x[x > 0],
    "assigned by mask": lambda x: x.index_put_((x > 0,), torch.ones((), device=x.device)),
    "nonzero": lambda x: torch.nonzero(x),
    "bincount": lambda x: torch.bincount(x.long()),
    "where of a number": lambda x: torch.where(x > 0, x, torch.tensor(1.0)),
    "equal": lambda x: torch.equal(x, x),
}
GOES_ON: dict[str, Callable[[Tensor], object]] = {
    "scalars": lambda x: torch.where(x > 0, x * 2 + 1, 0.0),
    "gather": lambda x: x[x.long()],
    "filled": lambda x: x.fill_(3.0),
    "slice assigned": lambda x: x[:2].fill_(1.0),
    "without waiting": lambda x: x.copy_(torch.ones(3), non_blocking=True),
    "cast": lambda x: x.to(torch.bfloat16),
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_waiting_is_seen(wait: Callable[[Tensor], object]) -> None:
    with fake_cuda():
        values = torch.empty(3, device="cuda")
        with HostSyncs(), pytest.raises(AssertionError, match="waits for the device"):
            wait(values)


@pytest.mark.parametrize("go_on", GOES_ON.values(), ids=GOES_ON)
def test_going_on_is_no_waiting(go_on: Callable[[Tensor], object]) -> None:
    with fake_cuda():
        values = torch.empty(3, device="cuda")
        with HostSyncs() as syncs:
            go_on(values)
    assert syncs.num_seen > 0


def test_what_counts_waits_may_say_that_it_is_a_prototype() -> None:
    """`torch.cuda.set_sync_debug_mode` itself, below what asks for a GPU first."""
    call = getattr(torch._C, "_cuda_set_sync_debug_mode", None)
    if call is None:
        pytest.skip("torch without CUDA")
    torch.set_warn_always(True)  # it gives some warnings once in a process; here, each time
    try:
        call(0)
    finally:
        torch.set_warn_always(False)


@pytest.mark.parametrize(("marker", "there"), [("gpu", True), ("gpu", False), ("slow", True)])
def test_the_device_is_set_up_for_a_test_on_a_gpu_or_it_is_skipped(
    marker: str, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[tuple[object, ...]] = []
    monkeypatch.setattr(train, "set_up_device", lambda *given: found.append(given))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    item: Any = SimpleNamespace(get_closest_marker=lambda name: name if name == marker else None)
    skips: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
    if not there:
        skips = pytest.raises(pytest.skip.Exception)
    with skips:
        conftest.pytest_runtest_setup(item)
    assert found == ([("cuda", 1)] if there and marker == "gpu" else [])
