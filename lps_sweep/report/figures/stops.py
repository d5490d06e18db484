"""Trials that a rule ended before their last epoch; part of run health."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import plain, point_text
from lps_sweep.report.tables import Column, Table
from lps_sweep.results import Stop

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView


@dataclass(frozen=True)
class StoppedTrial:
    """A trial that a rule ended.

    Attributes:
        trial_id: The trial.
        setting: Its swept values.
        seed: Its seed.
        epochs: Epochs that were planned for it.
        stop: The decision; None if what is recorded cannot be read.
    """

    trial_id: str
    setting: dict[str, Any]
    seed: int
    epochs: int
    stop: Stop | None


def stopped_trials(view: SweepView) -> list[StoppedTrial]:
    """The trials of `view` that are stopped, in the order of the plan."""
    frame = view.trials[view.trials["status"] == "stopped"]
    return [
        StoppedTrial(
            trial_id=str(row["trial_id"]),
            setting={name: plain(row[name]) for name in view.record.axes},
            seed=int(row["seed"]),
            epochs=_epochs(view, str(row["trial_id"])),
            stop=Stop.read(str(row["error"])),
        )
        for row in frame.to_dict("records")
    ]


def _epochs(view: SweepView, trial_id: str) -> int:
    epochs = view.configs[trial_id].get("epochs", 0)
    return epochs if isinstance(epochs, int) else 0


def stopped_table(trials: list[StoppedTrial]) -> Table:
    """One row per trial that a rule ended: where, and with which place among how many."""
    columns = (
        Column("trial_id", "Trial", "trial"),
        Column("setting", "Setting"),
        Column("seed", "Seed", "value"),
        Column("rung", "Rung", "value"),
        Column("epoch", "After epoch", "value"),
        Column("epochs", "Of", "value"),
        Column("rank", "Rank", "value"),
        Column("compared", "Among", "value"),
        Column("value", "Value", "number"),
        Column("bar", "Needed", "number"),
    )
    rows = []
    for one in trials:
        s = one.stop
        where = (s.rung, s.epoch) if s else (None, None)
        what = (s.rank, s.compared, s.value, s.bar) if s else (None, None, None, None)
        first = (one.trial_id, point_text(one.setting), one.seed)
        rows.append((*first, *where, one.epochs, *what))
    rules = " ".join(f"{rule}." for rule in _rules(trials))
    caption = (
        "Trials that a rule ended early; they have no final value and enter no other table. "
        f"Rank 1 is the best; who was below what was needed was ended. {rules}"
    )
    return Table("stopped", caption.strip(), columns, tuple(rows))


def stopped_text(trials: list[StoppedTrial], planned_epochs: int) -> str:
    """What stopping saved of `planned_epochs`, and how it bears on means; empty without any."""
    if not trials:
        return ""
    saved = sum(one.epochs - one.stop.epoch for one in trials if one.stop)
    share = f" ({100 * saved / planned_epochs:.0f} %)" if planned_epochs else ""
    number = "1 trial" if len(trials) == 1 else f"{len(trials)} trials"
    return (
        f"A rule ended {number} early, which saved {saved} of {planned_epochs} planned "
        f"epochs{share}. Where a setting was ended at some seeds and not at others, the seeds left "
        "are those that did well at first: their mean flatters the setting."
    )


def _rules(trials: list[StoppedTrial]) -> list[str]:
    return list(dict.fromkeys(one.stop.rule for one in trials if one.stop))
