"""The parameters of a search: where it looked, and how the best lie among the others."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

from lps_sweep.report import draw, marks
from lps_sweep.report.escape import plot_text
from lps_sweep.report.model import Figure, Key, Panel, Section
from lps_sweep.report.numbers import value_text
from lps_sweep.report.plot import Plot
from lps_sweep.report.searches import Search, short, with_parameters
from lps_sweep.report.style import SEQUENTIAL, colour_scale, light, thin

if TYPE_CHECKING:
    from lps_sweep.results.importance import Axis
    from lps_sweep.results.view import SweepView

ORDER = 16
MOST_PAIRS = 6
LINED = (20, 80)
"""Lines of the parallel coordinates: the best, a fifth at the most, and a draw of all others."""
NONE_AT = -0.14
"""Where a parameter that has no part in a configuration is drawn, below its axis from 0 to 1."""
TOP = Key("among the best", "vermillion", "solid", width=1.6)
BEST = Key("the best", "ink", "solid", width=2.6)
OTHER = Key("another", "grey", "solid", width=0.8)
RING = Key("highest mean", "vermillion", "none", "circle-open")


def at(value: Any) -> Any:
    """Where a value is drawn: numbers to five digits, anything else by its name."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return short(value, 5) if number else plot_text(value_text(value))


def scale(figure: Plot, along: str, axis: Axis) -> None:
    """The axis of a parameter, logarithmic where its domain is."""
    update = figure.update_xaxes if along == "x" else figure.update_yaxes
    update(title_text=plot_text(axis.name))
    if axis.log:
        update(type="log", exponentformat="e")


def draw_slices(search: Search) -> tuple[Panel, ...]:
    """The first objective against each searched parameter: seeds and means."""
    panels = []
    for axis in search.axes:
        figure = Plot()
        used = [c for c in search.some() if c.point[axis.name] is not None]
        places = [at(c.point[axis.name]) for c in used]
        draw.seeds_and_means(figure, places, [c.trials for c in used], search.objectives[0])
        scale(figure, "x", axis)
        figure.update_yaxes(title_text=plot_text(search.labels[0]))
        panels.append(Panel(axis.name, figure, f"{len(used)} configurations"))
    return tuple(panels)


def rank_pairs(search: Search) -> list[tuple[Axis, Axis]]:
    """The first pairs of numeric parameters that every configuration has, `MOST_PAIRS` at most."""
    always = [
        a
        for a in search.axes
        if a.kind == "number" and all(c.point[a.name] is not None for c in search.configurations)
    ]
    return list(itertools.combinations(always, 2))[:MOST_PAIRS]


def draw_ranks(search: Search) -> tuple[Panel, ...]:
    """One panel per pair of parameters; the worst dots first, so that the best lie on top."""
    ranks = {c.number: rank for rank, c in enumerate(search.ranked, start=1)}
    shown = search.some()[::-1]
    ring = {"color": light(RING.colour), "symbol": RING.symbol, "size": 15, "line": {"width": 2}}
    dots = {
        "size": 8,
        "color": [ranks[c.number] for c in shown],
        "colorscale": colour_scale(SEQUENTIAL),
        "reversescale": True,
        "cmin": 1,
        "cmax": max(2, len(ranks)),
        "line": {"width": 1, "color": light("grey")},
        "colorbar": {**marks.COLOUR_BAR, "title": {"text": "rank", "font": {"size": 10}}},
    }
    told = [[c.number, thin(search.mean(c))] for c in shown]
    hover = "number %{customdata[0]}: %{x}, %{y}, mean %{customdata[1]:.2f}<extra></extra>"
    panels = []
    for a, b in rank_pairs(search):
        figure = Plot()
        x, y = ([at(c.point[axis.name]) for c in shown] for axis in (a, b))
        figure.add_scatter(
            x=x, y=y, mode="markers", marker=dots, customdata=told, hovertemplate=hover
        )
        figure.add_scatter(x=x[-1:], y=y[-1:], mode="markers", marker=ring, hoverinfo="skip")
        scale(figure, "x", a)
        scale(figure, "y", b)
        best = f"{value_text(x[-1])}, {value_text(y[-1])}"
        panels.append(Panel(f"{a.name}, {b.name}", figure, f"the best at {best}"))
    return tuple(panels)


