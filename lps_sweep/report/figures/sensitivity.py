"""Sensitivity of the accuracies to one swept parameter, the others held at their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import (
    ACCURACIES,
    Cell,
    cell_of,
    held_point,
    in_order,
    is_numeric,
    point_text,
    same,
    select,
    without,
)
from lps_sweep.report.comparison import LevelDifference, level_differences
from lps_sweep.report.escape import plot_text
from lps_sweep.report.figures.style import light, new_figure, seed_keys, thin
from lps_sweep.report.reference import Reference, level_reference
from lps_sweep.report.section import Block, Figure, Fold, Key, Panel, Section, slug
from lps_sweep.report.tables import Cell as TableCell
from lps_sweep.report.tables import Column, Table, number_text, scalar, value_text

if TYPE_CHECKING:
    from lps_sweep.results.statistics import Description
    from lps_sweep.results.view import SweepView

ORDER = 20
MOST_SEEDS = 10
"""Seeds up to which each has a colour and marker of its own in the legend."""


@dataclass(frozen=True)
class SliceInfo:
    """A parameter's levels, all other swept parameters held.

    Attributes:
        parameter: Its name.
        levels: Its planned values; numbers ascend.
        default: Index of the default level, or None where it was not planned.
        held: Value of each other swept parameter.
        off_default: Those of `held` that are not at their default, because it was not planned.
        cells: One per level.
        differences: Per accuracy, each level against the default; None for the default itself,
            and where there are too few common seeds.
        reference: The paper's numbers for the levels.
    """

    parameter: str
    levels: tuple[Any, ...]
    default: int | None
    held: dict[str, Any]
    off_default: tuple[str, ...]
    cells: tuple[Cell, ...]
    differences: Mapping[str, tuple[LevelDifference | None, ...]]
    reference: Reference

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds with a value at any level."""
        return tuple(sorted({s for c in self.cells for m in ACCURACIES for s in c.values[m]}))


def slice_info(view: SweepView, parameter: str) -> SliceInfo:
    """The slice of `parameter` through the held point."""
    record = view.record
    held = without(held_point(record), parameter)
    trials = select(view.trials, held)
    levels = in_order(record.axes[parameter])
    cells = tuple(cell_of(select(trials, {parameter: v}), tuple(ACCURACIES)) for v in levels)
    found = [i for i, v in enumerate(levels) if same(v, record.defaults.get(parameter))]
    default = found[0] if found else None
    differences = {m: level_differences([c.values[m] for c in cells], default) for m in ACCURACIES}
    off = tuple(name for name, value in held.items() if not same(value, record.defaults.get(name)))
    reference = level_reference(record.settings, parameter, levels)
    return SliceInfo(parameter, levels, default, held, off, cells, differences, reference)


def held_text(info: SliceInfo) -> str:
    """Where the other parameters are held, as a clause; empty when there are none."""
    if not info.held:
        return ""
    if not info.off_default:
        return f", at the default of every other swept parameter ({point_text(info.held)})"
    return (
        f", at {point_text(info.held)} (the default of {', '.join(info.off_default)} was not "
        "planned, so the nearest planned value is used)"
    )


def level_table(info: SliceInfo) -> Table:
    """Per level: mean and sd of each accuracy, n, what is missing, the paper's numbers."""
    columns = [
        Column(info.parameter, info.parameter, "value"),
        *(Column(m, f"{title}, mean ± sd", "mean_sd") for m, title in ACCURACIES.items()),
        Column("n", "n", "value"),
        Column("planned", "Planned", "value"),
        Column("missing", "Missing"),
    ]
    paper = bool(info.reference.numbers)
    if paper:
        columns += [Column(f"{m}_paper", f"{t}, paper", "number") for m, t in ACCURACIES.items()]
    if paper and info.reference.comparable:
        columns += [
            Column(f"{m}_difference", f"{t}, difference to paper", "signed")
            for m, t in ACCURACIES.items()
        ]
    rows = tuple(_level_row(info, i, paper) for i in range(len(info.levels)))
    caption = (
        f"Sensitivity to {info.parameter}{held_text(info)}: mean ± sample standard deviation over "
        f"n seeds, in percent, after the last epoch. {_marked_text(info)}"
    )
    if paper:
        caption += f" {info.reference.caption}"
    name = f"sensitivity_{slug(info.parameter)}"
    return Table(name, caption.strip(), tuple(columns), rows, _marked(info))


def _level_row(info: SliceInfo, i: int, paper: bool) -> tuple[TableCell, ...]:
    cell = info.cells[i]
    row: list[TableCell] = [scalar(info.levels[i]), *(cell.mean_sd(m) for m in ACCURACIES)]
    row += [cell.num_done, cell.planned, cell.cause_text]
    if paper:
        numbers = {m: info.reference.numbers.get((i, m)) for m in ACCURACIES}
        row += numbers.values()
        if info.reference.comparable:
            row += [_minus(cell.mean(m), number) for m, number in numbers.items()]
    return tuple(row)


def _minus(ours: float | None, paper: float | None) -> float | None:
    return None if ours is None or paper is None else ours - paper


