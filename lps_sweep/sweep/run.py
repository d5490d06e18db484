"""A run: plans what a search space says, and trains what has no outcome yet."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from lps_sweep.errors import BadInputError, StorageError
from lps_sweep.plan import PlannedTrial, SearchSpace, expand
from lps_sweep.results import FileRef, Ledger, PlanChange, driver_lock
from lps_sweep.sweep.budget import Budget, permit_packs
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.driver import Driver
from lps_sweep.sweep.executor import Executor
from lps_sweep.sweep.keeper import Keeper, open_ledger
from lps_sweep.sweep.outcome import Outcome
from lps_sweep.sweep.progress import Progress, announcement
from lps_sweep.sweep.records import sweep_record, trial_record
from lps_sweep.sweep.selection import Selection
from lps_sweep.sweep.splits import keep_splits
from lps_sweep.sweep.stopping_history import own_counts, restore_stops, stopped_elsewhere
from lps_sweep.sweep.stopping_orders import remove_orders
from lps_sweep.sweep.trunks import trunk_file

MakeProgress = Callable[[Sequence[PlannedTrial], Mapping[str, str]], Progress]


def run_sweep(
    space: SearchSpace,
    results: Path,
    *,
    make_executor: Callable[[], Executor],
    make_progress: MakeProgress,
    selection: Selection | None = None,
    budget: Budget | None = None,
    ask: Callable[[Sequence[PlannedTrial]], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Runs the trials of `space` that have no outcome yet; always resumable.

    Args:
        space: The search space.
        results: The results folder; made if missing.
        make_executor: Called only if something is to be run.
        make_progress: Called with the trials and the outcomes so far, likewise.
        selection: Which trials may be started, and which are tried again.
        budget: Where it is spent, no pack is started any more.
        ask: Called with the listed trials before anything is written; raises to end the run.
        say: Takes a line for people.

    Raises:
        BadInputError: Data are missing or do not fit, or no trial is what is asked for.
        FolderOwnedError: Another driver owns the folder.
        StorageError: The results folder cannot be read or written.
    """
    selection = selection or Selection()
    listed = expand(space, content_of)
    if space.search or (space.stopping and space.stopping.rule == "halving"):
        _refuse_selection(selection)
    else:
        selection.matching(listed)
    ask(listed)
    results = results.absolute()
    with driver_lock(results), open_ledger(results) as ledger:
        run = SweepRun(space, results, ledger, make_executor, make_progress, budget)
        with run:
            for trials in _plans(space, ledger) if space.search else [listed]:
                run.train(trials, selection, say)
        return run.outcome()


def _plans(space: SearchSpace, ledger: Ledger) -> Iterable[tuple[PlannedTrial, ...]]:
    try:
        from lps_sweep.sweep.search.plans import search_plans
    except ModuleNotFoundError as error:
        raise BadInputError(f"{error.name} is not installed; a search needs it") from None
    return search_plans(space, ledger)


def _refuse_selection(selection: Selection) -> None:
    """What a search asks for next, and what halving keeps, depends on all trials before it."""
    if selection.only or selection.limit is not None:
        raise BadInputError(
            "a search chooses its trials itself, and halving compares all: leave out --only and "
            "--limit"
        )


class SweepRun:
    """One call of `run`: its plans, and what it starts only if there is something to train.

    Args:
        space: The search space.
        results: The results folder, as an absolute path.
        ledger: Open for writing.
        make_executor: Called at the first training.
        make_progress: Likewise.
        budget: Where it is spent, no pack is started any more.
    """

    def __init__(
        self,
        space: SearchSpace,
        results: Path,
        ledger: Ledger,
        make_executor: Callable[[], Executor],
        make_progress: MakeProgress,
        budget: Budget | None,
    ) -> None:
        self._space = space
        self._results = results
        self._ledger = ledger
        self._make_executor = make_executor
        self._make_progress = make_progress
        self._budget = budget
        self._keeper = Keeper(results, ledger)
        self._stack = contextlib.ExitStack()
        self._driver: Driver | None = None
        self._progress: Progress | None = None
        self._change = PlanChange(0, 0, 0)
        self._begun = False
        self._ran = 0
        self._spent = ""

    def __enter__(self) -> SweepRun:
        permit_packs(self._results)
        remove_orders(self._results)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def train(
        self, trials: Sequence[PlannedTrial], selection: Selection, say: Callable[[str], None]
    ) -> None:
        """Plans `trials`, and trains those that `selection` lets be started."""
        ledger, name = self._ledger, self._space.name
        change = ledger.record_plan(
            sweep_record(self._space, trials), [trial_record(trial) for trial in trials]
        )
        self._change = PlanChange(
            self._change.added + change.added,
            self._change.shared + change.shared,
            self._change.orphaned + change.orphaned,
        )
        if not self._begun:
            self._keeper.begin(name)
            self._begun = True
        self._keeper.finished(restore_stops(self._space, ledger))
        before = ledger.outcomes(name)
        elsewhere = set(stopped_elsewhere(self._space, ledger))
        own = {trial: status for trial, status in before.items() if trial not in elsewhere}
        chosen = selection.choose(selection.matching(trials), own)
        ledger.reopen([t for t in chosen if t in before])
        if not self._space.search:
            for line in announcement(change, len(trials), before, chosen, elsewhere):
                say(line)
        if chosen:
            self._keeper.copy(now=True)
            keep_splits((trial.config for trial in trials), self._results)
            driver = self._started(trials, chosen, say)
            driver.run(chosen)
            self._spent = driver.spent if driver.outstanding(chosen) else ""
            self._keeper.copy(now=True)
        self._ran += len(chosen)

    def outcome(self) -> Outcome:
        """What was found and done."""
        if self._ran:
            permit_packs(self._results)
            remove_orders(self._results)
        counts = own_counts(self._space, self._ledger)
        return Outcome(counts, self._change, self._ran, self._spent)

    def _started(
        self,
        trials: Sequence[PlannedTrial],
        chosen: Sequence[str],
        say: Callable[[str], None],
    ) -> Driver:
        """The driver, with executor and progress, which know of `trials`."""
        outcomes = self._ledger.outcomes(self._space.name)
        shown = [t for t in trials if t.trial_id in {*chosen, *outcomes}]
        if self._driver is None or self._progress is None:
            executor = self._stack.enter_context(self._make_executor())
            if self._budget and self._budget.gpu_hours is not None and not executor.gpus_per_pack:
                say("no GPU is used here, so that the budget gpu_hours is never spent")
            self._progress = self._stack.enter_context(self._make_progress(shown, outcomes))
            self._progress.placed(executor.where)
            self._driver = Driver(
                self._space,
                trials,
                self._results,
                self._ledger,
                executor,
                self._progress,
                self._budget,
            )
        self._progress.extend(shown)
        self._driver.extend(trials)
        return self._driver


def make_trunk(
    space: SearchSpace,
    results: Path,
    *,
    make_executor: Callable[[], Executor],
    make_progress: MakeProgress,
) -> FileRef:
    """The pre-trained trunk of a sweep of one, made now unless it is there.

    Raises:
        The errors of `run_sweep`.
    """
    trials = expand(space, content_of)
    results = results.absolute()
    with driver_lock(results), open_ledger(results) as ledger:
        permit_packs(results)
        if trunk_file(results, trials[0].trunk) is None:
            with make_executor() as executor, make_progress(trials, {}) as progress:
                Driver(space, trials, results, ledger, executor, progress).make_trunks(trials)
    made = trunk_file(results, trials[0].trunk)
    if made is None:
        raise StorageError(f"{results}: the trunk {trials[0].trunk} cannot be read back")
    return made
