"""What would run: counts, packs, estimates; starts nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lps_sweep.config import Config, flat
from lps_sweep.errors import BadInputError
from lps_sweep.plan import (
    Outstanding,
    PlannedTrial,
    SearchSpace,
    expand,
    expand_asked,
    make_packs,
)
from lps_sweep.results import REOPENABLE, Ledger, PlanChange
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.estimate import (
    Cost,
    Estimate,
    Kind,
    estimate,
    kind_of,
    num_epochs,
    recorded_costs,
    workers_here,
)
from lps_sweep.sweep.search.asked import asked_before
from lps_sweep.sweep.stopping_history import stopped_elsewhere
from lps_sweep.sweep.trunks import trunk_file

SHOWN_CONFIGURATIONS = 3
SHOWN_TRIALS = 3


@dataclass(frozen=True)
class Preview:
    """What a `run` of the same file would do now.

    Attributes:
        name: Name of the sweep.
        question: What it is to answer.
        num_trials: All planned trials, also those that a search has yet to choose.
        chosen_by: The sampler of a search; empty where the values are listed.
        stopping: The rule that ends trials early; empty where there is none.
        outcomes: Trials that have an outcome already, by status.
        change: What recording the plan would change.
        left_out: Trials that the sweep planned before and does not any more: id, seed and values.
        num_configurations: Configurations, each at all seeds.
        seeds: The seeds.
        pack_sizes: Sizes of the packs that would be handed out, with CPU workers of this machine.
        trunks: Recipes of the trunks needed, and whether each is there.
        epochs_left: Epochs to train at the most; checkpoints can make it fewer.
        cost: Estimate of what is left, on this machine.
        estimated_from: ``records`` of this results folder or ``probe``.
        trials: Each known trial: its id, seed, swept values and status, which is ``not_run`` for
            those to run.
        configurations: The first resolved configurations, all values.
    """

    name: str
    question: str
    num_trials: int
    chosen_by: str
    stopping: str
    outcomes: Mapping[str, int]
    change: PlanChange
    left_out: Sequence[Mapping[str, Any]]
    num_configurations: int
    seeds: Sequence[int]
    pack_sizes: Sequence[int]
    trunks: Mapping[str, bool]
    epochs_left: int
    cost: Estimate
    estimated_from: str
    trials: Sequence[Mapping[str, Any]]
    configurations: Sequence[Mapping[str, Any]]

    def to_json(self) -> str:
        """For programs."""
        return json.dumps(asdict(self), indent=2)

    def to_text(self) -> str:
        """For people."""
        left = self.num_trials - sum(self.outcomes.values())
        known = ", ".join(f"{n} {status}" for status, n in sorted(self.outcomes.items()))
        sizes = Counter(self.pack_sizes)
        packs = ", ".join(f"{n} of {size}" for size, n in sorted(sizes.items(), reverse=True))
        missing = sum(1 for there in self.trunks.values() if not there)
        lines = [
            f"{self.name}: {self.question}" if self.question else self.name,
            f"{self.num_trials} trials: {self.num_configurations} configurations{self._chooser()} "
            f"at seeds {', '.join(map(str, self.seeds))}",
            f"already recorded: {known or 'none'}; to run: {left}{self._new(left)}",
            *self._hints(),
            f"packs: {packs or 'none'}",
            f"trunks: {len(self.trunks)} needed, {missing} to be pre-trained",
            f"estimate: {self._cost(missing)}",
        ]
        for number, values in enumerate(self.configurations, start=1):
            lines.append(f"configuration {number}: " + _words(values))
        return "\n".join(lines)

    def _cost(self, trunks_missing: int) -> str:
        cost = self.cost
        if cost.hours is None:
            time = "time unknown (no such epoch is recorded here; --probe measures some steps)"
        else:
            source = "a probe" if self.estimated_from == "probe" else "recorded epochs"
            gpus = f"{cost.gpu_hours:.1f} GPU-hours" if cost.gpu_hours else "no GPU here"
            time = f"{hours_text(cost.hours)} on this machine ({gpus}), from {source}"
            if trunks_missing:
                part = cost.pretrain_hours
                known = part is not None and f", {hours_text(part)} of it pre-training"
                time += known or ", without the pre-training"
        size = "disk unknown" if cost.size is None else f"{cost.size / 1e6:.0f} MB of disk"
        return f"{time}; {size}"

    def _chooser(self) -> str:
        return f" chosen by {self.chosen_by}" if self.chosen_by else ""

    def _new(self, left: int) -> str:
        """How many of the trials `left` were never planned before."""
        new = self.change.added - self.change.shared
        return "" if not new else ", all new" if new == left else f", {new} of them new"

    def _old(self) -> str:
        """Which trials are no longer planned, the first of them by their values."""
        texts = [
            _words({**old["swept"], "seed": old["seed"]}) for old in self.left_out[:SHOWN_TRIALS]
        ]
        rest = len(self.left_out) - len(texts)
        return "; ".join(texts) + (f"; and {rest} more" if rest else "")

    def _hints(self) -> list[str]:
        lines = []
        if self.stopping:
            lines.append(f"stopped early: {self.stopping}; the estimate does not count on it")
        if self.change.orphaned:
            trials = "1 trial" if self.change.orphaned == 1 else f"{self.change.orphaned} trials"
            lines.append(f"{trials} no longer in the plan: kept, and left out: {self._old()}")
        if again := [status for status in REOPENABLE if self.outcomes.get(status)]:
            lines.append(f"tried again with: --retry {','.join(again)}")
        return lines


def preview(space: SearchSpace, results: Path, *, probed: bool = False) -> Preview:
    """What `run` would do with `space` and the results folder; nothing is written.

    Args:
        space: The search space.
        results: The results folder.
        probed: Measure a few steps of each kind of trial that is left, in place of what is
            recorded.

    Raises:
        BadInputError: The space is too large, or its data are missing.
        StorageError: The results folder cannot be read.
    """
    listed = expand(space, content_of)
    trials = planned_so_far(space, listed, results)
    known = recorded(space, trials, results)
    left = [trial for trial in trials if trial.trial_id not in known.outcomes]
    workers = workers_here(space.resources)
    packs = make_packs(
        [Outstanding(trial.trial_id, trial.pack_key) for trial in left],
        num_workers=workers.number,
        max_pack_size=space.resources.max_pack_size,
    )
    configs = [*(trial.config for trial in left), *still_to_ask(space, listed, trials)]
    trunks = {trial.trunk: trial.config for trial in (*reversed(trials), *listed)}
    there = {trunk: trunk_file(results.absolute(), trunk) is not None for trunk in trunks}
    costs = _probed(configs, space, len(left) / max(1, len(packs))) if probed else known.costs
    missing = [config for trunk, config in trunks.items() if not there[trunk]]
    shown = list({flat_key(trial): trial for trial in trials}.values())[:SHOWN_CONFIGURATIONS]
    return Preview(
        name=space.name,
        question=space.question,
        num_trials=space.num_trials,
        chosen_by=space.search.sampler if space.search else "",
        stopping=space.stopping.text() if space.stopping else "",
        outcomes=dict(Counter(known.outcomes.values())),
        change=known.change,
        left_out=known.left_out,
        num_configurations=space.num_trials // len(space.seeds),
        seeds=space.seeds,
        pack_sizes=[len(pack) for pack in packs],
        trunks=there,
        epochs_left=sum(num_epochs(config) for config in configs),
        cost=estimate(configs, costs, workers, missing),
        estimated_from="probe" if probed else "records",
        trials=[_as_json(trial, known.outcomes) for trial in trials],
        configurations=[dict(flat(trial.config)) for trial in shown],
    )


def _as_json(trial: PlannedTrial, outcomes: Mapping[str, str]) -> dict[str, Any]:
    return {
        "trial_id": trial.trial_id,
        "seed": trial.seed,
        "swept": dict(trial.swept),
        "status": outcomes.get(trial.trial_id, "not_run"),
    }


def _probed(configs: Iterable[Config], space: SearchSpace, size: float) -> dict[Kind, Cost]:
    """The cost of each kind of trial, measured now, in packs of `size`."""
    from lps_sweep.sweep.probe import probe

    kinds = {kind_of(flat(config)): config for config in configs}
    seed, resources = space.seeds[0], space.resources
    return {kind: probe(one, seed, resources).packed(size) for kind, one in kinds.items()}


def planned_so_far(
    space: SearchSpace, listed: Sequence[PlannedTrial], results: Path
) -> Sequence[PlannedTrial]:
    """The trials that are known: the `listed` ones, or what a search has asked for so far."""
    if not space.search:
        return listed
    found = _ledger(results)
    if found is None:
        return ()
    with found as ledger:
        return expand_asked(space, asked_before(space, ledger), content_of)


def still_to_ask(
    space: SearchSpace, listed: Sequence[PlannedTrial], known: Sequence[PlannedTrial]
) -> list[Config]:
    """What a search has yet to ask for, with default values; nothing without a search."""
    count = space.num_trials - len(known) if space.search else 0
    return [listed[number % len(listed)].config for number in range(count)]


def flat_key(trial: PlannedTrial) -> tuple[Any, ...]:
    """What trials of one configuration have in common."""
    return tuple(trial.swept.values())


@dataclass(frozen=True)
class Recorded:
    """What a results folder knows.

    Attributes:
        outcomes: Of the trials planned.
        change: What recording the plan would change.
        left_out: Trials that were planned before and are not any more.
        costs: Of each kind of trial.
    """

    outcomes: Mapping[str, str]
    change: PlanChange
    left_out: Sequence[Mapping[str, Any]] = ()
    costs: Mapping[Kind, Cost] = field(default_factory=dict)


def recorded(space: SearchSpace, trials: Sequence[PlannedTrial], results: Path) -> Recorded:
    """What the results folder knows of `trials`, which `space` plans."""
    now = {trial.trial_id for trial in trials}
    found = _ledger(results)
    if found is None:
        return Recorded({}, PlanChange(len(now), 0, 0))
    with found as ledger, ledger.snapshot():
        known = {**ledger.known(), **dict.fromkeys(stopped_elsewhere(space, ledger), "")}
        planned = {*ledger.outcomes(space.name), *ledger.outstanding(space.name)}
        costs = recorded_costs(ledger, results)
        old = [ledger.trial(trial_id, space.name) for trial_id in sorted(planned - now)]
    added = now - planned
    return Recorded(
        outcomes={t: status for t, status in known.items() if status and t in now},
        change=PlanChange(len(added), len(added & known.keys()), len(planned - now)),
        left_out=[{"trial_id": t.trial_id, "seed": t.seed, "swept": t.swept} for t in old],
        costs=costs,
    )


def _ledger(results: Path) -> Ledger | None:
    """The ledger; None where there is none yet, or a driver died while it made it."""
    try:
        return Ledger.open(results)
    except BadInputError:
        return None


def hours_text(hours: float) -> str:
    """Hours in words: seconds, minutes or hours."""
    if hours * 60 < 2:
        return f"{hours * 3600:.0f} seconds"
    return f"{hours * 60:.0f} minutes" if hours < 2 else f"{hours:.1f} hours"


def _words(values: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())
