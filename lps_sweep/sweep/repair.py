"""Repair of a results folder: what can be proven is kept, what cannot is run again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lps_sweep.errors import StorageError
from lps_sweep.results import LEDGER_NAME, Ledger, driver_lock, read_sidecar, sidecar_paths
from lps_sweep.results.sidecars import restore
from lps_sweep.sweep.backup import lost_end, remove_parts, set_aside
from lps_sweep.sweep.check import ledger_damage, problems


def repair(results: Path) -> Iterator[str]:
    """Repairs what `examine` finds, under the driver's lock; says what was done, as it is done.

    May be interrupted anywhere and begun again.

    Raises:
        BadInputError: Nothing was ever run there.
        FolderOwnedError: A driver is at work.
        StorageError: Something cannot be written, or the ledger is whole but of another version.
    """
    with driver_lock(results):
        remove_parts(results)
        if ledger_damage(results):
            yield from _rebuild(results)
        found = list(problems(results))
        while found:
            with Ledger.open(results, write=True) as ledger:
                for problem in found:
                    yield problem.repair(ledger)
            before, found = found, list(problems(results))
            if found == before:
                raise StorageError(f"this cannot be repaired: {found[0].text}")


def _rebuild(results: Path) -> Iterator[str]:
    """A new ledger in the place of the lost one, with what sidecars prove."""
    path = results / LEDGER_NAME
    for name in (LEDGER_NAME, f"{LEDGER_NAME}-wal", f"{LEDGER_NAME}-shm"):
        if kept := set_aside(results / name):
            yield f"{results / name}: set aside{kept}"
    taken, damaged = 0, []
    there = sidecar_paths(results)
    with Ledger.open(results, write=True) as ledger:
        for trial_id in there:
            try:
                if sidecar := lost_end(ledger, trial_id, there):
                    restore(ledger, read_sidecar(sidecar))
                    taken += 1
            except StorageError as error:
                damaged.append(str(error))
    yield f"{path}: {taken} finished trials recorded again from their sidecars"
    yield from (f"{reason}; it proves nothing" for reason in damaged)
    yield "what was planned besides is recorded again by the next run of its sweep"
