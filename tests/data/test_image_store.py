from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from lps_sweep.data.image_store import DeviceImages, HostImages, image_store, memory_limit
from tests.fake_memory import FakeMemory
from tests.host_syncs import fake_cuda

CPU = torch.device("cpu")
ROWS = torch.tensor([7, 0, 7, 11, 3])


def pixels() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (12, 3, 6, 5), dtype=np.uint8)


@pytest.fixture
def mapped(tmp_path: Path) -> NDArray[np.uint8]:
    pixels().tofile(tmp_path / "pixels")
    return np.memmap(tmp_path / "pixels", dtype=np.uint8, mode="r", shape=(12, 3, 6, 5))


def test_both_forms_give_the_same_images(mapped: NDArray[np.uint8]) -> None:
    expected = torch.from_numpy(pixels())[ROWS]
    for images in (pixels(), mapped):
        for form in (DeviceImages, HostImages):
            store = form(images, CPU)
            assert len(store) == 12
            assert torch.equal(store[ROWS], expected)
            assert store[ROWS].is_contiguous()


def test_what_does_not_fit_stays_on_the_host(mapped: NDArray[np.uint8]) -> None:
    num_bytes = mapped.nbytes
    assert isinstance(image_store(mapped, CPU, num_bytes), DeviceImages)
    assert isinstance(image_store(mapped, CPU, num_bytes - 1), HostImages)


def test_on_a_cpu_arrays_are_shared_and_files_stay_files(mapped: NDArray[np.uint8]) -> None:
    array = pixels()
    store = image_store(array, CPU)
    array[0] = 9
    assert int(store[torch.tensor([0])].sum()) == 9 * 90
    assert image_store(mapped, CPU).place == "in a mapped file"


GPU = torch.device("cuda")


@pytest.mark.parametrize("cached", [0, 300, 900])
def test_what_the_cache_of_this_process_holds_is_free(
    cached: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a pack that ended in a worker that goes on to the next one."""
    memory = FakeMemory(1000, monkeypatch)
    memory.take(cached)
    memory.drop(cached)
    assert memory_limit(pixels(), GPU) == 500


def test_what_tensors_and_other_processes_hold_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = FakeMemory(1000, monkeypatch)
    memory.others = 200
    memory.take(500)
    memory.drop(100)
    assert memory_limit(pixels(), GPU) == 200


@pytest.mark.parametrize(("fraction", "limit"), [(0.5, 250), (0.25, 125), (1.0, 500)])
def test_packs_that_share_a_gpu_count_their_own_part(
    fraction: float, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = FakeMemory(1000, monkeypatch)
    memory.fraction = fraction
    assert memory_limit(pixels(), GPU) == limit
    memory.take(100)
    assert memory_limit(pixels(), GPU) == limit - 50
    memory.others = 1000
    assert memory_limit(pixels(), GPU) == 0


@pytest.mark.parametrize("fits", [True, False])
def test_images_that_stay_on_the_host_of_a_gpu_are_told_to_everybody(
    fits: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning is seen without any settings; training is slow and nothing else would say why."""
    FakeMemory(4 * 12 * 90 if fits else 100, monkeypatch)
    with fake_cuda(), caplog.at_level(logging.INFO):
        store = image_store(pixels(), GPU)
    [record] = caplog.records
    assert record.levelno == (logging.INFO if fits else logging.WARNING)
    assert store.place in record.getMessage()


class Log(list[str]):
    """What is done to page-locked memory, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        names = itertools.count()

        class Event:
            def __init__(event, **_: Any) -> None:  # noqa: N805
                event.name = next(names)

            def record(event, *_: Any) -> None:  # noqa: N805
                self.append(f"record {event.name}")

            def synchronize(event) -> None:  # noqa: N805
                self.append(f"wait {event.name}")

        monkeypatch.setattr(torch.cuda, "Event", Event)
        monkeypatch.setattr(torch, "empty", self._noted("lock", torch.empty, "pin_memory"))
        monkeypatch.setattr(torch, "index_select", self._noted("fill", torch.index_select))
        monkeypatch.setattr(Tensor, "to", self._noted("copy", Tensor.to, "non_blocking"))

    def _noted(self, name: str, call: Callable[..., Any], only: str = "") -> Callable[..., Any]:
        def noted(*given: Any, **named: Any) -> Any:
            if not only or named.get(only):
                self.append(name)
            return call(*given, **named)

        return noted


def test_the_host_is_at_most_two_batches_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is locked twice, and filled again only when its batch has left it."""
    with fake_cuda():
        store = HostImages(pixels(), GPU)
        log = Log(monkeypatch)
        for _ in range(5):
            store[ROWS]
        store[ROWS[:2]]
    fresh = ["lock", "fill", "copy"]
    assert log[:8] == [*fresh, "record 0", *fresh, "record 1"]
    assert log[8:] == [
        step
        for event in (0, 1, 0, 1)
        for step in (f"wait {event}", "fill", "copy", f"record {event}")
    ]


@pytest.mark.gpu
def test_a_gpu_gets_the_same_images_from_the_host(mapped: NDArray[np.uint8]) -> None:
    device = torch.device("cuda")
    on_device, on_host = image_store(mapped, device), image_store(mapped, device, 0)
    assert isinstance(on_device, DeviceImages)
    assert isinstance(on_host, HostImages)
    for rows in (ROWS, ROWS.to(device)):
        assert torch.equal(on_device[rows], on_host[rows])
        assert on_host[rows].is_cuda
    orders = [torch.randint(12, (size,)) for size in (12, 5, 9, 12, 3) * 20]
    found = [on_host[rows] for rows in orders]
    assert all(torch.equal(on_device[r], images) for r, images in zip(orders, found, strict=True))
