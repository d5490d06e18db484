"""What the searches of a sweep have asked for so far, as the ledger tells it. Without Optuna."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lps_sweep.config import Located, Value, check_value, field_table
from lps_sweep.errors import BadInputError
from lps_sweep.params import FieldInfo
from lps_sweep.plan import ARM, Asked, Domain, SearchSpace, points
from lps_sweep.results import Json, Ledger

Point = dict[str, Value]
"""Values of the searched parameters; one that a condition leaves out is missing."""


@dataclass(frozen=True)
class Earlier:
    """What was asked for before.

    Attributes:
        asked: The configurations that lie in the search as it is now, in order.
        outside: The number of all others, by why they do not: they do not count.
    """

    asked: Sequence[Asked] = ()
    outside: Mapping[str, int] | None = None

    def lines(self) -> list[str]:
        """For people: how many do not count, and why."""
        if not self.outside:
            return []
        number = sum(self.outside.values())
        why = "; ".join(f"{n} as {reason}" for reason, n in self.outside.items())
        return [
            f"{number} configuration{'s' if number > 1 else ''} asked for before lie outside the "
            f"search as it is now, do not count and are not trained: {why}"
        ]


def asked_before(space: SearchSpace, ledger: Ledger) -> Earlier:
    """The configurations asked for so far; none where the sweep was no search."""
    assert space.search is not None
    known = ledger.record(space.name).search if space.name in ledger.sweeps() else None
    if known is None:
        return Earlier()
    before = _names(known["domains"])
    table = {
        **field_table(space.variants[0].method),
        **{domain.name: space.field_of(domain) for domain in space.domains},
    }
    cells = {values_key(cell.swept): number for number, cell in enumerate(points(space))}
    found: dict[frozenset[tuple[str, Value]], Asked | str] = {}
    for row in ledger.trial_rows(space.name, False):
        swept = {name: _restored(table, name, value) for name, value in row.swept.items()}
        if (key := values_key(swept)) in found:
            continue
        cell = cells.get(values_key({n: v for n, v in swept.items() if n not in before}))
        why = _changed(space.search.domains, before) or _outside(space.search.domains, swept)
        if not why and cell is None:
            why = "the values listed beside the search are others"
        point = {name: value for name in before if (value := swept[name]) is not None}
        found[key] = why or Asked(cell or 0, point)
    return Earlier(
        [one for one in found.values() if isinstance(one, Asked)],
        Counter(one for one in found.values() if isinstance(one, str)),
    )


def values_key(swept: Mapping[str, Value]) -> frozenset[tuple[str, Value]]:
    """What equal values have in common, whatever their order; 2 is 2.0."""
    return frozenset(swept.items())


def _names(domains: Json) -> list[str]:
    """The searched parameters, of what the ledger keeps of a search."""
    assert isinstance(domains, list)
    return [str(domain["name"]) for domain in domains if isinstance(domain, dict)]


def _restored(table: Mapping[str, FieldInfo], name: str, value: Any) -> Value:
    """A swept value as it was before it became JSON."""
    info = table.get(name)
    try:
        return value if info is None or value is None else check_value(name, info, Located(value))
    except BadInputError:  # a version that took other values; it lies in no domain
        return str(value)


def _changed(domains: Collection[Domain], before: Sequence[str]) -> str:
    """Which parameters are searched now and were not, or the other way round; empty for none."""
    now = [domain.name for domain in domains]
    if gone := [name for name in before if name not in now]:
        return f"{', '.join(gone)} {'are' if len(gone) > 1 else 'is'} searched no longer"
    new = [name for name in now if name not in before]
    return f"{', '.join(new)} {'were' if len(new) > 1 else 'was'} not searched then" if new else ""


def _outside(domains: Collection[Domain], swept: Mapping[str, Value]) -> str:
    """Which of the searched values lies outside its domain, or is there or not against `when`."""
    point: Point = {ARM: swept.get(ARM)}
    for domain in domains:
        name, value = domain.name, swept[domain.name]
        if domain.active(point) == (value is None):
            return f"{name} is searched under another condition"
        if value is not None:
            if not domain.holds(value):
                return f"{name} is not in {domain.text()}"
            point[name] = value
    return ""
