"""Learning pace: the accuracies, their gap, and by level the KL of the estimate, by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import held_point, in_order, moving_with, point_text, same, without
from lps_sweep.report.escape import MINUS, plot_text
from lps_sweep.report.figures.lines import (
    GAP,
    METRICS,
    Group,
    Line,
    average,
    bucket_size,
    group_info,
    level_info,
    thinned,
)
from lps_sweep.report.figures.pace_tables import epoch_table, pace_table, reach_table
from lps_sweep.report.figures.style import level_keys, light, new_figure, thin
from lps_sweep.report.figures.where import where_text
from lps_sweep.report.section import Block, Figure, Fold, Key, Panel, Section, slug
from lps_sweep.report.tables import number_text

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 40
Series = tuple[Group, str, Key]
"""A group's metric and how it is drawn."""


def draw_panel(title: str, unit: str, series: Sequence[Series]) -> Panel:
    """One set of axes: each seed as a thin line, each mean as a thick one."""
    figure = new_figure()
    for group, metric, key in series:
        for seed, line in group.lines[metric].items():
            name, trial = f"{key.label}, seed {seed}", group.trials.get(seed)
            _add(figure, thinned(line), key, name, width=0.6, meta=trial)
    for group, metric, key in series:
        if group.means[metric].epochs:
            label = f"{key.label}, mean of {group.num_done}"
            _add(figure, thinned(group.means[metric]), key, label, width=key.width)
    figure.update_xaxes(title_text="epoch", rangemode="tozero")
    figure.update_yaxes(title_text=plot_text(unit))
    ends = [
        f"{key.label} ends at {group.means[metric].values[-1]:.3g}"
        for group, metric, key in series
        if group.means[metric].values
    ]
    return Panel(title, figure, "; ".join(ends))


def _add(figure: Any, line: Line, key: Key, name: str, *, width: float, **more: Any) -> None:
    figure.add_scatter(
        x=list(line.epochs),
        y=[thin(v) for v in line.values],
        mode="lines" if len(line.epochs) > 1 else "markers",
        line={"color": light(key.colour), "dash": key.dash, "width": width},
        **more,
        name=plot_text(name),
        hovertemplate="%{fullData.name}<br>epoch %{x}: %{y:.2f}<extra></extra>",
    )


DEFAULT_KEYS = {
    "acc_seen": Key("seen", "blue", "solid", width=2.4),
    "acc_novel": Key("novel", "vermillion", "dash", width=2.4),
    "acc_all": Key("all", "green", "dot", width=2.4),
    GAP: Key(f"seen {MINUS} novel", "ink", "solid", width=2.4),
}
PANELS = {
    "Accuracy": ("%", ("acc_seen", "acc_novel", "acc_all")),
    f"Gap, seen {MINUS} novel": ("points", (GAP,)),
}
"""Panels of the default cell: heading, unit, metrics."""


def draw_default(group: Group) -> tuple[Panel, ...]:
    """The panels of the default cell."""
    return tuple(
        draw_panel(title, unit, [(group, m, DEFAULT_KEYS[m]) for m in metrics])
        for title, (unit, metrics) in PANELS.items()
        if any(group.lines[m] for m in metrics)
    )


def draw_levels(groups: Sequence[Group], keys: Sequence[Key]) -> tuple[Panel, ...]:
    """One panel per metric, a colour per level."""
    return tuple(
        draw_panel(
            title.split(",")[0],
            title.split(", ")[1],
            [(group, metric, key) for group, key in zip(groups, keys, strict=True)],
        )
        for metric, title in METRICS.items()
        if metric != "kl_estimate_to_prior" and any(group.lines[metric] for group in groups)
    )


def sections(view: SweepView) -> list[Section]:
    """The section on learning pace."""
    held = held_point(view)
    default = group_info(view, held)
    if not len(view.epochs):
        text = "No epoch has been recorded yet. Each trial adds its curve after every epoch."
        return [Section("pace", "Learning pace", (text,))]
    blocks: list[Block] = []
    if any(default.lines.values()):
        blocks += [
            _default_figure(view, default, held),
            Fold("The means by epoch", epoch_table(default)),
        ]
        reached = reach_table(default)
        blocks += [reached] if reached.rows else []
    else:
        blocks.append("The default cell has no recorded epoch yet.")
    for parameter in () if view.record.search else view.record.axes:
        blocks += _level_blocks(view, parameter, held)
    return [Section("pace", "Learning pace", tuple(blocks))]


def _default_figure(view: SweepView, group: Group, held: dict[str, Any]) -> Figure:
    drawn = [k for m, k in DEFAULT_KEYS.items() if group.lines[m]]
    gap = group.means[GAP].values
    title = "The default cell, epoch by epoch"
    if gap:
        title = (
            f"In the default cell novel ends {gap[-1]:.1f} points below seen, "
            f"from {gap[0]:.1f} after the first epoch"
        )
        if gap[-1] < 0:
            title = f"In the default cell novel ends {-gap[-1]:.1f} points above seen"
    caption = (
        f"Default cell{_at(held)}. Thin lines: each seed. Thick lines: mean of the "
        f"{group.num_done} done trials. {where_text(view.record.settings)}. {_thinning([group])}"
    )
    return Figure(
        "pace_default_figure",
        title,
        caption.strip(),
        tuple(drawn),
        lambda: draw_default(group),
        270,
        "pace_default",
    )


def _level_blocks(view: SweepView, parameter: str, held: dict[str, Any]) -> list[Block]:
    groups = level_info(view, parameter)
    levels = in_order(view.record.axes[parameter])
    default = next(
        (i for i, v in enumerate(levels) if same(v, view.record.defaults.get(parameter))), None
    )
    keys = level_keys(levels, default)
    if not any(any(group.lines.values()) for group in groups):
        return []
    others = _at(without(held, parameter, *moving_with(view, parameter)))
    caption = (
        f"Levels of {parameter}{others}. Thin lines: each seed. Thick lines: mean of the done "
        f"trials of a level. {where_text(view.record.settings, parameter)}. {_thinning(groups)}"
    )
    figure = Figure(
        f"pace_{slug(parameter)}_figure",
        _finding(parameter, groups),
        caption.strip(),
        tuple(keys),
        lambda: draw_levels(groups, keys),
        250,
        f"pace_{slug(parameter)}",
    )
    return [figure, Fold("The numbers", pace_table(parameter, groups, default, others))]


def _finding(parameter: str, groups: Sequence[Group]) -> str:
    """Between which levels the gap, averaged over the epochs, moves; means without a test."""
    known = []
    for group in groups:
        gaps = [average(line) for line in group.done_lines(GAP).values()]
        known += [(sum(gaps) / len(gaps), group.label)] if gaps else []
    if len(known) < 2:
        return f"Learning pace by {parameter}"
    (low, first), (high, last) = min(known), max(known)
    return (
        f"Averaged over the epochs, novel trails seen by {_points(low)} at {parameter} = {first} "
        f"and by {_points(high)} at {last} (means)"
    )


def _points(value: float) -> str:
    return f"{number_text(value, 1).replace('-', MINUS)} points"


def _at(point: dict[str, Any]) -> str:
    return f", at {point_text(point)}" if point else ""


def _thinning(groups: Sequence[Group]) -> str:
    longest = max(
        (len(n.epochs) for g in groups for lines in g.lines.values() for n in lines.values()),
        default=0,
    )
    size = bucket_size(longest)
    return f"Of every {size} epochs the least and the greatest value are drawn." if size > 1 else ""
