"""How to read the report, and what exactly was planned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lps_sweep.report.model import Block, Column, Fold, Section, Table
from lps_sweep.report.numbers import value_text
from lps_sweep.report.reference import LOCATIONS

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 100

REPLICATES = (
    "A replicate is a seed. Final values are those after the last epoch of a done trial; trials "
    "that failed, diverged or were stopped are counted and listed, and enter no mean."
)
SELECTION = (
    "All values are scored on the images that the trials trained on without their labels. A "
    "setting chosen by these values needs fresh seeds before its accuracy is quoted."
)


def interval_text() -> str:
    """What the intervals are, and how often they cover where classes merge."""
    from lps_sweep.results.statistics import (
        DIFFERENCE_COVERAGE_WITH_MERGES,
        MEAN_COVERAGE_WITH_MERGES,
        MERGES,
    )

    chance, points = MERGES
    return (
        "One seed gives a value, two give a range, and from three on there are a sample standard "
        "deviation and a 95 % t interval, which holds its level for near-normal spreads. Where "
        f"a whole novel class merges with another in {100 * chance:.0f} % of the runs, at the cost "
        f"of {points:.0f} points, the interval of a mean covers it in "
        f"{_shares(MEAN_COVERAGE_WITH_MERGES)} (simulated); that of a difference to a setting "
        f"without merges, in {_shares(DIFFERENCE_COVERAGE_WITH_MERGES)}. So every seed is drawn."
    )


def _shares(coverage: Mapping[int, int]) -> str:
    return " and ".join(f"{share} % of cases with {n} seeds" for n, share in coverage.items())


def settings_table(view: SweepView) -> Table:
    """The resolved configuration of the default cell, by name."""
    columns = (Column("setting", "Setting"), Column("value", "Value"))
    settings = sorted(view.record.settings.items())
    rows = tuple((name, value_text(value)) for name, value in settings if name not in LOCATIONS)
    return Table("settings", "Every setting of the default cell, resolved.", columns, rows)


def sections(view: SweepView) -> list[Section]:
    """Reading notes, the settings and the search space as it was written."""
    blocks: list[Block] = [
        REPLICATES,
        interval_text(),
        SELECTION,
        Fold("All settings", settings_table(view)),
    ]
    if view.record.source.strip():
        blocks.append(Fold("The search space, as written", view.record.source))
    return [Section("notes", "How to read this report", tuple(blocks), folded=True)]
