"""Progress for people: one bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from lps_sweep.plan import PlannedTrial
from lps_sweep.results import PlanChange

LINE_INTERVAL_S = 2.0
"""Least time between two plain lines of ordinary progress."""

WIDE = 120
"""Columns of a terminal in which the bar has room beside all accuracies."""


def announcement(
    change: PlanChange,
    num_planned: int,
    outcomes: Mapping[str, str],
    chosen: Sequence[str],
    elsewhere: Collection[str] = (),
) -> list[str]:
    """What a run is going to do, where that is not simply all that was planned before.

    Args:
        change: What its plan changed.
        num_planned: All planned trials.
        outcomes: Status of those that had an outcome before the run.
        chosen: The trials that the run may start, those tried again among them.
        elsewhere: Trials that another rule ended, which is no end here.
    """
    lines = []
    if change.added and change.added < num_planned:
        known = f" ({change.shared} known from elsewhere)" if change.shared else ""
        lines.append(f"{_trials(change.added)} of {num_planned} planned: new in the plan{known}")
    if change.orphaned:
        lines.append(f"{_trials(change.orphaned)} no longer in the plan: kept, and left out")
    if further := sum(t in elsewhere for t in chosen):
        lines.append(f"{_trials(further)} stopped by another rule: trained further")
    again = Counter(outcomes[t] for t in chosen if t in outcomes and t not in elsewhere)
    if again:
        states = ", ".join(f"{number} {status}" for status, number in sorted(again.items()))
        lines.append(f"{_trials(again.total())} to be tried again: {states}")
    left = num_planned - sum(t not in elsewhere for t in outcomes) + again.total()
    if len(chosen) < left:
        lines.append(f"{len(chosen)} of {_trials(left)} chosen; the others are not run now")
    return lines


def _trials(number: int) -> str:
    return f"{number} trial" if number == 1 else f"{number} trials"


class Progress:
    """Follows all trials of a sweep.

    Accuracies are those on the hidden labels of the unlabeled images and are marked "oracle".

    Args:
        console: Where to write.
        trials: All trials to follow: those with an outcome and those that may be started.
        outcomes: Status of the trials that have one already.
    """

    def __init__(
        self, console: Console, trials: Sequence[PlannedTrial], outcomes: Mapping[str, str]
    ) -> None:
        self._console = console
        self._trials = {trial.trial_id: trial for trial in trials}
        self._outcomes = dict(outcomes)
        self._epochs = {t: self._length(t) if t in outcomes else 0 for t in self._trials}
        self._latest: Mapping[str, float] = {}
        self._best = float("-inf")
        self._line_due = 0.0
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        total = sum(self._length(t) for t in self._trials)
        self._task = self._bar.add_task(
            "starting", total=total, completed=sum(self._epochs.values())
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def extend(self, trials: Sequence[PlannedTrial]) -> None:
        """Trials to follow from now on, beside those so far."""
        new = {t.trial_id: t for t in trials if t.trial_id not in self._trials}
        if new:
            self._trials |= new
            self._epochs |= dict.fromkeys(new, 0)
            total = sum(self._length(t) for t in self._trials)
            self._bar.update(self._task, total=total)

    def say(self, text: str) -> None:
        """Prints a line."""
        self._console.print(text, highlight=False, markup=False)

    def trunk(self, epoch: int, epochs: int, loss: float) -> None:
        """Shows an epoch of pre-training."""
        text = f"pre-training {epoch}/{epochs}, loss {loss:.3f}"
        self._bar.update(self._task, description=text)
        self._line(text, always=epoch == epochs)

    def trunk_made(self, quality: Mapping[str, float], untrained: Mapping[str, float]) -> None:
        """Says how good the features of a trunk are."""
        names = {"oracle_linear_probe": "linear probe", "oracle_kmeans_acc": "k-means"}
        parts = [f"{names[n]} {quality[n]:.1f} ({untrained[n]:.1f})" for n in names]
        worse = [names[n] for n in names if quality[n] <= untrained[n]]
        text = f"trunk: oracle {', '.join(parts)} percent, in brackets random weights"
        if worse:
            text += f"; no better than these by {' and '.join(worse)}: is it any good?"
        self.say(text)

    def epoch(self, trial_id: str, epoch: int, metrics: Mapping[str, float]) -> None:
        """Shows an epoch of a trial."""
        self._epochs[trial_id] = epoch
        self._latest = metrics
        self._show(always=False)

    def outcome(self, trial_id: str, status: str, metrics: Mapping[str, float]) -> None:
        """Shows how a trial ended."""
        self._outcomes[trial_id] = status
        self._epochs[trial_id] = self._length(trial_id)
        if status == "done":
            self._best = max(self._best, metrics.get("acc_all", float("-inf")))
        else:
            trial = self._trials[trial_id]
            swept = " ".join(f"{name}={value}" for name, value in trial.swept.items())
            self.say(f"trial {trial_id} {status}: {swept} seed={trial.seed}")
        self._show(always=len(self._outcomes) == len(self._trials))

    def _length(self, trial_id: str) -> int:
        return self._trials[trial_id].config.loop.epochs

    def _show(self, *, always: bool) -> None:
        brief = self._text(brief=self._console.width < WIDE)
        self._bar.update(self._task, description=brief, completed=sum(self._epochs.values()))
        self._line(self._text(brief=False), always=always)

    def _text(self, *, brief: bool) -> str:
        counts = Counter(self._outcomes.values())
        running = sum(1 for t, epoch in self._epochs.items() if epoch and t not in self._outcomes)
        lost = counts["failed"] + counts["diverged"]
        stopped = f", {counts['stopped']} stopped" if counts["stopped"] else ""
        done = f"{counts['done']}/{len(self._trials)} done{stopped}"
        parts = [f"{done}, {running} running, {lost} failed"]
        if {"acc_seen", "acc_novel", "acc_all"} <= set(self._latest):
            seen, novel, all_ = (self._latest[f"acc_{part}"] for part in ("seen", "novel", "all"))
            oracle = f"oracle: seen {seen:.1f} novel {novel:.1f} all {all_:.1f}"
            if brief:
                return f"{parts[0]} | oracle all {all_:.1f}"
            best = f", best all {self._best:.1f}" if self._best > float("-inf") else ""
            parts.append(oracle + best)
        return " | ".join(parts)

    def _line(self, text: str, *, always: bool) -> None:
        now = time.monotonic()
        if self._console.is_terminal or not (always or now >= self._line_due):
            return
        self._line_due = now + LINE_INTERVAL_S
        self.say(text)
