"""Write the tables of a sweep and print their paths.

    python analysis/sensitivity.py results/c_tau

The folder is the results folder and the name of a sweep in it. The tables are those of the
report: sensitivity to each swept parameter with all others at their defaults, the paired
differences to the default, the grid, and all trials.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from lps_sweep.errors import LpsSweepError
from lps_sweep.report import write_tables


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script; returns its exit status."""
    parser = argparse.ArgumentParser(description="Write the tables of a sweep.")
    parser.add_argument("folder", type=Path, help="results folder and sweep: results/c_tau")
    folder: Path = parser.parse_args(arguments).folder
    if not folder.name or folder.name == "..":
        folder = folder.resolve()
    try:
        paths = write_tables(folder.parent, folder.name)
    except LpsSweepError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    for path in paths:
        print(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
