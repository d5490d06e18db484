"""One parameter at a time: how far the levels of each lie apart, in place of importances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import ACCURACIES, held_point, same
from lps_sweep.report.escape import plot_text
from lps_sweep.report.figures.class_counts import PARAMETERS
from lps_sweep.report.figures.slices import SliceInfo, slice_info
from lps_sweep.report.figures.style import light, new_figure, thin
from lps_sweep.report.figures.where import where_text
from lps_sweep.report.section import Block, Figure, Fold, Key, Panel, Section
from lps_sweep.report.tables import Cell, Column, Table, number_text, value_text

if TYPE_CHECKING:
    from lps_sweep.results.effects import EffectRange
    from lps_sweep.results.view import SweepView

ORDER = 19
_RANGE = Key(
    "largest difference of two levels, with its 95 % interval", "ink", "solid", "circle", 1.6
)
_CHANCE = Key("exceeded by chance in 5 of 100 tables without effect", "vermillion", "none", "x")
_NO_IMPORTANCE = (
    "No importance of parameters is given: one parameter at a time was varied, and shares of "
    "variance of such a design turn the truth around. What it does show is how far the levels of "
    "each parameter lie apart."
)


@dataclass(frozen=True)
class EffectInfo:
    """The parameters of a sweep that varied one at a time.

    Attributes:
        ranges: By parameter and accuracy, the range of the level means; None without two levels
            that share a seed.
    """

    ranges: Mapping[tuple[str, str], EffectRange[str] | None]

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters, in the order of the plan."""
        return tuple(dict.fromkeys(name for name, _ in self.ranges))


def effect_info(view: SweepView) -> EffectInfo | None:
    """The ranges; None unless two parameters at least were varied, and one at a time only."""
    from lps_sweep.results.effects import effect_range

    names = varied_alone(view)
    if len(names) < 2:
        return None
    slices: dict[str, SliceInfo] = {name: slice_info(view, name) for name in names}
    ranges = {
        (name, metric): effect_range(
            {
                value_text(level): cell.values[metric]
                for level, cell in zip(info.levels, info.cells, strict=True)
            }
        )
        for name, info in slices.items()
        for metric in ACCURACIES
    }
    return EffectInfo(ranges)


def varied_alone(view: SweepView) -> list[str]:
    """Parameters with two levels, where no planned point departs from the default in two.

    Empty for a search and for any crossed design. Arms, and what changes the data, are left out.
    """
    if view.record.search:
        return []
    held = held_point(view)
    axes = {name: view.trials[name].tolist() for name in held}
    off = [0] * len(view.trials)
    for name, values in axes.items():
        off = [n + (not same(v, held[name])) for n, v in zip(off, values, strict=True)]
    if max(off, default=0) > 1:
        return []
    skipped = {"arm", "frozen_through", *PARAMETERS}
    return [n for n, levels in view.record.axes.items() if len(levels) > 1 and n not in skipped]


def effect_table(info: EffectInfo) -> Table:
    """One row per parameter and accuracy, the widest range of All first."""
    columns = (
        Column("parameter", "Parameter"),
        Column("accuracy", "Accuracy"),
        Column("range", "Largest difference", "number"),
        Column("interval95", "95 % interval", "interval"),
        Column("chance", "By chance up to", "number"),
        Column("beyond", "Beyond chance"),
        Column("lowest", "Lowest at", "value"),
        Column("highest", "Highest at", "value"),
        Column("levels", "Levels", "value"),
        Column("n", "Seeds", "value"),
    )
    rows: list[tuple[Cell, ...]] = []
    for name in by_range(info, "acc_all"):
        for metric, title in ACCURACIES.items():
            found = info.ranges[name, metric]
            if found is None:
                rows.append((name, title, None, None, None, "too few seeds", None, None, 0, 0))
                continue
            word = "too few seeds"
            if found.chance is not None:
                word = "yes" if found.range > found.chance else "no"
            numbers = (found.range, found.interval, found.chance, word)
            ends = (found.lowest, found.highest) if found.range > 0 else (None, None)
            rows.append((name, title, *numbers, *ends, found.levels, found.n))
    caption = (
        "Largest difference between the means of two levels of a parameter, in points, the others "
        "at their defaults. Its interval is Tukey\u2019s for all pairs of levels at once (block "
        "model of level and seed, pooled residual), by parameter and accuracy. The largest of "
        "several differences is never zero: by chance up to gives what five in a hundred tables "
        "without any effect exceed. More levels, and wider spaced ones, give wider ranges: the "
        "ranges compare parameters only as they were varied."
    )
    return Table("effect_ranges", caption, columns, tuple(rows))


