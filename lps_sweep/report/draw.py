"""Levels as figures: their values against each other, and their differences to the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lps_sweep.report import marks
from lps_sweep.report.cells import ACCURACIES, Cell, metric_facets
from lps_sweep.report.model import Key, Panel
from lps_sweep.report.plot import Plot
from lps_sweep.report.style import light, seed_keys, thin

if TYPE_CHECKING:
    from lps_sweep.report.levels import Compared


def panels(
    draw: Callable[[Plot, str], str], metrics: Mapping[str, str] = ACCURACIES
) -> tuple[Panel, ...]:
    """One panel per metric: `draw` draws it and gives the words for a listener."""
    found = []
    for metric, title in metrics.items():
        figure = Plot()
        words = draw(figure, metric)
        found.append(Panel(title, figure, words, metric_facets(metric)))
    return tuple(found)


def seed_points(places: Sequence[Any], cells: Sequence[Cell], metric: str) -> list[marks.Point]:
    """The value of each seed of `cells`, at their places."""
    return [
        (x, value, cell.trials.get(seed, ""))
        for x, cell in zip(places, cells, strict=True)
        for seed, value in sorted(cell.values[metric].items())
    ]


def seeds_and_means(
    figure: Plot, places: Sequence[Any], cells: Sequence[Cell], metric: str
) -> list[marks.Point]:
    """Small dots for the seeds of each cell, which are given back, and a large one for its mean."""
    seeds = seed_points(places, cells, metric)
    marks.dots(figure, seeds, marks.SEED, size=4, hover="%{x}, a seed: %{y:.2f}")
    means = [(x, cell.mean(metric), "") for x, cell in zip(places, cells, strict=True)]
    marks.dots(figure, means, marks.MEAN_ONLY, size=7, hover="%{x}, mean: %{y:.2f}")
    return seeds


def mean_words(labels: Sequence[str], cells: Sequence[Cell], metric: str) -> str:
    """The mean of each cell for a listener."""
    pairs = zip(labels, cells, strict=True)
    known = [(label, mean) for label, c in pairs if (mean := c.mean(metric)) is not None]
    return marks.spoken([f"{label}: {mean:.1f}" for label, mean in known])


def differences(
    figure: Plot,
    rows: Sequence[Compared],
    places: Sequence[float],
    labels: Sequence[str],
    title: str = "points to the default",
) -> str:
    """Rows of differences in points at heights: seeds, mean, interval, the paper, the margin."""
    both = list(zip(rows, places, strict=True))
    marks.band(figure, rows[0].levels.margin if rows else None)
    figure.add_vline(x=0, line={"color": light("grey"), "width": 1.5})
    keys = seed_keys(sorted({seed for row in rows for seed in row.levels.seeds}))
    for number, (seed, key) in enumerate(keys.items()):
        aside = 0.16 + 0.2 * number / max(1, len(keys) - 1)
        points: list[marks.Point] = [
            (thin(row.found.by_seed[seed]), y - aside, row.cell.trials.get(seed, ""))
            for row, y in both
            if seed in row.found.by_seed
        ]
        look = key if len(keys) <= marks.MOST_SEEDS else replace(key, colour="grey")
        marks.dots(figure, points, look, hover=f"seed {seed}: %{{x:+.1f}} points")
    known = [(row.found, y) for row, y in both if row.found.difference is not None]
    marks.estimates(figure, [(d.difference or 0.0, y + 0.06, d.interval) for d, y in known])
    printed = [(thin(row.paper_difference), y + 0.28, "") for row, y in both]
    marks.paper(figure, [p for p in printed if p[0] is not None], hover="paper: %{x:+.1f} points")
    figure.update_xaxes(title_text=title, showgrid=True)
    marks.rows_axis(figure, labels, places)
    words = [
        f"{label} {row.found.difference:+.1f}, {row.found.word}"
        for label, row in zip(labels, rows, strict=True)
        if row.found.difference is not None
    ]
    return marks.spoken(words, "no trial is done")


def extent(rows: Sequence[Compared]) -> list[float]:
    """Ends of an axis with every seed, mean and number of the paper; intervals may leave it."""
    values = [0.0]
    for row in rows:
        found = row.found
        values += [*found.by_seed.values(), found.difference or 0.0, row.paper_difference or 0.0]
    pad = max(0.05 * (max(values) - min(values)), 0.5)
    return [min(values) - pad, max(values) + pad]


def legend(rows: Sequence[Compared]) -> list[Key]:
    """The legend of `differences`."""
    seeds = sorted({seed for row in rows for seed in row.levels.seeds})
    papers = {row.levels.reference.source for row in rows if row.levels.reference.numbers}
    named = [marks.paper_key(f"difference in the paper, {source}") for source in sorted(papers)]
    return [marks.DIFFERENCE, *marks.seeds_legend(seeds), *named]
