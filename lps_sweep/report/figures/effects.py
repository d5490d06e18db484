"""All parameters side by side: how far their levels lie apart, and from the default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import ACCURACIES, held_point, moving_with, same
from lps_sweep.report.escape import plot_text
from lps_sweep.report.figures.class_counts import PARAMETERS
from lps_sweep.report.figures.forest import forest_figure, forest_rows, forest_table
from lps_sweep.report.figures.grid_cells import numeric_pairs
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
_APART = "How far the levels of each parameter lie apart while the others are held."
_TOGETHER = "What crossed parameters do together is in their analysis of variance."
_NO_IMPORTANCE = (
    "No importance of parameters is given: one parameter at a time was varied, and shares of "
    "variance of such a design turn the truth around. What it does show is how far the levels of "
    "each parameter lie apart."
)


@dataclass(frozen=True)
class EffectInfo:
    """The parameters of a sweep, each varied while the others are held.

    Attributes:
        slices: The slice of each parameter, in the order of the plan.
        ranges: By parameter and accuracy, the range of the level means; None without two levels
            that share a seed.
    """

    slices: tuple[SliceInfo, ...]
    ranges: Mapping[tuple[str, str], EffectRange[str] | None]

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters, in the order of the plan."""
        return tuple(info.parameter for info in self.slices)


def effect_info(view: SweepView) -> EffectInfo | None:
    """The slices and their ranges; None for a search, and where no parameter was varied.

    Of parameters that move together the first stands for all.
    """
    from lps_sweep.results.effects import effect_range

    slices: list[SliceInfo] = []
    for name in _varied(view):
        if not any(
            name in info.moving and info.parameter in moving_with(view, name) for info in slices
        ):
            slices.append(slice_info(view, name))
    ranges = {
        (info.parameter, metric): effect_range(
            {
                value_text(level): cell.values[metric]
                for level, cell in zip(info.levels, info.cells, strict=True)
            }
        )
        for info in slices
        for metric in ACCURACIES
    }
    return EffectInfo(tuple(slices), ranges) if slices else None


def _varied(view: SweepView) -> list[str]:
    """Listed parameters with two levels; arms, and what changes the data, are left out."""
    if view.record.search:
        return []
    skipped = {"arm", "frozen_through", *PARAMETERS}
    return [n for n, levels in view.record.axes.items() if len(levels) > 1 and n not in skipped]


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
    return _varied(view)


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
        "ranges compare parameters only as they were varied. Each row is judged by itself: of 20 "
        "without an effect, one is beyond chance."
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
    few = [name for name, r in found.items() if r is None or r.chance is None]
    rest = f" Too few finished seeds to tell: {', '.join(few)}." if few else ""
    if not beyond:
        others = "no parameter that can be judged" if few else "no parameter"
        return (
            f"Effect ranges: {others} moves All by more than chance can, each judged by itself."
            f"{rest}"
        )
    return (
        f"Effect ranges: All moves by more than chance can with {', '.join(beyond)}, each judged "
        f"by itself.{rest}"
    )


def sections(view: SweepView) -> list[Section]:
    """The section on all parameters side by side, for a sweep that lists their values."""
    info = effect_info(view)
    if info is None:
        return []
    together = f"{_APART} {_TOGETHER}" if numeric_pairs(view) else _APART
    blocks: list[Block] = [_NO_IMPORTANCE if len(varied_alone(view)) > 1 else together]
    rows = forest_rows(info.slices)
    if len(info.slices) > 1 and rows:
        blocks += [forest_figure(view, info.slices), Fold("All levels", forest_table(rows))]
    if any(info.ranges.values()):
        blocks += [_figure(view, info)] if len(info.slices) > 1 else []
        blocks.append(Fold("Effect ranges", effect_table(info)))
    else:
        blocks.append("No two levels have a finished seed in common yet.")
    return [Section("effects", "Effects at a glance", tuple(blocks), (finding(info),))]


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
