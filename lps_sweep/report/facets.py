"""What the page can be narrowed to: the metric, data set and labeled ratio of its parts.

Columns and panels have their facets as fields; a row has those that its cells say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lps_sweep.report.cells import HEADLINE
from lps_sweep.report.escape import html_text
from lps_sweep.report.model import Facets, Table
from lps_sweep.report.numbers import value_text
from lps_sweep.report.reference import NAMES

if TYPE_CHECKING:
    from lps_sweep.report.drawings import Drawing

LABELS = {
    "metric": "Metric",
    "dataset": "Data set (in tables)",
    "ratio": "Labeled ratio (in tables)",
}
"""The facets, by their names in the URL; no panel differs in the latter two."""
TRIALS = "trials"
"""The table that has each data set and labeled ratio of the sweep."""

_METRICS = {title: key.removeprefix("acc_") for key, title in HEADLINE.items()}


@dataclass(frozen=True)
class Choice:
    """A filter of the page: its name in the URL, its label, and values with their labels."""

    name: str
    label: str
    values: tuple[tuple[str, str], ...]


def row_facets(table: Table, number: int) -> dict[str, str]:
    """Of a row: what its cells say, by the columns that say something."""
    found: dict[str, str] = {}
    for column, cell in zip(table.columns, table.rows[number], strict=True):
        if column.says:
            text = value_text(cell)
            text = _METRICS.get(text, "") if column.says == "metric" else text
            found |= {column.says: text} if text else {}
    return found


def attributes(facets: Facets) -> str:
    """`facets` as attributes of an element, with a space before each."""
    return "".join(f' data-{name}="{html_text(value)}"' for name, value in facets.items())


def choices(drawings: Iterable[Drawing], tables: Iterable[Table]) -> tuple[Choice, ...]:
    """The facets of which this page has more than one value.

    Metrics are those of panels; data sets and ratios those of trials and columns, so that the
    paper's own tables offer none.
    """
    found: dict[str, dict[str, None]] = {name: {} for name in LABELS}
    each: list[Facets] = [drawing.panel.facets for drawing in drawings]
    for table in tables:
        rows = range(len(table.rows)) if table.slug == TRIALS else ()
        parts: list[Facets] = [column.facets for column in table.columns]
        parts += [row_facets(table, number) for number in rows]
        each += [{k: v for k, v in part.items() if k != "metric"} for part in parts]
    for facets in each:
        for name, value in facets.items():
            found[name][value] = None
    return tuple(
        Choice(name, label, tuple(_labelled(name, found[name])))
        for name, label in LABELS.items()
        if len(found[name]) > 1
    )


def _labelled(name: str, values: Iterable[str]) -> list[tuple[str, str]]:
    """`values` with what people read, in the order in which they are offered."""
    if name == "metric":
        return [(short, title) for title, short in _METRICS.items() if short in values]
    if name == "ratio":
        return [(value, value) for value in sorted(values, key=float)]
    return [(value, NAMES.get(value, value)) for value in sorted(values)]
