"""What a run of a search space would find and start now; the results folder is only read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lps_sweep.config import Config, Value, shown
from lps_sweep.errors import BadInputError
from lps_sweep.params import param
from lps_sweep.plan import Content, PlannedTrial, SearchSpace
from lps_sweep.results import REOPENABLE, Ledger, PlanChange
from lps_sweep.sweep.choice import Choice
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.costs import Cost, Kind, recorded_costs
from lps_sweep.sweep.estimate import estimate, hours_text, workers_here
from lps_sweep.sweep.folds import folded, worth
from lps_sweep.sweep.planned import as_known, planned_for
from lps_sweep.sweep.search.asked import Earlier, asked_before
from lps_sweep.sweep.simulated import SimulatedDriver, Work
from lps_sweep.sweep.stopping import stopped_elsewhere

SHOWN_TWINS = 3


@dataclass(frozen=True)
class Outlook:
    """What is known of the trials that a search space plans.

    Attributes:
        num_trials: All that are planned, those that a search has yet to ask for among them.
        trials: Those that are known, each with the id that the results folder knows it by.
        to_ask: What a search has yet to ask for, with default values, by batch.
        earlier: What a search asked for before.
        outcomes: Status of the trials that have one.
        change: What recording the plan would change; None where not all identities are known.
        left_out: Trials that were planned before and are not any more: id, seed and values.
        costs: Of each kind of trial, as recorded.
        folds: The trainings on folds of those that are done or may become so, to be asked for or
            not; they begin when the trials have ended.
        fold_outcomes: Status of the trainings on folds that have one.
    """

    num_trials: int
    trials: Sequence[PlannedTrial]
    to_ask: Sequence[Sequence[PlannedTrial]]
    earlier: Earlier = field(default_factory=Earlier)
    outcomes: Mapping[str, str] = field(default_factory=dict)
    change: PlanChange | None = None
    left_out: Sequence[Mapping[str, Any]] = ()
    costs: Mapping[Kind, Cost] = field(default_factory=dict)
    folds: Sequence[PlannedTrial] = ()
    fold_outcomes: Mapping[str, str] = field(default_factory=dict)

    @property
    def fold_rounds(self) -> list[list[PlannedTrial]]:
        """Those of `folds` without an outcome, which are trained together; no list of none."""
        left = [fold for fold in self.folds if fold.trial_id not in self.fold_outcomes]
        return [left] if left else []


def outlook(
    space: SearchSpace,
    listed: Sequence[PlannedTrial],
    results: Path,
    content: Callable[[Config], Content] = content_of,
    knows: Callable[[Config], bool] = lambda _: True,
) -> Outlook:
    """What the results folder knows of what `space` plans.

    Args:
        space: The search space.
        listed: Its listed trials; of a search, those of its cells.
        results: The results folder.
        content: Finds the content hashes of a configuration.
        knows: Whether these are known: a trial without them has no identity and no outcome.

    Raises:
        StorageError: The results folder cannot be read.
    """

    def planned(trials: Sequence[PlannedTrial], **found: Any) -> Outlook:
        number = len(listed) * (space.search.configurations if space.search else 1)
        unknown = [
            replace(listed[n % len(listed)], trial_id=f"unknown-{n}")
            for n in range(number - len(trials))
        ]
        together = len(listed) * (space.search.together if space.search else 1)
        batches = [unknown[n : n + together] for n in range(0, len(unknown), together)]
        ends, known = found.pop("ends", {}), worth(trials, found.get("outcomes", {}), ahead=True)
        found |= _folds(folded(space, known, content), folded(space, unknown, content), ends)
        return Outlook(max(number, len(trials)), trials, batches, **found)

    try:
        ledger = Ledger.open(results)
    except BadInputError:  # there is none yet, or a driver died while it made it
        trials = () if space.search else tuple(listed)
        whole = all(knows(trial.config) for trial in trials)
        return planned(trials, change=PlanChange(len(trials), 0, 0) if whole else None)
    with ledger, ledger.snapshot():
        if space.search:
            earlier = asked_before(space, ledger)
            trials = planned_for(space, earlier.asked, ledger, content)
        else:
            earlier = Earlier()
            trials = as_known(listed, ledger, content)
        now = {trial.trial_id for trial in trials if knows(trial.config)}
        known = {**ledger.known(), **dict.fromkeys(stopped_elsewhere(space, ledger), "")}
        found: dict[str, Any] = {
            "earlier": earlier,
            "ends": known,
            "outcomes": {t: status for t, status in known.items() if status and t in now},
            "costs": recorded_costs(ledger, results),
        }
        if len(now) == len(trials):
            before = {*ledger.outcomes(space.name), *ledger.outstanding(space.name)}
            added = now - before
            shared = len(added & known.keys())
            found["change"] = PlanChange(len(added), shared, len(before - now))
            old = [ledger.trial(trial_id, space.name) for trial_id in sorted(before - now)]
            found["left_out"] = [
                {"trial_id": t.trial_id, "seed": t.seed, "swept": t.swept} for t in old
            ]
    return planned(trials, **found)


def _folds(
    known: Sequence[PlannedTrial], unknown: Sequence[PlannedTrial], ends: Mapping[str, str]
) -> dict[str, Any]:
    """The folds of an `Outlook`, and their `ends`; those of unknown trials get ids of their own."""
    of_unknown = [replace(f, trial_id=f"{f.trial_id}-{n}") for n, f in enumerate(unknown)]
    outcomes = {t: ends[t] for f in known if ends.get(t := f.trial_id)}
    return {"folds": (*known, *of_unknown), "fold_outcomes": outcomes}


@dataclass(frozen=True)
class Threshold:
    """What a run may start without a question."""

    trials: int = param(1000, "trials to be started", low=0)
    hours: float = param(24.0, "hours that they take here, by what is recorded", low=0)


def above(
    threshold: Threshold,
    space: SearchSpace,
    listed: Sequence[PlannedTrial],
    choice: Choice,
    results: Path,
) -> str:
    """In words, what a run would start beyond `threshold`; empty where it would not.

    Args:
        threshold: What may be started without a question.
        space: What is run.
        listed: Its listed trials; of a search, those of its cells.
        choice: Which of them may be started.
        results: The results folder, which is only read.

    Raises:
        StorageError: The results folder cannot be read.
    """
    ahead = outlook(space, listed, results)
    trials = ahead.trials
    ids = [t.trial_id for t in trials] if space.search else choice.matching(trials)
    chosen = {*choice.choose(ids, ahead.outcomes)}
    left = [trial for trial in trials if trial.trial_id in chosen]
    rounds = [left, *ahead.to_ask, *ahead.fold_rounds]
    if choice.limit is not None:
        rounds = [left, *(r[: choice.limit - len(left)] for r in rounds[1:])]
    work = Work(rounds, (), ahead.costs, space.resources)
    number = len(work.trials)
    if number > threshold.trials:
        return f"{number} trials are to be started, more than {threshold.trials}"
    hours = estimate(SimulatedDriver(work, workers_here(space.resources))).hours
    if hours is not None and hours > threshold.hours:
        return (
            f"{number} trials are to be started, which take {hours_text(hours)} here, more "
            f"than {threshold.hours:g}"
        )
    return ""


def notes(
    space: SearchSpace,
    listed: Sequence[PlannedTrial],
    earlier: Earlier,
    outcomes: Mapping[str, str],
) -> list[str]:
    """Lines about twins, and about what a search does not count or did not learn from."""
    return [*_twins(listed), *earlier.lines(), *nothing_learnt(space, outcomes)]


def nothing_learnt(space: SearchSpace, outcomes: Mapping[str, str]) -> list[str]:
    """A line where no trial of a search has a value that the search could learn from."""
    if not space.search or not outcomes or {*outcomes.values()} - {*REOPENABLE}:
        return []
    return [
        f"all {len(outcomes)} trials of the search failed or diverged, so that it has learnt "
        "nothing: change its domains (what lies outside them then does not count), or try again "
        "with --retry"
    ]


def _twins(trials: Sequence[PlannedTrial]) -> list[str]:
    """Which configurations are one and the same setting; each is said once for all seeds."""
    pairs = dict.fromkeys(
        f"{_words(twin, trial.swept)} is {_words(trial.swept, twin)}"
        for trial in trials
        for twin in trial.twins
    )
    if not pairs:
        return []
    some = "; ".join([*pairs][:SHOWN_TWINS])
    rest = f"; and {len(pairs) - SHOWN_TWINS} more" if len(pairs) > SHOWN_TWINS else ""
    return [f"twins, the same setting and so the same trials, run once: {some}{rest}"]


def _words(values: Mapping[str, Value], other: Mapping[str, Value]) -> str:
    """What `values` has that `other` has not."""
    return " ".join(f"{n}={shown(v)}" for n, v in values.items() if v != other[n])
