"""What would run: counts, packs, estimates; starts nothing and needs no images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lps_sweep.config import Config, flat
from lps_sweep.errors import BadInputError
from lps_sweep.plan import (
    Departure,
    PlannedTrial,
    SearchSpace,
    Varied,
    arm_settings,
    departures,
    expand,
    resources_used,
    varied,
)
from lps_sweep.results import PlanChange
from lps_sweep.sweep.content import ContentIfThere
from lps_sweep.sweep.costs import Cost, Kind, kind_of_config, num_epochs
from lps_sweep.sweep.estimate import Estimate, estimate, workers_here
from lps_sweep.sweep.forecast import Cluster, ClusterForecast, forecast
from lps_sweep.sweep.outlook import Outlook, notes, outlook
from lps_sweep.sweep.simulated import SimulatedDriver, Work
from lps_sweep.sweep.store import store_of
from lps_sweep.sweep.trunks import trunk_file


@dataclass(frozen=True)
class Folds:
    """What trainings on folds of the seen classes add to a sweep.

    Attributes:
        folds: Folds of the seen classes; each plays novel in one training of every trial.
        num_trials: These trainings, of the trials that are done or may become so.
        outcomes: Those of them that have an outcome already, by status.
        pack_sizes: As of `Preview`.
        cost: Estimate of what is left of them, on this machine; without a pre-training.
    """

    folds: int
    num_trials: int
    outcomes: Mapping[str, int]
    pack_sizes: Sequence[int]
    cost: Estimate


@dataclass(frozen=True)
class Preview:
    """What a `run` of the same file would do now.

    Attributes:
        name: Name of the sweep.
        question: What it is to answer.
        preset: Name of its preset; empty for the defaults.
        method: Name of its method, the first arm's where there are arms.
        varied: What its lists and its search vary.
        arms: What each arm sets, by its name.
        departures: What all trials have in place of the preset's values.
        num_trials: All planned trials, also those that a search has yet to choose.
        chosen_by: The sampler of a search; empty where the values are listed.
        stopping: The rule that ends trials early; empty where there is none.
        missing: What is wrong with images and files of weights that trials are made of, in words.
        num_unknown: Trials that need what is missing: whether they are new or done is not known.
        outcomes: Trials that have an outcome already, by status.
        change: What recording the plan would change; None where that is not known of all trials.
        left_out: Trials that the sweep planned before and does not any more: id, seed and values.
        num_configurations: Configurations, each at all seeds.
        seeds: The seeds.
        resources: By name, the `value` of each, and where it is `from`.
        pack_sizes: Sizes of the packs that would be handed out, with CPU workers of this machine.
        num_trunks: Trunks needed.
        trunks: Recipes of those of them that are known, and whether each is there.
        epochs_left: Epochs to train at the most; checkpoints can make it fewer.
        cost: Estimate of what is left, on this machine, trainings on folds among it.
        estimated_from: ``records`` of this results folder or ``probe``.
        trials: Each known trial: its id, seed, swept values and status, which is ``not_run`` for
            those to run; ``unknown``, without an id, for those that need what is missing.
        configurations: The first resolved configurations, all values.
        notes: What else is to be said of the plan: twins, and what a search does not count.
        cluster: What is left, simulated on a cluster; None where that was not asked for.
        pseudo_novel: The trainings on folds; None where the space has none.
    """

    name: str
    question: str
    preset: str
    method: str
    varied: Sequence[Varied]
    arms: Mapping[str, Mapping[str, Any]]
    departures: Sequence[Departure]
    num_trials: int
    chosen_by: str
    stopping: str
    missing: Sequence[str]
    num_unknown: int
    outcomes: Mapping[str, int]
    change: PlanChange | None
    left_out: Sequence[Mapping[str, Any]]
    num_configurations: int
    seeds: Sequence[int]
    resources: Mapping[str, Mapping[str, Any]]
    pack_sizes: Sequence[int]
    num_trunks: int
    trunks: Mapping[str, bool]
    epochs_left: int
    cost: Estimate
    estimated_from: str
    trials: Sequence[Mapping[str, Any]]
    configurations: Sequence[Mapping[str, Any]]
    notes: Sequence[str] = ()
    cluster: ClusterForecast | None = None
    pseudo_novel: Folds | None = None


def preview(
    space: SearchSpace,
    results: Path,
    *,
    probed: bool = False,
    num_configurations: int = 3,
    cluster: Cluster | None = None,
) -> Preview:
    """What `run` would do with `space` and the results folder; nothing is written.

    Args:
        space: The search space.
        results: The results folder.
        probed: Measure a few steps of each kind of trial that is left, in place of what is
            recorded.
        num_configurations: Configurations that are given whole.
        cluster: Simulate what is left on it, too.

    Raises:
        BadInputError: The space is too large, a probe finds no images, or a pack fits no node.
        StorageError: The results folder cannot be read.
    """
    content = ContentIfThere()
    listed = expand(space, content)
    ahead = outlook(space, listed, results, content, content.knows)
    trials, outcomes = ahead.trials, ahead.outcomes
    left = [trial for trial in trials if trial.trial_id not in outcomes]
    configs = [trial.config for trials in (left, *ahead.to_ask) for trial in trials]
    trunks = {trial.trunk: trial.config for trial in (*reversed(trials), *listed)}
    there = _there(trunks, results, content)
    costs = _probed(configs, space, content) if probed else ahead.costs
    absent = [trunks[trunk] for trunk, found in there.items() if not found]
    work = Work([left, *ahead.to_ask, *ahead.fold_rounds], absent, costs, space.resources)
    driver = SimulatedDriver(work, workers_here(space.resources))
    distinct = {tuple(trial.swept.values()): trial.config for trial in trials}
    return Preview(
        name=space.name,
        question=space.question,
        preset=space.preset,
        method=space.variants[0].method,
        varied=varied(space),
        arms=arm_settings(space),
        departures=departures(space),
        num_trials=ahead.num_trials,
        chosen_by=space.search.sampler if space.search else "",
        stopping=space.stopping.text() if space.stopping else "",
        missing=content.notes(),
        num_unknown=sum(not content.knows(config) for config in configs),
        outcomes=dict(Counter(outcomes.values())),
        change=ahead.change,
        left_out=ahead.left_out,
        num_configurations=ahead.num_trials // len(space.seeds),
        seeds=space.seeds,
        resources=resources_used(space.resources, space.places),
        pack_sizes=[len(pack) for pack in driver.packs[0]],
        num_trunks=len(trunks),
        trunks=there,
        epochs_left=sum(num_epochs(trial.config) for trial in work.trials),
        cost=estimate(driver),
        estimated_from="probe" if probed else "records",
        trials=[_facts(trial, outcomes, content) for trial in trials],
        configurations=[flat(one) for one in [*distinct.values()][:num_configurations]],
        notes=notes(space, listed, ahead.earlier, outcomes),
        cluster=forecast(work, cluster, space.places) if cluster else None,
        pseudo_novel=_folds(space, ahead, driver) if space.folds.value else None,
    )


def _folds(space: SearchSpace, ahead: Outlook, driver: SimulatedDriver) -> Folds:
    """What they add to the work of `driver`, and cost alone."""
    work = replace(driver.work, rounds=ahead.fold_rounds, trunks=())
    alone = SimulatedDriver(work, driver.workers)
    return Folds(
        folds=space.folds.value,
        num_trials=len(ahead.folds),
        outcomes=dict(Counter(ahead.fold_outcomes.values())),
        pack_sizes=[len(pack) for packs in alone.packs for pack in packs],
        cost=estimate(alone),
    )


def _there(trunks: Mapping[str, Config], results: Path, content: ContentIfThere) -> dict[str, bool]:
    """Whether each trunk, of those whose recipe is known, is in the results folder."""
    store = store_of(results)
    return {
        trunk: trunk_file(store, trunk) is not None
        for trunk, config in trunks.items()
        if content.knows_trunk(config)
    }


def _facts(
    trial: PlannedTrial, outcomes: Mapping[str, str], content: ContentIfThere
) -> dict[str, Any]:
    known = content.knows(trial.config)
    return {
        "trial_id": trial.trial_id if known else None,
        "seed": trial.seed,
        "swept": dict(trial.swept),
        "twins": [dict(twin) for twin in trial.twins],
        "status": outcomes.get(trial.trial_id, "not_run") if known else "unknown",
    }


def _probed(
    configs: Iterable[Config], space: SearchSpace, content: ContentIfThere
) -> dict[Kind, Cost]:
    """The cost of each kind of trial, measured now."""
    kinds = {kind_of_config(config): config for config in configs}
    for config in kinds.values():
        if missing := content.missing.get(config.data):
            raise BadInputError(f"steps are measured on the images: {missing}", "--probe")
    from lps_sweep.sweep.probe import probe

    seed, resources = space.seeds[0], space.resources
    return {kind: probe(config, seed, resources) for kind, config in kinds.items()}
