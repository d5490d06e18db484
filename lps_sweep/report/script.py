"""What the scripts in the analysis folder have in common: a sweep, from a path."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lps_sweep.arguments import Parser
from lps_sweep.errors import BadInputError, ExitCode
from lps_sweep.process import run_command
from lps_sweep.report.build import write_tables
from lps_sweep.results.places import find_sweep


def run_script(description: str, kind: str = "", arguments: Sequence[str] | None = None) -> int:
    """Write all tables of the sweep that the command line names, and print paths.

    Args:
        description: Of the script, for ``--help``.
        kind: Print the tables of this name and those that begin with it and ``_``; all if empty.
        arguments: In place of those of the command line.

    Returns:
        The exit status: not 0 where the sweep cannot be read, or has no table of the kind.
    """

    def print_paths() -> int:
        parser = Parser(description=description)
        parser.add_argument("places", nargs="+", help="results folder and sweep: results/c_tau")
        results, sweep = find_sweep(parser.parse_args(arguments).places)
        for path in _of_kind(write_tables(results, sweep), kind, results / sweep):
            print(path)
        return ExitCode.DONE

    return run_command(print_paths, last=arguments is None)


def _of_kind(paths: list[Path], kind: str, folder: Path) -> list[Path]:
    found = [path for path in paths if not kind or f"{path.stem}_".startswith(f"{kind}_")]
    if not found:
        raise BadInputError(f"this sweep has no table on {kind}: it varies none", str(folder))
    return found
