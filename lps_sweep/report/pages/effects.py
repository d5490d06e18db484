"""All parameters side by side: levels against the default, and how far levels lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report import draw
from lps_sweep.report.averages import main_levels
from lps_sweep.report.cells import ACCURACIES, FREEZING, HEADLINE, moving_with
from lps_sweep.report.columns import ACCURACY, AGREEING, COMPARED
from lps_sweep.report.levels import ARM, IMAGES, Compared, Levels, read_levels
from lps_sweep.report.model import Column, Figure, Fold, Panel, Section, Table
from lps_sweep.report.numbers import number_text, value_text
from lps_sweep.report.reference import setting_text

if TYPE_CHECKING:
    from lps_sweep.results.effects import EffectRange
    from lps_sweep.results.view import SweepView

ORDER = 19
METRIC = "acc_all"
MOST_ROWS = 60
"""Levels that the figure shows at the most; the table has all of them."""
_HOW = (
    "Each level less the default in All, in points, paired by seed; the other parameters averaged "
    "over where they were crossed, else held."
)
_FAMILY = (
    "The intervals hold together for the levels of one parameter, not over all parameters: among "
    "many some leave zero out by chance."
)
_RANGE_NOTES = (
    "The interval is Tukey\u2019s for all pairs of levels at once (block model of level and seed, "
    "pooled residual), by parameter and accuracy. Five in a hundred tables without any effect "
    "exceed what chance does. Parameters are compared only as they were varied: more and wider "
    "spaced levels give wider ranges. Each row is judged by itself."
)


def read_varied(view: SweepView) -> tuple[Levels, ...]:
    """The levels of each parameter with two of them at least, in the order of the plan.

    None for a search; arms, and what changes the images, are left out. Of parameters that move
    together the first stands for all.
    """
    found: list[Levels] = []
    for name, values in view.record.axes.items():
        skipped = view.record.search or name in {ARM, FREEZING, *IMAGES}
        if skipped or len(values) < 2:
            continue
        if not any(
            name in one.moving and one.parameter in moving_with(view, name) for one in found
        ):
            found.append(read_levels(view, name))
    return tuple(found)


def draw_forest(rows: Sequence[Compared]) -> tuple[Panel, ...]:
    """One panel, a line for each level from top to bottom, a gap between two parameters."""
    shown = list(rows[:MOST_ROWS])
    places, height = [], 0.0
    for row, above in zip(shown, [None, *shown], strict=False):
        height -= 0.0 if above is None else 1.0 if above.levels is row.levels else 1.5
        places.append(height)
    labels, title = [row.label for row in shown], "points to the default, All"
    places = [place - height for place in places]
    return draw.panels(
        lambda f, _: draw.differences(f, shown, places, labels, title), {METRIC: "All"}
    )


def forest_table(rows: Sequence[Compared]) -> Table:
    """One row per level: the difference in All and what it allows to say."""
    columns = (
        Column("parameter", "Parameter", of="levels.parameter"),
        Column("level", "Level", "value", of="value"),
        *COMPARED,
        *AGREEING,
    )
    return Table.of("forest", _HOW, columns, rows, notes=_FAMILY)


def forest_finding(rows: Sequence[Compared]) -> str:
    """How many levels of which parameters are told apart from the default."""
    judged = [row for row in rows if row.found.interval is not None]
    if not judged:
        return "Too few finished seeds to compare levels with the default."
    apart = [row.label for row in judged if row.found.word in {"better", "worse"}]
    text = f"{len(apart)} of {len(judged)} levels are told apart from the default in All"
    return f"{text}: {', '.join(apart)}" if apart else text


@dataclass(frozen=True)
class Range:
    """How far the level means of a parameter lie apart in a metric: a row of a table."""

    parameter: str
    metric: str
    found: EffectRange[str]

    @property
    def accuracy(self) -> str:
        """The metric in words."""
        return HEADLINE[self.metric]

    @property
    def beyond(self) -> str:
        """Whether chance alone would not do it."""
        if self.found.chance is None:
            return "too few seeds"
        return "yes" if self.found.range > self.found.chance else "no"


def ranges_of(parameters: Sequence[Levels]) -> list[Range]:
    """The ranges of each parameter with two levels to compare, the widest range of All first."""
    from lps_sweep.results.effects import effect_range

    known: dict[str, list[Range]] = {}
    for levels in parameters:
        for metric in ACCURACIES:
            found = effect_range({row.text: row.cell.values[metric] for row in levels.rows})
            if found is not None:
                one = Range(levels.parameter, metric, found)
                known.setdefault(levels.parameter, []).append(one)
    return [
        one for each in sorted(known.values(), key=lambda r: -r[-1].found.range) for one in each
    ]


def range_table(ranges: Sequence[Range]) -> Table:
    """One row per parameter and accuracy."""

    def end(name: str) -> Any:
        return lambda row: getattr(row.found, name) if row.found.range > 0 else None

    columns = (
        Column("parameter", "Parameter"),
        ACCURACY,
        Column("range", "Largest difference", "number", of="found.range"),
        Column("interval95", "95 % interval", "interval", of="found.interval"),
        Column("chance", "By chance up to", "number", of="found.chance"),
        Column("beyond", "Beyond chance"),
        Column("lowest", "Lowest at", "value", of=end("lowest")),
        Column("highest", "Highest at", "value", of=end("highest")),
        Column("levels", "Levels", "value", of="found.levels"),
        Column("n", "Seeds", "value", of="found.n"),
    )
    caption = (
        "Largest difference between the means of two levels of a parameter, in points, the others "
        "averaged over where they were crossed, else at their defaults."
    )
    return Table.of("effect_ranges", caption, columns, ranges, notes=_RANGE_NOTES)


def range_finding(ranges: Sequence[Range], parameters: Sequence[Levels]) -> str:
    """Which of `parameters` move All by more than chance."""
    judged = [one for one in ranges if one.metric == METRIC and one.found.chance is not None]
    if not judged:
        return "Effect ranges: too few finished seeds."
    told = [one.parameter for one in judged]
    few = [levels.parameter for levels in parameters if levels.parameter not in told]
    beyond = [
        f"{one.parameter} ({number_text(one.found.range, 1)} points)"
        for one in judged
        if one.beyond == "yes"
    ]
    names = ", ".join(beyond) or "no parameter" + (" that can be judged" if few else "")
    rest = f" Too few finished seeds to tell: {', '.join(few)}." if few else ""
    return (
        f"Effect ranges: All moves by more than chance can with {names}, each judged by itself."
        f"{rest}"
    )


def sections(view: SweepView) -> list[Section]:
    """The sections on effects and on ranges, for a sweep that lists the values of parameters."""
    parameters = [main_levels(view, levels) for levels in read_varied(view)]
    return [*_effects(view, parameters), *_ranges(parameters)] if parameters else []


def _effects(view: SweepView, parameters: Sequence[Levels]) -> list[Section]:
    compared = [row for levels in parameters for row in levels.compared([METRIC])]
    rows = [row for row in compared if row.found.difference is not None]
    if not rows:
        return []
    blocks = (_forest_figure(view, rows), Fold("All levels", forest_table(rows)))
    return [Section("effects", "Effects at a glance", blocks)]


def _ranges(parameters: Sequence[Levels]) -> list[Section]:
    ranges = ranges_of(parameters)
    none = "No two levels have a finished seed in common yet."
    blocks = (range_table(ranges) if ranges else none,)
    said = range_finding(ranges, parameters)
    return [Section("ranges", "Effect ranges", blocks, (said,), folded=True)]


def _forest_figure(view: SweepView, rows: Sequence[Compared]) -> Figure:
    names = {row.levels.parameter: row.levels for row in rows}
    margin = rows[0].levels.margin
    band = "" if margin is None else f" The band is the margin of {value_text(margin)} points."
    more = f" The first {MOST_ROWS} of {len(rows)} levels." if len(rows) > MOST_ROWS else ""
    papers = [levels.reference for levels in names.values() if levels.reference.numbers]
    same_setting = all(paper.comparable for paper in papers)
    other = "" if same_setting else " Diamonds are of another setting, for reference only."
    cells = {id(cell): cell for levels in names.values() for cell in levels.cells}.values()
    return Figure(
        "forest_figure",
        forest_finding(rows),
        f"{_HOW}{band}{more}",
        tuple(draw.legend(rows)),
        lambda: draw_forest(rows),
        100 + 22 * max(4, min(len(rows), MOST_ROWS)),
        "forest",
        f"{_FAMILY}{other} {setting_text(view.record.settings, cells, *names)}",
        lead=2,
    )
