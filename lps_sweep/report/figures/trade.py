"""Trade-off of the arms: what each of them does to seen and to novel accuracy, as an arrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lps_sweep.report.escape import plot_text
from lps_sweep.report.figures.sensitivity import setting_text
from lps_sweep.report.figures.slice_tables import paper_difference
from lps_sweep.report.figures.style import level_keys, light, new_figure, thin
from lps_sweep.report.section import Figure, Key, Panel
from lps_sweep.report.tables import value_text

if TYPE_CHECKING:
    from lps_sweep.report.figures.slices import SliceInfo
    from lps_sweep.results.view import SweepView

ACROSS, UP = "acc_seen", "acc_novel"
NARROWEST = 2.0
"""Points that each axis spans at the least, so that noise does not look like a pattern."""
_OPPOSITE = {("better", "worse"): "seen up, novel down", ("worse", "better"): "seen down, novel up"}
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross")


def arms_shown(info: SliceInfo) -> tuple[int, ...]:
    """The arms with a difference to the default in both accuracies."""
    pairs = zip(info.differences[ACROSS], info.differences[UP], strict=True)
    return tuple(
        i
        for i, pair in enumerate(pairs)
        if all(found is not None and found.difference is not None for found in pair)
    )


def arm_keys(info: SliceInfo) -> tuple[Key, ...]:
    """Colour and marker of each shown arm."""
    shown = arms_shown(info)
    keys = level_keys([info.levels[i] for i in shown], None)
    return tuple(replace(key, dash="solid", symbol=_SYMBOLS[n % 6]) for n, key in enumerate(keys))


def draw_trade(info: SliceInfo) -> tuple[Panel, ...]:
    """One panel: an arrow from the default to the mean of each arm, and a dot for every seed."""
    figure = new_figure()
    shown = arms_shown(info)
    ends: list[tuple[float, float]] = [(0.0, 0.0)]
    arrows = []
    for i, key in zip(shown, arm_keys(info), strict=True):
        points = _points(info, i)
        mean, paper = _mean(info, i), _paper(info, i)
        ends += [mean, *((x, y) for x, y, *_ in points), paper or mean]
        arrows.append(_arrow(mean, light(key.colour)))
        _add_arm(figure, key, mean, points, paper)
    figure.add_scatter(
        x=[0],
        y=[0],
        mode="markers",
        marker={"color": light("ink"), "symbol": "square", "size": 8},
        hovertemplate="default arm<extra></extra>",
    )
    figure.update_layout(annotations=arrows)
    for line in (figure.add_hline, figure.add_vline):
        line(0, line={"color": light("grey"), "width": 1, "dash": "dot"}, layer="below")
    figure.update_xaxes(
        title_text="seen, points to the default", range=_span([x for x, _ in ends]), showgrid=True
    )
    figure.update_yaxes(
        title_text="novel, points to the default", range=_span([y for _, y in ends])
    )
    words = [
        f"{value_text(info.levels[i])}: seen {x:+.1f}, novel {y:+.1f}"
        for i in shown
        for x, y in [_mean(info, i)]
    ]
    return (Panel("Seen and novel", figure, "; ".join(words) or "no arm is done"),)


def _mean(info: SliceInfo, i: int) -> tuple[float, float]:
    across, up = (info.differences[m][i] for m in (ACROSS, UP))
    assert across is not None
    assert up is not None
    return across.difference or 0.0, up.difference or 0.0


def _points(info: SliceInfo, i: int) -> list[tuple[float, float, int, str]]:
    """Seen, novel, seed and trial of each seed that the arm and the default have."""
    across, up = (info.differences[m][i] for m in (ACROSS, UP))
    assert across is not None
    assert up is not None
    trials = info.cells[i].trials
    return [
        (d, up.by_seed[s], s, trials.get(s, ""))
        for s, d in across.by_seed.items()
        if s in up.by_seed
    ]


def _paper(info: SliceInfo, i: int) -> tuple[float, float] | None:
    x, y = (paper_difference(info, m, i) for m in (ACROSS, UP))
    return None if x is None or y is None else (x, y)


def _arrow(mean: tuple[float, float], colour: str) -> dict[str, Any]:
    return {
        "x": thin(mean[0]),
        "y": thin(mean[1]),
        "ax": 0,
        "ay": 0,
        "xref": "x",
        "yref": "y",
        "axref": "x",
        "ayref": "y",
        "text": "",
        "showarrow": True,
        "arrowhead": 2,
        "arrowsize": 1,
        "arrowwidth": 1.8,
        "arrowcolor": colour,
        "standoff": 4,
    }


def _add_arm(
    figure: Any,
    key: Key,
    mean: tuple[float, float],
    points: Sequence[tuple[float, float, int, str]],
    paper: tuple[float, float] | None,
) -> None:
    colour, name = light(key.colour), plot_text(key.label)
    told = "seen %{x:+.1f}, novel %{y:+.1f}<extra></extra>"
    figure.add_scatter(
        x=[thin(x) for x, *_ in points],
        y=[thin(y) for _, y, *_ in points],
        ids=[trial for *_, trial in points],
        customdata=[seed for *_, seed, _ in points],
        mode="markers",
        marker={"color": colour, "symbol": key.symbol, "size": 4},
        hovertemplate=f"{name}, seed %{{customdata}}: {told}",
    )
    figure.add_scatter(
        x=[thin(mean[0])],
        y=[thin(mean[1])],
        mode="markers",
        name=name,
        marker={"color": colour, "symbol": key.symbol, "size": 9},
        hovertemplate=f"{name}: {told}",
    )
    if paper is not None:
        figure.add_scatter(
            x=[thin(paper[0])],
            y=[thin(paper[1])],
            mode="markers",
            marker={"color": colour, "symbol": "diamond-open", "size": 9, "line": {"width": 1.5}},
            hovertemplate=f"{name}, paper: {told}",
        )


def _span(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    aside = max(0.08 * (high - low), (NARROWEST - (high - low)) / 2)
    return [round(low - aside, 4), round(high + aside, 4)]


def finding(info: SliceInfo) -> str:
    """Which arms are told to move seen and novel accuracy in opposite directions."""
    words = []
    for i in arms_shown(info):
        pair = [found.word if (found := info.differences[m][i]) else "" for m in (ACROSS, UP)]
        direction = _OPPOSITE.get((pair[0], pair[1]))
        words += [f"{value_text(info.levels[i])}: {direction}"] if direction else []
    return "; ".join(words) or "No arm is told to trade seen for novel accuracy or the reverse"


def trade_figure(view: SweepView, info: SliceInfo) -> Figure:
    """The figure of the arms, of which one at least has a difference in both accuracies."""
    keys = [*arm_keys(info), Key("default arm", "ink", "none", "square")]
    if info.reference.numbers:
        keys.append(Key(f"the same in the {info.reference.label}", "grey", "none", "diamond-open"))
    caption = (
        "An arrow leads from the default arm to the mean of each arm; small markers are the seeds, "
        "paired with the default. The two axes have scales of their own. An arrow has no interval: "
        "the title goes by the verdicts of the table, in seen and in novel each. "
        f"{info.reference.caption} {setting_text(view, info)}"
    )
    return Figure(
        "ablation_trade_figure",
        finding(info),
        caption,
        tuple(keys),
        lambda: draw_trade(info),
        380,
        "ablation_differences",
    )
