"""All benchmarks that run on a CPU, one after the other: ``python -m benchmarks``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from benchmarks import augmentation, packing

BENCHMARKS: dict[str, Callable[[Sequence[str]], int]] = {
    "augmentation": augmentation.main,
    "packing": packing.main,
}


def main() -> int:
    """Runs all; 1 if an equality check failed."""
    codes = []
    for name, benchmark in BENCHMARKS.items():
        print(f"\n{name}")
        codes.append(benchmark([]))
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
