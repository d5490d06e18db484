"""`status`: trials by state."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from lps_sweep.commands.output import print_json
from lps_sweep.errors import ExitCode


def status(*, results: Path, sweep: str, json: bool) -> int:
    """Counts the trials of one sweep, or of all."""
    from lps_sweep.results import Ledger, driver_alive

    alive = driver_alive(results)
    with Ledger.open(results) as ledger:
        names = [sweep] if sweep else ledger.sweeps()
        counts = {name: asdict(ledger.counts(name, alive)) for name in names}
        repeated = {name: ledger.repeated_epochs(name) for name in names}
    if json:
        print_json({name: {**counts[name], "repeated_epochs": repeated[name]} for name in names})
    else:
        for name in names:
            facts = ", ".join(f"{number} {state}" for state, number in counts[name].items())
            again = f"; {repeated[name]} epochs were trained again" if repeated[name] else ""
            print(f"{name}: {facts}{again}".replace("not_run", "not run"))
    return ExitCode.DONE
