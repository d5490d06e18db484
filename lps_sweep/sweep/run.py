"""A run: plans what a search space says, and trains what has no outcome yet."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lps_sweep.errors import BadInputError, ExitCode, StorageError
from lps_sweep.plan import PlannedTrial, SearchSpace, expand
from lps_sweep.results import Counts, Ledger, PlanChange, SweepRecord
from lps_sweep.results.folds import folds_name
from lps_sweep.sweep.backup import back_up, clear_up
from lps_sweep.sweep.budget import Budget
from lps_sweep.sweep.choice import Choice
from lps_sweep.sweep.content import content_of, keep_splits
from lps_sweep.sweep.driver import Driver
from lps_sweep.sweep.executor import Executor
from lps_sweep.sweep.folder import Check, opened
from lps_sweep.sweep.folds import fold_record, fold_space, folded, worth
from lps_sweep.sweep.orders import remove_orders
from lps_sweep.sweep.outlook import notes, nothing_learnt
from lps_sweep.sweep.planned import as_known, sweep_record, trial_record
from lps_sweep.sweep.progress import Progress, announcement
from lps_sweep.sweep.search.asked import Earlier, asked_before
from lps_sweep.sweep.stopping import own_counts, restore_stops, stopped_elsewhere
from lps_sweep.sweep.store import store_of
from lps_sweep.sweep.trunks import trunk_file

MakeProgress = Callable[[Sequence[PlannedTrial], Mapping[str, str]], Progress]


@dataclass(frozen=True)
class Outcome:
    """What a call of `run_sweep` found and did.

    Attributes:
        counts: The sweep's trials by state.
        change: What the plan changed.
        ran: Trials that the call was to run.
        spent: The limit of the budget that kept some of them from running, in words.
        folds: What the same call did of the trainings on folds; None where there are none.
    """

    counts: Counts
    change: PlanChange
    ran: int
    spent: str = ""
    folds: Outcome | None = None

    @property
    def exit_code(self) -> ExitCode:
        """0 only if every planned trial is done or was stopped by a rule."""
        both = [one.counts for one in (self, self.folds) if one]
        if any(counts.not_run or counts.running for counts in both):
            return ExitCode.INCOMPLETE
        if any(counts.failed or counts.diverged for counts in both):
            return ExitCode.TRIALS_FAILED
        return ExitCode.DONE


def run_sweep(
    space: SearchSpace,
    results: Path,
    *,
    make_executor: Callable[[], Executor],
    make_progress: MakeProgress,
    address: str = "",
    choice: Choice | None = None,
    budget: Budget | None = None,
    ask: Callable[[Sequence[PlannedTrial]], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Runs the trials of `space` that have no outcome yet; always resumable.

    Args:
        space: The search space.
        results: The driver's folder; made if missing.
        address: That of its store, if this is to be another place.
        make_executor: Called only if something is to be run.
        make_progress: Called with the trials and the outcomes so far, likewise.
        choice: Which trials may be started, and which are tried again.
        budget: Where it is spent, no pack is started any more.
        ask: Called with the listed trials before anything is written; raises to end the run.
        say: Takes a line for people.

    Raises:
        BadInputError: Data are missing or do not fit, or no trial is what is asked for.
        FolderOwnedError: Another driver owns the folder.
        StorageError: The results folder cannot be read or written.
    """
    choice = choice or Choice()
    listed = expand(space, content_of)
    if space.search or (space.stopping and space.stopping.rule == "halving"):
        _refuse_choice(choice)
    elif not Ledger.exists(results):
        choice.matching(listed)
    folded(space, listed)  # what is wrong with folds is told before anything is trained
    ask(listed)
    results = results.absolute()
    with opened(results, address, say) as (ledger, check):
        with SweepRun(space, results, ledger, check, make_executor, make_progress, budget) as run:
            earlier = asked_before(space, ledger) if space.search else Earlier()
            for line in notes(space, listed, earlier, {}):
                say(line)
            trials: Sequence[PlannedTrial] = ()
            for trials in _plans(space, ledger) if space.search else [as_known(listed, ledger)]:
                run.train(trials, choice, say)
            folds = run.train_folds(trials, choice, say) if space.folds.value and trials else None
            for line in nothing_learnt(space, ledger.outcomes(space.name)):
                say(line)
        return replace(run.outcome(), folds=folds)


def _plans(space: SearchSpace, ledger: Ledger) -> Iterable[tuple[PlannedTrial, ...]]:
    try:
        from lps_sweep.sweep.search.plans import search_plans
    except ModuleNotFoundError as error:
        raise BadInputError(f"{error.name} is not installed; a search needs it") from None
    return search_plans(space, ledger)


def _refuse_choice(choice: Choice) -> None:
    """What a search asks for next, and what halving keeps, depends on all trials before it."""
    if choice.only or choice.limit is not None:
        raise BadInputError(
            "a search chooses its trials itself, and halving compares all: leave out --only and "
            "--limit"
        )


