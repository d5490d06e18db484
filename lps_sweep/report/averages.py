"""The main effects of a grid: levels averaged over the combinations of the other parameters."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import (
    ACCURACIES,
    FREEZING,
    Cell,
    held_point,
    in_order,
    is_numeric,
    moving_with,
    same,
    without,
)
from lps_sweep.report.columns import ACCURACY
from lps_sweep.report.differences import level_differences
from lps_sweep.report.levels import ARM, IMAGES, Levels, default_of
from lps_sweep.report.model import Cell as TableCell
from lps_sweep.report.model import Column, Table
from lps_sweep.report.numbers import point_text, slug, typeset
from lps_sweep.report.reference import Reference

if TYPE_CHECKING:
    from lps_sweep.results.main_effects import MainEffect
    from lps_sweep.results.view import SweepView

APART = frozenset({ARM, "method", FREEZING, *IMAGES})
"""Parameters that are never averaged over: each of their values has averages of its own."""
Row = Mapping[str, Any]
_DEPARTURE_NOTES = (
    "Trend: the least-squares line over the levels at each seed; t interval over the seeds. p: F "
    "test of parameter \u00d7 others against parameter \u00d7 others \u00d7 seed; a large p does "
    "not show that there is no interaction. Departure: the difference to the default at one "
    "combination, less the main effect; interval simultaneous over all of them (Bonferroni)."
)


@dataclass(frozen=True)
class Average:
    """The main effect of a parameter.

    Attributes:
        levels: The levels; the value of a seed is its mean over the combinations of the others.
        effects: Per accuracy, what was averaged over, and how far single combinations depart.
    """

    levels: Levels
    effects: Mapping[str, MainEffect[int, str]]


def read_averages(view: SweepView, parameter: str) -> tuple[Average, ...]:
    """The main effects of `parameter`, one for each combination of what is never averaged over.

    The first is at the held point. None where fewer than two combinations are complete, and none
    of searches and of sweeps whose trials a rule stops: what is left there was selected.
    """
    record = view.record
    rows: list[Row] = view.trials.to_dict("records")  # type: ignore[assignment]
    stopped = any(row["status"] == "stopped" for row in rows)
    if record.search or stopped or parameter in APART or len(record.axes[parameter]) < 2:
        return ()
    moving = moving_with(view, parameter)
    swept = [n for n, v in record.axes.items() if len(v) > 1 and n not in (parameter, *moving)]
    others = [name for name in swept if name not in APART]
    found = (
        _read(view, parameter, others, within, rows)
        for within in _strata(view, [name for name in swept if name in APART], rows)
    )
    return tuple(average for average in found if average is not None) if others else ()


def main_levels(view: SweepView, levels: Levels) -> Levels:
    """The main effect of the parameter of `levels` at the held point, or `levels` without one."""
    found = read_averages(view, levels.parameter)
    held = without(held_point(view), levels.parameter)
    at_held = [a.levels for a in found if all(same(held[n], v) for n, v in a.levels.held.items())]
    return at_held[0] if at_held else levels


def _strata(view: SweepView, apart: list[str], rows: list[Row]) -> Iterator[dict[str, Any]]:
    """The combinations of the parameters `apart`, the held one first."""
    held = {name: held_point(view)[name] for name in apart}
    seen = {point_text(held)}
    yield held
    for row in rows:
        point = {name: row[name] for name in apart}
        if point_text(point) not in seen:
            seen.add(point_text(point))
            yield point


def _read(
    view: SweepView, parameter: str, others: list[str], within: dict[str, Any], rows: list[Row]
) -> Average | None:
    record, values = view.record, in_order(view.record.axes[parameter], parameter)
    inside = [row for row in rows if all(same(row[n], v) for n, v in within.items())]
    levels = [[row for row in inside if same(row[parameter], value)] for value in values]
    default = default_of(record.defaults, {parameter: values})
    effects = _effects(levels, others, default)
    if effects is None:
        return None
    cells = tuple(
        Cell(
            len(record.seeds),
            {metric: effect.means[i] for metric, effect in effects.items()},
            dict(Counter(str(row["status"]) for row in some if row["status"] != "done")),
        )
        for i, some in enumerate(levels)
    )
    differences = {
        m: level_differences([cell.values[m] for cell in cells], default, record.margin)
        for m in ACCURACIES
    }
    off = tuple(n for n, v in within.items() if not same(v, record.defaults.get(n)))
    paper = Reference({}, "", None, comparable=False)
    return Average(
        Levels(
            parameter,
            values,
            default,
            within,
            off,
            cells,
            differences,
            paper,
            record.margin,
            averaged=_averaged(effects["acc_all"], others),
        ),
        effects,
    )


def _effects(
    levels: list[list[Row]], others: list[str], default: int | None
) -> dict[str, MainEffect[int, str]] | None:
    """Per accuracy the main effect; None where it has none in one of them."""
    from lps_sweep.results.main_effects import main_effect

    effects = {}
    for metric in ACCURACIES:
        finals = {i: _finals(some, others, metric) for i, some in enumerate(levels)}
        effect = main_effect(finals, default)
        if effect is None:
            return None
        effects[metric] = effect
    return effects


def _finals(rows: list[Row], others: list[str], metric: str) -> dict[str, dict[int, float]]:
    """Combination of the others -> seed -> final value of `metric`."""
    found: dict[str, dict[int, float]] = {}
    for row in rows:
        value = row.get(metric)
        if row["status"] == "done" and value is not None and math.isfinite(value):
            at = point_text({name: row[name] for name in others})
            found.setdefault(at, {})[int(row["seed"])] = float(value)
    return found


def _averaged(effect: MainEffect[int, str], others: list[str]) -> str:
    """``the 5 combinations of tau``, and what was left out."""
    number, left = len(effect.combinations), len(effect.left_out)
    what = "values" if len(others) == 1 else "combinations"
    text = f"{number} {what} of {', '.join(others)}"
    if left:
        text += f" ({left} left out, with a level or seed missing)"
    if effect.seeds_left_out:
        text += f" (seeds left out: {', '.join(map(str, effect.seeds_left_out))})"
    return text


def trends(average: Average) -> dict[str, tuple[float, tuple[float, float] | None]]:
    """Per accuracy the rise from the lowest to the highest level; empty without numbers."""
    from lps_sweep.results.main_effects import trend

    levels = average.levels
    if not is_numeric(levels.values):
        return {}
    places = dict(enumerate(map(float, levels.values)))
    return {
        metric: trend({places[i]: by_seed for i, by_seed in effect.means.items()})
        for metric, effect in average.effects.items()
    }


def trend_text(average: Average) -> str:
    """``Seen falls with C (-1.3 points from 1 to 20).``; empty where nothing is told to move."""
    levels = average.levels
    parts = [
        f"{ACCURACIES[metric]} {'rises' if rise > 0 else 'falls'} with {levels.parameter} "
        f"({typeset(rise, signed=True)} points from {levels.texts[0]} to {levels.texts[-1]})"
        for metric, (rise, ends) in trends(average).items()
        if ends is not None and not ends[0] <= 0 <= ends[1]
    ]
    return f"{'; '.join(parts)}." if parts else ""


def average_table(average: Average) -> Table:
    """One row per accuracy: the trend, the test of the interaction, the largest departure."""
    levels, rises = average.levels, trends(average)
    rows: list[tuple[TableCell, ...]] = []
    for metric, effect in average.effects.items():
        rise, ends = rises.get(metric, (None, None))
        most, both = effect.departure, effect.interaction
        rows.append(
            (
                ACCURACIES[metric],
                rise,
                ends,
                len(effect.combinations),
                len(levels.seeds),
                None if both is None else both.p,
                None if most is None else levels.texts[most.level],
                None if most is None else most.combination,
                None if most is None else most.estimate,
                None if most is None else most.interval,
            )
        )
    columns = (
        ACCURACY,
        Column("rise", "Lowest to highest level", "signed"),
        Column("rise_interval95", "95 % interval", "interval"),
        Column("combinations", "Combinations", "value"),
        Column("n", "Seeds", "value"),
        Column("p", "p of the interaction", "number", 3),
        Column("level", "Largest departure at", "text"),
        Column("at", "with", "text"),
        Column("departure", "Departure", "signed"),
        Column("departure_interval95", "Simultaneous 95 % interval", "interval"),
    )
    caption = (
        f"{levels.parameter}{levels.held_text}: the trend in points, whether its effect is another "
        "at each combination, and the one that departs most from the main effect."
    )
    name = f"main_departures_{slug(levels.parameter)}"
    return Table(name, caption, columns, tuple(rows), notes=_DEPARTURE_NOTES)
