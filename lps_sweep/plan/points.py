"""The configurations of a search space, and the values that each swept parameter takes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from lps_sweep.config import Config, Located, Value, changed_config, flat
from lps_sweep.plan.blocks import ARM, Arm, Levels
from lps_sweep.plan.space import SearchSpace

Move = dict[str, Located]
"""Parameters, by name of the space, and the value that one configuration gives them."""


class Point(NamedTuple):
    """One configuration of a search space.

    Attributes:
        arm: Its arm.
        base: The configuration of the arm with every swept parameter at its default.
        moves: What departs from it, by flat name of the arm's method.
        swept: The value of every swept parameter, also of one at its default.
    """

    arm: Arm
    base: Config
    moves: Mapping[str, Located]
    swept: Mapping[str, Value]

    def config(self) -> Config:
        """The configuration itself.

        Raises:
            BadInputError: Two values together are not right.
        """
        return changed_config(self.base, self.moves)


class Asked(NamedTuple):
    """A configuration that a search asked for: the number of its cell, and the values chosen.

    A parameter that a condition leaves out is missing.
    """

    cell: int
    values: Mapping[str, Value]


def points(space: SearchSpace) -> Iterator[Point]:
    """The listed configurations, each once; with a search they are its cells.

    The order is that of nested loops, outermost first: arms; the parameters of grid, in the order
    of the file; the rows of zip; one_at_a_time, which begins with all at their defaults and goes
    on with each parameter's other values, parameter by parameter.
    """
    combined = _rows(space.grid, itertools.product(*space.grid.values()))
    together = _rows(space.zipped, zip(*space.zipped.values(), strict=True)) or [{}]
    single: list[Move] = [{}, *({name: level} for name, level in space.off_centre)]
    order = {**dict.fromkeys((*space.grid, *space.zipped)), **space.centre}
    for arm in space.variants:
        base, names = space.config_of(arm), space.names_for(arm)
        head: dict[str, Value] = {ARM: arm.name} if space.arms else {}
        for across, row, alone in itertools.product(combined, together, single):
            move = {**across, **row, **alone}
            moves = {names[name]: level for name, level in move.items()}
            swept = {name: level.value for name, level in move.items()}
            yield Point(arm, base, moves, {**head, **order, **swept})


def asked_points(space: SearchSpace, asked: Iterable[Asked]) -> Iterator[Point]:
    """The configurations that a search asked for, in that order.

    A parameter that a condition leaves out is at its default, and None among the swept values.
    """
    cells = [*points(space)]
    for number, values in asked:
        yield asked_point(space, cells[number], values)


def asked_point(space: SearchSpace, cell: Point, values: Mapping[str, Value]) -> Point:
    """The configuration of `cell` for which its search chose `values`."""
    names = space.names_for(cell.arm)
    chosen = {names[name]: Located(value, "optuna") for name, value in values.items()}
    swept = {domain.name: values.get(domain.name) for domain in space.domains}
    return cell._replace(moves={**cell.moves, **chosen}, swept={**cell.swept, **swept})


def unsearched(space: SearchSpace, cell: Point) -> dict[str, Value]:
    """The value of each parameter that the search of `cell` searches, where it is not searched."""
    values = flat(cell.config())
    names = space.names_for(cell.arm)
    return {domain.name: values[names[domain.name]] for domain in space.domains_of(cell.arm)}


def _rows(levels: Levels, rows: Iterator[Sequence[Located]]) -> list[Move]:
    return [dict(zip(levels, row, strict=True)) for row in rows]


def axes(space: SearchSpace) -> dict[str, list[Value]]:
    """The listed values of each swept parameter.

    Those of grid and zip are in the order of the file, arms are their names. The default of a
    parameter of one_at_a_time, if the file does not list it, is put in its place among ascending
    numbers, or first among anything else.
    """
    found: dict[str, list[Value]] = {ARM: [arm.name for arm in space.arms]} if space.arms else {}
    for name, levels in {**space.grid, **space.zipped}.items():
        found[name] = list(dict.fromkeys(level.value for level in levels))
    for name, levels in space.one_at_a_time.items():
        found[name] = _with_default([level.value for level in levels], space.centre[name])
    return found


def defaults(space: SearchSpace) -> dict[str, Value]:
    """The value of each swept parameter where it is not swept, in the first arm.

    None for what the search of that arm leaves to others.
    """
    arm = space.variants[0]
    found: dict[str, Value] = {ARM: arm.name} if space.arms else {}
    return found | dict.fromkeys(d.name for d in space.domains) | default_values(space, arm)


def default_values(space: SearchSpace, arm: Arm) -> dict[str, Value]:
    """The value of each parameter that is swept or searched in `arm` where it is not."""
    values, own = flat(space.config_of(arm)), space.names_for(arm)
    names = (*space.swept, *(domain.name for domain in space.domains_of(arm)))
    return {name: values[own[name]] for name in names}


def _with_default(values: list[Value], default: Value) -> list[Value]:
    if default in values:
        return values
    numbers = [v for v in (default, *values) if isinstance(v, int | float)]
    whole = len(numbers) == len(values) + 1 and bool not in map(type, numbers)
    return [*sorted(numbers)] if whole else [default, *values]
