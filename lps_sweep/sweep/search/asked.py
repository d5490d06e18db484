"""What the searches of a sweep have asked for so far, as the ledger tells it. Without Optuna."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lps_sweep.config import Value
from lps_sweep.plan import Asked, SearchSpace, points
from lps_sweep.results import Json, Ledger

Point = dict[str, Value]
"""Values of the searched parameters; one that a condition leaves out is missing."""


def asked_before(space: SearchSpace, ledger: Ledger) -> list[Asked]:
    """The configurations asked for so far, in order; none where the sweep was no search.

    Those of a cell that the space no longer has are left out.
    """
    assert space.search is not None
    if space.name not in ledger.sweeps() or ledger.record(space.name).search is None:
        return []
    names = [domain.name for domain in space.search.domains]
    cells = {_key(cell.swept): number for number, cell in enumerate(points(space))}
    found: dict[str, Asked] = {}
    for row in ledger.trial_rows(space.name, False):
        listed = {name: value for name, value in row.swept.items() if name not in names}
        number = cells.get(_key(listed))
        if number is None or len(row.swept) != len(listed) + len(names):
            continue
        point = {name: _value(row.swept[name]) for name in names if row.swept[name] is not None}
        found.setdefault(_key(row.swept), Asked(number, point))
    return list(found.values())


def _key(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True)


def _value(value: Json) -> bool | int | float | str:
    assert isinstance(value, bool | int | float | str)
    return value
