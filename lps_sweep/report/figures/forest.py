"""Forest: the levels of all parameters against the default, in All, on one axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report.escape import plot_text
from lps_sweep.report.figures.slice_tables import paper_difference
from lps_sweep.report.figures.style import light, new_figure, thin
from lps_sweep.report.figures.where import seeds_text, where_text
from lps_sweep.report.section import Figure, Key, Panel
from lps_sweep.report.tables import Cell, Column, Table, scalar, value_text

if TYPE_CHECKING:
    from lps_sweep.report.comparison import LevelDifference
    from lps_sweep.report.figures.slices import SliceInfo
    from lps_sweep.results.view import SweepView

METRIC = "acc_all"
MOST_ROWS = 60
"""Levels that the figure shows at the most; the table has all of them."""
_MEAN = Key("difference and simultaneous 95 % interval", "ink", "solid", "circle", 1.6)
_SEED = Key("a seed", "blue", "none", "circle-open")


@dataclass(frozen=True)
class Row:
    """A level of a parameter against the default one.

    Attributes:
        info: The slice of the parameter.
        index: Of the level.
        difference: In All.
    """

    info: SliceInfo
    index: int
    difference: LevelDifference

    @property
    def label(self) -> str:
        """``C = 5``."""
        return f"{self.info.parameter} = {value_text(self.info.levels[self.index])}"


def forest_rows(slices: Sequence[SliceInfo]) -> tuple[Row, ...]:
    """The levels with a seed in common with their default, in the order of the plan."""
    return tuple(
        Row(info, i, found)
        for info in slices
        for i, found in enumerate(info.differences[METRIC])
        if found is not None and found.difference is not None
    )


def draw_forest(rows: Sequence[Row]) -> tuple[Panel, ...]:
    """One panel, a line for each level from top to bottom; every seed, mean and interval."""
    figure = new_figure()
    shown = list(rows[:MOST_ROWS])
    places = _places(shown)
    margin = shown[0].info.margin
    if margin is not None:
        figure.add_vrect(x0=-margin, x1=margin, line_width=0, fillcolor=light("grey"), opacity=0.18)
    figure.add_vline(x=0, line={"color": light("grey"), "width": 1.5})
    dots = [
        (d, y - 0.2, row.info.cells[row.index].trials.get(seed, ""), seed)
        for row, y in zip(shown, places, strict=True)
        for seed, d in row.difference.by_seed.items()
    ]
    figure.add_scatter(
        x=[thin(x) for x, *_ in dots],
        y=[thin(y) for _, y, *_ in dots],
        ids=[trial for *_, trial, _ in dots],
        customdata=[seed for *_, seed in dots],
        mode="markers",
        marker={"color": light("blue"), "symbol": "circle-open", "size": 5},
        hovertemplate="seed %{customdata}: %{x:+.1f} points<extra></extra>",
    )
    _add_estimates(figure, shown, places)
    _add_paper(figure, shown, places)
    figure.update_xaxes(title_text="points to the default, All", showgrid=True)
    figure.update_yaxes(
        tickmode="array",
        tickvals=places,
        ticktext=[plot_text(row.label) for row in shown],
        range=[-0.7, max(places) + 0.6],
        showgrid=False,
        tickfont={"size": 10},
    )
    words = [f"{r.label} {r.difference.difference:+.1f}, {r.difference.word}" for r in shown]
    return (Panel("All", figure, "; ".join(words)),)


def _places(rows: Sequence[Row]) -> list[float]:
    """Heights of `rows`, the first on top, a gap between two parameters."""
    found, height = [], 0.0
    for row, below in zip(reversed(rows), [None, *reversed(rows)], strict=False):
        if below is not None:
            height += 1.0 if below.info is row.info else 1.5
        found.append(height)
    return found[::-1]


def _add_estimates(figure: Any, rows: Sequence[Row], places: Sequence[float]) -> None:
    means = [row.difference.difference or 0.0 for row in rows]
    ends = [row.difference.interval or (m, m) for row, m in zip(rows, means, strict=True)]
    figure.add_scatter(
        x=[thin(mean) for mean in means],
        y=list(places),
        mode="markers",
        marker={"color": light("ink"), "symbol": "circle", "size": 8},
        error_x={
            "type": "data",
            "symmetric": False,
            "thickness": 1.6,
            "width": 4,
            "color": light("ink"),
            "array": [thin(high - m) for m, (_, high) in zip(means, ends, strict=True)],
            "arrayminus": [thin(m - low) for m, (low, _) in zip(means, ends, strict=True)],
        },
        hovertemplate="%{y}: %{x:+.1f} points<extra></extra>",
    )


def _add_paper(figure: Any, rows: Sequence[Row], places: Sequence[float]) -> None:
    numbers = [paper_difference(row.info, METRIC, row.index) for row in rows]
    known = [(x, y) for x, y in zip(numbers, places, strict=True) if x is not None]
    if known:
        figure.add_scatter(
            x=[thin(x) for x, _ in known],
            y=[y + 0.25 for _, y in known],
            mode="markers",
            marker={
                "color": light("grey"),
                "symbol": "diamond-open",
                "size": 8,
                "line": {"width": 1.5},
            },
            hovertemplate="paper: %{x:+.1f} points<extra></extra>",
        )


def forest_table(rows: Sequence[Row]) -> Table:
    """One row per level: the difference in All and what it allows to say."""
    columns = (
        Column("parameter", "Parameter"),
        Column("level", "Level", "value"),
        Column("difference", "All, to default", "signed"),
        Column("interval95", "Simultaneous 95 % interval", "interval"),
        Column("verdict", "Verdict"),
        Column("n", "Seeds in common", "value"),
        Column("higher", "Of these above default", "value"),
    )
    cells: list[tuple[Cell, ...]] = [
        (
            row.info.parameter,
            scalar(row.info.levels[row.index]),
            row.difference.difference,
            row.difference.interval,
            row.difference.word,
            row.difference.n,
            row.difference.higher,
        )
        for row in rows
    ]
    return Table("forest", f"All parameters in All. {_HOW}", columns, tuple(cells))


_HOW = (
    "Each level less the default, the other parameters held, in points, paired by seed. The "
    "intervals hold together for the levels of one parameter, not over all parameters: among many "
    "some leave zero out by chance."
)


def finding(rows: Sequence[Row]) -> str:
    """How many levels of which parameters are told apart from the default."""
    judged = [row for row in rows if row.difference.interval is not None]
    if not judged:
        return "All parameters: too few finished seeds to compare levels with the default."
    apart = [row for row in judged if row.difference.word in {"better", "worse"}]
    text = f"{len(apart)} of {len(judged)} levels are told apart from the default in All"
    text += f": {', '.join(row.label for row in apart)}" if apart else ""
    few = [row.label for row in rows if row.difference.interval is None]
    return f"{text}; too few seeds: {', '.join(few)}" if few else text


def forest_figure(view: SweepView, slices: Sequence[SliceInfo]) -> Figure:
    """The figure of all levels of `slices`, of which one at least has a difference."""
    rows = forest_rows(slices)
    keys = [_MEAN, _SEED]
    papers = [info.reference for info in slices if info.reference.numbers]
    labels = dict.fromkeys(f"difference in the paper, {found.source}" for found in papers)
    keys += [Key(label, "grey", "none", "diamond-open") for label in labels]
    other = " Diamonds are of another setting, for reference only."
    note = "" if all(found.comparable for found in papers) else other
    margin = rows[0].info.margin
    band = "" if margin is None else f" The band is the declared margin of {value_text(margin)}."
    more = f" The first {MOST_ROWS} of {len(rows)} levels." if len(rows) > MOST_ROWS else ""
    names = [info.parameter for info in slices]
    cells = {id(cell): cell for info in slices for cell in info.cells}.values()
    where = where_text(view.record.settings, *names)
    return Figure(
        "forest_figure",
        finding(rows),
        f"{_HOW}{band}{note}{more} {where}; {seeds_text(cells)}.",
        tuple(keys),
        lambda: draw_forest(rows),
        100 + 22 * max(4, min(len(rows), MOST_ROWS)),
        "forest",
    )
