"""A sweep of eight trials with a rule, and trainers that know who is the better."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from lps_sweep.plan import SearchSpace, expand
from lps_sweep.results import Ledger
from lps_sweep.results.records import TrialRow
from lps_sweep.sweep.content import content_of
from tests.sweep.cases import space_of
from tests.sweep.fakes import metrics_of

EIGHT = """
name: eight
preset: digits
set: {epochs: 9, pretrain_epochs: 1, labeled_holdout: 0.2}
grid: {C: [1, 2, 3, 4, 5, 6, 7, 8]}
seeds: [SEEDS]
resources: {max_pack_size: SIZE}
stopping: {rule: RULE, metric: acc_holdout, first_epoch: 2, REST}
"""


def eight(
    folder: Path,
    rule: str = "halving",
    rest: str = "reduction: 2",
    *,
    size: int = 8,
    seeds: str = "0",
    name: str = "eight",
) -> SearchSpace:
    """Configurations that are the better the greater C is; rungs at 2, 4, 8 of 9 epochs."""
    text = EIGHT.replace("SEEDS", seeds).replace("SIZE", str(size))
    text = text.replace("RULE", rule).replace("REST", rest).replace("name: eight", f"name: {name}")
    return space_of(folder, text)


def without_rule(folder: Path, name: str = "all") -> SearchSpace:
    text = EIGHT.replace("SEEDS", "0").replace("SIZE", "8").replace("name: eight", f"name: {name}")
    return space_of(folder, text.partition("stopping:")[0])


def rows_of(results: Path, sweep: str = "eight") -> list[TrialRow]:
    with Ledger.open(results) as ledger:
        return ledger.trial_rows(sweep, False)


def ids_by_c(space: SearchSpace) -> dict[str, float]:
    """C of each trial, in the order of the plan."""
    return {t.trial_id: float(str(t.swept["C"])) for t in expand(space, content_of)}


def by_c(values: Mapping[str, float]) -> Callable[[str, int], dict[str, float]]:
    return lambda trial, epoch: {**metrics_of(trial, epoch), "acc_holdout": values[trial]}


def ends(results: Path, sweep: str = "eight") -> dict[float, str]:
    """By C: the status, with the epoch of a trial that a rule ended."""
    found = {}
    for row in rows_of(results, sweep):
        stop = row.stop
        assert (stop is not None) == (row.status == "stopped")
        found[float(str(row.swept["C"]))] = f"{row.status} {stop.epoch}" if stop else row.status
    return found


HALVED = {
    **dict.fromkeys((1.0, 2.0, 3.0, 4.0), "stopped 2"),
    **dict.fromkeys((5.0, 6.0), "stopped 4"),
    **{7.0: "stopped 8", 8.0: "done"},
}
