"""The arms of a sweep against its first one: what they change, and what that does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lps_sweep.report import against
from lps_sweep.report.arms import GAP, Arms, assignment_gap, is_confirmation, read_arms
from lps_sweep.report.cells import ACCURACIES, same
from lps_sweep.report.columns import finding, level_table
from lps_sweep.report.levels import Level
from lps_sweep.report.methods import read_methods
from lps_sweep.report.model import Block, Column, Fold, Pair, Section, Table
from lps_sweep.report.numbers import scalar

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 35
_CONFIRMATION = "Confirmation"
_FRESH = (
    "The selected arm had the highest mean of its sweep, which is too high because it was selected "
    "for it. Here both arms have fresh seeds: this is the estimate to quote."
)
_GAP_NOTES = (
    "Strict counts novel images that are given a seen class as errors. The assignment gap is All "
    "minus the mean of seen and novel, weighted by their images: far below zero, novel classes are "
    "scored only because they took a seen class\u2019s place."
)


def arms_table(arms: Arms) -> Table:
    """One row per arm: accuracies, assignment gap, n, the paper's numbers and gap."""
    levels = arms.levels

    def gap(row: Level) -> float | None:
        return assignment_gap({m: row.paper(m) for m in ACCURACIES}, {"labeled_ratio": 0.5})

    def measured(row: Level) -> Pair:
        return row.cell.mean_sd(GAP)

    extra = [Column("assignment_gap", "Assignment gap ± sd", "mean_sd", of=measured)]
    if levels.reference.numbers:
        extra.append(Column("assignment_gap_paper", "Assignment gap, paper", "number", of=gap))
    return level_table(levels, "ablation", "The arms", extra, _GAP_NOTES)


def changes_table(arms: Arms) -> Table:
    """One row per setting that an arm changes."""
    rows = [
        (text, name, scalar(old), scalar(new))
        for text, changes in zip(arms.levels.texts, arms.changes, strict=True)
        for name, (old, new) in changes.items()
    ]
    columns = (
        Column("arm", "Arm"),
        Column("setting", "Setting"),
        Column("default", "In the default arm", "value"),
        Column("changed", "In this arm", "value"),
    )
    caption = (
        "What each arm changes: all settings whose resolved value differs from that of the default "
        "arm. A dash stands for a setting that the arm\u2019s method has not."
    )
    return Table("ablation_changes", caption, columns, tuple(rows))


def changes_text(arms: Arms) -> str:
    """Whether each arm changes one thing only, by the resolved configurations."""
    others = [(arms.levels.texts[i], arms.changes[i]) for i in arms.levels.others]
    more = [f"{arm} ({len(changes)})" for arm, changes in others if len(changes) != 1]
    text = (
        f"{len(others) - len(more)} of {len(others)} arms differ from the default arm in one "
        "setting only, by their resolved configurations"
    )
    text += f"; not so {', '.join(more)}." if more else "."
    plain = any(same(changes["C"][1], 0) for _, changes in others if "C" in changes)
    return f"{text} C = 0 leaves plain cross-entropy, not no loss." if plain else text


def sections(view: SweepView) -> list[Section]:
    """The section on the arms, where there are two; none where each is a method, or searched."""
    arms = read_arms(view)
    if arms is None or view.record.search:
        return []
    levels, title, methods = arms.levels, title_of(view, arms), read_methods(view)
    if title == "Arms" and methods and methods.whole:
        return []
    blocks: list[Block] = [_FRESH] if title == _CONFIRMATION else []
    figure, *others = against.blocks(
        levels, "ablation", title, levels.setting_text(view.record.settings)
    )
    blocks += [figure, arms_table(arms), *others]
    if any(arms.changes):
        blocks += [changes_text(arms), Fold("What each arm changes", changes_table(arms))]
    if arms.misnamed:
        blocks.append(
            f"{', '.join(arms.misnamed)}: named as in Table 4 of the paper, but changing other "
            "settings, so that none of its numbers stands beside."
        )
    return [Section("ablation", title, tuple(blocks), (finding(levels, title),))]


def title_of(view: SweepView, arms: Arms) -> str:
    """What the arms are: a confirmation, machine noise, some of several methods, or parts."""
    from lps_sweep.results.noise import is_noise

    if is_confirmation(arms.levels.texts):
        return _CONFIRMATION
    if is_noise(view):
        return "Machine noise"
    return "Arms" if any("method" in changed for changed in arms.changes) else "Ablation"
