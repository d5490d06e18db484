"""Write the tables of a sweep over what is frozen and print the paths of those about freezing.

    python analysis/freezing.py results/freezing

The folder is the results folder and the name of a sweep in it. The tables are those of the
report: what each level reaches, its paired difference to the default, and the paper's numbers.
"""

from __future__ import annotations

from lps_sweep.report.script import run_script

if __name__ == "__main__":
    raise SystemExit(run_script("Write the tables of a sweep over what is frozen.", "freezing"))
