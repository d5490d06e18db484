"""Several searches of one sweep, side by side: one for each cell of what is listed beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from lps_sweep.report.model import Cell, Column, Section, Table
from lps_sweep.report.numbers import point_text, scalar
from lps_sweep.report.searches import MOST_CELLS, Search, searches

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 14


def finding(found: Sequence[Search]) -> str:
    """The best and the worst of what the searches selected, with what is to be said of it."""
    means = [(one.mean(one.selected), point_text(one.cell)) for one in found if one.selected]
    if not means:
        complete = sum(len(one.complete) for one in found)
        return f"{complete} configurations of {len(found)} searches are complete."
    (low, worst), (high, best) = min(means), max(means)
    return (
        f"{len(means)} searches selected configurations by {found[0].labels[0]}, with means from "
        f"{low:.3g} ({worst}) to {high:.3g} ({best}). Each is too high because it was selected for "
        "this very number, and more so of more configurations: compare them on fresh seeds."
    )


def cells_table(found: Sequence[Search]) -> Table:
    """One row per search, in the order of the plan; the highest selected mean is marked."""
    first, told = found[0], [one.named("search") for one in found[:MOST_CELLS]]

    def section(one: Search) -> str | None:
        return one.named("search") if one.named("search") in told else None

    columns = (
        *(Column(n, n, "value", of=lambda one, n=n: scalar(one.cell[n])) for n in first.cell),
        *(_selected(first) if len(first.objectives) == 1 else _FRONTS),
        Column("complete", "Complete", "value", of=lambda one: len(one.complete)),
        Column("asked", "Asked for", "value", of=lambda one: len(one.configurations)),
        Column("section", "Section", "link", of=section),
    )
    means = {i: one.mean(one.selected) for i, one in enumerate(found) if one.selected}
    marked = frozenset(i for i, mean in means.items() if mean == max(means.values()))
    caption = f"One row per search by {first.sampler}, each at one cell of {', '.join(first.cell)}."
    notes = (
        f"Complete: configurations whose {first.num_seeds} seeds are done. Selected: the one with "
        "the highest mean, too high because it was selected for it, of which its 95 % t interval "
        "takes no account. Confirmed: the same on fresh seeds. On the front: beaten in both "
        "objectives by no other; dominated: share of the square from zero to 100 % below them."
    )
    return Table.of("search_cells", caption, columns, found, marked=marked, notes=notes)


_FRONTS = (
    Column("front", "On the front", "value", of=lambda one: len(one.front)),
    Column("dominated", "Dominated, %", "number", of=lambda one: one.hypervolume),
)
"""The front of each search of two objectives."""


def _selected(first: Search) -> tuple[Column, ...]:
    """What each search selected, and what fresh seeds gave for it."""
    from lps_sweep.results.statistics import describe

    chosen, fresh = f"Selected by {first.labels[0]}", "Confirmed on fresh seeds"

    def on_its_seeds(one: Search) -> Mapping[int, float]:
        return one.selected.trials.values[one.objectives[0]] if one.selected else {}

    def part(name: str, *, confirmed: bool = False) -> Callable[[Search], Cell]:
        def read(one: Search) -> Cell:
            values = one.confirmed if confirmed else on_its_seeds(one)
            return getattr(describe(list(values.values())), name) if values else None

        return read

    of_fresh = {name: part(name, confirmed=True) for name in ("mean", "interval", "n")}
    return (
        Column("mean", "Mean", "number", of=part("mean"), span=chosen),
        Column("interval95", "95 % interval", "interval", of=part("interval"), span=chosen),
        Column("n", "n", "value", of=part("n"), span=chosen),
        Column("confirmed", "Mean", "number", of=of_fresh["mean"], span=fresh),
        Column(
            "confirmed_interval95",
            "95 % interval",
            "interval",
            of=of_fresh["interval"],
            span=fresh,
        ),
        Column("confirmed_n", "n", "value", of=of_fresh["n"], span=fresh),
        Column(
            "configuration", "Number", "value", of=lambda one: one.selected and one.selected.number
        ),
        Column("values", "Selected values", of=lambda one: one.selected and one.selected.words),
    )


def sections(view: SweepView) -> list[Section]:
    """What was searched at each cell, and what each selected; nothing for a single search."""
    found = searches(view)
    if len(found) < 2:
        return []
    text = (
        f"This sweep has {len(found)} searches, one for each cell of {', '.join(found[0].cell)}: "
        "every one asks for its own configurations and knows nothing of the others."
    )
    if len(found) > MOST_CELLS:
        text += f" The first {MOST_CELLS} have sections of their own below; the table has all."
    return [Section("search", "Searches", (text, cells_table(found)), (finding(found),))]
