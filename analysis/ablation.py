"""Write the tables of an ablation and print the paths of those that compare its arms.

    python analysis/ablation.py results/ablation

The folder is the results folder and the name of a sweep in it. The tables are those of the
report: the arms, their paired differences to the first arm, and what each of them changes.
"""

from __future__ import annotations

from lps_sweep.report.script import run_script

if __name__ == "__main__":
    raise SystemExit(run_script("Write the tables of an ablation.", "ablation"))
