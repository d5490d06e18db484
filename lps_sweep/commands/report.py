"""`report`: tables and report from what is recorded."""

from __future__ import annotations

from pathlib import Path

from lps_sweep.errors import ExitCode


def report(*, results: Path, sweep: str) -> int:
    """Builds tables and report of one sweep, or of all."""
    from lps_sweep.report import build_report
    from lps_sweep.results import Ledger

    with Ledger.open(results) as ledger:
        names = [sweep] if sweep else ledger.sweeps()
        for name in names:
            ledger.record(name)
    for name in names:
        print(build_report(results, name))
    return ExitCode.DONE
