"""What a measurement must say of the machine that it was made on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

import torch

PACKAGES = ("numpy", "torchvision", "pillow", "ray")
"""Whose versions are given besides those of Python and torch."""


def machine_facts(device: torch.device | None = None) -> dict[str, str | int | float]:
    """Processor, cores, load, the GPU if it is used, and the versions that matter."""
    installed = {one.name.lower(): one.version for one in importlib.metadata.distributions()}
    facts: dict[str, str | int | float] = {
        "machine": f"{_processor()}, {os.cpu_count()} CPUs",
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "num_threads": torch.get_num_threads(),
        **{name: installed[name] for name in PACKAGES if name in installed},
    }
    if device is not None and device.type == "cuda":
        facts |= {
            "gpu": torch.cuda.get_device_name(device),
            "cuda": torch.version.cuda or "",
            "cudnn": torch.backends.cudnn.version() or 0,  # type: ignore[no-untyped-call]
        }
    return facts


def _processor() -> str:
    """Name of the processor, where the system tells it."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
