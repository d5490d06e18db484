"""What figures are drawn of, each once: seeds, means, differences, the paper, margins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lps_sweep.report.escape import plot_text
from lps_sweep.report.model import Dash, Key
from lps_sweep.report.numbers import value_text
from lps_sweep.report.plot import Plot
from lps_sweep.report.style import colour_scale, light, seed_keys, text_on, thin

if TYPE_CHECKING:
    from lps_sweep.report.grid import Grid
    from lps_sweep.results.statistics import Description

Point = tuple[Any, float | None, str]
"""Where something is drawn, and the id of its trial; empty for none."""

MOST_SEEDS = 10
"""Seeds up to which each has a colour and marker of its own."""
INTERVAL = "95 % t interval"
"""What bars of means show at first; the page exchanges the words with the bars."""
WORDS = {"": INTERVAL, "sd": "standard deviation", "none": "no interval"}
"""What they can show, by the word in the URL."""

MEAN = Key(f"mean and {INTERVAL}", "ink", "solid", "circle", 1.6)
DIFFERENCE = Key("mean difference and simultaneous 95 % interval", "ink", "solid", "circle", 1.6)
MEAN_ONLY = Key("mean over the seeds", "ink", "none", "circle")
SEED = Key("a seed", "blue", "none", "circle-open")
PAPER = Key("paper", "grey", "dash", "diamond-open", 1)
COLOUR_BAR = {"thickness": 8, "outlinewidth": 0, "ticklen": 3, "tickfont": {"size": 10}}
"""The scale of colours beside a panel."""


def paper_key(label: str, *, line: bool = False) -> Key:
    """The legend of the paper's numbers, called `label`."""
    return replace(PAPER, label=label, dash=PAPER.dash if line else "none")


def seeds_legend(seeds: Sequence[int], *, line: bool = False) -> list[Key]:
    """A key per seed, or one for all where they are many."""
    if len(seeds) > MOST_SEEDS:
        dash: Dash = "solid" if line else "none"
        return [Key(f"each of {len(seeds)} seeds", "grey", dash, "circle", 1)]
    keys = seed_keys(seeds).values()
    return [key if line else replace(key, dash="none") for key in keys]


def dots(
    figure: Plot,
    points: Sequence[Point],
    key: Key,
    *,
    size: float = 6,
    hover: str = "",
    line: bool = False,
    **more: Any,
) -> None:
    """Markers at `points` in the look of `key`, joined by its line on request."""
    marker = {"color": light(key.colour), "symbol": key.symbol or "circle", "size": size}
    if key.symbol == PAPER.symbol:
        marker["line"] = {"width": 1.5}
    if line:
        more["line"] = {"color": light(key.colour), "dash": key.dash, "width": key.width}
    if any(trial for *_, trial in points):
        more["ids"] = [trial for *_, trial in points]
    told = {"hovertemplate": f"{hover}<extra></extra>"} if hover else {"hoverinfo": "skip"}
    figure.add_scatter(
        x=[x for x, *_ in points],
        y=[thin(y) for _, y, _ in points],
        mode="lines+markers" if line else "markers",
        marker=marker,
        **told,
        **more,
    )


def means(
    figure: Plot,
    places: Iterable[tuple[float, Description | None]],
    key: Key = MEAN,
    *,
    line: bool = False,
    **more: Any,
) -> None:
    """The mean of each description at its place, with the bar that the page shows."""
    known = [(x, found) for x, found in places if found is not None]
    if not known:
        return
    points: list[Point] = [(x, found.mean, "") for x, found in known]
    bars = mean_bars([found for _, found in known], key.colour)
    told = [described_text(found) for _, found in known]
    hover = "%{customdata}"
    dots(figure, points, key, size=8, line=line, hover=hover, customdata=told, **bars, **more)


def described_text(found: Description) -> str:
    """``mean 94.1, n 3, sd 1.2, 95 % t interval 91.1 to 97.1``."""
    text = f"mean {found.mean:.1f}, n {found.n}"
    if found.interval is None:
        return text
    low, high = percents(found.interval)
    return f"{text}, sd {found.sd:.1f}<br>{INTERVAL} {low:.1f} to {high:.1f}"


def percents(ends: tuple[float, float]) -> tuple[float, float]:
    """An interval of a percentage, which ends at 0 and 100."""
    return max(ends[0], 0.0), min(ends[1], 100.0)


def mean_bars(stats: Sequence[Description], colour: str) -> dict[str, Any]:
    """Arguments of a trace of the means of `stats`, in percent: vertical bars, none below 3 seeds.

    ``error_y`` ends at the 95 % t interval of each mean; ``meta["sd"]`` has what the page puts in
    its place for one standard deviation to both sides. All are cut at 0 and 100.
    """
    intervals = [None if s.interval is None else percents(s.interval) for s in stats]
    spreads = [None if s.sd is None else percents((s.mean - s.sd, s.mean + s.sd)) for s in stats]
    middles = [s.mean for s in stats]
    bars = error_bars(middles, intervals, colour)
    sides = error_bars(middles, spreads, colour)
    return {
        "error_y": bars,
        "meta": {"sd": {side: sides[side] for side in ("array", "arrayminus")}},
    }


