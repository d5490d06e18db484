"""What the verbs that train have in common: the executor, the run, and its last words."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from lps_sweep.commands.output import aligned, number, open_console
from lps_sweep.errors import BadInputError
from lps_sweep.files import inside
from lps_sweep.signals import advised

if TYPE_CHECKING:
    from rich.console import Console

    from lps_sweep.plan import PlannedTrial, SearchSpace
    from lps_sweep.sweep.budget import Budget
    from lps_sweep.sweep.choice import Choice
    from lps_sweep.sweep.executor import Executor
    from lps_sweep.sweep.run import Outcome

CELL = "default cell, oracle accuracies in percent"
CHOSEN = "; what the search selected is too high, as it was selected"
NOISE = "machine noise: sd of the default in points, over seeds, and of last bits within them"
SHOWN = ("metric", "mean", "sd", "n", "selected", "selected_sd", "selected_n")
COUNTS = ("n", "df")
"""How the names of columns end that are no measurements."""


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
    for text in (
        _table(tables / "default_cell.csv", CELL, 1, SHOWN),
        _table(tables / "noise.csv", NOISE, 2),
    ):
        if text:
            _print(console, text)
    if command := confirming(load_view(results, about), str(results)):
        _print(console, f"on fresh seeds: {command}")
    console.print(f"report: {path}", highlight=False, soft_wrap=True)


def _table(path: Path, title: str, digits: int, shown: Collection[str] = ()) -> str:
    """The table in the file `path`, or its columns `shown`; empty where it has nothing measured."""
    if not path.exists():
        return ""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    places = [i for i, name in enumerate(header) if not shown or name in shown]
    measured = [i for i in places[1:] if header[i].rpartition("_")[2] not in COUNTS]
    lines = []
    for row in (row for row in rows if any(row[i] for i in measured)):
        cells = {i: number(float(row[i]) if row[i] else None, digits) for i in measured}
        lines.append([cells.get(i, row[i]) for i in places])
    if not lines:
        return ""
    named = [header[i].replace("_", " ") for i in places]
    heading = title + CHOSEN * ("selected" in named)
    return f"{heading}\n{aligned(named, lines, 'l' + 'r' * len(named[1:]))}"
