"""Named levels against their reference, drawn: their differences, and seen against novel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lps_sweep.report import draw, marks
from lps_sweep.report.cells import ACCURACIES
from lps_sweep.report.columns import difference_table, finding
from lps_sweep.report.escape import plot_text
from lps_sweep.report.levels import Compared
from lps_sweep.report.model import Figure, Key, Panel
from lps_sweep.report.plot import Plot
from lps_sweep.report.style import LINKED, cycled_keys, light, thin

if TYPE_CHECKING:
    from lps_sweep.report.levels import Levels
    from lps_sweep.report.model import Block

ACROSS, UP = "acc_seen", "acc_novel"
NARROWEST = 2.0
"""Points that the axes of the trade-off span at the least."""
_OPPOSITE = {("better", "worse"): "seen up, novel down", ("worse", "better"): "seen down, novel up"}


def blocks(levels: Levels, slug: str, subject: str, setting: str, lead: int = 2) -> Iterator[Block]:
    """The differences drawn and as a table, and seen against novel; a sentence without any.

    Args:
        levels: The levels, of which one is the reference.
        slug: That of the table is ``<slug>_differences``, and so on.
        subject: What the levels are, for the title.
        setting: What they were run with, for notes.
        lead: That of the figure of differences.
    """
    if any(levels.differences["acc_all"]):
        yield _figure(levels, slug, subject, setting, lead)
    else:
        yield f"Nothing has a seed in common with {levels.reference_text} yet."
    yield difference_table(levels, f"{slug}_differences")
    if arms_shown(levels):
        yield _trade_figure(levels, slug, setting)


def by_effect(levels: Levels) -> tuple[int, ...]:
    """All but the reference: the lowest difference in All last, so that it is on top."""
    found = [(levels.difference("acc_all", i).difference or 0.0, i) for i in levels.others]
    return tuple(i for _, i in sorted(found, key=lambda one: (-one[0], -one[1])))


def draw_arms(levels: Levels) -> tuple[Panel, ...]:
    """One panel per accuracy: the differences to the reference, level by level, of every seed.

    They share an axis, but where the reference has a name: methods may lie far apart in one.
    """
    order, own = by_effect(levels), bool(levels.base)
    span = draw.extent(levels.compared(ACCURACIES))
    title = plot_text(f"points to {levels.reference_text}")

    def draw_one(figure: Plot, metric: str) -> str:
        rows = [Compared(levels, i, metric) for i in order]
        places = [float(place) for place in range(len(rows))]
        words = draw.differences(figure, rows, places, [row.text for row in rows], title)
        if not own:
            figure.update_layout(meta=LINKED)
        figure.update_xaxes(range=draw.extent(rows) if own else span)
        return words

    return draw.panels(draw_one)


def arms_shown(levels: Levels) -> tuple[int, ...]:
    """The levels with a difference to the reference in both seen and novel accuracy."""
    return tuple(
        i
        for i in levels.others
        if levels.difference(ACROSS, i).by_seed and levels.difference(UP, i).by_seed
    )


def draw_trade(levels: Levels) -> tuple[Panel, ...]:
    """One panel: an arrow from the reference to the mean of each, and a dot for every seed."""
    figure = Plot()
    told = "seen %{x:+.1f}, novel %{y:+.1f}"
    ends, arrows, words = [(0.0, 0.0)], [], []
    for i, key in zip(arms_shown(levels), _arm_keys(levels), strict=True):
        across, up = levels.difference(ACROSS, i), levels.difference(UP, i)
        mean = (across.difference or 0.0, up.difference or 0.0)
        trials, name = levels.cells[i].trials, plot_text(key.label)
        seeds: list[marks.Point] = [
            (thin(d), up.by_seed[s], trials.get(s, ""))
            for s, d in across.by_seed.items()
            if s in up.by_seed
        ]
        at: list[marks.Point] = [(thin(mean[0]), mean[1], "")]
        marks.dots(figure, seeds, key, size=4, hover=f"{name}, a seed: {told}")
        marks.dots(figure, at, key, size=9, name=name, hover=f"{name}: {told}")
        x, y = levels.paper_difference(ACROSS, i), levels.paper_difference(UP, i)
        if x is not None and y is not None:
            look = replace(marks.PAPER, colour=key.colour)
            marks.paper(figure, [(thin(x), y, "")], look, hover=f"{name}, paper: {told}")
            ends.append((x, y))
        ends += [mean, *((x, y or 0.0) for x, y, _ in seeds)]
        arrows.append(_arrow(mean, light(key.colour)))
        words.append(f"{levels.texts[i]}: seen {mean[0]:+.1f}, novel {mean[1]:+.1f}")
    base = _reference_key(levels)
    marks.dots(figure, [(0, 0, "")], base, size=8, hover=plot_text(base.label))
    zero = {"line": {"color": light("grey"), "width": 1, "dash": "dot"}, "layer": "below"}
    figure.add_hline(0, **zero)
    figure.add_vline(0, **zero)
    across_span, up_span = (_span([end[place] for end in ends]) for place in (0, 1))
    figure.update_layout(annotations=arrows)
    to = plot_text(f"points to {levels.reference_text}")
    figure.update_xaxes(title_text=f"seen, {to}", range=across_span, showgrid=True)
    figure.update_yaxes(title_text=f"novel, {to}", range=up_span, showgrid=True)
    return (Panel("Seen and novel", figure, marks.spoken(words, "no arm is done")),)


def _arm_keys(levels: Levels) -> list[Key]:
    """Colour and marker of each shown arm."""
    return cycled_keys([levels.texts[i] for i in arms_shown(levels)])


def _arrow(mean: tuple[float, float], colour: str) -> dict[str, object]:
    axes = {"xref": "x", "yref": "y", "axref": "x", "ayref": "y"}
    look = {"arrowhead": 2, "arrowsize": 1, "arrowwidth": 1.8, "arrowcolor": colour, "standoff": 4}
    ends = {"x": thin(mean[0]), "y": thin(mean[1]), "ax": 0, "ay": 0}
    return {**axes, **look, **ends, "text": "", "showarrow": True}


def _span(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    aside = max(0.08 * (high - low), (NARROWEST - (high - low)) / 2)
    return [round(low - aside, 4), round(high + aside, 4)]


def trade_finding(levels: Levels) -> str:
    """Which levels are told to move seen and novel accuracy in opposite directions."""
    words = []
    for i in arms_shown(levels):
        pair = (levels.difference(ACROSS, i).word, levels.difference(UP, i).word)
        words += [f"{levels.texts[i]}: {_OPPOSITE[pair]}"] if pair in _OPPOSITE else []
    return "; ".join(words) or "None is told to trade seen for novel accuracy or the reverse"


def _figure(levels: Levels, slug: str, subject: str, setting: str, lead: int) -> Figure:
    band = "" if levels.margin is None else " The band is the declared margin."
    return Figure(
        f"{slug}_figure",
        finding(levels, subject),
        f"Each less {levels.reference_text}, in points, paired by seed{levels.held_text}; ordered "
        f"by the difference in All.{band}",
        tuple(draw.legend(levels.compared(ACCURACIES))),
        lambda: draw_arms(levels),
        110 + (52 if len(levels.values) < 9 else 38) * max(2, len(levels.values) - 1),
        f"{slug}_differences",
        "Every seed is drawn; intervals may reach beyond the panel"
        f"{', each of which has a scale of its own' if levels.base else ''}. "
        f"{levels.reference.caption} {setting}",
        lead=lead,
    )


def _trade_figure(levels: Levels, slug: str, setting: str) -> Figure:
    keys = [*_arm_keys(levels), _reference_key(levels)]
    if levels.reference.numbers:
        keys.append(marks.paper_key(f"the same in the {levels.reference.label}"))
    return Figure(
        f"{slug}_trade_figure",
        trade_finding(levels),
        f"An arrow leads from {levels.reference_text} to each mean; small markers are the seeds, "
        "in pairs.",
        tuple(keys),
        lambda: draw_trade(levels),
        380,
        f"{slug}_differences",
        "The two axes have scales of their own. An arrow has no interval: the title goes by the "
        f"verdicts of the table, in seen and in novel each. {levels.reference.caption} {setting}",
    )


def _reference_key(levels: Levels) -> Key:
    return Key(levels.reference_text, "ink", "none", "square")
