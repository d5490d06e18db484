"""Write the tables of an Optuna search and print the paths of those about it.

    python analysis/search.py results/optuna_tpe

The folder is the results folder and the name of a sweep in it. The tables are those of the
report: the configurations tried, those within the margin of the best, the front of seen and novel
accuracy, and the importance of the parameters, as far as the search allows them.
"""

from __future__ import annotations

from lps_sweep.report.script import run_script

if __name__ == "__main__":
    raise SystemExit(run_script("Write the tables of an Optuna search.", "search"))
