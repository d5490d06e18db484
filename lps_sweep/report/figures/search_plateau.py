"""The plateau of a search: configurations as good as the best one for practical purposes."""

from __future__ import annotations

from lps_sweep.report.figures.search_info import Configuration, SearchInfo, selected, short_cell
from lps_sweep.report.section import Block
from lps_sweep.report.tables import Cell, Column, Table, value_text

MOST_ROWS = 50


def plateau_blocks(info: SearchInfo, margin: float | None) -> list[Block]:
    """The table, or why there is none; nothing for several objectives."""
    if selected(info) is None:
        return []
    if margin is None:
        return [
            "No plateau is named: the search space declares no practical margin within which "
            "configurations count as equal."
        ]
    return [plateau_table(info, margin)]


def plateau(info: SearchInfo, margin: float) -> list[Configuration]:
    """Complete configurations whose mean is within `margin` of the best, the cheapest first."""
    best = selected(info)
    if best is None:
        return []
    top = info.mean(best)
    near = [c for c in info.complete() if top - info.mean(c) <= margin]
    return sorted(near, key=lambda c: (c.seconds, c.number))


def plateau_table(info: SearchInfo, margin: float) -> Table:
    """One row per configuration of the plateau, with its paired difference to the best."""
    from lps_sweep.results.statistics import compare

    best, metric = selected(info), info.objectives[0]
    assert best is not None
    columns = (
        Column("configuration", "Number", "value"),
        *(Column(name, name, "value") for name in info.parameters),
        Column("mean", f"{info.labels[0]} ± sd", "mean_sd"),
        Column("n", "n", "value"),
        Column("difference", "Difference to the best", "signed", 2),
        Column("interval95", "95 % t interval, paired", "interval", 2),
        Column("seconds", "Device-seconds", "number"),
    )
    near = plateau(info, margin)
    rows: list[tuple[Cell, ...]] = []
    for c in near[:MOST_ROWS]:
        pair = compare(c.trials.values[metric], best.trials.values[metric])
        own = c is best or pair is None
        rows.append(
            (
                c.number,
                *(None if v is None else short_cell(v) for v in c.point.values()),
                c.trials.mean_sd(metric),
                c.trials.num_done,
                info.mean(c) - info.mean(best),
                None if own or pair is None else pair.described.interval,
                c.seconds,
            )
        )
    places = [i for i, c in enumerate(near[:MOST_ROWS]) if c is best]
    caption = (
        f"The plateau: {len(near)} of {len(info.complete())} complete configurations have a mean "
        f"within {value_text(margin)} points, the declared margin, of the highest one (marked), "
        "which is too high because it was selected. Cheapest first, by the device-seconds of all "
        "their attempts; intervals are of each pair by itself."
        + (f" The cheapest {MOST_ROWS} are shown." if len(near) > MOST_ROWS else "")
    )
    return Table(info.named("search_plateau"), caption, columns, tuple(rows), frozenset(places))
