"""Where training has its images: on the device as one tensor, or on the host, fetched by batch."""

from __future__ import annotations

import logging
import warnings
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

DEVICE_SHARE = 0.5
"""Of a GPU's free memory that images may take; the rest is for training."""

_log = logging.getLogger(__name__)


class ImageStore(Protocol):
    """The images of a data set, by index.

    Attributes:
        place: In words, where they are.
        index_device: Where indices are best made. Indices on another device are understood.
    """

    place: str
    index_device: torch.device

    def __len__(self) -> int:
        """Number of images."""

    def __getitem__(self, rows: Tensor) -> Tensor:
        """The images at `rows`, int64 (n,): uint8 (n, C, H, W) on the device."""


class DeviceImages:
    """All images as one tensor on the device. An array in memory is shared by a CPU's, not copied.

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
        """The images at `rows`."""
        return self._pixels[rows.to(self.index_device)]


class HostImages:
    """Images that stay in the memory of the host, or in the file mapped into it.

    A batch is gathered on the host, in page-locked memory where the device is a GPU, and copied
    while the host goes on. Indices are taken on the CPU: those on a GPU would have to be waited
    for.

    Args:
        images: uint8 (N, C, H, W).
        device: Where batches are to be.
    """

    def __init__(self, images: NDArray[np.uint8], device: torch.device) -> None:
        self._pixels = _as_tensor(images)
        self._device = device
        self.index_device = torch.device("cpu")
        mapped = isinstance(images, np.memmap)
        self.place = "in a mapped file" if mapped else "in the memory of the host"

    def __len__(self) -> int:
        """Number of images."""
        return len(self._pixels)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """The images at `rows`."""
        fetched = torch.empty(
            (len(rows), *self._pixels.shape[1:]),
            dtype=torch.uint8,
            pin_memory=self._device.type == "cuda",
        )
        torch.index_select(self._pixels, 0, rows.to(self.index_device), out=fetched)
        return fetched.to(self._device, non_blocking=True)


def image_store(
    images: NDArray[np.uint8], device: torch.device, limit_bytes: int | None = None
) -> ImageStore:
    """The images on the device if they fit, otherwise on the host; training is the same to the bit.

    Args:
        images: uint8 (N, C, H, W); a mapped file is not read as a whole to stay on the host.
        device: Where batches are to be.
        limit_bytes: What they may take there; `memory_limit` if not given.
    """
    limit = memory_limit(images, device) if limit_bytes is None else limit_bytes
    store: ImageStore
    store = (DeviceImages if images.nbytes <= limit else HostImages)(images, device)
    _log.info(
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
        return int(DEVICE_SHARE * torch.cuda.mem_get_info(device)[0])
    return 0 if isinstance(images, np.memmap) else images.nbytes


def _as_tensor(images: NDArray[np.uint8]) -> Tensor:
    """A tensor on the same memory, which nothing here writes to."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(images)
