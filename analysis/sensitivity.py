"""Write the tables of a sweep and print their paths.

    python analysis/sensitivity.py results/c_tau

The folder is the results folder and the name of a sweep in it. The tables are those of the
report: sensitivity to each swept parameter with all others at their defaults, the paired
differences to the default, the grid, and all trials.
"""

from __future__ import annotations

from lps_sweep.report.script import run_script

if __name__ == "__main__":
    raise SystemExit(run_script("Write the tables of a sweep."))
