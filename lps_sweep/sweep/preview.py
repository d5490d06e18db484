"""What would run: counts, packs, estimates; starts nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lps_sweep.config import flat
from lps_sweep.plan import (
    Outstanding,
    PlannedTrial,
    SearchSpace,
    default_config,
    expand,
    expand_asked,
    make_packs,
)
from lps_sweep.results import REOPENABLE, Ledger, PlanChange
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.executor import usable_cpus
from lps_sweep.sweep.jobs import trunk_file
from lps_sweep.sweep.search.asked import asked_before

SHOWN_CONFIGURATIONS = 3


@dataclass(frozen=True)
class Preview:
    """What a `run` of the same file would do now.

    Attributes:
        name: Name of the sweep.
        question: What it is to answer.
        num_trials: All planned trials, also those that a search has yet to choose.
        chosen_by: The sampler of a search; empty where the values are listed.
        outcomes: Trials that have an outcome already, by status.
        change: What recording the plan would change.
        num_configurations: Configurations, each at all seeds.
        seeds: The seeds.
        pack_sizes: Sizes of the packs that would be handed out, with CPU workers of this machine.
        trunks: Recipes of the trunks needed, and whether each is there.
        epochs_left: Epochs to train at the most; checkpoints can make it fewer.
        hours_left: Estimated wall-clock hours, from epochs recorded in this results folder.
        bytes_left: Estimated disk, from the files of the trials recorded there.
        trials: Each known trial: its id, seed, swept values and status, which is ``not_run`` for
            those to run.
        configurations: The first resolved configurations, all values.
    """

    name: str
    question: str
    num_trials: int
    chosen_by: str
    outcomes: Mapping[str, int]
    change: PlanChange
    num_configurations: int
    seeds: Sequence[int]
    pack_sizes: Sequence[int]
    trunks: Mapping[str, bool]
    epochs_left: int
    hours_left: float | None
    bytes_left: int | None
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
            f"estimate: {_hours(self.hours_left)}, {_size(self.bytes_left)}",
        ]
        for number, values in enumerate(self.configurations, start=1):
            lines.append(f"configuration {number}: " + _words(values))
        return "\n".join(lines)

    def _chooser(self) -> str:
        return f" chosen by {self.chosen_by}" if self.chosen_by else ""

    def _new(self, left: int) -> str:
        """How many of the trials `left` were never planned before."""
        new = self.change.added - self.change.shared
        return "" if not new else ", all new" if new == left else f", {new} of them new"

    def _hints(self) -> list[str]:
        lines = []
        if self.change.orphaned:
            trials = "1 trial" if self.change.orphaned == 1 else f"{self.change.orphaned} trials"
            lines.append(f"{trials} no longer in the plan: kept, and left out")
        if again := [status for status in REOPENABLE if self.outcomes.get(status)]:
            lines.append(f"tried again with: --retry {','.join(again)}")
        return lines


def preview(space: SearchSpace, results: Path) -> Preview:
    """What `run` would do with `space` and the results folder; nothing is written.

    Raises:
        BadInputError: The space is too large, or its data are missing.
        StorageError: The results folder cannot be read.
    """
    trials = _planned(space, results)
    known = _recorded(space.name, trials, results)
    num_to_ask = space.num_trials - len(trials)
    left = [trial for trial in trials if trial.trial_id not in known.outcomes]
    workers = max(1, usable_cpus() // space.resources.cpus_per_pack)
    packs = make_packs(
        [Outstanding(trial.trial_id, trial.pack_key) for trial in left],
        num_workers=workers,
        max_pack_size=space.resources.max_pack_size,
    )
    epochs = sum(trial.config.loop.epochs for trial in left)
    epochs += num_to_ask * default_config(space).loop.epochs
    trunks = dict.fromkeys(trial.trunk for trial in trials)
    configs = list({flat_key(trial): trial for trial in trials}.values())
    return Preview(
        name=space.name,
        question=space.question,
        num_trials=space.num_trials,
        chosen_by=space.search.sampler if space.search else "",
        outcomes=dict(Counter(known.outcomes.values())),
        change=known.change,
        num_configurations=space.num_trials // len(space.seeds),
        seeds=space.seeds,
        pack_sizes=[len(pack) for pack in packs],
        trunks={t: trunk_file(results.absolute(), t) is not None for t in trunks},
        epochs_left=epochs,
        hours_left=epochs * known.epoch_s / workers / 3600 if known.epoch_s is not None else None,
        bytes_left=round((len(left) + num_to_ask) * known.bytes)
        if known.bytes is not None
        else None,
        trials=[
            {
                "trial_id": trial.trial_id,
                "seed": trial.seed,
                "swept": dict(trial.swept),
                "status": known.outcomes.get(trial.trial_id, "not_run"),
            }
            for trial in trials
        ],
        configurations=[dict(flat(t.config)) for t in configs[:SHOWN_CONFIGURATIONS]],
    )


def _planned(space: SearchSpace, results: Path) -> tuple[PlannedTrial, ...]:
    """The trials that are known: of a search, those it has asked for so far."""
    if not space.search:
        return expand(space, content_of)
    content_of(default_config(space))
    if not Ledger.exists(results):
        return ()
    with Ledger.open(results) as ledger:
        return expand_asked(space, asked_before(space, ledger), content_of)


def flat_key(trial: PlannedTrial) -> tuple[Any, ...]:
    """What trials of one configuration have in common."""
    return tuple(trial.swept.values())


@dataclass(frozen=True)
class _Recorded:
    """What a results folder knows.

    Attributes:
        outcomes: Of the trials planned.
        change: What recording the plan would change.
        epoch_s: Mean seconds of an epoch.
        bytes: Mean size of a finished trial's files.
    """

    outcomes: Mapping[str, str]
    change: PlanChange
    epoch_s: float | None = None
    bytes: float | None = None


def _recorded(sweep: str, trials: Sequence[PlannedTrial], results: Path) -> _Recorded:
    now = {trial.trial_id for trial in trials}
    if not Ledger.exists(results):
        return _Recorded({}, PlanChange(len(now), 0, 0))
    with Ledger.open(results) as ledger, ledger.snapshot():
        known = ledger.known()
        names = ledger.sweeps()
        planned = {*ledger.outcomes(sweep), *ledger.outstanding(sweep)}
        means = [ledger.seconds_per_epoch(name) for name in names]
    seconds = [mean for mean in means if mean is not None]
    finished = [trial_id for trial_id, status in known.items() if status == "done"]
    added = now - planned
    return _Recorded(
        outcomes={t: status for t, status in known.items() if status and t in now},
        change=PlanChange(len(added), len(added & known.keys()), len(planned - now)),
        epoch_s=sum(seconds) / len(seconds) if seconds else None,
        bytes=_bytes(results, finished[:20]),
    )


def _bytes(results: Path, finished: Sequence[str]) -> float | None:
    if not finished:
        return None
    files = [
        file
        for trial_id in finished
        for pattern in (f"checkpoints/{trial_id}/*", f"artefacts/{trial_id}*")
        for file in results.glob(pattern)
    ]
    return sum(file.stat().st_size for file in files) / len(finished)


def _hours(hours: float | None) -> str:
    if hours is None:
        return "time unknown (no epoch is recorded in this results folder)"
    return f"{hours * 60:.0f} minutes" if hours < 2 else f"{hours:.1f} hours"


def _size(count: int | None) -> str:
    return "disk unknown" if count is None else f"{count / 1e6:.0f} MB of disk"


def _words(values: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())
