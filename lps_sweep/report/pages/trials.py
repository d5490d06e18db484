"""All planned trials, one row each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import HEADLINE, metric_facets, parameter_says, plain
from lps_sweep.report.escape import first_line
from lps_sweep.report.model import Cell, Column, Section, Table
from lps_sweep.report.numbers import value_text
from lps_sweep.text import error_line

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 90
_CAPTION = (
    "All planned trials, in the order of the plan. Accuracies and NMI in percent, after the last "
    "epoch, of done trials only; seconds of all attempts added up."
)


def trials_table(view: SweepView) -> Table:
    """One row per planned trial, in plan order; final metrics only where the trial is done.

    CSV has every metric; people see those of the first screen.
    """
    swept = list(view.record.axes)
    fixed = ["trial_id", "status", "seed", *swept, *HEADLINE, "attempts", "seconds"]
    others = [str(n) for n in view.trials.columns if n not in fixed and n != "error"]
    columns = (
        Column("trial_id", "Trial", "trial"),
        Column("status", "Status"),
        Column("seed", "Seed", "value"),
        *(Column(name, name, "value", says=parameter_says(name)) for name in swept),
        *(Column(m, label, "number", facets=metric_facets(m)) for m, label in HEADLINE.items()),
        Column("attempts", "Attempts", "value"),
        Column("seconds", "Seconds", "number"),
        *(Column(name, name, "number", 4, hidden=True) for name in others),
        Column("error", "Error", hidden=not (view.counts.failed or view.counts.diverged)),
    )
    none = [None] * len(view.trials)
    cells = [
        [_cell(c.key, v) for v in (view.trials[c.key].tolist() if c.key in view.trials else none)]
        for c in columns
    ]
    return Table("trials", _CAPTION, columns, tuple(zip(*cells, strict=True)))


def _cell(key: str, value: Any) -> Cell:
    value = plain(value)
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if key == "attempts":
        return int(value)
    if key == "error":
        return first_line(error_line(str(value)))
    if isinstance(value, str | int | float | bool):
        return value
    return value_text(value)


def sections(view: SweepView) -> list[Section]:
    """The table of all trials."""
    return [Section("trials", "All trials", (trials_table(view),))]
