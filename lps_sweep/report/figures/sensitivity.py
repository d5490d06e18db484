"""Sensitivity of the accuracies to one swept parameter, the others held at their defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import ACCURACIES, is_numeric
from lps_sweep.report.escape import plot_text
from lps_sweep.report.figures.bars import INTERVAL, mean_bars
from lps_sweep.report.figures.class_counts import PARAMETERS
from lps_sweep.report.figures.slice_tables import difference_table, level_table
from lps_sweep.report.figures.slices import SliceInfo, finding, held_text, slice_info
from lps_sweep.report.figures.style import LINKED, light, new_figure, scale_buttons, seed_keys, thin
from lps_sweep.report.figures.where import seeds_text, where_text
from lps_sweep.report.section import Block, Figure, Fold, Key, Panel, Section, slug
from lps_sweep.report.tables import value_text

if TYPE_CHECKING:
    from lps_sweep.results.statistics import Description
    from lps_sweep.results.view import SweepView

ORDER = 20
OWN_SECTION = frozenset({"arm", "frozen_through", *PARAMETERS})
"""Swept parameters that have a section of their own."""
MOST_SEEDS = 10
"""Seeds up to which each has a colour and marker of its own in the legend."""
WIDE = 50
"""Highest over lowest level from which on the axis starts as a logarithmic one."""


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


def is_wide(info: SliceInfo) -> bool:
    """Whether the levels are positive numbers that span `WIDE` times the lowest."""
    levels = positions(info)
    return is_numeric(info.levels) and 0 < WIDE * min(levels) <= max(levels)


def _panel(info: SliceInfo, metric: str, title: str, low: float, high: float) -> Panel:
    figure = new_figure()
    places = positions(info)
    _add_band(figure, info, metric)
    few = len(info.seeds) <= MOST_SEEDS
    for seed, key in seed_keys(info.seeds).items():
        values = [c.values[metric].get(seed) for c in info.cells]
        colour = light(key.colour if few else "grey")
        figure.add_scatter(
            x=list(places),
            y=[thin(v) for v in values],
            ids=[c.trials.get(seed, "") for c in info.cells],
            mode="lines+markers",
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
    figure.update_layout(meta=LINKED)
    figure.update_yaxes(range=[low, high], title_text="%")
    figure.update_xaxes(
        title_text=plot_text(info.parameter),
        tickmode="array",
        tickvals=list(places),
        ticktext=[_tick(info, i) for i in range(len(places))],
        type="log" if is_wide(info) else "linear",
    )
    if is_wide(info):
        buttons = scale_buttons("x", logarithmic=True)
        figure.update_layout(updatemenus=[buttons], margin={"t": 40})
    return Panel(title, figure, _spoken(info, metric))


def _add_band(figure: Any, info: SliceInfo, metric: str) -> None:
    """The declared margin to both sides of the default's mean."""
    mean = None if info.default is None else info.cells[info.default].mean(metric)
    if mean is None or info.margin is None:
        return
    figure.add_hrect(
        y0=thin(mean - info.margin),
        y1=thin(mean + info.margin),
        line_width=0,
        fillcolor=light("grey"),
        opacity=0.18,
        layer="below",
    )


def _tick(info: SliceInfo, i: int) -> str:
    text = plot_text(value_text(info.levels[i]))
    return f"<b>{text}</b><br>default" if i == info.default else text


def _add_means(figure: Any, info: SliceInfo, metric: str) -> None:
    places = positions(info)
    low, high = min(places), max(places)
    if is_wide(info):
        beside = [x * (high / low) ** 0.02 for x in places]
    else:
        beside = [x + 0.02 * (high - low) for x in places]
    stats = (c.stats(metric) for c in info.cells)
    pairs = zip(places, beside, stats, strict=True)
    shown = [(x, at, found) for x, at, found in pairs if found is not None and found.n > 1]
    for bars in (False, True):
        some = [part for part in shown if (part[-1].interval is not None) == bars]
        if not some:
            continue
        figure.add_scatter(
            x=[float(f"{at:.6g}") for _, at, _ in some],
            y=[thin(found.mean) for *_, found in some],
            mode="markers",
            marker={"color": light("ink"), "symbol": "circle", "size": 8},
            **(mean_bars([found for *_, found in some], "ink") if bars else {}),
            customdata=[f"{x:.10g}: {_hover(found)}" for x, _, found in some],
            hovertemplate="%{customdata}<extra></extra>",
        )


def _hover(found: Description) -> str:
    text = f"mean {found.mean:.1f}, n {found.n}"
    if found.interval is None:
        return text
    low, high = found.interval
    return f"{text}, sd {found.sd:.1f}<br>{INTERVAL} {low:.1f} to {high:.1f}"


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
    return [_section(view, slice_info(view, name)) for name in names]


def _section(view: SweepView, info: SliceInfo) -> Section:
    blocks: list[Block] = [level_table(info)]
    if info.seeds:
        blocks += [_figure(view, info)]
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


def _figure(view: SweepView, info: SliceInfo) -> Figure:
    keys = [Key(f"mean and {INTERVAL}", "ink", "solid", "circle", 1.6)]
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
        "little to the right. Their bars, from three seeds on, are of each mean by itself and cut "
        "where they leave the panel; the table of differences has intervals of the comparison. "
        f"{band_text(info)}{info.reference.caption} {setting_text(view, info)}"
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


def band_text(info: SliceInfo) -> str:
    """What the band is; empty without a declared margin."""
    if info.margin is None or info.default is None:
        return ""
    return (
        f"The band is the declared margin of {value_text(info.margin)} points around the default's "
        "mean; equivalent is said by the intervals of the differences. "
    )


def setting_text(view: SweepView, info: SliceInfo) -> str:
    """What the slice was run with and how many of its trials count."""
    settings = {**view.record.settings, **info.held}
    return f"{where_text(settings, info.parameter)}; {seeds_text(info.cells)}."
