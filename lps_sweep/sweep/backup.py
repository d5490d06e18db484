"""What is kept beside the ledger, should that be lost: a sidecar per finished trial.

Where the store is another place than the driver's folder, both have the sidecars and artefacts,
and the store has a copy of the ledger, for a driver that is started elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from lps_sweep.errors import StorageError
from lps_sweep.files import atomic_write, read_file, sync_folder
from lps_sweep.results import (
    LEDGER_NAME,
    Ledger,
    read_sidecar,
    sidecar_of,
    sidecar_paths,
    write_sidecar,
)
from lps_sweep.results.sidecars import FOLDER, is_sidecar, restore
from lps_sweep.sweep.remote import Remote
from lps_sweep.sweep.store import store_of
from lps_sweep.train.events import KEPT_IN_TRAINING, superfluous

DAMAGED = ".damaged"
"""Ending of what was set aside."""

COPYING = ".copy-"
"""How the names of temporary folders begin in which the ledger is copied."""


def open_ledger(results: Path) -> Ledger:
    """The ledger of `results` for its driver, all of it read and found whole.

    Raises:
        StorageError: It is damaged or of another version; or it is gone, and sidecars are there:
            such a folder is to be repaired, not begun anew.
    """
    if not Ledger.exists(results) and sidecar_paths(results):
        raise StorageError(f"{results}: the ledger is gone; {_advice(results)}")
    try:
        with contextlib.ExitStack() as stack:
            ledger = stack.enter_context(Ledger.open(results, write=True))
            ledger.verify()
            stack.pop_all()
    except StorageError as error:
        raise StorageError(f"{error}; `lps_sweep check {results}` says what to do") from error
    return ledger


def clear_up(results: Path, ledger: Ledger, sweeps: Iterable[str]) -> None:
    """Removes what a killed driver left, and writes the sidecars that it did not come to.

    Raises:
        StorageError: The ledger has lost the end of a trial that a sidecar tells of; or a file
            cannot be written.
    """
    remove_parts(results)
    shutil.rmtree(results / "ray", ignore_errors=True)
    there = sidecar_paths(results)
    left = [trial for sweep in sweeps for trial in ledger.outstanding(sweep)]
    lost = [trial for trial in left if lost_end(ledger, trial, there)]
    if lost:
        raise StorageError(
            f"{ledger.path} has lost the end of {len(lost)} finished trials, such as {lost[0]}, "
            f"of which sidecars tell; {_advice(results)}"
        )
    names = {path.name for paths in there.values() for path in paths}
    missing = [t for t, attempt in ledger.finished().items() if f"{t}-{attempt}.json" not in names]
    back_up(results, ledger, missing)


def back_up(results: Path, ledger: Ledger, trial_ids: Iterable[str]) -> None:
    """Writes the sidecars of those of the trials that came to their end.

    Raises:
        StorageError: A file cannot be written.
    """
    store = store_of(results)
    for trial_id in trial_ids:
        if sidecar := sidecar_of(ledger, trial_id):
            write_sidecar(results, sidecar)
            if isinstance(store, Remote):
                store.publish(results, sidecar.path)
                if artefact := ledger.artefact(trial_id):
                    store.bring(results, artefact)


def bring_ends(results: Path, ledger: Ledger, store: Remote, *, newer: bool) -> None:
    """What finished trials left, in the driver's folder and in the store.

    Args:
        results: The driver's folder.
        ledger: Open for writing.
        store: The store, another place.
        newer: Whether the store may know of ends that the ledger, a copy of it, does not.

    Raises:
        StorageError: A file cannot be read or written.
    """
    stored = {*store.names(FOLDER)}
    if newer:
        for name in stored:
            if is_sidecar(name) and not (results / name).exists() and (said := store.read(name)):
                atomic_write(results / name, said)
        finished = ledger.finished()
        for trial_id, paths in sidecar_paths(results).items():
            sidecar = read_sidecar(paths[0])
            if sidecar.attempt > finished.get(trial_id, 0):
                restore(ledger, sidecar)
    for trial_id, attempt in ledger.finished().items():
        if artefact := ledger.artefact(trial_id):
            store.bring(results, artefact)
        name = f"{FOLDER}/{trial_id}-{attempt}.json"
        if name not in stored and (results / name).exists():
            store.publish(results, name)


def copy_ledger(results: Path, store: Remote) -> None:
    """Copies the ledger to the store, and removes the checkpoints there that it makes superfluous.

    No checkpoint goes before a copy is there that knows of newer ones.

    Raises:
        StorageError: Something cannot be read or written.
    """
    with tempfile.TemporaryDirectory(prefix=COPYING, dir=results) as folder:
        with Ledger.open(results) as ledger:
            ledger.copy_to(Path(folder) / LEDGER_NAME)
        store.write(LEDGER_NAME, read_file(Path(folder) / LEDGER_NAME))
        with Ledger.open(Path(folder)) as copy:
            _prune(store, copy)


def _prune(store: Remote, ledger: Ledger) -> None:
    finished = ledger.finished()
    files: dict[str, list[str]] = {}
    for path in map(PurePosixPath, store.names("checkpoints")):
        files.setdefault(path.parent.name, []).append(path.name)
    for trial_id, names in files.items():
        records = ledger.checkpoints(trial_id)
        keep = 1 if trial_id in finished else KEPT_IN_TRAINING
        for name in superfluous(names, records[0].epoch, keep) if records else ():
            store.remove(f"checkpoints/{trial_id}/{name}")


def take_copy(results: Path, store: Remote) -> bool:
    """Puts the copy in the store, if there is one, in the place of the ledger; whether it did.

    Raises:
        StorageError: A file cannot be read or written.
    """
    copy = store.read(LEDGER_NAME)
    if copy:
        for name in (LEDGER_NAME, f"{LEDGER_NAME}-wal", f"{LEDGER_NAME}-shm"):
            set_aside(results / name)
        atomic_write(results / LEDGER_NAME, copy)
    return bool(copy)


def lost_end(ledger: Ledger, trial_id: str, there: Mapping[str, Sequence[Path]]) -> Path | None:
    """The sidecar of a trial without outcome that has one, though the ledger knows it not.

    A trial that was opened again has ended attempts, and their sidecars are history.

    Args:
        ledger: The ledger.
        trial_id: A trial without outcome.
        there: The sidecars by trial.
    """
    ended = {record.attempt for record in ledger.attempts(trial_id) if record.ended}
    for path in there.get(trial_id, ()):
        if int(path.stem.rpartition("-")[2]) not in ended:
            return path
    return None


def remove_parts(results: Path) -> None:
    """Removes the temporary files that killed processes left.

    To be called by who holds the driver's lock: whoever wrote them is gone.

    Raises:
        StorageError: A folder cannot be read, or a file not be removed.
    """
    try:
        for folder, folders, names in os.walk(results):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                if name.startswith(".") and name.endswith(".part"):
                    (Path(folder) / name).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"cannot clean up {results}: {error.strerror}") from error


def set_aside(path: Path) -> str:
    """Renames a file that is there; under what name.

    Raises:
        StorageError: It cannot be renamed.
    """
    if not path.exists():
        return ""
    aside, number = path.with_name(path.name + DAMAGED), 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}{DAMAGED}-{number}")
    try:
        path.rename(aside)
        sync_folder(path.parent)
    except OSError as error:
        raise StorageError(f"cannot rename {path}: {error.strerror}") from error
    return f" as {aside.name}"


def _advice(results: Path) -> str:
    return f"`lps_sweep check {results} --repair` rebuilds what can be proven"