def _marked(info: SliceInfo) -> frozenset[int]:
    return frozenset() if info.default is None else frozenset({info.default})


def _marked_text(info: SliceInfo) -> str:
    if info.default is None:
        return "The default was not planned."
    return "The default is marked."


def difference_table(info: SliceInfo) -> Table:
    """Per accuracy and level: the paired difference to the default and what it allows to say."""
    columns = (
        Column("accuracy", "Accuracy"),
        Column(info.parameter, info.parameter, "value"),
        Column("difference", "Difference to default", "signed"),
        Column("interval95", "Simultaneous 95 % interval", "interval"),
        Column("n", "Seeds in common", "value"),
        Column("higher", "Of these above default", "value"),
        Column("detectable", "Detectable difference", "number"),
        Column("verdict", "Verdict"),
    )
    rows: list[tuple[TableCell, ...]] = []
    for metric, title in ACCURACIES.items():
        for i, found in enumerate(info.differences[metric]):
            if i == info.default:
                continue
            level = scalar(info.levels[i])
            if found is None:
                rows.append((title, level, None, None, 0, None, None, "too few seeds"))
                continue
            numbers = (found.difference, found.interval, found.n, found.higher, found.detectable)
            rows.append((title, level, *numbers, found.word))
    caption = (
        f"{info.parameter}: differences to the default in points, paired by seed. The intervals hold "
        "together for all levels of one accuracy (block model of level and seed, pooled residual, "
        "max-|t|). Better or worse needs an interval without zero and all common seeds on "
        "that side. The detectable difference is what these seeds, paired, find in 80 % of cases."
    )
    return Table(f"differences_{slug(info.parameter)}", caption, columns, tuple(rows))


def finding(info: SliceInfo) -> str:
    """The sentence that the data allow about this parameter."""
    name = info.parameter
    if info.default is None:
        return f"{name}: its default was not planned, so no level is compared with it."
    known = [
        (metric, info.levels[i], found)
        for metric, row in info.differences.items()
        for i, found in enumerate(row)
        if found is not None and found.interval is not None
    ]
    if not known:
        return f"{name}: too few finished seeds to compare its levels with the default."
    resolved = [(m, v, found) for m, v, found in known if found.word in {"better", "worse"}]
    default = f"{name} = {value_text(info.levels[info.default])}"
    if not resolved:
        return (
            f"{name}: inconclusive. No level differs from the default {default} in seen, novel or "
            f"all accuracy by more than the seeds allow to tell ({_spread(info)})."
        )
    words = [
        f"{ACCURACIES[m].lower()} is {found.word} at {value_text(v)} "
        f"({number_text(found.difference, 1, signed=True).replace('-', '−')} points)"
        for m, v, found in resolved
    ]
    rest = "" if len(resolved) == len(known) else "; all other comparisons are inconclusive"
    return f"{name}: against the default {default}, {', '.join(words)}{rest}."


def _spread(info: SliceInfo) -> str:
    stats = [found for c in info.cells if (found := c.stats("acc_novel")) is not None]
    if not stats:
        return "no novel accuracy"
    means = [found.mean for found in stats]
    largest = max((found.sd for found in stats if found.sd is not None), default=None)
    text = f"novel means from {min(means):.1f} to {max(means):.1f}"
    return text if largest is None else f"{text}, sd within a level up to {largest:.1f}"


def draw_slice(info: SliceInfo) -> tuple[Panel, ...]:
    """One panel per accuracy, all with the same vertical range."""
    low, high = value_range(info)
    return tuple(_panel(info, metric, title, low, high) for metric, title in ACCURACIES.items())


def value_range(info: SliceInfo) -> tuple[float, float]:
    """The vertical range of all panels: every value and the paper's, at least four points."""
    values = [v for c in info.cells for m in ACCURACIES for v in c.numbers(m)]
    values += list(info.reference.numbers.values())
    low, high = (min(values), max(values)) if values else (0.0, 100.0)
    pad = max(0.06 * (high - low), (4.0 - (high - low)) / 2, 0.5)
    return max(-1.0, low - pad), min(101.0, high + pad)


def positions(info: SliceInfo) -> tuple[float, ...]:
    """Where each level is drawn: numbers at their value, anything else side by side."""
    if is_numeric(info.levels):
        return tuple(float(v) for v in info.levels)
    return tuple(float(i) for i in range(len(info.levels)))


def _panel(info: SliceInfo, metric: str, title: str, low: float, high: float) -> Panel:
    figure = new_figure()
    places = positions(info)
    few = len(info.seeds) <= MOST_SEEDS
    for seed, key in seed_keys(info.seeds).items():
        values = [c.values[metric].get(seed) for c in info.cells]
        colour = light(key.colour if few else "grey")
        figure.add_scatter(
            x=list(places),
            y=[thin(v) for v in values],
            mode="lines+markers",
            opacity=0.75,
            connectgaps=False,
            line={"color": colour, "dash": key.dash, "width": 1},
            marker={"color": colour, "symbol": key.symbol, "size": 6},
            hovertemplate=f"seed {seed}<br>%{{x}}: %{{y:.1f}}<extra></extra>",
        )
    _add_means(figure, info, metric)
    _add_paper(figure, info, metric)
    if info.default is not None:
        figure.add_shape(
            type="line",
            x0=places[info.default],
            x1=places[info.default],
            y0=0,
            y1=1,
            yref="paper",
            line={"color": light("grey"), "width": 1, "dash": "dot"},
            layer="below",
        )
    figure.update_yaxes(range=[low, high], title_text="%")
    figure.update_xaxes(
        title_text=plot_text(info.parameter),
        tickmode="array",
        tickvals=list(places),
        ticktext=[_tick(info, i) for i in range(len(places))],
        type="linear",
    )
    return Panel(title, figure, _spoken(info, metric))


