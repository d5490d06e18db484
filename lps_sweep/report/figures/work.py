"""Workers in time: a row per worker, a bar per pack, and what was idle between them."""

from __future__ import annotations

import itertools
from typing import Any

from lps_sweep.report.escape import plot_text
from lps_sweep.report.figures.health import duration
from lps_sweep.report.figures.style import light, new_figure, thin
from lps_sweep.report.figures.work_bars import MOST_ROWS, Bar, bars, left_ends
from lps_sweep.report.figures.work_info import WorkInfo
from lps_sweep.report.figures.work_tables import ENDS, ends_text, work_table, workers_table
from lps_sweep.report.section import Block, Figure, Panel
from lps_sweep.results.times import utc

MOST_OUTLINED = 300
"""Bars up to which each has an outline, and its mark full size."""
MOST_BREAKS, MOST_TOLD = 200, 8
"""Pauses that are marked, and up to which each has its length."""


def draw_work(info: WorkInfo) -> tuple[Panel, ...]:
    """A row per worker, a bar per pack; where nobody was at work for long, the axis is cut."""
    figure = new_figure()
    unit, length = _unit(info.total_s)
    labels = info.labels[:MOST_ROWS]
    found, _ = bars(info)
    few = len(found) <= MOST_OUTLINED
    size, edge = (8 if few else 5), {"width": 0.5 if few else 0, "color": light("ink")}
    for (kind, key), known in itertools.product(ENDS.items(), (True, False)):
        some = [bar for bar in found if (bar.kind, bar.known) == (kind, known)]
        if some:
            figure.add_bar(
                orientation="h",
                base=[thin(bar.begin_s / length) for bar in some],
                x=[thin((bar.end_s - bar.begin_s) / length) for bar in some],
                y=[bar.row for bar in some],
                width=0.52,
                marker={
                    "color": light(key.colour),
                    "line": edge,
                    "pattern": {"shape": "" if known else "/", "size": 5},
                },
                text=[_words(bar, labels[bar.row]) for bar in some],
                textposition="none",
                hovertemplate="%{text}<extra></extra>",
            )
    for kind, key in ENDS.items():
        some = [bar for bar in found if bar.packs[kind] and kind != "done"]
        if some:
            figure.add_scatter(
                x=[thin(bar.end_s / length) for bar in some],
                y=[bar.row - 0.38 for bar in some],
                mode="markers",
                marker={"color": light(key.colour), "symbol": key.symbol, "size": size},
                hoverinfo="skip",
            )
    _axes(figure, info, length, unit)
    words = f"{len(info.workers)} workers, {len(info.runs)} packs, {_share(info)} busy"
    return (Panel("Workers in time", figure, words),)


def _axes(figure: Any, info: WorkInfo, length: float, unit: str) -> None:
    labels, left = info.labels[:MOST_ROWS], left_ends(info)
    whole = max(info.total_s, 1e-3) / length
    figure.update_layout(barmode="overlay", hovermode="closest", margin={"t": 30})
    figure.update_xaxes(
        title_text=f"{unit} with work",
        range=[-0.01 * whole, 1.01 * whole],
    )
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(labels))),
        ticktext=[plot_text(label) for label in labels],
        range=[len(labels) - 0.4, -0.75],
        showgrid=False,
        zeroline=False,
    )
    dots = {"color": light("grey"), "dash": "dot", "width": 1.5}
    for number, start in enumerate(left[1 : MOST_BREAKS + 1], start=1):
        figure.add_vline(x=start / length, line=dots)
        if len(left) <= MOST_TOLD + 1:
            pause = info.stretches[number][0] - info.stretches[number - 1][1]
            figure.add_annotation(
                x=start / length,
                y=1,
                yref="paper",
                yanchor="bottom",
                showarrow=False,
                text=f"+{duration(pause)}",
                font={"size": 10},
            )


def _unit(seconds: float) -> tuple[str, float]:
    if seconds < 120:
        return "seconds", 1.0
    return ("minutes", 60.0) if seconds < 7200 else ("hours", 3600.0)


def _words(bar: Bar, worker: str) -> str:
    packs = f"{bar.packs.total()} packs" if bar.packs.total() > 1 else "a pack"
    end = "" if bar.known else ", end not recorded"
    return plot_text(
        f"{worker}: {packs}, {ends_text(bar.trials)}, from {utc(bar.begun_at)}, "
        f"{duration(bar.end_s - bar.begin_s)}{end}"
    )


def _share(info: WorkInfo) -> str:
    share = info.busy_share
    return "\u2013" if share is None else f"{100 * share:.0f} %"


def blocks(info: WorkInfo | None) -> list[Block]:
    """The figure, its numbers, and the workers' idle time; nothing of an older ledger."""
    if info is None:
        return []
    return [_figure(info), workers_table(info), work_table(info)]


def _figure(info: WorkInfo) -> Figure:
    number = len(info.workers)
    rows = min(number, MOST_ROWS)
    words = "1 worker was" if number == 1 else f"{number} workers were"
    there = {run.end for run in info.runs}
    return Figure(
        "work_figure",
        f"{words} busy {_share(info)} of {duration(info.total_s)}",
        _caption(info),
        tuple(key for kind, key in ENDS.items() if kind in there),
        lambda: draw_work(info),
        110 + 30 * max(2, rows),
        "work",
    )


def _caption(info: WorkInfo) -> str:
    _, slot = bars(info)
    what = "Colour and mark are those of the gravest end among its trials."
    if slot:
        what = (
            f"Of the {len(info.runs)} packs those that a worker began within the same "
            f"{duration(slot)} are one bar, as long as they took together, with the colour of the "
            "most common end and a mark for each other."
        )
    parts = [
        "A bar is a pack of trials on a worker, from when the driver learnt of its begin to when "
        "it learnt of the end of its last trial, by the driver\u2019s clock.",
        what,
        f"Between bars the worker was idle. Time 0 is {utc(info.runs[0].begun_at)}.",
    ]
    if any(not run.known for run in info.runs):
        parts.append(
            "Hatched: the end is not recorded, since the driver was killed, the pack is not over, "
            "or the clock was set back; the bar is as long as its recorded epochs took."
        )
    if len(info.stretches) > 1:
        out = info.stretches[-1][1] - info.stretches[0][0] - info.total_s
        parts.append(
            f"Nobody was at work for long at the dotted lines: there {duration(max(0.0, out))} are "
            "left out, and counted neither as busy nor as idle."
        )
    if len(info.workers) > MOST_ROWS:
        parts.append(f"The first {MOST_ROWS} of {len(info.workers)} workers.")
    parts.append("Pre-training, and packs of trials of other sweeps, are not in it.")
    return " ".join(parts)
