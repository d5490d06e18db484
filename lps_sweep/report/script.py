"""What the scripts in the analysis folder have in common: a sweep, from a path."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from lps_sweep.errors import BadInputError, LpsSweepError
from lps_sweep.report.build import build_report, write_tables


def run_script(description: str, kind: str = "", arguments: Sequence[str] | None = None) -> int:
    """Write all tables of the sweep that the command line names, and print paths.

    Args:
        description: Of the script, for ``--help``.
        kind: Print the tables of this name and those that begin with it and ``_``; all if empty.
        arguments: In place of those of the command line.

    Returns:
        The exit status: not 0 where the sweep cannot be read, or has no table of the kind.
    """
    return _run(
        description,
        arguments,
        lambda folder: _of_kind(write_tables(folder.parent, folder.name), kind, folder),
    )


def run_maps(description: str, arguments: Sequence[str] | None = None) -> int:
    """Make the t-SNE maps that the sweep lacks and build its report; prints paths.

    Returns:
        The exit status: not 0 where the sweep cannot be read or a file not be written.
    """
    from lps_sweep.report.maps import make_maps
    from lps_sweep.results import load_view

    def paths(folder: Path) -> list[Path]:
        written = make_maps(load_view(folder.parent, folder.name))
        return [*written, build_report(folder.parent, folder.name)]

    return _run(description, arguments, paths)


def _run(
    description: str, arguments: Sequence[str] | None, work: Callable[[Path], list[Path]]
) -> int:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("folder", type=Path, help="results folder and sweep: results/c_tau")
    folder: Path = parser.parse_args(arguments).folder
    if not folder.name or folder.name == "..":
        folder = folder.resolve()
    try:
        for path in work(folder):
            print(path)
    except LpsSweepError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _of_kind(paths: list[Path], kind: str, folder: Path) -> list[Path]:
    found = [path for path in paths if not kind or f"{path.stem}_".startswith(f"{kind}_")]
    if not found:
        raise BadInputError(f"this sweep has no table on {kind}: it varies none", str(folder))
    return found