@dataclass
class SweepRun:
    """One call of `run`: its plans, and what it starts only if there is something to train.

    Attributes:
        space: The search space.
        results: The results folder, as an absolute path.
        ledger: Open for writing.
        check: Raises where nothing more may be recorded.
        make_executor: Called at the first training.
        make_progress: Likewise.
        budget: Where it is spent, no pack is started any more.
    """

    space: SearchSpace
    results: Path
    ledger: Ledger
    check: Check
    make_executor: Callable[[], Executor]
    make_progress: MakeProgress
    budget: Budget | None
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _driver: Driver | None = None
    _progress: Progress | None = None
    _change: PlanChange | None = None
    _ran: int = 0
    _spent: str = ""

    def __enter__(self) -> SweepRun:
        remove_orders(store_of(self.results))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        remove_orders(store_of(self.results))

    def train(
        self, trials: Sequence[PlannedTrial], choice: Choice, say: Callable[[str], None]
    ) -> None:
        """Plans `trials`, and trains those that `choice` lets be started."""
        matching = choice.matching(trials)
        self._train(sweep_record(self.space, trials), trials, matching, choice, say)

    def train_folds(
        self, trials: Sequence[PlannedTrial], choice: Choice, say: Callable[[str], None]
    ) -> Outcome:
        """The same with the trainings on folds of those of `trials` that are done.

        They go on with the executor and the budget of the trials, which are all trained.
        """
        done = worth(trials, self.ledger.outcomes(self.space.name))
        wanted, folds = {*choice.matching(trials)}, folded(self.space, done)
        of = [trial.trial_id for _ in range(self.space.folds.value) for trial in done]
        matching = [fold.trial_id for fold, own in zip(folds, of, strict=True) if own in wanted]
        left = None if choice.limit is None else max(0, choice.limit - self._ran)
        record = fold_record(self.space, trials, self.ledger)
        run = replace(self, space=fold_space(self.space), _ran=0, _spent="")
        run._change = PlanChange(0, 0, 0)
        if folds:
            say(f"{len(folds)} trainings on folds of the seen classes, which play novel")
        run._train(record, folds, matching, replace(choice, limit=left), say)
        return run.outcome()

    def _train(
        self,
        record: SweepRecord,
        trials: Sequence[PlannedTrial],
        matching: Sequence[str],
        choice: Choice,
        say: Callable[[str], None],
    ) -> None:
        ledger, name = self.ledger, self.space.name
        change = ledger.record_plan(record, [trial_record(trial) for trial in trials])
        if self._change is None:
            clear_up(self.results, ledger, [name, folds_name(name)])
        so_far = vars(self._change or PlanChange(0, 0, 0))
        self._change = PlanChange(**{key: n + vars(change)[key] for key, n in so_far.items()})
        back_up(self.results, ledger, restore_stops(self.space, ledger))
        before = ledger.outcomes(name)
        elsewhere = set(stopped_elsewhere(self.space, ledger))
        own = {trial: status for trial, status in before.items() if trial not in elsewhere}
        chosen = choice.choose(matching, own)
        ledger.reopen([t for t in chosen if t in before])
        if not self.space.search:
            for line in announcement(change, len(trials), before, chosen, elsewhere):
                say(line)
        if chosen:
            keep_splits((trial.config for trial in trials), self.results)
            driver = self._started(trials, chosen, say)
            driver.run(chosen)
            self._spent = driver.spent if driver.outstanding(chosen) else ""
        self._ran += len(chosen)

    def outcome(self) -> Outcome:
        """What was found and done."""
        counts = own_counts(self.space, self.ledger)
        return Outcome(counts, self._change or PlanChange(0, 0, 0), self._ran, self._spent)

    def _started(
        self,
        trials: Sequence[PlannedTrial],
        chosen: Sequence[str],
        say: Callable[[str], None],
    ) -> Driver:
        """The driver, with executor and progress, which know of `trials`."""
        outcomes = self.ledger.outcomes(self.space.name)
        known = {*chosen, *outcomes}
        shown = [trial for trial in trials if trial.trial_id in known]
        if self._driver is None or self._progress is None:
            executor = self._stack.enter_context(self.make_executor())
            executor.prepare(trial.config for trial in trials)
            if self.budget and self.budget.gpu_hours is not None and not executor.gpus_per_pack:
                say("no GPU is used here, so that the budget gpu_hours is never spent")
            self._progress = self._stack.enter_context(self.make_progress(shown, outcomes))
            self._progress.say(f"running {executor.where}")
            place = self.results, self.ledger, executor, self._progress
            self._driver = Driver(self.space, trials, *place, self.budget, self.check)
        self._progress.extend([t for t in shown if t.trial_id in {*chosen}])
        self._driver.extend(self.space, trials)
        return self._driver


def make_trunk(
    space: SearchSpace,
    results: Path,
    *,
    make_executor: Callable[[], Executor],
    make_progress: MakeProgress,
) -> Path:
    """The file of the pre-trained trunk of a sweep of one, made now unless it is there.

    Raises:
        The errors of `run_sweep`.
    """
    trials = expand(space, content_of)
    folder, store = results.absolute(), store_of(results)
    with opened(folder, "", lambda _: None) as (ledger, check):
        if trunk_file(store, trials[0].trunk) is None:
            with make_executor() as executor, make_progress(trials, {}) as progress:
                executor.prepare(trial.config for trial in trials)
                place = folder, ledger, executor, progress
                Driver(space, trials, *place, None, check).make_trunks(trials)
            remove_orders(store)
    made = trunk_file(store, trials[0].trunk)
    if made is None:
        raise StorageError(f"{results}: the trunk {trials[0].trunk} cannot be read back")
    return results / made.path