def error_bars(
    middles: Sequence[float], ends: Sequence[tuple[float, float] | None], colour: str
) -> dict[str, Any]:
    """Plotly's bars from `middles` to `ends`; none where there are no ends."""
    pairs = list(zip(middles, ends, strict=True))
    return {
        "type": "data",
        "symmetric": False,
        "thickness": 1.6,
        "width": 4,
        "color": light(colour),
        "array": [None if end is None else thin(max(0.0, end[1] - m)) for m, end in pairs],
        "arrayminus": [None if end is None else thin(max(0.0, m - end[0])) for m, end in pairs],
    }


def estimates(
    figure: Plot,
    rows: Sequence[tuple[float, float, tuple[float, float] | None]],
    key: Key = DIFFERENCE,
    hover: str = "%{x:+.1f} points",
) -> None:
    """Value, height and interval of each of `rows`: horizontal bars, for differences in points."""
    if not rows:
        return
    values = [x for x, *_ in rows]
    points: list[Point] = [(thin(x), y, "") for x, y, _ in rows]
    bars = error_bars(values, [ends for *_, ends in rows], key.colour)
    dots(figure, points, key, size=8, hover=hover, error_x=bars)


def paper(figure: Plot, points: Sequence[Point], key: Key = PAPER, **more: Any) -> None:
    """The paper's numbers; nothing where it has none at any of `points`."""
    if any(y is not None and x is not None for x, y, _ in points):
        dots(figure, points, key, size=9, **more)


def band(figure: Plot, margin: float | None, middle: float | None = 0.0, axis: str = "x") -> None:
    """The declared margin to both sides of `middle`; nothing without either."""
    if margin is None or middle is None:
        return
    ends = {f"{axis}0": thin(middle - margin), f"{axis}1": thin(middle + margin)}
    add = figure.add_vrect if axis == "x" else figure.add_hrect
    add(**ends, line_width=0, fillcolor=light("grey"), opacity=0.18, layer="below")


def ticks(
    figure: Plot, axis: str, places: Sequence[Any], labels: Iterable[Any], **more: Any
) -> None:
    """Names at places of an axis; labels are escaped unless they are marked up already."""
    words = map(value_text, labels)
    texts = [word if word.startswith("<b>") else plot_text(word) for word in words]
    update = figure.update_xaxes if axis == "x" else figure.update_yaxes
    update(tickmode="array", tickvals=list(places), ticktext=texts, **more)


def rows_axis(figure: Plot, labels: Sequence[Any], places: Sequence[float] = ()) -> None:
    """A vertical axis with a name for each row, the first at the bottom unless `places` say."""
    at = list(places) or list(range(len(labels)))
    ends = [min(at, default=0) - 0.6, max(at, default=0) + 0.6]
    ticks(figure, "y", at, labels, range=ends, showgrid=False)


def heatmap(
    figure: Plot,
    values: Sequence[Sequence[float | None]],
    ends: tuple[float, float],
    colours: Sequence[str],
    **more: Any,
) -> None:
    """Cells at whole numbers, with a scale of `colours` from end to end."""
    figure.add_heatmap(
        z=[[thin(value) for value in row] for row in values],
        x=list(range(len(values[0]))),
        y=list(range(len(values))),
        zmin=thin(ends[0]),
        zmax=thin(ends[1]),
        colorscale=colour_scale(colours),
        xgap=5,
        ygap=5,
        colorbar=COLOUR_BAR,
        **more,
    )


def written(
    values: Sequence[Sequence[float | None]],
    texts: Sequence[Sequence[str]],
    ends: tuple[float, float],
    colours: Sequence[str],
) -> list[dict[str, Any]]:
    """Annotations with `texts` on the cells of a heatmap, each in black or white as its cell asks.

    A cell without a value has small letters in the colour of the page.
    """
    low, high = ends
    found = []
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            font: dict[str, Any] = {"size": 9}
            if value is not None:
                font = {"size": 11, "color": text_on(colours, (value - low) / (high - low))}
            found.append({"x": j, "y": i, "text": texts[i][j], "showarrow": False, "font": font})
    return found


def grid_axes(figure: Plot, grid: Grid) -> None:
    """The levels of two parameters beside a heatmap of their cells."""
    for axis, name, levels in (("x", grid.across, grid.columns), ("y", grid.down, grid.rows)):
        ends = [-0.5, len(levels) - 0.5]
        look = {"range": ends, "showline": False, "showgrid": False, "ticks": ""}
        ticks(figure, axis, range(len(levels)), levels, title_text=plot_text(name), **look)


def spoken(parts: Iterable[str], nothing: str = "no trial is done") -> str:
    """The words of a panel for a listener."""
    return "; ".join(parts) or nothing
