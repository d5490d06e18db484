"""What a measurement must say of the machine that it was made on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch


def machine_facts() -> dict[str, str | int]:
    """Processor, cores, and the versions that matter."""
    return {
        "machine": f"{_processor()}, {os.cpu_count()} CPUs",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "num_threads": torch.get_num_threads(),
    }


def _processor() -> str:
    """Name of the processor, where the system tells it."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
