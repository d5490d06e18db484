"""What the verbs that train have in common: the executor, the run, and its last words."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from lps_sweep.commands.output import open_console
from lps_sweep.errors import BadInputError
from lps_sweep.files import inside

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from lps_sweep.plan import PlannedTrial, SearchSpace
    from lps_sweep.sweep.budget import Budget
    from lps_sweep.sweep.executor import Executor
    from lps_sweep.sweep.outcome import Outcome
    from lps_sweep.sweep.selection import Selection


def run_space(
    space: SearchSpace,
    results: Path,
    make_executor: Callable[[], Executor],
    *,
    selection: Selection | None = None,
    budget: Budget | None = None,
    ask: Callable[[Sequence[PlannedTrial]], None] = lambda _: None,
) -> int:
    """Runs `space` in view of the terminal; the exit status."""
    from lps_sweep.sweep.progress import Progress
    from lps_sweep.sweep.run import run_sweep
    from lps_sweep.sweep.signals import Interrupted, interruptible

    with open_console() as console:
        try:
            with interruptible():
                outcome = run_sweep(
                    space,
                    results,
                    make_executor=make_executor,
                    make_progress=lambda trials, outcomes: Progress(console, trials, outcomes),
                    selection=selection,
                    budget=budget,
                    ask=ask,
                    say=lambda text: _print(console, text),
                )
                _tell(console, results, space, outcome)
        except Interrupted as interrupted:
            _print(
                console,
                f"interrupted by {interrupted}; every finished trial is recorded. "
                "Give the same command again to go on.",
            )
            return interrupted.exit_code
    return outcome.exit_code


def inline_executor(space: SearchSpace) -> Callable[[], Executor]:
    """Makes the executor that trains in this process."""

    def make() -> Executor:
        from lps_sweep.sweep.executor import InlineExecutor

        return InlineExecutor(space.resources)

    return make


def ray_executor(space: SearchSpace, results: Path, address: str) -> Callable[[], Executor]:
    """Makes the executor on Ray; Ray itself is loaded when it is called."""
    log = inside(results, f"{space.name}/logs/ray.log")

    def make() -> Executor:
        from lps_sweep.sweep.ray.environment import prepare_environment

        prepare_environment(address)
        try:
            from lps_sweep.sweep.ray.executor import RayExecutor
        except ModuleNotFoundError as error:
            raise BadInputError(
                f"{error.name} is not installed; install it, or train in this process with --inline"
            ) from None
        return RayExecutor(space.resources, results, log, address)

    return make


def _print(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False)


def _tell(console: Console, results: Path, space: SearchSpace, outcome: Outcome) -> None:
    """The end of a run: states, the default cell, and where the report is."""
    states = ", ".join(f"{n} {state}" for state, n in asdict(outcome.counts).items() if n)
    _print(console, f"{space.name}: {states}".replace("not_run", "not run"))
    if outcome.counts.not_run and outcome.spent:
        _print(console, f"the budget is spent ({outcome.spent}); without it, `run` goes on")
    try:
        from lps_sweep.report import build_report
    except ModuleNotFoundError as error:
        _print(
            console,
            f"no report: {error.name} is not installed here; `lps_sweep report {results}` makes "
            "it where it is",
        )
        return
    path = build_report(results, space.name)
    table = _headline(path.parent / "tables" / "default_cell.csv")
    if table.rows:
        console.print(table)
    console.print(f"report: {path}", highlight=False, soft_wrap=True)


def _headline(path: Path) -> Table:
    """The table of the default cell, for the terminal; without rows if none of it is done."""
    from rich.table import Table

    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    shown = [header.index(name) for name in ("metric", "mean", "sd", "n")]
    table = Table(title="default cell, oracle accuracies in percent", title_justify="left")
    for name in ("metric", "mean", "sd", "n"):
        table.add_column(name, justify="left" if name == "metric" else "right")
    for row in rows:
        name, mean, sd, n = (row[i] for i in shown)
        if mean:
            table.add_row(name, _one_decimal(mean), _one_decimal(sd), n)
    return table


def _one_decimal(number: str) -> str:
    return f"{float(number):.1f}" if number else "-"
