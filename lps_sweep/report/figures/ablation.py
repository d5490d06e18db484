"""Ablation: the arms of a sweep against its first one, and what each of them changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import ACCURACIES, plain, same, select
from lps_sweep.report.escape import plot_text
from lps_sweep.report.figures.sensitivity import MOST_SEEDS
from lps_sweep.report.figures.slice_tables import difference_table, level_table, paper_difference
from lps_sweep.report.figures.slices import SliceInfo, finding, held_text, slice_info
from lps_sweep.report.figures.style import light, new_figure, seed_keys, thin
from lps_sweep.report.reference import level_reference
from lps_sweep.report.section import Block, Figure, Fold, Key, Panel, Section
from lps_sweep.report.tables import Cell, Column, Table, scalar, value_text

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 35
AXIS = "arm"
"""The swept parameter whose values are names of arms."""
METRICS = (*ACCURACIES, "acc_novel_strict")
LOCATIONS = frozenset({"data_root"})
"""Settings that say where something lies; they make no arm."""

Changes = Mapping[str, tuple[Any, Any]]
"""By setting, its value in the default arm and in another; None where an arm has it not."""


@dataclass(frozen=True)
class AblationInfo:
    """The arms and what they are.

    Attributes:
        arms: The slice along the arms; its reference is matched by what an arm changes, never by
            its name.
        changes: Per arm, the settings that differ from the default arm's.
        gaps: Per arm and seed, the assignment gap in points: All minus the mean of Seen and Novel
            that is weighted by their numbers of images.
        misnamed: Arms with a name of Table 4 that change something else.
    """

    arms: SliceInfo
    changes: tuple[Changes, ...]
    gaps: tuple[Mapping[int, float], ...]
    misnamed: tuple[str, ...]


def ablation_info(view: SweepView) -> AblationInfo | None:
    """The arms of `view`; None where it has fewer than two."""
    from lps_sweep.results.paper import ABLATION_ARMS

    if len(view.record.axes.get(AXIS, ())) < 2:
        return None
    info = slice_info(view, AXIS, METRICS, pooled=False)
    rows = [select(view.trials, {**info.held, AXIS: arm}) for arm in info.levels]
    changes = arm_changes(view, info, [frame["trial_id"].tolist() for frame in rows])
    names = [_paper_name(i == info.default, change) for i, change in enumerate(changes)]
    reference = level_reference(view.record.settings, AXIS, names)
    comparable = reference.comparable and not info.off_default
    return AblationInfo(
        arms=replace(info, reference=replace(reference, comparable=comparable)),
        changes=changes,
        gaps=tuple(_gaps(view, frame.to_dict("records")) for frame in rows),
        misnamed=tuple(
            str(arm)
            for arm, name in zip(info.levels, names, strict=True)
            if arm in ABLATION_ARMS and arm != name
        ),
    )


def arm_changes(
    view: SweepView, info: SliceInfo, trials: list[list[Any]]
) -> tuple[Changes, ...]:
    """Per arm, the settings of its `trials` that differ from those of the default arm."""
    found = [next((view.configs[t] for t in ids if t in view.configs), {}) for ids in trials]
    base = found[info.default] if info.default is not None else {}
    if not base:
        return ({},) * len(found)
    return tuple(
        {
            name: (base.get(name), own.get(name))
            for name in {**base, **own}
            if own and name not in LOCATIONS and not same(base.get(name), own.get(name))
        }
        for own in found
    )


def _paper_name(is_default: bool, changes: Changes) -> str:
    """The arm of Table 4 that these changes make; empty for any other."""
    from lps_sweep.results.paper import paper_arm

    if is_default:
        return "full"
    return paper_arm({name: new for name, (_, new) in changes.items()}) or "" if changes else ""


def _gaps(view: SweepView, rows: list[dict[Any, Any]]) -> dict[int, float]:
    done = [row for row in rows if row["status"] == "done"]
    found = {int(row["seed"]): assignment_gap(row, view.record.settings) for row in done}
    return {seed: gap for seed, gap in found.items() if gap is not None}


def assignment_gap(row: Mapping[Any, Any], settings: Mapping[str, Any]) -> float | None:
    """All minus the weighted mean of Seen and Novel, in points.

    The weights are the shares of seen and novel images, which the strict accuracies give exactly
    (there All is that mean); where these are too close together, those of equal classes.
    """
    seen, novel, both = (plain(row.get(name)) for name in ACCURACIES)
    if any(value is None or value != value for value in (seen, novel, both)):
        return None
    strict = [plain(row.get(f"{name}_strict")) for name in ACCURACIES]
    weight = seen_weight(settings.get("labeled_ratio"), settings.get("seen_classes"))
    if all(isinstance(v, float) for v in strict) and abs(strict[0] - strict[1]) >= 1:
        weight = (strict[2] - strict[1]) / (strict[0] - strict[1])
    return None if weight is None else float(both - weight * seen - (1 - weight) * novel)


def seen_weight(ratio: Any, seen_classes: Any) -> float | None:
    """Share of seen images among the unlabeled, for equal classes of which half are seen."""
    if not isinstance(ratio, int | float) or seen_classes not in (0, None):
        return None
    return (1 - ratio) / (2 - ratio)


def ablation_table(info: AblationInfo) -> Table:
    """One row per arm: accuracies, assignment gap, n, the paper's numbers and gap."""
    from lps_sweep.results.statistics import describe

    stats = [describe(list(gaps.values())) if gaps else None for gaps in info.gaps]
    gap = Column("assignment_gap", "Assignment gap ± sd", "mean_sd")
    extra: list[tuple[Column, list[Cell]]] = [
        (gap, [(None, None) if found is None else (found.mean, found.sd) for found in stats])
    ]
    numbers = info.arms.reference.numbers
    if numbers:
        places = range(len(info.arms.levels))
        rows = [{m: numbers.get((i, m)) for m in ACCURACIES} for i in places]
        paper: list[Cell] = [assignment_gap(row, {"labeled_ratio": 0.5}) for row in rows]
        extra.append((Column("assignment_gap_paper", "Assignment gap, paper", "number"), paper))
    table = level_table(info.arms, "ablation", "The arms", extra)
    note = (
        " Strict counts novel images that are given a seen class as errors. The assignment gap is "
        "All minus the mean of seen and novel, weighted by their images: All matches classes and "
        "predictions once for all images, so that a gap far below zero shows novel classes that "
        "are scored only because they took a seen class\u2019s place."
    )
    return replace(table, caption=table.caption + note)


