"""What an error in training says: too little memory, a broken device, or a fault of the work."""

from __future__ import annotations

import errno

import torch

from lps_sweep.errors import DeviceError

MEMORY = (
    "out of memory",
    "_alloc_failed",
    "allocation_failed",
    "insufficient_resources",
    "can't allocate memory",
    "unable to find an engine to execute",
    "bad_alloc",
    "cudaerrormemoryallocation",
)
"""Parts of the texts, in small letters, of what Python and torch have no type for: CUDA itself for
graphs and page-locked memory, its libraries for their workspaces, torch's allocator of the CPU.
cuDNN, which passes over each engine that it has no memory for, finds none."""

DEVICE = ("cuda error", "cuda driver error", "cublas_status", "cudnn_status", "triton error [cuda]")
"""Likewise of errors of a device and its libraries."""

OF_THE_WORK = (
    "invalid argument",
    "invalid configuration argument",
    "invalid resource handle",
    "too many resources requested",
    "_not_supported",
    "_bad_param",
    "_invalid_value",
)
"""Likewise of those of a call that was refused, after which a device goes on as before."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was too little memory, of the host or of a device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and _has(error, MEMORY)


def is_broken(error: BaseException, device: torch.device) -> bool:
    """Whether no further work can be done on `device` in this process, whoever does it.

    After an assertion in a kernel, an illegal access or an uncorrectable bit, every later call
    raises. It may be the first of another's work, since errors are learnt of late; a GPU is
    therefore asked whatever the error says.
    """
    if device.type == "cuda" and not _answers(device):
        return True
    if is_out_of_memory(error) or _has(error, OF_THE_WORK):
        return False
    of_device = isinstance(error, RuntimeError) and _has(error, DEVICE)
    return of_device or isinstance(error, torch.AcceleratorError)


def device_error(error: BaseException, device: torch.device) -> DeviceError | None:
    """What tells that `error` comes of a broken `device`; nothing if it does not."""
    return process_ends(error, f"the device {device} broke") if is_broken(error, device) else None


def process_ends(error: BaseException, doing: str) -> DeviceError:
    """What tells that `error`, in the course of `doing`, has left the process of no more use."""
    line = str(error).strip().partition("\n")[0]
    short = is_out_of_memory(error)
    return DeviceError(f"{doing}: {type(error).__name__}: {line}", out_of_memory=short)


def _answers(device: torch.device) -> bool:
    """Whether a GPU still does what it is asked to; one that was asked for nothing yet may."""
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return True
    try:
        torch.cuda.synchronize(device)
    except Exception as error:
        return is_out_of_memory(error)
    return True


def _has(error: BaseException, parts: tuple[str, ...]) -> bool:
    text = str(error).lower()
    return any(part in text for part in parts)
