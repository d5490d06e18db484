"""How to read the report, and what exactly was planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lps_sweep.report.section import Block, Fold, Section
from lps_sweep.report.tables import Column, Table, value_text

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 100
LOCATIONS = frozenset({"data_root"})
"""Settings that say where something lies on one machine; they change no result."""

READING = (
    "A replicate is a seed. Final values are those after the last epoch of a done trial; trials "
    "that failed, diverged or were stopped are counted and listed, and enter no mean.",
    "One seed gives a value, two give a range, and from three on there are a sample standard "
    "deviation and a 95 % t interval. Such an interval holds its level for near-normal spreads "
    "only. Where now and then a whole novel class merges with another (10 to 27 points), it "
    "covers about 65 % of the time with three seeds and 83 % with five. So every seed is drawn.",
    "Levels are compared with the default by seed, in a model of level and seed whose residual is "
    "pooled over the levels; the intervals hold together for all levels of one parameter and "
    "accuracy, not over several parameters or accuracies. No practical margin was declared, so no "
    "level is called equivalent: inconclusive is not evidence of no effect.",
    "All values are scored on the images that the trials trained on without their labels. A "
    "setting chosen by these values needs fresh seeds before its accuracy is quoted.",
)


def settings_table(view: SweepView) -> Table:
    """The resolved configuration of the default cell, by name."""
    columns = (Column("setting", "Setting"), Column("value", "Value"))
    settings = sorted(view.record.settings.items())
    rows = tuple((name, value_text(value)) for name, value in settings if name not in LOCATIONS)
    return Table("settings", "Every setting of the default cell, resolved.", columns, rows)


def sections(view: SweepView) -> list[Section]:
    """Reading notes, the settings and the search space as it was written."""
    blocks: list[Block] = [*READING, Fold("All settings", settings_table(view))]
    if view.record.source.strip():
        blocks.append(Fold("The search space, as written", view.record.source))
    return [Section("notes", "How to read this report", tuple(blocks))]