def _tick(info: SliceInfo, i: int) -> str:
    text = plot_text(value_text(info.levels[i]))
    return f"<b>{text}</b><br>default" if i == info.default else text


def _add_means(figure: Any, info: SliceInfo, metric: str) -> None:
    pairs = zip(positions(info), (c.stats(metric) for c in info.cells), strict=True)
    shown = [(x, found) for x, found in pairs if found is not None and found.n > 1]
    ends = [_bars(found) for _, found in shown]
    figure.add_scatter(
        x=[x for x, _ in shown],
        y=[thin(found.mean) for _, found in shown],
        mode="markers",
        marker={"color": light("ink"), "symbol": "circle", "size": 8},
        error_y={
            "type": "data",
            "symmetric": False,
            "thickness": 1.6,
            "width": 5,
            "color": light("ink"),
            "array": [thin(up) for up, _ in ends],
            "arrayminus": [thin(down) for _, down in ends],
        },
        customdata=[_hover(found) for _, found in shown],
        hovertemplate="%{x}: %{customdata}<extra></extra>",
    )


def _bars(found: Description) -> tuple[float, float]:
    if found.interval is None:
        return 0.0, 0.0
    low, high = found.interval
    return max(0.0, min(high, 100.0) - found.mean), max(0.0, found.mean - max(low, 0.0))


def _hover(found: Description) -> str:
    text = f"mean {found.mean:.1f}, n {found.n}"
    if found.interval is None:
        return text
    return f"{text}<br>95 % t interval {found.interval[0]:.1f} to {found.interval[1]:.1f}"


def _add_paper(figure: Any, info: SliceInfo, metric: str) -> None:
    numbers = [info.reference.numbers.get((i, metric)) for i in range(len(info.levels))]
    if all(number is None for number in numbers):
        return
    figure.add_scatter(
        x=list(positions(info)),
        y=numbers,
        mode="lines+markers",
        line={"color": light("grey"), "dash": "dash", "width": 1},
        marker={
            "color": light("grey"),
            "symbol": "diamond-open",
            "size": 9,
            "line": {"width": 1.5},
        },
        hovertemplate="paper<br>%{x}: %{y:.1f}<extra></extra>",
    )


def _spoken(info: SliceInfo, metric: str) -> str:
    parts = [
        f"{value_text(v)}: {mean:.1f}"
        for v, c in zip(info.levels, info.cells, strict=True)
        if (mean := c.mean(metric)) is not None
    ]
    return f"mean by {info.parameter}, {'; '.join(parts)}" if parts else "no trial is done"


def sections(view: SweepView) -> list[Section]:
    """One section per swept parameter with more than one level."""
    names = [name for name, levels in view.record.axes.items() if len(levels) > 1]
    return [_section(slice_info(view, name)) for name in names]


def _section(info: SliceInfo) -> Section:
    blocks: list[Block] = [level_table(info)]
    if info.seeds:
        blocks += [_figure(info)]
    else:
        blocks += ["No trial of this slice is done; the figure appears with the first."]
    if info.default is not None:
        blocks.append(Fold("Differences to the default", difference_table(info)))
    name = slug(info.parameter)
    return Section(
        f"sensitivity_{name}_section",
        f"Sensitivity to {info.parameter}",
        tuple(blocks),
        (finding(info),),
    )


def _figure(info: SliceInfo) -> Figure:
    keys = [Key("mean and 95 % t interval", "ink", "solid", "circle", 1.6)]
    if len(info.seeds) <= MOST_SEEDS:
        keys += seed_keys(info.seeds).values()
    else:
        keys.append(Key(f"each of {len(info.seeds)} seeds", "grey", "solid", "circle", 1))
    if info.reference.numbers:
        keys.append(Key(info.reference.label, "grey", "dash", "diamond-open", 1))
    name = f"sensitivity_{slug(info.parameter)}"
    caption = (
        f"Final accuracy by {info.parameter}{held_text(info)}. Each seed is a line; seeds share "
        "split and, at one seed, batches, so a line is a paired comparison. Intervals only from three "
        "seeds on, of each mean by itself, drawn no further than 0 and 100; the table of differences has "
        f"those of the comparison. {info.reference.caption if info.reference.numbers else ''}"
    )
    return Figure(
        f"{name}_figure",
        finding(info),
        caption.strip(),
        tuple(keys),
        lambda: draw_slice(info),
        330,
        name,
    )
