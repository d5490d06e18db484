"""Where training has its images: on the device as one tensor, or on the host, fetched by batch."""

from __future__ import annotations

import itertools
import logging
import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

DEVICE_SHARE = 0.5
"""Of a GPU's free memory that images may take; the rest is for training."""

_log = logging.getLogger(__name__)


class DeviceImages:
    """All images as one tensor on the device. An array in memory is shared by a CPU's, not copied.

    Attributes:
        place: In words, where they are.
        index_device: Where indices are best made. Indices on another device are understood.

    Args:
        images: uint8 (N, C, H, W).
        device: Where they are to be.
    """

    def __init__(self, images: NDArray[np.uint8], device: torch.device) -> None:
        self._pixels = _as_tensor(images).to(device)
        if isinstance(images, np.memmap) and device.type == "cpu":
            self._pixels = self._pixels.clone()
        self.index_device = device
        self.place = "on the device" if device.type != "cpu" else "in memory"

    def __len__(self) -> int:
        """Number of images."""
        return len(self._pixels)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """The images at `rows`, int64 (n,): uint8 (n, C, H, W) on the device."""
        return self._pixels[rows.to(self.index_device)]


class HostImages:
    """As `DeviceImages`, but in the memory of the host, or in the file mapped into it.

    A batch is gathered on the host, in page-locked memory where the device is a GPU, and copied
    while the host goes on, though never by more than two batches: there are two such memories.
    Indices are taken on the CPU: those on a GPU would have to be waited for.

    Args:
        images: uint8 (N, C, H, W).
        device: Where batches are to be.
    """

    def __init__(self, images: NDArray[np.uint8], device: torch.device) -> None:
        self._pixels = _as_tensor(images)
        self._device = device
        self.index_device = torch.device("cpu")
        self._locked = itertools.cycle((_LockedMemory(), _LockedMemory()))
        mapped = isinstance(images, np.memmap)
        self.place = "in a mapped file" if mapped else "in the memory of the host"

    def __len__(self) -> int:
        """Number of images."""
        return len(self._pixels)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """The images at `rows`."""
        rows = rows.to(self.index_device)
        if self._device.type != "cuda":
            return self._pixels.index_select(0, rows).to(self._device)
        return next(self._locked).sent(self._pixels, rows, self._device)


class _LockedMemory:
    """Page-locked memory for one batch at a time, which is filled again once it was copied."""

    def __init__(self) -> None:
        self._memory = torch.empty(0, dtype=torch.uint8)
        self._copied: torch.cuda.Event | None = None

    def sent(self, pixels: Tensor, rows: Tensor, device: torch.device) -> Tensor:
        """The `pixels` at `rows` on a GPU; the host waits for the batch before, not for this."""
        if self._copied is None:
            self._copied = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        else:
            self._copied.synchronize()
        if len(self._memory) < len(rows):
            shape = (len(rows), *pixels.shape[1:])
            self._memory = torch.empty(shape, dtype=torch.uint8, pin_memory=True)
        part = self._memory[: len(rows)]
        torch.index_select(pixels, 0, rows, out=part)
        batch = part.to(device, non_blocking=True)
        self._copied.record()
        return batch


def image_store(
    images: NDArray[np.uint8], device: torch.device, limit_bytes: int | None = None
) -> DeviceImages | HostImages:
    """The images on the device if they fit, otherwise on the host; training is the same to the bit.

    Args:
        images: uint8 (N, C, H, W); a mapped file is not read as a whole to stay on the host.
        device: Where batches are to be.
        limit_bytes: What they may take there; `memory_limit` if not given.
    """
    limit = memory_limit(images, device) if limit_bytes is None else limit_bytes
    store = (DeviceImages if images.nbytes <= limit else HostImages)(images, device)
    slow = device.type == "cuda" and isinstance(store, HostImages)
    _log.log(
        logging.WARNING if slow else logging.INFO,
        "%d images of %.2f GB are %s; %.2f GB may lie on %s",
        len(images), images.nbytes / 1e9, store.place, limit / 1e9, device,
    )  # fmt: skip
    return store


def memory_limit(images: NDArray[np.uint8], device: torch.device) -> int:
    """Bytes that `images` may take on `device`.

    On a CPU an array is in memory already, and a mapped file is in the page cache, which several
    processes share.
    """
    if device.type == "cuda":
        return int(DEVICE_SHARE * free_memory(device))
    return 0 if isinstance(images, np.memmap) else images.nbytes


def free_memory(device: torch.device) -> int:
    """Bytes of a GPU that new tensors of this process can have.

    What its allocator holds in its cache is free; what lies beyond its fraction of the GPU is not.
    """
    free, total = torch.cuda.mem_get_info(device)
    allocated = torch.cuda.memory_allocated(device)
    cached = torch.cuda.memory_reserved(device) - allocated
    share = torch.cuda.get_per_process_memory_fraction(device.index)
    return max(0, min(free + cached, int(share * total) - allocated))


def _as_tensor(images: NDArray[np.uint8]) -> Tensor:
    """A tensor on the same memory, which nothing here writes to."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(images)
