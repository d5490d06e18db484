"""How a hyper-parameter is declared: once, with its range, symbol and source."""

from __future__ import annotations

import dataclasses
import functools
import math
import typing
from dataclasses import dataclass
from typing import Any

from lps_sweep.errors import BadInputError

MAX_COUNT = 1_000_000
"""Upper limit of epochs and batch sizes: beyond it is a slip of the keyboard."""

MAX_SEED = 2**32 - 1
"""Largest seed that all generators take, numpy's legacy one among them."""


@dataclass(frozen=True)
class Param:
    """What is known of a configuration field besides its type and default.

    Attributes:
        help: One line for people, with the unit.
        symbol: The paper's symbol, if it has one.
        source: Equation, section or reference behaviour that the field comes from.
        low: Smallest value.
        high: Largest value.
        open_low: Whether `low` itself is excluded.
        open_high: Whether `high` itself is excluded.
        choices: The only values, for fields that are words.
        location: True for what says where things are, which is no part of a trial's identity.
        beside: What the names of the sweeps end with, each beside another one, that alone set it.
    """

    help: str
    symbol: str = ""
    source: str = ""
    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False
    choices: tuple[str, ...] = ()
    location: bool = False
    beside: str = ""

    def accepts(self, value: float | str) -> bool:
        """Whether `value`, already of the right type, is in range."""
        if isinstance(value, str):
            return not self.choices or value in self.choices
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return above and below and (isinstance(value, int) or math.isfinite(value))

    def range_text(self) -> str:
        """The valid values in words, for messages and documentation."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        bounds = []
        if self.low > -math.inf:
            bounds.append(f"{'>' if self.open_low else '>='} {_number(self.low)}")
        if self.high < math.inf:
            bounds.append(f"{'<' if self.open_high else '<='} {_number(self.high)}")
        return " and ".join(bounds) or "any finite value"


def _number(bound: float) -> str:
    return str(bound) if isinstance(bound, int) else f"{bound:g}"


def param(default: Any, help: str, **known: Any) -> Any:
    """A dataclass field with a `default` and what `Param` knows of it."""
    return dataclasses.field(default=default, metadata={"param": Param(help=help, **known)})


def check_ranges(section: Any) -> None:
    """Refuses a section, an instance of a dataclass, with a value that is out of its range.

    Raises:
        BadInputError: Names the field and what would be right.
    """
    values = vars(section)
    for name, default, known in _declared(section.__class__):
        value = values[name]
        if value is not default and not known.accepts(value):
            raise BadInputError(f"{name}: {value!r} is not {known.range_text()}")


@functools.cache
def _declared(cls: type[Any]) -> tuple[tuple[str, Any, Param], ...]:
    """Name, default and what else is declared of each field of a section's class."""
    return tuple((f.name, f.default, f.metadata["param"]) for f in dataclasses.fields(cls))


@dataclass(frozen=True)
class FieldInfo:
    """A configuration field: its section, its name there, and what is declared of it."""

    section: str
    name: str
    type: Any
    default: Any
    param: Param


def section_fields(section: str, cls: type[Any]) -> list[FieldInfo]:
    """The fields of one section's class, in order."""
    hints = typing.get_type_hints(cls)
    return [
        FieldInfo(section, f.name, hints[f.name], f.default, f.metadata["param"])
        for f in dataclasses.fields(cls)
    ]


def section_table(section: str, cls: type[Any]) -> dict[str, FieldInfo]:
    """`section_fields` by name."""
    return {info.name: info for info in section_fields(section, cls)}
