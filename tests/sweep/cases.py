"""Sweeps of four trials, run with an executor that trains nothing."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from lps_sweep.plan import SearchSpace, expand, read_space
from lps_sweep.results import Ledger
from lps_sweep.sweep.budget import Budget
from lps_sweep.sweep.choice import read_choice
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.executor import Blame
from lps_sweep.sweep.jobs import PackJob
from lps_sweep.sweep.progress import Progress
from lps_sweep.sweep.run import Outcome, run_sweep
from tests.sweep.fakes import Dies, FakeExecutor

FOUR_TRIALS = """
name: four
preset: digits
set: {epochs: 4, pretrain_epochs: 1}
grid:
  C: [1, 10]
  tau: [0.2, 0.4]
seeds: [0]
"""


def space_of(folder: Path, text: str = FOUR_TRIALS) -> SearchSpace:
    path = folder / "space.yaml"
    path.write_text(text)
    return read_space(path)


def run(
    space: SearchSpace,
    results: Path,
    executor: FakeExecutor,
    *only: str,
    address: str = "",
    limit: int | None = None,
    retry: str = "",
    budget: Budget | None = None,
    said: list[str] | None = None,
    lines: list[str] | None = None,
) -> Outcome:
    """Runs `space`; what `run_sweep` says goes to `said`, and to `lines` with all of progress."""
    console = Console(file=io.StringIO(), width=200)
    heard: list[str] = []
    outcome = run_sweep(
        space,
        results,
        address=address,
        make_executor=lambda: executor,
        make_progress=lambda trials, outcomes: Progress(console, trials, outcomes),
        choice=read_choice(only=only, limit=limit, retry=retry),
        budget=budget,
        say=heard.append,
    )
    assert isinstance(console.file, io.StringIO)
    if said is not None:
        said.extend(heard)
    if lines is not None:
        lines.extend([*heard, *console.file.getvalue().splitlines()])
    return outcome


def planned_ids(space: SearchSpace) -> list[str]:
    """The trials in the order of the plan."""
    return [trial.trial_id for trial in expand(space, content_of)]


def ids_of(results: Path, sweep: str = "four") -> list[str]:
    with Ledger.open(results) as ledger:
        return [row.trial_id for row in ledger.trial_rows(sweep, False)]


def trained(executor: FakeExecutor) -> list[str]:
    return sorted(trial_id for pack in executor.packs for trial_id in pack)


def losing(*lost: str, status: str = "failed") -> Callable[[str], str]:
    return lambda trial_id: status if trial_id in lost else "done"


class _KilledError(Exception):
    """Stands for the end of the driver's process."""


@contextmanager
def killed(when: Callable[[PackJob, int], bool]) -> Iterator[Dies]:
    """The driver's process ends in the block, where `when` says so of a pack and an epoch."""

    def dies(job: PackJob, epoch: int) -> Blame | None:
        if when(job, epoch):
            raise _KilledError
        return None

    with pytest.raises(_KilledError):
        yield dies


def dying(blame: Blame, *trial_ids: Sequence[str], epoch: int = 2) -> Dies:
    """Packs with one of these trials, or all, die at an epoch."""
    return lambda job, number: (
        blame if number == epoch and (not trial_ids or {*trial_ids} & {*job.attempts}) else None
    )
