"""The device of a pack, set up so that the same trial gives the same bits again."""

from __future__ import annotations

import platform

import torch


def set_up_device(name: str, num_threads: int) -> torch.device:
    """The torch device `name` with deterministic kernels and a fixed number of CPU threads.

    Bit-identity is promised for one device type, library version and number of threads.
    """
    torch.set_num_threads(num_threads)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    return torch.device(name)


def device_facts(name: str, num_threads: int) -> dict[str, str | int]:
    """What a record should say of the device `name`."""
    on_cuda = torch.device(name).type == "cuda"
    model = torch.cuda.get_device_name(name) if on_cuda else f"CPU ({platform.machine()})"
    return {"device": model, "num_threads": num_threads}
