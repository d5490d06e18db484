"""Learning pace: the accuracies, their gap, and by level the KL of the estimate, by epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import (
    HEADLINE,
    held_point,
    in_order,
    index_of,
    metric_facets,
    moving_with,
    parameter_says,
    without,
)
from lps_sweep.report.curves import (
    GAP,
    METRICS,
    Group,
    Line,
    average,
    bucket_size,
    draw_curves,
    ends,
    read_group,
)
from lps_sweep.report.escape import MINUS
from lps_sweep.report.model import Block, Column, Figure, Fold, Key, Pair, Panel, Section, Table
from lps_sweep.report.numbers import at_text, described, slug, typeset, value_text
from lps_sweep.report.reference import where_text
from lps_sweep.report.style import level_keys

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 40
TARGETS = (50, 60, 70, 80, 90, 95)
"""Accuracies, in percent, of which it is told when they are reached."""
KL = "kl_prior_to_estimate"
SHARE = 0.9
"""Part of its last value that a level must have reached."""
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
_DRAWN = "Thin lines: each seed. Thick lines: mean of the done trials."


def first_at(line: Line, target: float) -> int | None:
    """The first epoch whose value is `target` at least; None if none is."""
    return next((epoch for epoch, value in line.items() if value >= target), None)


def epoch_table(group: Group) -> Table:
    """Means of the default cell, by epoch."""
    columns = [Column("epoch", "Epoch", "value", of=lambda epoch: epoch)]
    for m, title in METRICS.items():
        digits = 3 if m.startswith("kl") else 1
        facets = metric_facets(m) if m in HEADLINE else {}
        read = group.means[m].get
        columns.append(Column(f"{m}_mean", title, "number", digits, of=read, facets=facets))
    epochs = sorted({epoch for line in group.means.values() for epoch in line})
    caption = (
        f"Learning pace of the default cell: means of {len(group.done)} trials after each epoch."
    )
    return Table.of("pace_default", caption, columns, epochs)


def reach_table(group: Group) -> Table:
    """When seen and novel accuracy of the default cell reach each of `TARGETS`; per done seed."""

    def reached(target: float, metric: str) -> dict[int, int]:
        lines = group.done_lines(f"acc_{metric}").items()
        return {seed: e for seed, line in lines if (e := first_at(line, target))}

    def epoch(metric: str) -> Any:
        return lambda target: described(reached(target, metric).values())

    def count(metric: str) -> Any:
        return lambda target: f"{len(reached(target, metric))}/{len(group.done)}"

    def lag(target: float) -> Pair:
        seen, novel = reached(target, "seen"), reached(target, "novel")
        return described(novel[seed] - seen[seed] for seed in seen.keys() & novel.keys())

    columns = (
        Column("accuracy", "Accuracy, %", "value", of=lambda target: target),
        Column("seen", "Seen, epoch ± sd", "mean_sd", of=epoch("seen")),
        Column("seen_n", "Seeds", "value", of=count("seen")),
        Column("novel", "Novel, epoch ± sd", "mean_sd", of=epoch("novel")),
        Column("novel_n", "Seeds", "value", of=count("novel")),
        Column("lag", "Novel after seen, epochs ± sd", "mean_sd", of=lag),
    )
    return Table.of(
        "pace_reached",
        "The epoch after which an accuracy is first reached, in the default cell: mean ± sample "
        "standard deviation over the done seeds that reach it.",
        columns,
        [target for target in TARGETS if reached(target, "seen") or reached(target, "novel")],
        notes="The lag is over the seeds at which both reach it.",
    )


def pace_table(parameter: str, groups: Sequence[Group], default: int | None, held: str) -> Table:
    """Per level: the gap at the end and its area, when most is learnt, and the KL divergence."""

    def of_each(metric: str, read: Callable[[Line], float | None]) -> Any:
        def of(group: Group) -> Pair:
            found = map(read, group.done_lines(metric).values())
            return described(value for value in found if value is not None)

        return of

    def last(line: Line) -> float:
        return ends(line)[1]

    def late(line: Line) -> int | None:
        return first_at(line, SHARE * last(line))

    def kl(place: int) -> Any:
        return lambda group: ends(line)[place] if (line := group.means[KL]) else None

    part = f"at {100 * SHARE:.0f}\u00a0% of the end, epoch ± sd"
    divergence = "KL(prior ‖ estimate)"
    columns = (
        Column(parameter, parameter, "value", of="label", says=parameter_says(parameter)),
        Column("n", "n", "value", of=lambda group: len(group.done)),
        Column("gap_end", "Gap at the end ± sd", "mean_sd", of=of_each(GAP, last)),
        Column("gap_average", "Gap, average over epochs ± sd", "mean_sd", of=of_each(GAP, average)),
        Column("seen_epoch", f"Seen {part}", "mean_sd", of=of_each("acc_seen", late)),
        Column("novel_epoch", f"Novel {part}", "mean_sd", of=of_each("acc_novel", late)),
        Column("kl_first", f"{divergence}, first epoch", "number", 3, of=kl(0)),
        Column("kl_end", f"{divergence}, last epoch", "number", 3, of=kl(1)),
    )
    return Table.of(
        f"pace_{slug(parameter)}",
        f"Learning pace by {parameter}{held}: means over n done trials. The gap is seen minus "
        "novel accuracy, in points.",
        columns,
        groups,
        marked=frozenset() if default is None else frozenset({default}),
        notes="The average of the gap over the epochs says how late novel follows. The epochs are "
        f"the first at which an accuracy has {100 * SHARE:.0f}\u00a0% of its last value.",
    )


def draw_default(group: Group) -> tuple[Panel, ...]:
    """The panels of the default cell."""
    return tuple(
        draw_curves(title, unit, [(group, m, DEFAULT_KEYS[m]) for m in metrics])
        for title, (unit, metrics) in PANELS.items()
        if any(group.lines[m] for m in metrics)
    )


def draw_levels(groups: Sequence[Group], keys: Sequence[Key]) -> tuple[Panel, ...]:
    """One panel per metric, a colour per level."""
    panels = []
    for metric, words in METRICS.items():
        if metric != "kl_estimate_to_prior" and any(group.lines[metric] for group in groups):
            title, unit = words.split(", ")
            series = [(group, metric, key) for group, key in zip(groups, keys, strict=True)]
            facets = metric_facets(metric) if metric in HEADLINE else {}
            panels.append(draw_curves(title, unit, series, facets))
    return tuple(panels)


def sections(view: SweepView) -> list[Section]:
    """The section on learning pace."""
    held = held_point(view)
    group = read_group(view, held)
    blocks: list[Block] = []
    if any(group.lines.values()):
        figure, reached = _default_figure(view, group, held), reach_table(group)
        blocks += [figure, Fold("The means by epoch", epoch_table(group))]
        blocks += [reached] if reached.rows else []
    else:
        which = "default cell" if len(view.epochs) else "sweep"
        blocks.append(f"The {which} has no recorded epoch yet.")
    if len(view.epochs) and not view.record.search:
        for parameter in view.record.axes:
            blocks += _level_blocks(view, parameter, held)
    return [Section("pace", "Learning pace", tuple(blocks), folded=True)]


def _default_figure(view: SweepView, group: Group, held: dict[str, Any]) -> Figure:
    gap = group.means[GAP]
    title = "The default cell, epoch by epoch"
    if gap:
        last = ends(gap)[1]
        side = "below" if last >= 0 else "above"
        title = f"In the default cell novel ends {abs(last):.1f} points {side} seen"
    return Figure(
        "pace_default_figure",
        title,
        f"Default cell{at_text(held)}. {_DRAWN}",
        tuple(key for metric, key in DEFAULT_KEYS.items() if group.lines[metric]),
        lambda: draw_default(group),
        270,
        "pace_default",
        f"{where_text(view.record.settings)}. {_thinning([group])}".strip(),
    )


def _level_blocks(view: SweepView, parameter: str, point: dict[str, Any]) -> list[Block]:
    held = without(point, parameter, *moving_with(view, parameter))
    levels = in_order(view.record.axes[parameter])
    groups = [read_group(view, {**held, parameter: v}, value_text(v)) for v in levels]
    if not any(any(group.lines.values()) for group in groups):
        return []
    default = index_of(levels, view.record.defaults.get(parameter))
    keys = level_keys(levels, default)
    figure = Figure(
        f"pace_{slug(parameter)}_figure",
        _finding(parameter, groups),
        f"Levels of {parameter}{at_text(held)}. {_DRAWN}",
        tuple(keys),
        lambda: draw_levels(groups, keys),
        250,
        f"pace_{slug(parameter)}",
        f"{where_text(view.record.settings, parameter)}. {_thinning(groups)}".strip(),
    )
    table = pace_table(parameter, groups, default, at_text(held))
    return [Fold(f"By {parameter}", (figure, table))]


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
        f"Averaged over the epochs, novel trails seen by {typeset(low)} points at {parameter} = "
        f"{first} and by {typeset(high)} points at {last} (means)"
    )


def _thinning(groups: Sequence[Group]) -> str:
    lines = (line for g in groups for some in g.lines.values() for line in some.values())
    size = bucket_size(max(map(len, lines), default=0))
    return f"Of every {size} epochs the least and the greatest value are drawn." if size > 1 else ""
