"""Adaptive searches: what each asked for, in order, and how it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import point_text
from lps_sweep.report.escape import plot_text
from lps_sweep.report.figures.importance import importance_blocks
from lps_sweep.report.figures.search_cells import MOST_CELLS, cells_section, confirmed_text
from lps_sweep.report.figures.search_front import front_blocks
from lps_sweep.report.figures.search_info import (
    Configuration,
    SearchInfo,
    best_so_far,
    by_rank,
    finding,
    selected,
    short_cell,
    some,
    some_text,
)
from lps_sweep.report.figures.search_maps import parallel_figure, rank_figure
from lps_sweep.report.figures.search_plateau import plateau_blocks
from lps_sweep.report.figures.search_read import searches
from lps_sweep.report.figures.style import light, new_figure, thin
from lps_sweep.report.section import Block, Figure, Key, Panel, Section
from lps_sweep.report.tables import Cell, Column, Table, value_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lps_sweep.results.view import SweepView

ORDER = 15
SEED = Key("a seed", "sky", "none", "circle")
MEAN = Key("mean over the seeds", "ink", "none", "circle")
OPEN = {
    "failed": Key("failed", "vermillion", "none", "x"),
    "diverged": Key("diverged", "purple", "none", "cross"),
    "stopped": Key("stopped by a rule", "sky", "none", "triangle-down"),
    "running": Key("running", "orange", "none", "star"),
    "not_run": Key("not run", "grey", "none", "circle-open"),
    "": Key("without a value", "grey", "none", "x"),
}
"""By state, how a configuration is drawn that has a seed in it; the first that it has."""
BEST = Key("highest mean so far", "vermillion", "solid", width=2)
MOST_DRAWN = (100, 900)
"""Configurations that are drawn: the best, and a random draw of all others."""
_OPEN_TEXT = (
    "At the bottom: configurations that are not complete, by what became of a seed; they enter "
    "nothing. "
)
MOST_ROWS = 1000
"""Configurations in the table: the best of them, in the order of asking."""


def search_table(info: SearchInfo) -> Table:
    """One row per configuration, in the order of asking; the highest mean is marked."""
    columns = [
        Column("configuration", "Number", "value"),
        *(Column(name, name, "value") for name in info.parameters),
        *(
            Column(metric, f"{label} ± sd", "mean_sd")
            for metric, label in zip(info.objectives, info.labels, strict=True)
        ),
        Column("n", "n", "value"),
    ]
    rows: list[tuple[Cell, ...]] = []
    shown = info.configurations
    if len(shown) > MOST_ROWS:
        best_ones = {c.number for c in by_rank(info)[:MOST_ROWS]}
        shown = tuple(c for c in shown if c.number in best_ones)
    for c in shown:
        values = [None if v is None else short_cell(v) for v in c.point.values()]
        measured = [c.trials.mean_sd(metric) for metric in info.objectives]
        rows.append((c.number, *values, *measured, c.trials.num_done))
    best = selected(info)
    caption = (
        f"The configurations in the order in which {info.sampler} asked for them: mean ± sample "
        f"standard deviation over n of {info.num_seeds} seeds; values to four digits, in full in "
        "the table of all trials. A dash: the parameter has no part in this configuration."
    )
    if info.cell:
        caption = f"At {point_text(info.cell)}: {caption[0].lower()}{caption[1:]}"
    if best:
        caption += " The one with the highest mean is marked."
    if len(shown) < len(info.configurations):
        caption += (
            f" These are the best {len(shown)} of {len(info.configurations)}; the table of all "
            "trials has every one."
        )
    marked = frozenset(i for i, c in enumerate(shown) if best and c.number == best.number)
    return Table(info.named("search"), caption, tuple(columns), tuple(rows), marked)


def draw_history(info: SearchInfo) -> tuple[Panel, ...]:
    """The first objective against the order of asking; what is not complete at the bottom."""
    figure = new_figure()
    metric = info.objectives[0]
    shown = drawn(info)
    dots = [(c.number, v) for c in shown for v in c.trials.numbers(metric)]
    means = [(c.number, info.mean(c)) for c in shown]
    _dots(figure, dots, SEED, ids=_trials(shown, metric))
    _dots(figure, means, MEAN)
    steps = best_so_far(info)
    figure.add_scatter(
        x=[number for number, _ in steps],
        y=[thin(value) for _, value in steps],
        mode="lines",
        line={"color": light(BEST.colour), "width": BEST.width, "shape": "hv"},
        hovertemplate="%{y:.2f}<extra></extra>",
    )
    _draw_open(figure, info, min((v for _, v in dots), default=0.0) - 1)
    figure.update_xaxes(title_text="configuration, in the order of asking")
    figure.update_yaxes(title_text=plot_text(info.labels[0]))
    last = f"the highest mean ends at {steps[-1][1]:.2f}" if steps else ""
    return (Panel("History", figure, last),)


def _draw_open(figure: Any, info: SearchInfo, bottom: float) -> None:
    for state, open_ in unfinished(info).items():
        key = OPEN[state]
        figure.add_scatter(
            x=[c.number for c in open_],
            y=[thin(bottom)] * len(open_),
            mode="markers",
            marker={"color": light(key.colour), "symbol": key.symbol, "size": 7},
            name=key.label,
            customdata=[plot_text(c.trials.cause_text) for c in open_],
            hovertemplate="%{x}: %{customdata}<extra></extra>",
        )


def unfinished(info: SearchInfo) -> dict[str, list[Configuration]]:
    """Configurations that are not complete, by the state of `OPEN`; the first of very many."""
    complete = {c.number for c in info.complete()}
    found: dict[str, list[Configuration]] = {}
    for c in [c for c in info.configurations if c.number not in complete][: MOST_DRAWN[1]]:
        state = next((name for name in OPEN if c.trials.causes.get(name)), "")
        found.setdefault(state, []).append(c)
    return {state: found[state] for state in OPEN if state in found}


def drawn(info: SearchInfo) -> list[Configuration]:
    """The complete configurations that figures show, in the order of asking."""
    return sorted(some(info, *MOST_DRAWN), key=lambda c: c.number)


def draw_slices(info: SearchInfo) -> tuple[Panel, ...]:
    """The first objective against each searched parameter: seeds and means."""
    logs = {axis.name for axis in info.axes if axis.log}
    metric = info.objectives[0]
    panels = []
    for name in info.parameters:
        figure = new_figure()
        used = [c for c in drawn(info) if c.point[name] is not None]
        seeds = [(c.point[name], v) for c in used for v in c.trials.numbers(metric)]
        _dots(figure, seeds, SEED, ids=_trials(used, metric))
        _dots(figure, [(c.point[name], info.mean(c)) for c in used], MEAN)
        figure.update_xaxes(title_text=plot_text(name))
        if name in logs:
            figure.update_xaxes(type="log", exponentformat="e")
        figure.update_yaxes(title_text=plot_text(info.labels[0]))
        panels.append(Panel(name, figure, f"{len(used)} configurations"))
    return tuple(panels)


def _trials(shown: Sequence[Configuration], metric: str) -> list[str]:
    """The trials of the seeds of `shown`, in the order of their numbers."""
    return [c.trials.trials.get(s, "") for c in shown for s in sorted(c.trials.values[metric])]


def _dots(
    figure: Any,
    points: Sequence[tuple[Any, float]],
    key: Key,
    ids: Sequence[str] | None = None,
) -> None:
    figure.add_scatter(
        x=[_place(x) for x, _ in points],
        y=[thin(y) for _, y in points],
        ids=ids,
        mode="markers",
        marker={
            "color": light(key.colour),
            "symbol": key.symbol,
            "size": 4 if key is SEED else 7,
        },
        name=plot_text(key.label),
        hovertemplate="%{fullData.name}: %{x}, %{y:.2f}<extra></extra>",
    )


def _place(x: Any) -> Any:
    if isinstance(x, float):
        return float(f"{x:.5g}")
    return x if isinstance(x, int) and not isinstance(x, bool) else plot_text(value_text(x))


def sections(view: SweepView) -> list[Section]:
    """A section for the search of a sweep; for several, one on all and one for each of the first.

    Their order and their slugs are those of the cells in the plan.
    """
    infos = searches(view)
    if len(infos) < 2:
        return [_section(info, view.record.margin, finding(info)) for info in infos]
    own = [_section(info, view.record.margin) for info in infos[:MOST_CELLS]]
    return [cells_section(infos), *own]


def _section(info: SearchInfo, margin: float | None, *findings: str) -> Section:
    told = info.alone or info.complete()  # as a finding, or as the title of a figure
    blocks: list[Block] = [] if told else [finding(info)]
    blocks += [text] if (text := confirmed_text(info)) else []
    if info.complete():
        blocks += front_blocks(info) if len(info.objectives) > 1 else []
        blocks += [_history(info), _slices(info)]
        blocks += [*rank_figure(info), *parallel_figure(info)]
        blocks += importance_blocks(info)
        blocks += plateau_blocks(info, margin)
    blocks.append(search_table(info))
    title = "Search" if info.alone else f"Search at {point_text(info.cell)}"
    return Section(info.named("search"), title, tuple(blocks), findings)


def _history(info: SearchInfo) -> Figure:
    open_ = unfinished(info)
    caption = (
        f"{info.labels[0]} of each configuration: its seeds, their mean, and the highest mean so "
        f"far. {_OPEN_TEXT if open_ else ''}The first configuration is the default one where it "
        f"lies in the searched ranges. {some_text(info, *MOST_DRAWN)}{info.where}"
    )
    keys = [SEED, MEAN, BEST, *(OPEN[state] for state in open_)]
    return Figure(
        info.named("search_history"),
        finding(info) if len(info.objectives) == 1 else f"{info.labels[0]}, in the order of asking",
        caption,
        tuple(keys),
        lambda: draw_history(info),
        320,
        info.named("search"),
    )


def _slices(info: SearchInfo) -> Figure:
    caption = (
        "Small dots are seeds, large ones the means of their configuration. The sampler looks "
        "where it expects much, so the dots are no even sample of the space, and a slope among "
        "them is no effect of the parameter alone. Configurations in which a condition leaves the "
        f"parameter out are left out. {some_text(info, *MOST_DRAWN)}{info.where}"
    )
    title = f"{info.labels[0]} against each parameter"
    return Figure(
        info.named("search_slices"),
        title,
        caption,
        (SEED, MEAN),
        lambda: draw_slices(info),
        280,
        info.named("search"),
    )
