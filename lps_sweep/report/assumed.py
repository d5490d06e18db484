"""What moves with the number of classes that is assumed: heads in use, and rules of selection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import select
from lps_sweep.report.columns import level_table, parameter
from lps_sweep.report.kept import used_heads_of
from lps_sweep.report.levels import Level, Levels
from lps_sweep.report.model import Column, Fold, Table
from lps_sweep.report.numbers import slug

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView


def assumed_table(view: SweepView, levels: Levels) -> Table:
    """One row per level: accuracies, and how many of the assumed classes get predictions."""
    from lps_sweep.results.class_number import USED
    from lps_sweep.results.statistics import describe

    used = [used_heads_of(view, cell.trials.values()) for cell in levels.cells]
    found = [describe(counts) if counts else None for counts in used]

    def of(row: Level) -> tuple[float | None, float | None]:
        known = found[row.index]
        return (known.mean, known.sd) if known else (None, None)

    extra = [Column("used_heads", "Heads used ± sd", "mean_sd", of=of)]
    notes = f"A head is used from {USED:g} times the mean count of those with any prediction on."
    return level_table(levels, extra=extra, notes=notes)


def rules_by_level(view: SweepView, levels: Levels) -> tuple[Fold, ...]:
    """A table of each rule that sees no hidden label, by level; none below two levels with all."""
    from lps_sweep.results.candidates import candidates
    from lps_sweep.results.selection import rules_of

    found = candidates(view, select(view.trials, levels.held))
    places = {point[levels.parameter]: place for place, point in enumerate(found.swept)}
    rows = [row for row in levels.rows if levels.values[row.index] in places]
    rules = [rule for rule in rules_of(found).values() if not rule.hidden and not rule.parts]
    if not rows or not rules:
        return ()
    seeds = range(len(found.seeds))

    def column(rule: Any) -> Column:
        known = found.values(rule, seeds)

        def of(row: Level) -> tuple[float, float | None]:
            own = known[places[levels.values[row.index]]]
            return float(own.mean()), float(own.std(ddof=1)) if len(own) > 2 else None

        return Column(f"rule_{slug(rule.name)}", f"{rule.name} ± sd", "mean_sd", 3, of)

    table = Table.of(
        f"rules_{slug(levels.parameter)}",
        f"Rules of selection by {levels.parameter}{levels.held_text}: mean over {len(seeds)} "
        "seeds, of levels whose seeds are all done; higher is better.",
        (parameter(levels.parameter, values=levels.values), *map(column, rules)),
        rows,
    )
    return (Fold("Rules that see no hidden label", table),)
