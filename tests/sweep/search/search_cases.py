"""Adaptive searches, run with an executor that trains nothing."""

from __future__ import annotations

import json
from pathlib import Path

from lps_sweep.plan import SearchSpace
from lps_sweep.results import Json, Ledger
from lps_sweep.sweep.jobs import PackJob
from tests.sweep.cases import killed, run, space_of
from tests.sweep.fakes import FakeExecutor

SEARCH = """
name: search
preset: digits
set: {{epochs: {epochs}, pretrain_epochs: 1{fixed}}}
seeds: {seeds}
{blocks}
optuna:
  objective: oracle.acc_all
  sampler: {sampler}
  seed: {seed}
  configurations: {count}
  together: {together}
  startup: {startup}
  domains: {{{domains}}}
"""
NUMBERS = "C: {low: 0.5, high: 30, log: true}, tau: {low: 0.1, high: 1}"


def search(
    folder: Path,
    domains: str = NUMBERS,
    *,
    sampler: str = "tpe",
    seed: int = 0,
    count: int = 5,
    together: int = 2,
    startup: int = 3,
    seeds: str = "[0, 1]",
    epochs: int = 2,
    fixed: str = "",
    blocks: str = "",
) -> SearchSpace:
    """A search space; `fixed` goes on with what is set, `blocks` are others beside `optuna`."""
    values = {name: value for name, value in locals().items() if name != "folder"}
    return space_of(folder, SEARCH.format(**values))


def swept(results: Path) -> list[dict[str, Json]]:
    """The values of each trial, in the order of the plan."""
    with Ledger.open(results) as ledger:
        return [dict(row.swept) for row in ledger.trial_rows("search", False)]


def asked(results: Path) -> list[dict[str, Json]]:
    """What was asked for, in order, each configuration once."""
    return [json.loads(text) for text in dict.fromkeys(map(json.dumps, swept(results)))]


def killed_after(num_outcomes: int, space: SearchSpace, results: Path) -> None:
    """Runs the search until its driver dies."""
    seen: list[str] = []

    def over(job: PackJob, epoch: int) -> bool:
        if epoch == 2:
            seen.extend(job.attempts)
        return len(seen) > num_outcomes

    with killed(over) as dies:
        run(space, results, FakeExecutor(dies=dies))
