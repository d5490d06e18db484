"""`export`: a sweep as plain tables for other programs."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from lps_sweep.errors import ExitCode


def export(*, results: Path, sweep: str, to: Path) -> int:
    """Writes the frames of a sweep as CSV and, where pyarrow is installed, as Parquet."""
    from lps_sweep.report.export import export_frames

    parquet = importlib.util.find_spec("pyarrow") is not None
    for path in export_frames(results, sweep, to, parquet=parquet):
        print(path)
    if not parquet:
        print("no Parquet: pyarrow is not installed")
    return ExitCode.DONE
