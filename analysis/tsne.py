"""Make the t-SNE maps of a sweep's features and build its report with them.

    python analysis/tsne.py results/ablation

The folder is the results folder and the name of a sweep in it. Maps are made of the first
finished seed of the default cell, or of each arm, and kept in the folder ``maps`` of the sweep:
those that are there already are not made again. ``lps-sweep report --maps`` does the same.
"""

from __future__ import annotations

from lps_sweep.report.script import run_maps

if __name__ == "__main__":
    raise SystemExit(run_maps("Make the t-SNE maps of a sweep and build its report with them."))
