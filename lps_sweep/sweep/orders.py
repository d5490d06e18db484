"""What the driver tells packs while they train or wait: a small file of the store.

The driver replaces it after what it says was committed. A pack reads it when it begins, and when
a report of its own was taken, which is when the ends that follow from it are decided. A file and
no actor of Ray's, since it serves packs in one process and on a cluster alike, and every worker
must see the store anyway. A pack that misses an order trains on in vain: its rows are
refused, since the attempt is over. The file lies there, empty, before packs start, so that no
network file system remembers that there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lps_sweep.failpoints import failpoint
from lps_sweep.sweep.store import MARK_NAME, Store

ORDERS_NAME = "driver.lock.orders"
"""Lies beside the driver's lock while packs are trained."""

BEGIN_NOTHING = "begin nothing"
"""The line for packs that have not begun; the others name a trial and its attempt."""


class Orders:
    """The driver's side.

    Args:
        store: The store of the results folder.

    Raises:
        StorageError: The file cannot be written; so do the methods.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._attempts: dict[str, int] = {}
        self._begin_nothing = False
        self._write()

    def stop(self, attempts: Mapping[str, int]) -> None:
        """Tells packs that these attempts of their members, by trial id, are over."""
        failpoint("stop.tell")
        self._attempts |= attempts
        self._write()
        failpoint("stop.told")

    def begin_nothing(self) -> None:
        """Tells packs that have not begun not to begin."""
        self._begin_nothing = True
        self._write()

    def forget(self, trial_ids: Iterable[str]) -> None:
        """No pack has these trials any more; the file grows shorter when it is next written."""
        for trial_id in trial_ids:
            self._attempts.pop(trial_id, None)

    def _write(self) -> None:
        lines = [_line(trial_id, attempt) for trial_id, attempt in self._attempts.items()]
        lines += [BEGIN_NOTHING] if self._begin_nothing else []
        self._store.write(ORDERS_NAME, "\n".join(lines).encode())


def stopped_members(store: Store, attempts: Mapping[str, int]) -> set[str]:
    """Those of the trials with these `attempts` that are to end.

    Raises:
        StorageError: There is a file, and it cannot be read.
    """
    over = _orders(store)
    return {trial for trial, attempt in attempts.items() if _line(trial, attempt) in over}


def packs_forbidden(store: Store) -> bool:
    """Whether a pack of this store is not to begin.

    Raises:
        StorageError: There is a file, and it cannot be read.
    """
    return BEGIN_NOTHING in _orders(store)


def remove_orders(store: Store) -> None:
    """Removes the files of a run that is over.

    Raises:
        StorageError: One cannot be removed.
    """
    for name in (ORDERS_NAME, MARK_NAME):
        store.remove(name)


def _orders(store: Store) -> set[str]:
    return set((store.read(ORDERS_NAME) or b"").decode().splitlines())


def _line(trial_id: str, attempt: int) -> str:
    return f"{trial_id} {attempt}"
