"""An experiment of Ray Tune becomes a sweep of the ledger."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from lps_sweep.errors import BadInputError
from lps_sweep.files import NAME_WORDS, atomic_write, inside, is_name, is_reserved, read_file
from lps_sweep.results import Counts, FileRef, Ledger
from lps_sweep.results.artefacts import artefact_path
from lps_sweep.results.places import check_results
from lps_sweep.sweep.backup import back_up
from lps_sweep.sweep.content import keep_splits
from lps_sweep.sweep.folder import opened
from lps_sweep.sweep.planned import as_known
from lps_sweep.sweep.remote import Remote
from lps_sweep.sweep.store import store_of
from lps_sweep.sweep.tuned.folder import read_experiment
from lps_sweep.sweep.tuned.plan import IMPORTED, plan_of
from lps_sweep.sweep.tuned.taken import RANK, Taken, artefact_of, take


def import_experiment(
    folder: Path, results: Path, name: str = "", say: Callable[[str], None] = lambda _: None
) -> tuple[str, int, Counts]:
    """Records the experiment in `folder` as a sweep, `name` or called as it is.

    `say` takes a line for people.

    Returns:
        The name of the sweep, how many trials have more than before, and all of them by state.

    Raises:
        BadInputError: It is no experiment, a trial of it is none of ours, or the name is taken.
            Nothing is written then.
        FolderOwnedError: A driver owns the results folder.
        StorageError: A file is damaged, or cannot be written.
    """
    experiment = read_experiment(folder)
    name = name or experiment.name
    if not is_name(name) or is_reserved(name):
        raise BadInputError(f"no sweep can be called {name!r}, but {NAME_WORDS}", "--name")
    check_results(results, name)
    base, taken = take(experiment)
    results = results.absolute()
    with opened(results, "", say) as (ledger, _):
        if name in ledger.sweeps() and ledger.record(name).question != IMPORTED:
            raise BadInputError(
                f"{name!r} is a sweep that was run here; give this one another name", "--name"
            )
        known = as_known([one.trial for one in taken], ledger)
        taken = [dataclasses.replace(o, trial=t) for o, t in zip(taken, known, strict=True)]
        keep_splits((one.trial.config for one in taken), results)
        with ledger.transaction():
            record, trials = plan_of(name, experiment, base, taken)
            ledger.record_plan(record, trials)
            ends = ledger.known()
            changed = [
                one.trial.trial_id
                for one in taken
                if _record(results, ledger, one, ends[one.trial.trial_id])
            ]
        back_up(results, ledger, changed)
        return name, len(changed), ledger.counts(name, driver_alive=False)


def _record(results: Path, ledger: Ledger, one: Taken, known: str) -> bool:
    """Records what the ledger lacks of a trial, whose end it knows; False if that is nothing."""
    trial_id, pack = one.trial.trial_id, f"tune {one.source.name}"
    status, why = one.end()
    before = max((a.last or 0 for a in ledger.attempts(trial_id) if a.pack_id == pack), default=0)
    new = [epoch for epoch in one.members if epoch > before]
    better = RANK[status or ""] > RANK[known]
    if not better and (known or not new):
        return False
    if known:
        ledger.reopen([trial_id])
    rows = one.source.rows
    told = rows[one.last].told.provenance if rows else {}
    attempt = ledger.start_attempts([trial_id], pack, {**told, "imported": "Ray Tune"})[trial_id]
    begun = rows[new[0]].at - rows[new[0]].took if new else one.source.started
    ended = rows[one.last].at if rows else one.source.started
    ledger.begin_attempt(trial_id, attempt, {}, at=begun)
    for epoch in new:
        member = one.members[epoch]
        ledger.add_epoch(trial_id, attempt, epoch, member.metrics, member.seconds)
    if status is None:
        ledger.end_attempt(trial_id, attempt, why, ended)
        return True
    last = one.members.get(one.last)
    artefact = _keep(results, one, attempt) if status == "done" else None
    metrics = last.final if last and status == "done" else {}
    ledger.finish(
        trial_id,
        attempt,
        status,
        epoch=one.last,
        metrics=metrics,
        artefact=artefact,
        error=why,
        at=ended,
    )
    return True


def _keep(results: Path, one: Taken, attempt: int) -> FileRef | None:
    """Takes over the artefact of a trial that is done; None if it left none."""
    member = one.members[one.last]
    file = artefact_of(one.source, one.last, member)
    if not member.artefact or file is None:
        return None
    relative = artefact_path(one.trial.trial_id, attempt)
    atomic_write(inside(results, relative), read_file(file))
    if isinstance(store := store_of(results), Remote):
        store.publish(results, relative)
    return FileRef(relative, member.artefact)
