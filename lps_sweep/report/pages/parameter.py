"""One swept parameter, what of the network is frozen among them: its accuracies, others held."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lps_sweep.report import draw, marks
from lps_sweep.report.assumed import assumed_table, rules_by_level
from lps_sweep.report.averages import Average, average_table, read_averages, trend_text
from lps_sweep.report.cells import (
    ACCURACIES,
    FREEZING,
    cell_of,
    is_numeric,
    metric_facets,
    select,
)
from lps_sweep.report.columns import difference_table, finding, level_table
from lps_sweep.report.escape import plot_text
from lps_sweep.report.levels import ARM, IMAGES, Level, Levels, read_levels
from lps_sweep.report.model import Block, Cell, Column, Figure, Fold, Panel, Section, Table
from lps_sweep.report.numbers import at_text, slug, value_text
from lps_sweep.report.plot import Plot
from lps_sweep.report.reference import ASSUMED, NAMES
from lps_sweep.report.style import LINKED, light, scale_buttons, seed_keys

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 20
WIDE = 50
"""Highest over lowest level from which on the axis starts as a logarithmic one."""
_NOTES = (
    "A line joins the values of one seed, which has the same split and batches at every level. The "
    "means stand a little to the right; their bars are of each mean by itself, and the table of "
    "differences has the intervals of the comparison."
)
_AVERAGE_NOTES = (
    "The value of a level at a seed is its mean over the combinations of the other parameters that "
    "every level has at every counted seed, so that the seeds stay the replicates."
)
_COSTS = {
    "trained_weights": ("Trained weights", 0),
    "seconds": ("Seconds of a trial, median", 1),
    "peak_memory_mb": ("Peak memory of its pack, MB", 0),
}


def draw_levels(levels: Levels) -> tuple[Panel, ...]:
    """One panel per accuracy, all with the same vertical range."""
    ends = value_range(levels)
    return draw.panels(lambda figure, metric: _draw(figure, levels, metric, ends))


def value_range(levels: Levels) -> tuple[float, float]:
    """The vertical range of all panels: every value and the paper's, at least four points."""
    values = [v for c in levels.cells for m in ACCURACIES for v in c.numbers(m)]
    values += list(levels.reference.numbers.values())
    low, high = (min(values), max(values)) if values else (0.0, 100.0)
    pad = max(0.06 * (high - low), (4.0 - (high - low)) / 2, 0.5)
    return max(-1.0, low - pad), min(101.0, high + pad)


def is_wide(levels: Levels) -> bool:
    """Whether the levels are positive numbers that span `WIDE` times the lowest."""
    places = levels.places
    return is_numeric(levels.values) and 0 < WIDE * min(places) <= max(places)


def _beside(levels: Levels) -> list[float]:
    """Where the mean of each level stands: a little to the right."""
    places = levels.places
    low, high = min(places), max(places)
    if is_wide(levels):
        return [float(f"{x * (high / low) ** 0.02:.6g}") for x in places]
    return [float(f"{x + 0.02 * (high - low):.6g}") for x in places]


def _draw(figure: Plot, levels: Levels, metric: str, ends: tuple[float, float]) -> str:
    places = levels.places
    base = None if levels.default is None else levels.cells[levels.default].mean(metric)
    marks.band(figure, levels.margin, base, "y")
    few = len(levels.seeds) <= marks.MOST_SEEDS
    for seed, key in seed_keys(levels.seeds).items():
        points: list[marks.Point] = [
            (x, c.values[metric].get(seed), c.trials.get(seed, ""))
            for x, c in zip(places, levels.cells, strict=True)
        ]
        look = key if few else replace(key, colour="grey")
        hover = f"seed {seed}<br>%{{x}}: %{{y:.1f}}"
        marks.dots(figure, points, look, line=True, connectgaps=False, hover=hover)
    stats = [c.stats(metric) for c in levels.cells]
    several = [None if s is None or s.n < 2 else s for s in stats]
    marks.means(figure, zip(_beside(levels), several, strict=True))
    printed = [(x, levels.paper(metric, i), "") for i, x in enumerate(places)]
    marks.paper(figure, printed, line=True, hover="paper<br>%{x}: %{y:.1f}")
    texts = list(levels.texts)
    if levels.default is not None:
        line = {"color": light("grey"), "width": 1, "dash": "dot"}
        figure.add_vline(x=places[levels.default], line=line, layer="below")
        texts[levels.default] = f"<b>{plot_text(texts[levels.default])}</b><br>default"
    figure.update_layout(meta=LINKED)
    figure.update_yaxes(range=list(ends), title_text="%")
    kind = "log" if is_wide(levels) else "linear"
    marks.ticks(figure, "x", places, texts, title_text=plot_text(levels.parameter), type=kind)
    if is_wide(levels):
        buttons = scale_buttons("x", logarithmic=True)
        figure.update_layout(updatemenus=[buttons], margin={"t": 40})
    return draw.mean_words(levels.texts, levels.cells, metric)


def freezing_table(view: SweepView, levels: Levels) -> Table:
    """One row per level: accuracies, what a trial costs, n, the paper's numbers."""

    def median(row: Level, key: str) -> float | None:
        trials = select(view.trials, {**levels.held, FREEZING: levels.values[row.index]})
        known = cell_of(trials, (key,)).numbers(key)
        return statistics.median(known) if known else None

    extra = [
        Column(key, label, "number", digits, of=lambda row, key=key: median(row, key))
        for key, (label, digits) in _COSTS.items()
        if key in view.trials
    ]
    notes = "The paper\u2019s frozen numbers are those of Table 1."
    return level_table(levels, "freezing", "What is frozen", extra, notes)


