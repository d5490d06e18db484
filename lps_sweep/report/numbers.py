"""Numbers and values as people read them."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from lps_sweep.report.escape import MINUS
from lps_sweep.report.model import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from lps_sweep.report.model import Cell, Column, Table


def value_text(value: object) -> str:
    """A parameter's value or a count as people write it: no trailing zeros, lists as JSON."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    if isinstance(value, float):
        return f"{value:.10g}" if math.isfinite(value) else str(value)
    if isinstance(value, str | int):
        return str(value)
    return json.dumps(value, sort_keys=True)


def point_text(point: Mapping[str, Any]) -> str:
    """``C = 10, tau = 0.4``."""
    return ", ".join(f"{name} = {value_text(value)}" for name, value in point.items())


def at_text(point: Mapping[str, Any]) -> str:
    """``, at C = 10``; empty for no values."""
    return f", at {point_text(point)}" if point else ""


def scalar(value: object) -> str | int | float | bool | None:
    """`value` as a cell: itself, or its text where it is a list or mapping."""
    return value if isinstance(value, str | int | float) or value is None else value_text(value)


def finite(value: object) -> float | None:
    """`value` as a number; None for anything else, also for NaN, infinities and switches."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def number_text(value: object, digits: int, *, signed: bool = False) -> str:
    """A number with `digits` decimals and an ASCII minus; a dash where there is none."""
    number = finite(value)
    if number is None:
        return "—"
    text = f"{number:+.{digits}f}" if signed else f"{number:.{digits}f}"
    zero = f"{0.0:.{digits}f}"
    return zero if text.lstrip("+-") == zero else text


def typeset(number: float, *, signed: bool = False) -> str:
    """`number` to one decimal with the typographic minus, for sentences."""
    return number_text(number, 1, signed=signed).replace("-", MINUS)


def duration(seconds: float) -> str:
    """``8.4 s``, ``12 min``, ``3.4 h``: two or three digits are enough to plan by."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def minus(ours: float | None, other: float | None) -> float | None:
    """`ours` less `other`; None where either is missing."""
    return None if ours is None or other is None else ours - other


def described(values: Iterable[float]) -> tuple[float | None, float | None]:
    """Mean and, from three values on, sample standard deviation."""
    from lps_sweep.results.statistics import describe

    known = [float(value) for value in values]
    if not known:
        return (None, None)
    found = describe(known)
    return (found.mean, found.sd)


def cell_text(column: Column, cell: Cell) -> str:
    """`cell` as people read it, unescaped, with an ASCII minus."""
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return "—"
    if isinstance(cell, tuple):
        ends = (None if end is None else min(max(end, 0.0), 100.0) for end in cell)
        parts = ends if column.percent else cell
        first, second = (number_text(part, column.digits) for part in parts)
        if column.kind == "interval":
            return "—" if first == "—" or second == "—" else f"[{first}, {second}]"
        return first if second == "—" else f"{first} ± {second}"
    if column.kind in {"number", "signed"} and not isinstance(cell, str):
        return number_text(cell, column.digits, signed=column.kind == "signed")
    return cell if isinstance(cell, str) and column.kind in WORDS else value_text(cell)


def printed(column: Column, cell: Cell) -> str:
    """`cell` as people read it, unescaped, numbers with the typographic minus."""
    text = cell_text(column, cell)
    return text if column.kind in WORDS else text.replace("-", MINUS)


def shown_texts(table: Table, places: Sequence[int]) -> list[list[str]]:
    """The headings of the columns `places`, then each row as people read it."""
    columns = [(i, table.columns[i]) for i in places]
    head = [column.label for _, column in columns]
    return [head, *([printed(column, row[i]) for i, column in columns] for row in table.rows)]


def strong_places(table: Table, places: Sequence[int]) -> list[tuple[int, int]]:
    """Row and place among the columns `places` of each cell to emphasise."""
    keys = [table.columns[i].key for i in places]
    return sorted((number, keys.index(key)) for number, key in table.strong if key in keys)


def slug(text: str) -> str:
    """`text` with everything but letters, digits, ``_`` and ``-`` replaced: for names and ids."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in text) or "_"
