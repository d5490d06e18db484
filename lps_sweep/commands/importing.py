"""The verb `import`."""

from __future__ import annotations

from pathlib import Path

from lps_sweep.commands.output import outlive_output
from lps_sweep.errors import ExitCode


def import_(*, experiment: Path, results: Path, name: str) -> int:
    """Records an experiment of Ray Tune as a sweep, which tables and reports are then made of."""
    from dataclasses import asdict

    from lps_sweep.sweep.tuned.imports import import_experiment

    outlive_output()
    name, changed, counts = import_experiment(experiment, results, name, print)
    states = ", ".join(f"{n} {state}" for state, n in asdict(counts).items() if n)
    print(f"{name}: {states}; {changed} with something new".replace("not_run", "not run"))
    print(f"report: lps_sweep report {results / name}")
    return ExitCode.DONE
