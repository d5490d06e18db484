"""The section on the class distribution: its divergence from the prior, and the final shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import held_point, point_text
from lps_sweep.report.figures.curves import draw_panel
from lps_sweep.report.figures.distribution import (
    DEAD,
    MOST_BARS,
    MOST_FRAMES,
    Shares,
    distribution_info,
    first_of_each,
)
from lps_sweep.report.figures.lines import Group, group_info
from lps_sweep.report.figures.style import light, new_figure, scale_buttons, thin
from lps_sweep.report.figures.where import where_text
from lps_sweep.report.section import Block, Figure, Fold, Key, Panel, Section
from lps_sweep.report.tables import Cell, Column, Table, number_text

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 42
KL_KEYS = {
    "kl_estimate_to_prior": Key("KL(estimate ‖ prior)", "purple", "dash", width=2.4),
    "kl_prior_to_estimate": Key("KL(prior ‖ estimate)", "green", "solid", width=2.4),
}
SEEN = Key("seen class", "blue", "none", "square")
NOVEL = Key("novel class", "vermillion", "none", "square-open")
CLUSTER = Key("cluster", "grey", "none", "square")
UNIFORM = Key("uniform share", "ink", "dash")


def draw_divergence(group: Group) -> tuple[Panel, ...]:
    """Both divergences against the epoch, with a switch between linear and logarithmic."""
    series = [(group, metric, key) for metric, key in KL_KEYS.items() if group.lines[metric]]
    panel = draw_panel("Divergence of estimate and prior", "KL, nats", series)
    panel.figure.update_layout(updatemenus=[scale_buttons()], margin={"t": 40})
    return (panel,)


def draw_shares(shares: Sequence[Shares]) -> tuple[Panel, ...]:
    """One panel per trial: bars from the largest final share to the smallest."""
    return tuple(_bars(found) for found in shares)


def _bars(found: Shares) -> Panel:
    figure = new_figure()
    order = found.order[:MOST_BARS]
    keys = [_key(found, k) for k in order]
    figure.add_bar(
        x=list(range(1, len(order) + 1)),
        y=[_percent(found.final[k]) for k in order],
        marker={
            "color": [light(key.colour) for key in keys],
            "pattern": {"shape": ["/" if key is NOVEL else "" for key in keys], "size": 5},
            "line": {"width": 0},
        },
        customdata=[f"{key.label} {k}" for k, key in zip(order, keys, strict=True)],
        hovertemplate="%{customdata}: %{y:.2f} %<extra></extra>",
    )
    figure.add_hline(
        y=_percent(1 / len(found.final)), line={"color": light("ink"), "dash": "dash", "width": 1.5}
    )
    highest = max(max(row) for row in found.shares)
    figure.update_yaxes(title_text="share, %", range=[0, _percent(1.05 * highest)])
    figure.update_xaxes(title_text="classes, by final share", rangemode="tozero")
    if len(found.epochs) > 1:
        figure.update_layout(sliders=[_slider(found, order)], margin={"b": 104})
    kind = "estimate" if found.estimate else "predictions"
    words = f"{found.dead} dead classes, entropy {found.entropy:.2f} nats"
    return Panel(f"{found.label}, seed {found.seed}: {kind}", figure, words)


def _key(found: Shares, k: int) -> Key:
    if found.num_seen is None:
        return CLUSTER
    return SEEN if k < found.num_seen else NOVEL


def _percent(share: float) -> float | None:
    return thin(100 * share)


def _slider(found: Shares, order: Sequence[int]) -> dict[str, Any]:
    steps = [
        {
            "label": str(epoch),
            "method": "restyle",
            "args": [{"y": [[_percent(row[k]) for k in order]]}, [0]],
        }
        for epoch, row in zip(found.epochs, found.shares, strict=True)
    ]
    return {
        "active": len(steps) - 1,
        "steps": steps,
        "currentvalue": {"prefix": "epoch ", "font": {"size": 12}},
        "pad": {"t": 46, "b": 0},
        "len": 1.0,
        "x": 0,
        "ticklen": 3,
        "minorticklen": 0,
        "font": {"size": 10},
    }


def shares_table(shares: Sequence[Shares]) -> Table:
    """One row per trial: dead classes, entropy, share of the seen classes, smallest and largest."""
    columns = (
        Column("configuration", "Configuration"),
        Column("seed", "Seed", "value"),
        Column("of", "Of"),
        Column("classes", "Classes", "value"),
        Column("dead", "Dead", "value"),
        Column("entropy", "Entropy, nats", "number", 3),
        Column("entropy_share", "Of the highest, %", "number"),
        Column("seen", "Share of seen, %", "number"),
        Column("smallest", "Smallest share, %", "number", 2),
        Column("largest", "Largest share, %", "number", 2),
    )
    rows: list[tuple[Cell, ...]] = []
    for s in shares:
        size = len(s.final)
        part = 100 * s.entropy / math.log(size) if size > 1 else None
        seen = None if s.seen_share is None else 100 * s.seen_share
        ends = (100 * min(s.final), 100 * max(s.final))
        kind = "estimate" if s.estimate else "predictions"
        rows.append((s.label, s.seed, kind, size, s.dead, s.entropy, part, seen, *ends))
    caption = (
        "The final class distribution, a row per trial. Estimate: pi_hat, the mean over the steps "
        "of the last epoch; predictions: the shares of the predicted ids among the unlabeled "
        "images, for methods without an estimate. A class is dead below "
        f"{number_text(100 * DEAD, 0)}\u00a0% of the uniform share."
    )
    return Table("class_shares", caption, columns, tuple(rows))


def final_table(shares: Sequence[Shares]) -> Table:
    """One row per drawn trial and class: its final share."""
    columns = (
        Column("configuration", "Configuration"),
        Column("seed", "Seed", "value"),
        Column("class", "Class", "value"),
        Column("part", "Part"),
        Column("share", "Share, %", "number", 3),
    )
    rows = tuple(
        (s.label, s.seed, k, _key(s, k).label.split(" ")[0], 100 * s.final[k])
        for s in first_of_each(shares)
        for k in s.order
    )
    caption = "The shares as drawn: the first seed of each configuration, after the last epoch."
    return Table("class_shares_final", caption, columns, rows)


def sections(view: SweepView) -> list[Section]:
    """The section on the class distribution; none without an estimate or an artefact."""
    point = held_point(view)
    group = group_info(view, point)
    drawn = [metric for metric in KL_KEYS if group.lines[metric]]
    shares, lost = distribution_info(view)
    blocks: list[Block] = []
    if drawn:
        blocks.append(_divergence_figure(view, group, point))
    if shares:
        blocks += [_shares_figure(view, shares), shares_table(shares)]
        blocks.append(Fold("Every class", final_table(shares)))
    if lost:
        blocks.append(f"The arrays of {lost} finished trials are missing or damaged.")
    return [Section("class_distribution", "Class distribution", tuple(blocks))] if blocks else []


def _divergence_figure(view: SweepView, group: Group, point: dict[str, Any]) -> Figure:
    found = group.means["kl_estimate_to_prior"].values
    title = "Divergence of the class estimate from the prior, by epoch"
    if found:
        title = (
            f"KL(estimate ‖ prior) goes from {found[0]:.3g} nats after the first epoch to "
            f"{found[-1]:.3g} after the last"
        )
    at = f", at {point_text(point)}" if point else ""
    caption = (
        f"Default cell{at}. The prior is uniform over the classes; the estimate, pi_hat, is the "
        "class distribution that the margin uses. KL(estimate ‖ prior) is what Figure 4 of the "
        "paper shows, of which it prints no number; KL(prior ‖ estimate) is the factor of the "
        f"margin. Thin lines: each seed. Thick lines: mean of the {group.num_done} done trials. "
        f"{where_text(view.record.settings)}."
    )
    keys = tuple(key for metric, key in KL_KEYS.items() if group.lines[metric])
    return Figure(
        "divergence_figure",
        title,
        caption,
        keys,
        lambda: draw_divergence(group),
        300,
        "pace_default",
    )


def dead_text(shares: Sequence[Shares]) -> str:
    """The mean number of dead classes of each configuration, over how many seeds."""
    counts: dict[str, list[int]] = {}
    for found in shares:
        counts.setdefault(found.label, []).append(found.dead)
    means = (f"{label} {sum(dead) / len(dead):.2g}" for label, dead in counts.items())
    sizes = sorted({len(dead) for dead in counts.values()})
    n = f"n {sizes[0]} each" if len(sizes) == 1 else f"n {sizes[0]} to {sizes[-1]}"
    return f"Dead classes at the end, means over seeds ({n}): {', '.join(means)}"


def _shares_figure(view: SweepView, shares: Sequence[Shares]) -> Figure:
    first = first_of_each(shares)
    kinds = {_key(s, k) for s in first for k in s.order}
    keys = tuple(key for key in (SEEN, NOVEL, CLUSTER) if key in kinds)
    few = any(len(s.final) > MOST_BARS for s in first)
    thinned = any(s.epochs[-1] > len(s.epochs) for s in first if s.estimate)
    caption = (
        "The class distribution of the first finished seed of each configuration, after the last "
        "epoch; the slider goes through the epochs"
        + (f" ({MOST_FRAMES} of them at the most)" if thinned else "")
        + ", the order of the bars stays that of the end. Hatched: novel classes, whose ids are "
        "not those of true classes. Of methods without an estimate: the shares of their final "
        "predictions. The paper prints no number for its Figure 4. "
        + (f"The {MOST_BARS} largest shares are drawn. " if few else "")
        + f"{where_text(view.record.settings)}."
    )
    return Figure(
        "class_shares_figure",
        dead_text(shares),
        caption,
        (*keys, UNIFORM),
        lambda: draw_shares(first),
        370,
        "class_shares_final",
    )
