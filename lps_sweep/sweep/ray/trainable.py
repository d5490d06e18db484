"""A trainable for a Tune script of one's own: what our executor runs, as packs of one."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from ray import tune

from lps_sweep.config import as_json
from lps_sweep.errors import BadInputError, LpsSweepError, StorageError
from lps_sweep.files import atomic_write, local_path, make_folder, open_private, read_file
from lps_sweep.plan import PlannedTrial
from lps_sweep.results import Json
from lps_sweep.results.labels import labelled
from lps_sweep.sweep.jobs import PackJob, Place, perform
from lps_sweep.sweep.recorder import provenance
from lps_sweep.sweep.rows import MemberRow, PackBegun
from lps_sweep.sweep.store import Folder
from lps_sweep.sweep.temporary import temporary_folder
from lps_sweep.sweep.trunks import make_trunk, trunk_file
from lps_sweep.sweep.tuned.trials import COLUMN, Base, Member, Told
from lps_sweep.train.events import (
    Checkpoint,
    CheckpointSaved,
    EpochDone,
    MemberSpec,
    PackSpec,
    SavedFile,
)

PREFIX = "lps-tune-"
"""Of the names of folders that trials work in."""

STATE = "state.json"
"""The file of a Tune checkpoint that names the files of ours in it."""


class LostTrialError(LpsSweepError):
    """A seed of a Tune trial failed or diverged."""


def trainable(
    *, preset: str = "", seeds: Sequence[int] = (), trunks: str | Path = "", **settings: Any
) -> Callable[[dict[str, Any]], None]:
    """What `tune.Tuner` takes as its trainable; `param_space` has flat names of search spaces.

    Each epoch is reported, with a checkpoint: `training_iteration` is the epoch.

    Args:
        preset: Name of the preset, such as ``digits``.
        seeds: Seeds that each trial trains, side by side; the mean of their metrics is reported.
            Without them, the ``seed`` in `param_space` is the only one, or 0.
        trunks: Folder for pre-trained trunks, each made once for all trials; a results folder
            serves. By default it is ``lps_sweep`` where caches of the user are.
        settings: Values for all trials by flat name, such as ``epochs=20``.

    Raises:
        BadInputError: A value is not right. Those of `param_space` are checked as a trial starts.
    """
    base = Base(preset, {name: as_json(v) for name, v in settings.items()}, tuple(seeds))
    base.config()
    folder = local_path(str(trunks), "trunks").absolute() if trunks else None

    def lps_sweep(config: dict[str, Any]) -> None:
        with temporary_folder(Path(tempfile.gettempdir()), PREFIX) as work:
            _train(base, base.trials(config, "param_space"), folder or _cache(), work)

    return lps_sweep


def _train(base: Base, trials: Sequence[PlannedTrial], trunks: Path, work: Path) -> None:
    """Trains `trials`, which differ in their seed, epoch by epoch, with files in `work`."""
    resources = tune.get_context().get_trial_resources().required_resources
    gpus, threads = resources.get("GPU", 0.0), max(1, int(resources.get("CPU", 1)))
    store = _TrialFolder(work, trunks)
    place = Place(store, "cuda" if gpus else "cpu", threads, min(1.0, gpus or 1.0))
    starts = _starts(work, trials)
    trunk = shared_trunk(trunks, trials[0], place)
    packs = [_Pack(trial, place, trunk, starts.get(trial.trial_id)) for trial in trials]
    facts = provenance()
    for members in zip(*packs, strict=True):
        state = {pack.trial_id: _said(work, pack.checkpoint) for pack in packs}
        atomic_write(work / STATE, json.dumps(state).encode())
        means = {
            name: fmean(member.metrics[name] for member in members) for name in members[0].metrics
        }
        told = Told(base, {**facts, **packs[0].facts}, members)
        tune.report(
            {**labelled(means), COLUMN: told.text()},
            checkpoint=tune.Checkpoint.from_directory(str(work)),
        )


@dataclass(frozen=True)
class _TrialFolder(Folder):
    """The folder of a trial, which goes into Tune's checkpoint; trunks lie in another."""

    trunks: Path

    def get(self, saved: SavedFile) -> SavedFile:
        """The file itself; who loads it compares the hash."""
        is_trunk = saved.path.parent.name == "trunks"
        return Folder(self.trunks).get(saved) if is_trunk else super().get(saved)