def paper_freezing_table() -> Table:
    """The paper's methods frozen (Table 1) and fine-tuned (Tables 3 and 9)."""
    from lps_sweep.results.paper import paper_numbers, paper_value

    tuned = [n for n in paper_numbers() if not n.frozen]
    cases = list(dict.fromkeys((n.labeled_ratio, n.dataset, n.method) for n in tuned))
    columns = [
        Column("method", "Method"),
        Column("dataset", "Data set"),
        Column("labeled", "Labeled, %", "number", 0),
    ]
    for metric, title in ACCURACIES.items():
        facets = metric_facets(metric)
        columns += [
            Column(f"{metric}_frozen", f"{title}, frozen", "number", facets=facets),
            Column(f"{metric}_tuned", f"{title}, fine-tuned", "number", facets=facets),
            Column(f"{metric}_difference", f"{title}, difference", "signed", facets=facets),
        ]
    rows: list[tuple[Cell, ...]] = []
    for ratio, dataset, method in cases:
        both = [paper_value(dataset, ratio, method=method, frozen=how) for how in (True, False)]
        pairs = [tuple(numbers[metric] for numbers in both) for metric in ACCURACIES]
        cells = [cell for frozen, fine in pairs for cell in (frozen, fine, fine - frozen)]
        rows.append((method, NAMES[dataset], 100 * ratio, *cells))
    return Table(
        "freezing_paper",
        "The paper: frozen through the first three stages (Table 1) and fine-tuned (Table 3 with "
        "50 % labeled, Table 9 with 10 %), as printed.",
        tuple(columns),
        tuple(rows),
        marked=frozenset(i for i, case in enumerate(cases) if case[2] == "LPS"),
        notes="Its text says that ORCA and NACH lose over 10 % of overall accuracy with 10 % "
        "labeled; these are the points that its tables give.",
    )


def sections(view: SweepView) -> list[Section]:
    """One section per listed parameter with more than one level, of those without their own."""
    if view.record.search:
        return []
    swept = [name for name, values in view.record.axes.items() if len(values) > 1]
    names = [name for name in swept if name not in {ARM, FREEZING, *IMAGES}]
    found = [_sensitivity(view, name) for name in names]
    return [*found, _freezing(view)] if FREEZING in swept else found


def _sensitivity(view: SweepView, name: str) -> Section:
    levels, averages, short = read_levels(view, name), read_averages(view, name), slug(name)
    slugs = (f"sensitivity_{short}", f"differences_{short}", f"sensitivity_{short}_section")
    table = assumed_table(view, levels) if name == ASSUMED else level_table(levels)
    more = rules_by_level(view, levels) if name == ASSUMED else ()
    slice_ = _section(view, levels, slugs, f"Sensitivity to {name}", table, *more)
    return _averaged(view, averages, slice_) if averages else slice_


def _freezing(view: SweepView) -> Section:
    levels = read_levels(view, FREEZING)
    slugs = ("freezing", "freezing_differences", "freezing")
    paper = Fold("Frozen and fine-tuned in the paper", paper_freezing_table())
    return _section(view, levels, slugs, "Freezing", freezing_table(view, levels), paper)


def _averaged(view: SweepView, averages: Sequence[Average], slice_: Section) -> Section:
    """The main effects in front, the slice through the default behind them."""
    first, *more = averages
    levels, short = first.levels, slug(first.levels.parameter)
    said = f"{trend_text(first)} {finding(levels)}".strip()
    parts = tuple(part for part in slice_.parts if not isinstance(part, str))
    blocks: list[Block] = [
        _figure(view, levels, f"main_effect_{short}", said),
        Fold("The numbers", _main_table(levels, f"main_effect_{short}")),
        Fold("Differences to the default", difference_table(levels, f"main_differences_{short}")),
        Fold("Trend, and how far single combinations depart", average_table(first)),
        *(
            Fold(
                f"The same{at_text(one.levels.held)}",
                _main_table(one.levels, f"main_effect_{short}_{i}"),
            )
            for i, one in enumerate(more, start=2)
        ),
        Fold("The slice through the default", parts),
    ]
    return Section(slice_.slug, slice_.title, tuple(blocks), (said,))


def _main_table(levels: Levels, name: str) -> Table:
    return level_table(levels, name, f"Main effect of {levels.parameter}", notes=_AVERAGE_NOTES)


def _section(
    view: SweepView,
    levels: Levels,
    slugs: tuple[str, str, str],
    title: str,
    table: Table,
    *more: Block,
) -> Section:
    """The section of `levels`; the slugs are those of the table, of the differences, its own."""
    said = finding(levels, "Freezing" if levels.parameter == FREEZING else "")
    blocks: list[Block] = ["No trial of these levels is done; the figure appears with the first."]
    if levels.seeds:
        blocks = [_figure(view, levels, slugs[0], said)]
    blocks.append(Fold("The numbers", table) if levels.seeds else table)
    if levels.default is not None:
        blocks.append(Fold("Differences to the default", difference_table(levels, slugs[1])))
    return Section(slugs[2], title, (*blocks, *more), (said,))


def _figure(view: SweepView, levels: Levels, name: str, said: str) -> Figure:
    keys = [marks.MEAN, *marks.seeds_legend(levels.seeds, line=True)]
    if levels.reference.numbers:
        keys.append(marks.paper_key(levels.reference.label, line=True))
    band = ""
    if levels.margin is not None and levels.default is not None:
        band = f" The band is the margin of {value_text(levels.margin)} points."
    return Figure(
        f"{name}_figure",
        said,
        f"Final accuracy by {levels.parameter}{levels.held_text}. Each seed is a line.{band}",
        tuple(keys),
        lambda: draw_levels(levels),
        330,
        name,
        f"{_NOTES} {levels.reference.caption} {levels.setting_text(view.record.settings)}",
        lead=1,
    )
