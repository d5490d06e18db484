"""One table model with raw numbers, rendered to HTML, CSV, Markdown and booktabs LaTeX."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from lps_sweep.report.escape import MINUS, csv_text, html_text, latex_text, markdown_text

Pair: TypeAlias = tuple[float | None, float | None]
Cell: TypeAlias = str | int | float | bool | Pair | None
Kind: TypeAlias = Literal["text", "value", "number", "signed", "mean_sd", "interval", "link"]

_LONG_TEXT = 40
"""Characters above which a cell's text may wrap."""

_WORDS = frozenset({"text", "link"})
"""Kinds of column whose cells are words."""

_PARTS: dict[str, tuple[str, str]] = {"mean_sd": ("mean", "sd"), "interval": ("low", "high")}


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        key: Its name in CSV; a `mean_sd` or `interval` column becomes two, with
            ``_mean`` and ``_sd`` or ``_low`` and ``_high`` appended.
        label: Its heading for people.
        kind: What the cells are: `text`, a `value` of a parameter or a count (printed as it
            is), a `number`, a `signed` number, a pair of mean and standard deviation, a pair of
            the ends of an interval, or a `link`: the id of a place on the page. None is a missing
            cell of any kind.
        digits: Decimals of a number when printed; CSV has all of them.
    """

    key: str
    label: str
    kind: Kind = "text"
    digits: int = 1

    @property
    def keys(self) -> tuple[str, ...]:
        """Its names in CSV."""
        parts = _PARTS.get(self.kind)
        return (self.key,) if parts is None else tuple(f"{self.key}_{part}" for part in parts)


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
    """

    slug: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    marked: frozenset[int] = frozenset()
    hidden: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.slug}: {len(row)} cells for {len(self.columns)} columns")

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


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def number_text(value: object, digits: int, *, signed: bool = False) -> str:
    """A number with `digits` decimals and an ASCII minus; a dash where there is none."""
    number = _finite(value)
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
    return cell if isinstance(cell, str) and column.kind in _WORDS else value_text(cell)


def _proper_minus(column: Column, text: str) -> str:
    return text if column.kind in _WORDS else text.replace("-", MINUS)


def _sort_key(cell: Cell) -> str:
    first = cell[0] if isinstance(cell, tuple) else cell
    number = _finite(first)
    if number is not None:
        return repr(number)
    return "" if first is None or isinstance(first, float) else value_text(first)


def to_html(table: Table, *, sortable: bool = True) -> str:
    """A native table with caption, scopes and sort buttons; each cell has its raw sort key."""
    columns = [(i, table.columns[i]) for i in table.shown]
    heads = []
    for _, column in columns:
        label = html_text(column.label)
        inner = f'<button type="button">{label}</button>' if sortable else label
        sort = ' aria-sort="none"' if sortable else ""
        heads.append(f'<th scope="col" class="{column.kind}"{sort}>{inner}</th>')
    body = []
    for number, row in enumerate(table.rows):
        cells = []
        for place, (i, column) in enumerate(columns):
            text = _html_cell(column, row[i])
            key = html_text(_sort_key(row[i]))
            tag, scope = ("th", ' scope="row"') if place == 0 else ("td", "")
            kind = f"{column.kind} long" if len(text) > _LONG_TEXT else column.kind
            cells.append(f'<{tag}{scope} class="{kind}" data-sort="{key}">{text}</{tag}>')
        mark = ' class="marked"' if number in table.marked else ""
        body.append(f"<tr{mark}>{''.join(cells)}</tr>")
    name, caption = html_text(table.slug), html_text(table.caption)
    return (
        f'<table id="table-{name}"><caption><span>{caption}</span></caption>\n'
        f"<thead><tr>{''.join(heads)}</tr></thead>\n<tbody>\n"
        + "\n".join(body)
        + "\n</tbody></table>"
    )


def _html_cell(column: Column, cell: Cell) -> str:
    text = html_text(_proper_minus(column, cell_text(column, cell)))
    return f'<a href="#{text}">see</a>' if column.kind == "link" and cell is not None else text


def to_csv(table: Table) -> str:
    """All columns with raw numbers; a missing cell is empty."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([csv_text(key) for column in table.columns for key in column.keys])
    for row in table.rows:
        out: list[str] = []
        for column, cell in zip(table.columns, row, strict=True):
            if column.kind in _PARTS:
                pair = cell if isinstance(cell, tuple) else (None, None)
                out.extend(_csv_cell(part) for part in pair)
            else:
                out.append(_csv_cell(cell))
        writer.writerow(out)
    return stream.getvalue()


def _csv_cell(cell: Cell) -> str:
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return ""
    if isinstance(cell, bool):
        return value_text(cell)
    if isinstance(cell, int | float):
        return repr(cell)
    return csv_text(cell if isinstance(cell, str) else value_text(cell))


def _text_rows(table: Table, escape: Callable[[str], str]) -> list[list[str]]:
    columns = [(i, table.columns[i]) for i in table.shown]
    rows = [[escape(column.label) for _, column in columns]]
    for row in table.rows:
        rows.append([escape(_proper_minus(c, cell_text(c, row[i]))) for i, c in columns])
    return rows


def to_markdown(table: Table) -> str:
    """A pipe table under its caption; marked rows are bold in their first cell."""
    head, *body = _text_rows(table, markdown_text)
    rules = [":--" if table.columns[i].kind in _WORDS else "--:" for i in table.shown]
    for number in table.marked:
        body[number][0] = f"**{body[number][0]}**"
    lines = [markdown_text(table.caption), "", _pipes(head), _pipes(rules), *map(_pipes, body)]
    return "\n".join(lines) + "\n"


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def to_latex(table: Table) -> str:
    r"""A `table` environment with `booktabs` rules; marked rows are bold in their first cell."""
    head, *body = _text_rows(table, latex_text)
    places = "".join("l" if table.columns[i].kind in _WORDS else "r" for i in table.shown)
    for number in table.marked:
        body[number][0] = rf"\textbf{{{body[number][0]}}}"
    lines = [
        "% needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{latex_text(table.caption)}}}",
        rf"\label{{tab:{table.slug}}}",
        rf"\begin{{tabular}}{{{places}}}",
        r"\toprule",
        _latex_row(head),
        r"\midrule",
        *map(_latex_row, body),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_row(cells: Sequence[str]) -> str:
    # A bracket after a row end would be read as its optional argument.
    first = "{" + cells[0] + "}" if cells[0].startswith("[") else cells[0]
    return " & ".join([first, *cells[1:]]) + r" \\"