class _Pack:
    """A pack of one; to iterate over it trains, and gives what each epoch brought."""

    def __init__(
        self, trial: PlannedTrial, place: Place, trunk: SavedFile, start: Checkpoint | None
    ) -> None:
        spec = PackSpec(
            members=(MemberSpec(trial.trial_id, trial.config, start),),
            seed=trial.seed,
            backbone=trunk,
            checkpoints=Path("checkpoints"),
            checkpoint_interval_s=0,
            device=place.device,
            num_threads=trial.config.loop.threads or place.num_threads,
            gpu_share=place.gpu_share,
        )
        self.trial_id = trial.trial_id
        self.facts: dict[str, Json] = {}
        self.checkpoint = start
        self._job = PackJob(place, trial.trial_id, spec, {trial.trial_id: 1})

    def __iter__(self) -> Iterator[Member]:
        for rows in perform(self._job):
            found: dict[str, Any] = {}
            for row in rows:
                if isinstance(row, PackBegun):
                    self.facts |= row.facts
                elif isinstance(row, MemberRow):
                    found |= self._found(row)
            if "metrics" in found:  # else all had been trained, and reported, before
                yield Member(self.trial_id, self._job.spec.seed, **found)

    def _found(self, row: MemberRow) -> dict[str, Any]:
        """What `row` adds to a `Member`.

        Raises:
            LostTrialError: It tells of an end without a result.
        """
        event = row.event
        if isinstance(event, EpochDone):
            return {"metrics": event.metrics, "seconds": event.seconds}
        if isinstance(event, CheckpointSaved):
            self.checkpoint = event.checkpoint
            return {}
        if event.status != "done":
            raise LostTrialError(f"seed {self._job.spec.seed} {event.status}: {event.error}")
        return {"final": event.metrics, "artefact": row.artefact.sha256 if row.artefact else ""}


def _said(work: Path, checkpoint: Checkpoint | None) -> dict[str, Json]:
    """A checkpoint in `work` as JSON; older ones of its trial are removed."""
    from lps_sweep.train.checkpoint import prune

    assert checkpoint is not None
    prune((work / checkpoint.run.path).parent, checkpoint.epoch, keep=1)
    files = {"member": checkpoint.member, "run": checkpoint.run}
    named: dict[str, Json] = {part: [str(f.path), f.sha256] for part, f in files.items()}
    return {"epoch": checkpoint.epoch, **named}


def _starts(work: Path, trials: Sequence[PlannedTrial]) -> dict[str, Checkpoint]:
    """Where each of `trials` goes on, with its files in `work`; nothing for a new trial.

    Raises:
        BadInputError: Tune's checkpoint is of other trials.
        StorageError: It cannot be read.
    """
    saved = tune.get_checkpoint()
    if saved is None:
        return {}
    saved.to_directory(str(work))
    try:
        state: dict[str, dict[str, Any]] = json.loads(read_file(work / STATE))
        found = {
            trial_id: Checkpoint(
                int(part["epoch"]),
                *(SavedFile(Path(part[name][0]), part[name][1]) for name in ("member", "run")),
            )
            for trial_id, part in state.items()
        }
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise StorageError(f"{work / STATE} is no checkpoint of ours: {error}") from error
    if found.keys() != {trial.trial_id for trial in trials}:
        raise BadInputError(
            "the trial was to go on from the checkpoint of another configuration; schedulers that "
            "change values in training, such as PBT, make no trials that can be told by their "
            "values",
            "param_space",
        )
    return found


def shared_trunk(folder: Path, trial: PlannedTrial, place: Place) -> SavedFile:
    """The pre-trained trunk in `folder`; who comes first makes it, and the others wait.

    Raises:
        StorageError: It cannot be written or read back.
    """
    device = place.device, place.num_threads, place.gpu_share
    store = Folder(folder)
    with _locked(folder / "checkpoints" / "trunks" / f"{trial.trunk}.lock"):
        if trunk_file(store, trial.trunk) is None:
            for _ in make_trunk(store, trial.trunk, trial.config, device, interval_s=20.0):
                pass
        made = trunk_file(store, trial.trunk)
    if made is None:
        raise StorageError(f"{folder}: the trunk {trial.trunk} cannot be read back")
    return made


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Waits until no other process is in such a block of the same `path`."""
    make_folder(path.parent)
    descriptor = open_private(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "lps_sweep"
