"""The sections on what changes the images, such as novel classes and labeled ratio (Figure 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import ACCURACIES
from lps_sweep.report.escape import plot_text
from lps_sweep.report.figures.bars import INTERVAL, mean_bars
from lps_sweep.report.figures.class_counts import PARAMETERS, CountGroup, CountInfo, count_info
from lps_sweep.report.figures.style import level_keys, light, new_figure, thin
from lps_sweep.report.figures.where import seeds_text, where_text
from lps_sweep.report.section import Block, Figure, Key, Panel, Section
from lps_sweep.report.tables import Cell, Column, Table, number_text

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 22
TITLES = {
    "novel_classes": "Number of novel classes",
    "labeled_ratio": "Labeled ratio",
    "seen_classes": "Seen classes",
    "labeled_holdout": "Held-out labeled images",
    "split_seed": "Seed of the split",
    "dataset": "Data set",
}
_PANELS = {"acc_novel": "Novel", "acc_all": "All"}
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross")
_DATA_NOTE = {
    "novel_classes": "The unlabeled images, and what All is over, are others at each level: seen "
    "classes stay, the next so many classes in order are novel, images of later ones are dropped. "
    "The paper does not say which classes it takes; this is our reading.",
    "labeled_ratio": "The labeled and the unlabeled images are others at each level.",
    "seen_classes": "Which classes are seen, and so the images of each accuracy, differs by level.",
    "labeled_holdout": "The labeled images are others at each level.",
    "split_seed": "The labeled and the unlabeled images are others at each level.",
    "dataset": "The images are others at each level.",
}


def count_keys(info: CountInfo) -> tuple[Key, ...]:
    """Colour, dash and marker of each method."""
    keys = level_keys([group.label for group in info.groups], None)
    return tuple(
        Key(key.label, key.colour, key.dash if len(keys) > 1 else "solid", _SYMBOLS[i % 6], 1.8)
        for i, key in enumerate(keys)
    )


def draw_counts(info: CountInfo) -> tuple[Panel, ...]:
    """Novel and All against the parameter: a line per method, every seed, intervals."""
    return tuple(_panel(info, metric, title) for metric, title in _PANELS.items())


def _panel(info: CountInfo, metric: str, title: str) -> Panel:
    figure = new_figure()
    width = max(info.positions, default=1.0) - min(info.positions, default=0.0) or 1.0
    for number, (group, key) in enumerate(zip(info.groups, count_keys(info), strict=True)):
        aside = 0.008 * width * (number - (len(info.groups) - 1) / 2)
        _add_group(figure, info, group, metric, key, aside)
    figure.update_xaxes(
        title_text=plot_text(info.parameter),
        tickmode="array",
        tickvals=list(info.positions),
        ticktext=[plot_text(info.level_text(i)) for i in range(len(info.levels))],
    )
    figure.update_yaxes(title_text="%")
    spoken = [
        f"{group.label}: "
        + ", ".join(
            f"{info.level_text(i)} {mean:.1f}"
            for i, cell in enumerate(group.cells)
            if (mean := cell.mean(metric)) is not None
        )
        for group in info.groups
    ]
    return Panel(title, figure, "; ".join(spoken))


def _add_group(
    figure: Any, info: CountInfo, group: CountGroup, metric: str, key: Key, aside: float
) -> None:
    colour, name = light(key.colour), plot_text(key.label)
    pairs = list(zip(info.positions, group.cells, strict=True))
    dots = [
        (x + aside, value, cell.trials.get(seed, ""))
        for x, cell in pairs
        for seed, value in sorted(cell.values[metric].items())
    ]
    figure.add_scatter(
        x=[thin(x) for x, *_ in dots],
        y=[thin(v) for _, v, _ in dots],
        ids=[trial for *_, trial in dots],
        mode="markers",
        marker={"color": colour, "symbol": key.symbol, "size": 4},
        hovertemplate=f"{name}, a seed: %{{y:.1f}}<extra></extra>",
    )
    found = [(x + aside, cell.stats(metric)) for x, cell in pairs]
    known = [(x, s) for x, s in found if s is not None]
    figure.add_scatter(
        x=[thin(x) for x, _ in known],
        y=[thin(s.mean) for _, s in known],
        mode="lines+markers",
        line={"color": colour, "dash": key.dash, "width": key.width},
        marker={"color": colour, "symbol": key.symbol, "size": 8},
        **mean_bars([s for _, s in known], key.colour, thickness=1.3, width=4),
        name=name,
        hovertemplate="%{fullData.name}: mean %{y:.1f}<extra></extra>",
    )
    paper = [(x, group.paper.get((i, metric))) for i, x in enumerate(info.positions)]
    printed = [(x, number) for x, number in paper if number is not None]
    if printed:
        figure.add_scatter(
            x=[thin(x + aside) for x, _ in printed],
            y=[number for _, number in printed],
            mode="markers",
            marker={"color": colour, "symbol": "diamond-open", "size": 10, "line": {"width": 1.5}},
            hovertemplate=f"{name}, paper: %{{y:.1f}}<extra></extra>",
        )


def count_table(info: CountInfo) -> Table:
    """One row per method and level: accuracies, n, and the paper\u2019s numbers, if any."""
    tabulated = any(group.paper for group in info.groups)
    columns = [
        Column("method", "Method"),
        Column(info.parameter, info.parameter, "value"),
        *(Column(m, f"{title} ± sd", "mean_sd") for m, title in ACCURACIES.items()),
        *(
            Column(f"{m}_interval95", f"{t}, 95 % t interval", "interval")
            for m, t in _PANELS.items()
        ),
        Column("n", "n", "value"),
        Column("missing", "Missing"),
        *(Column(f"{m}_paper", f"{t}, paper", "number") for m, t in _PANELS.items()),
    ]
    rows: list[tuple[Cell, ...]] = []
    strong = set()
    for group in info.groups:
        for i, cell in enumerate(group.cells):
            strong |= {(len(rows), m) for m in ACCURACIES if i in group.near[m]}
            stats = [cell.stats(m) for m in _PANELS]
            rows.append(
                (
                    group.label,
                    info.level_cell(i),
                    *(cell.mean_sd(m) for m in ACCURACIES),
                    *(None if found is None else found.interval for found in stats),
                    cell.num_done,
                    cell.cause_text,
                    *(group.paper.get((i, m)) for m in _PANELS),
                )
            )
    hidden = set() if tabulated else {f"{m}_paper" for m in _PANELS}
    hidden |= set() if any(row[-3] for row in rows) else {"missing"}
    hidden |= {f"{m}_interval95" for m in _PANELS}
    caption = (
        f"By {info.parameter}{info.held_text}: mean ± sample standard deviation over n seeds, in "
        f"percent, after the last epoch. {_DATA_NOTE[info.parameter]} {_paper_note(info)}"
        + (
            " Bold: the best method of a level and those not distinguishable from it, paired by "
            "seed, which is fair within a level."
            if strong
            else ""
        )
    )
    return Table(
        f"counts_{info.parameter}",
        caption,
        tuple(columns),
        tuple(rows),
        hidden=frozenset(hidden),
        strong=frozenset(strong),
    )


def _paper_note(info: CountInfo) -> str:
    if not any(group.paper for group in info.groups):
        return "The paper tabulates none of these levels: no published number."
    known = "three runs, no spread" if info.comparable else "another setting, for reference only"
    return f"Hollow diamonds: the paper\u2019s Table 1, where it tabulates the level ({known})."


def unpaired_table(info: CountInfo) -> Table | None:
    """Each level less the default level, by Welch: seeds do not pair different images."""
    from lps_sweep.results.statistics import verdict
    from lps_sweep.results.unpaired import welch_interval

    if info.default is None or len(info.levels) < 2:
        return None
    columns = (
        Column("method", "Method"),
        Column("accuracy", "Accuracy"),
        Column(info.parameter, info.parameter, "value"),
        Column("difference", "Difference to default", "signed"),
        Column("interval95", "95 % interval (Welch)", "interval"),
        Column("verdict", "Verdict"),
        Column("n", "n", "value"),
        Column("n_default", "n of default", "value"),
    )
    family = len(info.levels) - 1
    rows: list[tuple[Cell, ...]] = []
    for group in info.groups:
        base = group.cells[info.default]
        for metric, title in ACCURACIES.items():
            for i, cell in enumerate(group.cells):
                ours, other = cell.numbers(metric), base.numbers(metric)
                if i == info.default:
                    continue
                wide = welch_interval(ours, other, 1 - 0.05 / family)
                narrow = welch_interval(ours, other, 1 - 0.10 / family)
                means = (cell.mean(metric), base.mean(metric))
                known = None if None in means else means[0] - means[1]  # type: ignore[operator]
                word: str = "too few seeds"
                if wide is not None:
                    margin = None if info.margin is None else narrow
                    word = verdict(wide, margin, info.margin or 0.0)
                level = info.level_cell(i)
                rows.append((group.label, title, level, known, wide, word, len(ours), len(other)))
    caption = (
        f"{info.parameter}: each level less the default one ({info.level_text(info.default)}), in "
        "points. Not paired: a seed stands for other images and batches at each level, so that the "
        "intervals are Welch\u2019s, together for all levels of one accuracy and method "
        f"(Bonferroni). {_DATA_NOTE[info.parameter]}"
    )
    return Table(f"counts_{info.parameter}_differences", caption, columns, tuple(rows))


def finding(info: CountInfo) -> str:
    """How novel and All go from the lowest to the highest level, by method."""
    parts = []
    for group in info.groups:
        done = [i for i, cell in enumerate(group.cells) if cell.mean("acc_novel") is not None]
        if len(done) < 2:
            continue
        first, last = done[0], done[-1]
        words = []
        for metric, title in _PANELS.items():
            a, b = (group.cells[i].mean(metric) for i in (first, last))
            if a is not None and b is not None:
                words.append(f"{title.lower()} {number_text(a, 1)} to {number_text(b, 1)}")
        parts.append(
            f"{group.label}: {', '.join(words)} from {info.level_text(first)} to "
            f"{info.level_text(last)}"
        )
    if not parts:
        return f"{info.parameter}: too few levels are done."
    return f"{info.parameter}: {'; '.join(parts)} (means; not paired)."


def sections(view: SweepView) -> list[Section]:
    """One section per such parameter with two levels."""
    if view.record.search:
        return []
    names = [name for name in PARAMETERS if len(view.record.axes.get(name, ())) > 1]
    return [_section(view, count_info(view, name)) for name in names]


def _section(view: SweepView, info: CountInfo) -> Section:
    blocks: list[Block] = [count_table(info)]
    done = any(cell.num_done for group in info.groups for cell in group.cells)
    blocks.append(
        _figure(view, info) if done else "No trial is done; the figure appears with the first."
    )
    differences = unpaired_table(info) if done else None
    blocks += [differences] if differences else []
    name, title = f"counts_{info.parameter}_section", TITLES[info.parameter]
    return Section(name, title, tuple(blocks), (finding(info),))


def _figure(view: SweepView, info: CountInfo) -> Figure:
    keys = [*count_keys(info), Key(f"bar: {INTERVAL}", "ink", "solid", width=1.3)]
    if any(group.paper for group in info.groups):
        keys.append(Key("the paper\u2019s Table 1", "ink", "none", "diamond-open"))
    caption = (
        f"Final accuracy by {info.parameter}{info.held_text}. Small markers are seeds, lines join "
        "the means; bars, from three seeds on, are of each mean by itself. "
        f"{_DATA_NOTE[info.parameter]} So a seed pairs nothing between levels, and lines join no "
        f"seed. {_paper_note(info)} {where_text(view.record.settings, info.parameter)}; "
        f"{seeds_text(cell for group in info.groups for cell in group.cells)}."
    )
    return Figure(
        f"counts_{info.parameter}_figure",
        finding(info),
        caption,
        tuple(keys),
        lambda: draw_counts(info),
        320,
        f"counts_{info.parameter}",
    )
