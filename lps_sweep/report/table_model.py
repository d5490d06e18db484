"""What a table of the report is: raw cells, and what each of them reads like."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from lps_sweep.report.escape import MINUS

Pair: TypeAlias = tuple[float | None, float | None]
Cell: TypeAlias = str | int | float | bool | Pair | None
Kind: TypeAlias = Literal[
    "text", "value", "number", "signed", "mean_sd", "interval", "link", "trial"
]

WORDS = frozenset({"text", "link", "trial"})
"""Kinds of column whose cells are words."""

PARTS: dict[str, tuple[str, str]] = {"mean_sd": ("mean", "sd"), "interval": ("low", "high")}


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        key: Its name in CSV; a `mean_sd` or `interval` column becomes two, with
            ``_mean`` and ``_sd`` or ``_low`` and ``_high`` appended.
        label: Its heading for people.
        kind: What the cells are: `text`, a `value` of a parameter or a count (printed as it
            is), a `number`, a `signed` number, a pair of mean and standard deviation, a pair of
            the ends of an interval, a `link`: the id of a place on the page, or the id of a
            `trial`. None is a missing cell of any kind.
        digits: Decimals of a number when printed; CSV has all of them.
    """

    key: str
    label: str
    kind: Kind = "text"
    digits: int = 1

    @property
    def keys(self) -> tuple[str, ...]:
        """Its names in CSV."""
        parts = PARTS.get(self.kind)
        return (self.key,) if parts is None else tuple(f"{self.key}_{part}" for part in parts)


@dataclass(frozen=True)
class Span:
    """A heading above adjoining shown columns, from the key `first` to the key `last`.

    `facets` are what the page can narrow them by, see `report.facets`.
    """

    label: str
    first: str
    last: str
    facets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A table: raw cells and how to print them.

    Attributes:
        slug: Stable name: of the files, the anchor and the LaTeX label.
        caption: What the numbers are, in one or two sentences.
        columns: The columns; the first is the row heading.
        rows: Each with one cell per column.
        marked: Indices of rows to emphasise, for instance the default setting.
        hidden: Keys of columns that only CSV has.
        muted: Indices of rows in grey: numbers of others, which are not ranked with the rest.
        strong: Row index and column key of single cells to emphasise.
        spans: Headings above groups of columns, from left to right.
    """

    slug: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    marked: frozenset[int] = frozenset()
    hidden: frozenset[str] = frozenset()
    muted: frozenset[int] = frozenset()
    strong: frozenset[tuple[int, str]] = frozenset()
    spans: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.slug}: {len(row)} cells for {len(self.columns)} columns")

    @property
    def header(self) -> tuple[tuple[str, int], ...]:
        """The row of `spans` over the shown columns: labels, empty for none, and widths."""
        keys = [self.columns[i].key for i in self.shown]
        found: list[tuple[str, int]] = []
        place = 0
        for span in self.spans:
            first, last = keys.index(span.first), keys.index(span.last)
            found += [("", first - place)] if first > place else []
            found.append((span.label, last + 1 - first))
            place = last + 1
        return (*found, ("", len(keys) - place)) if place < len(keys) else tuple(found)

    def span_facets(self, key: str) -> Mapping[str, str]:
        """The facets of the span above the column `key`; empty where none is."""
        keys = [column.key for column in self.columns]
        place = keys.index(key)
        for span in self.spans:
            if keys.index(span.first) <= place <= keys.index(span.last):
                return span.facets
        return {}

    def heading(self, key: str) -> str:
        """The label of a shown column with that of its span before it."""
        keys = [self.columns[i].key for i in self.shown]
        place, end = keys.index(key), 0
        label = self.columns[self.shown[place]].label
        for text, width in self.header if self.spans else ():
            end += width
            if place < end:
                return f"{text}: {label}" if text else label
        return label

    @property
    def shown(self) -> tuple[int, ...]:
        """Indices of the columns that people see."""
        return tuple(i for i, column in enumerate(self.columns) if column.key not in self.hidden)


def value_text(value: object) -> str:
    """A parameter's value or a count as people write it: no trailing zeros, lists as JSON."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    if isinstance(value, float):
        return f"{value:.10g}" if math.isfinite(value) else str(value)
    if isinstance(value, str | int):
        return str(value)
    return json.dumps(value, sort_keys=True)


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


def cell_text(column: Column, cell: Cell) -> str:
    """`cell` as people read it, unescaped, with an ASCII minus."""
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return "—"
    if isinstance(cell, tuple):
        first, second = (number_text(part, column.digits) for part in cell)
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
