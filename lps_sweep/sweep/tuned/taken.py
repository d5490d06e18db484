"""The trials of Tune's in an experiment, as trials of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lps_sweep.config import flat
from lps_sweep.errors import BadInputError
from lps_sweep.files import inside
from lps_sweep.finite import unmeasured
from lps_sweep.plan import PlannedTrial
from lps_sweep.results import FileRef, Status
from lps_sweep.results.artefacts import artefact_path, load_trial_arrays
from lps_sweep.sweep.tuned.folder import Experiment, TuneTrial
from lps_sweep.sweep.tuned.trials import Base, Member

_LOST = re.compile(r"seed (\d+) (diverged|failed|out_of_memory): (.*)")
RANK = {"": 0, "failed": 1, "diverged": 1, "stopped": 1, "done": 2}
"""How much there is of a trial with such an end; empty for none."""


@dataclass(frozen=True)
class Taken:
    """One seed of a trial of Tune's.

    Attributes:
        source: The trial of Tune's.
        trial: The trial of ours.
        members: By epoch, what was told of it.
    """

    source: TuneTrial
    trial: PlannedTrial
    members: Mapping[int, Member]

    @property
    def last(self) -> int:
        """Its last epoch; 0 before the first."""
        return max(self.members, default=0)

    def end(self) -> tuple[Status | None, str]:
        """How it ended, and why; None while it has no end."""
        last, source = self.members.get(self.last), self.source
        if last and last.final:
            wrong = unmeasured(last.final)
            return ("diverged", wrong) if wrong else ("done", "")
        if source.status == "TERMINATED":
            return "stopped", f"ended by Ray Tune after epoch {self.last}"
        if source.status != "ERROR":
            return None, "not at its end when it was imported"
        lost = [*_LOST.finditer(source.error)]
        if lost and int(lost[-1][1]) != self.trial.seed:
            return None, f"ended with seed {lost[-1][1]} of its trial"
        if lost and lost[-1][2] == "diverged":
            return "diverged", lost[-1][3]
        return "failed", source.error or "ended by an error"


def take(experiment: Experiment) -> tuple[Base, list[Taken]]:
    """What all trials were given, and the trials of ours, each once, seeds of a setting together.

    Raises:
        BadInputError: A trial is none of ours.
        StorageError: An artefact is damaged.
    """
    bases = [row.told.base for trial in experiment.trials for row in trial.rows.values()]
    if not bases:
        raise BadInputError("no trial of it has reported an epoch yet", experiment.name)
    found: dict[str, Taken] = {}
    for source in experiment.trials:
        rows = list(source.rows.values())
        base = rows[-1].told.base if rows else bases[-1]
        for trial in base.trials(source.params, f"trial {source.name}"):
            one = Taken(source, trial, _members(source, trial))
            before = found.setdefault(trial.trial_id, one)
            if RANK[one.end()[0] or ""] > RANK[before.end()[0] or ""]:
                found[trial.trial_id] = one
    settings: dict[str, int] = {}
    for one in found.values():
        settings.setdefault(repr(flat(one.trial.config)), len(settings))
    order = sorted(
        found.values(), key=lambda o: (settings[repr(flat(o.trial.config))], o.trial.seed)
    )
    return bases[-1], order


def _members(source: TuneTrial, trial: PlannedTrial) -> dict[int, Member]:
    """By epoch, what `source` told of `trial`; its artefact is as it was written.

    Raises:
        BadInputError: It told of another trial in its place.
        StorageError: The artefact is there and damaged.
    """
    found = {}
    for epoch, row in source.rows.items():
        by_seed = {member.seed: member for member in row.told.members}
        member = by_seed.get(trial.seed)
        if member is None or member.trial_id != trial.trial_id:
            trained = member.trial_id if member else "nothing"
            raise BadInputError(
                f"it trained {trained} with seed {trial.seed}, and here its values are the trial "
                f"{trial.trial_id}: data, split or version are others",
                f"trial {source.name}",
            )
        found[epoch] = member
        if member.artefact and (file := artefact_of(source, epoch, member)):
            recorded = FileRef(artefact_path(member.trial_id, 1), member.artefact)
            load_trial_arrays(file.parents[1], recorded)
    return found


def artefact_of(source: TuneTrial, epoch: int, member: Member) -> Path | None:
    """The file that a member left; None where the checkpoint is gone."""
    relative = f"{source.rows[epoch].checkpoint}/{artefact_path(member.trial_id, 1)}"
    path = inside(source.folder, relative)
    return path if path.is_file() else None
