"""Repair of a results folder: what can be proven is kept, what cannot is run again."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from lps_sweep.errors import StorageError
from lps_sweep.files import atomic_write, inside, sync_folder
from lps_sweep.results import (
    COPY_NAME,
    LEDGER_NAME,
    Ledger,
    Sidecar,
    driver_lock,
    read_sidecar,
    remove_parts,
    sidecar_paths,
    write_sidecar,
)
from lps_sweep.results.copies import read_copy
from lps_sweep.results.database import READABLE, other_version
from lps_sweep.results.mending import lose_artefact, lose_checkpoint, restore
from lps_sweep.sweep.check import (
    ArtefactLost,
    CheckpointLost,
    EndLost,
    LedgerLost,
    Problem,
    SidecarDamaged,
    SplitLost,
    TrunkLost,
    problems,
)
from lps_sweep.sweep.keeper import lost_end

DAMAGED = ".damaged"
"""Ending of what was set aside."""


def repair(results: Path) -> Iterator[str]:
    """Mends what `examine` finds, under the driver's lock; says what was done, as it is done.

    May be interrupted anywhere and begun again.

    Raises:
        BadInputError: Nothing was ever run there.
        FolderOwnedError: A driver is at work.
        StorageError: Something cannot be written, or the ledger is whole but of another version.
    """
    with driver_lock(results):
        remove_parts(results)
        found = list(problems(results))
        if found and isinstance(found[0], LedgerLost):
            yield from _rebuild(results)
            found = list(problems(results))
        while found:
            with Ledger.open(results, write=True) as ledger:
                for problem in found:
                    yield _mend(results, ledger, problem)
            before, found = found, list(problems(results))
            if found == before:
                raise StorageError(f"this cannot be mended: {found[0]}")
        with Ledger.open(results) as ledger:
            ledger.copy_to(results / COPY_NAME)


def _mend(results: Path, ledger: Ledger, problem: Problem) -> str:
    if isinstance(problem, EndLost):
        return _restore(results, ledger, problem.sidecar)
    if isinstance(problem, SidecarDamaged):
        _write_sidecar(results, ledger, problem.trial_id)
        return f"{problem.path}: written again"
    if isinstance(problem, ArtefactLost):
        kept = _set_aside_inside(results, problem.file.path)
        lose_artefact(ledger, problem.trial_id, f"artefact lost: {problem.reason}")
        _write_sidecar(results, ledger, problem.trial_id)
        return f"trial {problem.trial_id}: its artefact is recorded as lost{kept}"
    if isinstance(problem, CheckpointLost):
        record = problem.record
        lose_checkpoint(ledger, record)
        if problem.finished:
            _write_sidecar(results, ledger, record.trial_id)
        return f"trial {record.trial_id}: the checkpoint of epoch {record.epoch} is forgotten"
    if isinstance(problem, TrunkLost):
        problem.facts.unlink(missing_ok=True)
        sync_folder(problem.facts.parent)
        return f"trunk {problem.facts.stem}: to be made again"
    if isinstance(problem, SplitLost):
        problem.path.unlink(missing_ok=True)
        sync_folder(problem.path.parent)
        return f"{problem.path}: removed"
    raise StorageError(problem.reason)


def _restore(results: Path, ledger: Ledger, sidecar: Sidecar) -> str:
    try:
        restore(ledger, sidecar)
    except StorageError as error:
        kept = _set_aside_inside(results, sidecar.path)
        return f"trial {sidecar.trial_id}: {error}; the sidecar is set aside{kept}"
    return f"trial {sidecar.trial_id}: recorded again from its sidecar"


def _write_sidecar(results: Path, ledger: Ledger, trial_id: str) -> None:
    sidecar = ledger.sidecar(trial_id)
    if sidecar:
        write_sidecar(results, sidecar)


def _rebuild(results: Path) -> Iterator[str]:
    """A new ledger in the place of the lost one: the copy, and what sidecars add to it."""
    copy = read_copy(results)
    if copy is None:
        _refuse_other_version(results / LEDGER_NAME)
    for name in (LEDGER_NAME, f"{LEDGER_NAME}-wal", f"{LEDGER_NAME}-shm"):
        kept = _set_aside(results / name)
        if kept:
            yield f"{results / name}: set aside{kept}"
    if copy is not None:
        atomic_write(results / LEDGER_NAME, copy)
        yield f"{results / LEDGER_NAME}: the copy {COPY_NAME} put in its place"
    with Ledger.open(results, write=True) as ledger:
        taken, damaged = _take_sidecars(results, ledger)
    yield f"{results / LEDGER_NAME}: {taken} finished trials recorded again from their sidecars"
    yield from (f"{reason}; it proves nothing" for reason in damaged)
    if copy is None:
        yield "there was no copy: the plan is recorded again by the next run"


def _take_sidecars(results: Path, ledger: Ledger) -> tuple[int, list[str]]:
    """Restores the trials that the ledger does not know to be finished; how many, and damage."""
    finished = ledger.finished()
    there = sidecar_paths(results)
    taken, damaged = 0, []
    for trial_id in there:
        path = lost_end(ledger, trial_id, there) if trial_id not in finished else None
        if path is None:
            continue
        try:
            restore(ledger, read_sidecar(path))
            taken += 1
        except StorageError as error:
            damaged.append(str(error))
    return taken, damaged


def _refuse_other_version(path: Path) -> None:
    """A whole database of another version is not damaged, and is left alone.

    Raises:
        StorageError: It is one.
    """
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            whole = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        finally:
            connection.close()
    except sqlite3.Error:
        return
    if whole and version not in (0, *READABLE):
        raise StorageError(f"{path} {other_version(version)}, and leaves the file as it is")


def _set_aside_inside(results: Path, relative: str) -> str:
    """As `_set_aside`, for a path that the folder's own records name."""
    try:
        return _set_aside(inside(results, relative))
    except StorageError:
        return ""


def _set_aside(path: Path) -> str:
    """Renames a file that is there; under what name."""
    if not path.exists():
        return ""
    aside, number = path.with_name(path.name + DAMAGED), 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}{DAMAGED}-{number}")
    try:
        os.rename(path, aside)  # noqa: PTH104 - Path.rename says the same
        sync_folder(path.parent)
    except OSError as error:
        raise StorageError(f"cannot rename {path}: {error.strerror}") from error
    return f" as {aside.name}"
