"""The plan of a sweep that searches: it grows by what its searches ask for next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from lps_sweep.plan import Asked, PlannedTrial, SearchSpace, expand_asked, points, unsearched
from lps_sweep.results import Ledger
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.search.asked import Point, asked_before
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
    asked = asked_before(space, ledger)
    if asked:
        yield expand_asked(space, asked, content_of)
        if ledger.outstanding(space.name):
            return
    studies = _rebuilt(space, asked, _measured(space, ledger))
    while batch := [one for study in studies for one in study.ask()]:
        asked += batch
        yield expand_asked(space, asked, content_of)
        if ledger.outstanding(space.name):
            return
        for (number, _), values in zip(batch, _measured(space, ledger)[-len(batch) :], strict=True):
            studies[number].tell(values)


class _Study:
    """The search of one cell.

    Args:
        space: The search space.
        number: Number of the cell.
        searcher: Asks for its configurations.
    """

    def __init__(self, space: SearchSpace, number: int, searcher: Searcher) -> None:
        assert space.search is not None
        self._search = space.search
        self._number = number
        self._searcher = searcher
        self._num_asked = 0
        self._open: list[Point] = []

    def replay(self, asked: Sequence[Asked], measured: Measured) -> None:
        """Takes over what was asked for before, batch by batch."""
        self._num_asked = len(asked)
        for start in range(0, len(asked), self._search.together):
            batch = slice(start, start + self._search.together)
            self._searcher.replay([dict(one.values) for one in asked[batch]], measured[batch])

    def ask(self) -> list[Asked]:
        """The next batch; nothing at the end of the search or of the space."""
        left = self._search.configurations - self._num_asked
        points = self._searcher.ask(min(self._search.together, left)) if left > 0 else []
        self._num_asked += len(points)
        self._open = [*points]
        return [Asked(self._number, point) for point in points]

    def tell(self, values: tuple[float, ...] | None) -> None:
        """What was measured of the next configuration of the batch."""
        self._searcher.tell(self._open.pop(0), values)


def _rebuilt(space: SearchSpace, asked: Sequence[Asked], measured: Measured) -> list[_Study]:
    assert space.search is not None
    studies = []
    for number, cell in enumerate(points(space)):
        study = _Study(space, number, Searcher(space.search, unsearched(space, cell)))
        own = [i for i, one in enumerate(asked) if one.cell == number]
        study.replay([asked[i] for i in own], [measured[i] for i in own])
        studies.append(study)
    return studies


def _measured(space: SearchSpace, ledger: Ledger) -> Measured:
    """Of each configuration planned, in the order of asking."""
    assert space.search is not None
    rows, num_seeds = ledger.trial_rows(space.name, False), len(space.seeds)
    found: Measured = []
    for start in range(0, len(rows), num_seeds):
        replicates = rows[start : start + num_seeds]
        ends = {row.status for row in replicates}
        if "stopped" in ends <= {"done", "stopped"}:
            found.append(())
        else:
            found.append(_means(space.search.objectives, [row.metrics for row in replicates]))
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
