"""How to read the report, and what exactly was planned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lps_sweep.report.section import Block, Fold, Section
from lps_sweep.report.tables import Column, Table, value_text

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 100
LOCATIONS = frozenset({"data_root"})
"""Settings that say where something lies on one machine; they change no result."""

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
        "deviation and a 95 % t interval. Such an interval holds its level for near-normal spreads "
        "only. Where now and then a whole novel class merges with another, as simulated in "
        f"{100 * chance:.0f} % of the runs with {points:.0f} points each, the interval of a mean "
        f"covers it in {_shares(MEAN_COVERAGE_WITH_MERGES)}; that of a paired difference to a "
        f"setting without merges, in {_shares(DIFFERENCE_COVERAGE_WITH_MERGES)}. So every seed is "
        "drawn."
    )


def _shares(coverage: Mapping[int, int]) -> str:
    return " and ".join(f"{share} % of cases with {n} seeds" for n, share in coverage.items())


def comparison_text(margin: float | None) -> str:
    """How levels are compared with the default, and what the words mean."""
    text = (
        "Levels are compared with the default by seed. The levels of a parameter share one "
        "residual spread (block model of level and seed); arms, and what is frozen, are each "
        "compared by the spread of their own differences, because taking a part away changes the "
        "spread as well. The intervals hold together for all levels of one parameter and accuracy, "
        "not over several parameters or accuracies. Inconclusive is not evidence of no effect."
    )
    if margin is None:
        return f"{text} No practical margin was declared, so no level is called equivalent."
    return (
        f"{text} Equivalent means that the 90 % interval lies within \u00b1{value_text(margin)} "
        "points, the practical margin that the search space declares."
    )


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
        comparison_text(view.record.margin),
        SELECTION,
        Fold("All settings", settings_table(view)),
    ]
    if view.record.source.strip():
        blocks.append(Fold("The search space, as written", view.record.source))
    return [Section("notes", "How to read this report", tuple(blocks))]
