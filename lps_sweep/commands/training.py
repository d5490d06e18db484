"""The verbs that train: `run`, `confirm`, `noise`, `train`, `pretrain`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lps_sweep.commands.output import open_console
from lps_sweep.commands.running import executor_for, inline_executor, run_space
from lps_sweep.errors import BadInputError, ExitCode, LpsSweepError

if TYPE_CHECKING:
    from lps_sweep.plan import SearchSpace
    from lps_sweep.sweep.written import Writer


def run(
    *,
    file: Path,
    preset: str,
    settings: Sequence[str],
    resources: Sequence[str],
    results: Path | str,
    ledger: Path | None,
    inline: bool,
    address: str,
    retry: str,
    only: Sequence[str],
    limit: int | None,
    budget: Sequence[str],
    yes: bool,
    ask_above: Sequence[str],
) -> int:
    """Runs a search space; rows, tables and report lie in the results folder afterwards."""
    from lps_sweep.plan import PlannedTrial, read_space
    from lps_sweep.sweep.budget import Budget, read_limits
    from lps_sweep.sweep.choice import read_choice
    from lps_sweep.sweep.folder import driver_folder
    from lps_sweep.sweep.outlook import Threshold, above

    space = read_space(file, preset=preset, settings=settings, resources=resources)
    folder, store = driver_folder(results, ledger, space.name)
    choice = read_choice(only=only, limit=limit, retry=retry)
    threshold = read_limits(ask_above, Threshold)

    def ask(listed: Sequence[PlannedTrial]) -> None:
        if not yes and (much := above(threshold, space, listed, choice, folder)):
            _ask(much)

    return run_space(
        space,
        folder,
        executor_for(space, folder, inline=inline, address=address),
        store=store,
        choice=choice,
        budget=read_limits(budget, Budget),
        ask=ask,
    )


class _DeclinedError(LpsSweepError):
    exit_code = ExitCode.INCOMPLETE


def _ask(much: str) -> None:
    """Asks at a terminal whether to start `much`; elsewhere it takes ``--yes``."""
    if not sys.stdin.isatty():
        raise BadInputError(f"{much}; to start them give --yes, or --ask-above a larger number")
    seen = sys.stdout if sys.stdout.isatty() else sys.stderr
    with contextlib.redirect_stdout(seen):
        try:
            answer = input(f"{much}. Start them? [y/N] ")
        except (EOFError, OSError, ValueError):  # Ctrl-D, no terminal any more, or no text
            print()
            answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise _DeclinedError("nothing was started")


def confirm(
    *,
    places: Sequence[str],
    rule: str,
    seeds: int | None,
    resources: Sequence[str],
    inline: bool,
    address: str,
) -> int:
    """Writes the search space of the confirmation into the results folder, and runs it."""
    from lps_sweep.results.places import find_sweep
    from lps_sweep.sweep.confirmation import WRITER, confirmation_text

    results, sweep = find_sweep(places)
    text = confirmation_text(results, sweep, rule, seeds)
    space = _written_space(WRITER, results, sweep, text, resources)
    return _run_written(WRITER, (results, sweep), space, inline, address)


def noise(
    *,
    places: Sequence[str],
    draws: int,
    threads: int | None,
    plan: bool,
    resources: Sequence[str],
    inline: bool,
    address: str,
) -> int:
    """Trains the default cell of a sweep again with other last bits, and says how far that goes."""
    from lps_sweep.results.places import find_sweep
    from lps_sweep.sweep.noise import WRITER, noise_text

    results, sweep = find_sweep(places)
    text = noise_text(results, sweep, draws, threads)
    space = _written_space(WRITER, results, sweep, text, resources)
    if plan:
        from lps_sweep.commands.plan import show_plan

        return show_plan(space, results)
    return _run_written(WRITER, (results, sweep), space, inline, address, about=sweep)


def _written_space(
    writer: Writer, results: Path, sweep: str, text: str, resources: Sequence[str]
) -> SearchSpace:
    """The search space `text` that a verb made for `sweep`."""
    from lps_sweep.plan import parse_yaml
    from lps_sweep.plan.read import build_space
    from lps_sweep.results.places import check_results

    content = parse_yaml(text, f"{writer.what} of {sweep}")
    space = build_space(content, settings=(), source=text, resources=resources)
    check_results(results, space.name)
    return space


def _run_written(
    writer: Writer,
    of: tuple[Path, str],
    space: SearchSpace,
    inline: bool,
    address: str,
    about: str = "",
) -> int:
    """Writes `space`, which a verb made for the sweep `of` a results folder, there and runs it."""
    results, sweep = of
    make_executor = executor_for(space, results, inline=inline, address=address)
    file = writer.write(results, sweep, space.source)
    with open_console() as console:
        console.print(f"search space: {file}", highlight=False, markup=False)
    return run_space(space, results, make_executor, about=about)


def train(*, settings: Sequence[str], preset: str, seed: int, results: Path) -> int:
    """Trains one configuration: a sweep of one, in this process."""
    from lps_sweep.plan import single_space

    space = single_space(preset=preset, settings=settings, seed=seed)
    return run_space(space, results, inline_executor(space))


def pretrain(*, settings: Sequence[str], preset: str, results: Path) -> int:
    """Makes the trunk of one configuration, unless it is there."""
    from lps_sweep.plan import single_space
    from lps_sweep.results.places import check_results
    from lps_sweep.sweep.progress import Progress
    from lps_sweep.sweep.run import make_trunk

    check_results(results)
    space = single_space(preset=preset, settings=settings, seed=0)
    with open_console() as console:
        file = make_trunk(
            space,
            results,
            make_executor=inline_executor(space),
            make_progress=lambda trials, outcomes: Progress(console, trials, outcomes),
        )
        console.print(f"trunk: {file}", highlight=False)
    return ExitCode.DONE
