"""Tables as HTML."""

from __future__ import annotations

from collections import Counter

from lps_sweep.report.escape import html_text
from lps_sweep.report.facets import attributes, row_facets
from lps_sweep.report.model import Cell, Column, Table
from lps_sweep.report.numbers import cell_text, finite, printed, slug, value_text

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


def to_html(table: Table) -> str:
    """A native table with caption, scopes and sort buttons.

    A cell that is not printed in full has its raw value as ``data-sort``; each row has an id, in
    long tables each row of a trial. Rows beyond `PAGE_ROWS` are in bodies of their own, which the
    page's script shows by the page.
    """
    heads = (
        f'<th scope="col" class="{c.kind}" aria-sort="none" data-key="{html_text(c.key)}"'
        f'{attributes(c.facets)}><button type="button">{html_text(c.label)}</button></th>'
        for c in (table.columns[i] for i in table.shown)
    )
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
    cells = [
        f'<th scope="colgroup" class="span" colspan="{width}">{html_text(label)}</th>'
        if label
        else f'<td colspan="{width}"></td>'
        for label, width in table.spans(table.shown)
    ]
    return f"<tr>{''.join(cells)}</tr>" if cells else ""


def _html_cell(column: Column, cell: Cell) -> str:
    text = html_text(printed(column, cell))
    if cell is None or column.kind not in {"link", "trial"}:
        return text
    if column.kind == "trial":
        return f'<a href="#trial-{slug(str(cell))}">{text}</a>'
    return f'<a href="#{text}">see</a>'
