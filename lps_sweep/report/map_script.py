"""The script that makes t-SNE maps: `maps` does the work, the report shows them."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lps_sweep.errors import LpsSweepError
from lps_sweep.files import sweep_folder
from lps_sweep.report.maps import compute_map, load_map, map_path, save_map

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView


def make_maps(view: SweepView) -> list[Path]:
    """Make the maps of `view` that are missing; returns the files written.

    A trial whose features are missing, damaged, not finite or too few has none.

    Raises:
        StorageError: A map cannot be written.
    """
    import numpy as np

    from lps_sweep.report.figures.kept import chosen_trials, load_kept

    folder = sweep_folder(view.folder, view.record.name)
    written = []
    for label, trials in chosen_trials(view):
        path = map_path(folder, view.artefacts[trials[0]].sha256)
        kept = None if load_map(path) else load_kept(view, label, trials[0])
        features = None if kept is None else kept.arrays.get("features")
        if features is None or not np.isfinite(features).all():
            continue
        try:
            found = compute_map(features)
        except ValueError:
            continue
        save_map(path, found)
        written.append(path)
    return written


def run_maps(description: str, arguments: Sequence[str] | None = None) -> int:
    """Make the maps of the sweep that the command line names, build its report, print paths.

    Returns:
        The exit status: not 0 where the sweep cannot be read or a file not be written.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="results folder and sweep: results/c_tau")
    folder: Path = parser.parse_args(arguments).folder
    if not folder.name or folder.name == "..":
        folder = folder.resolve()
    from lps_sweep.report.build import build_report
    from lps_sweep.results import load_view

    started = time.monotonic()
    try:
        written = make_maps(load_view(folder.parent, folder.name))
        report = build_report(folder.parent, folder.name)
    except LpsSweepError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    for path in [*written, report]:
        print(path)
    print(f"maps made: {len(written)}, in {time.monotonic() - started:.1f} s", file=sys.stderr)
    return 0
