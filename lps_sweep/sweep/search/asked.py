"""What an adaptive search has asked for so far, as the ledger tells it. Without Optuna."""

from __future__ import annotations

from lps_sweep.config import Value
from lps_sweep.plan import SearchSpace
from lps_sweep.results import Json, Ledger

Point = dict[str, Value]
"""Values of the searched parameters; one that a condition leaves out is missing."""


def asked_before(space: SearchSpace, ledger: Ledger) -> list[Point]:
    """The configurations asked for so far, in order; none where the sweep was no search."""
    assert space.search is not None
    if space.name not in ledger.sweeps() or ledger.record(space.name).search is None:
        return []
    names = [domain.name for domain in space.search.domains]
    points: dict[tuple[Json, ...], Point] = {}
    for row in ledger.trial_rows(space.name, False):
        if set(row.swept) != set(names):
            return []
        key = tuple(row.swept[name] for name in names)
        points[key] = {name: _value(v) for name, v in row.swept.items() if v is not None}
    return list(points.values())


def _value(value: Json) -> bool | int | float | str:
    assert isinstance(value, bool | int | float | str)
    return value
