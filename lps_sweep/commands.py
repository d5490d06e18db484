"""What the verbs of the command line do; everything heavy is imported where it is needed."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from lps_sweep.errors import BadInputError, ExitCode

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from lps_sweep.plan import SearchSpace
    from lps_sweep.results import Counts
    from lps_sweep.sweep.executor import Executor


def plan(*, file: Path, preset: str, settings: Sequence[str], results: Path, json: bool) -> int:
    """Shows what would run."""
    from lps_sweep.plan import read_space
    from lps_sweep.sweep.preview import preview

    shown = preview(read_space(file, preset=preset, settings=settings), results)
    print(shown.to_json() if json else shown.to_text())
    return ExitCode.DONE


def run(
    *,
    file: Path,
    preset: str,
    settings: Sequence[str],
    results: Path,
    inline: bool,
    address: str,
) -> int:
    """Runs a search space; rows, tables and report lie in the results folder afterwards."""
    from lps_sweep.plan import read_space

    space = read_space(file, preset=preset, settings=settings)
    return _run(space, results, inline=inline, address=address)


def train(*, settings: Sequence[str], preset: str, seed: int, results: Path) -> int:
    """Trains one configuration: a sweep of one, in this process."""
    from lps_sweep.plan import single_space

    space = single_space(preset=preset, settings=settings, seed=seed)
    return _run(space, results, inline=True, address="local")


def pretrain(*, settings: Sequence[str], preset: str, results: Path) -> int:
    """Makes the trunk of one configuration, unless it is there."""
    from lps_sweep.plan import single_space
    from lps_sweep.sweep.driver import make_trunk
    from lps_sweep.sweep.progress import Progress

    space = single_space(preset=preset, settings=settings, seed=0)
    with _console() as console:
        file = make_trunk(
            space,
            results,
            make_executor=_inline(space),
            make_progress=lambda trials, outcomes: Progress(console, trials, outcomes),
        )
        console.print(f"trunk: {results / file.path}", highlight=False)
    return ExitCode.DONE


def status(*, results: Path, sweep: str, json: bool) -> int:
    """Counts the trials of one sweep, or of all."""
    from lps_sweep.results import Ledger, driver_alive

    alive = driver_alive(results)
    with Ledger.open(results) as ledger:
        names = [sweep] if sweep else ledger.sweeps()
        counts = {name: asdict(ledger.counts(name, alive)) for name in names}
        repeated = {name: ledger.repeated_epochs(name) for name in names}
    if json:
        _print_json({name: {**counts[name], "repeated_epochs": repeated[name]} for name in names})
    else:
        for name in names:
            facts = ", ".join(f"{number} {state}" for state, number in counts[name].items())
            again = f"; {repeated[name]} epochs were trained again" if repeated[name] else ""
            print(f"{name}: {facts}{again}".replace("not_run", "not run"))
    return ExitCode.DONE


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


def schema() -> int:
    """Prints the JSON Schema of a search space."""
    from lps_sweep.plan import json_schema

    _print_json(json_schema())
    return ExitCode.DONE


def _print_json(content: Mapping[str, object]) -> None:
    print(json.dumps(content, indent=2))


def _run(space: SearchSpace, results: Path, *, inline: bool, address: str) -> int:
    from lps_sweep.sweep.driver import run_sweep
    from lps_sweep.sweep.progress import Progress
    from lps_sweep.sweep.signals import Interrupted, interruptible

    log = results / space.name / "logs" / "ray.log"
    make_executor = _inline(space) if inline else _on_ray(space, results, log, address)
    with _console() as console:
        try:
            with interruptible():
                outcome = run_sweep(
                    space,
                    results,
                    make_executor=make_executor,
                    make_progress=lambda trials, outcomes: Progress(console, trials, outcomes),
                )
                _tell(console, results, space, outcome.counts)
        except Interrupted as interrupted:
            console.print(
                f"interrupted by {interrupted}; every finished trial is recorded. "
                "Give the same command again to go on.",
                highlight=False,
            )
            return interrupted.exit_code
    return outcome.exit_code


def _inline(space: SearchSpace) -> Callable[[], Executor]:
    from lps_sweep.sweep.executor import InlineExecutor

    return lambda: InlineExecutor(space.resources)


def _on_ray(space: SearchSpace, results: Path, log: Path, address: str) -> Callable[[], Executor]:
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


def _tell(console: Console, results: Path, space: SearchSpace, counts: Counts) -> None:
    """The end of a run: states, the default cell, and where the report is."""
    states = ", ".join(f"{n} {state}" for state, n in asdict(counts).items() if n)
    console.print(f"{space.name}: {states}".replace("not_run", "not run"), highlight=False)
    try:
        from lps_sweep.report import build_report
    except ModuleNotFoundError as error:
        console.print(
            f"no report: {error.name} is not installed here; `lps_sweep report {results}` makes "
            "it where it is",
            highlight=False,
        )
        return
    path = build_report(results, space.name)
    console.print(_headline(path.parent / "tables" / "default_cell.csv"))
    console.print(f"report: {path}", highlight=False, soft_wrap=True)


def _headline(path: Path) -> Table:
    """The table of the default cell, for the terminal."""
    from rich.table import Table

    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    shown = [header.index(name) for name in ("metric", "mean", "sd", "n")]
    table = Table(title="default cell, oracle accuracies in percent", title_justify="left")
    for name in ("metric", "mean", "sd", "n"):
        table.add_column(name, justify="left" if name == "metric" else "right")
    for row in rows:
        name, mean, sd, n = (row[i] for i in shown)
        table.add_row(name, _one_decimal(mean), _one_decimal(sd), n)
    return table


def _one_decimal(number: str) -> str:
    return f"{float(number):.1f}" if number else "-"


@contextlib.contextmanager
def _console() -> Iterator[Console]:
    """The terminal, under a file descriptor of its own that nothing else redirects."""
    from rich.console import Console

    sys.stdout.flush()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as file:
        yield Console(file=file, soft_wrap=True)
