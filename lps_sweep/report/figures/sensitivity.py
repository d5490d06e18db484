"""Sensitivity of the accuracies to one swept parameter, the others held at their defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import ACCURACIES, is_numeric
from lps_sweep.report.escape import plot_text
from lps_sweep.report.figures.slice_tables import difference_table, level_table
from lps_sweep.report.figures.slices import SliceInfo, finding, held_text, slice_info
from lps_sweep.report.figures.style import light, new_figure, seed_keys, thin
from lps_sweep.report.section import Block, Figure, Fold, Key, Panel, Section, slug
from lps_sweep.report.tables import value_text

if TYPE_CHECKING:
    from lps_sweep.results.statistics import Description
    from lps_sweep.results.view import SweepView

ORDER = 20
OWN_SECTION = frozenset({"arm", "frozen_through", "novel_classes", "labeled_ratio"})
"""Swept parameters that have a section of their own."""
MOST_SEEDS = 10
"""Seeds up to which each has a colour and marker of its own in the legend."""


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
            ids=[c.trials.get(seed, "") for c in info.cells],
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
    places = positions(info)
    aside = 0.02 * (max(places) - min(places))
    pairs = zip(places, (c.stats(metric) for c in info.cells), strict=True)
    shown = [(x, found) for x, found in pairs if found is not None and found.n > 1]
    for bars in (False, True):
        some = [(x, found) for x, found in shown if (found.interval is not None) == bars]
        if not some:
            continue
        figure.add_scatter(
            x=[thin(x + aside) for x, _ in some],
            y=[thin(found.mean) for _, found in some],
            mode="markers",
            marker={"color": light("ink"), "symbol": "circle", "size": 8},
            error_y=_bars([found for _, found in some]) if bars else None,
            customdata=[f"{x:.10g}: {_hover(found)}" for x, found in some],
            hovertemplate="%{customdata}<extra></extra>",
        )


def _bars(stats: list[Description]) -> dict[str, Any]:
    ends = [(found.mean, *(found.interval or (found.mean, found.mean))) for found in stats]
    return {
        "type": "data",
        "symmetric": False,
        "thickness": 1.6,
        "width": 5,
        "color": light("ink"),
        "array": [thin(max(0.0, min(high, 100.0) - mean)) for mean, _, high in ends],
        "arrayminus": [thin(max(0.0, mean - max(low, 0.0))) for mean, low, _ in ends],
    }


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
    """One section per listed parameter with more than one level, of those without their own."""
    if view.record.search:
        return []
    axes = view.record.axes.items()
    names = [name for name, levels in axes if len(levels) > 1 and name not in OWN_SECTION]
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
        "split and, at one seed, batches, so a line is a paired comparison. Means stand a "
        "little to the right. Intervals, from three seeds on, are of each mean by itself and cut "
        f"where they leave the panel; the table of differences has those of the comparison. "
        f"{info.reference.caption}"
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
