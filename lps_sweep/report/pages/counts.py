"""What changes the images, such as novel classes and labeled ratio (the paper's Figure 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lps_sweep.report import draw, marks
from lps_sweep.report.cells import ACCURACIES, like_best
from lps_sweep.report.columns import (
    ACCURACY,
    COMPARED,
    counts,
    finding,
    intervals,
    means,
    parameter,
    per_metric,
)
from lps_sweep.report.escape import plot_text
from lps_sweep.report.levels import ARM, IMAGES, Compared, Level, Levels, read_levels
from lps_sweep.report.model import Block, Column, Figure, Key, Panel, Section, Table
from lps_sweep.report.plot import Plot
from lps_sweep.report.reference import setting_text
from lps_sweep.report.style import cycled_keys

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 22
PANELS = {"acc_novel": "Novel", "acc_all": "All"}
TITLES = {
    "novel_classes": "Number of novel classes",
    "labeled_ratio": "Labeled ratio",
    "seen_classes": "Seen classes",
    "labeled_holdout": "Held-out labeled images",
    "split_seed": "Seed of the split",
    "dataset": "Data set",
}
_IMAGES = {
    "novel_classes": "Each level has other unlabeled images: the next so many classes are novel, "
    "images of later ones are dropped. Which classes the paper takes is not said.",
    "seen_classes": "Which classes are seen, and so the images of each accuracy, differs by level.",
}
_OTHERS = "Each level has other labeled and unlabeled images."


def read_counts(view: SweepView, name: str) -> list[Levels]:
    """The levels of the parameter `name`, for each arm where there are any."""
    arms = view.record.axes.get(ARM) or [None]
    return [read_levels(view, name, arm=arm) for arm in arms]


def count_keys(groups: Sequence[Levels]) -> list[Key]:
    """Colour, dash and marker of each method."""
    return cycled_keys([levels.label for levels in groups], dashed=len(groups) > 1, width=1.8)


def draw_counts(groups: Sequence[Levels]) -> tuple[Panel, ...]:
    """Novel and All against the parameter: a line per method, every seed, intervals."""
    first = groups[0]
    width = max(first.places, default=1.0) - min(first.places, default=0.0) or 1.0

    def draw_one(figure: Plot, metric: str) -> str:
        words = []
        for number, (levels, key) in enumerate(zip(groups, count_keys(groups), strict=True)):
            aside = 0.008 * width * (number - (len(groups) - 1) / 2)
            places = [round(x + aside, 4) for x in levels.places]
            name = plot_text(key.label)
            seeds = draw.seed_points(places, levels.cells, metric)
            marks.dots(figure, seeds, key, size=4, hover=f"{name}, a seed: %{{y:.1f}}")
            stats = [cell.stats(metric) for cell in levels.cells]
            marks.means(figure, zip(places, stats, strict=True), key, line=True, name=name)
            printed = [(x, levels.paper(metric, i), "") for i, x in enumerate(places)]
            look = Key("", key.colour, "none", marks.PAPER.symbol)
            tabulated = [point for point in printed if point[1] is not None]
            marks.paper(figure, tabulated, look, hover=f"{name}, paper: %{{y:.1f}}")
            words.append(f"{key.label}: {draw.mean_words(levels.texts, levels.cells, metric)}")
        title = plot_text(first.parameter)
        marks.ticks(figure, "x", first.places, first.texts, title_text=title)
        figure.update_yaxes(title_text="%")
        return marks.spoken(words)

    return draw.panels(draw_one, PANELS)


def count_table(groups: Sequence[Levels]) -> Table:
    """One row per method and level: accuracies, n, and the paper\u2019s numbers, if any."""
    first = groups[0]
    rows = [row for levels in groups for row in levels.rows]
    columns = (
        Column("method", "Method", of="levels.label"),
        parameter(first.parameter),
        *means(ACCURACIES),
        *intervals(PANELS),
        *counts(rows, planned=False),
        *per_metric(
            PANELS, "{}_paper", "{}, paper", "number", Level.paper, hidden=not _known(groups)
        ),
    )
    strong = _near_best(groups)
    bold = " Bold: the best method of a level and those not distinguishable from it, by seed."
    return Table.of(
        f"counts_{first.parameter}",
        f"Accuracy by {first.parameter}{first.held_text}: mean ± sample standard deviation over n "
        "seeds, in percent.",
        columns,
        rows,
        strong=strong,
        notes=f"{images_note(first)} {paper_note(groups)}{bold if strong else ''}",
    )


def _near_best(groups: Sequence[Levels]) -> frozenset[tuple[int, str]]:
    """Row and metric of the best methods of each level."""
    size = len(groups[0].values)
    return frozenset(
        (g * size + i, metric)
        for i in range(size)
        for metric in ACCURACIES
        for g in like_best([levels.cells[i] for levels in groups], metric)
    )


def unpaired_table(groups: Sequence[Levels]) -> Table:
    """Each level less the default level, by Welch."""
    first = groups[0]

    def of_default(row: Compared) -> int:
        return len(row.levels.cells[first.default or 0].numbers(row.metric))

    columns = (
        Column("method", "Method", of="levels.label"),
        ACCURACY,
        parameter(first.parameter),
        *COMPARED,
        Column("n", "n", "value", of=lambda row: len(row.cell.numbers(row.metric))),
        Column("n_default", "n of default", "value", of=of_default),
    )
    return Table.of(
        f"counts_{first.parameter}_differences",
        f"{first.parameter}: each level less the default one, in points; Welch\u2019s intervals.",
        columns,
        [row for levels in groups for row in levels.compared(ACCURACIES)],
        notes="Not paired, because a seed stands for other images at each level. The intervals "
        "hold together for all levels of one accuracy and method (Bonferroni). "
        f"{images_note(first)}",
    )


def images_note(levels: Levels) -> str:
    """What of the images differs by level."""
    return _IMAGES.get(levels.parameter, _OTHERS)


def _known(groups: Sequence[Levels]) -> bool:
    return any(levels.reference.numbers for levels in groups)


def paper_note(groups: Sequence[Levels]) -> str:
    """What the paper has of the levels."""
    if not _known(groups):
        return "The paper tabulates none of these levels: no published number."
    same_setting = all(levels.reference.comparable for levels in groups)
    known = "" if same_setting else "; another setting, for reference only"
    return f"Hollow diamonds: the paper\u2019s Table 1, three runs, no spread{known}."


def said(groups: Sequence[Levels]) -> str:
    """What the data allow to say about the levels, by method."""
    several = len(groups) > 1
    names = [f"{one.parameter}, {one.label}" if several else one.parameter for one in groups]
    return " ".join(finding(one, name) for one, name in zip(groups, names, strict=True))


def sections(view: SweepView) -> list[Section]:
    """One section per such parameter with two levels."""
    if view.record.search:
        return []
    names = [name for name in IMAGES if len(view.record.axes.get(name, ())) > 1]
    return [_section(view, read_counts(view, name)) for name in names]


def _section(view: SweepView, groups: Sequence[Levels]) -> Section:
    blocks: list[Block] = ["No trial is done; the figure appears with the first."]
    done = any(row.cell.num_done for levels in groups for row in levels.rows)
    if done:
        blocks = [_figure(view, groups)]
    blocks.append(count_table(groups))
    if done and groups[0].default is not None:
        blocks.append(unpaired_table(groups))
    name = groups[0].parameter
    return Section(f"counts_{name}_section", TITLES[name], tuple(blocks), (said(groups),))


def _figure(view: SweepView, groups: Sequence[Levels]) -> Figure:
    first = groups[0]
    keys = [*count_keys(groups), Key(f"bar: {marks.INTERVAL}", "ink", "solid", width=1.6)]
    if _known(groups):
        keys.append(marks.paper_key("the paper\u2019s Table 1"))
    cells = [cell for levels in groups for cell in levels.cells]
    return Figure(
        f"counts_{first.parameter}_figure",
        said(groups),
        f"Final accuracy by {first.parameter}{first.held_text}. Small markers are seeds, lines "
        "join the means.",
        tuple(keys),
        lambda: draw_counts(groups),
        320,
        f"counts_{first.parameter}",
        f"{images_note(first)} No line joins the values of a seed, because a seed pairs nothing "
        f"between levels. {paper_note(groups)} "
        f"{setting_text(view.record.settings, cells, first.parameter)}",
        lead=1,
    )
