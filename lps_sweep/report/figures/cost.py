"""Completeness and cost: what is missing where, why trials fail, how often, and what it took."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import STATUS_WORDS, in_order, point_text, same
from lps_sweep.report.escape import first_line, plot_text
from lps_sweep.report.figures.cost_info import (
    ENDED,
    FAILED,
    CostInfo,
    cost_info,
    incomplete,
    matrix_rows,
    to_finish,
)
from lps_sweep.report.figures.health import duration
from lps_sweep.report.figures.style import light, new_figure
from lps_sweep.report.figures.work import blocks as work_blocks
from lps_sweep.report.figures.work_info import work_info
from lps_sweep.report.section import Block, Figure, Key, Panel, Section
from lps_sweep.report.tables import Cell, Column, Table, number_text, scalar, value_text

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 81
MOST_LISTED = 500
"""Rows of the table of configurations that lack a seed."""
STATE_KEYS = {
    "done": Key("done", "green", "none", "circle"),
    "stopped": Key("stopped by a rule", "sky", "none", "square"),
    "failed": Key("failed", "vermillion", "none", "x"),
    "diverged": Key("diverged", "purple", "none", "triangle-down"),
    "running": Key("running", "orange", "none", "diamond"),
    "not_run": Key("not run", "grey", "none", "circle-open"),
}


def draw_matrix(info: CostInfo) -> tuple[Panel, ...]:
    """A marker per planned trial, by configuration and seed; its shape and colour are its state."""
    figure = new_figure()
    rows = matrix_rows(info)[::-1]
    labels = [point_text(info.points[i]) or "the one configuration" for i in rows]
    for state, key in STATE_KEYS.items():
        marks = [
            (x, y, info.trials[i, seed])
            for y, i in enumerate(rows)
            for x, seed in enumerate(info.seeds)
            if info.states.get((i, seed)) == state
        ]
        if not marks:
            continue
        figure.add_scatter(
            x=[x for x, *_ in marks],
            y=[y for _, y, _ in marks],
            ids=[trial for *_, trial in marks],
            mode="markers",
            marker={"color": light(key.colour), "symbol": key.symbol, "size": 10},
            customdata=[plot_text(labels[y]) for _, y, _ in marks],
            hovertemplate=f"{plot_text(key.label)}: %{{customdata}}<extra></extra>",
        )
    figure.update_xaxes(
        title_text="seed",
        tickmode="array",
        tickvals=list(range(len(info.seeds))),
        ticktext=[str(seed) for seed in info.seeds],
        range=[-0.7, len(info.seeds) - 0.3],
    )
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(rows))),
        ticktext=[plot_text(label) for label in labels],
        range=[-0.7, len(rows) - 0.3],
        tickfont={"size": 10},
    )
    words = ", ".join(f"{info.count(s)} {w}" for s, w in STATUS_WORDS.items() if info.count(s))
    return (Panel("Configurations and seeds", figure, words),)


def matrix_table(info: CostInfo) -> Table:
    """One row per configuration that lacks a seed, with the state at each seed."""
    names = list(dict.fromkeys(name for point in info.points for name in point))
    columns = (
        *(Column(name, name, "value") for name in names),
        *(Column(f"seed_{seed}", f"Seed {seed}") for seed in info.seeds),
    )
    rows: list[tuple[Cell, ...]] = []
    for i in incomplete(info):
        point = info.points[i]
        states = [info.states.get((i, seed)) for seed in info.seeds]
        words = [None if state is None else STATUS_WORDS[state] for state in states]
        rows.append((*(scalar(point.get(name)) for name in names), *words))
    caption = "Configurations that lack a seed, and the state of the trial at each seed."
    if len(rows) > MOST_LISTED:
        caption += (
            f" The first {MOST_LISTED} of {len(rows)}; the table of all trials has every one."
        )
        rows = rows[:MOST_LISTED]
    return Table("incomplete", caption, columns, tuple(rows))


def errors_table(info: CostInfo) -> Table:
    """One row per kind of error: numbers, paths and addresses in it do not count."""
    from lps_sweep.results.rates import error_line, normalised_error

    kinds: dict[str, list[tuple[str, str]]] = {}
    for trial, error in info.errors:
        kinds.setdefault(normalised_error(error) or "(no message)", []).append((trial, error))
    columns = (
        Column("kind", "Kind of error"),
        Column("trials", "Trials", "value"),
        Column("first", "First trial", "trial"),
        Column("example", "As it was there"),
    )
    rows = tuple(
        (first_line(kind), len(cases), cases[0][0], first_line(error_line(cases[0][1])))
        for kind, cases in sorted(kinds.items(), key=lambda kind: (-len(kind[1]), kind[0]))
    )
    caption = (
        "Failed and diverged trials by their error, of a traceback its last line, with numbers, "
        "paths and addresses in it replaced by #. The whole text: lps-sweep show with the trial."
    )
    return Table("error_kinds", caption, columns, rows)


def rates_table(view: SweepView, info: CostInfo) -> Table:
    """Rate of failed and diverged among ended trials: in all, and per level of each parameter."""
    from lps_sweep.results.rates import wilson_interval

    groups: list[tuple[str, Cell, list[str]]] = [("all trials", None, list(info.states.values()))]
    for name, levels in () if view.record.search else view.record.axes.items():
        for level in in_order(levels) if len(levels) > 1 else ():
            own = [s for (i, _), s in info.states.items() if _at(info.points[i], name, level)]
            groups.append((name, scalar(level), own))
    columns = (
        Column("parameter", "Parameter"),
        Column("level", "Level", "value"),
        Column("ended", "Ended", "value"),
        Column("failed", "Failed or diverged", "value"),
        Column("rate", "Rate, %", "number"),
        Column("interval95", "95 % interval (Wilson), %", "interval"),
    )
    rows: list[tuple[Cell, ...]] = []
    for name, level, states in groups:
        ended = sum(state in ENDED for state in states)
        failed = sum(state in FAILED for state in states)
        found = wilson_interval(failed, ended)
        interval = None if found is None else (100 * found[0], 100 * found[1])
        rows.append((name, level, ended, failed, 100 * failed / ended if ended else None, interval))
    caption = (
        "Failed or diverged among the trials that ended, with Wilson\u2019s 95 % interval of each "
        "rate by itself. A level with a higher rate has lost values that no mean shows."
    )
    return Table("failure_rates", caption, columns, tuple(rows))


def _at(point: dict[str, Any], name: str, level: Any) -> bool:
    return name in point and same(point[name], level)


def cost_table(info: CostInfo) -> Table:
    """One row per state: trials, attempts, device-seconds and their share."""
    total = math.fsum(info.seconds.values())
    columns = (
        Column("state", "State"),
        Column("trials", "Trials", "value"),
        Column("attempts", "Attempts", "value"),
        Column("seconds", "Device-seconds", "number"),
        Column("share", "Share, %", "number"),
    )
    rows: list[tuple[Cell, ...]] = []
    for state in STATE_KEYS:
        if info.count(state):
            seconds = info.seconds[state]
            share = 100 * seconds / total if total else None
            numbers = (info.count(state), info.attempts[state], seconds, share)
            rows.append((STATUS_WORDS[state], *numbers))
    rows.append(
        ("all", len(info.states), sum(info.attempts.values()), total, 100.0 if total else None)
    )
    caption = (
        "Cost in device-seconds: the epochs of all attempts, failed and repeated ones too; the "
        "time of an epoch is split evenly among the trials of its pack. An epoch that an error cut "
        "short, and pre-training, are not in it."
    )
    return Table("cost", caption, columns, tuple(rows))


def sections(view: SweepView) -> list[Section]:
    """Completeness and cost, in a section after run health."""
    info = cost_info(view)
    if not info.states:
        return []
    work = work_info(view.attempts)
    blocks: list[Block] = [_sentence(info, work.last_workers if work else 0)]
    if info.count("done") < len(info.states):
        blocks += [_figure(info), matrix_table(info)]
    if info.errors:
        blocks.append(errors_table(info))
    if info.count(*FAILED):
        blocks.append(rates_table(view, info))
    blocks += [cost_table(info), *work_blocks(work)]
    return [Section("cost", "Completeness and cost", tuple(blocks))]


def _sentence(info: CostInfo, workers: int) -> str:
    from lps_sweep.results.rates import wilson_interval

    full = len(info.points) - len(incomplete(info))
    parts = [f"{full} of {len(info.points)} configurations have all their seeds."]
    ended, failed = info.count(*ENDED), info.count(*FAILED)
    found = wilson_interval(failed, ended)
    if found is not None:
        low, high = (number_text(100 * end, 1) for end in found)
        parts.append(
            f"{failed} of {ended} ended trials failed or diverged, a rate between {low} and {high} "
            "% (Wilson, 95 %)."
        )
    rest = to_finish(info)
    if rest:
        now = f", {duration(rest / workers)} with the last {workers} workers" if workers > 1 else ""
        parts.append(
            f"At the mean of the done trials the open ones will take {duration(rest)} of device "
            f"time{now}."
        )
    return " ".join(parts)


def _figure(info: CostInfo) -> Figure:
    shown = matrix_rows(info)
    present = tuple(key for state, key in STATE_KEYS.items() if info.count(state))
    lacking = len(incomplete(info))
    caption = "Every planned trial by configuration and seed." + (
        f" The {len(shown)} configurations that lack most, of {len(info.points)}."
        if len(shown) < len(info.points)
        else ""
    )
    return Figure(
        "matrix_figure",
        f"{value_text(lacking)} of {len(info.points)} configurations lack seeds",
        caption,
        present,
        lambda: draw_matrix(info),
        90 + 22 * max(3, len(shown)),
        "incomplete",
    )
