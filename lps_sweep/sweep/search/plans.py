"""The plan of a sweep that searches: it grows by what its searches ask for next."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import fmean

from lps_sweep.plan import (
    Asked,
    PlannedTrial,
    SearchSpace,
    asked_point,
    asked_points,
    points,
    setting_key,
    unsearched,
)
from lps_sweep.plan import Point as Cell
from lps_sweep.results import Ledger
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.planned import planned_for
from lps_sweep.sweep.search.asked import Point, asked_before, values_key
from lps_sweep.sweep.search.searcher import Searcher

Measured = list[tuple[float, ...] | None]
"""The objectives of configurations, means over the seeds. None where a seed failed, diverged or
was not run; without values where a rule ended the trial of a seed."""


def search_plans(space: SearchSpace, ledger: Ledger) -> Iterator[tuple[PlannedTrial, ...]]:
    """The trials planned so far, again and again, each time with a batch of every cell more.

    Whoever iterates trains what has no outcome before coming back; while something is left
    without one, nothing more is asked for. All searches are rebuilt from the ledger alone. Each
    cell's asks for what it would ask for if it were alone.
    """
    asked = [*asked_before(space, ledger).asked]
    trials: Sequence[PlannedTrial] = ()
    if asked:
        yield (trials := planned_for(space, asked, ledger))
        if ledger.outstanding(space.name):
            return
    searchers = _rebuilt(space, asked, _measured(space, ledger, trials, asked))
    while batch := _batch(space, searchers, asked):
        asked += batch
        yield (trials := planned_for(space, asked, ledger))
        if ledger.outstanding(space.name):
            return
        measured = _measured(space, ledger, trials, batch)
        for (cell, point), values in zip(batch, measured, strict=True):
            searchers[cell].tell(dict(point), values)


def _batch(
    space: SearchSpace, searchers: Sequence[Searcher], asked: Sequence[Asked]
) -> list[Asked]:
    """What each cell asks for next; nothing where its search or its space is at its end."""
    assert space.search is not None
    counts = Counter(one.cell for one in asked)
    left = [space.search.configurations - counts[cell] for cell in range(len(searchers))]
    return [
        Asked(cell, point)
        for cell, searcher in enumerate(searchers)
        for point in searcher.ask(min(space.search.together, left[cell]))
    ]


def _setting(space: SearchSpace, cell: Cell, point: Point) -> Hashable:
    """What all configurations of the same setting as `point` of a cell have in common."""
    return setting_key(space, asked_point(space, cell, point), content_of)


def _rebuilt(space: SearchSpace, asked: Sequence[Asked], measured: Measured) -> list[Searcher]:
    """The searches of all cells, with what was asked for before taken over batch by batch."""
    assert space.search is not None
    searchers = []
    for number, cell in enumerate(points(space)):
        setting = partial(_setting, space, cell)
        search = replace(space.search, domains=space.domains_of(cell.arm))
        searcher = Searcher(search, unsearched(space, cell), setting)
        own = [i for i, one in enumerate(asked) if one.cell == number]
        for start in range(0, len(own), space.search.together):
            batch = own[start : start + space.search.together]
            searcher.replay([dict(asked[i].values) for i in batch], [measured[i] for i in batch])
        searchers.append(searcher)
    return searchers


def _measured(
    space: SearchSpace, ledger: Ledger, trials: Sequence[PlannedTrial], asked: Sequence[Asked]
) -> Measured:
    """Of each configuration in `asked`; `trials` are all that are planned."""
    assert space.search is not None
    if not asked:
        return []
    rows = {row.trial_id: row for row in ledger.trial_rows(space.name, False)}
    replicates = defaultdict(list)
    for trial in trials:
        for swept in (trial.swept, *trial.twins):
            replicates[values_key(swept)].append(rows[trial.trial_id])
    found: Measured = []
    for point in asked_points(space, asked):
        of_seeds = replicates[values_key(point.swept)]
        ends = {row.status for row in of_seeds}
        if "stopped" in ends <= {"done", "stopped"}:
            found.append(())
        else:
            found.append(_means(space.search.objectives, [row.metrics for row in of_seeds]))
    return found


def _means(
    objectives: Sequence[str], metrics: Sequence[Mapping[str, float | None]]
) -> tuple[float, ...] | None:
    means = []
    for objective in objectives:
        values = [m.get(objective.removeprefix("oracle.")) for m in metrics]
        numbers = [value for value in values if value is not None]
        if len(numbers) < len(values):
            return None
        means.append(fmean(numbers))
    return tuple(means)