def changes_table(info: AblationInfo) -> Table:
    """One row per setting that an arm changes."""
    columns = (
        Column("arm", "Arm"),
        Column("setting", "Setting"),
        Column("default", "In the default arm", "value"),
        Column("changed", "In this arm", "value"),
    )
    rows = tuple(
        (value_text(arm), name, scalar(old), scalar(new))
        for arm, changes in zip(info.arms.levels, info.changes, strict=True)
        for name, (old, new) in changes.items()
    )
    caption = (
        "What each arm changes: all settings whose resolved value differs from that of the default "
        "arm. A dash stands for a setting that the arm\u2019s method has not."
    )
    return Table("ablation_changes", caption, columns, rows)


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
            (found.by_seed[seed], place - aside)
            for place, i in enumerate(order)
            if (found := info.differences[metric][i]) is not None and seed in found.by_seed
        ]
        figure.add_scatter(
            x=[thin(x) for x, _ in points],
            y=[y for _, y in points],
            mode="markers",
            opacity=0.85,
            marker={"color": light(key.colour if few else "grey"), "symbol": key.symbol, "size": 6},
            hovertemplate=f"seed {seed}: %{{x:+.1f}} points<extra></extra>",
        )
    _add_estimates(figure, info, metric, order)
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
        blocks.append(_figure(info.arms))
    else:
        blocks.append("No arm has a seed in common with the default arm yet.")
    blocks += [difference_table(info.arms, "ablation_differences")]
    if any(info.changes):
        blocks.append(changes_table(info))
    if info.misnamed:
        blocks.append(
            f"{', '.join(info.misnamed)}: named as in Table 4 of the paper, but changing other "
            "settings, so that none of its numbers stands beside."
        )
    return [Section("ablation", "Ablation", tuple(blocks), (finding(info.arms, "Ablation"),))]


def _figure(info: SliceInfo) -> Figure:
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
        f"{info.reference.caption}"
    )
    return Figure(
        "ablation_figure",
        finding(info, "Ablation"),
        caption.strip(),
        tuple(keys),
        lambda: draw_ablation(info),
        110 + 52 * max(2, len(info.levels) - 1),
        "ablation_differences",
    )