def by_range(info: EffectInfo, metric: str) -> list[str]:
    """The parameters by the range in `metric`, the widest first."""
    found = {name: info.ranges[name, metric] for name in info.parameters}
    return sorted(info.parameters, key=lambda n: -(r.range if (r := found[n]) else -1.0))


def draw_effects(info: EffectInfo) -> tuple[Panel, ...]:
    """One panel per accuracy: the range of each parameter, its interval, and that of chance."""
    order = by_range(info, "acc_all")[::-1]
    return tuple(_panel(info, metric, title, order) for metric, title in ACCURACIES.items())


def _panel(info: EffectInfo, metric: str, title: str, order: Sequence[str]) -> Panel:
    figure = new_figure()
    known = [(i, r) for i, n in enumerate(order) if (r := info.ranges[n, metric]) is not None]
    ends: list[tuple[float, float]] = [r.interval or (r.range, r.range) for _, r in known]
    figure.add_scatter(
        x=[thin(r.range) for _, r in known],
        y=[i for i, _ in known],
        mode="markers",
        marker={"color": light("ink"), "symbol": "circle", "size": 8},
        error_x=_bars([r.range for _, r in known], ends),
        hovertemplate="%{x:.1f} points<extra></extra>",
    )
    chance = [(i, r.chance) for i, r in known if r.chance is not None]
    figure.add_scatter(
        x=[thin(x) for _, x in chance],
        y=[i for i, _ in chance],
        mode="markers",
        marker={"color": light(_CHANCE.colour), "symbol": _CHANCE.symbol, "size": 8},
        hovertemplate="by chance up to %{x:.1f} points<extra></extra>",
    )
    figure.update_xaxes(title_text="points", rangemode="tozero", showgrid=True)
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(order))),
        ticktext=[plot_text(name) for name in order],
        range=[-0.6, len(order) - 0.4],
        showgrid=False,
    )
    words = [f"{order[i]} {r.range:.1f} points" for i, r in reversed(known)]
    return Panel(title, figure, ", ".join(words) or "no trial is done")


def _bars(middles: Sequence[float], ends: Sequence[tuple[float, float]]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "thickness": 1.6,
        "width": 5,
        "color": light("ink"),
        "array": [thin(high - m) for m, (_, high) in zip(middles, ends, strict=True)],
        "arrayminus": [thin(m - low) for m, (low, _) in zip(middles, ends, strict=True)],
    }


def finding(info: EffectInfo) -> str:
    """Which parameters move All by more than chance."""
    found = {name: info.ranges[name, "acc_all"] for name in info.parameters}
    if not any(r is not None and r.chance is not None for r in found.values()):
        return "Effect ranges: too few finished seeds."
    beyond = [
        f"{name} ({number_text(r.range, 1)} points)"
        for name in by_range(info, "acc_all")
        if (r := found[name]) is not None and r.chance is not None and r.range > r.chance
    ]
    if not beyond:
        return "Effect ranges: no parameter moves All by more than chance can."
    return f"Effect ranges: All moves by more than chance can with {', '.join(beyond)}."


def sections(view: SweepView) -> list[Section]:
    """The section on effect ranges, for a sweep that varied one parameter at a time."""
    info = effect_info(view)
    if info is None:
        return []
    blocks: list[Block] = [_NO_IMPORTANCE]
    if any(info.ranges.values()):
        blocks.append(_figure(view, info))
        blocks.append(Fold("The numbers", effect_table(info)))
    else:
        blocks.append("No two levels have a finished seed in common yet.")
    return [Section("effects", "Effect ranges", tuple(blocks), (finding(info),))]


def _figure(view: SweepView, info: EffectInfo) -> Figure:
    caption = (
        "Largest difference between two level means of each parameter, the others at their "
        "defaults, with Tukey\u2019s simultaneous 95 % interval; crosses: what chance alone "
        "exceeds in 5 of 100 tables. The ranges compare parameters only as they were varied. "
        f"{where_text(view.record.settings, *info.parameters)}."
    )
    return Figure(
        "effect_ranges_figure",
        finding(info),
        caption,
        (_RANGE, _CHANCE),
        lambda: draw_effects(info),
        110 + 40 * max(2, len(info.parameters)),
        "effect_ranges",
    )
