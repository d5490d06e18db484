"""Arms that are all subsets of some terms: main effects, pair interactions, and a matrix."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import ACCURACIES
from lps_sweep.report.escape import plot_text
from lps_sweep.report.figures.bars import INTERVAL, mean_bars
from lps_sweep.report.figures.sensitivity import setting_text
from lps_sweep.report.figures.style import light, new_figure, thin
from lps_sweep.report.section import Block, Figure, Key, Panel
from lps_sweep.report.tables import Cell, Column, Table, value_text

if TYPE_CHECKING:
    from lps_sweep.report.figures.arms import AblationInfo
    from lps_sweep.report.figures.slices import SliceInfo
    from lps_sweep.results.view import SweepView

Term = str
"""A change of one setting, as ``eta1 = 0``."""
MOST_TERMS = 6
_METRIC = "acc_all"


@dataclass(frozen=True)
class SubsetInfo:
    """The arms of a factorial design of two levels a term: unchanged or changed.

    Attributes:
        arms: The slice along the arms.
        terms: The changes, in the order of the arms that make one of them alone.
        made: Per arm, the changes that it makes.
    """

    arms: SliceInfo
    terms: tuple[Term, ...]
    made: tuple[frozenset[Term], ...]


def subset_info(info: AblationInfo) -> SubsetInfo | None:
    """The design; None unless the arms are all subsets of two terms at least, each once."""
    made = tuple(
        frozenset(f"{name} = {value_text(new)}" for name, (_, new) in changes.items())
        for changes in info.changes
    )
    terms = tuple(dict.fromkeys(next(iter(own)) for own in made if len(own) == 1))
    if not 2 <= len(terms) <= MOST_TERMS or len(made) != 2 ** len(terms):
        return None
    sizes = range(len(terms) + 1)
    if set(made) != {frozenset(some) for n in sizes for some in itertools.combinations(terms, n)}:
        return None
    return SubsetInfo(info.arms, terms, made)


def effects(info: SubsetInfo, metric: str) -> dict[tuple[Term, ...], dict[int, float]]:
    """By term, and by pair of them, the effect at each seed that all arms have, in points.

    Of a term: the mean of the arms that change it less that of the others. Of a pair: by how much
    the effect of either is higher where the other is changed too.
    """
    values = [cell.values[metric] for cell in info.arms.cells]
    seeds = sorted(set.intersection(*(set(by_seed) for by_seed in values)))
    names = [*((t,) for t in info.terms), *itertools.combinations(info.terms, 2)]
    found: dict[tuple[Term, ...], dict[int, float]] = {}
    for name in names:
        signs = [_sign(own, name) for own in info.made]
        share = len(signs) / 2 ** len(name)
        found[name] = {
            seed: sum(s * v[seed] for s, v in zip(signs, values, strict=True)) / share
            for seed in seeds
        }
    return found


def _sign(made: frozenset[Term], name: Sequence[Term]) -> int:
    sign = 1
    for term in name:
        sign *= 1 if term in made else -1
    return sign


def effects_table(info: SubsetInfo) -> Table:
    """One row per accuracy and effect: estimate, interval, and how many seeds agree."""
    from lps_sweep.results.contrasts import paired_contrasts

    columns = (
        Column("accuracy", "Accuracy"),
        Column("effect", "Effect of"),
        Column("difference", "Points", "signed"),
        Column("interval95", "Simultaneous 95 % interval", "interval"),
        Column("n", "Seeds", "value"),
        Column("higher", "Of these above zero", "value"),
        Column("detectable", "Detectable", "number"),
    )
    rows: list[tuple[Cell, ...]] = []
    for metric, title in ACCURACIES.items():
        found = effects(info, metric)
        zero: Mapping[int, float] = dict.fromkeys(next(iter(found.values())), 0.0)
        judged = paired_contrasts({(): zero, **found}, ()) if zero else {}
        for name, by_seed in found.items():
            part = judged.get(name)
            above = sum(1 for value in by_seed.values() if value > 0)
            numbers = (None,) * 2 if part is None else (part.difference, part.interval)
            power = None if part is None else part.detectable
            rows.append((title, " \u00d7 ".join(name), *numbers, len(by_seed), above, power))
    caption = (
        "The arms are all subsets of these changes, so that each effect is a mean over all arms, "
        "at each seed that every arm has. Of one change: the arms with it less those without. Of a "
        "pair (\u00d7): by how much the effect of one is higher where the other is made too; zero: "
        "their effects add up. The t intervals hold together for all effects on one accuracy "
        "(Bonferroni). Interactions of three and more are left out."
    )
    return Table("ablation_effects", caption, columns, tuple(rows))


def draw_subsets(info: SubsetInfo) -> tuple[Panel, ...]:
    """One panel: above, All of each arm; below, what it changes. The highest mean first."""
    figure = new_figure()
    order = _order(info)
    cells = [info.arms.cells[i] for i in order]
    dots = [
        (x, value, cell.trials.get(seed, ""))
        for x, cell in enumerate(cells)
        for seed, value in sorted(cell.values[_METRIC].items())
    ]
    figure.add_scatter(
        x=[x for x, *_ in dots],
        y=[thin(value) for _, value, _ in dots],
        ids=[trial for *_, trial in dots],
        mode="markers",
        marker={"color": light("blue"), "symbol": "circle-open", "size": 5},
        hovertemplate="a seed: %{y:.1f}<extra></extra>",
    )
    known = [(x, s) for x, cell in enumerate(cells) if (s := cell.stats(_METRIC)) is not None]
    figure.add_scatter(
        x=[x for x, _ in known],
        y=[thin(s.mean) for _, s in known],
        mode="markers",
        marker={"color": light("ink"), "symbol": "circle", "size": 8},
        **mean_bars([s for _, s in known], "ink", width=4),
        hovertemplate="mean %{y:.1f}<extra></extra>",
    )
    _add_matrix(figure, info, order)
    words = [
        f"{value_text(info.arms.levels[i])} {mean:.1f}"
        for i in order
        if (mean := info.arms.cells[i].mean(_METRIC)) is not None
    ]
    return (Panel("All, by what is changed", figure, "; ".join(words) or "no arm is done"),)


def _order(info: SubsetInfo) -> list[int]:
    means = [cell.mean(_METRIC) for cell in info.arms.cells]
    known = [-1.0 if mean is None else mean for mean in means]
    return sorted(range(len(known)), key=lambda i: -known[i])


def _add_matrix(figure: Any, info: SubsetInfo, order: Sequence[int]) -> None:
    terms = info.terms[::-1]
    for changed, symbol in ((False, "circle-open"), (True, "circle")):
        places = [
            (x, y)
            for x, i in enumerate(order)
            for y, term in enumerate(terms)
            if (term in info.made[i]) == changed
        ]
        figure.add_scatter(
            x=[x for x, _ in places],
            y=[y for _, y in places],
            yaxis="y2",
            mode="markers",
            marker={"color": light("ink" if changed else "grey"), "symbol": symbol, "size": 10},
            hoverinfo="skip",
        )
    share = min(0.55, 0.12 + 0.07 * len(terms))
    figure.update_layout(
        yaxis={"domain": [share + 0.06, 1.0], "title": {"text": "%"}},
        yaxis2={
            "domain": [0.0, share],
            "tickmode": "array",
            "tickvals": list(range(len(terms))),
            "ticktext": [plot_text(term) for term in terms],
            "range": [-0.6, len(terms) - 0.4],
            "showgrid": False,
            "showline": False,
        },
        xaxis={
            "anchor": "y2",
            "tickmode": "array",
            "tickvals": list(range(len(order))),
            "ticktext": [plot_text(value_text(info.arms.levels[i])) for i in order],
            "range": [-0.6, len(order) - 0.4],
        },
    )


def subset_blocks(view: SweepView, info: AblationInfo) -> list[Block]:
    """Figure and table of the design; nothing where the arms are none or no seed is done."""
    found = subset_info(info)
    if found is None or not found.arms.seeds:
        return []
    figure = Figure(
        "ablation_subsets_figure",
        "All accuracy of every combination of changes",
        "Above: every seed, and the mean with a bar of its own, the highest mean first, "
        "which is highest partly by chance. Below: what each arm changes. "
        f"{setting_text(view, info.arms)}",
        (
            Key(f"mean and {INTERVAL}", "ink", "solid", "circle", 1.6),
            Key("a seed", "blue", "none", "circle-open"),
            Key("changed", "ink", "none", "circle"),
            Key("as in the default arm", "grey", "none", "circle-open"),
        ),
        lambda: draw_subsets(found),
        260 + 30 * len(found.terms),
        "ablation",
    )
    return [figure, effects_table(found)]
