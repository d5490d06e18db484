"""The arms of an ablation: their numbers, what each of them changes, and the assignment gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import ACCURACIES, Cell, plain, same, select
from lps_sweep.report.levels import ARM, Levels, read_levels
from lps_sweep.report.reference import LOCATIONS, level_reference

if TYPE_CHECKING:
    from pandas import DataFrame

    from lps_sweep.results.view import SweepView

METRICS = (*ACCURACIES, "acc_novel_strict")
GAP = "gap"
"""The assignment gap in points, which `with_gap` gives a cell as one more metric."""

Changes = Mapping[str, tuple[Any, Any]]
"""By setting, its value in the default arm and in another; None where an arm has it not."""


@dataclass(frozen=True)
class Arms:
    """The arms and what they are.

    Attributes:
        levels: The arms; their reference is matched by what an arm changes, never by
            its name.
        changes: Per arm, the settings that differ from the default arm's.
        paper_names: Per arm, the one of Table 4 that its changes make; empty for any other.
    """

    levels: Levels
    changes: tuple[Changes, ...]
    paper_names: tuple[str, ...]

    @property
    def misnamed(self) -> tuple[str, ...]:
        """Arms with a name of Table 4 that change something else."""
        from lps_sweep.results.paper import ABLATION_ARMS

        pairs = zip(self.levels.values, self.paper_names, strict=True)
        return tuple(str(arm) for arm, name in pairs if arm in ABLATION_ARMS and arm != name)


def read_arms(view: SweepView) -> Arms | None:
    """The arms of `view`; None where it has fewer than two."""
    if len(view.record.axes.get(ARM, ())) < 2:
        return None
    info = read_levels(view, ARM, METRICS)
    rows = [select(view.trials, {**info.held, ARM: arm}) for arm in info.values]
    changes = arm_changes(view, info, [frame["trial_id"].tolist() for frame in rows])
    names = [_paper_name(i == info.default, change) for i, change in enumerate(changes)]
    reference = level_reference(view.record.settings, ARM, names)
    comparable = reference.comparable and not info.off_default
    cells = tuple(with_gap(view, *both) for both in zip(rows, info.cells, strict=True))
    reference = replace(reference, comparable=comparable)
    return Arms(replace(info, cells=cells, reference=reference), changes, tuple(names))


def is_confirmation(arms: Sequence[str]) -> bool:
    """Whether these are the arms of a confirmation, by the names that it gives."""
    first, *others = arms
    return first == "default" and all(name.startswith("selected") for name in others)


def arm_changes(view: SweepView, info: Levels, trials: list[list[Any]]) -> tuple[Changes, ...]:
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


def with_gap(view: SweepView, trials: DataFrame, cell: Cell) -> Cell:
    """The cell of `trials` with the assignment gap of each done seed."""
    done = [row for row in trials.to_dict("records") if row["status"] == "done"]
    settings = view.record.settings
    found = {
        int(row["seed"]): assignment_gap(row, view.configs.get(row["trial_id"], settings))
        for row in done
    }
    gaps = {seed: gap for seed, gap in found.items() if gap is not None}
    return replace(cell, values={**cell.values, GAP: gaps})


def assignment_gap(row: Mapping[Any, Any], settings: Mapping[str, Any]) -> float | None:
    """All minus the mean of Seen and Novel, weighted by their numbers of images, in points.

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
