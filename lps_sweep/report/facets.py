"""What the page can be narrowed to: the metric, data set and labeled ratio of its parts.

They are read off names that the parts have anyway: a panel is called by its metric, the key of a
column contains it, and a row has it in a cell; `Span.facets` tells those of a group of columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lps_sweep.report.cells import HEADLINE
from lps_sweep.report.escape import html_text
from lps_sweep.report.reference import NAMES
from lps_sweep.report.table_model import Table, value_text

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
_ROWS = {"accuracy": "metric", "metric": "metric", "dataset": "dataset", "labeled_ratio": "ratio"}


@dataclass(frozen=True)
class Choice:
    """A filter of the page: its name in the URL, its label, and values with their labels."""

    name: str
    label: str
    values: tuple[tuple[str, str], ...]


def panel_facets(title: str) -> dict[str, str]:
    """Of a panel with the heading `title`."""
    return {"metric": _METRICS[title]} if title in _METRICS else {}


def column_facets(table: Table, i: int) -> dict[str, str]:
    """Of the column of index `i`: the longest metric within its key, and those of its span."""
    key = table.columns[i].key
    found = sorted((m for m in HEADLINE if m in key), key=len)
    own = {"metric": found[-1].removeprefix("acc_")} if found else {}
    return {**table.span_facets(key), **own}


def row_facets(table: Table, number: int) -> dict[str, str]:
    """Of a row: what its cells under `_ROWS` say."""
    found: dict[str, str] = {}
    for column, cell in zip(table.columns, table.rows[number], strict=True):
        name = _ROWS.get(column.key)
        if name is not None:
            text = value_text(cell)
            text = _METRICS.get(text, "") if name == "metric" else text
            found |= {name: text} if text else {}
    return found


def attributes(facets: Mapping[str, str]) -> str:
    """`facets` as attributes of an element, with a space before each."""
    return "".join(f' data-{name}="{html_text(value)}"' for name, value in facets.items())


def choices(drawings: Iterable[Drawing], tables: Iterable[Table]) -> tuple[Choice, ...]:
    """The facets of which this page has more than one value.

    Metrics are those of panels; data sets and ratios those of trials and spans, so that the
    paper's own tables offer none.
    """
    found: dict[str, dict[str, None]] = {name: {} for name in LABELS}
    each = [panel_facets(drawing.title) for drawing in drawings]
    for table in tables:
        each += [dict(span.facets) for span in table.spans]
        if table.slug == TRIALS:
            rows = [row_facets(table, number) for number in range(len(table.rows))]
            each += [{k: v for k, v in row.items() if k != "metric"} for row in rows]
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
