"""Several searches of one sweep, side by side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lps_sweep.report.cells import point_text
from lps_sweep.report.figures.search_front import hypervolume
from lps_sweep.report.figures.search_info import SearchInfo, front, selected
from lps_sweep.report.section import Block, Section
from lps_sweep.report.tables import Cell, Column, Span, Table, number_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_CELLS = 6
"""Searches that have a section of their own: the first of the plan."""


def cells_section(infos: Sequence[SearchInfo]) -> Section:
    """What was searched at each cell, and what each selected."""
    names = ", ".join(infos[0].cell)
    text = (
        f"This sweep has {len(infos)} searches, one for each cell of {names}: every one asks for "
        "its own configurations and knows nothing of the others."
    )
    if len(infos) > MOST_CELLS:
        text += (
            f" The first {MOST_CELLS} have a section of their own below; the table has all, and "
            "the table of all trials has their configurations."
        )
    blocks: tuple[Block, ...] = (text, cells_table(infos))
    return Section("search", "Searches", blocks, (cells_finding(infos),))


def cells_finding(infos: Sequence[SearchInfo]) -> str:
    """The best of each search, or the best and the worst of many, with what is to be said of it."""
    label = infos[0].labels[0]
    chosen = [(info, selected(info)) for info in infos]
    known = [(info.mean(best), point_text(info.cell)) for info, best in chosen if best]
    if not known:
        complete = sum(len(info.complete()) for info in infos)
        return f"{complete} configurations of {len(infos)} searches are complete."
    known.sort(key=lambda one: (-one[0], one[1]))
    shown = known if len(known) <= MOST_CELLS else [known[0], known[-1]]
    listed = "; ".join(f"{cell}: {number_text(mean, 1)}" for mean, cell in shown)
    many = "" if len(shown) == len(known) else f" (the highest and the lowest of {len(known)})"
    counts = sorted({len(info.complete()) for info in infos})
    unequal = (
        f" They had between {counts[0]} and {counts[-1]} complete configurations to select from, "
        "and more of them flatter more."
        if len(counts) > 1
        else ""
    )
    return (
        f"The highest mean {label} that each search found, {listed}{many}, was selected for this "
        f"very number and is too high.{unequal} Compare the searches on fresh seeds."
    )


def cells_table(infos: Sequence[SearchInfo]) -> Table:
    """One row per search, in the order of the plan; the highest selected mean is marked."""
    axes = tuple(infos[0].cell)
    single = len(infos[0].objectives) == 1
    columns = (
        *(Column(name, name, "value") for name in axes),
        *(_selected_columns() if single else _front_columns(infos[0])),
        Column("complete", "Complete", "value"),
        Column("asked", "Asked for", "value"),
        Column("section", "Section", "link"),
    )
    rows = tuple(
        (
            *(_cell(info.cell[name]) for name in axes),
            *(_selected_cells(info) if single else _front_cells(info)),
            len(info.complete()),
            len(info.configurations),
            info.named("search") if place < MOST_CELLS else None,
        )
        for place, info in enumerate(infos)
    )
    means = [info.mean(best) if (best := selected(info)) else -math.inf for info in infos]
    top = max(means)
    marked = frozenset(i for i, mean in enumerate(means) if mean == top and top > -math.inf)
    return Table(
        "search_cells",
        _caption(infos, marked=bool(marked)),
        columns,
        rows,
        marked,
        spans=_spans(infos[0]) if single else (),
    )


def _caption(infos: Sequence[SearchInfo], *, marked: bool) -> str:
    first = infos[0]
    start = (
        f"One row per search by {first.sampler}, each at one cell of {', '.join(first.cell)}. "
        f"Complete: configurations whose {first.num_seeds} seeds are done, of those asked for. "
    )
    if len(first.objectives) > 1:
        return start + (
            "On the front: configurations that no other of the same search beats in both "
            f"{first.labels[0]} and {first.labels[1]}; dominated: share of the square from zero to "
            "100 % below them. The highest means may be of different configurations. All is "
            "selected by the same seeds."
        )
    return (
        start + f"Selected: the configuration with the highest mean {first.labels[0]}, which is "
        "too high because it was selected for it; its 95 % t interval over the seeds takes no "
        "account of that. Confirmed: the same configuration on fresh seeds, where a confirmation "
        "measured it; a dash where none did." + (" The highest mean is marked." if marked else "")
    )


def _selected_columns() -> tuple[Column, ...]:
    return (
        Column("mean", "Mean", "number"),
        Column("interval95", "95 % interval", "interval"),
        Column("n", "n", "value"),
        Column("confirmed", "Mean", "number"),
        Column("confirmed_interval95", "95 % interval", "interval"),
        Column("confirmed_n", "n", "value"),
        Column("configuration", "Number", "value"),
        Column("values", "Selected values"),
    )


def _spans(info: SearchInfo) -> tuple[Span, ...]:
    return (
        Span(f"Selected by {info.labels[0]}", "mean", "n"),
        Span("Confirmed on fresh seeds", "confirmed", "confirmed_n"),
    )


def _selected_cells(info: SearchInfo) -> tuple[Cell, ...]:
    best = selected(info)
    if best is None:
        return (None,) * len(_selected_columns())
    values = best.trials.values[info.objectives[0]]
    return (*_described(values), *_described(info.confirmed), best.number, best.words)


def _described(values: Mapping[int, float]) -> tuple[Cell, Cell, Cell]:
    from lps_sweep.results.statistics import describe

    if not values:
        return None, None, None
    found = describe([values[seed] for seed in sorted(values)])
    return found.mean, found.interval, found.n


def _front_columns(info: SearchInfo) -> tuple[Column, ...]:
    return (
        Column("front", "On the front", "value"),
        Column("dominated", "Dominated, %", "number"),
        *(
            Column(metric, f"Highest mean {label}", "number")
            for metric, label in zip(info.objectives, info.labels, strict=True)
        ),
    )


def _front_cells(info: SearchInfo) -> tuple[Cell, ...]:
    complete = info.complete()
    if not complete:
        return (0, *((None,) * (1 + len(info.objectives))))
    highest = [max(info.mean(c, i) for c in complete) for i in range(len(info.objectives))]
    return (len(front(info)), hypervolume(info), *highest)


def _cell(value: object) -> Cell:
    return value if isinstance(value, str | int | float | bool) else str(value)


def confirmed_text(info: SearchInfo) -> str:
    """What fresh seeds gave for the selected configuration; empty where none did."""
    best = selected(info)
    if best is None or not info.confirmed:
        return ""
    mean, interval, n = _described(info.confirmed)
    assert isinstance(mean, float)
    ends = ""
    if isinstance(interval, tuple):
        low, high = (number_text(end, 1) for end in interval)
        ends = f", 95 % t interval {low} to {high}"
    seeds = "1 fresh seed" if n == 1 else f"{n} fresh seeds"
    return (
        f"Confirmed: on {seeds} configuration {best.number} ({best.words}) has a mean "
        f"{info.labels[0]} of {number_text(mean, 1)}{ends}, against {info.mean(best):.1f} on the "
        "seeds that selected it."
    )
