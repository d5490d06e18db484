"""One table model with raw numbers, rendered to HTML, CSV, Markdown and booktabs LaTeX."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Sequence

from lps_sweep.report.escape import csv_text, html_text, markdown_text
from lps_sweep.report.facets import attributes, column_facets, row_facets
from lps_sweep.report.latex import to_latex
from lps_sweep.report.table_model import (
    PARTS,
    WORDS,
    Cell,
    Column,
    Kind,
    Pair,
    Span,
    Table,
    cell_text,
    finite,
    number_text,
    printed,
    scalar,
    shown_texts,
    slug,
    strong_places,
    value_text,
)

__all__ = [
    "PAGE_ROWS",
    "Cell",
    "Column",
    "Kind",
    "Pair",
    "Span",
    "Table",
    "cell_text",
    "number_text",
    "scalar",
    "slug",
    "to_csv",
    "to_html",
    "to_latex",
    "to_markdown",
    "value_text",
]

PAGE_ROWS = 200
"""Rows of a table that the page shows at a time."""

_LONG_TEXT = 40
"""Characters above which a cell's text may wrap."""


def _sort_key(cell: Cell) -> str:
    first = cell[0] if isinstance(cell, tuple) else cell
    number = finite(first)
    if number is not None:
        return f"{number:.10g}"
    return "" if first is None or isinstance(first, float) else value_text(first)


def to_html(table: Table, *, sortable: bool = True) -> str:
    """A native table with caption, scopes and sort buttons.

    A cell that is not printed in full has its raw value as ``data-sort``; each row has an id, in
    long tables each row of a trial. Rows beyond `PAGE_ROWS` are in bodies of their own, which the
    page's script shows by the page.
    """
    heads = []
    for i in table.shown:
        column, facets = table.columns[i], attributes(column_facets(table, i))
        label, key = html_text(column.label), html_text(column.key)
        inner = f'<button type="button">{label}</button>' if sortable else label
        sort = f' aria-sort="none" data-key="{key}"' if sortable else ""
        heads.append(f'<th scope="col" class="{column.kind}"{sort}{facets}>{inner}</th>')
    ids = _row_ids(table)
    rows = [_html_row(table, number, ids[number]) for number in range(len(table.rows))]
    first, rest = rows[:PAGE_ROWS], rows[PAGE_ROWS:]
    more = '\n<tbody class="more">\n' + "\n".join(rest) + "\n</tbody>" if rest else ""
    name, caption = html_text(table.slug), html_text(table.caption)
    return (
        f'<table id="table-{name}"><caption><span>{caption}</span></caption>\n'
        f"<thead>{_html_spans(table)}<tr>{''.join(heads)}</tr></thead>\n<tbody>\n"
        + "\n".join(first)
        + f"\n</tbody>{more}</table>"
    )


def _row_ids(table: Table) -> list[str]:
    """A name for each row, of its trial or of its first cell; empty where it has none."""
    if table.columns[0].kind == "trial":
        prefix = "trial" if table.slug == "trials" else f"{table.slug}-trial"
        return [f"{prefix}-{slug(str(row[0]))}" for row in table.rows]
    if len(table.rows) > PAGE_ROWS:
        return [""] * len(table.rows)
    seen: Counter[str] = Counter()
    ids = []
    for row in table.rows:
        name = f"row-{table.slug}-{slug(cell_text(table.columns[0], row[0]))}"
        seen[name] += 1
        ids.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return ids


def _html_row(table: Table, number: int, name: str) -> str:
    cells = []
    for place, i in enumerate(table.shown):
        column, cell = table.columns[i], table.rows[number][i]
        text = _html_cell(column, cell)
        key = html_text(_sort_key(cell))
        tag, scope = ("th", ' scope="row"') if place == 0 else ("td", "")
        kind = f"{column.kind} long" if len(text) > _LONG_TEXT and "<" not in text else column.kind
        kind += " strong" if (number, column.key) in table.strong else ""
        sort = f' data-sort="{key}"' if key != text else ""
        cells.append(f'<{tag}{scope} class="{kind}"{sort}>{text}</{tag}>')
    names = ((table.marked, "marked"), (table.muted, "muted"))
    words = " ".join(word for rows, word in names if number in rows)
    mark = (f' id="{html_text(name)}"' if name else "") + (f' class="{words}"' if words else "")
    mark += attributes(row_facets(table, number))
    return f"<tr{mark}>{''.join(cells)}</tr>"


def _html_spans(table: Table) -> str:
    if not table.spans:
        return ""
    cells = [
        f'<th scope="colgroup" class="span" colspan="{width}">{html_text(label)}</th>'
        if label
        else f'<td colspan="{width}"></td>'
        for label, width in table.header
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _html_cell(column: Column, cell: Cell) -> str:
    text = html_text(printed(column, cell))
    if cell is None or column.kind not in {"link", "trial"}:
        return text
    if column.kind == "trial":
        return f'<a href="#trial-{slug(str(cell))}">{text}</a>'
    return f'<a href="#{text}">see</a>'


def to_csv(table: Table) -> str:
    """All columns with raw numbers; a missing cell is empty."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([csv_text(key) for column in table.columns for key in column.keys])
    for row in table.rows:
        out: list[str] = []
        for column, cell in zip(table.columns, row, strict=True):
            if column.kind in PARTS:
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


def to_markdown(table: Table) -> str:
    """A pipe table under its caption; marked rows are bold in their first cell, muted ones italic.

    The label of a span stands before those of its columns.
    """
    body = [[markdown_text(text) for text in row] for row in shown_texts(table, table.shown)[1:]]
    head = [markdown_text(table.heading(table.columns[i].key)) for i in table.shown]
    rules = [":--" if table.columns[i].kind in WORDS else "--:" for i in table.shown]
    for number in table.marked:
        body[number][0] = f"**{body[number][0]}**"
    for number in table.muted:
        body[number] = [f"*{text}*" if text.strip("—") else text for text in body[number]]
    for number, place in strong_places(table, table.shown):
        body[number][place] = f"**{body[number][place]}**"
    lines = [markdown_text(table.caption), "", _pipes(head), _pipes(rules), *map(_pipes, body)]
    return "\n".join(lines) + "\n"


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
