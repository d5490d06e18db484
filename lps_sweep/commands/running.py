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
from lps_sweep.signals import advised

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from lps_sweep.plan import PlannedTrial, SearchSpace
    from lps_sweep.sweep.budget import Budget
    from lps_sweep.sweep.choice import Choice
    from lps_sweep.sweep.executor import Executor
    from lps_sweep.sweep.run import Outcome


def run_space(
    space: SearchSpace,
    results: Path,
    make_executor: Callable[[], Executor],
    *,
    store: str = "",
    choice: Choice | None = None,
    budget: Budget | None = None,
    ask: Callable[[Sequence[PlannedTrial]], None] = lambda _: None,
    about: str = "",
) -> int:
    """Runs `space` in view of the terminal; the exit status.

    `store` is the address of what workers write, if it is another place than `results`.
    The report that is made and told of is that of `about`, where it belongs to another sweep.
    """
    from lps_sweep.results.places import check_results
    from lps_sweep.sweep.progress import Progress
    from lps_sweep.sweep.run import run_sweep

    check_results(results, space.name)
    advice = "every finished trial is recorded. Give the same command again to go on."
    with open_console() as console, advised(advice):
        outcome = run_sweep(
            space,
            results,
            address=store,
            make_executor=make_executor,
            make_progress=lambda trials, outcomes: Progress(console, trials, outcomes),
            choice=choice,
            budget=budget,
            ask=ask,
            say=lambda text: _print(console, text),
        )
        _tell(console, results, space, outcome, about or space.name)
    return outcome.exit_code


def executor_for(
    space: SearchSpace, results: Path, *, inline: bool, address: str
) -> Callable[[], Executor]:
    """Makes what places the jobs of `space`: this process, or Ray at `address`.

    Raises:
        BadInputError: The address is none, or given for this process; or a pack is to have more
            than the machine has, which is told when the executor is made where all is done.
    """
    from lps_sweep.sweep.estimate import check_room

    host, _, port = address.removeprefix("ray://").rpartition(":")
    is_place = bool(host) and " " not in host and port.isdigit() and 0 < int(port) < 65536
    if address not in ("local", "auto") and not is_place:
        raise BadInputError(f"{address!r} is none of local, auto and HOST:PORT", "--address")
    if inline and address != "local":
        raise BadInputError(
            "with --inline there is no cluster; leave one of the two out", "--address"
        )
    if address != "local":
        return ray_executor(space, results, address)
    executor = inline_executor(space) if inline else ray_executor(space, results, address)

    def make() -> Executor:
        check_room(space.resources, space.places, alone=inline)
        return executor()

    if not _finished(results, space.name):
        check_room(space.resources, space.places, alone=inline)
    return make


def _finished(results: Path, sweep: str) -> bool:
    """Whether all that was last planned has its outcome, so that perhaps nothing is to be run."""
    from lps_sweep.results import Ledger

    try:
        with Ledger.open(results) as ledger:
            return sweep in ledger.sweeps() and not ledger.outstanding(sweep)
    except BadInputError:  # there is no ledger yet
        return False


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
        from lps_sweep.sweep.ray import prepare_environment

        prepare_environment(address)
        try:
            from lps_sweep.sweep.ray.executor import RayExecutor
        except ModuleNotFoundError as error:
            raise BadInputError(
                f"{error.name} is not installed; install it, or train in this process with --inline"
            ) from None
        except (ImportError, OSError, MemoryError) as error:  # a limit of memory, a broken library
            raise BadInputError(
                f"Ray cannot be loaded: {error or type(error).__name__}; repair that, or train in "
                "this process with --inline"
            ) from error
        return RayExecutor(space.resources, results, log, address)

    return make


def _print(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False)


def _tell(
    console: Console, results: Path, space: SearchSpace, outcome: Outcome, about: str
) -> None:
    """The end of a run: states, the default cell of the sweep `about`, and where its report is."""
    names = (space.name, f"{space.name}, folds")
    for name, one in zip(names, (outcome, outcome.folds), strict=True):
        states = ", ".join(f"{n} {s}" for s, n in asdict(one.counts).items() if n) if one else ""
        if one and states:
            _print(console, f"{name}: {states}".replace("not_run", "not run"))
        if one and one.counts.not_run and one.spent:
            _print(console, f"the budget is spent ({one.spent}); without it, `run` goes on")
    try:
        from lps_sweep.report import build_report
        from lps_sweep.report.pages.overview import confirming
        from lps_sweep.results import load_view

        path = build_report(results, about)
    except ModuleNotFoundError as error:
        _print(
            console,
            f"no report: {error.name} is not installed here; `lps_sweep report {results}` makes "
            "it where it is",
        )
        return
    except BadInputError as error:  # the trials are done, whatever lies in its place
        _print(console, f"no report: {error}")
        return
    tables = path.parent / "tables"
    for table in (_headline(tables / "default_cell.csv"), _noise(tables / "noise.csv")):
        if table.rows:
            console.print(table)
    if command := confirming(load_view(results, about), str(results)):
        _print(console, f"on fresh seeds: {command}")
    console.print(f"report: {path}", highlight=False, soft_wrap=True)


def _headline(path: Path) -> Table:
    """The table of the default cell, for the terminal; without rows if none of it is done."""
    from rich.table import Table

    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    shown = [header.index(name) for name in ("metric", "mean", "sd", "n")]
    table = Table(title="default cell, oracle accuracies in percent", title_justify="left")
    if "selected" in header:
        table.title = "default cell, and what the search selected: too high, as it was selected"
        shown += [header.index(name) for name in ("selected", "selected_sd", "selected_n")]
    for i in shown:
        name = header[i].replace("_", " ")
        table.add_column(name, justify="left" if name == "metric" else "right")
    for row in rows:
        name, *numbers = (row[i] for i in shown)
        if any(numbers[::3]):
            counts = {2, 5}
            table.add_row(
                name, *(n if i in counts else _decimals(n, 1) for i, n in enumerate(numbers))
            )
    return table


def _noise(path: Path) -> Table:
    """The table of machine noise, for the terminal; without rows where none was measured."""
    from rich.table import Table

    title = "machine noise: sd of the default in points, over seeds, and of last bits within them"
    table = Table(title=title, title_justify="left")
    if not path.exists():
        return table
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    parts = [name.partition("_") for name in header]
    for name, _, part in parts:
        table.add_column(name if part in ("", "sd") else part, justify="right" if part else "left")
    for row in rows:
        cells = zip(parts, row, strict=True)
        table.add_row(*(_decimals(n, 2) if part[2] == "sd" else n or "-" for part, n in cells))
    return table


def _decimals(number: str, digits: int) -> str:
    return f"{float(number):.{digits}f}" if number else "-"
