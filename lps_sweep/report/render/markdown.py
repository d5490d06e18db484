"""Tables as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from lps_sweep.report.escape import markdown_text
from lps_sweep.report.model import WORDS, Table
from lps_sweep.report.numbers import shown_texts, strong_places


def to_markdown(table: Table) -> str:
    """A pipe table under its caption; marked rows are bold in their first cell, muted ones italic.

    The label of a span stands before those of its columns.
    """
    columns = [table.columns[i] for i in table.shown]
    head = [markdown_text(f"{c.span}: {c.label}" if c.span else c.label) for c in columns]
    body = [[markdown_text(text) for text in row] for row in shown_texts(table, table.shown)[1:]]
    rules = [":--" if column.kind in WORDS else "--:" for column in columns]
    for number in table.marked:
        body[number][0] = f"**{body[number][0]}**"
    for number in table.muted:
        body[number] = [f"*{text}*" if text.strip("—") else text for text in body[number]]
    for number, place in strong_places(table, table.shown):
        body[number][place] = f"**{body[number][place]}**"
    caption = markdown_text(table.full_caption)
    return "\n".join([caption, "", _pipes(head), _pipes(rules), *map(_pipes, body)]) + "\n"


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
