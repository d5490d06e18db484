"""`python -m tests.methods.golden FILE`: a line for each case, and 1 where one is off."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from tests.methods.golden.cases import difference, load
from tests.methods.golden.comparing import TOLERANCE


def main(file: Path) -> int:
    """Runs the cases of `file` and returns the exit status."""
    torch.set_num_threads(1)
    cases, worst = load(file), 0.0
    for case in cases:
        distance, place = difference(case)
        worst = max(worst, distance)
        line = f"{case['method']} {case['name']}: difference {distance:.3g}"
        print(line if distance <= TOLERANCE else f"{line}, FAILED at {place}")
    print(f"{len(cases)} cases, worst difference {worst:.3g}")
    return int(not cases or worst > TOLERANCE)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.methods.golden FILE")
    sys.exit(main(Path(sys.argv[1])))
