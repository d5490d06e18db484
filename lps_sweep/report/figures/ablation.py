"""Ablation: the arms of a sweep against its first one, and what each of them changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import ACCURACIES
from lps_sweep.report.escape import plot_text
from lps_sweep.report.figures.arms import (
    AblationInfo,
    ablation_info,
    ablation_table,
    changes_table,
    changes_text,
)
from lps_sweep.report.figures.sensitivity import MOST_SEEDS, setting_text
from lps_sweep.report.figures.slice_tables import difference_table, paper_difference
from lps_sweep.report.figures.slices import SliceInfo, finding, held_text
from lps_sweep.report.figures.style import LINKED, light, new_figure, seed_keys, thin
from lps_sweep.report.figures.subsets import subset_blocks
from lps_sweep.report.figures.trade import arms_shown, trade_figure
from lps_sweep.report.section import Block, Figure, Fold, Key, Panel, Section
from lps_sweep.report.tables import value_text

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 35
_CONFIRMATION = "Confirmation"
_FRESH = (
    "The selected arm had the highest mean of its sweep, which is too high because it was selected "
    "for it. Here both arms have fresh seeds, and none of the numbers that it was selected by "
    "counts: what this section shows is the estimate to quote."
)


def draw_ablation(info: SliceInfo) -> tuple[Panel, ...]:
    """One panel per accuracy: the differences to the default, arm by arm, of every seed."""
    order = by_effect(info)
    ends = [e for m in ACCURACIES for i in order for e in _extent(info, m, i)]
    low, high = min([*ends, 0.0]), max([*ends, 0.0])
    pad = max(0.05 * (high - low), 0.5)
    return tuple(_panel(info, m, t, order, (low - pad, high + pad)) for m, t in ACCURACIES.items())


def by_effect(info: SliceInfo) -> tuple[int, ...]:
    """The arms other than the default: the lowest difference in All last, so that it is on top."""
    found = [(info.differences["acc_all"][i], i) for i in range(len(info.levels))]
    others = [(d.difference if d and d.difference is not None else 0.0, i) for d, i in found]
    return tuple(i for _, i in sorted(others, key=lambda o: (-o[0], -o[1])) if i != info.default)


def _extent(info: SliceInfo, metric: str, i: int) -> list[float]:
    """What a panel must show of an arm: its seeds and its mean; an interval may be cut."""
    found, paper = info.differences[metric][i], paper_difference(info, metric, i)
    ours = [] if found is None else [*found.by_seed.values(), found.difference or 0.0]
    return ours if paper is None else [*ours, paper]


def _panel(
    info: SliceInfo, metric: str, title: str, order: tuple[int, ...], span: tuple[float, float]
) -> Panel:
    figure = new_figure()
    if info.margin is not None:
        figure.add_vrect(
            x0=-info.margin, x1=info.margin, line_width=0, fillcolor=light("grey"), opacity=0.18
        )
    figure.add_vline(x=0, line={"color": light("grey"), "width": 1.5})
    keys = seed_keys(info.seeds)
    few = len(keys) <= MOST_SEEDS
    for number, (seed, key) in enumerate(keys.items()):
        aside = 0.16 + 0.2 * number / max(1, len(keys) - 1)
        points = [
            (found.by_seed[seed], place - aside, info.cells[i].trials.get(seed, ""))
            for place, i in enumerate(order)
            if (found := info.differences[metric][i]) is not None and seed in found.by_seed
        ]
        figure.add_scatter(
            x=[thin(x) for x, *_ in points],
            y=[y for _, y, _ in points],
            ids=[trial for *_, trial in points],
            mode="markers",
            marker={"color": light(key.colour if few else "grey"), "symbol": key.symbol, "size": 6},
            hovertemplate=f"seed {seed}: %{{x:+.1f}} points<extra></extra>",
        )
    _add_estimates(figure, info, metric, order)
    figure.update_layout(meta=LINKED)
    figure.update_xaxes(title_text="points to the default", range=list(span), showgrid=True)
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(order))),
        ticktext=[plot_text(value_text(info.levels[i])) for i in order],
        range=[-0.6, len(order) - 0.4],
        showgrid=False,
    )
    return Panel(title, figure, _spoken(info, metric, order))


def _add_estimates(figure: Any, info: SliceInfo, metric: str, order: tuple[int, ...]) -> None:
    shown = [
        (place, found.difference, found.interval)
        for place, i in enumerate(order)
        if (found := info.differences[metric][i]) is not None and found.difference is not None
    ]
    figure.add_scatter(
        x=[thin(mean) for _, mean, _ in shown],
        y=[place + 0.06 for place, *_ in shown],
        mode="markers",
        marker={"color": light("ink"), "symbol": "circle", "size": 9},
        error_x={
            "type": "data",
            "symmetric": False,
            "thickness": 1.6,
            "width": 5,
            "color": light("ink"),
            "array": [thin(ends[1] - mean) if ends else 0 for _, mean, ends in shown],
            "arrayminus": [thin(mean - ends[0]) if ends else 0 for _, mean, ends in shown],
        },
        hovertemplate="%{x:+.1f} points<extra></extra>",
    )
    paper = [(place, paper_difference(info, metric, i)) for place, i in enumerate(order)]
    known = [(place, number) for place, number in paper if number is not None]
    if known:
        figure.add_scatter(
            x=[thin(number) for _, number in known],
            y=[place + 0.28 for place, _ in known],
            mode="markers",
            marker={
                "color": light("grey"),
                "symbol": "diamond-open",
                "size": 9,
                "line": {"width": 1.5},
            },
            hovertemplate="paper: %{x:+.1f} points<extra></extra>",
        )


def _spoken(info: SliceInfo, metric: str, order: tuple[int, ...]) -> str:
    parts = [
        f"{value_text(info.levels[i])} {found.difference:+.1f}, {found.word}"
        for i in reversed(order)
        if (found := info.differences[metric][i]) is not None and found.difference is not None
    ]
    return "differences to the default: " + "; ".join(parts) if parts else "no arm is done"


def sections(view: SweepView) -> list[Section]:
    """The section on the arms, where the sweep has two at least."""
    info = ablation_info(view)
    if info is None:
        return []
    blocks: list[Block] = [ablation_table(info)]
    if any(found for found in info.arms.differences["acc_all"]):
        blocks.append(_figure(view, info.arms, _title(info)))
        if arms_shown(info.arms):
            blocks.append(trade_figure(view, info.arms))
    else:
        blocks.append("No arm has a seed in common with the default arm yet.")
    blocks.append(difference_table(info.arms, "ablation_differences"))
    blocks += subset_blocks(view, info)
    if any(info.changes):
        blocks.append(changes_text(info))
        blocks.append(Fold("What each arm changes", changes_table(info)))
    if info.misnamed:
        blocks.append(
            f"{', '.join(info.misnamed)}: named as in Table 4 of the paper, but changing other "
            "settings, so that none of its numbers stands beside."
        )
    title = _title(info)
    if title == _CONFIRMATION:
        blocks.insert(0, _FRESH)
    return [Section("ablation", title, tuple(blocks), (finding(info.arms, title),))]


def _title(info: AblationInfo) -> str:
    """What the arms are: a confirmation, by the names that it gives; several methods; or parts."""
    first, *others = map(str, info.arms.levels)
    if first == "default" and all(name.startswith("selected") for name in others):
        return _CONFIRMATION
    return "Arms" if any("method" in changed for changed in info.changes) else "Ablation"


def _figure(view: SweepView, info: SliceInfo, title: str) -> Figure:
    keys = [Key("mean difference and simultaneous 95 % interval", "ink", "solid", "circle", 1.6)]
    if len(info.seeds) <= MOST_SEEDS:
        keys += [replace(key, dash="none") for key in seed_keys(info.seeds).values()]
    else:
        keys.append(Key(f"each of {len(info.seeds)} seeds", "grey", "none", "circle"))
    if info.reference.numbers:
        keys.append(Key(info.reference.label, "grey", "none", "diamond-open"))
    caption = (
        f"Each arm less the default arm, in points, paired by seed{held_text(info)}; ordered by "
        "the difference in All. Every seed is drawn; intervals may reach beyond the panel. "
        f"{'The band is the declared margin. ' if info.margin is not None else ''}"
        f"{info.reference.caption} {setting_text(view, info)}"
    )
    return Figure(
        "ablation_figure",
        finding(info, title),
        caption.strip(),
        tuple(keys),
        lambda: draw_ablation(info),
        110 + 52 * max(2, len(info.levels) - 1),
        "ablation_differences",
    )
