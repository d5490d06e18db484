"""`cluster check`: what is wrong in a file that launches a Ray cluster."""

from __future__ import annotations

from pathlib import Path

from lps_sweep.errors import BadInputError, ExitCode
from lps_sweep.text import printable


def cluster(*, file: Path) -> int:
    """Prints a line for each thing that is wrong in `file`; starts nothing."""
    try:
        from lps_sweep.cluster.check import check_file

        found = check_file(file)
    except ModuleNotFoundError as error:
        raise BadInputError(
            f"{error.name} is not installed; pip install 'lps-sweep[cluster]'"
        ) from None
    for one in found:
        print(printable(f"{one.where}: {one.text}"))
    if found:
        return ExitCode.BAD_INPUT
    print(f"{file}: nothing is wrong that can be seen before the launch")
    return ExitCode.DONE
