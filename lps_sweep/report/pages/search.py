"""Adaptive searches: what each asked for, in order, how it did, and what it selected."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from lps_sweep.indices import COLUMNS
from lps_sweep.report import draw, marks
from lps_sweep.report.cells import STATUS_WORDS, metric_facets
from lps_sweep.report.escape import plot_text
from lps_sweep.report.model import Block, Column, Figure, Key, Panel, Section, Table
from lps_sweep.report.numbers import value_text
from lps_sweep.report.plot import Plot
from lps_sweep.report.reference import default_reference
from lps_sweep.report.searches import Configuration, Search, short, told
from lps_sweep.report.style import light, thin

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 15
BEST = Key("highest mean so far", "vermillion", "solid", width=2)
FRONT = Key("none is higher in both; its seeds\u2019 range", "vermillion", "none", "diamond")
REGION = Key("dominated", "grey", "solid", "", 6)
PAPER = marks.paper_key("the paper\u2019s LPS")
OPEN = {
    "stopped": Key(STATUS_WORDS["stopped"], "sky", "none", "diamond"),
    "failed": Key(STATUS_WORDS["failed"], "vermillion", "none", "x"),
    "diverged": Key(STATUS_WORDS["diverged"], "purple", "none", "triangle-down"),
    "running": Key(STATUS_WORDS["running"], "orange", "none", "triangle-up"),
    "not_run": Key(STATUS_WORDS["not_run"], "grey", "none", "circle-open"),
    "done": Key("without a value", "grey", "none", "x"),
}
"""How a configuration is drawn that is not complete: by the first state that a seed of it has."""
MOST_ROWS, MOST_NEAR = 1000, 50
"""Configurations in the table of a search, the best, and in that of its plateau."""
_SHADE = "rgba(128,128,128,0.18)"
"""A hint of grey on either ground; what bounds it is drawn in full."""


def finding(search: Search) -> str:
    """What the search found, with what is to be said about it."""
    best = search.selected
    if search.cell and not search.axes:
        return "Nothing is searched here: the only configuration is the selected one."
    if not search.complete:
        return f"No configuration of the {search.sampler} search is complete yet."
    if best is None:
        return (
            f"{len(search.front)} of {len(search.complete)} complete configurations are not beaten "
            f"in both {search.labels[0]} and {search.labels[1]} by another."
        )
    fresh = "confirm it on fresh seeds"
    if search.confirmed:
        mean = statistics.fmean(search.confirmed.values())
        fresh = f"on fresh seeds it has {mean:.3g} (n {len(search.confirmed)})"
    return (
        f"Of {len(search.complete)} configurations number {best.number} ({best.words}) has the "
        f"highest mean {search.labels[0]}, {search.mean(best):.3g}. It was selected for this very "
        f"number, which is therefore too high: {fresh}."
    )


def search_table(
    search: Search,
    slug: str,
    caption: str,
    rows: Sequence[Configuration],
    extra: Iterable[Column] = (),
    keys: Sequence[str] = (),
) -> Table:
    """One row per configuration: its values, and what was measured; the selected one is marked.

    `keys` are names of the columns of the objectives, if other than these, `extra` more columns.
    """
    objectives = zip(keys or search.objectives, search.objectives, search.labels, strict=True)
    columns = (
        Column("configuration", "Number", "value", of="number"),
        *(
            Column(name, name, "value", of=lambda c, name=name: short(c.point[name]))
            for name in search.parameters
        ),
        *(
            Column(
                key,
                f"{label} ± sd",
                "mean_sd",
                3 if label in COLUMNS else 1,
                facets=metric_facets(m),
                of=lambda c, m=m: c.trials.mean_sd(m),
            )
            for key, m, label in objectives
        ),
        Column("n", "n", "value", of="trials.num_done"),
        *extra,
    )
    notes = (
        f"Mean ± sample standard deviation over n of {search.num_seeds} seeds; the highest is too "
        "high because it was selected. Values to four digits; in full in the table of all trials. "
        f"A dash: the parameter has no part in this one. {search.where}"
    )
    marked = frozenset(i for i, c in enumerate(rows) if c is search.selected)
    return Table.of(search.named(slug), caption, columns, rows, marked=marked, notes=notes)


def asked_table(search: Search) -> Table:
    """The configurations in the order of asking; the best of very many."""
    rows, caption = search.configurations, f"The configurations as {search.sampler} asked for them."
    if len(rows) > MOST_ROWS:
        best = {c.number for c in search.ranked[:MOST_ROWS]}
        caption += f" These are the best {MOST_ROWS} of {len(rows)}."
        rows = tuple(c for c in rows if c.number in best)
    if search.selected:
        caption += " The one with the highest mean is marked."
    return search_table(search, "search", caption, rows)


def front_table(search: Search) -> Table:
    """The configurations on the front, from the lowest to the highest first objective."""
    caption = (
        f"The front: {len(search.front)} of {len(search.complete)} complete configurations. They "
        f"dominate {search.hypervolume:.1f} % of the square from zero to 100 %. Being on the front "
        "is a choice by the same seeds: confirm it on fresh ones."
    )
    return search_table(search, "search_front", caption, search.front)


def unfinished(search: Search) -> dict[str, list[Configuration]]:
    """Configurations that are not complete, by the state of `OPEN`; the first of very many."""
    complete = {c.number for c in search.complete}
    found: dict[str, list[Configuration]] = {state: [] for state in OPEN}
    for c in [c for c in search.configurations if c.number not in complete][:MOST_ROWS]:
        found[next((state for state in OPEN if c.trials.causes.get(state)), "done")].append(c)
    return {state: some for state, some in found.items() if some}


def draw_history(search: Search) -> tuple[Panel, ...]:
    """The first objective against the order of asking; what is not complete at the bottom."""
    figure, shown, metric = Plot(), search.some(), search.objectives[0]
    numbers = [c.number for c in shown]
    seeds = draw.seeds_and_means(figure, numbers, [c.trials for c in shown], metric)
    highest = list(itertools.accumulate((search.mean(c) for c in search.complete), max))
    figure.add_scatter(
        x=[c.number for c in search.complete],
        y=[thin(value) for value in highest],
        mode="lines",
        line={"color": light(BEST.colour), "width": BEST.width, "shape": "hv"},
        hovertemplate="%{y:.2f}<extra></extra>",
    )
    bottom = min((value for _, value, _ in seeds if value is not None), default=0.0) - 1
    for state, some in unfinished(search).items():
        places: list[marks.Point] = [(c.number, bottom, "") for c in some]
        told = [plot_text(c.trials.cause_text) for c in some]
        hover = "%{x}: %{customdata}"
        marks.dots(figure, places, OPEN[state], size=7, hover=hover, customdata=told)
    figure.update_xaxes(title_text="configuration, in the order of asking")
    figure.update_yaxes(title_text=plot_text(search.labels[0]))
    last = f"the highest mean ends at {highest[-1]:.2f}" if highest else "none is complete"
    return (Panel("History", figure, last),)


def history_figure(search: Search) -> Figure:
    """The history, which a search of one objective is told by."""
    states, single = unfinished(search), len(search.objectives) == 1
    caption = f"{search.labels[0]} of each configuration: its seeds, their mean, the best so far."
    if states:
        caption += " At the bottom: those that are not complete, by what became of a seed."
    return Figure(
        "search_history",
        finding(search) if single else f"{search.labels[0]}, in the order of asking",
        caption,
        (marks.SEED, marks.MEAN_ONLY, BEST, *(OPEN[state] for state in states)),
        lambda: draw_history(search),
        320,
        "search",
        "The first configuration is the default one where it lies in the searched ranges. What is "
        "not complete enters nothing.",
        lead=3,
    )


def paper_point(search: Search) -> tuple[float, float] | None:
    """The paper\u2019s LPS in both objectives; None in another setting or without numbers."""
    known = default_reference(search.settings)
    first, second = (known.numbers.get((0, metric)) for metric in search.objectives[:2])
    return None if first is None or second is None or not known.comparable else (first, second)


def draw_front(search: Search) -> tuple[Panel, ...]:
    """The second objective against the first."""
    figure = Plot()
    means = {c.number: (search.mean(c, 0), search.mean(c, 1)) for c in search.complete}
    shown, best = ([means[c.number] for c in some] for some in (search.some(), search.front))
    left, bottom = (min(ends) - 1 for ends in zip(*shown, strict=True))
    below = [*(y for _, y in best[1:]), bottom]
    corners = [(left, bottom), (left, best[0][1])]
    for (x, y), lower in zip(best, below, strict=True):
        corners += [(x, y), (x, lower)]
    figure.add_scatter(
        x=[thin(x) for x, _ in corners],
        y=[thin(y) for _, y in corners],
        mode="lines",
        fill="toself",
        fillcolor=_SHADE,
        line={"color": light(REGION.colour), "width": 1},
        hoverinfo="skip",
    )
    hover = "%{x:.2f}, %{y:.2f}"
    dots: list[marks.Point] = [(thin(x), y, "") for x, y in shown]
    marks.dots(figure, dots, marks.MEAN_ONLY, size=5, hover=f"mean: {hover}")
    bars: dict[str, Any] = {}
    for i, axis in enumerate(("error_x", "error_y")):
        seeds = [c.trials.numbers(search.objectives[i]) for c in search.front]
        ends = [(min(values), max(values)) for values in seeds]
        bars[axis] = marks.error_bars([point[i] for point in best], ends, FRONT.colour)
    ahead: list[marks.Point] = [(thin(x), y, "") for x, y in best]
    marks.dots(figure, ahead, FRONT, size=9, hover=f"on the front: {hover}", **bars)
    paper = paper_point(search)
    marks.paper(figure, [(*paper, "")] if paper else [], PAPER, hover=f"the paper: {hover}")
    figure.update_xaxes(title_text=plot_text(search.labels[0]))
    figure.update_yaxes(title_text=plot_text(search.labels[1]))
    number = f"{len(search.front)} configurations on the front"
    return (Panel("Front", figure, f"{number}, {search.hypervolume:.1f} % dominated"),)


def front_figure(search: Search) -> Figure:
    """Two objectives: which configurations no other one beats in both."""
    known = paper_point(search) is not None
    paper = "The paper\u2019s point is its Table 1." if known else "The paper has no number for it."
    return Figure(
        "search_front",
        finding(search),
        f"{search.labels[1]} against {search.labels[0]}, means over {search.num_seeds} seeds. Bars "
        "of the front range from the lowest to the highest seed, no intervals.",
        (marks.MEAN_ONLY, FRONT, REGION, *((PAPER,) if known else ())),
        lambda: draw_front(search),
        360,
        "search_front",
        "Seeds can change who is on the front. Grey: what the front dominates, cut at the lowest "
        f"means. {paper}",
        lead=4,
    )


def plateau(search: Search, margin: float) -> list[Configuration]:
    """Complete configurations whose mean is within `margin` of the best, the cheapest first."""
    top = search.mean(search.ranked[0])
    near = [c for c in search.complete if top - search.mean(c) <= margin]
    return sorted(near, key=lambda c: (c.seconds, c.number))


def plateau_table(search: Search, margin: float) -> Table:
    """One row per configuration of the plateau, with its paired difference to the best."""
    from lps_sweep.results.statistics import compare

    best, metric, near = search.ranked[0], search.objectives[0], plateau(search, margin)

    def interval(c: Configuration) -> tuple[float, float] | None:
        pair = compare(c.trials.values[metric], best.trials.values[metric])
        return None if c is best or pair is None else pair.described.interval

    def difference(c: Configuration) -> float:
        return search.mean(c) - search.mean(best)

    extra = (
        Column("difference", "Difference to the best", "signed", 2, difference),
        Column("interval95", "95 % t interval, paired", "interval", 2, interval),
        Column("seconds", "Device-seconds", "number"),
    )
    caption = (
        f"The plateau: {len(near)} of {len(search.complete)} complete configurations have a mean "
        f"within {value_text(margin)} points, the declared margin, of the highest one. "
        f"{'The' if len(near) <= MOST_NEAR else f'The {MOST_NEAR}'} cheapest first."
    )
    return search_table(search, "search_plateau", caption, near[:MOST_NEAR], extra, ("mean",))


def sections(view: SweepView) -> list[Section]:
    """A section for the search of a sweep, or for each of the first searches of several."""
    return [_section(one, view.record.margin) for one in told(view)]


def _section(search: Search, margin: float | None) -> Section:
    said = search.alone or search.complete  # as a finding, or as the title of a figure
    blocks: list[Block] = [] if said else [finding(search)]
    if search.complete:
        two = len(search.objectives) > 1
        blocks += [search.own(front_figure(search)), front_table(search)] if two else []
        blocks.append(search.own(history_figure(search)))
        if search.selected:
            none = "No plateau is named: the search space declares no practical margin."
            blocks.append(none if margin is None else plateau_table(search, margin))
    blocks.append(asked_table(search))
    findings = (finding(search),) if search.alone else ()
    return Section(search.named("search"), search.titled("Search"), tuple(blocks), findings)