def draw_parallel(search: Search) -> tuple[Panel, ...]:
    """Lines as plain SVG: those of all others in one trace, each of the best in its own."""
    from lps_sweep.results.importance import Axis

    figure, shown = Plot(), search.some(*LINED)
    ends = search.mean(search.ranked[-1]), search.mean(search.ranked[0])
    axes = (*search.axes, Axis(search.labels[0], "number", *ends))
    top = num_top(search)
    lines = [(OTHER, shown[top:]), *((TOP, (c,)) for c in shown[1:top][::-1]), (BEST, shown[:1])]
    for key, some in lines:
        x: list[int | None] = []
        y: list[float | None] = []
        for c in some:
            values = zip(axes, (*c.point.values(), search.mean(c)), strict=True)
            x += [*range(len(axes)), None]
            y += [*(NONE_AT if v is None else thin(axis.place(v)) for axis, v in values), None]
        words = "" if key is OTHER else f"number {some[0].number}: {search.mean(some[0]):.2f}"
        figure.add_scatter(
            x=x if key is OTHER else x[:-1],
            y=y if key is OTHER else y[:-1],
            mode="lines",
            line={"color": light(key.colour), "width": key.width},
            hovertemplate=f"{words}<extra></extra>" if words else None,
            hoverinfo=None if words else "skip",
        )
    for number, axis in enumerate(axes):
        _parallel_axis(figure, number, axis, missing=lacks(search, axis))
    bare = {"showline": False, "ticks": "", "range": [-0.1, len(axes) - 0.6]}
    marks.ticks(figure, "x", range(len(axes)), [axis.name for axis in axes], **bare)
    figure.update_yaxes(visible=False, range=[NONE_AT - 0.08, 1.1])
    return (Panel("Parallel coordinates", figure, f"{len(shown)} configurations"),)


def _parallel_axis(figure: Plot, number: int, axis: Axis, *, missing: bool) -> None:
    """A line from 0 to 1 with the ends of the domain, or each choice, beside it."""
    line = {"color": light("grey"), "width": 1}
    figure.add_shape(type="line", x0=number, x1=number, y0=0, y1=1, line=line)
    values = axis.choices if axis.kind == "choice" else (axis.low, axis.high)
    texts = {axis.place(value): value_text(short(value)) for value in values}
    for y, text in (texts | ({NONE_AT: "None"} if missing else {})).items():
        figure.add_annotation(
            x=number,
            y=y,
            text=plot_text(text),
            showarrow=False,
            xanchor="left",
            xshift=4,
            yshift={0.0: -9, 1.0: 9}.get(y, 0),
            font={"size": 10},
        )


def num_top(search: Search) -> int:
    """Lines that are drawn as the best."""
    return max(1, min(LINED[0], len(search.complete) // 5))


def lacks(search: Search, axis: Axis) -> bool:
    """Whether a condition leaves a parameter out of a complete configuration."""
    return any(c.point.get(axis.name, 0) is None for c in search.complete)


def figures(search: Search) -> list[Figure]:
    """Each parameter by itself, pairs of numbers, and all together, as far as there are several."""
    label, number = search.labels[0], len(search.complete)
    total = math.comb(sum(axis.kind == "number" for axis in search.axes), 2)
    logs = ", ".join(axis.name for axis in search.axes if axis.log)
    slices = Figure(
        "search_slices",
        f"{label} against each parameter",
        "Small dots are seeds, large ones the means of their configuration. The sampler looks "
        "where it expects much: a slope among the dots is no effect of the parameter alone.",
        (marks.SEED, marks.MEAN_ONLY),
        lambda: draw_slices(search),
        280,
        "search",
        "Configurations in which a condition leaves the parameter out are left out.",
    )
    ranks = Figure(
        "search_ranks",
        f"Rank by {label} over pairs of parameters",
        f"Each dot is a complete configuration, coloured by its rank by the mean of {label} "
        "(bright: best; the best is ringed).",
        (RING,),
        lambda: draw_ranks(search),
        300,
        "search",
        f"{len(rank_pairs(search))} of {total} pairs are drawn. Ranks, so that one failure cannot "
        "flatten the colours; nothing is interpolated between dots.",
    )
    parallel = Figure(
        "search_parallel",
        f"The best {num_top(search)} configurations among the others",
        "Each line is a complete configuration, from parameter to parameter to the mean of "
        f"{label}; each axis has its own scale.",
        (BEST, TOP, OTHER),
        lambda: draw_parallel(search),
        360,
        "search",
        f"Logarithmic: {logs or 'none'}. None: a condition leaves the parameter out.",
    )
    found = [search.own(slices)]
    found += [search.own(ranks)] if number > 1 and rank_pairs(search) else []
    found += [search.own(parallel, LINED)] if number > 1 and len(search.axes) > 1 else []
    return found


def sections(view: SweepView) -> list[Section]:
    """A section for each of the first searches that has parameters and a complete configuration."""
    return [
        Section(
            search.named("search_parameters"),
            search.titled("Parameters of the search"),
            tuple(figures(search)),
        )
        for search in with_parameters(view)
    ]
