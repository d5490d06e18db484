"""Freezing: how much of the pre-trained network learns on, from most frozen to nothing frozen."""

from __future__ import annotations

import re
import statistics
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import ACCURACIES, plain, same, select
from lps_sweep.report.figures.bars import INTERVAL
from lps_sweep.report.figures.sensitivity import MOST_SEEDS, band_text, draw_slice, setting_text
from lps_sweep.report.figures.slice_tables import difference_table, level_table
from lps_sweep.report.figures.slices import SliceInfo, finding, held_text, slice_info
from lps_sweep.report.figures.style import seed_keys
from lps_sweep.report.reference import NAMES, Reference, setting_source
from lps_sweep.report.section import Block, Figure, Fold, Key, Panel, Section
from lps_sweep.report.tables import Cell, Column, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lps_sweep.results import Json
    from lps_sweep.results.view import SweepView

ORDER = 37
AXIS = "frozen_through"
FROZEN, TUNED = "stage3", "none"
"""The two levels of the paper: Table 1, and Tables 3 and 9."""


def freezing_info(view: SweepView) -> SliceInfo | None:
    """The slice of what is frozen, the most frozen first; None where nothing of it is swept."""
    levels = view.record.axes.get(AXIS, [])
    if len(levels) < 2:
        return None
    order = sorted(levels, key=lambda level: -depth(level))
    info = slice_info(view, AXIS, pooled=False, levels=order)
    reference = freezing_reference(view.record.settings, info.levels)
    comparable = reference.comparable and not info.off_default
    return replace(info, reference=replace(reference, comparable=comparable))


def depth(level: Json) -> int:
    """How much is frozen: nothing 0, the stem 1, stage k and all before it k + 1."""
    if level in (TUNED, None):
        return 0
    number = re.fullmatch(r"stage(\d+)", str(level))
    return int(number[1]) + 1 if number else 1


def freezing_reference(settings: Mapping[str, Json], levels: Sequence[Any]) -> Reference:
    """The paper's LPS frozen through stage3 (Table 1) and fine-tuned (Table 3, or 9 at 10 %)."""
    from lps_sweep.results.paper import paper_value, same_method, same_setting

    dataset, ratio, own = setting_source(settings)
    numbers = {
        (i, metric): number
        for i, level in enumerate(levels)
        for known in (FROZEN, TUNED)
        if same(level, known)
        for metric, number in paper_value(dataset, ratio, frozen=known == FROZEN).items()
        if metric in ACCURACIES
    }
    source = f"{NAMES.get(dataset, dataset)}, {100 * ratio:.0f}\u00a0% labeled"
    comparable = own and same_setting(settings)[0] and same_method(settings)
    return Reference(numbers, source, 9 if ratio == 0.1 else 3, comparable)


def freezing_table(view: SweepView, info: SliceInfo) -> Table:
    """One row per level: accuracies, what a trial costs, n, the paper's numbers."""
    costs = {
        "trained_weights": Column("trained_weights", "Trained weights", "number", 0),
        "seconds": Column("seconds", "Seconds of a trial, median", "number"),
        "peak_memory_mb": Column("peak_memory_mb", "Peak memory of its pack, MB", "number", 0),
    }
    extra = [
        (column, [_median(view, info, level, key) for level in info.levels])
        for key, column in costs.items()
        if key in view.trials
    ]
    table = level_table(info, "freezing", "What is frozen", extra)
    return replace(table, caption=f"{table.caption} Its frozen numbers are those of Table 1.")


def _median(view: SweepView, info: SliceInfo, level: Json, key: str) -> float | None:
    """Of the done trials of a level, in all their attempts."""
    rows = select(view.trials, {**info.held, AXIS: level})
    done = [plain(value) for value in rows[rows["status"] == "done"][key].tolist()]
    known = [float(value) for value in done if value is not None and value == value]
    return statistics.median(known) if known else None


def paper_freezing_table() -> Table:
    """The paper's methods frozen (Table 1) and fine-tuned (Tables 3 and 9)."""
    from lps_sweep.results.paper import paper_numbers, paper_value

    tuned = [n for n in paper_numbers() if not n.frozen]
    cases = dict.fromkeys((n.labeled_ratio, n.dataset, n.method) for n in tuned)
    columns = [
        Column("method", "Method"),
        Column("dataset", "Data set"),
        Column("labeled", "Labeled, %", "number", 0),
    ]
    for metric, title in ACCURACIES.items():
        columns += [
            Column(f"{metric}_frozen", f"{title}, frozen", "number"),
            Column(f"{metric}_tuned", f"{title}, fine-tuned", "number"),
            Column(f"{metric}_difference", f"{title}, difference", "signed"),
        ]
    rows: list[tuple[Cell, ...]] = []
    marked: set[int] = set()
    for ratio, dataset, method in cases:
        before = paper_value(dataset, ratio, method=method)
        after = paper_value(dataset, ratio, method=method, frozen=False)
        row: list[Cell] = [method, NAMES[dataset], 100 * ratio]
        for metric in ACCURACIES:
            row += [before[metric], after[metric], after[metric] - before[metric]]
        if method == "LPS":
            marked.add(len(rows))
        rows.append(tuple(row))
    caption = (
        "The paper: frozen through the first three stages (Table 1) and fine-tuned (Table 3 with "
        "50 % labeled, Table 9 with 10 %), as printed. Its text says that ORCA and NACH lose over "
        "10 % of overall accuracy with 10 % labeled; these are the points that its tables give."
    )
    return Table("freezing_paper", caption, tuple(columns), tuple(rows), frozenset(marked))


def draw_freezing(info: SliceInfo) -> tuple[Panel, ...]:
    """One panel per accuracy: a line per seed from the most frozen level to the least."""
    return draw_slice(info)


def sections(view: SweepView) -> list[Section]:
    """The section on freezing, where the sweep has two levels of it."""
    info = freezing_info(view)
    if info is None:
        return []
    blocks: list[Block] = [freezing_table(view, info)]
    if info.seeds:
        blocks.append(_figure(view, info))
    else:
        blocks.append("No trial of this slice is done; the figure appears with the first.")
    if info.default is not None:
        blocks.append(difference_table(info, "freezing_differences"))
    blocks.append(Fold("Frozen and fine-tuned in the paper", paper_freezing_table()))
    return [Section("freezing", "Freezing", tuple(blocks), (finding(info, "Freezing"),))]


def _figure(view: SweepView, info: SliceInfo) -> Figure:
    keys = [Key(f"mean and {INTERVAL}", "ink", "solid", "circle", 1.6)]
    if len(info.seeds) <= MOST_SEEDS:
        keys += seed_keys(info.seeds).values()
    else:
        keys.append(Key(f"each of {len(info.seeds)} seeds", "grey", "solid", "circle", 1))
    if info.reference.numbers:
        keys.append(Key(info.reference.label, "grey", "dash", "diamond-open", 1))
    caption = (
        f"Final accuracy by what is frozen{held_text(info)}, from the most frozen level to the "
        "least. Each seed is a line; seeds share split and, at one seed, batches, so a line is a "
        f"paired comparison. Bars, from three seeds on, are of each mean by itself. "
        f"{band_text(info)}{info.reference.caption} {setting_text(view, info)}"
    )
    return Figure(
        "freezing_figure",
        finding(info, "Freezing"),
        caption.strip(),
        tuple(keys),
        lambda: draw_freezing(info),
        330,
        "freezing",
    )
