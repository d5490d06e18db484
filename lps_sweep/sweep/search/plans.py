"""The plan of an adaptive search: it grows by what the searcher asks for next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from lps_sweep.plan import PlannedTrial, Search, SearchSpace, defaults, expand_asked
from lps_sweep.results import Ledger
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.search.asked import asked_before
from lps_sweep.sweep.search.searcher import Searcher


def search_plans(space: SearchSpace, ledger: Ledger) -> Iterator[tuple[PlannedTrial, ...]]:
    """The trials planned so far, again and again, each time with a batch more.

    Whoever iterates trains what has no outcome before coming back; while something is left
    without one, nothing more is asked for. The search is rebuilt from the ledger alone.
    """
    assert space.search is not None
    search, together = space.search, space.search.together
    asked = asked_before(space, ledger)
    if asked:
        yield expand_asked(space, asked, content_of)
        if ledger.outstanding(space.name):
            return
    searcher = Searcher(search, defaults(space))
    measured = _measured(search, space.name, len(space.seeds), ledger)
    for start in range(0, len(asked), together):
        batch = slice(start, start + together)
        searcher.replay(asked[batch], measured[batch])
    while len(asked) < search.configurations:
        points = searcher.ask(min(together, search.configurations - len(asked)))
        if not points:
            return
        asked += points
        yield expand_asked(space, asked, content_of)
        if ledger.outstanding(space.name):
            return
        measured = _measured(search, space.name, len(space.seeds), ledger)
        for point, values in zip(points, measured[-len(points) :], strict=True):
            searcher.tell(point, values)


def _measured(
    search: Search, sweep: str, num_seeds: int, ledger: Ledger
) -> list[tuple[float, ...] | None]:
    """The objectives of each configuration, means over the seeds; None where a seed has none."""
    rows = ledger.trial_rows(sweep, False)
    found: list[tuple[float, ...] | None] = []
    for start in range(0, len(rows), num_seeds):
        metrics = [row.metrics for row in rows[start : start + num_seeds]]
        found.append(_means(search.objectives, metrics))
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
