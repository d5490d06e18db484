"""A search space at a glance: what it varies, and what it sets beside its preset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lps_sweep.config import PRESETS, Value, field_table
from lps_sweep.plan.points import axes, default_values
from lps_sweep.plan.space import SearchSpace


@dataclass(frozen=True)
class Varied:
    """A parameter that is varied.

    Attributes:
        name: Its flat name.
        symbol: The paper's symbol; empty where it has none.
        block: The block of the file that varies it.
        values: The listed values, the choices, or the lowest and highest value of a search.
        default: Its value where it is not varied.
        between: Whether all between the two `values` counts too.
        log: Whether a search spreads the logarithm evenly.
        when: Values of others under which it is searched at all, by their names.
    """

    name: str
    symbol: str
    block: str
    values: Sequence[Value]
    default: Value
    between: bool = False
    log: bool = False
    when: dict[str, Sequence[Value]] = field(default_factory=dict)


@dataclass(frozen=True)
class Departure:
    """A value of all trials that is not what the preset, or without it the default, says."""

    name: str
    value: Value
    preset: Value


def varied(space: SearchSpace) -> list[Varied]:
    """What the lists and the search of `space` vary, in the order of the file; not the arms."""
    table = {**field_table(space.variants[0].method)}
    table |= {domain.name: space.field_of(domain) for domain in space.domains}
    centre: dict[str, Value] = {}
    for arm in reversed(space.variants):
        centre |= default_values(space, arm)
    listed: dict[str, Sequence[Value]] = dict(axes(space))
    for name, levels in space.zipped.items():
        listed[name] = [level.value for level in levels]

    def entry(name: str, block: str, values: Sequence[Value], **more: Any) -> Varied:
        return Varied(name, table[name].param.symbol, block, values, centre[name], **more)

    blocks = {"grid": space.grid, "zip": space.zipped, "one_at_a_time": space.one_at_a_time}
    return [
        *(entry(name, block, listed[name]) for block, names in blocks.items() for name in names),
        *(
            entry(
                one.name,
                "optuna",
                one.choices or (one.low, one.high),
                between=not one.choices,
                log=one.log,
                when=dict(one.when),
            )
            for one in space.domains
        ),
    ]


def arm_settings(space: SearchSpace) -> dict[str, dict[str, Any]]:
    """What each arm sets, by its name: its method where another one than the first's, and values.

    Empty where there are no arms.
    """
    return {
        arm.name: {
            **({"method": arm.method} if arm.method != space.variants[0].method else {}),
            **{name: located.value for name, located in arm.values.items()},
        }
        for arm in space.arms
    }


def departures(space: SearchSpace) -> list[Departure]:
    """What all trials have and the preset says otherwise; what is varied is not among it."""
    table = field_table(space.variants[0].method)
    preset = PRESETS[space.preset] if space.preset else {}
    found = []
    for name, located in space.fixed.items():
        before = preset.get(name, table[name].default)
        if located.value != before:
            found.append(Departure(name, located.value, before))
    return found
