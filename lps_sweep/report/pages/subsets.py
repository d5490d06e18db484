"""Arms that are all subsets of some changes: main effects, pair interactions, and a matrix."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report import draw, marks
from lps_sweep.report.arms import Arms, read_arms
from lps_sweep.report.cells import ACCURACIES, metric_facets
from lps_sweep.report.columns import ACCURACY
from lps_sweep.report.escape import plot_text
from lps_sweep.report.levels import Levels
from lps_sweep.report.model import Cell, Column, Figure, Key, Panel, Section, Table
from lps_sweep.report.numbers import value_text
from lps_sweep.report.plot import Plot

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 36
Term = str
"""A change of one setting, as ``eta1 = 0``."""
MOST_TERMS = 6
_METRIC = "acc_all"
_CHANGED = Key("changed", "ink", "none", "circle")
_SAME = Key("as in the default arm", "grey", "none", "circle-open")


@dataclass(frozen=True)
class Subsets:
    """The arms of a factorial design of two levels a term: unchanged or changed.

    Attributes:
        levels: The arms.
        terms: The changes, in the order of the arms that make one of them alone.
        made: Per arm, the changes that it makes.
    """

    levels: Levels
    terms: tuple[Term, ...]
    made: tuple[frozenset[Term], ...]


def read_subsets(arms: Arms) -> Subsets | None:
    """The design; None unless the arms are all subsets of two terms at least, each once."""
    made = tuple(
        frozenset(f"{name} = {value_text(new)}" for name, (_, new) in changes.items())
        for changes in arms.changes
    )
    terms = tuple(dict.fromkeys(next(iter(own)) for own in made if len(own) == 1))
    if not 2 <= len(terms) <= MOST_TERMS or len(made) != 2 ** len(terms):
        return None
    sizes = range(len(terms) + 1)
    if set(made) != {frozenset(some) for n in sizes for some in itertools.combinations(terms, n)}:
        return None
    return Subsets(arms.levels, terms, made)


def effects(design: Subsets, metric: str) -> dict[tuple[Term, ...], dict[int, float]]:
    """By term, and by pair of them, the effect at each seed that all arms have, in points.

    Of a term: the mean of the arms that change it less that of the others. Of a pair: by how much
    the effect of either is higher where the other is changed too.
    """
    values = [cell.values[metric] for cell in design.levels.cells]
    seeds = sorted(set.intersection(*(set(by_seed) for by_seed in values)))
    names = [*((t,) for t in design.terms), *itertools.combinations(design.terms, 2)]
    found: dict[tuple[Term, ...], dict[int, float]] = {}
    for name in names:
        signs = [_sign(own, name) for own in design.made]
        share = len(signs) / 2 ** len(name)
        found[name] = {
            seed: sum(s * v[seed] for s, v in zip(signs, values, strict=True)) / share
            for seed in seeds
        }
    return found


def _sign(made: frozenset[Term], name: Sequence[Term]) -> int:
    return -1 if sum(term not in made for term in name) % 2 else 1


def effects_table(design: Subsets) -> Table:
    """One row per accuracy and effect: estimate, interval, and how many seeds agree."""
    from lps_sweep.results.contrasts import paired_contrasts

    rows: list[tuple[Cell, ...]] = []
    for metric, title in ACCURACIES.items():
        found = effects(design, metric)
        zero: Mapping[int, float] = dict.fromkeys(next(iter(found.values())), 0.0)
        judged = paired_contrasts({(): zero, **found}, ()) if zero else {}
        for name, by_seed in found.items():
            part = judged.get(name)
            difference, interval, detectable = (
                (None, None, None)
                if part is None
                else (part.difference, part.interval, part.detectable)
            )
            above = sum(1 for value in by_seed.values() if value > 0)
            words = (title, " \u00d7 ".join(name))
            rows.append((*words, difference, interval, len(by_seed), above, detectable))
    columns = (
        ACCURACY,
        Column("effect", "Effect of"),
        Column("difference", "Points", "signed"),
        Column("interval95", "Simultaneous 95 % interval", "interval"),
        Column("n", "Seeds", "value"),
        Column("higher", "Of these above zero", "value"),
        Column("detectable", "Detectable", "number"),
    )
    return Table(
        "ablation_effects",
        "The arms are all subsets of these changes: each effect is a mean over all arms, at each "
        "seed that every arm has.",
        columns,
        tuple(rows),
        notes="Of one change: the arms with it less those without. Of a pair (\u00d7): by how much "
        "the effect of one is higher where the other is made too; zero: their effects add up. The "
        "t intervals hold together for all effects on one accuracy (Bonferroni).",
    )


def draw_subsets(design: Subsets) -> tuple[Panel, ...]:
    """One panel: above, All of each arm; below, what it changes. The highest mean first."""
    figure = Plot()
    means = [cell.mean(_METRIC) for cell in design.levels.cells]
    order = sorted(range(len(means)), key=lambda i: -1 * (-1.0 if (m := means[i]) is None else m))
    cells = [design.levels.cells[i] for i in order]
    seeds = draw.seed_points(range(len(cells)), cells, _METRIC)
    marks.dots(figure, seeds, marks.SEED, size=5, hover="a seed: %{y:.1f}")
    marks.means(figure, [(x, cell.stats(_METRIC)) for x, cell in enumerate(cells)])
    _add_matrix(figure, design, order)
    words = [f"{design.levels.texts[i]} {m:.1f}" for i in order if (m := means[i]) is not None]
    spoken = marks.spoken(words, "no arm is done")
    return (Panel("All, by what is changed", figure, spoken, metric_facets(_METRIC)),)


def _add_matrix(figure: Any, design: Subsets, order: Sequence[int]) -> None:
    terms = design.terms[::-1]
    for key in (_SAME, _CHANGED):
        places: list[marks.Point] = [
            (x, y, "")
            for x, i in enumerate(order)
            for y, term in enumerate(terms)
            if (term in design.made[i]) == (key is _CHANGED)
        ]
        marks.dots(figure, places, key, size=10, yaxis="y2")
    share = min(0.55, 0.12 + 0.07 * len(terms))
    named = {"tickmode": "array", "tickvals": list(range(len(terms)))}
    bare = {"showgrid": False, "showline": False, "range": [-0.6, len(terms) - 0.4]}
    figure.update_layout(
        yaxis={"domain": [share + 0.06, 1.0], "title": {"text": "%"}},
        yaxis2={"domain": [0.0, share], "ticktext": list(map(plot_text, terms)), **named, **bare},
        xaxis={"anchor": "y2"},
    )
    texts = [design.levels.texts[i] for i in order]
    marks.ticks(figure, "x", range(len(order)), texts, range=[-0.6, len(order) - 0.4])


def sections(view: SweepView) -> list[Section]:
    """The section on the design, where the arms are one and a seed is done."""
    arms = read_arms(view)
    design = None if arms is None else read_subsets(arms)
    if design is None or not design.levels.seeds:
        return []
    figure = Figure(
        "ablation_subsets_figure",
        "All accuracy of every combination of changes",
        "Above: every seed, and the mean with a bar of its own, the highest mean first, "
        "which is highest partly by chance. Below: what each arm changes.",
        (marks.MEAN, marks.SEED, _CHANGED, _SAME),
        lambda: draw_subsets(design),
        260 + 30 * len(design.terms),
        "ablation",
        design.levels.setting_text(view.record.settings),
    )
    title = "Combinations of changes"
    return [Section("ablation_subsets", title, (figure, effects_table(design)))]
