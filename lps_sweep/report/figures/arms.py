"""The arms of an ablation: their numbers, what each of them changes, and their tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import ACCURACIES, plain, same, select
from lps_sweep.report.figures.slice_tables import level_table
from lps_sweep.report.figures.slices import SliceInfo, slice_info
from lps_sweep.report.reference import level_reference
from lps_sweep.report.tables import Cell, Column, Table, scalar, value_text

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

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
        paper_names: Per arm, the one of Table 4 that its changes make; empty for any other.
    """

    arms: SliceInfo
    changes: tuple[Changes, ...]
    gaps: tuple[Mapping[int, float], ...]
    paper_names: tuple[str, ...]

    @property
    def misnamed(self) -> tuple[str, ...]:
        """Arms with a name of Table 4 that change something else."""
        from lps_sweep.results.paper import ABLATION_ARMS

        pairs = zip(self.arms.levels, self.paper_names, strict=True)
        return tuple(str(arm) for arm, name in pairs if arm in ABLATION_ARMS and arm != name)


def ablation_info(view: SweepView) -> AblationInfo | None:
    """The arms of `view`; None where it has fewer than two."""
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
        paper_names=tuple(names),
    )


def arm_changes(view: SweepView, info: SliceInfo, trials: list[list[Any]]) -> tuple[Changes, ...]:
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
    uneven = settings.get("seen_classes") or settings.get("novel_classes")
    weight = seen_weight(settings.get("labeled_ratio"), uneven)
    if all(isinstance(v, float) for v in strict) and abs(strict[0] - strict[1]) >= 1:
        weight = (strict[2] - strict[1]) / (strict[0] - strict[1])
    return None if weight is None else float(both - weight * seen - (1 - weight) * novel)


def seen_weight(ratio: Any, uneven: Any) -> float | None:
    """Share of seen images among the unlabeled, where as many classes are seen as novel."""
    if not isinstance(ratio, int | float) or uneven:
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


def changes_text(info: AblationInfo) -> str:
    """Whether each arm changes one thing only, by the resolved configurations."""
    arms = list(zip(info.arms.levels, info.changes, strict=True))
    others = [
        (value_text(arm), changes)
        for i, (arm, changes) in enumerate(arms)
        if i != info.arms.default
    ]
    alone = [arm for arm, changes in others if len(changes) == 1]
    more = [f"{arm} ({len(changes)})" for arm, changes in others if len(changes) != 1]
    text = (
        f"By their resolved configurations, {len(alone)} of {len(others)} arms differ from the "
        "default arm in one setting only"
    )
    text += f"; not so {', '.join(more)}." if more else "."
    if any(same(c["C"][1], 0) for _, c in others if "C" in c):
        text += (
            " C = 0 leaves plain cross-entropy in place of the margin loss; the loss is not gone."
        )
    return text


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
