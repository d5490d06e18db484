"""Decides in the driver which trials end early, over the members of all packs of a sweep.

What is decided follows from rows of the ledger alone, and is committed with the row that it
follows from: a trial without an outcome has been let go on at every rung that it has a row of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from lps_sweep.finite import is_finite
from lps_sweep.indices import LAST_ONLY
from lps_sweep.plan import PlannedTrial, SearchSpace, Stopping
from lps_sweep.results import Counts, Curve, Ledger, Stop
from lps_sweep.sweep.rows import MemberRow, Row
from lps_sweep.sweep.stopping_rules import Verdict, asha, halving, median
from lps_sweep.train.events import EpochDone, Finished

Decisions = list[tuple[str, Stop]]
"""Trials that are to end, and why."""


def needed_metrics(space: SearchSpace) -> tuple[str, ...]:
    """What a trial must measure after each epoch, since a rule or a search goes by it."""
    names = space.search.objectives if space.search else ()
    if space.stopping:
        names = (*names, space.stopping.metric)
    every = dict.fromkeys(name.removeprefix("oracle.") for name in names)
    return tuple(name for name in every if name not in LAST_ONLY)


class Judge:
    """Compares the trials of a sweep at their rungs.

    With ``halving`` the trials of one pack key, which includes the seed, are a group, and a rung
    is judged when all of the group have come to it or to an end. With ``asha`` and ``median`` the
    trials of one seed, or all, are, and who comes to a rung is judged at once, once, by what is
    recorded then; those that come in one report are judged together. Recorded curves count,
    whichever sweep they were trained for.

    Args:
        sweep: Name of the sweep.
        stopping: Its rule.
        trials: All trials that are planned, by id; may grow.
    """

    def __init__(self, sweep: str, stopping: Stopping, trials: Mapping[str, PlannedTrial]) -> None:
        self._sweep = sweep
        self._stopping = stopping
        self._trials = trials
        self._metric = stopping.metric.removeprefix("oracle.")
        self._curves: dict[str, Curve] = {}
        self._ended: set[str] = set()
        self._groups: dict[str, list[str]] = {}
        self.rungs: tuple[int, ...] = ()

    def load(self, ledger: Ledger) -> None:
        """Takes up what is recorded."""
        curves = ledger.curves(self._sweep, self._metric)
        self._curves = {trial: curves.get(trial, {}) for trial in self._trials}
        self._ended = set(ledger.outcomes(self._sweep))
        groups = defaultdict(list)
        for trial in self._trials:
            groups[self._group(trial)].append(trial)
        self._groups = dict(groups)
        longest = max(trial.config.loop.epochs for trial in self._trials.values())
        self.rungs = self._stopping.rungs(longest)

    def arrived(self, rows: Sequence[Row]) -> Decisions:
        """Takes note of `rows`, all of them recorded in one commit; who is to end in it."""
        new, touched = [], []
        for event in (row.event for row in rows if isinstance(row, MemberRow)):
            trial = event.trial_id
            if isinstance(event, EpochDone):
                curve = self._curves[trial]
                if event.epoch not in curve:
                    new.append((trial, event.epoch))
                value = event.metrics.get(self._metric)
                curve[event.epoch] = value if is_finite(value) else None
            elif isinstance(event, Finished):
                self._ended.add(trial)
            touched.append(trial)
        if self._stopping.rule == "halving":
            return self._synchronous(dict.fromkeys(map(self._group, touched)))
        return self._asynchronous([(t, e) for t, e in new if t not in self._ended])

    def due(self) -> Decisions:
        """Who is to end by what is recorded, without anything new."""
        return self._synchronous(self._groups) if self._stopping.rule == "halving" else []

    def waiting(self, trial_ids: Iterable[str]) -> set[str]:
        """Those of `trial_ids` that are at a rung to which others must still come."""
        if self._stopping.rule != "halving":
            return set()
        return {
            trial
            for trial in trial_ids
            if self._reached(trial) in self.rungs
            and not self._complete(self._group(trial), self._reached(trial))
        }

    def until(self, pack: Sequence[str], first: int) -> int | None:
        """The epoch after which a pack that goes on from epoch `first` must wait for others.

        None where there is no such epoch: no rule waits, or the pack holds all of its group that
        have no end yet.
        """
        group = self._group(pack[0])
        if self._stopping.rule != "halving":
            return None
        if {t for t in self._groups[group] if t not in self._ended} <= set(pack):
            return None
        ahead = (r for r in self.rungs if r > first and not self._complete(group, r))
        return next(ahead, None)

    def _group(self, trial_id: str) -> str:
        trial = self._trials[trial_id]
        if self._stopping.rule == "halving":
            return trial.pack_key
        return str(trial.seed) if self._stopping.compare == "seed" else ""

    def _reached(self, trial_id: str) -> int:
        return max(self._curves[trial_id], default=0)

    def _complete(self, group: str, rung: int) -> bool:
        """Whether none of `group` can still come to `rung`."""
        return all(t in self._ended or self._reached(t) >= rung for t in self._groups[group])

    def _synchronous(self, groups: Iterable[str]) -> Decisions:
        found: Decisions = []
        for group in groups:
            trials = self._groups[group]
            for number, rung in enumerate(self.rungs, start=1):
                here = [t for t in trials if t not in self._ended and self._reached(t) == rung]
                if not here or not self._complete(group, rung):
                    continue
                values = self._values(group, rung)
                judged = [t for t in here if t in values]
                verdicts = halving(
                    values,
                    judged,
                    reduction=self._stopping.reduction,
                    rung=number,
                    planned=len(trials),
                )
                found += self._decided(verdicts, rung)
        return found

    def _asynchronous(self, arrivals: Iterable[tuple[str, int]]) -> Decisions:
        together: dict[tuple[str, int], list[str]] = defaultdict(list)
        for trial, epoch in arrivals:
            if epoch in self.rungs:
                together[self._group(trial), epoch].append(trial)
        found: Decisions = []
        for (group, epoch), trials in together.items():
            values = self._values(group, epoch)
            judged = [t for t in trials if t in values]
            if self._stopping.rule == "asha":
                verdicts = asha(values, judged, reduction=self._stopping.reduction)
            else:
                curves = {t: self._so_far(t, epoch) for t in values}
                verdicts = median(curves, judged, min_trials=self._stopping.min_trials)
            found += self._decided(verdicts, epoch)
        return found

    def _values(self, group: str, epoch: int) -> dict[str, float]:
        """The metric after `epoch` of the trials of `group` that have it."""
        known = ((t, self._curves[t].get(epoch)) for t in self._groups[group])
        return {trial: value for trial, value in known if value is not None}

    def _so_far(self, trial_id: str, epoch: int) -> list[float]:
        curve = self._curves[trial_id]
        return [value for e, value in curve.items() if e <= epoch and value is not None]

    def _decided(self, verdicts: Iterable[Verdict], epoch: int) -> Decisions:
        rung = self.rungs.index(epoch) + 1
        found = []
        for v in verdicts:
            self._ended.add(v.trial_id)
            stop = Stop(
                self._sweep,
                self._stopping.text(),
                rung=rung,
                epoch=epoch,
                rank=v.rank,
                compared=v.compared,
                value=v.value,
                bar=v.bar,
            )
            found.append((v.trial_id, stop))
        return found


def stopped_elsewhere(space: SearchSpace, ledger: Ledger) -> list[str]:
    """The trials that a rule ended which is not the one that `space` has now.

    Such an end is none for `space`: in its place the trial goes on from where it was ended. It is
    the rule of another sweep, or an earlier one of the same.
    """
    return [trial for trial, stop in ledger.stops().items() if not _is_own(space, stop)]


def restore_stops(space: SearchSpace, ledger: Ledger) -> list[str]:
    """Ends again what the rule of `space` had ended, and a sweep without it has taken up.

    That sweep was left before it came to the end of these trials, or else they would be done.

    Returns:
        The trials; they are stopped again, for the reason of then.
    """
    found = {
        trial_id: record.stop
        for trial_id in (ledger.outstanding(space.name) if space.stopping else ())
        for record in ledger.attempts(trial_id)
        if record.stop and _is_own(space, record.stop)
    }
    with ledger.transaction():
        attempts = ledger.start_attempts(list(found), "none", {})
        for trial_id, stop in found.items():
            ledger.finish(trial_id, attempts[trial_id], "stopped", epoch=stop.epoch, stop=stop)
    return list(found)


def own_counts(space: SearchSpace, ledger: Ledger) -> Counts:
    """The trials of `space` by state; who was stopped elsewhere is not run."""
    counts = ledger.counts(space.name, driver_alive=False)
    others = len(set(stopped_elsewhere(space, ledger)) & ledger.outcomes(space.name).keys())
    return replace(counts, stopped=counts.stopped - others, not_run=counts.not_run + others)


def _is_own(space: SearchSpace, stop: Stop | None) -> bool:
    """Whether the decision is one of the rule that `space` has now."""
    if stop is None or space.stopping is None:
        return False
    return (stop.sweep, stop.rule) == (space.name, space.stopping.text())
